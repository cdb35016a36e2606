// Between a WebSocket's open and the client's: what the caller's handshake sends and receives.
import { UNITS } from "../iterator.js";
import { EverwireError, quiet } from "../errors.js";
import { Batch, type Value, sizeOf } from "../port/message.ts";
import type { Port } from "../port/port.ts";
import type { Receiver } from "./link.ts";
import type { WebSocketLink } from "./websocket.ts";

const LIMIT = 1024;

/** A promise that rejects when the signal aborts. */
export const aborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));

/** The socket is its own until the handshake is over. What that does not receive is the app's, after `open`. */
export class Gate implements Receiver {
  #port: Port;
  #link: WebSocketLink;
  /** Came, and nobody has taken it. */
  #held: [Value, number][] = [];
  /** Messages of a frame that has been read, of which not all were received. */
  #ready: { data: Value }[] = [];
  #size = 0;
  #passed = false;
  #waiting: ((data: Value) => void)[] = [];
  #abort = new AbortController();

  constructor(port: Port, link: WebSocketLink) {
    this.#port = port;
    this.#link = link;
  }

  async opened() {
    const port = this.#port,
      link = this.#link;
    port.running = "handshake";
    try {
      await this.#run();
    } catch (error) {
      return port.failed(link, error);
    }
    // It stays between the two: what the handshake kept learns of the end.
    this.#passed = true;
    port.opened(link);
    if (this.#ready.length && !link.closed)
      port.give(new Batch(this.#ready.map(({ data }) => data)), "", undefined, undefined, 0);
    for (let one: [Value, number] | undefined; !link.closed && (one = this.#held.shift()); ) port.message(...one);
  }

  message(data: Value, at: number) {
    if (this.#passed) return this.#port.message(data, at);
    const next = this.#waiting.shift();
    if (next) next(data);
    else if (this.#held.push([data, at]) > LIMIT || (this.#size += sizeOf(data)) > UNITS)
      this.#abort.abort(new EverwireError("provider", "too much came before the handshake ended"));
  }

  released() {
    this.#abort.abort();
  }

  /** `send` takes what the client's own takes. Rejects when the connection is given up, too. */
  async #run() {
    const port = this.#port,
      { socket, to } = this.#link,
      { signal } = this.#abort,
      { handshake, decode, encode } = port;
    const given = aborted(signal);
    const next = async () => {
      while (!this.#ready.length) {
        const held = this.#held.shift();
        if (held) this.#size -= sizeOf(held[0]);
        const data = held ? held[0] : await new Promise((resolve) => this.#waiting.push(resolve)),
          read = await decode(data, "websocket");
        this.#ready = (read instanceof Batch ? read.messages : [read]).map((one) => port.read(one));
      }
      return this.#ready.shift();
    };
    let before: unknown;
    // One after the other, in the order of the calls.
    const receive = () => quiet(Promise.race([(before = Promise.allSettled([before]).then(next)), given]));
    try {
      await Promise.race([
        handshake?.({
          send: (message: Value) => socket.send(encode(message)),
          url: to.url,
          protocol: socket.protocol,
          reason: port.reason,
          ...port.place(),
          receive,
          signal,
        }),
        given,
      ]);
    } finally {
      // Nobody may be left who asks.
      given.catch(() => {});
    }
  }
}

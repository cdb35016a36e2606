// Between a WebSocket's open and the client's: what the caller's handshake sends and receives.
import { sizeOf } from "./port/message.ts";
import { EverwireError, quiet } from "./errors.js";
import { UNITS } from "./iterator.js";

const LIMIT = 1024;

/** A promise that rejects when the signal aborts. */
export const aborted = (signal) =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));

/** One connection's. What the handshake does not receive is the app's, after `open`. */
export class Gate {
  /** Came, and nobody has taken it. */
  held = [];
  /** Messages of a frame that has been read, of which not all were received. */
  ready = [];
  #size = 0;
  #waiting = [];
  #passed = false;
  #abort = new AbortController();

  /** Takes a socket's event as long as the handshake is under way. */
  takes(event) {
    if (this.#passed) return false;
    if (this.#waiting.length) this.#waiting.shift()(event);
    else if (this.held.push(event) > LIMIT || (this.#size += sizeOf(event.data)) > UNITS) {
      this.#abort.abort(new EverwireError("provider", "too much came before the handshake ended"));
    }
    return true;
  }

  /** `read` makes messages of an event; `send` takes what the client's own takes. Rejects when the connection is given up, too. */
  async run(handshake, { read, ...context }) {
    const { signal } = this.#abort;
    const given = aborted(signal);
    const next = async () => {
      while (!this.ready.length) {
        const [event] = this.held.splice(0, 1);
        if (event) this.#size -= sizeOf(event.data);
        this.ready = await read(await (event ?? new Promise((resolve) => this.#waiting.push(resolve))));
      }
      return this.ready.shift();
    };
    let before;
    // One after the other, in the order of the calls.
    const receive = () => quiet(Promise.race([(before = Promise.allSettled([before]).then(next)), given]));
    try {
      await Promise.race([handshake({ ...context, receive, signal }), given]);
    } finally {
      this.#passed = true;
      // Nobody may be left who asks.
      given.catch(() => {});
    }
  }

  /** As one of the connection's listeners: taken off when it is let go of. */
  removeEventListener() {
    this.#abort.abort();
  }
}

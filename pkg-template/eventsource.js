// The standard's own class (HTML, server-sent events) over everwire's fetch-streamed SSE.
import { Client } from "./client.js";
import { resolve, standardize } from "./interface.js";
import { PLAINLY, readOptions } from "./options.js";
import { instance } from "./wasm.js";

const CONNECTING = 0,
  OPEN = 1,
  CLOSED = 2;

export class EventSource extends EventTarget {
  #client;
  #url;
  #withCredentials;
  #closed = false;

  constructor(url, init) {
    // biome-ignore lint/complexity/noArguments: WebIDL counts the arguments; `undefined` is one.
    if (!arguments.length) throw new TypeError("everwire: EventSource needs a URL");
    super();
    const { withCredentials, method, headers, body, fetch, heartbeat, reconnect, maxEventBytes } = init ?? {};
    this.#withCredentials = !!withCredentials;
    const target = resolve(url, "EventSource");
    this.#url = target.href;
    // The standard says so only when it connects.
    if (!/^https?:$/.test(target.protocol)) {
      setTimeout(() => this.#closed || this.dispatchEvent(new Event("error")));
      return;
    }
    const options = {
      transport: "fetch",
      codec: "text",
      withCredentials: this.#withCredentials,
      heartbeat,
      reconnect,
      maxEventBytes,
      resume: { via: "header" },
      http: { method, headers, body, fetch },
      // By the standard each answer but a good one is the end; who sets `reconnect` gets everwire's table alone.
      shouldReconnect: reconnect === undefined ? ({ status }) => (status ? false : undefined) : undefined,
      [PLAINLY]: true,
    };
    const client = (this.#client = new Client([target], readOptions(options, [target]), instance()));
    const failed = () => this.dispatchEvent(new Event("error"));
    client.addEventListener("open", () => this.dispatchEvent(new Event("open")));
    client.addEventListener("retry", failed);
    client.addEventListener("close", (/** @type {any} */ { reason }) => reason !== "app" && failed());
    client.on(({ type, data, origin, lastEventId }) =>
      this.dispatchEvent(new MessageEvent(type, { data, origin, lastEventId })),
    );
  }

  get url() {
    return this.#url;
  }

  get withCredentials() {
    return this.#withCredentials;
  }

  get readyState() {
    return this.#client?.readyState ?? CLOSED;
  }

  close() {
    this.#closed = true;
    this.#client?.close();
  }
}

standardize(EventSource, "EventSource", ["open", "message", "error"], { CONNECTING, OPEN, CLOSED });

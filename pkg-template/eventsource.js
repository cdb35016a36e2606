// The standard's own class (HTML, server-sent events) over everwire's fetch-streamed SSE.
import { Client } from "./client.js";
import { PLAINLY, readOptions } from "./options.js";
import { instance } from "./wasm.js";

const CONNECTING = 0, OPEN = 1, CLOSED = 2;

export class EventSource extends EventTarget {
  #client;
  #url;
  #withCredentials;
  #handlers = new Map();
  #closed = false;

  constructor(url, init) {
    if (!arguments.length) throw new TypeError("everwire: EventSource needs a URL");
    super();
    const { withCredentials, method, headers, body, fetch, heartbeat, reconnect, maxEventBytes } = init ?? {};
    this.#withCredentials = !!withCredentials;
    let target;
    try {
      target = new URL(`${url}`, globalThis.document?.baseURI ?? globalThis.location?.href);
      // Chromium escapes what cannot be in a host, where the URL standard fails.
      if (/^https?:$/.test(target.protocol) && target.hostname.includes("%")) throw target;
    } catch {
      throw new DOMException("everwire: the EventSource's URL cannot be resolved", "SyntaxError");
    }
    this.#url = target.href;
    // The standard says so only when it connects.
    if (!/^https?:$/.test(target.protocol)) return void setTimeout(() => this.#closed || this.dispatchEvent(new Event("error")));
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
    const client = this.#client = new Client([target], readOptions(options, [target]), instance());
    const failed = () => this.dispatchEvent(new Event("error"));
    client.addEventListener("open", () => this.dispatchEvent(new Event("open")));
    client.addEventListener("retry", failed);
    client.addEventListener("close", ({ reason }) => reason !== "app" && failed());
    client.on(({ type, data, origin, lastEventId }) => this.dispatchEvent(new MessageEvent(type, { data, origin, lastEventId })));
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

  get onopen() {
    return this.#handler("open");
  }

  set onopen(handler) {
    this.#handle("open", handler);
  }

  get onmessage() {
    return this.#handler("message");
  }

  set onmessage(handler) {
    this.#handle("message", handler);
  }

  get onerror() {
    return this.#handler("error");
  }

  set onerror(handler) {
    this.#handle("error", handler);
  }

  close() {
    this.#closed = true;
    this.#client?.close();
  }

  #handler(name) {
    return this.#handlers.get(name) ?? null;
  }

  /** It keeps the place among the listeners at which it was first set (HTML, event handlers). */
  #handle(name, handler) {
    if (!this.#handlers.has(name)) {
      this.addEventListener(name, (event) => {
        const handler = this.#handlers.get(name);
        if (typeof handler === "function") handler.call(this, event);
      });
    }
    this.#handlers.set(name, typeof handler === "function" || (typeof handler === "object" && handler) ? handler : null);
  }
}

// As WebIDL makes them: seen in for…in, and the constants on both the class and its objects.
for (const name of Object.getOwnPropertyNames(EventSource.prototype)) {
  if (name !== "constructor") Object.defineProperty(EventSource.prototype, name, { enumerable: true });
}
for (const target of [EventSource, EventSource.prototype]) {
  for (const [name, value] of Object.entries({ CONNECTING, OPEN, CLOSED })) Object.defineProperty(target, name, { value, enumerable: true });
}
Object.defineProperty(EventSource.prototype, Symbol.toStringTag, { value: "EventSource", configurable: true });

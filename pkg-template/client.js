import { Port } from "../src/transport/port.js";
import { byteLength, encode, snapshot } from "./encode.js";
import { EverwireError, Failure, invalid } from "./errors.js";
import { ClosedEvent, GapEvent, RetryEvent } from "./events.js";
import { Handlers } from "./handlers.js";
import { Messages } from "./iterator.js";
import { TRANSPORTS, areProtocols, pick } from "./options.js";

// The numbers of src/bindings/mod.rs.
const STATES = ["connecting", "open", "waiting", "suspended", "closed"];
const OPEN = 1, WAITING = 2, CLOSED = 4;
const REASONS = ["app", "aborted", "ended", "fatal", "exhausted", "internal"];
const CLASSES = ["retriable", "fatal", "reauth", "ended"];
const CONTEXT_REASONS = ["initial", "reconnect", "unauthorized"];
const OUTCOMES = ["recovered", "gap", "unknown"];
const DROPS = [undefined, "overflow", "too-big", "closed", "no-uplink", "refused"];
const RETRY_IN = 0, RETRIES = 1, QUEUED = 2, QUEUED_BYTES = 3;
const APP = 0, ABORTED = 1, ENDED = 2, INTERNAL = 5;

export class Client extends EventTarget {
  #instance;
  #wire;
  #settings;
  #endpoint;
  /** `[address, transport]` of a fixed endpoint: read once, so that it cannot change its mind. */
  #fixed;
  #port = new Port();
  #handlers = new Handlers();
  #iterators = new Set();
  /** What `opened()` gave. */
  #opening;
  #sends = new Map();
  #sendId = 0;
  #state = 0;
  #lastFailure = null;
  #providerError;
  /** Being dispatched now. */
  #events = [];
  /** Aborts what the endpoint function was given. */
  #asking;
  #outcome = null;
  #counts = { attempts: 0, opens: 0, sent: 0, dropped: 0, gaps: 0 };
  #onAbort = () => this.#close(true, 0, "");
  #stop = (error) => this.#closed(INTERNAL, 0, error);

  constructor(endpoint, settings, instance) {
    super();
    this.#endpoint = endpoint;
    this.#settings = settings;
    this.#instance = instance;
    const port = this.#port;
    port.decode = settings.codec.decode ? (data) => settings.codec.decode(data) : port.decode;
    if (typeof settings.id === "string") port.idAt(settings.id);
    else port.id = settings.id;
    port.gap = settings.gap;
    port.binaryType = settings.binaryType;
    port.withCredentials = settings.withCredentials;
    port.selfReconnect = settings.cursorName === undefined;
    port.cursor = settings.from;
    if (settings.heartbeat) port.heartbeat(settings.heartbeat.ping, settings.heartbeat.isPong);
    for (const name of settings.events) port.name(name);
    port.sink = (message) => {
      this.#handlers.dispatch(message);
      if (this.#iterators.size) for (const messages of this.#iterators) messages.push(message);
    };
    port.call = (kind, attempt, code, text) => this.#wasm(() => this.#wire.call(kind, attempt, code, text)) ?? 0;
    try {
      this.#wire = new instance.Wire(settings.numbers, settings.flags, settings.cursorName, settings.from, port, this.#host());
    } catch (problem) {
      throw typeof problem === "string" ? invalid(problem) : problem;
    }
    instance.clients.add(this.#stop);
    try {
      if (typeof endpoint !== "function") this.#check(endpoint);
      else if (!globalThis.WebSocket && !globalThis.EventSource) throw unsupported("WebSocket and no EventSource");
    } catch (error) {
      this.#free();
      throw error;
    }
    settings.signal?.addEventListener("abort", this.#onAbort);
    if (settings.signal?.aborted) this.#onAbort();
    // Not before the caller has its handlers on; and a close() in the same task opens nothing.
    else queueMicrotask(() => this.#state === CLOSED || this.#wasm(() => this.#wire.start()));
  }

  get state() {
    return STATES[this.#state];
  }

  get readyState() {
    if (this.#state === CLOSED) return this.#port.transport === "eventsource" ? 2 : 3;
    return this.#state === OPEN ? 1 : 0;
  }

  get transport() {
    return this.#port.transport || null;
  }

  get url() {
    return this.#port.url;
  }

  get protocol() {
    return this.#port.socket?.protocol ?? "";
  }

  get lastEventId() {
    return this.#port.cursor;
  }

  get lastFailure() {
    return this.#lastFailure;
  }

  get retryAt() {
    return this.#state === WAITING ? Date.now() + this.#read(RETRY_IN) : null;
  }

  get attempt() {
    return this.#read(RETRIES);
  }

  get bufferedAmount() {
    return this.#read(QUEUED_BYTES) + (this.#port.socket?.bufferedAmount ?? 0);
  }

  on(type, handler, options) {
    if (typeof type === "function") return this.on(undefined, type, handler);
    if (type !== undefined && typeof type !== "string") throw invalid("on: the first argument must be a message type or a handler");
    if (typeof handler !== "function") throw invalid("on: the handler must be a function");
    if (this.#state === CLOSED) return () => {};
    if (type !== undefined) this.#port.name(type);
    return this.#handlers.add(type, handler, options);
  }

  send(message) {
    return new Promise((resolve) => {
      const payload = encode(message, this.#settings);
      if (this.#state === CLOSED) return resolve({ status: "dropped", code: "closed" });
      // An open socket takes it at once: nobody asks for its length, and nobody can change it.
      const queued = this.#state !== OPEN || this.#port.socket?.readyState !== 1;
      const bytes = queued ? byteLength(payload) : 0;
      const id = this.#sendId;
      this.#sendId = (id + 1) >>> 0;
      this.#sends.set(id, resolve);
      this.#wasm(() => this.#wire.send(id, queued ? snapshot(payload) : payload, bytes));
    });
  }

  reconnect() {
    if (this.#state !== CLOSED) this.#wasm(() => this.#wire.reconnect());
  }

  stats() {
    const { received, delivered, suppressed, roundTrip } = this.#port;
    const queued = this.#read(QUEUED), queuedBytes = this.#read(QUEUED_BYTES);
    return { ...this.#counts, received, delivered, suppressed, outcome: this.#outcome, roundTrip, queued, queuedBytes };
  }

  opened() {
    if (this.#state === OPEN) return Promise.resolve();
    if (this.#state === CLOSED) return Promise.reject(closedError(this.#lastFailure));
    if (!this.#opening) {
      const opening = this.#opening = {};
      opening.promise = new Promise((resolve, reject) => Object.assign(opening, { resolve, reject }));
    }
    return this.#opening.promise;
  }

  close(code, reason = "") {
    if (code !== undefined && code !== 1000 && !(Number.isInteger(code) && code >= 3000 && code <= 4999)) {
      throw invalid(`close: the code must be 1000 or 3000 to 4999, not ${String(code)}`);
    }
    if (typeof reason !== "string" || byteLength(reason) > 123) {
      throw invalid("close: the reason must be a string of at most 123 bytes");
    }
    this.#close(false, code ?? (reason && 1000), reason);
  }

  [Symbol.dispose ?? Symbol.for("Symbol.dispose")]() {
    this.close();
  }

  [Symbol.asyncIterator]() {
    const messages = new Messages((done) => this.#iterators.delete(done));
    if (this.#state === CLOSED) messages.end();
    else this.#iterators.add(messages);
    return messages;
  }

  #dispatch(event) {
    this.#events.push(event);
    this.dispatchEvent(event);
    this.#events.pop();
  }

  #close(aborted, code, reason) {
    if (this.#state !== CLOSED) this.#wasm(() => this.#wire.close(aborted, code || 0, reason));
  }

  /** After a trap the client is closed already: the error has been told. */
  #wasm(enter) {
    if (this.#instance.dead || !this.#wire) return undefined;
    try {
      return enter();
    } catch (error) {
      if (!this.#instance.dead) throw error;
      return undefined;
    }
  }

  #read(what) {
    return this.#wasm(() => this.#wire.read(what)) ?? 0;
  }

  /** Throws when a fixed address cannot work, or the runtime lacks what it takes. */
  #check(target) {
    const [address, kind] = this.#fixed = pick(target, this.#settings.transport);
    if (address === undefined) {
      throw new EverwireError("invalid-url", "the endpoint must be a string, a URL, { websocket } or { sse } for the transport, or a function that gives one");
    }
    let found;
    try {
      found = this.#wire.check(address, kind);
    } catch (problem) {
      if (typeof problem !== "string") throw problem;
      // Without the query and the password: no token in any error.
      throw new EverwireError("invalid-url", `the endpoint "${address.split(/[?#]/)[0].replace(/\/\/[^/]*@/, "//")}" ${problem}`);
    }
    const name = found === TRANSPORTS.websocket ? "WebSocket" : "EventSource";
    if (name === "WebSocket" && this.#port.selfReconnect) throw invalid('resume.via "header" is for EventSource: a WebSocket cannot send a header. Leave it out');
    this.#port.transport = name.toLowerCase();
    if (typeof globalThis[name] !== "function") throw unsupported(name);
  }

  async #ask(attempt, context) {
    const call = (value) => (typeof value === "function" ? value(context) : value);
    let address, kind, protocols;
    try {
      const [target, offered] = await Promise.all([call(this.#endpoint), call(this.#settings.protocols)]);
      [address, kind] = this.#fixed ?? pick(target, this.#settings.transport);
      protocols = offered;
      if (protocols !== undefined && !areProtocols(protocols)) throw invalid("the protocols function must give a token or an array of different tokens");
      if (address === undefined) throw new EverwireError("invalid-url", "the endpoint function must give a string, a URL, { websocket } or { sse }");
    } catch (error) {
      address = undefined;
      if (!context.signal.aborted) this.#providerError = error;
    }
    if (!context.signal.aborted) this.#wasm(() => this.#wire.resolved(attempt, address, kind ?? 0, protocols));
  }

  /** What the wasm calls; the methods of `JsHost` in src/bindings/mod.rs. None may throw. */
  #host() {
    return {
      resolve: (attempt, retry, reason) => {
        this.#asking?.abort();
        // Its listeners may have closed the client.
        if (this.#state === CLOSED) return;
        this.#counts.attempts++;
        const { protocols } = this.#settings;
        if (this.#fixed && typeof protocols !== "function") {
          return this.#wire.resolved(attempt, ...this.#fixed, protocols);
        }
        this.#asking = new AbortController();
        this.#providerError = undefined;
        const { signal } = this.#asking;
        this.#ask(attempt, { reason: CONTEXT_REASONS[reason], attempt: retry, lastEventId: this.#port.cursor, signal });
      },
      ask: (failure) => {
        try {
          const verdict = this.#settings.shouldReconnect(failure);
          return typeof verdict === "boolean" ? verdict : undefined;
        } catch (error) {
          queueMicrotask(() => { throw error; });
          return undefined;
        }
      },
      failure: (code, sentence, kind, closeCode) =>
        new Failure(code, sentence, CLASSES[kind], closeCode, closeCode ? this.#port.closeReason : "", { provider: this.#providerError, blocked: this.#port.refusal }[code]),
      settle: (id, code) => {
        const resolve = this.#sends.get(id);
        this.#sends.delete(id);
        this.#counts[code ? "dropped" : "sent"]++;
        resolve?.(code ? { status: "dropped", code: DROPS[code] } : { status: "sent" });
      },
      state: (state, failure) => {
        // closed() tells that one itself, when all is settled.
        if (failure) this.#lastFailure = failure;
        if (state === CLOSED) return;
        this.#state = state;
        if (state > OPEN) this.#asking?.abort();
        if (state) this.#asking = undefined;
        if (this.#state === CLOSED) return;
        this.#dispatch(new Event("statechange"));
      },
      opened: () => {
        this.#counts.opens++;
        this.#opening?.resolve();
        this.#opening = undefined;
        this.#dispatch(new Event("open"));
      },
      retry: (attempt, delay) => {
        this.#dispatch(new RetryEvent(attempt, delay, Date.now() + delay, this.#lastFailure));
      },
      outcome: (outcome) => {
        this.#outcome = OUTCOMES[outcome];
        if (!outcome) return;
        this.#counts.gaps++;
        this.#dispatch(new GapEvent(this.#outcome, this.#port.cursor, this.#port.pending));
      },
      closed: (why, code, failed) => this.#closed(why, code, failed ? this.#lastFailure : null),
    };
  }

  #closed(why, code, error) {
    if (this.#state === CLOSED) return;
    const wasOpen = this.#state === OPEN;
    this.#state = CLOSED;
    this.#settings.signal?.removeEventListener("abort", this.#onAbort);
    this.#asking?.abort();
    // The wasm has done so, unless it trapped.
    this.#port.dispose(0, "");
    this.#handlers.clear();
    for (const resolve of this.#sends.values()) resolve({ status: "dropped", code: "closed" });
    this.#sends.clear();
    this.#opening?.reject(closedError(error));
    // After close() there is no event, for the other listeners of one that is under way neither.
    for (const event of this.#events) event.stopImmediatePropagation();
    const quiet = why === APP || why === ABORTED;
    for (const messages of [...this.#iterators]) {
      if (quiet) messages.discard();
      else messages.end(why === ENDED ? undefined : error);
    }
    this.#dispatch(new Event("statechange"));
    const clean = quiet ? wasOpen : error?.code === "closed";
    this.#dispatch(new ClosedEvent(REASONS[why], code, clean, error));
    this.#free();
  }

  /** Not at once: the wasm may be in the middle of a call of this very client. */
  #free() {
    this.#instance.clients.delete(this.#stop);
    const wire = this.#wire;
    queueMicrotask(() => {
      this.#wire = undefined;
      if (!this.#instance.dead) wire?.free();
    });
  }
}

function unsupported(name) {
  return new EverwireError("unsupported", `this runtime has no ${name}. On a server, connect in the browser only; in Node, put one on globalThis or use a newer version`);
}

function closedError(cause) {
  return new EverwireError("closed", "the client was closed before it opened", cause ?? undefined);
}

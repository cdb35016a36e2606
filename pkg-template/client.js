import { EverwireError, Failure, hint, invalid, quiet, threw } from "./errors.js";
import {
  AWAITS,
  TRANSPORTS,
  check,
  confine,
  headersFor,
  isAddress,
  pick,
  readForm,
  readSend,
  stays,
  wrongProtocols,
} from "./options.js";
import { report } from "./port/report.ts";
import { resolve } from "./port/address.ts";
import { Listeners } from "./handlers.js";
import { FAILURES, UNANSWERED, UNHEARD } from "./failures.js";
import { ClosedEvent, GapEvent, OpenEvent, RetryEvent } from "./events.js";
import { byteLength, encode, identify, snapshot } from "./encode.js";
import { Port } from "./port/port.ts";
import { decodeJson } from "./port/message.ts";
import { Progress, plain } from "./progress.js";
import { asRequest, fetchable, tellStop } from "./stop.js";

// In the order of the enums in src/core.
const STATES = ["connecting", "open", "waiting", "suspended", "closed"];
const REASONS = ["app", "aborted", "unloaded", "ended", "fatal", "exhausted", "internal"];
const EVENTS = ["open", "statechange", "retry", "gap", "close"];
const CLASSES = ["retriable", "fatal", "reauth", "ended"];
const CONTEXT_REASONS = ["initial", "reconnect", "unauthorized"];
const OUTCOMES = ["recovered", "gap", "unknown"];
const DECISIONS = [undefined, false, true, "unauthorized"];
/** What becomes of a send; from the fourth on it was dropped. */
const RESULTS = [
  "sent",
  "acked",
  "unknown",
  "overflow",
  "too-big",
  "closed",
  "no-uplink",
  "refused",
  "expired",
  "aborted",
  "volatile",
];
// <calls.rs>
const SEND_ACK = 4,
  LOST = 2,
  STOPPING = 35,
  ABORT = 21,
  ASKING = 13,
  START = 24,
  PAGE = 5,
  LIFE_PAUSED = 9,
  LIFE_UNPAUSED = 10,
  DECISION_TABLE = 0,
  DECISION_AFTER = 4,
  RESOLVED = 25,
  SEND = 26,
  RECONNECT = 28,
  CLOSE = 29,
  RETRY_IN = 30,
  LOST_NOT_RESUMABLE = 5,
  LOST_BLOCKED = 6,
  STATE_OPEN = 1,
  STATE_WAITING = 2,
  STATE_CLOSED = 4,
  SENT_UNKNOWN = 2,
  SENT_DROPPED = 3,
  SENT_DROPPED_CLOSED = 5,
  SENT_DROPPED_ABORTED = 9,
  WHY_APP = 0,
  WHY_ABORTED = 1,
  WHY_UNLOADED = 2,
  WHY_ENDED = 3,
  WHY_FATAL = 4,
  WHY_EXHAUSTED = 5,
  WHY_INTERNAL = 6,
  ROUTE_CREDENTIALS = 24,
  ROUTE_TRANSPORT = 3,
  TAKEN_SENT = 1;
// </calls.rs>
/** Why a send was dropped, as src/core/outbox.rs counts. */
export const DROPPED = RESULTS.slice(SENT_DROPPED);
/** Why there is none; see `Port.route`. */
const NO_ROUTES = [
  "is no URL, or relative outside of a page",
  "is for a WebSocket: use http: or https:",
  "must have the scheme ws:, wss:, http: or https:",
  "must have no user name or password",
];
const CONSTRUCTORS = ["", "WebSocket", "EventSource", "fetch"];
/** By transport, the options that not every one has. */
const ONLY = [
  /^$/,
  /^(protocols|binaryType|handshake|resume.frame|heartbeat.(ping|isPong))$/,
  /^(events|withCredentials)$/,
  /^(http\..+|maxEventBytes|withCredentials|resume.(outcome|request))$/,
];
/** Those without which the server is not told what it has to know. */
const NEEDED = /^(handshake|resume.frame)$/;
const over = (option) => CONSTRUCTORS.filter((_, kind) => ONLY[kind].test(option));

export class Client extends EventTarget {
  #wire;
  #settings;
  #endpoints;
  /** `[address, transport]` of each fixed endpoint: read once, so that it cannot change its mind. */
  #fixed = [];
  #port;
  #listeners;
  #progress;
  /** What `opened()` gave. */
  #opening;
  /** What `drained()` gave. */
  #draining;
  #sendId = 0;
  #state = 0;
  /** @type {Failure | null} */
  #lastFailure = null;
  /** Of the attempt under way: the caller's functions that have not answered, and what one did wrong. */
  #asked = new Set();
  #wrong;
  /** Events that `on` was called with, and no message of that type has come. */
  #expected = new Set();
  /** The events that somebody listens to, or did. */
  #listened = new Set();
  /** Being dispatched now. */
  #events = [];
  /** Retries since the last stable connection. */
  #attempt = 0;
  /** @type {string | null} */
  #outcome = null;
  /** What `cancel` gave. */
  #told;
  #unloaded;
  #counts = { attempts: 0, opens: 0, sent: 0, acked: 0, unknown: 0, dropped: 0, gaps: 0 };
  #onAbort = () => this.#close(WHY_ABORTED, 0, "");
  #stop = (error) => this.#closed(WHY_INTERNAL, 0, error);

  /** `links`: what the entry has to dial with, by transport; and the port that it needs. */
  constructor(endpoints, settings, instance, links, Kind = Port) {
    super();
    const { rendered } = settings;
    // A page's relative addresses, its storage and its WebSocket are not there: nothing is said of them before they are used.
    if (rendered) endpoints = endpoints.map((given) => (typeof given === "function" ? given : () => given));
    this.#endpoints = endpoints;
    // A fleet that starts at one node ends there, too.
    if (settings.shuffle)
      for (let left = endpoints.length; left > 1; left--) endpoints.push(...endpoints.splice(Math.random() * left, 1));
    this.#settings = settings;
    const port = (this.#port = new Kind({
      ...settings.port,
      links,
      decode: settings.codec.decode ?? decodeJson,
      encode: (message) => encode(message, settings),
      memory: instance.memory,
      call: (kind, attempt, code, high, low) => this.#wire?.call(kind, attempt, code, high, low) ?? 0,
    }));
    for (const name of settings.events) port.name(name);
    const { until } = settings;
    const listeners = (this.#listeners = new Listeners({
      paced: true,
      port,
      deliver: (message, place, waited) => {
        // A handler may commit its own message.
        if (place) this.#progress.coming(message, place);
        listeners.dispatch(message);
        if (place)
          this.#progress.delivered(message, place, (settle, waits) => listeners.push(message, place, settle, waits));
        else if (listeners.loops.size) listeners.push(message);
        if (until && !waited) this.#ended(message);
      },
      gap: (after, before) => this.#gap("gap", after, before),
    }));
    port.sink = (message) => {
      const place = this.#progress && port.stand();
      // Who waits for the end alone is told of it.
      if (!listeners.take(message, place) && until) this.#ended(message);
    };
    port.later = (tell) => listeners.later(tell);
    port.beside = (tell) => listeners.beside(tell);
    this.#wire = instance.add(settings.flags, port, this.#kinds(), this.#stop);
    try {
      this.#fixed = endpoints.map((endpoint, place) =>
        typeof endpoint === "function" ? undefined : this.#check(endpoint, place),
      );
      if (!endpoints.length) this.#check();
      // What a function gives may be one thing and another.
      if (!settings.loose && !endpoints.some((endpoint) => typeof endpoint === "function"))
        this.#fit(/./, ...this.#fixed.map(([, , kind]) => kind));
      if (!rendered) this.#confine();
      if (!this.#fixed[0] && !CONSTRUCTORS.some((name) => this.#has(name)))
        throw unsupported("WebSocket, EventSource or fetch");
      if (settings.storage && !rendered) {
        this.#progress = new Progress(settings, this.#fixed, port, this.#wire.call);
        this.#progress.waits = () => listeners.waiting > 0;
      }
      const place = this.#progress?.read() ?? (settings.from && [settings.from]);
      if (place) port.start(.../** @type {[any]} */ (place));
      listeners.lastEventId = port.cursor;
    } catch (error) {
      this.#port.dispose(0);
      this.#progress?.end(0);
      this.#free();
      throw error;
    }
    this.#show();
    if (settings.paused || rendered) this.pause();
    if (rendered) hint("nothing is opened outside of a page unless server is true");
    settings.signal?.addEventListener("abort", this.#onAbort);
    if (settings.signal?.aborted) this.#onAbort();
    // Not before the caller has its handlers on; and a close() in the same task opens nothing.
    else
      queueMicrotask(() => {
        if (this.#state !== STATE_CLOSED) this.#progress?.over ? this.#finish() : port.call(START);
      });
  }

  get state() {
    return STATES[this.#state];
  }

  get readyState() {
    if (this.#state === STATE_CLOSED) return (this.#port.to.transport || "websocket") === "websocket" ? 3 : 2;
    return this.#state === STATE_OPEN ? 1 : 0;
  }

  get transport() {
    return this.#port.to.transport || null;
  }

  get url() {
    return this.#port.to.url;
  }

  get protocol() {
    return this.#port.link?.socket?.protocol ?? "";
  }

  get lastEventId() {
    const { waiting, dropped, lastEventId } = this.#listeners;
    // What waits is not delivered yet, and what waited at the app's own close() never is.
    return waiting || dropped ? lastEventId : this.#port.cursor;
  }

  get lastFailure() {
    return this.#lastFailure;
  }

  get retryAt() {
    return this.#state === STATE_WAITING ? Date.now() + this.#port.call(RETRY_IN) : null;
  }

  get attempt() {
    return this.#attempt;
  }

  get bufferedAmount() {
    return this.#queued() + (this.#port.link?.socket?.bufferedAmount ?? 0);
  }

  addEventListener(type, listener, options) {
    super.addEventListener(type, listener, options);
    this.#listened.add(type);
    if (!EVENTS.includes(type)) deaf(`addEventListener("${type}")`);
  }

  /** What `console.log` shows of it, too. */
  toJSON() {
    const { state, transport, attempt, url } = this;
    const whole = url || (this.#fixed[0]?.[0] ?? "");
    return { state, transport, attempt, url: plain(whole) };
  }

  [Symbol.for("nodejs.util.inspect.custom")]() {
    return this.toJSON();
  }

  on(type, handler, options) {
    if (typeof type === "function") return this.on(undefined, type, handler);
    check("on: the type", type, "a string");
    check("on: the handler", handler ?? null, "a function");
    if (this.#state === STATE_CLOSED && !this.#listeners.waiting) return () => {};
    if (type !== undefined) this.#port.name(type);
    if (!EVENTS.includes(type)) return this.#listeners.on(type, handler, options);
    const known = () => this.#expected.delete(type);
    this.#expected.add(type);
    const heard = (message) => {
      known();
      handler(message);
    };
    const off = this.#listeners.on(type, heard, options);
    return () => {
      known();
      off();
    };
  }

  /** `done` hears of it at once: in a window that is gone no promise of its own goes on. */
  send(message, options, done) {
    return new Promise((resolve) => {
      const port = this.#port,
        number = this.#sendId;
      const { ttl, signal, flags } = readSend(options, this.#settings);
      let key;
      if (flags & SEND_ACK) [message, key] = identify(message, this.#settings.acks);
      const payload = encode(message, this.#settings);
      if (this.#state === STATE_CLOSED) return resolve(result(SENT_DROPPED_CLOSED));
      if (signal?.aborted) return resolve(result(SENT_DROPPED_ABORTED));
      if (port.awaiting.has(key)) throw new EverwireError("encode", "send: a message with this id still awaits an ack");
      // An open socket takes it at once: nobody asks for its length, and nobody can change it.
      const kept =
        key !== undefined || this.#state !== STATE_OPEN || port.takes() !== TAKEN_SENT || port.payloads.size > 0;
      const bytes = kept ? byteLength(payload) : 0;
      this.#sendId = (number + 1) >>> 0;
      const abort = () => port.call(ABORT, 0, number);
      signal?.addEventListener("abort", abort);
      if (key !== undefined) port.awaiting.set(key, number);
      const settle = (code) => {
        const settled = result(code);
        this.#counts[settled.status]++;
        signal?.removeEventListener("abort", abort);
        port.awaiting.delete(key);
        resolve(settled);
        done?.(settled);
      };
      port.payloads.set(number, [kept ? snapshot(payload) : payload, bytes, settle, flags]);
      port.call(SEND, flags, number, bytes, ttl);
    });
  }

  drained() {
    return this.#port.payloads.size ? (this.#draining ??= deferred()).promise : Promise.resolve();
  }

  #drained() {
    if (this.#port.payloads.size) return;
    this.#draining?.resolve();
    this.#draining = undefined;
  }

  commit(message) {
    if (!this.#progress?.commit(message))
      throw invalid('commit needs resume.commit "manual", and a message of this client');
  }

  pause() {
    this.#port.call(PAGE, 0, LIFE_PAUSED);
  }

  resume() {
    this.#port.call(PAGE, 0, LIFE_UNPAUSED);
  }

  reconnect() {
    if (this.#state === STATE_CLOSED) throw closedError(this.#lastFailure);
    this.#port.call(RECONNECT);
  }

  stats() {
    const { delivered, roundTrip, received, suppressed } = this.#port;
    return {
      ...this.#counts,
      received,
      delivered,
      suppressed,
      waiting: this.#listeners.waiting,
      outcome: this.#outcome,
      roundTrip,
      queued: this.#port.payloads.size,
      queuedBytes: this.#queued(),
    };
  }

  opened() {
    if (this.#state === STATE_OPEN) return Promise.resolve();
    return quiet(
      this.#state === STATE_CLOSED
        ? Promise.reject(closedError(this.#lastFailure))
        : (this.#opening ??= deferred()).promise,
    );
  }

  close(code, reason = "") {
    if (code !== undefined && code !== 1000 && !(Number.isInteger(code) && code >= 3000 && code <= 4999)) {
      throw invalid("close: the code must be 1000 or 3000 to 4999");
    }
    if (typeof reason !== "string" || byteLength(reason) > 123) {
      throw invalid("close: the reason must be a string of at most 123 bytes");
    }
    this.#close(WHY_APP, code ?? (reason && 1000), reason);
  }

  cancel(options = {}) {
    const { listen } = readForm("cancel", check("cancel", options, "an object"));
    // Only one that listens on has something to give up still.
    if (this.#told && !listen && this.#state !== STATE_CLOSED) this.#giveUp();
    return (this.#told ??= this.#cancel(listen));
  }

  #giveUp() {
    // Its end is told to the next page; what was given up is not.
    this.#progress?.forget();
    this.close();
  }

  async #cancel(listen) {
    const { cancel, headers } = this.#settings.http;
    // Nothing to stop before the first request is out.
    const due = cancel !== undefined && this.#port.to.url;
    if (listen) {
      if (!due || this.#state === STATE_CLOSED) {
        // It may be asked again. First that one has this promise.
        await undefined;
        this.#told = undefined;
        return false;
      }
      this.#port.call(STOPPING, 0, 1);
    } else {
      // For a listener that hears of the close and calls this.
      this.#told = Promise.resolve(false);
      this.#giveUp();
      if (!due) return false;
    }
    // A handler of what the page's end fires called this. Quoted: the port has an `event` of its own, with a shorter name.
    // biome-ignore lint/complexity/useLiteralKeys: as above.
    const leaving = /hide|unload|visib|freeze/.test(`${globalThis["event"]?.type}`);
    /** @type {any} */
    let failure = tellStop(this.#port, this.#settings, "reconnect", leaving);
    // What awaits in a window that is gone runs no further.
    if (this.#unloaded) return false;
    failure = await failure;
    // What cannot differ is not repeated.
    if (failure?.status === 401 && [cancel, headers].some((value) => typeof value === "function"))
      failure = await tellStop(this.#port, this.#settings, "unauthorized", leaving);
    if (failure) {
      this.#lastFailure = failure;
      if (listen) {
        this.#port.call(STOPPING);
        this.#told = undefined;
      }
    }
    return !failure;
  }

  [Symbol.dispose ?? Symbol.for("Symbol.dispose")]() {
    this.close();
  }

  [Symbol.asyncIterator]() {
    return this.#listeners.iterate(this.#state === STATE_CLOSED);
  }

  #gap(outcome, after, before, missing) {
    const event = new GapEvent("gap", { outcome, after, before, missing });
    this.#outcome = outcome;
    this.#counts.gaps++;
    this.#dispatch(event);
  }

  #show() {
    // A frozen object stays as it is.
    Reflect.set(this, SHOWN, JSON.stringify(this));
  }

  #dispatch(event) {
    const { type } = event;
    this.#show();
    if (this.#expected.has(type) && !this.#listened.has(type)) deaf(`on("${type}")`);
    this.#events.push(event);
    this.dispatchEvent(event);
    this.#events.pop();
  }

  #close(why, code, reason) {
    if (this.#state === STATE_CLOSED) return;
    this.#port.goodbye = reason;
    this.#port.call(CLOSE, why, code || 0);
  }

  /** Whether this message was the last one that the app waited for. */
  #ended(message) {
    if (this.#state === STATE_CLOSED) return;
    try {
      if (!this.#settings.until(message)) return;
    } catch (error) {
      return report(error);
    }
    this.#finish();
  }

  /** The last message has come. */
  #finish() {
    this.#told = Promise.resolve(false);
    this.#lastFailure = null;
    this.#close(WHY_ENDED, 0, "");
  }

  #has(name) {
    return typeof ((name === "fetch" && this.#settings.http.fetch) || globalThis[name]) === "function";
  }

  #queued() {
    let sum = 0;
    for (const [, bytes] of this.#port.payloads.values()) sum += bytes;
    return sum;
  }

  /** Throws when a fixed address cannot work, or the runtime lacks what it takes. */
  #check(target, place) {
    const picked = pick(target, this.#transport(place));
    const [address, kind] = picked;
    const route = this.#port.route(address, kind);
    const found = route & ROUTE_TRANSPORT;
    if (!found) {
      // Passwords and tokens stand in addresses.
      throw new EverwireError("invalid-url", `the endpoint ${NO_ROUTES[route >> 3]}`);
    }
    const name = CONSTRUCTORS[found];
    this.#fit(NEEDED, found);
    this.#port.to.transport ||= name.toLowerCase();
    if (!this.#has(name)) throw unsupported(name);
    return [...picked, found];
  }

  /** Throws when one of these options has no effect over these transports, or cannot work. */
  #fit(options, ...kinds) {
    const { given, ways, silent } = this.#settings;
    const idle = given.find(
      (path) => options.test(path) && over(path)[0] && !kinds.some((kind) => ONLY[kind].test(path)),
    );
    const wrong = idle
      ? `${idle} is for ${over(idle).join(" and ")} only`
      : kinds.includes(TRANSPORTS.websocket) &&
        (this.#settings.port.via === "header" ? 'resume.via "header" is for EventSource and fetch only' : silent);
    if (wrong && !ways.length) throw invalid(wrong);
  }

  /** Throws where a value of `http` would go to several of the fixed addresses' origins. */
  #confine() {
    const { http, beside, probed, offers } = this.#settings;
    if (isAddress(http.cancel) && !(this.#port.route(http.cancel, TRANSPORTS.fetch) & ROUTE_TRANSPORT))
      throw invalid("http.cancel must be an http: or https: address, without a password");
    for (const fixed of this.#fixed) {
      if (!fixed) continue;
      const url = resolve(fixed[0]);
      if (probed || fixed[2] === TRANSPORTS.fetch) {
        confine(this.#settings, url);
        confine(this.#settings, url, http.body);
      }
      if (fixed[2] === TRANSPORTS.websocket) confine(this.#settings, url, offers, "offered");
    }
    for (const address of beside) confine(this.#settings, address);
    if (isAddress(http.cancel)) confine(this.#settings, resolve(http.cancel));
  }

  #transport(place) {
    return this.#fixed[place]?.[1] ?? this.#settings.ways[place] ?? this.#settings.transport;
  }

  /** Where attempt number `attempt` goes, and with what: asked for, and prepared. `to`: the reason and the endpoint. */
  async #ask(attempt, retry, to) {
    const port = this.#port,
      { protocols, offers, request: again, http } = this.#settings;
    const place = (port.way = to >> 2);
    this.#counts.attempts++;
    this.#attempt = retry;
    this.#wrong = undefined;
    port.reason = CONTEXT_REASONS[to & 3];
    const { delivered, aside, id, seq, via, cursor, number, reason } = port;
    const name = id && !cursor ? "id" : seq && number === undefined && "seq";
    if ((delivered > aside || this.#listeners.waiting) && name)
      hint(`resume.${name} found nothing so far: nothing is resumed`);
    if (via === "url") port.call(ASKING);
    const { signal } = (port.asking = new AbortController());
    let context = { reason, attempt: retry, lastEventId: port.cursor, signal };
    const asked = (this.#asked = new Set());
    const ask = async (name, value) => {
      // A token is not asked for after a logout.
      if (typeof value !== "function" || signal.aborted) return value;
      asked.add(name);
      try {
        value = await value(context);
      } catch (cause) {
        wrong ??= { message: threw(name), cause };
        throw cause;
      }
      asked.delete(name);
      return value;
    };
    let route = 0,
      address,
      kind,
      prepared,
      once,
      wrong;
    try {
      // What has begun goes on with the caller's other request, or not at all.
      // Before that there may be something in the head of the answer.
      const begun = again && (port.begun || port.cursor),
        given =
          begun || (again && port.head.status)
            ? await ask("resume.request", () => again({ ...context, ...port.place(), ...port.head }))
            : undefined;
      const none = (given ?? null) === null;
      if (begun && none) {
        if (signal.aborted) return;
        // That of the connection before.
        port.refusal = undefined;
        return port.call(LOST, attempt, LOST_NOT_RESUMABLE);
      }
      const resumed = none ? undefined : asRequest(given);
      const moved = resumed?.url;
      const target = moved ?? this.#fixed[place]?.[0] ?? (await ask("the endpoint function", this.#endpoints[place]));
      [address, kind] = pick(target, moved === undefined ? this.#transport(place) : TRANSPORTS.fetch);
      // It may be made of the server's words. A URL object's string has none of what is refused.
      if (!this.#fixed[place]) stays(address);
      route = port.route(address, kind);
      this.#fit(NEEDED, route & ROUTE_TRANSPORT);
      // Where to: what is asked for from here on may be for this origin alone.
      const url = route & ROUTE_TRANSPORT ? resolve(address).href : "";
      context = { ...context, url };
      const fetched = (route & ROUTE_TRANSPORT) === TRANSPORTS.fetch;
      // The address may be the server's word.
      if (fetched && !resumed?.headers) confine(this.#settings, url);
      if (fetched && !resumed) confine(this.#settings, url, http.body);
      if ((route & ROUTE_TRANSPORT) === TRANSPORTS.websocket) confine(this.#settings, url, offers, "offered");
      const [offered, headers, body] = await Promise.all([
        fetched ? undefined : ask("protocols", protocols),
        fetched ? ask("http.headers", resumed?.headers ?? http.headers) : undefined,
        fetched ? (resumed ? resumed.body : ask("http.body", http.body)) : undefined,
      ]);
      const bad = offered === undefined ? "" : wrongProtocols(offered);
      if (bad) throw invalid(bad);
      fetchable(headers, body, 1);
      once = http.once && !resumed;
      prepared = {
        address,
        protocols: offered,
        placed: moved !== undefined,
        init: {
          ...http.init,
          ...(resumed && { method: resumed.method }),
          headers: resumed ? headersFor(body, headers) : new Headers(headers),
          body,
        },
      };
      if (!(route & ROUTE_TRANSPORT)) {
        // Not all of it: passwords and tokens stand in addresses.
        const { origin, protocol } = route ? resolve(address) : {};
        const what = route ? (origin === "null" ? protocol : origin) : "an address";
        wrong = { message: `the endpoint function gave ${what}, which ${NO_ROUTES[route >> 3]}`, cause: undefined };
      }
    } catch (error) {
      route = 0;
      wrong ??= { message: /** @type {Error} */ (error).message.replace(/^everwire: |; see \S+$/g, ""), cause: error };
    }
    if (signal.aborted) return;
    this.#wrong = wrong;
    if (route === ROUTE_CREDENTIALS) return port.call(LOST, attempt, LOST_BLOCKED);
    port.prepared = /** @type {any} */ (prepared);
    port.call(RESOLVED, attempt, route, once);
  }

  /** What the wasm calls, in the order of `Ask` in src/calls.rs. None may throw. */
  #kinds() {
    return [
      // Ask 0: Option
      (place) => Math.min(Math.round(this.#settings.numbers[place]), 1e10), // no more than the wasm can count
      // Ask 1: Resolve
      (attempt, retry, to) => void this.#ask(attempt, retry, to),
      // Ask 2: Retries
      () => {
        try {
          const decision = this.#settings.shouldReconnect(this.#lastFailure);
          const word = DECISIONS.indexOf(decision ?? undefined);
          if (word >= 0) return word;
          if (typeof decision === "number" && decision >= 0) return decision + DECISION_AFTER;
          throw invalid('shouldReconnect must return true, false, undefined, "unauthorized" or a number of ms from 0');
        } catch (error) {
          report(error);
          return DECISION_TABLE;
        }
      },
      // Ask 3: Fail
      (place, kind, number) => {
        const { ping, to, roundTrip, closeReason, answer, refusal, running } = this.#port;
        const [code, sentence] = FAILURES[place];
        this.#lastFailure = new Failure(code, {
          class: CLASSES[kind],
          cause: refusal,
          ...{
            http: answer,
            closed: { closeCode: number, closeReason },
            "half-open":
              to.transport === "eventsource"
                ? { message: UNHEARD }
                : ping && to.transport === "websocket" && roundTrip === null && { message: UNANSWERED },
            blocked: this.#wrong,
            "long-id": { message: `${sentence}: ${number} bytes` },
            provider:
              this.#wrong ??
              (this.#asked.size
                ? { message: `${[...this.#asked]} did not answer within openTimeout`, cause: undefined }
                : { message: threw(running) }),
          }[/^(content-type|cursor)$/.test(code) ? "http" : code],
        });
      },
      // Ask 4: Settle
      (number, code) => {
        const settle = this.#port.payloads.get(number)?.[2];
        this.#port.payloads.delete(number);
        settle?.(code);
        this.#drained();
      },
      // Ask 5: State
      (state) => {
        // closed() tells that one itself, when all is settled.
        if (state === STATE_CLOSED) return;
        this.#state = state;
        this.#dispatch(new Event("statechange"));
      },
      // Ask 6: Opened
      () => {
        this.#counts.opens++;
        this.#port.asking = undefined;
        this.#opening?.resolve();
        this.#opening = undefined;
        this.#dispatch(new OpenEvent("open", this.#port.link?.to.head));
      },
      // Ask 7: Retry
      (attempt, delay) => {
        this.#attempt = attempt;
        this.#dispatch(
          new RetryEvent("retry", { attempt, delay, retryAt: Date.now() + delay, failure: this.#lastFailure }),
        );
      },
      // Ask 8: Outcome
      (outcome, from, to) => {
        this.#outcome = OUTCOMES[outcome];
        if (!outcome) return;
        const { cursor, pending } = this.#port;
        const missing = from >= 0 && to < 2 ** 53 ? { from, to } : undefined;
        this.#listeners.tell(() => this.#gap(OUTCOMES[outcome], cursor, pending, missing));
      },
      // Ask 9: Closed
      (why, code, left) => this.#closed(why, code, left & 1 ? this.#lastFailure : null, left & 6),
    ];
  }

  #closed(why, code, error, fate = 0) {
    if (this.#state === STATE_CLOSED) return;
    const wasOpen = this.#state === STATE_OPEN;
    const told = this.#opening || this.#listeners.loops.size;
    this.#state = STATE_CLOSED;
    this.#settings.signal?.removeEventListener("abort", this.#onAbort);
    // The wasm has done so, unless it trapped.
    this.#port.dispose(0);
    this.#unloaded = why === WHY_UNLOADED;
    const quiet = why <= WHY_UNLOADED;
    this.#listeners.end(quiet, why === WHY_ENDED ? undefined : error);
    this.#progress?.end(fate);
    for (const [, , settle, flags] of this.#port.payloads.values())
      settle(flags & AWAITS ? SENT_UNKNOWN : SENT_DROPPED_CLOSED);
    this.#port.payloads.clear();
    this.#drained();
    this.#opening?.reject(closedError(error));
    // After close() there is no event, for the other listeners of one that is under way neither.
    for (const event of this.#events) event.stopImmediatePropagation();
    this.#dispatch(new Event("statechange"));
    const clean = quiet ? wasOpen : why === WHY_ENDED || error?.code === "closed";
    this.#dispatch(new ClosedEvent("close", { reason: REASONS[why], code, wasClean: clean, error }));
    // As a rejection that nobody handles. A trap has been reported.
    if ((why === WHY_FATAL || (why === WHY_EXHAUSTED && !clean)) && !told && !this.#listened.has("close"))
      report(error);
    this.#free();
  }

  /** Not at once: the wasm may be in the middle of a call of this very client. And not while its place waits for another page. */
  #free() {
    const wire = this.#wire;
    Promise.resolve(this.#progress?.claimed).then(() => {
      this.#wire = undefined;
      wire?.free();
    });
  }
}

const deaf = (what) => hint(`${what} gets nothing: use on() for messages, addEventListener() for ${EVENTS}`);

// As on a WebSocket, which many come from; here nothing would ever call it.
for (const type of ["message", "error", ...EVENTS])
  Object.defineProperty(Client.prototype, `on${type}`, {
    set: () => deaf(`.on${type}`),
  });

/** A promise with its ends. */
function deferred() {
  /** @type {any} */
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}

/** What a send settles with. */
function result(code) {
  return code > SENT_UNKNOWN ? { status: "dropped", code: RESULTS[code] } : { status: RESULTS[code] };
}

/** A property for those who look at a client in a console. */
const SHOWN = Symbol("everwire");

function unsupported(name) {
  return new EverwireError(
    "unsupported",
    `this runtime has no ${name}: connect in the browser only, or put one on globalThis`,
  );
}

function closedError(cause) {
  return new EverwireError("closed", "the client is closed: connect() makes a new one", cause ?? undefined);
}

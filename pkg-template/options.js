// Reads the options into what the wasm takes: numbers in the order of src/bindings/options.rs, and flags.
// What the Rust API checks in src/core/config.rs is checked here again: text in the wasm costs more.
import { isBytes, reader } from "../src/transport/port.js";
import { invalid } from "./errors.js";

const RECONNECTS = 1,
  HEARTBEAT = 2,
  SELF_RECONNECT = 16,
  WATCH_PAGE = 32,
  COMMENTS = 64,
  PLAIN = 128,
  NUMBERED = 256,
  PASSIVE = 512,
  RESUMES = 1024,
  UNTIL = 2048;
export const PROVIDER = 4,
  ASKS = 8;

// Of a send.
const PRIORITY = 1,
  VOLATILE = 2,
  PONG = 8;
export const ACK = 4,
  AWAITS = ACK | PONG;

const NOT_GIVEN = -1;
/** A browser's timers take no more. */
export const LONGEST = 2 ** 31 - 1;

/** An option of the drop-ins' own: no de-duplication, which the standards do not know. */
export const PLAINLY = Symbol();
/** An option of the presets': why a WebSocket must not send a ping. */
export const SILENT = Symbol();
/** An option of `everwire/duplex`: the transports to fall back to, in order. */
export const WAYS = Symbol();

export const TRANSPORTS = { websocket: 1, eventsource: 2, fetch: 3 };

const isFunction = (value) => typeof value === "function";
const isString = (value) => typeof value === "string";
const isBoolean = (value) => typeof value === "boolean";
/** What is wrong with subprotocols (RFC 6455, 4.1), but not what they are: one may be a token of the app's. */
export function wrongProtocols(given) {
  const list = [].concat(given);
  const wrong = list.findIndex(
    (name, at) => !(isString(name) && /^[\w!#$%&'*+.^`|~-]+$/.test(name)) || list.indexOf(name) < at,
  );
  return wrong < 0
    ? ""
    : `protocols[${wrong}] must be a token (without spaces and separators), different from the others`;
}

/** Where it stands in the JSON, or what finds it. */
const read = (where) => (isString(where) ? reader(where) : where);
const isStrings = (value) => Array.isArray(value) && value.every(isString);

/** One options object: each key is read once, and a key that nobody reads is a mistake. `keys`: all that will be read. */
export class Reader {
  /** The options that were given, and not as false. */
  given = [];
  #known = [];
  #parts = [];

  constructor(value, path, keys) {
    if (value === null || typeof value !== "object" || Array.isArray(value)) {
      throw invalid(`${path || "options"} must be an object, not ${describe(value)}`);
    }
    this.value = value;
    this.prefix = path && `${path}.`;
    if (keys) {
      this.#known = keys.split(" ");
      this.done();
    }
  }

  /** The options under a key. */
  part(key, value = this.get(key, () => true) ?? {}) {
    const part = new Reader(value, this.prefix + key);
    part.given = this.given;
    this.#parts.push(part);
    return part;
  }

  /** All has been read. */
  done() {
    for (const key of Object.keys(this.value)) {
      if (this.#known.includes(key)) continue;
      const path = this.prefix + key,
        home = this.#parts.find((part) => part.#known.includes(key));
      throw invalid(
        /^(rate|probe|uplink|requests|subscriptions|fallback|longPoll|outbox.persist)$/.test(path)
          ? `${path} is an option of everwire/duplex`
          : `${path} is not an option; ${home ? `${home.prefix}${key} is` : `there are ${this.#known.join(", ")}`}`,
      );
    }
    for (const part of this.#parts) part.done();
  }

  /** The value if it is given and `test` holds. */
  get(key, test, expected) {
    const value = this.value[key];
    this.#known.push(key);
    if (value) this.given.push(this.prefix + key);
    if (value === undefined || test(value)) return value;
    throw invalid(`${this.prefix}${key} must be ${expected}, not ${describe(value)}`);
  }

  number(key, min = 0, max = LONGEST, unit = " of ms", scale = 1) {
    const value = this.get(
      key,
      (value) => typeof value === "number" && value >= min && value <= max,
      `a number${unit} from ${min} to ${max}`,
    );
    // No more than the wasm can count.
    return value === undefined ? NOT_GIVEN : Math.min(Math.round(value * scale), 1e10);
  }

  /** One of the list. */
  one(key, ...list) {
    return this.get(key, (value) => list.includes(value), `one of ${list.map((item) => `"${item}"`).join(", ")}`);
  }

  /** Its place in the list. */
  choice(key, ...list) {
    const value = this.one(key, ...list);
    return value === undefined ? NOT_GIVEN : list.indexOf(value);
  }

  fn(key) {
    return this.get(key, isFunction, "a function");
  }

  flag(key, fallback) {
    return this.get(key, isBoolean, "true or false") ?? fallback;
  }
}

/** Not what stands in it: it may be a token. */
function describe(value) {
  return value === null || /^(number|boolean)$/.test(typeof value)
    ? String(value)
    : `this ${Array.isArray(value) ? "array" : typeof value}`;
}

export const CODECS = {
  json: {},
  text: { decode: (data) => data },
  binary: { decode: (data) => (isString(data) ? new TextEncoder().encode(data).buffer : data) },
};

/** `true` is the defaults, `false` is off, an object is more. */
export function section(options, key, fallback) {
  const value =
    options.get(key, (value) => isBoolean(value) || (typeof value === "object" && value), "true, false or an object") ??
    fallback;
  return { on: value !== false, value: typeof value === "object" ? value : {} };
}

/** Not an object literal, which fetch would send as "[object Object]". */
export const isBody = (value) =>
  isString(value) ||
  (typeof value === "object" &&
    value !== null &&
    !/ (Object|Array|ReadableStream)\]$/.test(Object.prototype.toString.call(value)));
export const isHeaders = (value) => {
  try {
    return !!new Headers(value);
  } catch {
    return false;
  }
};

/** For a request with this body: without one, no header that is about it (Fetch, "request-body-header name"). */
export function headersFor(body, given) {
  const headers = new Headers(given);
  if (body === undefined || body === null)
    for (const [name] of [...headers]) if (/^content-(e|la|lo|t)/.test(name)) headers.delete(name);
  return headers;
}

function readHttp(http, withCredentials) {
  const method = http
    .get("method", (value) => isString(value) && /^[\w!#$%&'*+.^`|~-]+$/.test(value), "an HTTP method")
    ?.toUpperCase();
  const body = http.get(
    "body",
    (value) => isFunction(value) || isBody(value),
    "a string (JSON.stringify it), bytes, a form, or a function",
  );
  if (body !== undefined && /^(GET|HEAD)?$/.test(method ?? ""))
    throw invalid('http.body needs an http.method that takes one, such as "POST"');
  return {
    init: {
      method,
      credentials:
        http.one("credentials", "omit", "same-origin", "include") ?? (withCredentials ? "include" : undefined),
      mode: http.one("mode", "cors", "same-origin"),
    },
    headers: http.get("headers", (value) => isFunction(value) || isHeaders(value), "valid headers, or a function"),
    body,
    once: !http.flag("retry", false) && /^(POST|PATCH)$/.test(method),
    fetch: http.fn("fetch"),
    contentType: http.one("contentType", "required", "optional", "any"),
    cancel: http.get(
      "cancel",
      (value) => isFunction(value) || isString(value) || value instanceof URL,
      "an address or a function",
    ),
    flush: http.flag("flush", false),
    onComment: http.fn("onComment"),
  };
}

/** How the server says that it has a message. */
function readAcks(outbox, codec) {
  const given = section(outbox, "ack", false);
  if (!given.on) return undefined;
  const ack = outbox.part("ack", given.value);
  const id =
    ack.get("id", (value) => (value && isString(value)) || isFunction(value), "a key of the JSON, or a function") ??
    "id";
  const match = ack.fn("match");
  if (!(isFunction(id) && match)) needsJson("outbox.ack", codec);
  return { id, match: match ?? (({ data }) => (data?.type === "ack" ? data.id : undefined)) };
}

/** What is looked up in the messages by a key. */
export function needsJson(option, codec) {
  if (codec === "text" || codec === "binary")
    throw invalid(`${option} as a key needs the JSON codec; with "${codec}" give a function`);
}

const NEVER = { flags: 0, ttl: NOT_GIVEN };

/** The options of a send: flags as src/bindings/mod.rs reads them. */
export function readSend(given, { acks, pings }) {
  if (given === undefined) return acks ? { ...NEVER, flags: ACK } : NEVER;
  const send = new Reader(given, "send");
  const volatile = send.flag("volatile", false),
    confirm = send.one("confirm", "pong"),
    ack = send.flag("ack");
  if (confirm && !pings) throw invalid("send.confirm needs the heartbeat, with a ping that the server answers");
  if (ack && !acks) throw invalid("send.ack needs outbox.ack");
  if (ack && confirm) throw invalid("send.ack cannot be with send.confirm");
  const read = {
    ttl: send.number("ttl"),
    signal: readSignal(send),
    flags:
      (send.flag("priority", false) && PRIORITY) |
      (volatile && VOLATILE) |
      (confirm ? PONG : acks && (ack ?? !volatile) && ACK),
  };
  send.done();
  return read;
}

export const readSignal = (options) =>
  options.get("signal", (value) => isFunction(value?.addEventListener) && "aborted" in value, "an AbortSignal");

/** How often a way may fail before the next one: without having opened, and opened for a short time. And the first one. */
export const PATIENCE = [2, 3, 0];

export function readOptions(given, endpoints) {
  const options = new Reader(given, "");
  const reconnect = section(options, "reconnect", true);
  const r = options.part("reconnect", reconnect.value);
  const heartbeat = section(options, "heartbeat", false);
  const h = options.part("heartbeat", heartbeat.value);
  const resume = options.part("resume");
  const outbox = options.part("outbox");

  const transport = TRANSPORTS[options.one("transport", ...Object.keys(TRANSPORTS))] ?? 0;
  // One target with two ways: the second where the first does not get through.
  const [target] = endpoints;
  const both = !transport && endpoints.length < 2 && target?.websocket !== undefined && target.sse !== undefined;
  const { ways, patience } =
    given[WAYS] ??
    (both
      ? { ways: [TRANSPORTS.websocket, TRANSPORTS.fetch].slice(globalThis.WebSocket ? 0 : 1), patience: PATIENCE }
      : { ways: [], patience: [0, 0, 0] });
  // Who sends is not to find out by what becomes of it.
  if (!given[WAYS] && target?.uplink !== undefined) throw invalid("an uplink needs everwire/duplex");
  while (endpoints.length < ways.length) endpoints.push(target);

  const attempts =
    r.get(
      "maxAttempts",
      (value) => value === Infinity || (Number.isInteger(value) && value > 0),
      "a whole number from 1",
    ) ?? 0;
  const ping = h.get(
    "ping",
    (value) => value === false || isString(value) || isBytes(value) || isFunction(value),
    "a string, bytes, a function, or false for none",
  );
  const interval = h.number("interval", 100),
    openTimeout = options.number("openTimeout", 1);
  const numbers = [
    r.number("initialDelay"),
    r.number("maxDelay", 100),
    r.number("factor", 1, 100, "", 1000),
    attempts === Infinity ? 0 : attempts,
    r.number("stableAfter"),
    r.number("maxServerDelay"),
    r.choice("jitter", "full", "equal", "none"),
    interval,
    // It may be no longer than the silence before it.
    h.number("timeout", 50, interval < 0 ? 30_000 : interval),
    outbox.number("maxMessages", 0, Infinity, ""),
    outbox.number("maxBytes", 0, Infinity, " of bytes"),
    outbox.choice("overflow", "reject", "drop-oldest", "drop-newest"),
    outbox.number("inFlight", 1, Infinity, ""),
    outbox.number("maxAttempts", 1, Infinity, ""),
    openTimeout,
    endpoints.length,
    r.number("maxAge", 1000),
    r.number("failback", 1000),
    ...patience,
    options.number("maxEventBytes", 1, LONGEST, " of bytes"),
  ];

  const protocols = options.get("protocols", () => true);
  const wrong = protocols === undefined || isFunction(protocols) ? "" : wrongProtocols(protocols);
  if (wrong) throw invalid(wrong);
  const frame = resume.fn("frame");
  const via = resume.one("via", "query", "header", "frame", "url") ?? (frame && "frame");
  if (frame ? via !== "frame" : via === "frame") throw invalid('resume.frame and resume.via "frame" need one another');
  if (via === "url" && !endpoints.every(isFunction))
    throw invalid('resume.via "url" needs endpoint functions, which put lastEventId where it belongs');
  const withCredentials = options.flag("withCredentials", false);
  const http = readHttp(options.part("http"), withCredentials);
  const request = resume.fn("request");
  const differs = [...endpoints, protocols, http.headers, http.body].some(isFunction),
    until = options.fn("until");
  const shouldReconnect = options.fn("shouldReconnect"),
    handshake = options.fn("handshake");
  const flags =
    (reconnect.on ? RECONNECTS : 0) |
    (heartbeat.on ? HEARTBEAT : 0) |
    (ping === false ? PASSIVE : 0) |
    (differs || handshake ? PROVIDER : 0) |
    (request ? RESUMES : 0) |
    (until ? UNTIL : 0) |
    (shouldReconnect ? ASKS : 0) |
    (via === "header" && transport === TRANSPORTS.eventsource ? SELF_RECONNECT : 0) |
    (http.onComment ? COMMENTS : 0) |
    (given[PLAINLY] ? PLAIN : 0) |
    (given.resume?.seq ? NUMBERED : 0) |
    (options.flag("pageLifecycle", true) ? WATCH_PAGE : 0);

  const codec =
    options.get(
      "codec",
      (value) => Object.hasOwn(CODECS, value) || (isFunction(value?.decode) && isFunction(value?.encode)),
      '"json", "text", "binary" or { decode, encode }',
    ) ?? "json";
  const id = resume.get("id", (value) => isString(value) || isFunction(value), "a key of the JSON, or a function");
  if (isString(id)) needsJson("resume.id", codec);
  const seq = resume.get(
    "seq",
    (value) => isString(value) || isFunction(value) || isBoolean(value),
    "a key of the JSON, true (the id is the number), or a function",
  );
  if (isString(seq)) needsJson("resume.seq", codec);
  const storage = resume.get(
    "storage",
    (value) => isBoolean(value) || (isFunction(value?.getItem) && isFunction(value.setItem)),
    "true, or something with getItem and setItem",
  );
  const key = resume.get("key", isString, "a string");
  const commit = resume.one("commit", "auto", "manual");
  if (storage && key === undefined) throw invalid("resume.storage needs resume.key: whose stream it is, and which one");
  if (!storage && commit === "manual") throw invalid("resume.commit needs resume.storage");
  const acks = readAcks(outbox, codec);
  const highWater = outbox.number("highWaterMark", 1, Infinity, " of bytes");
  const gap = resume.get("gap", isString, "a string");
  const notice = r.get("notice", isString, "a string");
  const name =
    resume.get(
      "name",
      (value) => value.length && [].concat(value).every((name) => name && isString(name)),
      "a string that is not empty, or an array of such",
    ) ?? "lastEventId";

  const settings = {
    numbers,
    flags,
    openTimeout: openTimeout < 0 ? 10_000 : openTimeout,
    protocols,
    shouldReconnect,
    codec: isString(codec) ? CODECS[codec] : codec,
    encodes: codec !== "binary",
    transport,
    ways,
    asks: differs || request,
    request,
    http,
    shuffle: options.flag("shuffle", false),
    until,
    events: [...(options.get("events", isStrings, "an array of strings") ?? []), ...[gap, notice].filter(isString)],
    heartbeat: heartbeat.on && {
      ping,
      isPong: h.fn("isPong"),
    },
    storage,
    key,
    manual: commit === "manual",
    from: resume.get("from", isString, "a string") ?? "",
    acks,
    pings: heartbeat.on && ping !== false,
    silent: heartbeat.on && ping !== false && given[SILENT],
    port: {
      id: read(id),
      seq: read(seq) || undefined,
      binaryType: options.one("binaryType", "arraybuffer", "blob") ?? "arraybuffer",
      handshake,
      acks: acks?.match,
      highWater: highWater < 0 ? 2 ** 24 : highWater,
      via,
      frame,
      gap,
      notice,
      outcome: resume.fn("outcome"),
      cursorNames: [].concat(name),
      withCredentials,
      fetch: http.fetch,
      contentType: http.contentType,
      flush: http.flush,
      onComment: http.onComment,
      resumes: request !== undefined,
    },
    // A preset has some for one transport and some for another; and cancel() takes what http has.
    loose: http.cancel || given[SILENT] !== undefined,
    given: options.given,
    signal: readSignal(options),
  };
  options.done();
  return settings;
}

/** The address for the transport: `[address, number of the transport or 0]`. */
export function pick(target, transport) {
  if (isString(target) || target instanceof URL) return [String(target), transport];
  const websocket = target?.websocket,
    sse = target?.sse;
  if (websocket !== undefined && transport < TRANSPORTS.eventsource) return [String(websocket), TRANSPORTS.websocket];
  if (sse !== undefined && transport !== TRANSPORTS.websocket) return [String(sse), transport];
  return [];
}

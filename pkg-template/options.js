// Reads the options into what the wasm takes: numbers in the order of `Number` in src/calls.rs, and flags.
// What the Rust API checks in src/core/config.rs is checked here again: text in the wasm costs more.
import { resolve } from "./port/address.ts";
import { isHeartbeat, pingOf } from "./port/heartbeat.ts";
import { isBytes, reader } from "./port/message.ts";
import { report } from "./port/report.ts";
import { EverwireError, invalid } from "./errors.js";

// <calls.rs>
const SEND_ACK = 4,
  SEND_PONG = 8;
// </calls.rs>

export const AWAITS = SEND_ACK | SEND_PONG;

/** An option of the drop-ins' own: no de-duplication, which the standards do not know. */
export const PLAINLY = Symbol();
/** An option of the presets': why a WebSocket must not send a ping. */
export const SILENT = Symbol();
/** An option of `everwire/duplex`: the transports to fall back to, in order. */
export const WAYS = Symbol();

export const TRANSPORTS = { websocket: 1, eventsource: 2, fetch: 3 };

/** A browser's timers take no more. */
export const LONGEST = 2 ** 31 - 1;

const isFunction = (value) => typeof value === "function";
const isString = (value) => typeof value === "string";
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
/** Of any realm. */
export const isAddress = (value) => isString(value) || value?.href;
/** A token, as methods and subprotocols are (RFC 9110, 5.6.2). */
const isToken = (value) => isString(value) && /^[\w!#$%&'*+.^`|~-]+$/.test(value);
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

/** As localStorage is: what is in it can be listed. */
export const isStorage = (value) =>
  ["getItem", "setItem", "removeItem", "key"].every((name) => typeof value?.[name] === "function") && "length" in value;

/** What an option may be, as the forms and the errors call it; besides numbers, and what stands there as JSON. */
const KINDS = {
  anything: () => true,
  "a function": isFunction,
  "a string": isString,
  "an object": isObject,
  "an address": isAddress,
  "an AbortSignal": (value) => isFunction(value?.addEventListener) && "aborted" in value,
  "an array of strings": (value) => Array.isArray(value) && value.every(isString),
  "an array of such": (value) => Array.isArray(value) && value.length && value.every((name) => name && isString(name)),
  "a non-empty string": (value) => isString(value) && value !== "",
  "a key of the JSON": isString,
  "a whole number from 1": (value) => value === Infinity || (Number.isInteger(value) && value > 0),
  bytes: isBytes,
  // The others are no fetch's (Fetch, "forbidden method").
  "an HTTP method": (value) => isToken(value) && !/^(connect|trac[ek])$/i.test(value),
  "a form": isBody,
  "valid headers": isHeaders,
  "an object with decode and encode": (value) => isFunction(value?.decode) && isFunction(value.encode),
  "something with getItem and setItem": (value) => isFunction(value?.getItem) && isFunction(value.setItem),
};

/** The options by where they stand. What ends with `!` has to answer at once, if it is a function. First the numbers that pkg-template/src/options.rs reads, in its order. */
export const FORMS = {
  "": `
transport="websocket", "eventsource" or "fetch"
openTimeout=a number of ms from 1 to 2147483647
maxEventBytes=a number of bytes from 1 to 2147483647
reconnect=true, false or an object
heartbeat=true, false or an object
resume=an object
outbox=an object
http=an object
protocols=anything
withCredentials=true or false
until=a function!
shouldReconnect=a function!
handshake=a function
codec="json", "text", "binary" or an object with decode and encode
pageLifecycle=true or false
paused=true or false
server=true or false
shuffle=true or false
events=an array of strings
binaryType="arraybuffer" or "blob"
signal=an AbortSignal`,
  reconnect: `
initialDelay=a number of ms from 0 to 2147483647
maxDelay=a number of ms from 100 to 2147483647
factor=a number from 1 to 100
maxAttempts=a whole number from 1
stableAfter=a number of ms from 0 to 2147483647
maxServerDelay=a number of ms from 0 to 2147483647
jitter="full", "equal" or "none"
maxAge=a number of ms from 1000 to 2147483647
failback=a number of ms from 1000 to 2147483647
notice=a string`,
  heartbeat: `
interval=a number of ms from 100 to 2147483647
timeout=a number of ms from 50 to 2147483647
ping=a string, bytes, a function or false
isPong=a function!`,
  resume: `
frame=a function
via="query", "header", "frame" or "url"
request=a function
id=a key of the JSON or a function!
seq=a key of the JSON, true, false or a function!
storage=true, false or something with getItem and setItem
key=a string
commit="auto" or "manual"
gap=a string
name=a non-empty string or an array of such
from=a string
outcome=a function!`,
  outbox: `
maxMessages=a number from 0 to Infinity
maxBytes=a number of bytes from 0 to Infinity
overflow="reject", "drop-oldest" or "drop-newest"
inFlight=a number from 1 to Infinity
maxAttempts=a number from 1 to Infinity
highWaterMark=a number of bytes from 1 to Infinity
ack=true, false or an object`,
  "outbox.ack": `
id=a non-empty string or a function!
match=a non-empty string or a function!
refused=a non-empty string or a function!
timeout=a number of ms from 1 to 2147483647`,
  http: `
method=an HTTP method
body=a string, bytes, a form or a function
credentials="omit", "same-origin" or "include"
redirect="follow" or "error"
mode="cors" or "same-origin"
headers=valid headers or a function
retry=true or false
fetch=a function
contentType="required", "optional" or "any"
cancel=an address or a function
flush=true or false
maxFailureBody=a number of characters from 0 to 1048576
onComment=a function`,
  send: `
priority=true or false
volatile=true or false
ack=true or false
confirm="pong"
ttl=a number of ms from 0 to 2147483647
signal=an AbortSignal`,
  cancel: `
listen=true or false`,
};

/** The value, if it is none or of the kind: a number in a range, or one of several. */
export function check(path, value, kind) {
  const [, min, max] = /^a number.* (\d+) to (\w+)$/.exec(kind) ?? [];
  if (
    value === undefined ||
    (min
      ? typeof value === "number" && value >= +min && value <= +max
      : kind.split(/, | or /).some((one) => (KINDS[one] ? KINDS[one](value) : value === JSON.parse(one))))
  )
    return value;
  throw invalid(`${path} must be ${kind}, not ${describe(value)}`);
}

/** A promise is no answer where one is needed at once: it counts as none, and is told once. */
function prompt(name, ask) {
  let tell = report;
  return (...given) => {
    const answer = ask(...given);
    if (!isFunction(answer?.then)) return answer;
    tell(invalid(`${name} must not be async`));
    tell = () => {};
    return undefined;
  };
}

/**
 * The options that stand at a path. Each is read once, and one that the form does not have is a mistake. `given` gets the paths of
 * those that are not off.
 * @returns {any}
 */
export function readForm(path, value = {}, form = FORMS[path], given = []) {
  const options = {},
    at = (key) => (path ? `${path}.${key}` : key);
  for (const [, key, kind, now] of form.matchAll(/(\w+)=(.*?)(!?)$/gm)) {
    const option = check(at(key), value[key], kind);
    options[key] = now && isFunction(option) ? prompt(at(key), option) : option;
    if (option) given.push(at(key));
  }
  for (const key of Object.keys(value)) {
    if (key in options) continue;
    const home = Object.keys(FORMS).find((name) => FORMS[name].includes(`\n${key}=`));
    throw invalid(
      at(key) +
        (/^(rate|probe|uplink|requests|subscriptions|fallback|longPoll|outbox.persist)$/.test(at(key))
          ? " is an option of everwire/duplex"
          : ` is not an option; use ${home ? `${home}.${key}` : `one of ${Object.keys(options).join(", ")}`}`),
    );
  }
  return options;
}

/** Not what stands in it: it may be a token. */
function describe(value) {
  return value === null || /^(number|boolean)$/.test(typeof value)
    ? String(value)
    : `this ${Array.isArray(value) ? "array" : typeof value}`;
}

/** What is wrong with subprotocols (RFC 6455, 4.1), but not what they are: one may be a token of the app's. */
export function wrongProtocols(given) {
  const list = [].concat(given);
  const wrong = list.findIndex((name, at) => !isToken(name) || list.indexOf(name) < at);
  return wrong < 0 ? "" : `protocols[${wrong}] must be a unique token, without spaces or separators`;
}

export const CODECS = {
  json: {},
  text: { decode: (data) => data },
  binary: {
    decode: (data) => (isString(data) ? new TextEncoder().encode(data).buffer : data),
    encode: () => undefined,
  },
};

/** For a request with this body: without one, no header that is about it (Fetch, "request-body-header name"). */
export function headersFor(body, given) {
  const headers = new Headers(given);
  if (body === undefined || body === null)
    for (const [name] of [...headers]) if (/^content-(e|la|lo|t)/.test(name)) headers.delete(name);
  return headers;
}

/** What is looked up in the messages by a key. */
export function needsJson(option, codec) {
  if (codec === "text" || codec === "binary") throw invalid(`${option} as a key needs the JSON codec: give a function`);
}

/**
 * A page, and a worker of one, have an address. Where there is none, the page may be one that is being rendered: for that nothing is
 * opened, unless the app says that this is a program of its own.
 */
export const isRendered = ({ server }) => !server && !globalThis.location;

/** Flags, from the lowest bit on. */
export const bits = (...flags) => flags.reduce((sum, flag, bit) => sum | (flag ? 1 << bit : 0), 0);

/** The options of a send. */
export function readSend(given, { acks, pings }) {
  const { priority, volatile, ack, confirm, ttl = -1, signal } = readForm("send", check("send", given, "an object"));
  if (confirm && !pings) throw invalid("send.confirm needs the heartbeat's ping");
  if (ack && !acks) throw invalid("send.ack needs outbox.ack");
  if (ack && confirm) throw invalid("send.ack excludes send.confirm");
  return {
    ttl,
    signal,
    flags: bits(
      priority, // SEND_PRIORITY
      volatile, // SEND_VOLATILE
      acks && !confirm && (ack ?? !volatile), // SEND_ACK
      confirm, // SEND_PONG
    ),
  };
}

export function readOptions(all, endpoints) {
  const given = [];
  const options = readForm("", check("options", all, "an object"), undefined, given);
  const part = (name) => readForm(name, options[name], undefined, given);
  const { protocols, shouldReconnect, until, handshake, withCredentials, codec = "json" } = options,
    { reconnect = true, heartbeat = false } = options;
  const r = part("reconnect"),
    h = part("heartbeat"),
    resume = part("resume"),
    outbox = part("outbox"),
    http = part("http");
  const { id, seq, storage, key, frame, request, gap, via = frame && "frame" } = resume;
  const { method, credentials = withCredentials ? "include" : undefined, mode, redirect, headers, body } = http;
  // It may be no longer than the silence before it.
  check("heartbeat.timeout", h.timeout, `a number of ms from 50 to ${h.interval ?? 30_000}`);

  const transport = TRANSPORTS[options.transport] ?? 0;
  // One target with two ways: the second where the first does not get through.
  const [target] = endpoints;
  const both = !transport && endpoints.length < 2 && target?.websocket !== undefined && target.sse !== undefined;
  const ways = all[WAYS] ?? (both ? [TRANSPORTS.websocket, TRANSPORTS.fetch].slice(globalThis.WebSocket ? 0 : 1) : []);
  // Who sends is not to find out by what becomes of it.
  if (!all[WAYS] && target?.uplink !== undefined) throw invalid("uplink is an option of everwire/duplex");
  while (endpoints.length < ways.length) endpoints.push(target);

  let acks;
  if (outbox.ack) {
    const { id = "id", match = "ack", refused, timeout } = readForm("outbox.ack", outbox.ack, undefined, given);
    if (![id, match, refused ?? match].every(isFunction)) needsJson("outbox.ack", codec);
    // Of a type: the id that stands in it.
    const ids = (name) => (isString(name) ? ({ data }) => (data?.type === name ? data.id : undefined) : name);
    acks = { id, match: ids(match), refused: ids(refused), timeout, codec };
  }

  r.factor *= 1000;
  r.jitter = ["full", "equal", "none"].indexOf(r.jitter);
  outbox.overflow = ["reject", "drop-oldest", "drop-newest"].indexOf(outbox.overflow);
  const numbers = [
    ...Object.values(r).slice(0, 7),
    h.interval,
    h.timeout,
    ...Object.values(outbox).slice(0, 5),
    acks?.timeout,
    options.openTimeout,
    endpoints.length,
    r.maxAge,
    r.failback,
    options.maxEventBytes,
  ];

  const wrong = protocols === undefined || isFunction(protocols) ? "" : wrongProtocols(protocols);
  if (wrong) throw invalid(wrong);
  if (frame ? via !== "frame" : via === "frame") throw invalid('resume.frame and resume.via "frame" need each other');
  if (via === "url" && !endpoints.every(isFunction))
    throw invalid('resume.via "url" needs endpoint functions that add lastEventId');
  if (body !== undefined && /^(GET|HEAD)?$/i.test(method ?? ""))
    throw invalid('http.body needs an http.method such as "POST"');
  if (isString(id)) needsJson("resume.id", codec);
  if (isString(seq)) needsJson("resume.seq", codec);
  const manual = resume.commit === "manual";
  if (storage && key === undefined) throw invalid("resume.storage needs a resume.key for user and stream");
  if (!storage && manual) throw invalid("resume.commit needs resume.storage");
  // `false` is a choice.
  if (storage === undefined && key !== undefined) throw invalid("resume.key needs resume.storage");
  const differs = [...endpoints, protocols, headers, body].some(isFunction),
    pings = heartbeat && h.ping !== false,
    rendered = isRendered(options);

  return {
    ...options,
    numbers,
    flags: bits(
      reconnect, // OPTION_RECONNECTS
      heartbeat, // OPTION_HEARTBEAT
      differs || handshake, // OPTION_PROVIDER
      shouldReconnect, // OPTION_ASKS
      via === "header" && transport === TRANSPORTS.eventsource, // OPTION_SELF_RECONNECT
      options.pageLifecycle ?? true, // OPTION_WATCH_PAGE
      http.onComment, // OPTION_COMMENTS
      all[PLAINLY], // OPTION_PLAIN
      seq, // OPTION_NUMBERED
      h.ping === false, // OPTION_PASSIVE
      request, // OPTION_RESUMES
      until, // OPTION_UNTIL
      ways.length, // OPTION_WAYS
    ),
    openTimeout: options.openTimeout ?? 10_000,
    codec: CODECS[codec] ?? {
      decode: codec.decode.bind(codec),
      encode: codec.encode.bind(codec),
    },
    transport,
    ways,
    request,
    http: {
      ...http,
      init: { method: method?.toUpperCase(), credentials, mode, redirect },
      once: !http.retry && /^(POST|PATCH)$/i.test(method),
    },
    events: [...(options.events ?? []), gap, r.notice].filter(isString),
    heartbeat: heartbeat && h,
    storage,
    key,
    manual,
    from: resume.from,
    acks,
    pings,
    silent: pings && all[SILENT],
    // That of a preset is a name.
    offers: all[SILENT] ? null : protocols || null,
    port: {
      // Of these, fetch, contentType, flush, maxFailureBody and onComment are its own.
      ...http,
      ping: heartbeat ? (h.ping ?? pingOf) : undefined,
      isPong: heartbeat && (h.isPong ?? (h.ping !== false && isHeartbeat)),
      id: isString(id) ? reader(id) : id,
      seq: isString(seq) ? reader(seq) : seq || undefined,
      binaryType: options.binaryType ?? "arraybuffer",
      handshake,
      acks: acks?.match,
      refuses: acks?.refused,
      highWater: outbox.highWaterMark ?? 2 ** 24,
      via,
      frame,
      gap,
      notice: r.notice,
      outcome: resume.outcome,
      cursorNames: [].concat(resume.name ?? "lastEventId"),
      withCredentials,
      resumes: request !== undefined,
      idle: rendered,
    },
    // A preset has some for one transport and some for another; and cancel() takes what http has.
    loose: http.cancel || all[SILENT] !== undefined,
    given,
    rendered,
    /** The origin that the values of `http` are for, that of `protocols`, and other fixed addresses that get the headers. */
    home: undefined,
    offered: undefined,
    beside: [],
    probed: false,
  };
}

/** A WebSocket's address counts as its server's own. */
export const originOf = (address) => resolve(address).origin.replace(/^ws/, "http");

/**
 * Throws where an address that a function of the app's gave as a text leads elsewhere. An id of the server's may stand in it, which must
 * choose neither another path (URL, "double-dot URL segment") nor another host ("relative slash state", "special authority slashes
 * state"): `strays` in src/client/request.rs is the same. A URL object is the app's own choice.
 */
export function stays(address) {
  // URL parsers skip blanks.
  if (
    isString(address) &&
    /^.([/\\]{2}|\w+:(?!\/\/[^/\\]))|[/\\](\.|%2e){1,2}([/\\]|$)/i.test(`/${address.replace(/[\0- ]|[?#].*/gs, "")}`)
  )
    throw invalid("an id leads the address elsewhere: use encodeURIComponent, or a URL object");
}

/**
 * Throws where a value of `http`, or `protocols`, would go to another origin than the first one: only a function can tell them apart.
 * Which protocol is a name and which a token nobody can tell.
 */
export function confine(settings, address, value = settings.http.headers, home = "home") {
  // Others are fixed, or have been looked at: then they are no texts, or a URL's.
  if (!settings.beside.includes(address)) stays(address);
  if (!value || isFunction(value)) return;
  const origin = originOf(address);
  if ((settings[home] ??= origin) !== origin)
    throw invalid(
      "values of http.headers, http.body and protocols are for one origin: for several give functions of the url",
    );
}

/** The address for the transport: `[address, number of the transport or 0]`. */
export function pick(target, transport) {
  if (isAddress(target)) return [String(target), transport];
  const websocket = target?.websocket,
    sse = target?.sse;
  if (websocket !== undefined && transport < TRANSPORTS.eventsource) return [String(websocket), TRANSPORTS.websocket];
  if (sse !== undefined && transport !== TRANSPORTS.websocket) return [String(sse), transport];
  throw new EverwireError("invalid-url", "an endpoint must be, or give, a string, a URL, { websocket } or { sse }");
}

// The JavaScript half of a client: whatever touches the page. It has no policy; the core has it all.
// It holds each handle that the page could be left with (socket, listeners, timer), so that everything
// can be let go of even after the wasm has trapped. Messages pass here and never enter wasm memory.

// Kinds of `call`, as src/client/driver.rs reads them.
const TICK = 0, OPENED = 1, LOST = 2, INTERRUPTED = 3, PAGE = 4, CHECK = 5, NOTICE = 6, RESUMABLE = 12, LEARN = 13, FROM = 14, EPOCH = 15;
const TRANSPORTS = ["", "websocket", "eventsource", "fetch"];
// Codes of PAGE.
const ONLINE = 0, OFFLINE = 1, HIDDEN = 2, VISIBLE = 3, FROZEN = 4, RESUMED = 5;
// What the core remembers of ids (src/core/seam.rs): more need not be kept for it.
const FIRST = 64, RECENT = 1024;

/** Careful JSON: what begins with { or [ and parses is the value, everything else the exact string. */
export function decodeJson(data) {
  if (typeof data === "string") {
    const first = data.charCodeAt(0);
    if (first === 123 || first === 91) {
      try {
        return JSON.parse(data);
      } catch {}
    }
  }
  return data;
}

/** Of any realm: an ArrayBuffer from an iframe is no instance of this page's. */
export function isBytes(value) {
  return ArrayBuffer.isView(value) || /ArrayBuffer\]$/.test(Object.prototype.toString.call(value));
}

/** A handler's or a codec's throw is the app's: told where the browser tells errors, and the stream goes on. */
export function report(error) {
  if (typeof reportError === "function") reportError(error);
  else setTimeout(() => { throw error; });
}

function isHeartbeat(data) {
  // The regular expression spares most messages the parse.
  if (typeof data !== "string" || data.length > 256 || !/"p[io]ng"/.test(data)) return false;
  const type = decodeJson(data)?.type;
  return type === "ping" || type === "pong";
}

/** Relative addresses are relative to the document's base, or to a worker's own address. */
function resolve(address) {
  return new URL(address, globalThis.document?.baseURI ?? globalThis.location?.href);
}

/** `searchParams.set` writes the whole query anew, which can break a signature: only where it must. */
function setCursor(url, name, cursor) {
  if (url.searchParams.has(name)) url.searchParams.set(name, cursor);
  else url.search += `${url.search ? "&" : "?"}${new URLSearchParams([[name, cursor]])}`;
}

/** What a header can carry: not what it would be trimmed of, nor what servers refuse (RFC 9110, 5.5). */
const fitsHeader = (id) => !/^[ \t]|[^ -\ufffd\t]|\x7f|[ \t]$/.test(id);

/** A header's characters are bytes: those of the id in UTF-8. */
function toBytes(id) {
  let bytes = "";
  for (const byte of new TextEncoder().encode(id)) bytes += String.fromCharCode(byte);
  return bytes;
}

/** What stands in the JSON under this key or path. */
function reader(path) {
  const keys = path.split(".");
  return (message) => {
    let value = message.data;
    for (const key of keys) value = value?.[key];
    return value !== null && typeof value === "object" ? undefined : value;
  };
}

/** A number below 2^53 in two halves, the upper one counted from 1; 0: there is none. */
const halves = (number) => (number === undefined ? [0, 0] : [Math.floor(number / 2 ** 32) + 1, number >>> 0]);

export class Port {
  /** Into the core: `(kind, attempt, code, text)`. */
  call;
  /** Out to the app: one message. */
  sink;
  decode = decodeJson;
  /** `(message) => id`, if it stands in the messages. */
  id;
  /** `(message) => number`, or `[epoch, number]`, if messages have them. */
  seq;
  /** The last number, and what it counts in. */
  number;
  epoch;
  /** The type by which the server says that something is missing. */
  gap;
  binaryType = "arraybuffer";
  withCredentials = false;
  /** Messages carry what came, undecoded, as well (the Rust API's `text` and `bytes`). */
  keepsRaw = false;
  /** How the cursor goes up: "query", "header", or undefined for what suits the transport. */
  via;
  cursorName = "lastEventId";
  /** The wasm's, for what fetch reads. */
  memory;
  /** `request` of fetch.js. Not imported here: a crate's snippets cannot import one another. */
  request;
  /** The caller's own fetch. */
  fetch;
  /** An event that the stream's end cuts off counts. */
  flush = false;
  /** There is another request for what comes after the first message. */
  resumes = false;
  /** The caller's `(text) => …` for comments. */
  onComment;
  /** Frames of the heartbeat; undefined while it is off. */
  ping;
  isPong;

  socket = null;
  closed = false;
  /** As the server gave it with its last close frame. */
  closeReason = "";
  /** What the browser threw at the last attempt that it refused, or that failed. */
  refusal;
  prepared;
  /** The app's reason for closing. */
  goodbye = "";
  /** What cannot work, as the wasm says it. */
  problem;
  /** The last answer that was no event stream: `{ status, contentType, body }`. */
  answer;
  /** Until this promise resolves, nothing more is delivered. */
  hold;
  held = false;
  origin = "";
  transport = "";
  url = "";
  cursor = "";
  /** The id under check, "" if it has none. */
  pending = "";
  checked = false;
  /** Of the last inbound event, on the clock of `performance.now()`. */
  heard = 0;
  received = 0;
  delivered = 0;
  suppressed = 0;
  pinged = 0;
  roundTrip = null;

  #names = new Set(["message"]);
  #first = [];
  #recent = [];
  #learned = 0;
  #resumable = false;
  /** lastEventId of the last event on this connection: only a change is an id of the event's own. */
  #lastEventId = "";
  /** Whether events are stamped on the clock of performance.now(): jsdom's bear the time of day, those of `ws` nothing. */
  #stamped = false;
  /** bufferedAmount at the last tick. */
  #buffered = 0;
  #page = [];
  #link = [];
  #timer;
  #tick = () => {
    // A ping may wait behind a long upload: what drains is alive.
    const buffered = this.socket?.bufferedAmount ?? 0;
    if (buffered < this.#buffered || this.held) this.heard = performance.now();
    this.#buffered = buffered;
    this.call(TICK, 0, 0);
  };
  #onMessage = (event) => this.#message(event);

  /** What an address is: 0 nothing that parses, 1 ws(s), 2 http(s), 3 something else; and 4 for this very machine. */
  site(address) {
    try {
      const { protocol, hostname } = resolve(address);
      const scheme = /^wss?:$/.test(protocol) ? 1 : /^https?:$/.test(protocol) ? 2 : 3;
      return scheme | (/^(localhost|127\..*|\[::1\])$/.test(hostname) ? 4 : 0);
    } catch {
      return 0;
    }
  }

  /** The id stands in the JSON, under this key or path. */
  idAt(path) {
    this.id = reader(path);
  }

  seqAt(path) {
    this.seq = reader(path);
  }

  /** Turns the heartbeat's frames on. */
  heartbeat(ping, isPong) {
    this.ping = ping ?? (() => `{"type":"ping","timestamp":${Date.now()}}`);
    this.isPong = isPong ?? isHeartbeat;
  }

  /** Listens to one more name: a native EventSource delivers no name that was not asked for. */
  name(name) {
    if (this.#names.has(name)) return;
    this.#names.add(name);
    if (this.transport === "eventsource" && this.socket) this.#listenTo(name);
  }

  /** What the next `open` takes. `extra`: the protocols, or the request's method, headers, body and the like. */
  prepare(address, extra) {
    this.prepared = [address, extra];
  }

  /** False when the browser refuses. */
  open(attempt, transport) {
    this.refusal = this.answer = undefined;
    this.#resumable = false;
    try {
      this.#open(attempt, TRANSPORTS[transport], ...this.prepared);
      return true;
    } catch (error) {
      this.refusal = error;
      return false;
    }
  }

  #open(attempt, transport, address, { protocols, headers: given, ...init } = {}) {
    const target = resolve(address);
    // A fragment never leaves the browser, and older WebSockets throw on it.
    target.hash = "";
    if (transport === "websocket") target.protocol = target.protocol.replace("http", "ws");
    const { cursor, via } = this;
    const fetched = transport === "fetch";
    // Across origins a header of ours costs a preflight, which a server may not be ready for; and WebKitGTK
    // encodes what is not ASCII a second time (2.50, 2026).
    const own = target.origin === (globalThis.origin ?? target.origin) && /^[ -~]*$/.test(cursor);
    const header = fetched ? (via ?? (own ? "header" : "query")) === "header" && fitsHeader(cursor) : this.#selfReconnects(transport);
    if (cursor && !header) setCursor(target, this.cursorName, cursor);
    const url = this.url = target.href;
    this.transport = transport;
    this.#lastEventId = "";
    this.origin = target.origin;
    this.pinged = this.#buffered = 0;
    const opened = (event) => {
      // A server may name its events `open` and `error`, too: those have data.
      if ("data" in event) return;
      this.#stamped = Math.abs(performance.now() - event.timeStamp) < 1000;
      this.call(OPENED, attempt, 0);
    };
    if (transport === "websocket") {
      const socket = this.socket = new WebSocket(url, protocols ?? []);
      // `close` says all there is to say; the npm package `ws` throws when nobody listens.
      socket.onerror = () => {};
      socket.binaryType = this.binaryType;
      this.#on(this.#link, socket, "message", this.#onMessage);
      this.#on(this.#link, socket, "open", opened);
      this.#on(this.#link, socket, "close", (event) => {
        this.closeReason = event.reason;
        this.call(LOST, attempt, event.code);
      });
    } else if (fetched) {
      const headers = new Headers(given);
      if (!headers.has("accept")) headers.set("accept", "text/event-stream");
      if (cursor && header) headers.set("last-event-id", toBytes(cursor));
      this.socket = this.request(this, attempt, url, { ...init, headers });
    } else {
      const source = this.socket = new EventSource(url, { withCredentials: this.withCredentials });
      for (const name of this.#names) this.#listenTo(name);
      this.#on(this.#link, source, "open", opened);
      this.#on(this.#link, source, "error", (event) => {
        if ("data" in event) return;
        if (this.#selfReconnects(transport) && source.readyState === 0) this.call(INTERRUPTED, attempt, 0);
        else this.call(LOST, attempt, 1006);
      });
    }
  }

  /** 0: the socket is not open, and the payload is still the caller's; 1: sent; 2: refused. */
  send(payload) {
    if (this.socket?.readyState !== 1) return 0;
    try {
      this.socket.send(payload);
      return 1;
    } catch {
      return 2;
    }
  }

  invalid(what, problem) {
    this.problem = `${what} ${problem}`;
  }

  sendPing() {
    this.pinged = performance.now();
    try {
      const ping = typeof this.ping === "function" ? this.ping() : this.ping;
      if (typeof ping !== "string" && !isBytes(ping)) throw new TypeError("everwire: heartbeat.ping must give a string or bytes");
      this.send(ping);
    } catch (error) {
      report(error);
    }
  }

  drop(code) {
    this.#off(this.#link);
    const socket = this.socket;
    this.socket = null;
    this.held = false;
    if (!socket) return;
    try {
      // close(undefined) is a code to some browsers.
      code ? socket.close(code, this.goodbye) : socket.close();
    } catch (error) {
      report(error);
    }
  }

  /** What an earlier page left. */
  start(cursor, number, epoch) {
    this.cursor = cursor;
    this.number = number;
    this.#count(epoch);
    this.call(FROM, ...halves(number), cursor);
  }

  /** Tells the ids delivered unchecked since the last time: enough of the first and the last. */
  drain() {
    const count = this.#learned;
    let ids = this.#recent;
    if (count > RECENT) {
      const split = count & (RECENT - 1);
      ids = [...this.#first, ...ids.slice(split), ...ids.slice(0, split)];
    }
    this.#first = [];
    this.#recent = [];
    this.#learned = 0;
    for (const id of ids) this.call(LEARN, 0, 0, id);
  }

  arm(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#tick, ms);
  }

  disarm() {
    clearTimeout(this.#timer);
  }

  /** Listens to the page's life. Returns what it is now: 1 hidden, 2 offline. */
  watch() {
    const on = (target, name, code) => this.#on(this.#page, target, name, (event) => {
      const value = code(event);
      if (value !== undefined) this.call(PAGE, 0, value);
    });
    const page = globalThis.document;
    const hidden = () => (page.visibilityState === "hidden" ? HIDDEN : VISIBLE);
    on(globalThis, "online", () => ONLINE);
    on(globalThis, "offline", () => OFFLINE);
    const offline = globalThis.navigator?.onLine === false ? 2 : 0;
    if (!page) return offline;
    // Not persisted: the page is going for good, and its connections with it.
    on(globalThis, "pagehide", (event) => (event.persisted ? FROZEN : undefined));
    on(globalThis, "pageshow", (event) => (event.persisted ? RESUMED : undefined));
    on(page, "freeze", () => FROZEN);
    on(page, "resume", () => RESUMED);
    on(page, "visibilitychange", hidden);
    return offline | (hidden() === HIDDEN ? 1 : 0);
  }

  /** Lets go of everything, for good. */
  dispose(code) {
    this.closed = true;
    this.disarm();
    this.#off(this.#page);
    this.drop(code);
  }

  /** One event of a fetched stream; `data` undefined: only its id matters. */
  event(type, data, id) {
    if (data !== undefined) this.#take(data, type, id);
    else if (id !== undefined && this.#rule(id)) this.#begun();
  }

  comment(text) {
    try {
      this.onComment?.(text);
    } catch (error) {
      report(error);
    }
  }

  #selfReconnects(transport) {
    return transport === "eventsource" && this.via === "header";
  }

  #listenTo(name) {
    this.#on(this.#link, this.socket, name, this.#onMessage);
  }

  #on(list, target, name, listener) {
    target.addEventListener?.(name, listener);
    list.push([target, name, listener]);
  }

  #off(list) {
    for (const [target, name, listener] of list) target.removeEventListener?.(name, listener);
    list.length = 0;
  }

  #message(event) {
    const sse = this.transport === "eventsource";
    if (sse && !("data" in event)) return; // EventSource's own `open` or `error`
    const now = this.heard = this.#stamped ? event.timeStamp : performance.now();
    const raw = event.data;
    if (this.isPong && !sse && this.#isHeartbeat(raw)) {
      if (this.pinged) this.roundTrip = now - this.pinged;
      this.pinged = 0;
      return;
    }
    let own;
    if (sse && event.lastEventId !== this.#lastEventId) own = this.#lastEventId = event.lastEventId;
    this.#take(raw, sse && event.type !== "message" ? event.type : undefined, own);
  }

  #take(raw, name, own) {
    this.received++;
    let message, number;
    try {
      const data = this.decode(raw);
      const type = name || (data !== null && typeof data === "object" && typeof data.type === "string" ? data.type : "message");
      message = { data, type, lastEventId: this.cursor, transport: this.transport, origin: this.origin };
      if (this.keepsRaw) message.raw = raw;
      if (this.id) {
        const id = this.id(message);
        if (id !== undefined && id !== null) own = String(id);
      }
      if (this.seq) {
        message.lastEventId = own ?? this.cursor;
        number = this.#numberOf(message);
      }
    } catch (error) {
      return report(error);
    }
    if (this.closed) return; // by decode, id or isPong
    if (this.gap !== undefined && message.type === this.gap) this.call(NOTICE, 0, 0);
    else if (this.#rule(own, number)) this.#deliver(message);
  }

  #numberOf(message) {
    let number = this.seq(message);
    if (Array.isArray(number)) {
      this.#count(number[0]);
      number = number[1];
    }
    if (number === undefined || number === null) return undefined;
    if (typeof number === "string") number = parseFloat(number);
    if (Number.isSafeInteger(number) && number >= 0) return number;
    // The message is not to blame.
    report(new TypeError("everwire: resume.seq must give a whole number from 0, or [epoch, number]"));
    return undefined;
  }

  /** What the numbers from here on count in. */
  #count(epoch) {
    const name = `${epoch ?? ""}`;
    if (!name || name === this.epoch) return;
    this.epoch = name;
    this.call(EPOCH, 0, 0, name);
  }

  /** Moves the cursor, if the id does. Whether what has it is to be delivered. */
  #rule(own, number) {
    if (this.checked) {
      this.pending = own ?? "";
      const ruling = this.call(CHECK, ...halves(number), own);
      // By a handler of the gap event. One that reconnects gets the message all the same: the core has
      // ruled on it, and will hold its replay back.
      if (this.closed) return false;
      if (ruling & 2) this.cursor = own;
      if (!(ruling & 1)) this.suppressed++;
      else if (number !== undefined) this.number = number;
      return ruling & 1;
    }
    if (own !== undefined) {
      if (this.#first.length < FIRST) this.#first.push(own);
      this.#recent[this.#learned++ & (RECENT - 1)] = own;
      this.cursor = own;
    }
    return true;
  }

  /** From here on the caller's other request can take over. */
  #begun() {
    // A Rust app's function tells by the cursor alone that it is to resume.
    if (!this.resumes || this.#resumable || (this.keepsRaw && !this.cursor)) return;
    this.#resumable = true;
    this.call(RESUMABLE, 0, 0);
  }

  #isHeartbeat(raw) {
    try {
      return raw === this.ping || this.isPong(raw);
    } catch (error) {
      report(error);
      return false;
    }
  }

  #deliver(message) {
    message.lastEventId = this.cursor;
    this.delivered++;
    this.#begun();
    this.sink(message);
  }
}

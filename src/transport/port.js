// The JavaScript half of a client: whatever touches the page. It has no policy; the core has it all.
// It holds each handle that the page could be left with (socket, listeners, timer), so that everything
// can be let go of even after the wasm has trapped. Messages pass here and never enter wasm memory.

// Kinds of `call`, as src/client/driver.rs reads them.
const TICK = 0, OPENED = 1, LOST = 2, INTERRUPTED = 3, PAGE = 4, CHECK = 5, NOTICE = 6;
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

export class Port {
  /** Into the core: `(kind, attempt, code, text)`. */
  call;
  /** Out to the app: one message. */
  sink;
  decode = decodeJson;
  /** `(message) => id` for WebSocket, if its messages have any. */
  id;
  /** The type by which the server says that something is missing. */
  gap;
  binaryType = "arraybuffer";
  withCredentials = false;
  /** The EventSource may reconnect by itself. */
  selfReconnect = false;
  /** Frames of the heartbeat; undefined while it is off. */
  ping;
  isPong;

  socket = null;
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
  /** lastEventId of the last event on this connection: only a change is an id of the event's own. */
  #lastEventId = "";
  #origin = "";
  #page = [];
  #link = [];
  #timer;
  #tick = () => this.call(TICK, 0, 0);
  #onMessage = (event) => this.#message(event);

  /** What relative addresses are relative to: the document's base, or a worker's own address. */
  get base() {
    return globalThis.document?.baseURI ?? globalThis.location?.href;
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

  open(attempt, transport, url, protocols) {
    this.transport = transport;
    this.url = url;
    this.#lastEventId = "";
    this.#origin = new URL(url).origin;
    if (transport === "websocket") {
      const socket = this.socket = new WebSocket(url, protocols ?? []);
      socket.binaryType = this.binaryType;
      this.#on(this.#link, socket, "message", this.#onMessage);
      this.#on(this.#link, socket, "open", () => this.call(OPENED, attempt, 0));
      this.#on(this.#link, socket, "close", (event) => this.call(LOST, attempt, event.code, event.reason));
    } else {
      const source = this.socket = new EventSource(url, { withCredentials: this.withCredentials });
      for (const name of this.#names) this.#listenTo(name);
      // A server may name its events `open` and `error`, too: those have data.
      this.#on(this.#link, source, "open", (event) => {
        if (!("data" in event)) this.call(OPENED, attempt, 0);
      });
      this.#on(this.#link, source, "error", (event) => {
        if ("data" in event) return;
        if (this.selfReconnect && source.readyState === 0) this.call(INTERRUPTED, attempt, 0);
        else this.call(LOST, attempt, 1006, "");
      });
    }
  }

  /** False when the socket is not open: the payload is still the caller's. */
  send(payload) {
    if (!this.socket || this.socket.readyState !== 1) return false;
    this.socket.send(payload);
    return true;
  }

  sendPing() {
    this.pinged = performance.now();
    try {
      this.send(typeof this.ping === "function" ? this.ping() : this.ping);
    } catch (error) {
      report(error);
    }
  }

  drop(code, reason) {
    this.#off(this.#link);
    const socket = this.socket;
    this.socket = null;
    if (!socket) return;
    try {
      // close(undefined) is a code to some browsers.
      code ? socket.close(code, reason) : socket.close();
    } catch (error) {
      report(error);
    }
  }

  /** Ids delivered unchecked since the last time: enough of the first and the last. */
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
    return ids;
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

  /** Lets go of everything. */
  dispose(code, reason) {
    this.disarm();
    this.#off(this.#page);
    this.drop(code, reason);
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
    if (!("data" in event)) return; // EventSource's own `open` or `error`
    this.heard = event.timeStamp;
    const raw = event.data;
    const sse = this.transport === "eventsource";
    if (this.isPong && !sse) {
      let hidden = false;
      try {
        hidden = raw === this.ping || this.isPong(raw);
      } catch (error) {
        report(error);
      }
      if (hidden) {
        if (this.pinged) this.roundTrip = event.timeStamp - this.pinged;
        this.pinged = 0;
        return;
      }
    }
    this.received++;
    let data, own;
    const message = { data, type: "message", lastEventId: this.cursor, transport: this.transport, origin: this.#origin };
    try {
      data = message.data = this.decode(raw);
      if (sse && event.type !== "message") message.type = event.type;
      else if (data !== null && typeof data === "object" && typeof data.type === "string") message.type = data.type;
      if (sse) {
        if (event.lastEventId !== this.#lastEventId) own = this.#lastEventId = event.lastEventId;
      } else if (this.id) {
        own = this.id(message);
        own = own === undefined || own === null ? undefined : String(own);
      }
    } catch (error) {
      return report(error);
    }
    if (this.gap !== undefined && message.type === this.gap) {
      this.call(NOTICE, 0, 0);
    } else if (this.checked) {
      const socket = this.socket;
      this.pending = own ?? "";
      const ruling = this.call(CHECK, 0, 0, own);
      if (ruling & 2) this.cursor = own;
      if (!(ruling & 1)) this.suppressed++;
      // The gap event's handlers may have closed the client.
      else if (this.socket === socket) this.#deliver(message);
    } else {
      if (own !== undefined) {
        if (this.#first.length < FIRST) this.#first.push(own);
        this.#recent[this.#learned++ & (RECENT - 1)] = own;
        this.cursor = own;
      }
      this.#deliver(message);
    }
  }

  #deliver(message) {
    message.lastEventId = this.cursor;
    this.delivered++;
    this.sink(message);
  }
}

// The JavaScript half of a client: whatever touches the page. It has no policy; the core has it all.
// It holds each handle that the page could be left with (socket, listeners, timer), so that everything
// can be let go of even after the wasm has trapped. Messages pass here and never enter wasm memory.
import { fitsHeader, isBadPort, isLoopback, resolve, setParameter } from "./port/address.ts";
import { KEY, fingerprint } from "./port/fingerprint.ts";
import { Batch, contentOf, decodeJson, isBytes, sizeOf } from "./port/message.ts";
import { asRange, inexact, isInexact } from "./port/numbers.ts";
import { report } from "./port/report.ts";
import { task, turn } from "./port/turn.ts";

// <calls.rs>
const TICK = 0,
  OPENED = 1,
  LOST = 2,
  INTERRUPTED = 3,
  PAGE = 5,
  CHECK = 6,
  GAP_TOLD = 10,
  RECOVERY_TOLD = 11,
  RETIRE = 12,
  GOES_UP = 14,
  RESUMABLE = 15,
  LEARN = 7,
  START_FROM = 8,
  EPOCH = 9,
  ACKED = 19,
  PONGED = 22,
  UNPINGED = 23,
  ASKING = 13,
  NACKED = 20,
  LOST_PROVIDER = 3,
  LOST_BLOCKED = 6,
  LOST_NETWORK = 1006,
  LIFE_ONLINE = 0,
  LIFE_OFFLINE = 1,
  LIFE_HIDDEN = 2,
  LIFE_VISIBLE = 3,
  LIFE_FROZEN = 4,
  LIFE_RESUMED = 5,
  LIFE_LEFT = 6,
  LIFE_SHOWN = 7,
  LIFE_GONE = 8,
  BEGINS_HIDDEN = 1,
  BEGINS_OFFLINE = 2,
  TAKEN_NOT_OPEN = 0,
  TAKEN_SENT = 1,
  TAKEN_UNSENDABLE = 2,
  TAKEN_FULL = 3,
  RULING_DELIVER = 1,
  RULING_MOVES = 2,
  RULING_RESTARTED = 4,
  ROUTE_UNPARSABLE = 0,
  ROUTE_NOT_A_STREAM = 8,
  ROUTE_SCHEME = 16,
  ROUTE_CREDENTIALS = 24,
  ROUTE_LOOPBACK = 4,
  TRANSPORT_WEBSOCKET = 1,
  TRANSPORT_FETCH = 3,
  CARRY_PLAIN = 4,
  CARRY_FITS = 8,
  CARRY_PLACED = 16,
  CARRY_NOTHING = 1,
  CARRY_HEADER = 2,
  CARRY_QUERY = 3,
  CARRY_TOO_LONG = 4,
  IDS_FIRST = 64,
  IDS_RECENT = 1024;
// </calls.rs>
const TRANSPORTS = ["", "websocket", "eventsource", "fetch"];
/** From `VIA_QUERY` on. */
const VIAS = [undefined, "query", "header", "frame", "url"];
// What the core remembers of ids: more need not be kept for it.
export const FIRST = IDS_FIRST,
  RECENT = IDS_RECENT;
/** So many bytes of memory may be kept by ids and what they came in, before the core is told of them: it keeps numbers. */
const PINNED = 2 ** 20;
/** If no more than this was held back before ids are seen to begin anew, it was new as well; and no more bytes, or units of text. */
export const WITHHELD = 16;
const WITHHELD_UNITS = 2 ** 24;
const SERVERS_PING = 2;
/** A page that is left loses its connections some ms before it is told so (Chromium), or when the next one is asked for (Firefox). */
const LEAVING = 200;
/** The events by which servers keep a stream alive: an EventSource hears none that is not named. */
const KEEP_ALIVE = ["ping", "heartbeat", "keepalive", "keep-alive"];

function sendable(frame, name) {
  if (typeof frame === "string" || isBytes(frame)) return frame;
  throw new TypeError(`everwire: ${name} must give a string or bytes`);
}

function isHeartbeat(data) {
  // The regular expression spares most messages the parse.
  if (typeof data !== "string" || data.length > 256 || !/"p[io]ng"/.test(data)) return false;
  const type = decodeJson(data)?.type;
  // The server's own ping answers nothing.
  return type === "ping" ? SERVERS_PING : type === "pong";
}

/**
 * document.open() takes all listeners off the window and the document. Calls `again` after it, until what this gives
 * is called.
 */
export function reopened(again) {
  const observer = globalThis.MutationObserver && new MutationObserver(again);
  observer?.observe(document, { childList: true });
  return () => observer?.disconnect();
}

const NUMBERS = "resume.seq must give a whole number from 0, { first, last }, or [epoch, either]";
const REFUSED = "everwire: browsers refuse this address";

export class Port {
  /** Into the core: `(kind, attempt, code, high, low)`, the last two the fingerprint of an id. */
  call;
  /** Out to the app: one message. */
  sink;
  /** @type {(data: any, transport?: string) => any} */
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
  withCredentials;
  /** Messages carry what came, undecoded, as well (the Rust API's `text` and `bytes`). */
  keepsRaw;
  /** How the cursor goes up: "query", "header", "frame", "url" (the caller does it), or undefined for what suits. */
  via;
  cursorNames = ["lastEventId"];
  /** Of a WebSocket: `(cursor) => frame`, the first one sent. */
  frame;
  /** Makes what stands between the WebSocket's open and ours, if something does (`gate.js` of the npm package). */
  gate;
  /** The caller's `(conn) => promise`, and what encodes for it. */
  handshake;
  reason;
  /** Which of the endpoints the next `open` is for. */
  way = 0;
  encode;
  /** The caller's `(headers, id) => "recovered" | "gap"` for the answer to a request that named this id. */
  outcome;
  /** The type by which the server says that it is going to close. */
  notice;
  /** The cursor that this connection was asked for. */
  asked = "";
  /** The wasm's, for what fetch reads. */
  memory;
  /** `request` of fetch.js. Not imported here: a crate's snippets cannot import one another. */
  request;
  /** The caller's own fetch. */
  fetch;
  /** Which content types are an event stream's: "optional" none, too, "any" all. */
  contentType;
  /** An event that the stream's end cuts off counts. */
  flush;
  /** There is another request for what comes after the first message. */
  resumes;
  /** The caller's `(text) => …` for comments. */
  onComment;
  /** Frames of the heartbeat; undefined while it is off, false if there are none. */
  ping;
  isPong;

  /** An earlier page's, if it left one. */
  key = KEY;

  /** What is sent and not settled: `[payload, its length in bytes if it was queued, …]` by number. */
  payloads = new Map();
  /** The caller's `(message) => id`, or ids, of what the server has, and of what it will not have; and their numbers. */
  acks;
  refuses;
  awaiting = new Map();
  /** A socket with so many bytes in its buffer takes no more. */
  highWater = 2 ** 24;
  /** Aborts what the endpoint function was given, if the attempt is given up. */
  asking;
  /** @type {any} */
  socket = null;
  /** What `socket` has listeners on. */
  link = [];
  /** A successor that is opening, to take the place of these: `{ socket, link, transport, url, origin, asked }`. */
  successor;
  closed;
  /** Its timer keeps no process alive (Node). */
  idle;
  /** As the server gave it with its last close frame. */
  closeReason = "";
  /** What a connection that fails without a word is called: the browser's rules may be why. */
  network = LOST_NETWORK;
  /** What the browser threw at the last attempt that it refused, or that failed. */
  refusal;
  /** Which of the caller's functions the connection waits for, before it is open. */
  running;
  /** @type {[any, any]} */
  prepared;
  /** The app's reason for closing. */
  goodbye = "";
  /** The last answer that was no event stream: `{ status, contentType, body }`. */
  answer;
  /** `{ status, headers }` of the last answer that was an event stream. */
  head = { status: 0, headers: null };
  /** Until this promise resolves, nothing more is delivered. */
  hold;
  /** A promise of the end of what waits to be decoded, if anything does. */
  busy;
  held;
  origin = "";
  transport = "";
  url = "";
  cursor = "";
  /** The message that is being taken, as it came. */
  incoming;
  /** The same decoded, with its inexact numbers as the server wrote them, once a reader has found one. */
  exact;
  /** The message at the cursor, as it came. */
  raw;
  /** The id under check, "" if it has none. */
  pending = "";
  checked;
  /** Of the last inbound event, on the clock of `performance.now()`; and when the message that is being taken had its turn. */
  heard = 0;
  since = 0;
  received = 0;
  /** Of the message that came last: its bytes, or its units of text, with its id and name, and with what an event came in beside. */
  size = 0;
  /** As many of these wait for somebody who listens, or for the page's turn, and in these lists. */
  kept = 0;
  keepers = new Set();
  delivered = 0;
  /** Of these, what had a place of its own (the topics of `everwire/duplex`), and no part in the cursor. */
  aside = 0;
  suppressed = 0;
  /** How many bytes of memory the ids that the core was not told of yet may keep. */
  pinned = 0;
  pinged = 0;
  /** @type {number | null} */
  roundTrip = null;

  /** With another request to go on with: something of this client's stream has come. */
  begun;
  /** `(tell) => …`: of a loss, which is told after the messages before it. */
  later = (tell) => tell();
  /** What others deliver takes its place among the messages. */
  beside = (tell) => tell();

  /** What this connection's frames were decoded to, or promises of it, in order, each with how it came. */
  #line = [];
  #lined = 0;
  /** More came than may wait, and what did is lost. */
  #missed = false;
  /** The origin from which a stream was redirected to another one. */
  #away;
  #names = new Set(["message"]);
  #first = [];
  #recent = [];
  #learned = 0;
  /** What was held back since the last message, as `#check` took it. */
  #withheld = [];
  #units = 0;
  #resumable = false;
  /** Messages that had come when this connection took over. */
  #began = 0;
  /** lastEventId of the last event on this connection: only a change is an id of the event's own. */
  #lastEventId = "";
  /** Whether events are stamped on the clock of performance.now(): jsdom's bear the time of day, those of `ws` nothing. */
  #stamped = false;
  #lastPing;
  /** What `stand` gave last, and for what. */
  #at = [];
  #place;
  #warned = "";
  /** bufferedAmount at the last tick. */
  #buffered = 0;
  #page = [];
  #watches;
  #timer;
  #leaving;
  turn = turn;
  #tick = () => {
    // A ping may wait behind a long upload: what drains is alive.
    const buffered = this.socket?.bufferedAmount ?? 0;
    if (buffered < this.#buffered || this.held) this.heard = performance.now();
    this.#buffered = buffered;
    this.call(TICK, 0, buffered);
  };
  #onMessage = (event) => this.#message(event);

  /**
   * The transport that an address takes, or why there is none (`route` in src/codes.rs). `transport` 0: WebSocket for ws(s),
   * fetch for http(s).
   */
  route(address, transport) {
    try {
      const { protocol, hostname, username, password } = resolve(address);
      const http = /^https?:$/.test(protocol);
      if (!http && !/^wss?:$/.test(protocol)) return ROUTE_SCHEME;
      if (!http && transport > TRANSPORT_WEBSOCKET) return ROUTE_NOT_A_STREAM;
      // The standard's own class takes them.
      // @ts-expect-error see #open
      if ((username || password) && !this.WebSocket) return ROUTE_CREDENTIALS;
      return (http ? transport || TRANSPORT_FETCH : TRANSPORT_WEBSOCKET) | (isLoopback(hostname) ? ROUTE_LOOPBACK : 0);
    } catch {
      return ROUTE_UNPARSABLE;
    }
  }

  /** Turns the heartbeat's frames on. */
  heartbeat(ping, isPong) {
    this.ping = ping ?? (() => `{"type":"ping","timestamp":${Date.now()}}`);
    this.isPong = isPong ?? (ping !== false && isHeartbeat);
  }

  /** Listens to one more name: a native EventSource delivers no name that was not asked for. */
  name(name) {
    if (this.#names.has(name)) return;
    this.#names.add(name);
    for (const link of [this, this.successor])
      if (link?.transport === "eventsource" && link.socket) this.#listenTo(link, name);
  }

  /** Where this client is in the stream. */
  place() {
    return { id: this.cursor, seq: this.number, epoch: this.epoch };
  }

  /** What the next `open` takes. `extra`: the protocols, or the request's method, headers, body and the like. */
  prepare(address, extra) {
    this.prepared = [address, extra];
  }

  /** False when the browser refuses. */
  open(attempt, transport) {
    // Of a successor that fails the other connection knows nothing.
    const first = !this.socket;
    if (first) this.refusal = this.answer = undefined;
    // With "url" the caller has read the cursor, when it was asked where to.
    if (this.via !== "url") this.call(ASKING);
    try {
      this.#open(attempt, TRANSPORTS[transport], ...this.prepared);
      return true;
    } catch (error) {
      if (first) this.blame(error);
      return false;
    }
  }

  /**
   * The cause of a failure: of what a fetch threw its name, words and code, and those of what is behind it. Its other fields have what was
   * given and what came (Node's, or of a fetch that somebody patched). A browser's own words may hold an address, or a header, but not
   * where they are plain ones; those of a fetch of the caller's own are the caller's, but may be the browser's with an address.
   */
  blame(error) {
    const told = this.fetch ? /^(everwire:|(?!.*:\/\/))/s : /^(everwire:.*|[\w .]*)$/;
    const plain = (at, left) => {
      // What is thrown may be a text.
      const { name, message = at, code, cause } = at ?? "",
        word = /^[\w-]+$/.test(code) ? code : undefined,
        text = message && told.test(message) ? `${message}` : word;
      if (!text || !left) return undefined;
      const behind = plain(cause, left - 1);
      return Object.assign(
        new TypeError(text, behind && { cause: behind }),
        word && { code },
        /^\w+$/.test(name) && { name },
      );
    };
    this.refusal = undefined;
    try {
      this.refusal = plain(error, 9);
    } catch {
      // Its fields cannot be read as text.
    }
  }

  /**
   * The address, and the headers of a fetch, that ask for what comes after the cursor. `placed`: the caller has put it in the address.
   * @param {boolean} [placed]
   * @returns {[URL, Headers]}
   */
  aim(transport, address, given, placed) {
    const target = resolve(address),
      headers = new Headers(given);
    // A fragment never leaves the browser, and older WebSockets throw on it.
    target.hash = "";
    if (transport === "websocket") target.protocol = target.protocol.replace("http", "ws");
    const cursor = (this.asked = this.cursor);
    // Across origins, also behind a redirect, a header of ours costs a preflight, which a server may not be ready for; and
    // WebKitGTK encodes what is not ASCII a second time (2.50, 2026).
    const plain =
      target.origin === (globalThis.origin ?? target.origin) && target.origin !== this.#away && /^[ -~]*$/.test(cursor);
    if (!headers.has("accept")) headers.set("accept", "text/event-stream");
    const encoded = `${new URLSearchParams({ "": cursor })}`.slice(1);
    // A header's characters are bytes: those of the id in UTF-8.
    const bytes = unescape(encoded.replace(/\+/g, " "));
    const carrier = this.call(
      GOES_UP,
      TRANSPORTS.indexOf(transport) |
        (plain ? CARRY_PLAIN : 0) |
        (fitsHeader(cursor) ? CARRY_FITS : 0) |
        (placed ? CARRY_PLACED : 0),
      bytes.length,
      encoded.length,
      VIAS.indexOf(this.via),
    );
    if (carrier === CARRY_TOO_LONG) throw new RangeError("everwire: the id is too long");
    if (carrier === CARRY_NOTHING) this.asked = "";
    if (carrier === CARRY_HEADER) (placed && headers.has("last-event-id")) || headers.set("last-event-id", bytes);
    if (carrier === CARRY_QUERY) for (const name of this.cursorNames) setParameter(target, name, cursor);
    return [target, headers];
  }

  /**
   * @param {number} attempt
   * @param {string} transport
   * @param {string | URL} address
   * @param {{ protocols?: string[], headers?: HeadersInit, placed?: boolean }} [how]
   */
  #open(attempt, transport, address, { protocols, headers: given, placed, ...init } = {}) {
    const [target, headers] = this.aim(transport, address, given, placed);
    const url = target.href;
    const { protocol, hostname, port } = target;
    const link = [];
    let socket;
    // The standard's own class is the browser's to refuse.
    // @ts-expect-error see #open
    if (port && !this.WebSocket && isBadPort(+port)) throw new Error(`${REFUSED} for its port ${port}`);
    // Mixed content; a policy may also have it upgraded.
    this.network =
      !isLoopback(hostname) && /^https:/.test(globalThis.origin) && /^(ws|http):/.test(protocol)
        ? LOST_BLOCKED
        : LOST_NETWORK;
    const gate = transport === "websocket" ? this.gate?.() : undefined;
    const opened = async (event) => {
      // A server may name its events `open` and `error`, too: those have data.
      if ("data" in event) return;
      this.#stamped = Math.abs(performance.now() - event.timeStamp) < 1000;
      this.running = "handshake";
      try {
        if (gate) {
          const send = (message) => socket.send(this.encode(message));
          await gate.run(this.handshake, {
            send,
            read: async ({ data }) => {
              const read = await this.decode(data, transport);
              return (read instanceof Batch ? read.messages : [read]).map((one) => this.#read(one, data));
            },
            url,
            protocol: socket.protocol,
            reason: this.reason,
            ...this.place(),
          });
        }
        this.running = "resume.frame";
        const frame = transport === "websocket" ? this.frame?.(this.place()) : undefined;
        if (frame !== undefined) socket.send(sendable(frame, "resume.frame"));
      } catch (error) {
        if (!this.owns(socket)) return;
        this.refusal = error;
        return void this.call(LOST, attempt, LOST_PROVIDER);
      }
      if (!this.owns(socket)) return;
      this.call(OPENED, attempt);
      if (gate?.ready.length && this.socket === socket)
        this.#give(new Batch(gate.ready.map(({ data }) => data)), "", undefined, undefined, 0);
      while (gate?.held.length && this.socket === socket) this.#message(gate.held.shift());
    };
    if (transport === "websocket") {
      // The drop-in has its own look at it.
      // @ts-expect-error a field would cost each client one: it sets it from outside
      socket = new (this.WebSocket ?? WebSocket)(url, protocols ?? []);
      // One that Chromium refuses is closed from the beginning; WebKit tells it by `error` alone.
      if (socket.readyState === 3) throw new Error(REFUSED);
      // Else `close` says all there is to say; the npm package `ws` throws when nobody listens.
      let ended;
      socket.onerror = async () => {
        await task();
        if (!ended && socket.readyState === 3) this.lost(socket, attempt, LOST_NETWORK);
      };
      socket.binaryType = this.binaryType;
      this.#on(link, socket, "message", gate ? (event) => gate.takes(event) || this.#message(event) : this.#onMessage);
      if (gate) link.push([gate]);
      this.#on(link, socket, "open", opened);
      this.#on(link, socket, "close", ({ code, reason }) => {
        ended = true;
        this.closeReason = reason;
        // Below 1000 no server may say one (RFC 6455, 7.4.2), but browsers pass it on; the core's own words are there.
        this.#after(() => this.lost(socket, attempt, code > 999 ? code : LOST_NETWORK));
      });
    } else if (transport === "fetch") {
      socket = this.request(this, attempt, url, { ...init, headers });
    } else {
      socket = new EventSource(url, { withCredentials: this.withCredentials });
      for (const name of this.#names) this.#listenTo({ link, socket }, name);
      if (this.ping !== undefined)
        for (const name of KEEP_ALIVE)
          this.#on(link, socket, name, () => {
            this.heard = performance.now();
          });
      this.#on(link, socket, "open", opened);
      this.#on(link, socket, "error", (event) => {
        if ("data" in event) return;
        if (this.#selfReconnects(transport) && socket.readyState === 0)
          return this.#after(() => this.call(INTERRUPTED, attempt));
        // What the browser would come back from may have been an orderly end: it does not say.
        const brought = socket.readyState ? 0 : this.received - this.#began;
        socket.close();
        this.#after(() => this.lost(socket, attempt, LOST_NETWORK, brought));
      });
    }
    this.#on(link, globalThis, "securitypolicyviolation", ({ disposition, blockedURI }) => {
      // Of a WebSocket some tell the scheme alone.
      if (disposition === "enforce" && blockedURI && url.startsWith(blockedURI)) this.network = LOST_BLOCKED;
    });
    this.successor = { socket, link, transport, url, origin: target.origin };
    if (!this.socket) this.switch(true);
  }

  /** The successor takes over, or is dropped. */
  switch(taken) {
    const { successor } = this;
    if (!taken) {
      // What it failed of is not why the other one will end.
      if (successor) this.refusal = undefined;
      return this.#forsake();
    }
    this.successor = undefined;
    // First: what lets go of the old one may run the app's code.
    const { socket, link } = this;
    this.#forget();
    Object.assign(this, successor);
    this.#release({ socket, link });
    this.#lastEventId = "";
    this.#withheld = [];
    this.#resumable = false;
    this.pinged = this.#buffered = 0;
    this.#began = this.received;
  }

  /** Whether it is one of this client's connections. */
  owns(socket) {
    return socket === this.socket || socket === this.successor?.socket;
  }

  /** Where the answer to a request for this address came from. */
  answeredFrom(url, final) {
    const { origin } = new URL(url);
    this.origin = new URL(final || url).origin;
    this.#away = this.origin === origin ? undefined : origin;
  }

  /** A redirect leads to another origin: from here on the cursor stands in the address. */
  astray(url, headers) {
    const target = new URL(url);
    this.#away = target.origin;
    headers.delete("last-event-id");
    for (const name of this.cursorNames) setParameter(target, name, this.asked);
    return target.href;
  }

  /** The server's word on what it is going to send. */
  answered(headers) {
    try {
      const outcome = this.asked ? this.outcome?.(headers, this.asked) : undefined;
      const code = ["gap", "recovered", undefined].indexOf(outcome);
      if (code < 0) this.warn('resume.outcome must give "recovered", "gap" or undefined');
      else if (code < 2) this.call(code ? RECOVERY_TOLD : GAP_TOLD);
    } catch (error) {
      report(error);
    }
  }

  /** Whether the socket takes something now: it is not open, its buffer is full, or it would be sent. */
  takes() {
    if (this.socket?.readyState !== 1) return TAKEN_NOT_OPEN;
    // Test doubles may have none.
    return this.socket.bufferedAmount >= this.highWater ? TAKEN_FULL : TAKEN_SENT;
  }

  /** As `takes`, or the browser refused it. */
  send(id) {
    const taken = this.takes();
    if (taken !== TAKEN_SENT) return taken;
    try {
      this.socket.send(this.payloads.get(id)[0]);
      return TAKEN_SENT;
    } catch {
      return TAKEN_UNSENDABLE;
    }
  }

  sendPing() {
    try {
      const ping = sendable(typeof this.ping === "function" ? this.ping() : this.ping, "heartbeat.ping");
      if (this.socket?.readyState === 1) {
        this.#lastPing = ping;
        this.pinged = performance.now();
        return this.socket.send(ping);
      }
    } catch (error) {
      report(error);
    }
    // No pong answers what was not sent.
    this.call(UNPINGED);
  }

  drop(code) {
    this.pending = "";
    this.#forsake();
    this.#release(this, code);
  }

  /** Lets go of the successor, and of what is asked for its sake. */
  #forsake() {
    this.#release(this.successor);
    this.successor = undefined;
    this.asking?.abort();
  }

  /** What waits to be decoded goes with its connection: the cursor has not moved. */
  #forget() {
    this.held = false;
    this.busy = undefined;
    this.#line = [];
    this.#lined = 0;
    this.#missed = false;
  }

  /** Listeners first. */
  #release(connection, code) {
    const socket = connection?.socket;
    if (!socket) return;
    if (connection === this) this.#forget();
    connection.socket = null;
    this.#off(connection.link);
    try {
      // close(undefined) is a code to some browsers.
      code ? socket.close(code, this.goodbye) : socket.close();
    } catch (error) {
      report(error);
    }
  }

  /** What an earlier page left; `known`: the fingerprint of the message at the cursor, and its key. */
  start(cursor, number, epoch, known) {
    // Storage gives what anybody put there.
    const print = [].concat(known),
      whole = print.length === 3 && print.every(Number.isInteger);
    if (whole) this.key = print[2];
    this.cursor = cursor;
    this.#count(epoch);
    this.number = number;
    this.rule(START_FROM, whole ? print : this.fingerprint(cursor, number), number);
  }

  /**
   * A fingerprint, and a number in two halves, the upper one counted from 1.
   * @param {number} kind
   * @param {number[]} fingerprint
   * @param {number | string} [number]
   */
  rule(kind, [upper, lower], number) {
    // Big integers are slow, and most messages have no number.
    const big = number === undefined ? number : BigInt(number);
    return big === undefined
      ? this.call(kind, 0, 0, upper, lower)
      : this.call(kind, Number(big >> 32n) + 1, Number(BigInt.asUintN(32, big)), upper, lower);
  }

  /** What `start` of the next page takes. Asked for each message, which may all stand behind one that is large. */
  stand() {
    const { id, seq, epoch } = this.place(),
      at = [id, seq, epoch, this.raw];
    if (at.some((one, n) => one !== this.#at[n])) {
      this.#at = at;
      this.#place = [id, seq, epoch, [...this.fingerprint(id, seq, this.raw), this.key]];
    }
    return this.#place;
  }

  /** With `raw` the message itself is known again, not only its id. An epoch proves as much. */
  fingerprint(own, number, raw) {
    const id = number === undefined ? own : `${this.epoch ?? ""}#${number}`;
    return fingerprint(id, raw, this.transport === "websocket", this.key, number);
  }

  /** Tells the ids delivered unchecked since the last time: enough of the first and the last. */
  drain() {
    const learned = this.#recent.slice(-2 * RECENT);
    if (this.#learned > RECENT) learned.unshift(...this.#first);
    const more = Math.max(0, this.#learned - learned.length / 2);
    this.#first = [];
    this.#recent = [];
    this.#learned = this.pinned = 0;
    for (let at = 0; at < learned.length; at += 2)
      this.rule(LEARN, this.fingerprint(learned[at], undefined, learned[at + 1]), at ? undefined : more);
  }

  arm(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#tick, ms);
    if (this.idle) this.#timer.unref?.();
  }

  disarm() {
    clearTimeout(this.#timer);
  }

  /**
   * Listens to the page's life, or only to its end where the client outlives it. Returns what it is now: 1 hidden, 2 offline.
   */
  watch(all) {
    const page = globalThis.document;
    const visibility = () => (page.visibilityState === "hidden" ? LIFE_HIDDEN : LIFE_VISIBLE);
    // `fresh`: what it is where the page has never been in the back/forward cache, nor goes there.
    const on = (target, name, code, fresh) =>
      this.#on(this.#page, target, name, (event) => {
        this.call(PAGE, 0, (event.persisted ? code : fresh) ?? code ?? visibility());
      });
    const stop = reopened(() => {
      for (const [target, name, listener] of this.#page) target?.addEventListener?.(name, listener);
    });
    this.#page.push([{ removeEventListener: stop }]);
    // Others see into a frame or a popup, and hold what is in it when it has gone.
    if (globalThis.opener || globalThis.parent !== globalThis.window)
      this.#on(this.#page, globalThis, "pagehide", ({ persisted }) => {
        if (persisted) return;
        // Last of all: an app's own listeners may have something to send.
        if (visibility() === LIFE_HIDDEN) this.call(PAGE, 0, LIFE_GONE);
        else on(page, "visibilitychange", LIFE_GONE);
      });
    if (!(this.#watches = all)) return 0;
    on(globalThis, "online", LIFE_ONLINE);
    on(globalThis, "offline", LIFE_OFFLINE);
    const offline = globalThis.navigator?.onLine === false ? BEGINS_OFFLINE : 0;
    if (!page) return offline;
    on(globalThis, "pagehide", LIFE_FROZEN, LIFE_LEFT);
    on(globalThis, "pageshow", LIFE_RESUMED, LIFE_SHOWN);
    on(page, "freeze", LIFE_FROZEN);
    on(page, "resume", LIFE_RESUMED);
    on(page, "visibilitychange");
    return offline | (visibility() === LIFE_HIDDEN ? BEGINS_HIDDEN : 0);
  }

  /** On the window or the document, until the end. */
  listen(target, name, listener) {
    this.#on(this.#page, target, name, listener);
  }

  /** The connection is over. `brought`: messages, where it ended in good order. */
  async lost(socket, attempt, code, brought = 0) {
    // It may be the page that goes, which is no failure. Nobody looks at a hidden one, and its timers are slow.
    if (/^100[16]$/.test(code) && this.#watches && globalThis.document?.visibilityState === "visible")
      await new Promise((resolve) => {
        this.#leaving = setTimeout(resolve, LEAVING);
      });
    // Chromium and Firefox tell of a policy after it has refused a fetch.
    else if (code === LOST_NETWORK) await task();
    if (this.owns(socket)) this.call(LOST, attempt, code === LOST_NETWORK ? this.network : code >>> 0, brought);
  }

  /** Lets go of everything, for good. */
  dispose(code) {
    this.closed = true;
    this.#watches = false;
    this.disarm();
    clearTimeout(this.#leaving);
    this.#off(this.#page);
    this.drop(code);
  }

  /** One event of a fetched stream; `data` undefined: only its id matters. `size`: of all that it came in. */
  event(type, data, id, size) {
    if (data !== undefined) this.#take(data, type, id, size);
    else if (id !== undefined && this.#rule(id)) this.#begun();
  }

  comment(text) {
    try {
      this.onComment?.(text);
    } catch (error) {
      report(error, true);
    }
  }

  #selfReconnects(transport) {
    return transport === "eventsource" && this.via === "header";
  }

  #listenTo({ link, socket }, name) {
    this.#on(link, socket, name, this.#onMessage);
  }

  #on(list, target, name, listener) {
    target?.addEventListener?.(name, listener);
    list.push([target, name, listener]);
  }

  #off(list) {
    for (const [target, name, listener] of list) target?.removeEventListener?.(name, listener);
    list.length = 0;
  }

  #message(event) {
    const sse = this.transport === "eventsource";
    if (sse && !("data" in event)) return; // EventSource's own `open` or `error`
    const now = (this.since = this.heard = this.#stamped ? event.timeStamp : performance.now());
    const raw = event.data;
    // Of the stream's final address, after its redirects.
    if (sse && event.origin) this.origin = event.origin;
    const heartbeat = this.isPong && !sse && this.#isHeartbeat(raw);
    if (heartbeat) {
      if (heartbeat !== SERVERS_PING) {
        if (this.pinged) this.roundTrip = now - this.pinged;
        this.pinged = 0;
        this.call(PONGED);
      }
      return;
    }
    let own;
    if (sse && event.lastEventId !== this.#lastEventId) own = this.#lastEventId = event.lastEventId;
    const size = sizeOf(raw) + sizeOf(own);
    // A text has one byte or two for each character: nobody tells which.
    this.pinned += 2 * size;
    this.#take(raw, sse ? event.type : undefined, own, size);
  }

  #take(raw, name, own, size) {
    // The default is never late, and makes one message of each frame.
    if (this.decode === decodeJson) return this.#put(decodeJson(raw), raw, name, own, size);
    if (this.#line.length >= RECENT || this.#lined >= WITHHELD_UNITS) return void (this.#missed = true);
    let data;
    try {
      data = this.decode(raw, this.transport);
    } catch (error) {
      return report(error);
    }
    this.#give(data, raw, name, own, size);
  }

  /** Sees to what decode gave at once, if it can. */
  #give(data, raw, name, own, size) {
    const line = this.#line;
    let wait;
    if (this.busy || this.#missed || typeof data?.then === "function") {
      line.push([data, raw, name, own, size, this.#missed]);
      this.#lined += size;
      this.#missed = false;
      // One that rejects before its turn is not unhandled.
      Promise.resolve(data).catch(() => {});
    } else if (!(wait = this.#deal(data, raw, name, own, size))) return;
    this.busy ??= this.#work(line, wait);
  }

  /** What waits has its turn, one by one. */
  async #work(line, wait) {
    await wait;
    while (line === this.#line && line.length) {
      let data = new Batch([]);
      try {
        data = await line[0][0];
      } catch (error) {
        if (line === this.#line) report(error);
      }
      if (line !== this.#line) return;
      const [, raw, name, own, size, missed] = line.shift();
      this.#lined -= size;
      if (missed) this.call(GAP_TOLD, 0, 1);
      this.since = performance.now();
      await this.#deal(data, raw, name, own, size);
    }
    if (line === this.#line) this.busy = undefined;
  }

  /** Messages of a batch as if each had come by itself. Fetched ones may have to wait for the page, or for a loop: then a promise of the rest. */
  #deal(data, raw, name, own, size, at = 0) {
    if (!(data instanceof Batch)) return void this.#put(data, raw, name, own, size);
    const { socket } = this,
      { messages } = data,
      share = Math.ceil(size / messages.length);
    while (at < messages.length && this.socket === socket) {
      const one = messages[at++],
        content = this.id || this.seq || this.acks || own ? contentOf(one) : undefined;
      this.since = performance.now();
      // The id of an event is that of its last message: nobody goes on from the middle.
      this.#put(one, content, name, at < messages.length ? undefined : own, share, true);
      const hold = this.transport === "fetch" && (this.hold ?? this.turn(performance.now() - this.since));
      if (hold)
        return hold.then(() => {
          if (this.hold === hold) this.hold = undefined;
          if (this.socket === socket) return this.#deal(data, raw, name, own, size, at);
        });
    }
  }

  /** When all that came before has been delivered. */
  #after(tell) {
    if (this.busy) this.busy.then(() => this.#after(tell));
    else this.later(tell);
  }

  /** `part`: of a batch; `raw` is no JSON that came, then. */
  #put(data, raw, name, own, size, part = false) {
    this.received++;
    this.size = size;
    this.incoming = raw;
    this.exact = part ? data : undefined;
    let message, number, first;
    try {
      message = this.#read(data, raw, name);
      if (this.acknowledges(message)) return;
      if (this.id) {
        own = this.idOf(this.id, message) ?? own;
      }
      if (this.seq) {
        message.lastEventId = own ?? this.cursor;
        [number, first] = this.#numberOf(message, own);
      }
    } catch (error) {
      report(error);
      // One without an id is better than none.
      if (!message) return;
    }
    if (this.closed) return; // by decode, id or isPong
    const { type } = message;
    if (this.gap !== undefined && type === this.gap) this.call(GAP_TOLD);
    else if (!this.#rule(own, number, raw, message, first)) return;
    else if (this.notice !== undefined && type === this.notice) this.call(RETIRE);
    else this.#deliver(message);
  }

  #read(data, raw, name = undefined) {
    // By the standard that is the type of an event without a name: native EventSources tell no difference.
    const type =
      (name !== "message" && name) ||
      (data !== null && typeof data === "object" && typeof data.type === "string" ? data.type : "message");
    const message = { data, type, lastEventId: this.cursor, transport: this.transport, origin: this.origin };
    if (this.keepsRaw) message.raw = raw;
    return message;
  }

  /** What a server said is no error of the app's. What cannot be counts as not said: each kind is told once, in the console. */
  warn(rule) {
    if (this.#warned.includes(rule)) return;
    this.#warned += rule;
    // biome-ignore lint/suspicious/noConsole: nobody could be told in another way.
    console.warn(`everwire: ${rule}; anything else is ignored`);
  }

  /** Whether it says of something that was sent that the server has it, or will not have it. */
  acknowledges(message) {
    return (
      (this.acks && this.#said(this.acks, message, "match", ACKED)) ||
      (this.refuses && this.#said(this.refuses, message, "refused", NACKED))
    );
  }

  #said(read, message, option, kind) {
    const ids = this.exactly(read, message) ?? undefined;
    for (const id of ids === undefined ? [] : [].concat(ids)) {
      const number =
        typeof id === "object" ? this.warn(`outbox.ack.${option} must give ids`) : this.awaiting.get(String(id));
      if (number !== undefined) this.call(kind, 0, number);
    }
    return ids !== undefined;
  }

  /** What `read` finds in a message. A number that no double holds is found as the server wrote it, where the engine tells. */
  exactly(read, message) {
    const found = read(message);
    if (!inexact(found)) return found;
    try {
      const source = (_, value, context) => (isInexact(value) ? (context?.source ?? value) : value);
      // For all readers: it takes ten times as long as to decode it.
      this.exact ??= JSON.parse(this.incoming, source);
      return read({ ...message, data: this.exact }) ?? found;
    } catch {
      this.exact ??= message.data;
      return found;
    }
  }

  /**
   * The id that `read` finds. "", true, objects, and what may stand for several numbers are none: they would come again. After the
   * last of these the id before it is no place to go on from, so it is "".
   */
  idOf(read, message) {
    const id = this.exactly(read, message),
      type = typeof id;
    if (type === "number" && Math.abs(id) >= 2 ** 53) return "";
    return (type === "string" ? id : type === "bigint" || (type === "number" && Math.abs(id) < 2 ** 53))
      ? `${id}`
      : undefined;
  }

  /** `seq` true: the id of the message's own is the number, and a message without one has none. */
  #numberOf(message, own) {
    let number = this.seq === true ? own : this.exactly(this.seq, message);
    const epoch = Array.isArray(number);
    if (epoch) {
      this.#count(number[0]);
      number = number[1];
    }
    if (number === undefined || number === null) return [];
    if (!epoch) this.#count();
    const range = asRange(number);
    if (range[0] === undefined) this.warn(NUMBERS);
    return range;
  }

  /** What the numbers from here on count in. */
  #count(epoch) {
    // No longer than an id that goes up: it is in each fingerprint, and stored.
    const odd = epoch && (typeof epoch === "object" || epoch.length > 4_000);
    if (odd) this.warn(NUMBERS);
    const name = odd ? "" : `${epoch ?? ""}`;
    if (name === (this.epoch ?? "")) return;
    this.epoch = name || undefined;
    this.number = undefined;
    this.rule(EPOCH, fingerprint(name || " ", undefined, false, this.key));
  }

  /** Moves the cursor, if the id does. Whether what has it is to be delivered. Short: engines inline it for every message. */
  #rule(own, number, raw, message, first) {
    if (this.checked) return this.#check(own, number, raw, message, first);
    if (own !== undefined) this.#learn(own, raw);
    return true;
  }

  /** After a reconnect, and where messages are numbered, the core decides. */
  #check(own, number, raw, message, first) {
    this.pending = own ?? "";
    // The first number may be of the message that the cursor names.
    const counted = own && this.number === undefined ? undefined : number;
    if (first !== undefined) this.rule(EPOCH, [0, 0], first);
    // When it comes again it may be put together in another way.
    const ruling = this.rule(CHECK, this.fingerprint(own, counted, first === undefined ? raw : undefined), number);
    // By a handler of the gap event. One that reconnects gets the message all the same: the core has
    // ruled on it, and will hold its replay back.
    if (this.closed) return false;
    const withheld = this.#withheld;
    if (!withheld.length) this.#units = 0;
    if (ruling) this.#withheld = [];
    // Of more than that nothing is kept but that there was more.
    else if (
      message &&
      withheld.length <= WITHHELD &&
      (withheld.push([own, number, raw, message, first]) > WITHHELD || (this.#units += this.size) > WITHHELD_UNITS)
    )
      withheld.fill(0).length = WITHHELD + 1;
    if (ruling & RULING_RESTARTED) {
      for (const one of withheld.length > WITHHELD ? [] : withheld) {
        this.suppressed--;
        if (this.#check(...one)) this.#deliver(one[3]);
      }
      return this.#check(own, number, raw, message, first);
    }
    const moves = ruling & RULING_MOVES && own !== undefined;
    if (moves) this.cursor = own;
    if (ruling & RULING_DELIVER) this.number = number ?? this.number;
    if (number === this.number && (moves || number !== undefined)) this.raw = raw;
    if (ruling & RULING_DELIVER) return true;
    this.suppressed++;
    return false;
  }

  /** The core hears of it later, in `drain`. */
  #learn(own, raw) {
    if (this.#learned++ < FIRST) this.#first.push(own, raw);
    if (this.#recent.push(own, raw) > 4 * RECENT) {
      this.#recent.splice(0, 2 * RECENT);
      this.pinned = 0;
    }
    this.raw = raw;
    this.cursor = own;
    if (this.pinned > PINNED) this.drain();
  }

  /** From here on the caller's other request can take over. */
  #begun() {
    // A Rust app's function tells by the cursor alone that it is to resume.
    if (!this.resumes || this.#resumable || (this.keepsRaw && !this.cursor)) return;
    this.begun = this.#resumable = true;
    this.call(RESUMABLE);
  }

  #isHeartbeat(raw) {
    try {
      // Some servers send it back as it was.
      return raw === this.#lastPing || this.isPong(raw);
    } catch (error) {
      report(error);
      return false;
    }
  }

  #deliver(message) {
    message.lastEventId = this.cursor;
    this.#begun();
    this.sink(message);
  }
}

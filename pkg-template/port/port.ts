// What the core asks of the page: connections, one timer, the page's life. It has no policy; the core has it all.
// It holds each handle that the page could be left with (socket, listeners, timer), so that everything
// can be let go of even after the wasm has trapped. Messages pass here and never enter wasm memory.
import type { Answer } from "../links/answer.ts";
import type { Dial, Link, Receiver, Request } from "../links/link.ts";
import { isLoopback, resolve, setParameter } from "./address.ts";
import { causeOf } from "./blame.ts";
import { type Value, isBytes, sizeOf } from "./message.ts";
import { Inbound } from "./inbound.ts";
import { SERVERS_PING } from "./heartbeat.ts";
import { Page } from "./page.ts";
import { report } from "./report.ts";
import { task } from "./turn.ts";

// <calls.rs>
const TICK = 0,
  OPENED = 1,
  LOST = 2,
  PAGE = 5,
  GAP_TOLD = 10,
  RECOVERY_TOLD = 11,
  ASKING = 13,
  PONGED = 22,
  UNPINGED = 23,
  LOST_PROVIDER = 3,
  LOST_BLOCKED = 6,
  LOST_NETWORK = 1006,
  TAKEN_NOT_OPEN = 0,
  TAKEN_SENT = 1,
  TAKEN_UNSENDABLE = 2,
  TAKEN_FULL = 3,
  ROUTE_UNPARSABLE = 0,
  ROUTE_NOT_A_STREAM = 8,
  ROUTE_SCHEME = 16,
  ROUTE_CREDENTIALS = 24,
  ROUTE_LOOPBACK = 4,
  TRANSPORT_WEBSOCKET = 1,
  TRANSPORT_FETCH = 3;
// </calls.rs>

function sendable(frame: Value, name: string) {
  if (typeof frame === "string" || isBytes(frame)) return frame;
  throw new TypeError(`everwire: ${name} must give a string or bytes`);
}

export class Port extends Inbound implements Receiver {
  readonly page = new Page();
  /** What an event source listens to. */
  readonly names = new Set(["message"]);
  /** Writes down the place. */
  declare overdue: () => void;
  /** Of a loss, which is told after the messages before it. */
  declare later: (tell: () => void) => void;
  /** What others deliver takes its place among the messages. */
  declare beside: (tell: () => void) => void;

  /** One that is opening, to take the link's place. */
  declare successor: Link | undefined;
  /** What the next `open` takes. */
  declare prepared: Omit<Request, "attempt" | "transport">;
  /** Why the functions are asked, and which of the endpoints the next `open` is for. */
  declare reason: string;
  way = 0;
  /** Aborts what the endpoint function was given, if the attempt is given up. */
  declare asking: AbortController | undefined;
  /** The origin from which a stream was redirected to another one. */
  declare away: string | undefined;

  /** What is sent and not settled: `[payload, its length in bytes if it was queued, …]` by number. */
  payloads = new Map<number, Value[]>();
  /** As the server gave it with its last close frame. */
  declare closeReason: string | undefined;
  /** What a connection that fails without a word is called: the browser's rules may be why. */
  declare network: number;
  /** What the browser threw at the last attempt that it refused, or that failed. */
  declare refusal: Value;
  /** Which of the caller's functions the connection waits for, before it is open. */
  declare running: string;
  /** The app's reason for closing. */
  goodbye = "";
  /** The last answer that was no event stream. */
  declare answer: Answer | undefined;
  /** Of the last answer that was an event stream. */
  head: { status: number; headers: Headers | null } = { status: 0, headers: null };
  /** Of the last inbound event, on the clock of `performance.now()`. */
  heard = 0;
  /** Messages that had come when this connection took over. */
  began = 0;
  roundTrip: number | null = null;

  /** As many bytes, or units of text, wait for somebody who listens, or for the page's turn, and in these lists. */
  kept = 0;
  keepers = new Set();
  delivered = 0;
  /** Of these, what had a place of its own (the topics of `everwire/duplex`), and no part in the cursor. */
  aside = 0;

  #lastPing: Value;
  /** When the last ping went out, if it has no answer yet. */
  #pinged = 0;
  /** bufferedAmount at the last tick. */
  #buffered = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #tick = () => {
    // A ping may wait behind a long upload: what drains is alive.
    const buffered = this.link?.socket?.bufferedAmount ?? 0;
    if (buffered < this.#buffered || this.held) this.heard = performance.now();
    this.#buffered = buffered;
    this.call(TICK, 0, buffered);
  };

  /**
   * The transport that an address takes, or why there is none (`route` in src/codes.rs). `transport` 0: WebSocket for ws(s),
   * fetch for http(s).
   */
  route(address: string | URL, transport: number): number {
    try {
      const { protocol, hostname, username, password } = resolve(address);
      const http = /^https?:$/.test(protocol);
      if (!http && !/^wss?:$/.test(protocol)) return ROUTE_SCHEME;
      if (!http && transport > TRANSPORT_WEBSOCKET) return ROUTE_NOT_A_STREAM;
      if (username || password) return ROUTE_CREDENTIALS;
      return (http ? transport || TRANSPORT_FETCH : TRANSPORT_WEBSOCKET) | (isLoopback(hostname) ? ROUTE_LOOPBACK : 0);
    } catch {
      return ROUTE_UNPARSABLE;
    }
  }

  /** Listens to one more name. */
  name(name: string) {
    if (this.names.has(name)) return;
    this.names.add(name);
    this.link?.hear?.(name);
    this.successor?.hear?.(name);
  }

  /** False when the browser refuses. */
  open(attempt: number, transport: number) {
    // Of a successor that fails the other connection knows nothing.
    const first = !this.link;
    if (first) this.refusal = this.answer = undefined;
    // With "url" the caller has read the cursor, when it was asked where to.
    if (this.via !== "url") this.call(ASKING);
    try {
      const link = (this.links[transport] as Dial)(this, {
        ...this.prepared,
        attempt,
        transport,
      });
      this.successor = link;
      if (!this.link) this.switch(true);
      return true;
    } catch (error) {
      if (first) this.blame(error);
      return false;
    }
  }

  /** The successor takes over, or is dropped. */
  switch(taken: Value) {
    const { successor, link } = this;
    if (!taken) {
      // What it failed of is not why the other one will end.
      if (successor) this.refusal = undefined;
      return this.#forsake();
    }
    this.successor = undefined;
    // First: what lets go of the old one may run the app's code.
    this.forget();
    this.link = successor as Link;
    this.to = this.link.to;
    this.#release(link);
    this.#pinged = this.#buffered = 0;
    this.began = this.received;
  }

  /** The caller's first frame goes before all else. */
  opened(link: Link) {
    this.running = "resume.frame";
    try {
      const frame = link.socket && this.frame?.(this.place());
      if (frame !== undefined) (link.socket as WebSocket).send(sendable(frame, "resume.frame"));
    } catch (error) {
      return this.failed(link, error);
    }
    if (!link.closed) this.call(OPENED, link.to.attempt);
  }

  /** What the caller gave for the connection is not good. */
  failed(link: Link, error: Value) {
    if (link.closed) return;
    this.refusal = error;
    this.call(LOST, link.to.attempt, LOST_PROVIDER);
  }

  /** A stream's answer has come, and the server's word in it on what it is going to send. */
  answered(link: Link, url: string, response: Response) {
    const { to } = link,
      { status, headers } = response;
    to.head = this.head = { status, headers };
    this.call(OPENED, to.attempt);
    if (link.closed) return;
    const { origin } = new URL(url);
    to.origin = new URL(response.url || url).origin;
    this.away = to.origin === origin ? undefined : origin;
    try {
      const outcome = to.asked ? this.outcome?.(headers, to.asked) : undefined;
      const code = ["gap", "recovered", undefined].indexOf(outcome);
      if (code < 0) this.ignored('resume.outcome must give "recovered", "gap" or undefined');
      else if (code < 2) this.call(code ? RECOVERY_TOLD : GAP_TOLD);
    } catch (error) {
      report(error);
    }
  }

  /** A redirect leads to another origin: from here on the cursor stands in the address. */
  astray({ to }: Link, url: string, headers: Headers) {
    const target = new URL(url);
    this.away = target.origin;
    headers.delete("last-event-id");
    for (const name of this.cursorNames) setParameter(target, name, to.asked);
    return target.href;
  }

  /** One frame of a WebSocket. */
  message(raw: Value, at: number) {
    this.since = this.heard = at;
    let heartbeat: Value;
    try {
      // Some servers send it back as it was.
      heartbeat = this.isPong && (raw === this.#lastPing || this.isPong(raw));
    } catch (error) {
      report(error);
    }
    if (heartbeat) {
      if (heartbeat !== SERVERS_PING) {
        if (this.#pinged) this.roundTrip = at - this.#pinged;
        this.#pinged = 0;
        this.call(PONGED);
      }
      return;
    }
    const size = sizeOf(raw);
    // A text has one byte or two for each character: nobody tells which.
    this.pinned += 2 * size;
    this.take(raw, undefined, undefined, size);
  }

  /** When all that came before has been delivered. */
  inOrder(tell: () => void) {
    const { busy } = this;
    if (busy) busy.then(() => this.inOrder(tell));
    else this.later(tell);
  }

  /** The connection is over. `brought`: messages, where it ended in good order. */
  async lost(link: Link, code: number, brought = 0, reason?: string) {
    const leaving = /^100[16]$/.test(code as Value) && this.page.leaving();
    if (leaving) await leaving;
    // Chromium and Firefox tell of a policy after it has refused a fetch.
    else if (code === LOST_NETWORK) await task();
    if (link.closed) return;
    if (reason !== undefined) this.closeReason = reason;
    this.call(LOST, link.to.attempt, code === LOST_NETWORK ? this.network : code >>> 0, brought);
  }

  blame(error: Value) {
    this.refusal = causeOf(error, !!this.fetch);
  }

  /** Whether the socket takes something now: it is not open, its buffer is full, or it would be sent. */
  takes(): number {
    const socket = this.link?.socket;
    if (socket?.readyState !== 1) return TAKEN_NOT_OPEN;
    // Test doubles may have none.
    return socket.bufferedAmount >= this.highWater ? TAKEN_FULL : TAKEN_SENT;
  }

  /** As `takes`, or the browser refused it. */
  send(id: number): number {
    const taken = this.takes();
    if (taken !== TAKEN_SENT) return taken;
    try {
      this.link?.socket?.send((this.payloads.get(id) as Value[])[0]);
      return TAKEN_SENT;
    } catch {
      return TAKEN_UNSENDABLE;
    }
  }

  sendPing() {
    const { ping } = this;
    try {
      const frame = sendable(typeof ping === "function" ? ping() : ping, "heartbeat.ping");
      const socket = this.link?.socket;
      if (socket?.readyState === 1) {
        this.#lastPing = frame;
        this.#pinged = performance.now();
        return socket.send(frame);
      }
    } catch (error) {
      report(error);
    }
    // No pong answers what was not sent.
    this.call(UNPINGED);
  }

  drop(code?: number) {
    this.pending = "";
    this.#forsake();
    this.forget();
    const { link } = this;
    this.link = undefined;
    this.#release(link, code);
  }

  arm(ms: number) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#tick, ms);
    if (this.idle) (this.#timer as { unref?(): void }).unref?.();
  }

  disarm() {
    clearTimeout(this.#timer);
  }

  /** Listens to the page's life; returns what it is now. */
  watch(all: Value) {
    const { page } = this;
    page.on(globalThis, "securitypolicyviolation", ({ disposition, blockedURI }: SecurityPolicyViolationEvent) => {
      // Of a WebSocket some tell the scheme alone.
      if (
        disposition === "enforce" &&
        blockedURI &&
        [this.link, this.successor].some((link) => link?.to.url.startsWith(blockedURI))
      )
        this.network = LOST_BLOCKED;
    });
    return page.watch(all, (life) => this.call(PAGE, 0, life));
  }

  /** Lets go of everything, for good. */
  dispose(code?: number) {
    this.closed = true;
    this.disarm();
    this.page.off();
    this.drop(code);
  }

  /** Lets go of the successor, and of what is asked for its sake. */
  #forsake() {
    const { successor } = this;
    this.successor = undefined;
    this.#release(successor);
    this.asking?.abort();
  }

  #release(link: Link | undefined, code?: number) {
    try {
      link?.close(code, this.goodbye);
    } catch (error) {
      report(error);
    }
  }
}

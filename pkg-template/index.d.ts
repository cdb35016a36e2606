/**
 * everwire: a live connection that reconnects, notices that it is dead, and picks up where it left off.
 * All times are in milliseconds.
 */

/// <reference lib="esnext.disposable" />

/** What the server says: event type to the type of its `data`. */
export type EventMap = Record<string, any>;
/** The default event map: any type, any data. */
export type AnyEvents = Record<string, any>;

export type Transport = "websocket" | "eventsource" | "fetch";

/**
 * Where to connect. An object names the address by transport; one with both falls back from the WebSocket to the event stream
 * when the WebSocket fails to open twice in a row, or is lost soon after opening three times; at once when the browser blocks it.
 */
export type Target = string | URL | { websocket?: string | URL; sse?: string | URL };

/** What a function of the caller's is told of the attempt that it is called for. */
export interface Context {
  /** `unauthorized`: the server has refused the credentials (401, close 4001 or 4401, or what `shouldReconnect` calls so). */
  readonly reason: "initial" | "reconnect" | "unauthorized";
  /** Retries since the last stable connection: 0 in the first attempt, 1 in the first retry. */
  readonly attempt: number;
  /** The cursor: the id of the last message delivered, or "". */
  readonly lastEventId: string;
  /** Aborted when the attempt is given up. */
  readonly signal: AbortSignal;
}

/** What a function is told that gives a part of a request. */
export interface RequestContext extends Context {
  /** Where the request goes: absolute, without the cursor. What is for one origin is given to that one alone. */
  readonly url: string;
}

/** An address, or a function asked for one before each attempt (a fresh token, say). */
export type Endpoint = Target | ((context: Context) => Target | Promise<Target>);

/** Where a client stands in its stream. */
export interface Place {
  /** The last id; "" before there is one. */
  readonly id: string;
  /** The last sequence number, as a string above 2^53, and what it counts in, where messages have them (`resume.seq`). */
  readonly seq?: number | string;
  readonly epoch?: string;
}

/** Where a stream stands, for the request that goes on with it or cancels it. */
export interface Cursor extends Context, Place, Head {}

/** The head of the answer that was last streamed. */
export interface Head {
  /** Its HTTP status; 0 over other transports than fetch, and where no stream has begun in this page. */
  readonly status: number;
  /**
   * Its headers, or null. Of another origin's answer the page sees those alone that the server exposes
   * (`Access-Control-Expose-Headers`).
   */
  readonly headers: Headers | null;
}

/** A request in the place of the first one. */
export interface HttpRequest {
  /** Default GET to resume, POST to cancel. */
  method?: string;
  /** Default: the endpoint. */
  url?: string | URL;
  /** Default: those of `http.headers`. */
  headers?: HeadersInit;
  body?: BodyInit;
}

export interface HttpOptions {
  /**
   * Default GET. POST and PATCH are repeated by themselves only when the server certainly did not act on
   * them: after a status from 400 to 499 other than 408, and 503 with `Retry-After`, where those are not fatal; never after
   * a network error, nor once an answer began. See `retry` and `resume.request`.
   */
  method?: string;
  /**
   * Headers, or a function asked for them before each attempt, and for `cancel`, `uplink` and `probe`. Headers that would go to several
   * origins (of endpoints, say) are refused: give a function, which is told the `url`.
   */
  headers?: HeadersInit | ((context: RequestContext) => HeadersInit | undefined | Promise<HeadersInit | undefined>);
  /** The body, or a function asked for it before each attempt. For several origins as `headers`. */
  body?: BodyInit | ((context: RequestContext) => BodyInit | undefined | Promise<BodyInit | undefined>);
  /** As for fetch. Default `same-origin`, or `include` with `withCredentials`. */
  credentials?: "omit" | "same-origin" | "include";
  /** As for fetch. Default `cors`. */
  mode?: "cors" | "same-origin";
  /**
   * What becomes of a redirect (Fetch, "HTTP-redirect fetch"). By default a request with headers, a body or `credentials: "include"`
   * follows one on the page's own origin, and so does a `fetch` of yours, which may add some. Any other one is the failure `redirect`: a
   * browser does not say where it leads before it has followed it, and other origins would get what was given for this one. From the
   * page's own origin the failure is `network`, as a refusal looks like a failed request there. A GET without these is followed anywhere;
   * the cursor is then in its address. `follow`: all are followed, with all that belongs to the request, but for what the browser takes off. `error`: none is.
   */
  redirect?: "follow" | "error";
  /** A POST or PATCH may be repeated after any failure: it does no harm twice. Default false. */
  retry?: boolean;
  /** Instead of the global fetch. */
  fetch?: typeof globalThis.fetch;
  /**
   * Which answers are event streams by their content type: those of `text/event-stream` (`required`), those that have none, too
   * (`optional`), or all (`any`). With `any` a page that asks to log in counts as a stream that says nothing. Default `"required"`.
   */
  contentType?: "required" | "optional" | "any";
  /**
   * What `cancel()` tells the server: an address, which gets a POST, or a function that gives an address or a
   * request, or tells the server itself and gives nothing. Without a body the headers that are about one are left out.
   * A path that it gives as a string must not begin with two slashes nor have a segment `.` or `..`, percent-encoded or not,
   * as an id could lead it elsewhere: that is the failure `provider`, with the cause `invalid-option`. Use `encodeURIComponent` for
   * ids; a `URL` object goes as it is.
   * After a 401 this function and that of the headers are asked again, once, with the reason `unauthorized`.
   */
  cancel?:
    | string
    | URL
    | ((
        cursor: Cursor,
      ) =>
        | string
        | URL
        | (HttpRequest & { url: string | URL })
        | void
        | Promise<string | URL | (HttpRequest & { url: string | URL }) | void>);
  /** At the stream's end an event whose blank line is missing counts all the same. Default false, as the standard has it. */
  flush?: boolean;
  /**
   * How much of the body of an answer that is no event stream a failure has in its `body`, in characters: what comes within 300 ms.
   * Default 1 024; 0 to 1 048 576.
   */
  maxFailureBody?: number;
  /** Each comment line of the stream, without its colon and one space. */
  onComment?: (text: string) => void;
}

/** One message from the server. */
export interface Message<K extends string = string, D = any> {
  /** What the codec made of the payload. */
  readonly data: D;
  /** The SSE event name, else the JSON's string `type`, else `message`. */
  readonly type: K;
  /** The cursor after this message: its own id, or the last one before it; "" when there was none. */
  readonly lastEventId: string;
  readonly transport: Transport;
  /** Of the server, as in `MessageEvent`. */
  readonly origin: string;
}

/** Every message of an event map, narrowed by `type`. */
export type AnyMessage<E extends EventMap> = { [K in keyof E & string]: Message<K, E[K]> }[keyof E & string];

export type State = "connecting" | "open" | "waiting" | "suspended" | "closed";

/** Every error of everwire: a stable `code` and a sentence that says what to do, and ends with the address of more on the code. */
export class EverwireError extends Error {
  protected constructor();
  readonly name: "EverwireError";
  readonly code: ErrorCode;
}

export type ErrorCode =
  | "invalid-option" // connect, close or send was called with something that cannot work
  | "invalid-url" // the address cannot be used with the transport
  | "unsupported" // this runtime has no WebSocket, EventSource, fetch or storage, or its storage failed
  | "wasm-unavailable" // no WebAssembly, or a Content-Security-Policy that forbids it
  | "encode" // send: the value cannot be encoded
  | "iterator-overflow" // a `for await` loop fell 1 024 messages or 16 MB behind
  | "internal" // a fault in everwire itself; a new connect starts afresh
  | "closed" // opened(), reconnect(): the client is closed
  | "uplink" // "everwire/duplex", as the cause of a failure: a POST was redirected, or not answered in time
  | FailureCode;

/** Why a connection or an attempt ended. */
export type FailureCode =
  | "network" // the browser says no more: refused, reset, CORS, a dead host; for a WebSocket 401 and 503, too
  | "closed" // the server closed the WebSocket: see closeCode
  | "open-timeout" // not open within openTimeout
  | "half-open" // looked open, but nothing came within heartbeat.timeout
  | "provider" // a function of yours (endpoint, protocols, headers, body, resume.request) threw, took too long, or returned a wrong value
  | "blocked" // the browser refuses: a blocked port, mixed content, a Content-Security-Policy, a bad subprotocol, a password in the address
  | "http" // the server refused the request: see status: see status
  | "buffered" // the server answers, but its event stream is held back on the way (told by "everwire/duplex")
  | "content-type" // the answer is no event stream: see contentType
  | "end" // the server ended the stream
  | "truncated" // the stream ended, or had nothing to go on with, before `until` was true of a message
  | "not-resumable" // resume.request gave undefined: there is nothing to go on with
  | "frozen" // the browser cut what nothing can resume, while the page was frozen
  | "too-big" // an event is larger than maxEventBytes
  | "cursor" // the server refuses the cursor that everwire adds, and takes the request without it: the stream goes on without, with a gap
  | "redirect" // the server redirects the request, and what goes with it may not go to another origin: see http.redirect
  | "long-id"; // the last id is too long to go up: the next attempt goes without it

/** What a {@link Failure} is made of. */
export interface FailureInit {
  /** Default `retriable`. */
  class?: Failure["class"];
  /** The default of each is `""` or 0. */
  closeCode?: number;
  closeReason?: string;
  status?: number;
  contentType?: string;
  body?: string;
  /** Instead of the sentence that goes with the code. */
  message?: string;
  cause?: unknown;
}

/** An app's own tests can make some, too. */
export class Failure extends EverwireError {
  constructor(code: FailureCode, init?: FailureInit);
  readonly code: FailureCode;
  /** The WebSocket close code, 0 where there was none. */
  readonly closeCode: number;
  /** The WebSocket close reason, as the server gave it. */
  readonly closeReason: string;
  /** The HTTP status, 0 where none is known. */
  readonly status: number;
  /** The answer's content type, where a status is known. */
  readonly contentType: string;
  /**
   * The first 1 024 characters of the answer's body, where a status is known; more by `http.maxFailureBody`. It may hold secrets that the
   * server sent: do not log it.
   */
  readonly body: string;
  /** What the failure table says of it. */
  readonly class: "retriable" | "fatal" | "reauth" | "ended";
}

export interface HeartbeatOptions {
  /** After so much silence a WebSocket is pinged; an SSE stream gets `timeout` more, then counts as dead. Default 30 000; 100 to 2^31-1. */
  interval?: number;
  /**
   * How long after the ping a silent WebSocket counts as dead; on SSE, how long after `interval`. Default 5 000, or the interval if
   * that is shorter; 50 to the interval. While connection after connection falls silent at once, it doubles, until it is 5 minutes or more.
   */
  timeout?: number;
  /**
   * The frame to send. Default `{"type":"ping","timestamp":…}`. `false`: nothing is sent, and the server must say
   * something at least every `interval`, as on SSE.
   */
  ping?: false | string | ArrayBufferView | ArrayBuffer | (() => string | ArrayBufferView | ArrayBuffer);
  /** Whether a frame answers a ping (and is hidden). Default: JSON with type `pong`, or `ping` come back. */
  isPong?: (data: string | ArrayBuffer | Blob) => boolean;
}

export interface ReconnectOptions {
  /** Default 1 000; 0 to 2^31-1, never less than 100 in effect. */
  initialDelay?: number;
  /** Default 30 000; 100 to 2^31-1. */
  maxDelay?: number;
  /** Default 2; 1 to 100. */
  factor?: number;
  /** Default `"full"`: evenly in [100, d]; `equal`: in [d/2, d]; `none`: d. */
  jitter?: "full" | "equal" | "none";
  /** Failures in a row, without a stable connection between, before `exhausted`; from 1. Default: no limit. */
  maxAttempts?: number;
  /** How long a connection must hold before the backoff starts anew. Default 5 000; 0 to 2^31-1. */
  stableAfter?: number;
  /** Cap on what a server may ask to wait. Default 300 000; 0 to 2^31-1. */
  maxServerDelay?: number;
  /**
   * How long a connection may live, in ms; 1 000 to 2^31-1. Up to a quarter of that time earlier a new one is opened,
   * and takes its place while `state` stays `open`: for servers and proxies that cut after a while. Default: no limit.
   */
  maxAge?: number;
  /** The type of the message in which the server announces that it will close. The connection is then replaced in the same way, within `initialDelay`. */
  notice?: string;
  /**
   * With several endpoints: after so many ms away from the first one it is tried again. The connection there is goes on until
   * the first one has opened; 1 000 to 2^31-1. Default: only when a connection has ended in the normal way.
   */
  failback?: number;
}

/** The first and the last sequence number of a message that has all from one to the other. Above 2^53 as texts or big integers. */
export type SequenceRange = {
  readonly first: number | bigint | string;
  readonly last: number | bigint | string;
};

export interface ResumeOptions {
  /**
   * Where a message carries its id: a key of its JSON (`"eventId"`, or a path `"meta.id"`), or a function. An event
   * stream has ids of its own, which count where this gives nothing. An empty string, a boolean and an object are no
   * ids. A JSON number that no JavaScript number holds is taken as the server wrote it, where the engine tells.
   */
  id?: string | ((message: Message) => string | number | bigint | null | undefined);
  /**
   * Where a message carries its sequence number, which grows by one from message to message: a key of its JSON
   * or a path, `true` where the id itself is the number, or a function. With it nothing comes twice, however the
   * server replays, and a gap names what is missing. A server that counts anew after a restart should say so: the
   * function gives `[epoch, number]`, and another epoch is a gap. A message that has several numbers in a row, as changes that were
   * put together have, is given as `{ first, last }` in the place of a number. It is held back when all of it came before, and delivered
   * whole when a part did; a gap ends before its first number; its last one is `seq` from there on.
   */
  seq?:
    | string
    | boolean
    | ((
        message: Message,
      ) =>
        | number
        | bigint
        | string
        | SequenceRange
        | readonly [epoch: string | number, seq: number | bigint | string | SequenceRange]
        | null
        | undefined);
  /**
   * How the cursor is sent to the server: in the query, or in the header `Last-Event-ID`. Default: `header` for a fetched
   * stream from the page's own origin, else `query`, since across origins the header costs a preflight. An id
   * that is not ASCII goes in the query by default, and one that no header can carry always. An EventSource can send the
   * header only when the browser reconnects by itself, so `header` leaves its reconnecting to the browser.
   * `frame`: see `frame`. `url`: not at all, the endpoint function puts `lastEventId` where it belongs,
   * with `encodeURIComponent`: a path that is a string must not hold `..`, as that of any function.
   * Where the server refuses the cursor, and takes the request without it, the stream goes on without, with a `gap` (failure `cursor`).
   */
  via?: "query" | "header" | "frame" | "url";
  /** Name of the query parameter, or several. Default `"lastEventId"`. */
  name?: string | readonly string[];
  /**
   * WebSocket: makes the first frame, after each open, the first one too (where `id` is ""); undefined sends none.
   * Instead of a query parameter. One that throws is a failed attempt.
   */
  frame?: (place: Place) => string | ArrayBufferView | ArrayBuffer | undefined;
  /**
   * Fetched streams: what the answer's headers say of the replay, for a request that named the cursor `id`:
   * `recovered`, `gap`, or undefined if nothing.
   */
  outcome?: (headers: Headers, id: string) => "recovered" | "gap" | undefined;
  /**
   * Go on after a reload where the page left off. `true` is sessionStorage (the tab's own); or anything with
   * `getItem` and `setItem`. Written after the handlers of a message have returned (with `for await`: when it was
   * pulled), at most every 250 ms, and when the page is left: a page that crashes gets its last moments again. Default false.
   */
  storage?: boolean | { getItem(key: string): string | null; setItem(key: string, value: string): void };
  /**
   * Needed with `storage`: whose stream it is and which one, such as `${user.id} prices`. With another key the
   * stream begins from its start. The address counts too, up to its query, but an endpoint function does not: if the query or
   * a function selects the stream, name the stream in the key.
   * Two clients at one place at a time are an error.
   */
  key?: string;
  /** `manual`: only what `commit(message)` was called with counts, and all before it. Default `"auto"`. */
  commit?: "auto" | "manual";
  /** Cursor to start from, where `storage` has none. Default "". */
  from?: string;
  /** Type of the message by which the server says that something is missing. */
  gap?: string;
  /**
   * For servers where to resume takes another request than to start. It is called before each attempt once a stream was answered,
   * or there is a cursor (`from`), and returns an address, or what differs from a plain GET of the endpoint. Nothing is added to an
   * address that it gives, unless `via` says so; to the page's own origin the cursor goes in the header `Last-Event-ID`.
   * A path that is a string must not hold `..`, as that of `http.cancel`: use `encodeURIComponent` for ids, or give a `URL`.
   * It is told the status and the headers of the last answer: a server may name there what it streams.
   * `undefined`: there is nothing to go on with, such as an id; the client closes with `fatal` and the failure
   * `not-resumable`. Before anything was delivered, a request that may be repeated is made as at the start instead.
   */
  request?: (
    cursor: Cursor,
  ) => string | URL | HttpRequest | null | undefined | Promise<string | URL | HttpRequest | null | undefined>;
}

export interface OutboxOptions {
  /** Default 1 000; from 0. */
  maxMessages?: number;
  /** Default 1 048 576; from 0. */
  maxBytes?: number;
  /** What gives way when it is full: the message being sent (`reject`), the oldest or the newest in the queue. Default `"reject"`. */
  overflow?: "reject" | "drop-oldest" | "drop-newest";
  /**
   * The server acks each message: it is kept until then, and sent again, with the same id, after each reconnect, in the
   * original order, and when `timeout` is over. A server that discards the ids it has seen has each message once. Default false; `true` is the defaults.
   */
  ack?: boolean | AckOptions;
  /** How many messages that wait for an ack or a pong may be in flight. Default 16; from 1. */
  inFlight?: number;
  /** How often a message that gets no ack is sent; then it is `unknown`. Default 5; from 1. */
  maxAttempts?: number;
  /** A socket with so many bytes in its buffer gets no more until it has fewer. Default 16 777 216; from 1. */
  highWaterMark?: number;
}

export interface AckOptions {
  /**
   * Where the id of a message stands. A key of the JSON (Default: `"id"`): a message without it gets a new one, which no
   * other client has. Or a function that gives the id, a string or a number, of a message that has one.
   */
  id?: string | ((message: any) => string | number);
  /**
   * The type of the JSON messages whose `id` is acked, or a function that gives the id, or ids, that an incoming message acks;
   * undefined if it is none. Acks do not reach the app, nor move the cursor. Default `"ack"`.
   */
  match?: string | ((message: Message) => string | number | readonly (string | number)[] | null | undefined);
  /**
   * So by which the server says that it will not have a message: its send is `dropped`, with the code `refused`, and it is not
   * sent again. None by default.
   */
  refused?: string | ((message: Message) => string | number | readonly (string | number)[] | null | undefined);
  /**
   * How long an ack may take, in ms, once the message has left the socket's buffer. Then it is sent again on the same
   * connection, and is `unknown` after `maxAttempts`. What waits for a pong is `unknown` at once. Default 10 000; 1 to 2^31-1.
   */
  timeout?: number;
}

/** A WebSocket before it counts as open. */
export interface Handshake {
  /** Strings and bytes raw, everything else by the codec; at once. */
  send(message: unknown): void;
  /** The next message; rejects when the connection is lost or given up. At most 1 024 wait. */
  receive(): Promise<Message>;
  /** Aborted when the connection is lost or given up. */
  readonly signal: AbortSignal;
  /** As for an endpoint function: `unauthorized` after a close with 4001 or 4401, or what `shouldReconnect` calls so. */
  readonly reason: "initial" | "reconnect" | "unauthorized";
  readonly url: string;
  /** The subprotocol the server chose. */
  readonly protocol: string;
  /** The last id, "" if there is none; the last sequence number and its epoch. */
  readonly id: string;
  readonly seq: number | string | undefined;
  readonly epoch: string | undefined;
}

export interface CancelOptions {
  /** Listen on until the server has ended the stream. Default false. */
  listen?: boolean;
}

export interface SendOptions {
  /** Time to live, in ms: after that it is `expired` if it is still in the outbox, `unknown` if it is in flight. Default: no limit; 0 to 2^31-1. */
  ttl?: number;
  /** Takes it back when aborted: `aborted` in the outbox, `unknown` on the wire. */
  signal?: AbortSignal;
  /** Goes before all that waits, and past `inFlight`; for control frames. Default false. */
  priority?: boolean;
  /** Sent now or dropped, and without an ack: for cursor positions and the like. Default false. */
  volatile?: boolean;
  /**
   * `sent` only when the server has answered a ping that went out after it; else `unknown`. Needs the heartbeat, on a
   * server that answers each ping once. Not sent again, so without an ack.
   */
  confirm?: "pong";
  /** False: this one without an ack. Default as `outbox.ack`. */
  ack?: boolean;
}

/** Several messages that came in one frame: see {@link batch}. There is nothing to be read of it. */
export interface Batch {
  readonly "everwire batch": unknown;
}

/**
 * For `codec.decode` to return: the frame, or the event, holds these messages. Each is delivered as if it had come in its own: it has its
 * type, id, sequence number and topic, may be an ack or a reply, and may be held back when it comes again, also in another batch. With none
 * it is no more than a sign of life. The id of an SSE event is that of its last message.
 * Throws `invalid-option` for what is no array, and for promises and batches in it.
 */
export function batch(messages: readonly unknown[]): Batch;

export interface Codec {
  /**
   * What the message's `data` is, {@link batch} for several messages, or a promise of either. It is called for each frame as it comes. While
   * a promise is pending, what comes later waits for it, so that the order is kept; the cursor follows what was delivered. One that rejects
   * is reported, as a throw is, and its frame is left out. A fetched stream is not read meanwhile. Over the other transports 1 024 frames may
   * wait, up to 16 MiB and one frame: what is more is lost, is not decoded, and a `gap` comes before the next message. What waits when the
   * connection is replaced or given up comes again by the replay. One that never settles holds the stream up for ever.
   */
  decode(data: string | ArrayBuffer | Blob): unknown;
  /** Answers at once: it may not be async. */
  encode(value: unknown): string | ArrayBufferView | ArrayBuffer | Blob;
}

/**
 * Functions that are asked before an attempt or a request may be async, as their types say. Those that are asked in the middle of a
 * message or a decision (`until`, `shouldReconnect`, `isPong`, and those that find an id, a number or an outcome) must answer at once:
 * a promise counts as no answer, and is reported once.
 */
export interface Options {
  /** Several endpoints: in an order of this client's own, so that a fleet spreads over them. Default false: the first one first. */
  shuffle?: boolean;
  /** Default by the address: `ws:` and `wss:` take `websocket`, `http:`, `https:` and relative ones `fetch`. */
  transport?: Transport;
  /**
   * WebSocket subprotocols, or a function asked for them before each attempt. Values are for one origin, as one may be a token: for
   * several give a function, which is told the `url`.
   */
  protocols?:
    | string
    | readonly string[]
    | ((context: RequestContext) => string | readonly string[] | Promise<string | readonly string[]>);
  /** How binary WebSocket messages arrive. Default `"arraybuffer"`. */
  binaryType?: "arraybuffer" | "blob";
  /** SSE: send cookies across origins. Default false. */
  withCredentials?: boolean;
  /** EventSource: event names to listen to, besides `message` and those that `on` was called with. */
  events?: readonly string[];
  /** The request of a fetched stream. */
  http?: HttpOptions;
  /**
   * Ends the client for good, with reason `ended`, after the message that it says true of. A stream that ends before it
   * is `truncated`.
   */
  until?: (message: Message) => boolean;
  /**
   * The longest line or event of a fetched stream, in bytes. Default 16 777 216; 1 to 2^31-1, of which no more than 2^29 counts. The lines of an
   * event, at 16 bytes each, may be as many again, but at least 64 KiB and at most 64 MiB. What is longer is `too-big`.
   */
  maxEventBytes?: number;
  /** Default false. */
  heartbeat?: boolean | HeartbeatOptions;
  /** False: the first connection is the only one. Default true. */
  reconnect?: boolean | ReconnectOptions;
  resume?: ResumeOptions;
  outbox?: OutboxOptions;
  /** Default `"json"`: text that begins with { or [ and parses is the value, everything else the exact string. */
  codec?: "json" | "text" | "binary" | Codec;
  /** How long an attempt may take to open, and an endpoint function to answer. Default 10 000; 1 to 2^31-1. */
  openTimeout?: number;
  /**
   * WebSocket: runs after each open, before the state is `open` and anything is sent; the first frame of `resume.frame` comes
   * after it. One that throws is a failed attempt (`provider`, with its error as the `cause`); so is one that takes longer than
   * `openTimeout`, by that name. What it does not receive is the app's, after `open`.
   */
  handshake?: (connection: Handshake) => unknown;
  /**
   * Overrides the failure table: true tries again, false gives up, undefined leaves it to the table. A number tries again after so
   * many ms, whatever the backoff and the server say: at least 100, at most 2^31-1. It is not spread at random: where a whole fleet
   * sees the same failure, add a random part to it. "unauthorized" says that the token is no good, whatever the failure is: what
   * follows is what follows from a 401.
   */
  shouldReconnect?: (failure: Failure) => boolean | number | "unauthorized" | undefined;
  /** Opens nothing until `resume()` is called. Default false. */
  paused?: boolean;
  /**
   * Where there is no page and no worker of one (Node, Deno, Bun, a server that renders a page) nothing is opened: the client is
   * paused. True says that this is a program of its own, which wants the connection. Default false. `resume()` opens it as well.
   */
  server?: boolean;
  /** Watch freeze, back/forward cache, visibility, online and offline. Default true. */
  pageLifecycle?: boolean;
  /** Closes the client when aborted. */
  signal?: AbortSignal;
}

export interface SendResult {
  /**
   * `sent`: handed to an open socket, no more. `acked`: the server said that it has it. `unknown`: it was on the wire when
   * the connection was lost, or was given up there, or got no ack in time, and is not sent again. `dropped`: it was not sent, or
   * the server refused it; `code` says why.
   */
  readonly status: "sent" | "acked" | "unknown" | "dropped";
  /**
   * `overflow`: the outbox was full. `too-big`: larger than the outbox, or the server closed with 1009. `closed`: the
   * client. `no-uplink`: SSE. `refused`: the browser took no such buffer, or the server will not have it. `expired`: its ttl. `aborted`: its signal.
   * `volatile`: it could not go at once.
   */
  readonly code?: "overflow" | "too-big" | "closed" | "no-uplink" | "refused" | "expired" | "aborted" | "volatile";
}

export interface RetryEventInit {
  /** Default 1. */
  attempt?: number;
  /** Default 0. */
  delay?: number;
  /** Default 0. */
  retryAt?: number;
  failure: Failure;
}

export interface GapEventInit {
  /** Default `unknown`. */
  outcome?: GapEvent["outcome"];
  missing?: { readonly from: number; readonly to: number };
  /** Default `""`. */
  after?: string;
  /** Default `""`. */
  before?: string;
  topic?: string;
}

export interface ClosedEventInit {
  /** Default `app`. */
  reason?: ClosedEvent["reason"];
  /** Default 0. */
  code?: number;
  /** Default false. */
  wasClean?: boolean;
  /** Default null. */
  error?: EverwireError | null;
}

export class RetryEvent extends Event {
  constructor(type: "retry", init: RetryEventInit);
  readonly type: "retry";
  /** Retries since the last stable connection: 0 in the first attempt, 1 in the first retry. */
  readonly attempt: number;
  readonly delay: number;
  /** Date.now() at which the next attempt starts. */
  readonly retryAt: number;
  readonly failure: Failure;
}

export class GapEvent extends Event {
  constructor(type: "gap", init?: GapEventInit);
  readonly type: "gap";
  /** `gap`: the server or the sequence numbers say so. `unknown`: nothing proves that nothing is missing. */
  readonly outcome: "gap" | "unknown";
  /** The first and the last sequence number that are missing, where messages have them (`resume.seq`). */
  readonly missing?: { readonly from: number; readonly to: number };
  /** The cursor before the gap; "" when there was none. */
  readonly after: string;
  /** The id of the first message after the gap; "" when it has none. */
  readonly before: string;
  /** Of which subscription (`everwire/duplex`); the connection's own gaps have none. */
  readonly topic?: string;
}

export class ClosedEvent extends Event {
  constructor(type: "close", init?: ClosedEventInit);
  readonly type: "close";
  readonly reason: "app" | "aborted" | "unloaded" | "ended" | "fatal" | "exhausted" | "internal";
  /** WebSocket close code, 0 where there was none. */
  readonly code: number;
  readonly wasClean: boolean;
  readonly error: EverwireError | null;
}

export class OpenEvent extends Event implements Head {
  constructor(type: "open", init?: Partial<Head>);
  readonly type: "open";
  readonly status: number;
  readonly headers: Headers | null;
}

export interface ClientEventMap {
  open: OpenEvent;
  statechange: Event;
  retry: RetryEvent;
  gap: GapEvent;
  close: ClosedEvent;
}

export interface Stats {
  readonly attempts: number;
  readonly opens: number;
  readonly received: number;
  readonly delivered: number;
  /** Replayed messages that were held back, as they had come before. */
  readonly suppressed: number;
  /** Messages that came while nobody listened, and wait for the first who does. */
  readonly waiting: number;
  readonly sent: number;
  readonly acked: number;
  readonly unknown: number;
  readonly dropped: number;
  readonly gaps: number;
  /** Outcome of the last reconnect; null before the first. */
  readonly outcome: "recovered" | "gap" | "unknown" | null;
  /** Last ping to pong; null before the first. */
  readonly roundTrip: number | null;
  readonly queued: number;
  readonly queuedBytes: number;
}

export interface OnOptions {
  signal?: AbortSignal;
  once?: boolean;
}

export type ClientListener<E extends EventMap, K extends keyof ClientEventMap> =
  | ((this: Client<E>, event: ClientEventMap[K]) => void)
  | { handleEvent(event: ClientEventMap[K]): void };

/** A helper that takes any client takes `Client<any>`. */
export interface Client<E extends EventMap = AnyEvents> extends EventTarget, AsyncIterable<AnyMessage<E>> {
  readonly state: State;
  /** 0 connecting, 1 open; closed is 2 with SSE and 3 with WebSocket. */
  readonly readyState: 0 | 1 | 2 | 3;
  readonly transport: Transport | null;
  /** Of the connection, with parameters; "" before the first attempt. Holds what the endpoint holds: do not log tokens. */
  readonly url: string;
  /** The subprotocol the server chose. */
  readonly protocol: string;
  readonly lastEventId: string;
  /** Why the last connection or attempt ended, as its `retry` or `close` told it; null before that, and after the last message. */
  readonly lastFailure: Failure | null;
  /** Date.now() of the next attempt while waiting, else null. */
  readonly retryAt: number | null;
  /** Retries since the last stable connection: 0 in the first attempt, 1 in the first retry. */
  readonly attempt: number;
  /** Bytes of the sends that are not settled, and in the browser's own buffer. */
  readonly bufferedAmount: number;

  /** Each message of that type. Returns a function that removes the handler. The connection's own events go to `addEventListener`. */
  on<K extends keyof E & string>(
    type: K,
    handler: (message: Message<K, E[K]>) => void,
    options?: OnOptions,
  ): () => void;
  /** Each message. */
  on(handler: (message: AnyMessage<E>) => void, options?: OnOptions): () => void;

  /** Strings and bytes raw, everything else by the codec. Rejects only for what cannot be encoded, as a promise, and for a wrong option. */
  send(message: unknown, options?: SendOptions): Promise<SendResult>;
  /** Resolves when every send has settled: nothing waits, and nothing is without its ack. Never rejects. */
  drained(): Promise<void>;
  /** The app is done with the message and all before it: with `resume.commit: "manual"`. Throws for a message of another client. */
  commit(message: Message): void;
  /**
   * Closes the connection and opens no other until `resume()`: for a hidden tab, say. The state is `suspended`. The cursor, topics,
   * handlers and the outbox stay as they are; what was on its way up is as after a loss. On a paused or closed client it does nothing.
   */
  pause(): void;
  /**
   * Goes on as after a loss, at once: from the last id, with a `gap` where something may be missing. Like `reconnect()` it repeats a
   * request that everwire would not repeat by itself. On a client that is not paused, or closed, it does nothing.
   */
  resume(): void;
  /** Drops the connection, or the wait, and tries at once. Does nothing on a paused client. Throws (`closed`) on a closed one. */
  reconnect(): void;
  stats(): Stats;
  /** Resolves when open (at once if it is), rejects when closed before. */
  opened(): Promise<void>;
  /** 1000 or 3000 to 4999; the reason is at most 123 bytes. */
  close(code?: number, reason?: string): void;
  /**
   * Closes, and tells the server by `http.cancel` to stop the job, once, unless it has ended. Resolves with
   * whether the server was told, `false` after `openTimeout` at the latest; then `lastFailure` says why not: `http` with the
   * answer's status, `network`, `open-timeout`, or `provider` with the function's error as its cause. It never rejects, and a
   * second call gives the same promise. When the page goes before the answer, the request is made once more, so that it outlives
   * the page: it may come twice.
   *
   * With `listen` the client stays, for what the server still says of the job: an end in good order (of a WebSocket a close with 1000)
   * closes it as `ended`, and after a loss it goes on listening, as it would have without. Where the server was not told, nothing has
   * changed, and it may be called again. A later call without `listen` closes it.
   */
  cancel(options?: CancelOptions): Promise<boolean>;
  [Symbol.dispose](): void;
  [Symbol.asyncIterator](): AsyncIterableIterator<AnyMessage<E>>;

  /** What the connection does. What the server says goes to `on`; events of your own go by `(wire as EventTarget)`. */
  addEventListener<K extends keyof ClientEventMap>(
    type: K,
    listener: ClientListener<E, K> | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<K extends keyof ClientEventMap>(
    type: K,
    listener: ClientListener<E, K> | null,
    options?: boolean | EventListenerOptions,
  ): void;
  /** State, transport, attempt, and the address without its query. */
  toJSON(): { state: State; transport: Transport | null; attempt: number; url: string };
}

/**
 * Returns a client at once; the first attempt starts in a microtask. Of several endpoints it goes to the next one at each
 * failure, with its cursor, and back to the first one after a good connection has ended in the normal way. What one refuses for
 * good ends the client when all have refused in a row, or when it is about the request, as 413 is.
 * Throws an EverwireError, naming the option, when the endpoint or an option cannot work.
 */
export function connect<E extends EventMap = AnyEvents>(
  endpoint: Endpoint | readonly Endpoint[],
  options?: Options,
): Client<E>;

export const version: string;

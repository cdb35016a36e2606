// The client for two ways: requests, subscriptions, an uplink over event streams, fallback with all its choices, long polls, a rate
// limit, a probe, and an outbox that outlives its page. Everything else is as in "everwire".
import type {
  AnyEvents,
  AnyMessage,
  Client,
  Context,
  EventMap,
  EverwireError,
  Message,
  OnOptions,
  Options,
  OutboxOptions,
  SendResult,
  SequenceRange,
} from "./index.js";

export * from "./index.js";

export interface RequestsOptions {
  /**
   * Where a request has its id: a key of its JSON, or a path (`"meta.id"`), and it is filled in where there is none. Or a function that
   * gives the id, a string or a whole number below 2^53, which the request has already; not async. Default `"id"`.
   */
  id?: string | ((message: any) => string | number);
  /**
   * Where the reply has it: a key, a path, or a function, which gives nothing for what is no reply; not async. Default as `id`; needed where
   * that is a function.
   */
  replyId?: string | ((message: Message) => string | number | null | undefined);
  /**
   * A reply that has something under this key, other than null, is an error: also `false`, 0, "" and an empty array. Or a function that
   * says which reply is one; not async. Default `"error"`.
   */
  error?: string | ((reply: Message) => boolean);
  /** How long to wait for a reply, in ms. Default 10 000; 1 to 2^31-1. */
  timeout?: number;
  /**
   * What becomes of a request whose connection is lost before its reply: it rejects with `unknown`, as the server may have done
   * it, or is sent again, with the same id, on the next one, until its timeout. Default `"reject"`.
   */
  onLoss?: "reject" | "retry";
}

/** A function, or a key or path of the JSON. */
type Read<T> = string | ((message: Message) => T | null | undefined);

export interface SubscriptionsOptions {
  /** Which topic a message belongs to, or which topics, as an array: then it goes to the handles of each. Default `"topic"`. */
  topic?: Read<string | number | readonly (string | number)[]>;
  /** The id of a message, from which its topic goes on. A function is asked for each topic of the message. None by default. */
  id?: string | ((message: Message, topic: string) => string | number | null | undefined);
  /** The message's sequence number in its topic: a whole number from 0. A function is asked as for `id`, and may give `{ first, last }`, as that
   * of `resume.seq`. None by default. */
  seq?: string | ((message: Message, topic: string) => string | number | SequenceRange | null | undefined);
  /**
   * The message by which the server confirms a join: its type, where `topic` says which one, or a function that gives the topic. Several
   * are an array. Default `"joined"`. Like the next two it reaches no handler.
   */
  joined?: Read<string | number | readonly (string | number)[]>;
  /** So by which it refuses one. Default `"refused"`. */
  refused?: Read<string | number | readonly (string | number)[]>;
  /** So by which it says that something of the topic is missing. Default `"gap"`. */
  gap?: Read<string | number | readonly (string | number)[]>;
  /**
   * So by which it says that it has put the client out of the topic. Default none: it is a message like others. The topic's handlers
   * get it, its `state` is `joining`, and it is joined again after a delay that grows as those of `reconnect`, from its last id.
   */
  removed?: Read<string | number | readonly (string | number)[]>;
  /**
   * How long to wait for the confirmation of a join that was sent, in ms. Then it is sent again, `outbox.maxAttempts` times at most on one
   * connection. Default 10 000; 1 to 2^31-1.
   */
  timeout?: number;
  /** The server confirms. Default true; false: joined as soon as the join is sent. */
  confirm?: boolean;
  /**
   * For a server that takes several joins in one message: gives the message, or a promise of it, for all topics that have no `join` of
   * their own. Default: one message for each.
   */
  joinAll?: (places: TopicPlace[]) => unknown;
}

/** What has no ack yet is kept, and sent by the next page with the same `key`, or by another tab when this one is gone. */
export interface PersistOptions {
  /** Whose messages they are, and to which server. */
  key: string;
  /** Shared by the tabs, as `localStorage` is, which is the default. */
  storage?: Storage;
  /** Called for each message that another page left. A throw is reported. */
  restored?: (message: any, outcome: Promise<SendResult>) => void;
}

export interface RateOptions {
  /** How many messages may be sent in any `per`: 1 to 100 000. The handshake and `resume.frame` do not count; joins, leaves and pings do. */
  messages: number;
  /** In ms; 10 to 2^31-1. */
  per: number;
  /**
   * The message by which the server says that it is too much: its type, or a function. It is delivered as any other. The same
   * by itself are a close with 1008 (which is tried again then) or 1013, and the status 429.
   */
  slow?: string | ((message: Message) => boolean);
}

/** Asked before each request, with the context of the connection. */
type Uplink = string | URL | ((context: Context) => string | URL | Promise<string | URL>);

/** As in "everwire", and where to what is sent goes over an event stream. */
export type DuplexTarget = string | URL | { websocket?: string | URL; sse?: string | URL; uplink?: Uplink };
export type DuplexEndpoint = DuplexTarget | ((context: Context) => DuplexTarget | Promise<DuplexTarget>);

/**
 * What is sent over an event stream goes as POSTs, one at a time and in order: a JSON array of the messages, or one message of bytes. Their
 * answers settle it. They have `http.headers`, `http.credentials`, `http.mode` and `http.fetch`.
 */
export interface UplinkOptions {
  /** Needed, if it does not stand in the endpoint. */
  url?: Uplink;
  /**
   * The query parameter of a random id, new for each connection, which the stream's address has and its POSTs: a server knows by it
   * which stream a POST belongs to. Default `"connection"`; false: none.
   */
  name?: string | false;
  /** How many messages go in one request at most. Default 1 000; 1 to 1 000 000. */
  maxMessages?: number;
  /** How many bytes of messages go in one request at most; a larger one goes alone. Default 60 000; 1 to 2^31-1. */
  maxBytes?: number;
  /** How long to wait for an answer, in ms; then the connection counts as lost. Default 10 000; 1 to 2^31-1. */
  timeout?: number;
}

/** An event stream in pieces, for a proxy that holds a whole one back: each answer ends with what there is, and is asked for again. */
export interface LongPollOptions {
  /**
   * How long the server may wait for something to say, in ms. Default 25 000, or four fifths of `heartbeat.interval` if that is
   * shorter; 1 000 to 2^31-10 001. The first request of a connection has 0: it is to be answered at once.
   */
  wait?: number;
  /** The query parameter that says so. Default `"poll"`. */
  name?: string;
}

export interface FallbackOptions {
  /**
   * The ways to one endpoint, the best first. Default for `{ websocket, sse }`: `["websocket", "fetch"]`, with `"poll"` at the end where
   * there is `longPoll`. Needed for a function.
   */
  order?: readonly ("websocket" | "fetch" | "eventsource" | "poll")[];
  /** So many failures in a row without having opened, and the next way is tried. Default 2; 1 to 1 000 000. Four times as many once it has held. */
  failures?: number;
  /** So often opened, and lost before `reconnect.stableAfter`. Default 3; 1 to 1 000 000. */
  early?: number;
  /** The session's next page begins with the way that worked: by the endpoint's address, or by this name. Default true. */
  remember?: boolean | string;
}

export interface DuplexOptions extends Options {
  /** Its address, if the endpoint does not have it; or more. */
  uplink?: Uplink | UplinkOptions;
  /** Default true, where there is more than one way; false: the WebSocket alone. */
  fallback?: boolean | FallbackOptions;
  /** Default false. One of the ways of `fallback`, after the whole stream. */
  longPoll?: boolean | LongPollOptions;
  requests?: RequestsOptions;
  subscriptions?: SubscriptionsOptions;
  /** As in "everwire", and `persist`, which needs `ack`. */
  outbox?: OutboxOptions & { persist?: PersistOptions };
  /**
   * Limits what is sent: what is more waits in the outbox. The server's word halves it, at most once in a `per`, down to a 32nd;
   * after a `per` without one, each further one gives a tenth of `messages` back.
   */
  rate?: RateOptions;
  /**
   * An address, or a function asked for it each time, that answers a GET as the server would answer the WebSocket's upgrade. It is
   * fetched when a WebSocket did not open, with `http.headers` and `http.credentials`. A status from 400 on, but for 426, is then
   * the failure: `http`, with its `status` and `Retry-After`, by the failure table. Anything else is `network`, as without it.
   */
  probe?: string | URL | ((context: Context) => string | URL | Promise<string | URL>);
}

export interface RequestOptions {
  /** In ms; 1 to 2^31-1. Default: `requests.timeout`. */
  timeout?: number;
  signal?: AbortSignal;
  /** Before all that waits in the outbox. Default false. */
  priority?: boolean;
}

/** Why a request got no reply, or that the reply is an error. */
export class RequestError extends EverwireError {
  constructor(code: string, init?: { reply?: Message });
  /**
   * `refused`: the server's reply is an error, see `reply`. `timeout`, `aborted`, `closed`. `unknown`: the connection was lost
   * before the reply came. Else as in the `code` of a send that was dropped.
   */
  readonly code: any;
  readonly reply: Message | undefined;
}

/** Where a topic goes on from. */
export interface TopicPlace {
  readonly topic: string;
  /** The id of its last message; "" before there is one. */
  readonly lastEventId: string;
}

export interface SubscribeOptions {
  /**
   * Gives the message that joins, or a promise of it. Default `{ type: "join", topic, lastEventId }`, without an id while there is none.
   */
  join?: (place: TopicPlace) => unknown;
  /** Gives the message that leaves; false: there is none. Default `{ type: "leave", topic }`. */
  leave?: false | ((place: TopicPlace) => unknown);
  /** The id to start from. Default `""`. */
  lastEventId?: string;
  /** Unsubscribes. */
  signal?: AbortSignal;
}

/** Why a topic is not joined. */
export class SubscriptionError extends EverwireError {
  constructor(code: string, init?: { reply?: Message; cause?: unknown });
  /**
   * `refused`: see `reply`. `timeout`: no confirmation came. `closed`: the client is. `left`: unsubscribed. `encode`: `join` threw, or
   * gave what cannot be encoded. `too-many`: 10 000 topics. Else as in the `code` of a send that was dropped.
   */
  readonly code: any;
  readonly reply: Message | undefined;
}

/** A topic's handle. What its server says goes to the topic's handles, and to nobody else. */
export interface Subscription<E extends EventMap = AnyEvents> extends AsyncIterable<AnyMessage<E>> {
  readonly topic: string;
  /** `joining` also while there is no connection; `left` for good. */
  readonly state: "joining" | "joined" | "left";
  /** The topic's cursor: the id of the last message that its handlers are done with. */
  readonly lastEventId: string;
  /** Messages that came while nobody listened to this handle, and wait for the first who does. */
  readonly waiting: number;
  /**
   * Resolves when the topic is joined, at once if it is; rejects with a {@link SubscriptionError}. After a loss it is about the next
   * join. Nobody has to await it.
   */
  ready(): Promise<void>;
  /** As the client's. */
  on<K extends keyof E & string>(
    type: K,
    handler: (message: Message<K, E[K]>) => void,
    options?: OnOptions,
  ): () => void;
  on(handler: (message: AnyMessage<E>) => void, options?: OnOptions): () => void;
  /** The topic is left with its last handle. */
  unsubscribe(): void;
  [Symbol.dispose](): void;
  [Symbol.asyncIterator](): AsyncIterableIterator<AnyMessage<E>>;
}

export interface Duplex<E extends EventMap = AnyEvents> extends Client<E> {
  /**
   * Sends an object and resolves with the message that carries its id, which no handler gets. An ack is none, whatever its id. What
   * comes with the id after the reply reaches the handlers. Rejects with a
   * {@link RequestError}, and for what cannot be encoded or a wrong option.
   */
  request<T = any>(message: object, options?: RequestOptions): Promise<Message<string, T>>;
  /**
   * Joins a topic, on this connection and each one after it. Of several handles of a topic the first one's options hold. Throws for a
   * wrong option, and above 10 000 topics.
   */
  subscribe<T extends EventMap = E>(topic: string, options?: SubscribeOptions): Subscription<T>;
}

/** As `connect` of "everwire", with what stands in {@link DuplexOptions} besides. */
export function connect<E extends EventMap = AnyEvents>(
  endpoint: DuplexEndpoint | readonly DuplexEndpoint[],
  options?: DuplexOptions,
): Duplex<E>;

// The client with requests, a rate limit, a probe, and an outbox that outlives its page. Everything else is as in "everwire".
import type { AnyEvents, Client, Context, Endpoint, EventMap, EverwireError, Message, Options, OutboxOptions, SendResult } from "./index.js";

export * from "./index.js";

export interface RequestsOptions {
  /** Key of the JSON that a request's id goes under; filled in where there is none. Default `"id"`. */
  id?: string;
  /** Key of the JSON that the reply has it under. Default as `id`. */
  replyId?: string;
  /** A reply that has something under this key is an error. Default `"error"`. */
  error?: string;
  /** How long to wait for a reply, in ms. Default 10 000; 1 to 2^31-1. */
  timeout?: number;
  /**
   * What becomes of a request whose connection is lost before its reply: it rejects with `unknown`, as the server may have done
   * it (default), or is sent again, with the same id, on the next one, until its timeout.
   */
  onLoss?: "reject" | "retry";
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
  /** How many messages may be sent in any `per`: 1 to 100 000. Pings, the handshake and `resume.frame` do not count. */
  messages: number;
  /** In ms; 10 to 2^31-1. */
  per: number;
  /**
   * The message by which the server says that it is too much: its type, or a function. It is delivered as any other. The same
   * by itself are a close with 1008 (which is tried again then) or 1013, and the status 429.
   */
  slow?: string | ((message: Message) => boolean);
}

export interface DuplexOptions extends Options {
  requests?: RequestsOptions;
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
  /** In ms; default as `requests.timeout`. */
  timeout?: number;
  signal?: AbortSignal;
  /** Before all that waits in the outbox. Default false. */
  priority?: boolean;
}

/** Why a request got no reply, or that the reply is an error. */
export class RequestError extends EverwireError {
  private constructor();
  /**
   * `refused`: the server's reply is an error, see `reply`. `timeout`, `aborted`, `closed`. `unknown`: the connection was lost
   * before the reply came. Else as in the `code` of a send that was dropped.
   */
  readonly code: any;
  readonly reply: Message | undefined;
}

export interface Duplex<E extends EventMap = AnyEvents> extends Client<E> {
  /**
   * Sends an object and resolves with the message that carries its id, which no handler gets. Rejects with a
   * {@link RequestError}, and for what cannot be encoded or a wrong option.
   */
  request<T = any>(message: object, options?: RequestOptions): Promise<Message<string, T>>;
}

/** As `connect` of "everwire", with `requests`, `rate`, `probe` and `outbox.persist`. */
export function connect<E extends EventMap = AnyEvents>(endpoint: Endpoint | readonly Endpoint[], options?: DuplexOptions): Duplex<E>;

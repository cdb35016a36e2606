import type { Failure, HeartbeatOptions, HttpOptions, ReconnectOptions } from "./index.js";

/** What the standard's constructor takes, and more. */
export interface EventSourceOptions {
  /** Sends cookies across origins. Default false. */
  withCredentials?: boolean;
  /** Default GET. A POST is repeated only when the server certainly did not act on it. */
  method?: string;
  headers?: HttpOptions["headers"];
  body?: HttpOptions["body"];
  fetch?: HttpOptions["fetch"];
  /**
   * Not given: as the standard has it, each answer but 200 with an event stream is the end, and everything
   * else is tried again. `true` or an object: everwire's failure table, and these delays. `false`: one
   * connection, no other.
   */
  reconnect?: boolean | ReconnectOptions;
  /** `true`: the server sends something, if only a comment, at least every 30 s; silence means that the connection is dead. Default false. */
  heartbeat?: boolean | HeartbeatOptions;
  /** The longest line or event, as `maxEventBytes` of `connect`. In bytes. Default 16 777 216; 1 to 2^31-1, of which no more than 2^29 counts. */
  maxEventBytes?: number;
}

/**
 * What `error` listeners get. The standard's event says nothing more than that; `code` and `message` are as in npm's
 * `eventsource`. It is a class of its own, and no `ErrorEvent` of the DOM.
 */
export class ErrorEvent extends Event {
  constructor(type: string, init?: EventInit & { code?: number; message?: string; error?: Failure });
  /** The status of the answer, if there was one: 204, 401, or 200 with a wrong content type. */
  readonly code?: number;
  /** Why, in words. */
  readonly message?: string;
  /** The failure, with a stable `code` of its own, such as "network" or "http". */
  readonly error?: Failure;
}

/** The standard's, whose `error` listeners get an event that says why. */
export interface EventSource extends globalThis.EventSource {
  onerror: ((this: globalThis.EventSource, event: ErrorEvent) => any) | null;
  addEventListener(
    type: "error",
    listener: (this: globalThis.EventSource, event: ErrorEvent) => any,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener<K extends keyof EventSourceEventMap>(
    type: K,
    listener: (this: globalThis.EventSource, event: EventSourceEventMap[K]) => any,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: (this: globalThis.EventSource, event: MessageEvent) => any,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject,
    options?: boolean | AddEventListenerOptions,
  ): void;
}

/** The standard's EventSource (HTML, server-sent events), over fetch. */
export const EventSource: {
  new (url: string | URL, options?: EventSourceOptions): EventSource;
  readonly prototype: EventSource;
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSED: 2;
};

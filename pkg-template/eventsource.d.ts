import type { HeartbeatOptions, HttpOptions, ReconnectOptions } from "./index.js";

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
  /** In bytes. Default 16 777 216; 1 to 2^31-1. */
  maxEventBytes?: number;
}

/** The standard's EventSource (HTML, server-sent events), over fetch. */
export const EventSource: {
  new (url: string | URL, options?: EventSourceOptions): globalThis.EventSource;
  readonly prototype: globalThis.EventSource;
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSED: 2;
};
export type EventSource = globalThis.EventSource;

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
  /** `true`: the server sends something, if only a comment, at least every 30 s; silence means that the connection is dead. */
  heartbeat?: boolean | HeartbeatOptions;
  /** Default 16 MiB. */
  maxEventBytes?: number;
}

export interface EverwireEventSource extends EventTarget {
  readonly url: string;
  readonly withCredentials: boolean;
  readonly readyState: 0 | 1 | 2;
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSED: 2;
  onopen: ((this: EverwireEventSource, event: Event) => any) | null;
  onmessage: ((this: EverwireEventSource, event: MessageEvent) => any) | null;
  onerror: ((this: EverwireEventSource, event: Event) => any) | null;
  close(): void;
  addEventListener(type: "open" | "error", listener: (this: EverwireEventSource, event: Event) => any, options?: boolean | AddEventListenerOptions): void;
  addEventListener(type: string, listener: (this: EverwireEventSource, event: MessageEvent) => any, options?: boolean | AddEventListenerOptions): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
  removeEventListener(type: string, listener: (this: EverwireEventSource, event: MessageEvent) => any, options?: boolean | EventListenerOptions): void;
  removeEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | EventListenerOptions): void;
}

/** The standard's EventSource (HTML, server-sent events), over fetch. */
export const EventSource: {
  new (url: string | URL, options?: EventSourceOptions): EverwireEventSource;
  readonly prototype: EverwireEventSource;
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSED: 2;
};
export type EventSource = EverwireEventSource;

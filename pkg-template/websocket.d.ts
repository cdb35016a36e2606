import type { HeartbeatOptions, ReconnectOptions } from "./index.js";

/** What the standard's constructor does not have. */
export interface WebSocketOptions {
  /**
   * `true`: a JSON ping after 30 s of silence and after a send that nothing follows, which the server must answer; a
   * connection that stays silent ends with `error` and `close` 1006. Pings and pongs are hidden. Give `ping` and `isPong` in
   * your protocol's words, or `ping: false` where the server speaks by itself. Default false: nothing is sent or hidden.
   */
  heartbeat?: boolean | HeartbeatOptions;
  /** ms for the connection to open; then it fails. Default 10 000; 1 to 2^31-1. */
  openTimeout?: number;
  /**
   * The wait before a new object for the same URL connects, when the last ones were lost: full jitter between 100 ms and a
   * delay that grows, counted from the loss. A connection that held for `stableAfter` sets it back. `false`: none. Default true.
   */
  backoff?: boolean | Pick<ReconnectOptions, "initialDelay" | "maxDelay" | "factor" | "jitter" | "stableAfter">;
  /**
   * For code that never makes a second object: after a loss `close` comes, and `open` again on the same object. Until then
   * `readyState` is 0, and what is sent goes nowhere. Default false.
   */
  reconnect?: boolean | Omit<ReconnectOptions, "maxAge" | "failback" | "notice">;
  /** Watch freeze, the back/forward cache, visibility, online and offline. Default true. */
  pageLifecycle?: boolean;
}

/** The standard's WebSocket (WebSockets Standard), one connection for each object. */
export const WebSocket: {
  new (url: string | URL, protocols?: string | string[], options?: WebSocketOptions): globalThis.WebSocket;
  readonly prototype: globalThis.WebSocket;
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSING: 2;
  readonly CLOSED: 3;
};
export type WebSocket = globalThis.WebSocket;

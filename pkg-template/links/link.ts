// What the transports have in common: how a connection is asked for, what it can do, and what it tells.
import type { Value } from "../port/message.ts";
import type { Port } from "../port/port.ts";

export type Transport = "" | "websocket" | "eventsource" | "fetch";

/** What is to be opened. */
export interface Request {
  attempt: number;
  /** See `transport` in src/codes.rs. */
  transport: number;
  address: string | URL;
  protocols?: string[];
  /** The caller has put the cursor in the address. */
  placed?: boolean;
  /** Of a fetch, but the cursor. */
  init: RequestInit;
}

/** Where a connection goes. */
export interface Destination {
  readonly attempt: number;
  readonly transport: Transport;
  readonly url: string;
  /** The headers of a fetch. */
  readonly headers: Headers;
  readonly request: Request;
  /** Of who answers: behind a redirect it is another one. */
  origin: string;
  /** The cursor that it is asked for. */
  asked: string;
  /** Of an answer that is an event stream. */
  head?: { status: number; headers: Headers };
}

/** One connection. It tells its owner what happens, has no rule, and tells nothing once it is closed. */
export interface Link {
  readonly to: Destination;
  readonly closed: boolean;
  /** What sends, if anything does: the platform's own. */
  readonly socket?: WebSocket;
  /** Lets go of the connection, its listeners first. */
  close(code?: number, reason?: string): void;
  /** A native EventSource delivers no name that was not asked for. */
  hear?(name: string): void;
}

/** What is told of an opening, and of what a WebSocket gets. */
export interface Receiver {
  opened(link: Link): void;
  /** `at`: when, on the clock of `performance.now()`. */
  message(data: Value, at: number): void;
  /** The connection is let go of. */
  released?(): void;
}

/** Makes a connection, or throws where the browser refuses. What wraps one takes another of these, and gives one. */
export type Dial = (port: Port, request: Request) => Link;

/** What stands around a link: whatever it does not see to is the link's own. */
export abstract class Around implements Link {
  declare protected readonly inner: Link;

  constructor(inner: Link) {
    this.inner = inner;
  }

  get to() {
    return this.inner.to;
  }

  get closed() {
    return this.inner.closed;
  }

  get socket() {
    return this.inner.socket;
  }

  hear(name: string) {
    this.inner.hear?.(name);
  }

  close(code?: number, reason?: string) {
    this.inner.close(code, reason);
  }
}

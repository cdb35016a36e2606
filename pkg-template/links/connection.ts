import { Listening } from "../port/listening.ts";
import { aim } from "../port/aim.ts";
import type { Port } from "../port/port.ts";
import type { Destination, Receiver, Request } from "./link.ts";

/** What all links have: whose it is, where it goes, whether it was let go of, and listeners. */
export abstract class Connection extends Listening {
  declare readonly port: Port;
  declare readonly to: Destination;
  /** Hears of the opening, and of a WebSocket's messages. */
  declare receiver: Receiver;
  closed = false;
  /** Whether events are stamped on the clock of performance.now(): jsdom's bear the time of day, those of `ws` nothing. */
  #stamped = false;

  constructor(port: Port, request: Request) {
    super();
    this.receiver = this.port = port;
    this.to = aim(port, request);
  }

  /** Listeners first. */
  close() {
    this.closed = true;
    this.off();
  }

  /** When an event came. */
  protected when(event: Event) {
    return this.#stamped ? event.timeStamp : performance.now();
  }

  /** Tells of the platform's `open`. */
  protected onOpen(source: EventTarget) {
    this.on(source, "open", (event: Event) => {
      // A server may name its events so, too: those have data.
      if ("data" in event) return;
      this.#stamped = Math.abs(performance.now() - event.timeStamp) < 1000;
      this.receiver.opened(this);
    });
  }
}

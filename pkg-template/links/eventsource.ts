import { sizeOf } from "../port/message.ts";
import type { Port } from "../port/port.ts";
import { Connection } from "./connection.ts";
import type { Link, Request } from "./link.ts";

// <calls.rs>
const INTERRUPTED = 3,
  LOST_NETWORK = 1006;
// </calls.rs>
/** The events by which servers keep a stream alive: an EventSource hears none that is not named. */
const KEEP_ALIVE = ["ping", "heartbeat", "keepalive", "keep-alive"];

export class EventSourceLink extends Connection implements Link {
  #source: EventSource;
  /** Of the last event: only a change is an id of the event's own. */
  #lastEventId = "";
  #onMessage = (event: MessageEvent) => {
    // An event source's own `open` or `error`.
    if (!("data" in event)) return;
    const { port } = this,
      { data, type, lastEventId, origin } = event;
    port.since = port.heard = this.when(event);
    // Of the stream's final address, after its redirects.
    if (origin) this.to.origin = origin;
    let own: string | undefined;
    if (lastEventId !== this.#lastEventId) own = this.#lastEventId = lastEventId;
    const size = sizeOf(data) + sizeOf(own);
    // A text has one byte or two for each character: nobody tells which.
    port.pinned += 2 * size;
    port.take(data, type, own, size);
  };

  constructor(port: Port, request: Request) {
    super(port, request);
    const { to } = this,
      { withCredentials, via, ping } = port;
    const source = (this.#source = new EventSource(to.url, { withCredentials }));
    for (const name of port.names) this.hear(name);
    if (ping !== undefined)
      for (const name of KEEP_ALIVE)
        this.on(source, name, () => {
          port.heard = performance.now();
        });
    this.onOpen(source);
    this.on(source, "error", (event: Event) => {
      // A server may name its events so, too: those have data.
      if ("data" in event) return;
      // It comes back by itself.
      if (via === "header" && source.readyState === 0) return port.inOrder(() => port.call(INTERRUPTED, to.attempt));
      // What the browser would come back from may have been an orderly end: it does not say.
      const brought = source.readyState ? 0 : port.received - port.began;
      source.close();
      port.inOrder(() => port.lost(this, LOST_NETWORK, brought));
    });
  }

  hear(name: string) {
    this.on(this.#source, name, this.#onMessage);
  }

  close() {
    super.close();
    this.#source.close();
  }
}

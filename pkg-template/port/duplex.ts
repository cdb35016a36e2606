// The port of `everwire/duplex`: of its ways to a server some are long polls, and some have an uplink.
import type { Uplink } from "../links/post.ts";
import { Posted } from "../links/posted.ts";
import { Port } from "./port.ts";

// <calls.rs>
const ROUTE_TRANSPORT = 3,
  ROUTE_POSTS = 8,
  ROUTE_POLLS = 16,
  SENDABLE = 50,
  TAKEN_SENT = 1,
  TAKEN_FULL = 3,
  TRANSPORT_WEBSOCKET = 1;
// </calls.rs>

export class DuplexPort extends Port {
  declare readonly polls: (way: number) => boolean;
  declare readonly uplink: Uplink | undefined;
  /** There is a limit on sending. */
  declare readonly rated: boolean;
  #sending = false;
  /** The last stream with an uplink, which outlives it. */
  #posted: Posted | undefined;
  #leave = ({ persisted }: PageTransitionEvent) => this.#up?.leave(persisted);

  /** What goes up by POST: the stream, or the last one where there is none. */
  get #up() {
    const { link } = this;
    return link ? (link instanceof Posted ? link : undefined) : this.#posted;
  }

  override route(address: string | URL, transport: number) {
    const found = super.route(address, transport),
      kind = found & ROUTE_TRANSPORT,
      posts = kind > TRANSPORT_WEBSOCKET && this.uplink?.urlOf(this) !== undefined;
    return found | (kind && this.polls(this.way) ? ROUTE_POLLS : 0) | (posts ? ROUTE_POSTS : 0);
  }

  override open(attempt: number, transport: number) {
    const began = super.open(attempt, transport),
      link = this.successor ?? this.link;
    if (began && link instanceof Posted) this.#posted = link;
    return began;
  }

  override takes() {
    const taken = this.#up ? this.call(SENDABLE) : super.takes();
    // Asked by the client, before it sends: what may have to wait is to be kept as it is now.
    return taken === TAKEN_SENT && this.rated && !this.#sending ? TAKEN_FULL : taken;
  }

  override send(id: number) {
    this.#sending = true;
    const sent = this.#up ? this.#up.carry(this.payloads.get(id) ?? []) : super.send(id);
    this.#sending = false;
    return sent;
  }

  override watch(all: unknown) {
    // Before the port's own, which lets go of the stream: captured, and the first, as Chromium (156) asks who listens to a window in
    // their order, captured or not.
    globalThis.addEventListener?.("pagehide", this.#leave, true);
    return super.watch(all);
  }

  override dispose(code?: number) {
    globalThis.removeEventListener?.("pagehide", this.#leave, true);
    for (const stop of [...(this.uplink?.out.values() ?? [])]) stop();
    super.dispose(code);
  }
}

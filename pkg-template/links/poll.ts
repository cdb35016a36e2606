// An event stream in pieces, for a proxy that holds a whole one back: each request is answered with what there is, ends, and is followed
// by the next. When it is asked, and what an answer means, is ruled by src/core/polls.rs.
import { setParameter } from "../port/address.ts";
import { aim } from "../port/aim.ts";
import type { Port } from "../port/port.ts";
import { FetchLink } from "./fetch.ts";
import type { Request } from "./link.ts";

// <calls.rs>
const ASKING = 13;
// </calls.rs>

export class PollLink extends FetchLink {
  /** The server waits for so many ms at most. */
  #wait = 0;
  #name: string;

  /** `name`: the parameter that says how long the server may wait. */
  constructor(port: Port, request: Request, name: string) {
    super(port, request);
    this.#name = name;
  }

  poll(wait: number) {
    this.#wait = wait;
    this.ask();
  }

  protected override aim(): ReturnType<FetchLink["aim"]> {
    const { port, to } = this,
      { request } = to;
    // The core knows of its own.
    if (!this.#wait) port.call(ASKING);
    const { url, headers, asked } = aim(port, request),
      target = new URL(url);
    to.asked = asked;
    setParameter(target, this.#name, `${this.#wait}`);
    return [target.href, { ...request.init, headers }];
  }

  /** Acks too, but not what a server says again. */
  protected override get news() {
    return this.port.received - this.port.suppressed;
  }
}

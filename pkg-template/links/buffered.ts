// A stream that does not open may be held back on its way: the core says when (src/core/buffered.rs) the server is asked by a HEAD
// at the same address.
import type { Port } from "../port/port.ts";
import { go, isStream } from "./answer.ts";
import { Around, type Dial, type Link } from "./link.ts";

// <calls.rs>
const ASK_JOIN = 23,
  ASK_HEAD = 28,
  STREAMING = 54,
  WOULD_STREAM = 55;
// </calls.rs>

export class Buffered extends Around {
  #port: Port;
  /** The parameter that says which stream it is, if there is an uplink. */
  #name: string | false | undefined;
  #abort: AbortController | undefined;

  constructor(port: Port, stream: Link, name?: string | false) {
    super(stream);
    this.#port = port;
    this.#name = name;
    port.call(STREAMING, this.to.attempt);
  }

  async ask() {
    const { attempt, url, headers, request } = this.to,
      { signal } = (this.#abort = new AbortController()),
      port = this.#port,
      target = new URL(url);
    // With it, a server that runs for a HEAD what it runs for a GET would take this for a second stream in the first one's place.
    if (this.#name) target.searchParams.delete(this.#name);
    try {
      // Another answer than a stream's says nothing of one.
      const init = { ...request.init, headers, method: "HEAD", cache: "no-store" as const, signal };
      const response = await go(port.fetch, target.href, init);
      if (response && isStream(response, {}, port)) port.call(WOULD_STREAM, attempt);
    } catch {
      // It is the network, then, or not allowed, or redirected away.
    }
  }

  /** The answer is not waited for any more. */
  stop() {
    this.#abort?.abort();
  }

  close() {
    this.stop();
    super.close();
  }
}

/** Around what asks for a stream, where that may be repeated; and what the core asks for. */
export function bufferedOf(name?: string | false) {
  let last: Buffered | undefined;
  return {
    around:
      (stream: Dial): Dial =>
      (port, request) => {
        const link = stream(port, request);
        return /^(GET)?$/.test(request.init.method ?? "") ? (last = new Buffered(port, link, name)) : link;
      },
    kinds: () => ({
      [ASK_HEAD - ASK_JOIN](attempt: number) {
        if (!attempt) last?.stop();
        else if (attempt === last?.to.attempt) last.ask();
      },
    }),
  };
}

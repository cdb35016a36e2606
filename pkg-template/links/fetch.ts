// Event streams over fetch.
import type { Value } from "../port/message.ts";
import type { Port } from "../port/port.ts";
import { cancel, go, isStream, refusal } from "./answer.ts";
import { Blocks, STAGE_SIZE } from "./blocks.ts";
import { Connection } from "./connection.ts";
import type { Link } from "./link.ts";

// <calls.rs>
const LOST = 2,
  LOST_END = 0,
  LOST_TOO_BIG = 2,
  LOST_REDIRECT = 7,
  LOST_NETWORK = 1006;
// </calls.rs>

type Reader = ReadableStreamDefaultReader<Uint8Array> | ReadableStreamBYOBReader;

export class FetchLink extends Connection implements Link {
  reader: Reader | undefined;
  #abort = new AbortController();

  /** The request. */
  protected aim(): [string, RequestInit & { headers: Headers }] {
    const { url, headers, request } = this.to;
    return [url, { ...request.init, headers }];
  }

  /** What has come so far, of which more is worth going on for. */
  protected get news() {
    return this.port.received;
  }

  close() {
    super.close();
    this.#abort.abort();
    // A fetch of the caller's own may not look at the signal.
    cancel(this.reader);
  }

  async ask() {
    const { port, to } = this,
      { attempt } = to,
      { signal } = this.#abort;
    // The port has this link when it was dialled.
    await undefined;
    let code: number | undefined = LOST_NETWORK,
      kind = LOST,
      before = 0,
      response: Response | null | undefined;
    try {
      if (this.closed) return;
      const [url, given] = this.aim(),
        init = { ...given, cache: "no-store" as const, signal };
      response = await go(port.fetch, url, init, (astray) => port.astray(this, astray, init.headers));
      if (response === null) code = LOST_REDIRECT;
      else if (!this.closed && isStream(response, init, port)) {
        port.answered(this, url, response);
        before = this.news;
        if (!this.closed) code = await read(port, this, response.body);
      } else if (!this.closed) {
        let answer: Port["answer"];
        [answer, kind, code] = await refusal(response, init, port.maxFailureBody);
        if (!this.closed) port.answer = answer;
      }
    } catch (error) {
      // After close() the abort is our own.
      if (!this.closed) port.blame(error);
    }
    // What came before is delivered first.
    if (port.busy) await port.busy;
    if (this.closed) cancel(response?.body);
    // What ended in good order may have brought something.
    else if (kind === LOST) port.lost(this, code as number, code ? 0 : this.news - before);
    else port.call(kind, attempt, (code as number) >>> 0);
  }
}

/** Reads to the end. Gives the code of the loss, or nothing if the connection was dropped meanwhile. */
export async function read(
  port: Port,
  link: { closed: boolean; reader?: Reader },
  body: ReadableStream<Uint8Array<ArrayBuffer>> | null,
) {
  let done: boolean,
    value: Uint8Array<ArrayBuffer> | undefined,
    view: Uint8Array<ArrayBuffer> | undefined,
    reader: Value,
    wait: Promise<unknown> | undefined;
  try {
    // Into a buffer of ours where the engine can: one of its own for each chunk costs a tenth of the whole.
    reader = body?.getReader({ mode: "byob" });
  } catch {
    reader = body?.getReader();
  }
  const blocks = new Blocks(port);
  link.reader = reader;
  for (;;) {
    // A read takes the buffer away and gives it back; what is no stream of bytes leaves it.
    if (!view?.length) view = new Uint8Array((value?.buffer ?? STAGE_SIZE) as ArrayBuffer);
    ({ done, value } = reader ? await reader.read(view) : { done: true });
    if (link.closed) return;
    // Only the heartbeat asks, and the clock costs as much as parsing a short event.
    if (port.ping !== undefined) port.heard = performance.now();
    if (done && !port.flush) return LOST_END;
    if (done) value = Uint8Array.of(10, 10);
    // Not `instanceof`: of any realm.
    if (value?.BYTES_PER_ELEMENT !== 1) throw new TypeError("everwire: http.fetch gave no bytes");
    for (let from = 0; from < value.length; from += STAGE_SIZE) {
      blocks.feed(value.length > STAGE_SIZE ? value.subarray(from, from + STAGE_SIZE) : value);
      for (; blocks.at < blocks.stop; wait = blocks.turn()) {
        while ((wait = port.hold ?? port.busy ?? wait)) {
          // A `for await` loop is behind, a message is decoded, or the page has its turn: nothing is read, and nothing is expected either.
          port.held = true;
          await wait;
          if (link.closed) return;
          if (port.hold === wait) port.hold = undefined;
          port.held = false;
          wait = undefined;
        }
        const big = blocks.deliver(link);
        if (link.closed) return;
        if (big) return LOST_TOO_BIG;
      }
    }
    if (done) return LOST_END;
  }
}

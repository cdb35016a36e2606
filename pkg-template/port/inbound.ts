// What comes in: decoded, in its order, one by one.
import type { Link } from "../links/link.ts";
import type { Message } from "./how.ts";
import { asRange, inexact, isInexact } from "./numbers.ts";
import { Batch, type Value, contentOf, decodeJson } from "./message.ts";
import { report } from "./report.ts";
import { turn } from "./turn.ts";
import { Ids, NUMBERS, WITHHELD_UNITS } from "./ids.ts";

// <calls.rs>
const GAP_TOLD = 10,
  RETIRE = 12,
  RESUMABLE = 15,
  ACKED = 19,
  NACKED = 20,
  IDS_RECENT = 1024;
// </calls.rs>

type Read = (message: Message) => Value;
/** What came, the name and the id of an event, and the size of all that it came in. */
type Came = [raw: Value, name: string | undefined, own: string | undefined, size: number];
/** What it was decoded to, or a promise of it; and whether more was missed before it. */
type Waiting = [data: Value, came: Came, missed: boolean];

export abstract class Inbound extends Ids {
  declare link: Link | undefined;
  /** Out to the app: one message. */
  declare sink: (message: Message) => void;
  /** The numbers of what awaits an ack. */
  awaiting = new Map<string | undefined, number>();
  /** Until this promise resolves, nothing more is delivered. */
  declare hold: Promise<unknown> | undefined;
  /** A promise of the end of what waits to be decoded, if anything does. */
  declare busy: Promise<void> | undefined;
  /** Nothing is read meanwhile. */
  held = false;
  /** The message that is being taken, as it came. */
  declare incoming: Value;
  /** The same decoded, with its inexact numbers as the server wrote them, once a reader has found one. */
  declare exact: Value;
  /** When the message that is being taken had its turn, on the clock of `performance.now()`. */
  since = 0;
  received = 0;
  /** With another request to go on with: something of this client's stream has come. */
  begun = false;
  /** What this connection's frames were decoded to, or promises of it, in order, each with how it came. */
  #line: Waiting[] = [];
  #lined = 0;
  /** More came than may wait, and what did is lost. */
  #missed = false;
  #resumable = false;
  turn = turn;

  /** What waits to be decoded, or is held back, goes with its connection: the cursor has not moved. */
  forget() {
    this.held = this.#resumable = false;
    this.withheld = [];
    this.busy = undefined;
    this.#line = [];
    this.#lined = 0;
    this.#missed = false;
  }

  /** One event of a fetched stream; `data` undefined: only its id matters. `size`: of all that it came in. */
  event(type: string | undefined, data: string | undefined, id: string | undefined, size: number) {
    if (data !== undefined) this.take(data, type, id, size);
    else if (id !== undefined && this.passes(id)) this.#begun();
  }

  comment(text: string) {
    try {
      this.onComment?.(text);
    } catch (error) {
      report(error, true);
    }
  }

  take(raw: Value, name: string | undefined, own: string | undefined, size: number) {
    const { decode } = this;
    // The default is never late, and makes one message of each frame.
    if (decode === decodeJson) return this.#put(decodeJson(raw), raw, name, own, size, false);
    if (this.#line.length >= IDS_RECENT || this.#lined >= WITHHELD_UNITS) return void (this.#missed = true);
    let data: Value;
    try {
      data = decode(raw, this.to.transport);
    } catch (error) {
      return report(error);
    }
    this.give(data, raw, name, own, size);
  }

  /** Sees to what decode gave at once, if it can. */
  give(data: Value, ...came: Came) {
    const line = this.#line;
    let wait: Promise<unknown> | undefined;
    if (this.busy || this.#missed || typeof data?.then === "function") {
      line.push([data, came, this.#missed]);
      this.#lined += came[3];
      this.#missed = false;
      // One that rejects before its turn is not unhandled.
      Promise.resolve(data).catch(() => {});
    } else if (!(wait = this.#deal(data, came))) return;
    this.busy ??= this.#work(line, wait);
  }

  /** What waits has its turn, one by one. */
  async #work(line: Waiting[], wait: Promise<unknown> | undefined) {
    await wait;
    while (line === this.#line && line.length) {
      let data: Value = new Batch([]);
      try {
        data = await line[0][0];
      } catch (error) {
        if (line === this.#line) report(error);
      }
      if (line !== this.#line) return;
      const [, came, missed] = line.shift() as Waiting;
      this.#lined -= came[3];
      if (missed) this.call(GAP_TOLD, 0, 1);
      this.since = performance.now();
      await this.#deal(data, came);
    }
    if (line === this.#line) this.busy = undefined;
  }

  /** Messages of a batch as if each had come by itself. Fetched ones may have to wait for the page, or for a loop: then a promise of the rest. */
  #deal(data: Value, came: Came, at = 0): Promise<unknown> | undefined {
    const [raw, name, own, size] = came;
    if (!(data instanceof Batch)) return void this.#put(data, raw, name, own, size, false);
    const { link } = this,
      { id, seq, acks } = this,
      { messages } = data,
      share = Math.ceil(size / messages.length);
    while (at < messages.length && this.link === link) {
      const one = messages[at++],
        content = id || seq || acks || own ? contentOf(one) : undefined;
      this.since = performance.now();
      // The id of an event is that of its last message: nobody goes on from the middle.
      this.#put(one, content, name, at < messages.length ? undefined : own, share, true);
      const hold = this.to.transport === "fetch" && (this.hold ?? this.turn(performance.now() - this.since));
      if (hold)
        return hold.then(() => {
          if (this.hold === hold) this.hold = undefined;
          return this.link === link ? this.#deal(data, came, at) : undefined;
        });
    }
  }

  /** `part`: of a batch; `raw` is no JSON that came, then. */
  #put(data: Value, raw: Value, name: string | undefined, own: string | undefined, size: number, part: boolean) {
    const { id, seq, gap, notice } = this;
    this.received++;
    this.size = size;
    this.incoming = raw;
    this.exact = part ? data : undefined;
    let message: Message | undefined, number: number | string | undefined, first: number | string | undefined;
    try {
      message = this.read(data, name);
      if (this.acknowledges(message)) return;
      if (id) {
        own = this.idOf(id, message) ?? own;
      }
      if (seq) {
        message.lastEventId = own ?? this.cursor;
        [number, first] = this.#numberOf(seq, message, own);
      }
    } catch (error) {
      report(error);
      // One without an id is better than none.
      if (!message) return;
    }
    if (this.closed) return; // by decode, id or isPong
    const { type } = message;
    if (gap !== undefined && type === gap) this.call(GAP_TOLD);
    else if (!this.passes(own, number, raw, message, first)) return;
    else if (notice !== undefined && type === notice) this.call(RETIRE);
    else this.deliver(message);
  }

  read(data: Value, name?: string): Message {
    // By the standard that is the type of an event without a name: native EventSources tell no difference.
    const type =
      (name !== "message" && name) ||
      (data !== null && typeof data === "object" && typeof data.type === "string" ? data.type : "message");
    const { transport, origin } = this.to;
    return { data, type, lastEventId: this.cursor, transport, origin };
  }

  deliver(message: Message) {
    message.lastEventId = this.cursor;
    this.#begun();
    this.sink(message);
  }

  /** Whether it says of something that was sent that the server has it, or will not have it. */
  acknowledges(message: Message) {
    const { acks, refuses } = this;
    return (
      (acks && this.#said(acks, message, "match", ACKED)) ||
      (refuses && this.#said(refuses, message, "refused", NACKED))
    );
  }

  #said(read: Read, message: Message, option: string, kind: number) {
    const ids = this.exactly(read, message) ?? undefined;
    for (const id of ids === undefined ? [] : [].concat(ids)) {
      const number =
        typeof id === "object" ? this.ignored(`outbox.ack.${option} must give ids`) : this.awaiting.get(String(id));
      if (number !== undefined) this.call(kind, 0, number);
    }
    return ids !== undefined;
  }

  /** What `read` finds in a message. A number that no double holds is found as the server wrote it, where the engine tells. */
  exactly(read: Read, message: Message) {
    const found = read(message);
    if (!inexact(found)) return found;
    try {
      const source = (_: string, value: Value, context?: { source?: string }) =>
        isInexact(value) ? (context?.source ?? value) : value;
      // For all readers: it takes ten times as long as to decode it.
      this.exact ??= JSON.parse(this.incoming, source);
      return read({ ...message, data: this.exact }) ?? found;
    } catch {
      this.exact ??= message.data;
      return found;
    }
  }

  /**
   * The id that `read` finds. "", true, objects, and what may stand for several numbers are none: they would come again. After the
   * last of these the id before it is no place to go on from, so it is "".
   */
  idOf(read: Read, message: Message) {
    const id = this.exactly(read, message),
      type = typeof id;
    if (type === "number" && Math.abs(id) >= 2 ** 53) return "";
    return (type === "string" ? id : type === "bigint" || (type === "number" && Math.abs(id) < 2 ** 53))
      ? `${id}`
      : undefined;
  }

  /** `seq` true: the id of the message's own is the number, and a message without one has none. */
  #numberOf(seq: Read | true, message: Message, own: string | undefined) {
    let number = seq === true ? own : this.exactly(seq, message);
    const epoch = Array.isArray(number);
    if (epoch) {
      this.count(number[0]);
      number = number[1];
    }
    if (number === undefined || number === null) return [];
    if (!epoch) this.count();
    const range = asRange(number);
    if (range[0] === undefined) this.ignored(NUMBERS);
    return range;
  }

  /** From here on the caller's other request can take over. */
  #begun() {
    if (!this.resumes || this.#resumable) return;
    this.begun = this.#resumable = true;
    this.call(RESUMABLE);
  }
}

// What the wasm's parser (src/sse) found in a chunk: bytes go into it once, and come back as offsets into the chunk's text.
import type { Port } from "../port/port.ts";

// <calls.rs>
const STAGE = 16,
  FED = 17,
  PARSE = 18;
// </calls.rs>
// Kinds of the table's entries (src/sse/mod.rs).
const DATA = 1,
  EVENT = 2,
  ID = 3,
  COMMENT = 4,
  DISPATCH = 8;
/** What a decoder puts in the place of malformed bytes. Not written as itself: these scripts are ASCII. */
const REPLACEMENT = String.fromCharCode(0xfffd);
/** The longest chunk that the stage takes. */
export const STAGE_SIZE = 65_536;

/** The table of what was read, and the text that it points into. Not in `read`: engines are slow in what awaits. */
export class Blocks {
  /** The end of the last entry in `words`, and the next one. */
  stop = 0;
  at = 0;
  /** Where the last event ended in the text: parts of a text keep all of it, so each event counts with what is before it. */
  #from = 0;
  /** So many events, or blocks of 4 KiB, until the clock is looked at, which costs as much as a short one; and when it last was. */
  #left = 1;
  #looked = 0;
  #port: Port;
  #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  #stage: number;
  #pending = 0;
  #bytes!: Uint8Array;
  #words!: Int32Array;
  #region!: Uint8Array;
  #units = false;
  #text = "";
  /** The text was malformed, so places in it cannot be counted beforehand: each part is decoded by itself. */
  #slow = false;

  constructor(port: Port) {
    this.#port = port;
    this.#stage = port.call(STAGE);
  }

  feed(chunk: Uint8Array) {
    const { length } = chunk,
      port = this.#port,
      last = chunk[length - 1];
    // Most often a chunk ends with an event, and nothing is pending: then one call does it all.
    const early = !this.#pending && (last === 10 || last === 13);
    if (early) this.#decode(chunk);
    this.#look();
    this.#bytes.set(chunk, this.#stage);
    let at = port.call(FED, early ? (this.#units ? 2 : 1) : 0, length) >>> 2;
    let words = this.#look();
    const end = words[at];
    if (end && !(early && end === length)) {
      const from = words[at + 2] >>> 0,
        region = this.#bytes.subarray(from, from + end);
      this.#decode(region);
      if (this.#slow) this.#region = region.slice();
      at = port.call(PARSE, 0, this.#units ? 1 : 0) >>> 2;
      words = this.#look();
    }
    this.#stage = words[at + 3] >>> 0;
    this.#from = 0;
    this.at = at + 4;
    this.stop = this.at + words[at + 1];
    this.#pending += length - end;
    this.#left -= length >> 12;
    // The parts of a text keep all of it.
    port.pinned += this.#units ? 2 * length : length;
  }

  /** A promise of the page's turn, if it is to come first. */
  turn(): Promise<void> | undefined {
    if (this.#left > 0) return undefined;
    const now = performance.now(),
      took = now - this.#looked;
    this.#left = took < 1 ? 16 : 1;
    this.#looked = now;
    return this.#port.turn(took);
  }

  /** Up to the end, to a `hold`, or to the loss of the connection. True for an event that is too big. */
  deliver(link: { closed: boolean }) {
    const port = this.#port,
      stop = this.stop,
      text = this.#text,
      slow = this.#slow;
    let words = this.#look();
    let at = this.at,
      type: string | undefined,
      data: string | undefined,
      id: string | undefined;
    if (this.#left === 1) this.#looked = performance.now();
    while (at < stop) {
      // What was called may have made the memory grow.
      if (!words.length) words = this.#look();
      const kind = words[at],
        start = words[at + 1],
        end = words[at + 2];
      at += 4;
      const part = slow ? this.#decoder.decode(this.#region.subarray(start, end)) : text.slice(start, end);
      const what = kind & ~DISPATCH;
      if (what === DATA) data = data === undefined ? part : `${data}\n${part}`;
      else if (what === ID) id = part;
      else if (what === EVENT) type = part;
      else if (what === COMMENT) {
        port.comment(part);
        this.#left--;
        if (link.closed) break;
      } else return true;
      if (kind !== what) {
        const size = end - this.#from;
        this.#from = end;
        port.event(type, data, id, size);
        type = data = id = undefined;
        if (port.hold || port.busy || link.closed || --this.#left <= 0) break;
      }
    }
    this.at = at;
    return false;
  }

  #decode(region: Uint8Array) {
    // Chromium takes a third less for a whole buffer than for a view of it.
    const { buffer } = region;
    const text = (this.#text = this.#decoder.decode(buffer.byteLength === region.length ? buffer : region));
    this.#region = region;
    this.#units = text.length !== region.length;
    this.#slow = this.#units && text.includes(REPLACEMENT);
    this.#units &&= !this.#slow;
  }

  /** A memory that grew leaves empty views behind. */
  #look() {
    if (!this.#words?.length) {
      const { buffer } = this.#port.memory;
      this.#bytes = new Uint8Array(buffer);
      this.#words = new Int32Array(buffer);
    }
    return this.#words;
  }
}

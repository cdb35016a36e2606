// Where this client is in its stream: the cursor, and what the core has to know of ids and numbers.
import { KEY, fingerprint } from "./fingerprint.ts";
import type { Destination, Dial } from "../links/link.ts";
import type { How, Message, Place } from "./how.ts";
import type { Value } from "./message.ts";

// <calls.rs>
const CHECK = 6,
  LEARN = 7,
  START_FROM = 8,
  EPOCH = 9,
  RULING_DELIVER = 1,
  RULING_MOVES = 2,
  RULING_RESTARTED = 4,
  IDS_FIRST = 64,
  IDS_RECENT = 1024;
// </calls.rs>
// What the core remembers of ids: more need not be kept for it.
const FIRST = IDS_FIRST,
  RECENT = IDS_RECENT;
/** So many bytes of memory may be kept by ids and what they came in, before the core is told of them: it keeps numbers. */
const PINNED = 2 ** 20;
/** If no more than this was held back before ids are seen to begin anew, it was new as well; and no more bytes, or units of text. */
export const WITHHELD = 16;
export const WITHHELD_UNITS = 2 ** 24;
export const NUMBERS = "resume.seq must give a whole number from 0, { first, last }, or [epoch, either]";

type Num = number | string | undefined;
/** An id, if the message has one of its own, its number, what came, the message, and the first number where it has several. */
type Checked = [own: string | undefined, number: Num, raw: Value, message: Message | undefined, first: Num];

/** What the core is called by: `(kind, attempt, code, high, low)`, the last two the fingerprint of an id. */
export type Call = (kind: number, attempt?: number, code?: number, high?: number, low?: number) => number;

/** What a port is made of: besides what the app chose what each transport is dialled by, the core, and its memory, for what fetch reads. */
export interface Given extends How {
  links: (Dial | undefined)[];
  call: Call;
  memory: WebAssembly.Memory;
}

// The first of three layers, of which each knows those before it; the constructor gives all that was chosen.
export interface Ids extends Given {}
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: as said above.
export abstract class Ids {
  /** Where the connection goes, or the last one went. */
  to = { url: "" } as Destination;
  closed = false;
  /** Of the message that came last: its bytes, or its units of text, with its id and name, and with what an event came in beside. */
  size = 0;
  cursor = "";
  /** The last number, and what it counts in. */
  declare number: Num;
  declare epoch: string | undefined;
  /** The message at the cursor, as it came. */
  declare raw: Value;
  /** The id under check, "" if it has none. */
  pending = "";
  /** Each message's id goes to the core before it is delivered. */
  declare checked: Value;
  suppressed = 0;
  /** How many bytes of memory the ids that the core was not told of yet may keep. */
  pinned = 0;
  /** What was held back since the last message, as `#check` took it; 0 of what is not kept. */
  withheld: (Checked | 0)[] = [];
  /** An earlier page's, if it left one. */
  key = KEY;
  #first: Value[] = [];
  #recent: Value[] = [];
  #learned = 0;
  #units = 0;
  /** What `stand` gave last, and for what. */
  #at: Value[] = [];
  #place: Value[] | undefined;
  #warned = "";

  constructor(given: Given) {
    Object.assign(this, given);
  }

  abstract deliver(message: Message): void;

  place(): Place {
    return { id: this.cursor, seq: this.number, epoch: this.epoch };
  }

  /** What an earlier page left; `known`: the fingerprint of the message at the cursor, and its key. */
  start(cursor: string, number?: Num, epoch?: string, known?: Value) {
    // Storage gives what anybody put there.
    const print = ([] as Value[]).concat(known),
      whole = print.length === 3 && print.every(Number.isInteger);
    if (whole) this.key = print[2];
    this.cursor = cursor;
    this.count(epoch);
    this.number = number;
    this.rule(START_FROM, whole ? print : this.#print(cursor, number), number);
  }

  /** What `start` of the next page takes. Asked for each message, which may all stand behind one that is large. */
  stand() {
    const { id, seq, epoch } = this.place(),
      at = [id, seq, epoch, this.raw];
    if (at.some((one, n) => one !== this.#at[n])) {
      this.#at = at;
      this.#place = [id, seq, epoch, [...this.#print(id, seq, this.raw), this.key]];
    }
    return this.#place;
  }

  /** A fingerprint, and a number in two halves, the upper one counted from 1. */
  rule(kind: number, [upper, lower]: number[], number?: Num) {
    // Big integers are slow, and most messages have no number.
    const big = number === undefined ? number : BigInt(number),
      call = this.call;
    return big === undefined
      ? call(kind, 0, 0, upper, lower)
      : call(kind, Number(big >> 32n) + 1, Number(BigInt.asUintN(32, big)), upper, lower);
  }

  /** Tells the ids delivered unchecked since the last time: enough of the first and the last. */
  drain() {
    const learned = this.#recent.slice(-2 * RECENT);
    if (this.#learned > RECENT) learned.unshift(...this.#first);
    const more = Math.max(0, this.#learned - learned.length / 2);
    this.#first = [];
    this.#recent = [];
    this.#learned = this.pinned = 0;
    for (let at = 0; at < learned.length; at += 2)
      this.rule(LEARN, this.#print(learned[at], undefined, learned[at + 1]), at ? undefined : more);
  }

  /** What the numbers from here on count in. */
  count(epoch?: Value) {
    // No longer than an id that goes up: it is in each fingerprint, and stored.
    const odd = epoch && (typeof epoch === "object" || epoch.length > 4_000);
    if (odd) this.ignored(NUMBERS);
    const name = odd ? "" : `${epoch ?? ""}`;
    if (name === (this.epoch ?? "")) return;
    this.epoch = name || undefined;
    this.number = undefined;
    this.rule(EPOCH, fingerprint(name || " ", undefined, false, this.key));
  }

  /** Moves the cursor, if the id does. Whether what has it is to be delivered. Short: engines inline it for every message. */
  passes(own: string | undefined, number?: Num, raw?: Value, message?: Message, first?: Num) {
    if (this.checked) return this.#check(own, number, raw, message, first);
    if (own !== undefined) this.#learn(own, raw);
    return true;
  }

  /** After a reconnect, and where messages are numbered, the core decides. */
  #check(own: string | undefined, number: Num, raw: Value, message: Message | undefined, first: Num): boolean {
    this.pending = own ?? "";
    // The first number may be of the message that the cursor names.
    const counted = own && this.number === undefined ? undefined : number;
    if (first !== undefined) this.rule(EPOCH, [0, 0], first);
    // When it comes again it may be put together in another way.
    const ruling = this.rule(CHECK, this.#print(own, counted, first === undefined ? raw : undefined), number);
    // By a handler of the gap event. One that reconnects gets the message all the same: the core has
    // ruled on it, and will hold its replay back.
    if (this.closed) return false;
    const { withheld } = this;
    if (!withheld.length) this.#units = 0;
    if (ruling) this.withheld = [];
    // Of more than that nothing is kept but that there was more.
    else if (
      message &&
      withheld.length <= WITHHELD &&
      (withheld.push([own, number, raw, message, first]) > WITHHELD || (this.#units += this.size) > WITHHELD_UNITS)
    )
      withheld.fill(0).length = WITHHELD + 1;
    if (ruling & RULING_RESTARTED) {
      for (const one of withheld.length > WITHHELD ? [] : (withheld as Checked[])) {
        this.suppressed--;
        if (this.#check(...one)) this.deliver(one[3] as Message);
      }
      return this.#check(own, number, raw, message, first);
    }
    const moves = ruling & RULING_MOVES && own !== undefined;
    if (moves) this.cursor = own;
    if (ruling & RULING_DELIVER) this.number = number ?? this.number;
    if (number === this.number && (moves || number !== undefined)) this.raw = raw;
    if (ruling & RULING_DELIVER) return true;
    this.suppressed++;
    return false;
  }

  /** The core hears of it later, in `drain`. */
  #learn(own: string, raw: Value) {
    if (this.#learned++ < FIRST) this.#first.push(own, raw);
    if (this.#recent.push(own, raw) > 4 * RECENT) {
      this.#recent.splice(0, 2 * RECENT);
      this.pinned = 0;
    }
    this.raw = raw;
    this.cursor = own;
    if (this.pinned > PINNED) this.drain();
  }

  /** With `raw` the message itself is known again, not only its id. An epoch proves as much. */
  #print(own: string | undefined, number?: Num, raw?: Value) {
    const id = number === undefined ? own : `${this.epoch ?? ""}#${number}`;
    return fingerprint(id, raw, this.to.transport === "websocket", this.key, number);
  }

  /** What a server said is no error of the app's. What cannot be counts as not said: each kind is told once, in the console. */
  ignored(rule: string) {
    if (this.#warned.includes(rule)) return;
    this.#warned += rule;
    // biome-ignore lint/suspicious/noConsole: nobody could be told in another way.
    console.warn(`everwire: ${rule}; anything else is ignored`);
  }
}

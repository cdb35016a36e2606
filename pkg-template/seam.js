// Where a handle is in its topic, and what is held back after it was joined again: src/core/seam.rs in small, which a test
// compares it with (tests/seam). A topic is joined with the cursor that it has at that moment, and nothing comes over
// another connection from then on. As there, what is compared are fingerprints (`fingerprint` in port.js), not ids.

import { FIRST, RECENT } from "../src/transport/port.js";

const ID = 2 ** 21;
// As in src/core/seam.rs, which says why.
const LATE = 16,
  JUMP = 2 ** 16,
  FAR = 2 ** 32,
  JUMPS = 8,
  SOON = 8;
/** Numbers above 2^53 are big integers. */
const isApart = (above, below, many) => BigInt(above) - BigInt(below) >= many;
const sampled = (fingerprint) => Math.floor(fingerprint / ID) % 2 === 1;
const sameId = (one, other) => one === other || (sampled(one) && Math.floor(one / ID) === Math.floor(other / ID));
/** The same message, as far as can be known: another transport may give it another look. */
function same(one, other) {
  const [here, there] = [one % ID, other % ID];
  return one === other || (sameId(one, other) && (!here || !there || here % 2 !== there % 2));
}

export class Seam {
  /** The id of the last message that the handlers are done with; "" before there is one. */
  cursor;
  /** Its fingerprint. */
  #fingerprint = 0;
  #first = [];
  #recent = [];
  /** More than `RECENT` were kept. */
  #forgot = false;
  /** The first and the last sequence number, where messages have them. */
  #from;
  #number;
  /** Since the last new number, messages come that came before. */
  #repeats = false;
  /** The last number before those that nothing was known of. */
  #before = -1;
  /** The last number before each jump, and the first one after it with its message. */
  #jumps = [];
  /** The cursor that the join named, which ends the seam; and how many new ids came before it. */
  #target = 0;
  #fresh = 0;
  #begun = false;
  /** The topic comes again from its beginning. */
  #whole = false;
  /** What the next message must be preceded by: "unknown" or "gap". */
  #due;
  /** What was held back since the last message: if ids begin anew, it was new as well (`WITHHELD` in port.js). */
  withheld = [];
  /** The last ruling at this seam: several messages of one id are delivered or held back together. */
  #ruled;
  /** What bounds how much is held back, as in src/core/seam.rs. */
  #received = 0;
  #strangers = 0;
  #probe = 0;
  #reopened = false;
  #loose = false;
  #head = -1;
  #floor = 0;
  #mark = 0;
  #marked = 0;

  constructor(cursor, fingerprint) {
    this.cursor = cursor;
    this.#keep(fingerprint);
    // Not the first of the topic: it began before.
    this.#first = [];
    this.#received = fingerprint ? RECENT + 1 : 0;
  }

  /** There was no number yet: this one's message may be known by its id. */
  get unnumbered() {
    return this.#head < 0;
  }

  /** A join is going out that is to go on from somewhere. */
  rejoined() {
    this.#target = this.#fingerprint;
    this.#fresh = 0;
    this.#begun = this.#whole = this.#repeats = false;
    this.#reopened = true;
    this.#due ??= "unknown";
    this.#ruled = undefined;
    this.withheld = [];
  }

  /** The server said that something is missing. Its ids may start anew, so the old ones prove nothing. */
  gapTold() {
    this.#forget();
    this.#due = "gap";
  }

  /**
   * Nothing for what is held back, else what is to be told before it: `{ outcome, missing }`. With `restarted` ids have begun
   * anew: what was held back just before is to be ruled on again, and then this.
   */
  place(fingerprint, number) {
    const last = this.#number;
    if (
      fingerprint &&
      number <= this.#before &&
      !isApart(this.#before, number, FAR) &&
      !(number <= last) &&
      this.#known(fingerprint)
    ) {
      // It was a replay after all.
      this.#jumps = [];
      this.#number = this.#before;
      this.#before = -1;
      this.#repeats = true;
      return undefined;
    }
    if (number === undefined || last === undefined) {
      // Between numbered messages: the next number says what is missing.
      const due = this.#due,
        waits = last !== undefined;
      if (waits) this.#due = undefined;
      const ruling = this.#rule(fingerprint);
      if (waits) this.#due ??= due;
      if (!ruling?.restarted && number !== undefined) this.#from = this.#head = this.#number = number;
      return ruling;
    }
    // The server may count anew after a gap that it told itself.
    if (number <= last && this.#due !== "gap") {
      const at = this.#jumps.findIndex(
        ([below, above, known]) =>
          below < number &&
          number < above &&
          (isApart(above, below, JUMP + 1) || !known || this.#known(known) !== undefined),
      );
      if (at >= 0) {
        this.#number = this.#jumps[at][0];
        this.#jumps.length = at;
        if (last > this.#before) this.#before = last;
        this.#due = "gap";
        return this.place(fingerprint, number);
      }
      const known = fingerprint ? this.#known(fingerprint) : undefined;
      if (isApart(last, number, FAR) && !known) {
        this.#before = -1;
        this.#begin();
        return this.place(fingerprint, number);
      }
      if (known) {
        this.#repeats = true;
        this.#strangers = 0;
        return undefined;
      }
      if (!this.#loose) {
        if (known === false) {
          this.#loose = true;
          return this.#restart();
        }
        // Else it would be remembered, or was told to be missing; the first one is, by its id.
        const first = number < this.#from;
        const strange = first || (number > this.#from && isApart(last, number, RECENT));
        const alien = strange && !this.#repeats && fingerprint;
        const late = number >= this.#floor || number <= this.#head ? LATE : this.#received;
        if (!alien && !this.#tooMany(fingerprint || number, first || number === last ? SOON : late)) return undefined;
        this.#loose = !alien;
        if (last > this.#before) this.#before = last;
        return this.#begin();
      }
      if (number < last) this.#due ??= "unknown";
    }
    this.#loose &&= number <= last;
    if (number <= last) this.#jumps = [];
    else if (isApart(number, last, LATE + 1)) {
      if (this.#jumps.length === JUMPS) this.#jumps.pop();
      this.#jumps.push([last, number, fingerprint]);
    }
    if (number < this.#from) this.#from = number;
    this.#repeats = false;
    this.#number = number;
    this.#target = this.#strangers = 0;
    this.#keep(fingerprint);
    if (this.#first.length < FIRST && this.#head >= 0) this.#head = number;
    if (this.#received - this.#marked >= RECENT / 2) {
      this.#floor = this.#mark;
      this.#mark = number;
      this.#marked = this.#received;
    }
    const next = typeof last === "bigint" ? last + 1n : last + 1;
    if (number > next)
      return this.#taken({
        outcome: "gap",
        missing: typeof number === "bigint" ? undefined : { from: next, to: number - 1 },
      });
    return this.#taken({ outcome: this.#due === "gap" || number <= last ? this.#due : undefined });
  }

  #rule(fingerprint) {
    if (!fingerprint) {
      this.#received++;
      return this.#taken({ outcome: this.#due });
    }
    const recent = this.#recent,
      ruled = this.#ruled;
    if (this.#target && same(this.#target, fingerprint)) {
      this.#fingerprint = fingerprint;
      this.#target = this.#strangers = 0;
      // What was new before it is older than all we had: the replay began before we joined.
      recent.unshift(...recent.splice(recent.length - (this.#fresh % recent.length || 0)));
      this.withheld = [];
      // The server's word weighs more than its replay.
      if (this.#due === "unknown") this.#due = undefined;
      return undefined;
    }
    if (ruled && sameId(ruled.fingerprint, fingerprint)) {
      if (ruled.held) {
        const bound = this.#target && this.#whole ? this.#received : SOON;
        return !this.#known(fingerprint) && this.#tooMany(fingerprint, bound) ? this.#restart() : undefined;
      }
      this.#fresh++;
    } else if (this.#target) {
      const known = this.#known(fingerprint);
      if (known === false) return this.#restart();
      // While nothing is forgotten, each id speaks for itself.
      const among = (fingerprints) => fingerprints.some((other) => same(other, fingerprint));
      this.#whole ||= !this.#begun && this.#forgot && among(this.#first);
      this.#begun = true;
      if (this.#whole && !known && this.#tooMany(fingerprint, this.#received)) {
        // Only its greeting is the same on each connection, say.
        this.#whole = false;
        this.#first = [];
        this.#strangers = 0;
        this.#due ??= "unknown";
      }
      const held = this.#whole || among(recent);
      // A server past the cursor never shows it again, so the seam ends by count as well.
      if (!held && ++this.#fresh >= RECENT) this.#target = 0;
      this.#ruled = { fingerprint, held };
      if (held) return undefined;
    }
    this.#keep(fingerprint);
    return this.#taken({ outcome: this.#due });
  }

  #taken(ruling) {
    this.#due = undefined;
    return ruling;
  }

  /** A message that is not known is about to be held back: whether that is more than can be. */
  #tooMany(fingerprint, bound) {
    if (this.#reopened) {
      this.#reopened = false;
      if (this.#probe === fingerprint) this.#strangers = 0;
      this.#probe = fingerprint;
    }
    return ++this.#strangers > bound;
  }

  /** Whether it came before; false: its id did, with other content. */
  #known(fingerprint) {
    const fingerprints = [...this.#recent, ...this.#first].filter((other) => sameId(other, fingerprint));
    return fingerprints.length ? fingerprints.some((other) => same(other, fingerprint)) : undefined;
  }

  /** Ids, or numbers, begin anew: what is remembered is of another stream. */
  #restart() {
    this.#forget();
    this.#before = -1;
    this.#floor = this.#mark = 0;
    return this.#begin();
  }

  /** From here on it is another beginning. */
  #begin() {
    this.#target = 0;
    this.#ruled = undefined;
    this.#number = undefined;
    this.#jumps = [];
    this.#repeats = false;
    this.#strangers = 0;
    this.#due ??= "unknown";
    return { restarted: true };
  }

  #forget() {
    this.#first = [];
    this.#recent = [];
    this.#forgot = false;
    this.#target = 0;
    this.#ruled = undefined;
  }

  #keep(fingerprint) {
    this.#received++;
    if (!fingerprint) return;
    this.#fingerprint = fingerprint;
    if (this.#first.length < FIRST) this.#first.push(fingerprint);
    this.#recent.push(fingerprint);
    if (this.#recent.length <= RECENT) return;
    this.#recent.shift();
    this.#forgot = true;
  }
}

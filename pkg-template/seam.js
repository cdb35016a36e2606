// Where a handle is in its topic, and what is held back after it was joined again: src/core/seam.rs in small. A topic is
// joined with the cursor that it has at that moment, and nothing comes over another connection from then on.

const FIRST = 64,
  RECENT = 1024;

export class Seam {
  /** The id of the last message that the handlers are done with; "" before there is one. */
  cursor;
  #first = new Set();
  #recent = new Set();
  /** More ids than `#recent` holds were kept. */
  #forgot = false;
  /** The last sequence number, where messages have them. */
  #number;
  /** The cursor that the join named, which ends the seam; and how many new ids came before it. */
  #target = "";
  #fresh = 0;
  #begun = false;
  /** The topic comes again from its beginning. */
  #whole = false;
  /** What the next message must be preceded by: "unknown" or "gap". */
  #due;
  /** The last ruling at this seam: several messages of one id are delivered or held back together. */
  #ruled = {};

  constructor(cursor) {
    this.cursor = cursor;
    this.#keep(cursor);
  }

  /** A join is going out that is to go on from somewhere. */
  rejoined() {
    this.#target = this.cursor;
    this.#fresh = 0;
    this.#begun = this.#whole = false;
    this.#due ??= "unknown";
    this.#ruled = {};
  }

  /** The server said that something is missing. Its ids may start anew, so the old ones prove nothing. */
  gapTold() {
    this.#first.clear();
    this.#recent.clear();
    this.#forgot = false;
    this.#target = "";
    this.#due = "gap";
    this.#ruled = {};
  }

  /** Nothing for what is held back, else what is to be told before it: `{ outcome, missing }`. */
  place(id, number) {
    const last = this.#number;
    if (number === undefined || last === undefined) {
      // Between numbered messages: the next number says what is missing.
      const due = this.#due,
        waits = last !== undefined;
      if (waits) this.#due = undefined;
      const ruling = this.#rule(id);
      if (waits) this.#due = due;
      this.#number = number ?? last;
      return ruling;
    }
    // The server may count anew after a gap that it told itself.
    if (number <= last && this.#due !== "gap") return undefined;
    this.#number = number;
    this.#target = "";
    this.#keep(id);
    if (number > last + 1) return this.#taken({ outcome: "gap", missing: { from: last + 1, to: number - 1 } });
    return this.#taken({ outcome: this.#due === "gap" ? "gap" : undefined });
  }

  #rule(id) {
    if (id && id === this.#ruled.id) return this.#ruled.held ? undefined : {};
    if (id && this.#target) {
      if (id === this.#target) {
        this.cursor = id;
        this.#target = "";
        // The server's word weighs more than its replay.
        if (this.#due === "unknown") this.#due = undefined;
        return undefined;
      }
      this.#whole ||= !this.#begun && this.#forgot && this.#first.has(id);
      this.#begun = true;
      const held = this.#whole || this.#recent.has(id);
      // A server past the cursor never shows it again, so the seam ends by count as well.
      if (!held && ++this.#fresh >= RECENT) this.#target = "";
      this.#ruled = { id, held };
      if (held) return undefined;
    }
    this.#keep(id);
    return this.#taken({ outcome: this.#due });
  }

  #taken(ruling) {
    this.#due = undefined;
    return ruling;
  }

  #keep(id) {
    if (!id) return;
    const first = this.#first,
      recent = this.#recent;
    if (first.size < FIRST) first.add(id);
    recent.add(id);
    if (recent.size <= RECENT) return;
    recent.delete(recent.values().next().value);
    this.#forgot = true;
  }
}

/**
 * What the demo page counts, too: by the payload's own `seq`, which everwire does not know of.
 * The first number seen is where it starts.
 */
export class Counter {
  /** @type {number | null} */
  first = null;
  /**
   * Before the first one it is null, which is less than any.
   * @type {any}
   */
  last = null;
  received = 0;
  missing = 0;
  duplicates = 0;
  misordered = 0;
  #seen = new Set();

  add(seq) {
    this.received += 1;
    if (this.#seen.has(seq)) {
      this.duplicates += 1;
      return;
    }
    this.#seen.add(seq);
    if (this.last === null) this.first = seq;
    else if (seq > this.last + 1) this.missing += seq - this.last - 1;
    else if (seq < this.last) {
      this.misordered += 1;
      this.missing -= 1;
    }
    this.last = this.last === null ? seq : Math.max(this.last, seq);
  }

  get flaws() {
    const { missing, duplicates, misordered } = this;
    return { missing, duplicates, misordered };
  }
}

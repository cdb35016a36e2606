/**
 * Counts by the payload's own sequence number, so that the page need not believe the client.
 * The first number sets the base. A number that is neither new nor fills a hole is a duplicate.
 */
export class Counter {
  received = 0;
  duplicate = 0;
  #last = null;
  /** Ranges [from, to] not seen yet, in order. Ranges, as one jump may skip millions. */
  #holes = [];

  add(seq) {
    if (this.#last === null || seq > this.#last) {
      if (this.#last !== null && seq > this.#last + 1) this.#holes.push([this.#last + 1, seq - 1]);
      this.#last = seq;
      this.received++;
    } else if (this.#fill(seq)) {
      this.received++;
    } else {
      this.duplicate++;
    }
  }

  get missing() {
    return this.#holes.reduce((sum, [from, to]) => sum + to - from + 1, 0);
  }

  #fill(seq) {
    const at = this.#holes.findIndex(([from, to]) => from <= seq && seq <= to);
    if (at < 0) return false;
    const [from, to] = this.#holes[at];
    this.#holes.splice(
      at,
      1,
      ...[
        [from, seq - 1],
        [seq + 1, to],
      ].filter(([a, b]) => a <= b),
    );
    return true;
  }
}

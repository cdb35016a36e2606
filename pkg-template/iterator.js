import { EverwireError, quiet } from "./errors.js";
import { turn } from "./port/turn.ts";

const LIMIT = 1024;
/** So many bytes, or units of text, may wait; of one message more. */
export const UNITS = 2 ** 24;

/** What `for await` pulls from: a bounded queue, never a silent drop. */
export class Messages {
  #queue = [];
  #size = 0;
  #waiting = [];
  #done = false;
  #error;
  #detach;
  #makeRoom;
  /** The id of the last message that was pulled. */
  #last;

  /** `detach(rest, last)` takes this off the client's list, and what was not pulled back. */
  constructor(last, detach) {
    this.#last = last;
    this.#detach = detach;
  }

  #full() {
    return this.#queue.length >= LIMIT || this.#size >= UNITS;
  }

  /** `item`: the size of a message, it, and what belongs to it. `settle(true)` when the loop has pulled it, `settle(false)` if it never will. */
  push(item, settle) {
    if (this.#waiting.length) {
      this.#waiting.shift().resolve(this.#pulled([item, settle]));
      return true;
    }
    if (!this.#full()) {
      this.#size += item[0];
      return this.#queue.push([item, settle]);
    }
    settle?.(false);
    this.end(
      new EverwireError(
        "iterator-overflow",
        `a for await loop fell ${LIMIT} messages or 16 MB behind: do less in it, or use on()`,
      ),
    );
    return false;
  }

  #pulled([[, value], settle]) {
    this.#last = value.lastEventId;
    settle?.(true);
    return { value, done: false };
  }

  /** While the queue is full, a promise of room in it. */
  room() {
    if (this.#done || !this.#full()) return undefined;
    return new Promise((resolve) => (this.#makeRoom = resolve));
  }

  /** What is queued can still be pulled, then comes the error or the end. */
  end(error) {
    if (this.#done) return;
    this.#done = true;
    this.#error = error;
    this.#detach([]);
    this.#makeRoom?.();
    for (const { resolve, reject } of this.#waiting.splice(0)) {
      if (this.#error) reject(this.#take());
      else resolve({ value: undefined, done: true });
    }
  }

  /** Nothing more comes out: after the app's own close, or when the loop was left. */
  discard() {
    const rest = this.#queue.splice(0);
    for (const [, settle] of rest) settle?.(false);
    this.end();
    this.#detach(
      rest.map(([item]) => item),
      this.#last,
    );
  }

  next() {
    if (this.#queue.length) {
      // Else a loop that has much to pull would not let the page have its turn.
      const wait = turn();
      if (wait) return wait.then(() => this.next());
      const entry = this.#queue.shift(),
        pulled = this.#pulled(entry);
      this.#size -= entry[0][0];
      if (this.#queue.length <= LIMIT / 2 && this.#size <= UNITS / 2) this.#makeRoom?.();
      return Promise.resolve(pulled);
    }
    if (this.#error) return quiet(Promise.reject(this.#take()));
    if (this.#done) return Promise.resolve({ value: undefined, done: true });
    return quiet(new Promise((resolve, reject) => this.#waiting.push({ resolve, reject })));
  }

  return(value) {
    this.discard();
    return Promise.resolve({ value, done: true });
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  #take() {
    const error = this.#error;
    this.#error = undefined;
    return error;
  }
}

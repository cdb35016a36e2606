import { turn } from "../src/transport/port.js";
import { EverwireError } from "./errors.js";

const LIMIT = 1024;

/** What `for await` pulls from: a bounded queue, never a silent drop. */
export class Messages {
  #queue = [];
  #waiting = [];
  #done = false;
  #error;
  #detach;
  #makeRoom;

  /** `detach` takes this off the client's list. */
  constructor(detach) {
    this.#detach = detach;
  }

  /** `settle(true)` when the loop has pulled it, `settle(false)` if it never will. */
  push(message, settle) {
    if (this.#waiting.length) {
      this.#waiting.shift().resolve({ value: message, done: false });
      return settle?.(true);
    }
    if (this.#queue.length < LIMIT) return void this.#queue.push({ message, settle });
    settle?.(false);
    this.end(
      new EverwireError(
        "iterator-overflow",
        `a for await loop fell ${LIMIT} messages behind. Do less in its body, or use on()`,
      ),
    );
  }

  /** While the queue is full, a promise of room in it. */
  room() {
    if (this.#done || this.#queue.length < LIMIT) return undefined;
    return new Promise((resolve) => (this.#makeRoom = resolve));
  }

  /** What is queued can still be pulled, then comes the error or the end. */
  end(error) {
    if (this.#done) return;
    this.#done = true;
    this.#error = error;
    this.#detach(this);
    this.#makeRoom?.();
    for (const { resolve, reject } of this.#waiting.splice(0)) {
      if (this.#error) reject(this.#take());
      else resolve({ value: undefined, done: true });
    }
  }

  /** After the app's own close nothing more comes out. */
  discard() {
    for (const { settle } of this.#queue.splice(0)) settle?.(false);
    this.end();
  }

  next() {
    if (this.#queue.length) {
      // Else a loop that has much to pull would not let the page have its turn.
      const wait = turn();
      if (wait) return wait.then(() => this.next());
      const { message: value, settle } = this.#queue.shift();
      settle?.(true);
      if (this.#queue.length <= LIMIT / 2) this.#makeRoom?.();
      return Promise.resolve({ value, done: false });
    }
    if (this.#error) return Promise.reject(this.#take());
    if (this.#done) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
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

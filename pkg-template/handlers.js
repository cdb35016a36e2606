import { report } from "../src/transport/port.js";

/** The registry behind `on`: what the server says. */
export class Handlers {
  // Lists are replaced, never changed: one that is being gone through stays as it is.
  #all = [];
  #typed = new Map();

  /** Returns its off. `type` undefined is every message. */
  add(type, handler, options) {
    const { signal, once = false } = options ?? {};
    if (signal?.aborted) return () => {};
    /** @type {any} */
    const entry = { handler, once, live: true, off: undefined };
    entry.off = () => {
      if (!entry.live) return;
      entry.live = false;
      signal?.removeEventListener("abort", entry.off);
      this.#change(type, (list) => list.filter((other) => other !== entry));
    };
    signal?.addEventListener("abort", entry.off);
    this.#change(type, (list) => [...list, entry]);
    return entry.off;
  }

  /** Those of the type, then those of every message, each in the order they were added. */
  dispatch(message) {
    // Most often there is none, and to look one up costs as much as to call it.
    const typed = this.#typed.size && this.#typed.get(message.type);
    if (typed) run(typed, message);
    run(this.#all, message);
  }

  clear() {
    for (const list of [...this.#typed.values(), this.#all]) for (const entry of list) entry.off();
  }

  #change(type, change) {
    if (type === undefined) return void (this.#all = change(this.#all));
    const list = change(this.#typed.get(type) ?? []);
    if (list.length) this.#typed.set(type, list);
    else this.#typed.delete(type);
  }
}

function run(list, message) {
  // By index: this runs for every message, and an iterator costs a tenth of it.
  for (let i = 0; i < list.length; i++) {
    const entry = list[i];
    // One handler may take another off, or close the client.
    if (!entry.live) continue;
    if (entry.once) entry.off();
    try {
      entry.handler(message);
    } catch (error) {
      report(error);
    }
  }
}

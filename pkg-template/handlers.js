import { turn } from "./port/turn.ts";
import { Messages, UNITS } from "./iterator.js";
import { check } from "./options.js";
import { report } from "./port/report.ts";

/** So many messages wait for somebody who listens, or for the page's turn. */
const WAITING = 1024,
  BUSY = 8192;

/** The registry behind `on`: what the server says. */
class Handlers {
  // Lists are replaced, never changed: one that is being gone through stays as it is.
  #all = [];
  size = 0;
  #typed = new Map();

  /** Returns its off. `type` undefined is every message. */
  add(type, handler, options) {
    const { signal, once = false } = options ?? {};
    check("on: signal", signal, "an AbortSignal");
    if (signal?.aborted) return () => {};
    /** @type {any} */
    const entry = { handler, once, live: true, off: undefined };
    entry.off = () => {
      if (!entry.live) return;
      entry.live = false;
      this.size--;
      signal?.removeEventListener("abort", entry.off);
      this.#change(type, (list) => list.filter((other) => other !== entry));
    };
    signal?.addEventListener("abort", entry.off);
    this.size++;
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

/**
 * Who listens to a client, or to a topic's handle, by `on` and by `for await`. What comes while nobody does waits for the
 * first one; so does what comes, in one go, faster than it is handled: the page has its turn in between.
 */
export class Listeners extends Handlers {
  loops = new Set();
  /** The last id that was delivered. */
  lastEventId = "";
  /** So many waited when the app closed the client, and are gone. */
  dropped = 0;
  /** `[size, message, place, waited]`, or `[size, tell]` for what is between them: an event, which has none, or what others deliver. */
  #queue = [];
  #size = 0;
  /** Of the message that is delivered. */
  #units = 0;
  /** Something was let go. */
  #lost = false;
  /** Of so many messages one is timed: the clock costs as much as a short handler. */
  #every = 1;
  /** While what waits is going to be delivered, a promise of that. */
  #due;
  #host;

  /**
   * `port`, `deliver(message, place, waited)`, `gap(after, before)` when what waited was too much, and `paced`: the page has
   * its turns between messages.
   */
  constructor(host) {
    super();
    this.#host = host;
  }

  get listened() {
    return this.size + this.loops.size;
  }

  get waiting() {
    return this.#queue.length;
  }

  on(...how) {
    const off = this.add(...how);
    this.#wake();
    return off;
  }

  iterate(closed) {
    const messages = new Messages(this.lastEventId, (rest, last) => {
      this.loops.delete(messages);
      // What a loop leaves behind is the next one's, unless others have had it.
      if (!rest.length || this.listened) return;
      this.#host.port.delivered -= rest.length;
      this.#queue.unshift(...rest);
      for (const [size] of rest) this.#count(size);
      this.lastEventId = last;
    });
    this.loops.add(messages);
    this.#wake();
    if (closed) this.later(() => messages.end());
    return messages;
  }

  /** Zero when it waits, and nobody listens. */
  take(message, place) {
    const { listened } = this,
      { port } = this.#host;
    if (!listened || this.#due || this.waiting || this.#lost) {
      this.#wait([port.size, message, place, !listened]);
      if (listened) this.#wake();
    } else {
      this.#deliver(port.size, message, place);
      // What is fetched looks at the clock itself. Handles of topics would overtake one another.
      if (this.#host.paced && port.to.transport !== "fetch" && !(port.received % this.#every)) {
        const took = performance.now() - port.since;
        this.#rest(took * this.#every);
        this.#every = took < 1 ? 16 : 1;
      }
    }
    return listened;
  }

  /** An event that has its place between messages. */
  tell(event) {
    if (!this.listened || this.#due || this.waiting) this.#wait([0, event]);
    else event();
  }

  /** What others deliver, in its order with what waits for the page's turn. */
  beside(tell) {
    if (this.#due && this.listened) this.#wait([this.#host.port.size, tell]);
    else tell();
  }

  /** When what can be delivered has been. */
  later(tell) {
    if (this.#due && this.listened) this.#due.then(() => this.later(tell));
    else tell();
  }

  /** To the loops. */
  push(message, place, settle, waits) {
    const { port } = this.#host;
    for (const messages of this.loops) {
      waits?.();
      if (!messages.push([this.#units, message, place, true], settle)) this.#lost ||= !this.listened;
      const room = port.to.transport === "fetch" && messages.room();
      if (room) port.hold = Promise.all([port.hold, room]);
    }
  }

  /** `discard`: nothing more comes out. Else what loops have, and what waits for somebody, can still be had. */
  end(discard, error) {
    const kept = discard || this.listened ? [] : this.#queue;
    if (discard) this.dropped = this.waiting;
    this.clear();
    for (const messages of [...this.loops]) {
      if (discard) messages.discard();
      else messages.end(error);
    }
    this.#queue = kept;
    if (!kept.length) this.#count(-this.#size);
    // The page's turn may never come.
    if (discard) this.#due = undefined;
  }

  #deliver(size, message, place, waited) {
    this.#units = size;
    this.#host.port.delivered++;
    this.lastEventId = message.lastEventId;
    this.#host.deliver(message, place, waited);
  }

  #wait(item) {
    const { port } = this.#host;
    this.#queue.push(item);
    this.#count(item[0]);
    while (this.waiting > (this.listened ? BUSY : WAITING) || (this.#size > UNITS && this.waiting > 1)) {
      // Nothing is lost of what has its listener: rather the page waits.
      if (this.listened) this.#next();
      else this.#drop();
    }
    // Of what waits longest, whoever's it is: there may be thousands of topics.
    for (const other of port.keepers) {
      if (port.kept <= UNITS) break;
      while (port.kept > UNITS && !other.listened && other.waiting > (other === this ? 1 : 0)) other.#drop();
    }
  }

  #drop() {
    this.#count(-this.#queue.shift()[0]);
    this.#lost = true;
  }

  /** What waits has grown by so much; a client knows what does for all its handles together. */
  #count(size) {
    const { port } = this.#host;
    // A handle's, before the first connection.
    if (!port) return;
    this.#size += size;
    port.kept += size;
    if (this.waiting) port.keepers.add(this);
    else port.keepers.delete(this);
  }

  #wake() {
    if (!this.#due && this.waiting) this.#soon(Promise.resolve());
  }

  #soon(when) {
    this.#due = when.then(() => {
      this.#due = undefined;
      while (this.waiting && this.listened && !this.#rest()) this.#next();
    });
  }

  #rest(took) {
    const wait = turn(took);
    if (wait && !this.#due) this.#soon(wait);
    return wait;
  }

  #next() {
    if (this.#lost) {
      this.#lost = false;
      return this.#host.gap(this.lastEventId, this.#queue[0][1].lastEventId ?? "");
    }
    // By index: an iterator would cost as much as all the rest.
    const item = this.#queue.shift();
    this.#count(-item[0]);
    if (item.length > 2) this.#deliver(item[0], item[1], item[2], item[3]);
    else {
      // For whom it delivers to.
      this.#host.port.size = item[0];
      item[1]();
    }
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
      report(error, true);
    }
  }
}

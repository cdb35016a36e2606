// The part of the outbox that outlives its page. Whose it is, in which order it is sent and when it is forgotten, is ruled by
// src/core/persist.rs; here are the storage, the locks and the JSON.
import { reopened } from "./port/page.ts";
import { isBytes } from "./port/message.ts";
import { report } from "./port/report.ts";
import { identify, outboxOf } from "./encode.js";
import { EverwireError, invalid, stored } from "./errors.js";
import { check, isStorage, readForm, readSend } from "./options.js";

// <calls.rs>
const ASK_JOIN = 23,
  ASK_LOCK = 31,
  ASK_STORE = 32,
  ASK_FORGET = 33,
  ASK_HAND = 34,
  FOUND = 57,
  LOCKED = 58,
  UNLOCKED = 59,
  KEEP = 60,
  RESTORED = 61,
  DONE = 62;
// </calls.rs>

/** The core takes this time for none. */
const NEVER = 2 ** 53;

const PERSIST = `
key=a string
storage=anything
restored=a function`;

/** `outbox.persist`, or undefined for none. */
export function readPersist(given, settings) {
  if (given === undefined) return undefined;
  const { key, storage, restored } = readForm("outbox.persist", check("outbox.persist", given, "an object"), PERSIST);
  if (key === undefined) throw invalid("outbox.persist.key is missing: whose messages they are, and to which server");
  if (!settings.acks)
    throw invalid("outbox.persist needs outbox.ack: only by its acks is it known what need not be sent again");
  if (storage !== undefined && !isStorage(storage))
    throw invalid("outbox.persist.storage must be a Storage, as localStorage is");
  // Nothing is sent there, and nothing of its own is stored.
  if (settings.rendered) return undefined;
  if (!globalThis.navigator?.locks)
    throw new EverwireError(
      "unsupported",
      "outbox.persist needs Web Locks, which a page has over https: and on localhost",
    );
  return new Persist(outboxOf(key), storage, restored, settings);
}

/** One entry for each message: `everwire-outbox KEY` newline `TAB` newline `NUMBER`, so that one costs no more than itself. */
class Persist {
  #locks = navigator.locks;
  #storage;
  #prefix;
  #restored;
  #settings;
  #port;
  #post;
  /** By the numbers that the core has for them; the first is this one. */
  #tabs = [crypto.randomUUID()];
  /** What is not done with: `{ message, options, name, sent }`. `settle` is of one that waits. */
  #kept = new Map();
  #last = 0;
  /** The names of what was there at the start, by tab. Read once: there may be thousands. */
  #left;
  #ended = new AbortController();
  #stop;

  constructor(prefix, storage, restored, settings) {
    this.#prefix = prefix;
    this.#storage = storage;
    this.#restored = restored;
    this.#settings = settings;
  }

  /**
   * What the core asks for, at its places.
   * @returns {any}
   */
  kinds(port) {
    this.#port = port;
    return {
      [ASK_LOCK - ASK_JOIN]: (tab, waits) => void this.#lock(tab, waits),
      [ASK_STORE - ASK_JOIN]: (id, number, expires) => this.#store(this.#kept.get(id), number, expires),
      [ASK_FORGET - ASK_JOIN]: (id, expired) => {
        const kept = this.#kept.get(id);
        this.#remove(kept.name);
        kept.name = undefined;
        if (expired) settle(kept, Promise.resolve({ status: "dropped", code: "expired" }));
      },
      [ASK_HAND - ASK_JOIN]: (id, ttl) => this.#hand(this.#kept.get(id), ttl),
    };
  }

  /** `post(message, options)` is the client's own send. */
  begin(post) {
    this.#post = post;
    try {
      this.#storage ??= globalThis.localStorage;
    } catch {}
    if (!this.#storage)
      report(
        new EverwireError("unsupported", "there is no localStorage here: give outbox.persist.storage something else"),
      );
    const { signal } = this.#ended;
    // Held for life.
    this.#request(0, {}, () => new Promise((resolve) => signal.addEventListener("abort", resolve)));
    this.#left = this.#names();
    for (const tab of this.#left.keys()) this.#found(tab);
    this.#port.call(UNLOCKED, 0);
    const told = ({ key }) => this.#found(this.#tabOf(key));
    const listen = () => globalThis.addEventListener?.("storage", told, { signal });
    listen();
    this.#stop = reopened(listen);
  }

  /** Not async: in a window that is gone nothing passes on what becomes of a promise. */
  send(message, options) {
    try {
      return this.#send(message, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #send(message, options) {
    if (isBytes(message) || Object.prototype.toString.call(message) === "[object Blob]") {
      throw new EverwireError(
        "encode",
        "send: outbox.persist keeps messages as JSON, which bytes are not. Send them with { ack: false }",
      );
    }
    const { ttl } = readSend(options, this.#settings);
    const [named] = identify(message, this.#settings.acks);
    return this.#keep({ message: named, options }, KEEP, 0, ttl);
  }

  /** Undefined if the core will not have it. */
  #keep(kept, kind, high, low) {
    const id = this.#last;
    this.#last = (id + 1) >>> 0;
    this.#kept.set(id, kept);
    const mine = this.#port.call(kind, id, 0, high, low);
    const done = () => {
      this.#port.call(DONE, id);
      this.#kept.delete(id);
    };
    if (kind === RESTORED && !mine) return void done();
    kept.sent ??= new Promise((resolve) => {
      kept.settle = resolve;
    });
    kept.sent.then(done, done);
    return kept.sent;
  }

  #hand(kept, ttl) {
    settle(kept, this.#post(kept.message, { ...kept.options, ttl: ttl < 0 ? undefined : ttl }));
  }

  /** Upon the client's end, for this reason. */
  end(reason) {
    this.#stop();
    this.#ended.abort();
    for (const kept of this.#kept.values()) {
      // The core says nothing any more.
      if (reason === "internal") this.#remove(kept.name);
      if (!kept.sent || kept.settle) this.#hand(kept, 0);
    }
  }

  #found(tab) {
    if (!tab || this.#tabs.includes(tab)) return;
    this.#port.call(FOUND, this.#tabs.push(tab) - 1);
  }

  async #lock(number, waits) {
    const tab = this.#tabs[number];
    const how = waits ? { signal: this.#ended.signal } : { ifAvailable: true };
    await this.#request(number, how, (lock) => {
      if (lock && this.#port.call(LOCKED, number)) this.#takeOver(this.#left.get(tab) ?? this.#names().get(tab) ?? []);
    });
    this.#left.delete(tab);
    this.#port.call(UNLOCKED, number);
  }

  /** Rejects when it is given up, which nobody asks. */
  async #request(tab, how, run) {
    try {
      await this.#locks.request(this.#prefix + this.#tabs[tab], how, run);
    } catch {}
  }

  #takeOver(names) {
    for (const name of names.sort()) {
      const text = this.#try(() => this.#storage.getItem(name));
      let left;
      try {
        left = JSON.parse(text);
      } catch {}
      // Torn, or somebody else's: what has another type is nothing that was written here.
      const { message, priority = false, expires = NEVER } = left ?? {};
      if (message === undefined || typeof priority !== "boolean" || !Number.isFinite(expires)) {
        this.#remove(name);
        continue;
      }
      const until = Math.min(Math.max(expires, 0), NEVER);
      const sent = this.#keep({ message, options: { priority }, name }, RESTORED, until / 2 ** 32, until);
      if (!sent) return;
      try {
        this.#restored?.(message, sent);
      } catch (error) {
        report(error, true);
      }
    }
  }

  /** In the place of where it was. */
  #store(kept, number, expires) {
    const { message, options, name: old } = kept;
    let text;
    try {
      text = JSON.stringify({ message, priority: options?.priority, expires: expires < 0 ? undefined : expires });
    } catch {
      // Of which the send itself will tell.
      return;
    }
    kept.name = `${this.#prefix}${this.#tabs[0]}\n${String(number).padStart(12, "0")}`;
    this.#try(() => this.#storage.setItem(kept.name, text));
    this.#remove(old);
  }

  #remove(name) {
    if (name) this.#try(() => this.#storage.removeItem(name));
  }

  /** The names of all that is kept for this key, by tab. */
  #names() {
    const names = new Map();
    this.#try(() => {
      for (let at = 0; at < this.#storage.length; at++) {
        const name = this.#storage.key(at),
          tab = this.#tabOf(name);
        if (!tab) continue;
        if (!names.has(tab)) names.set(tab, []);
        names.get(tab).push(name);
      }
    });
    return names;
  }

  #tabOf(name) {
    return name?.startsWith(this.#prefix) ? name.slice(this.#prefix.length).split("\n")[0] : "";
  }

  /** A storage that is full or forbidden is told once, and not asked again: what is sent is sent all the same. */
  #try(ask) {
    if (!this.#storage) return undefined;
    try {
      return ask();
    } catch (error) {
      this.#storage = undefined;
      report(stored(error, this.#prefix));
      return undefined;
    }
  }
}

function settle(kept, sent) {
  if (kept.settle) kept.settle(sent);
  else kept.sent ??= sent;
  kept.settle = undefined;
}

// What the server has not acked yet, kept over a reload: by tab, and sent by another tab when its own is gone.
import { isBytes, reopened, report } from "../src/transport/port.js";
import { identify, outboxOf } from "./encode.js";
import { EverwireError, invalid, stored } from "./errors.js";
import { LONGEST, check, isStorage, readForm } from "./options.js";

/** Where this tab's own entries begin to count: what it took over before its first one comes before that. */
const OWN = 1e9;

const PERSIST = `
key=a string
storage=anything
restored=a function`;

/** `outbox.persist`, or undefined for none. */
export function readPersist(given, acks) {
  if (given === undefined) return undefined;
  const { key, storage, restored } = readForm("outbox.persist", check("outbox.persist", given, "an object"), PERSIST);
  if (key === undefined) throw invalid("outbox.persist.key is missing: whose messages they are, and to which server");
  if (!acks) throw invalid("outbox.persist needs outbox.ack: only by its acks is it known what need not be sent again");
  if (storage !== undefined && !isStorage(storage))
    throw invalid("outbox.persist.storage must be a Storage, as localStorage is");
  if (!globalThis.navigator?.locks)
    throw new EverwireError(
      "unsupported",
      "outbox.persist needs Web Locks, which a page has over https: and on localhost",
    );
  return { key, storage, restored };
}

/** One entry for each message: `everwire-outbox KEY` newline `TAB` newline `NUMBER`, so that one costs no more than itself. */
export class Persist {
  #storage;
  #prefix;
  #tab = crypto.randomUUID();
  #restored;
  #acks;
  #post;
  #taken = 0;
  #count = OWN;
  /** Tabs that are waited for. */
  #known = new Set([this.#tab]);
  #ended = new AbortController();
  #left = false;
  #stop;
  /** Settles when what gone tabs left is on its way, before anything of this one's. */
  #ready;

  /** `post(message, options)` is the client's own send, `acks` how the server acks. */
  constructor({ key, storage, restored }, acks, post) {
    this.#prefix = outboxOf(key);
    this.#restored = restored;
    this.#acks = acks;
    this.#post = post;
    try {
      this.#storage = storage ?? globalThis.localStorage;
    } catch {}
    if (!this.#storage)
      report(
        new EverwireError("unsupported", "there is no localStorage here: give outbox.persist.storage something else"),
      );
    const { signal } = this.#ended;
    const ended = new Promise((resolve) => signal.addEventListener("abort", resolve));
    // Held for life: while it is, nobody else sends what this tab has.
    this.#lock(this.#tab, {}, () => ended);
    // Read once: there may be thousands.
    const left = [...this.#names()];
    const looks = Promise.all(left.map(([tab, names]) => this.#adopt(tab, { ifAvailable: true }, names)));
    this.#ready = Promise.race([looks, ended]).then(() => {
      this.#ready = undefined;
      // Of tabs that are still there.
      for (const tab of this.#names().keys()) this.#await(tab);
    });
    const told = ({ key: name }) => {
      const tab = this.#tabOf(name);
      if (tab) this.#await(tab);
    };
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
    const { ttl = Infinity, priority } = options ?? {};
    if (isBytes(message) || Object.prototype.toString.call(message) === "[object Blob]") {
      throw new EverwireError(
        "encode",
        "send: outbox.persist keeps messages as JSON, which bytes are not. Send them with { ack: false }",
      );
    }
    const [named] = identify(message, this.#acks);
    const entry = { message: named, priority, expires: ttl < Infinity ? Date.now() + ttl : undefined };
    const send = () => this.#post(named, options);
    return this.#keep(this.#count++, entry, () =>
      this.#ready ? this.#ready.then(() => this.#late(entry, options)) : send(),
    );
  }

  /** Until its fate is known. */
  #keep(number, entry, send) {
    const name = `${this.#prefix}${this.#tab}\n${String(number).padStart(12, "0")}`;
    let text;
    try {
      text = JSON.stringify(entry);
    } catch {
      // Of which the send itself will tell.
    }
    if (text) this.#try(() => this.#storage.setItem(name, text));
    const sent = send();
    const forget = () => this.#left || this.#try(() => this.#storage.removeItem(name));
    sent.then(forget, forget);
    return sent;
  }

  /** `left`: with its window, so that what is kept is the next one's. */
  end(left) {
    this.#left = left;
    this.#stop();
    this.#ended.abort();
  }

  #await(tab) {
    if (this.#known.has(tab)) return;
    this.#known.add(tab);
    this.#adopt(tab, { signal: this.#ended.signal });
  }

  /** Takes over what a tab left, once it is gone. `names`: of its entries, as they were found. */
  #adopt(tab, how, names = undefined) {
    return this.#lock(tab, how, (lock) => {
      if (!lock || this.#ended.signal.aborted) return;
      for (const name of (names ?? this.#names().get(tab) ?? []).sort()) {
        const text = this.#try(() => this.#storage.getItem(name));
        let kept;
        try {
          kept = JSON.parse(text);
        } catch {}
        // Torn, or somebody else's: what has another type is nothing that was written here.
        const { message, priority = false, expires = 0 } = kept ?? {};
        if (message !== undefined && typeof priority === "boolean" && Number.isFinite(expires)) this.#restore(kept);
        this.#try(() => this.#storage.removeItem(name));
      }
    });
  }

  #restore(kept) {
    const { message, priority, expires } = kept;
    const entry = { message, priority, expires };
    const number = this.#ready ? this.#taken++ : this.#count++;
    const sent = this.#keep(number, entry, () => this.#late(entry));
    try {
      this.#restored?.(message, sent);
    } catch (error) {
      report(error, true);
    }
  }

  /**
   * Sends what has waited: its time to live has gone on, and 0 of it is none.
   * @param {any} entry
   * @param {object} [options]
   */
  #late({ message, priority, expires = Infinity }, options) {
    const left = expires - Date.now();
    if (left <= 0) return Promise.resolve({ status: "dropped", code: "expired" });
    return this.#post(message, { priority, ...options, ttl: left < Infinity ? Math.min(left, LONGEST) : undefined });
  }

  /** Rejects when it is given up, which nobody asks. */
  #lock(tab, how, run) {
    return navigator.locks.request(`${this.#prefix}${tab}`, how, run).catch(() => {});
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

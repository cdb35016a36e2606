import { asNumber } from "./port/numbers.ts";
import { freshId, placesOf } from "./encode.js";
import { report } from "./port/report.ts";
import { EverwireError, hint, invalid, stored } from "./errors.js";
import { bits } from "./options.js";

// <calls.rs>
const FATE_GONE = 4,
  PLACE_DUE = 33,
  WRITE = 34,
  WRITE_PLACE = 2,
  WRITE_CLAIM = 4;
// </calls.rs>
/** This page, and no other: not even itself after a reload. */
const PAGE = performance.timeOrigin;

/** An address without its query, which may hold a token, and without a password. */
export const plain = (address) => address.replace(/[?#].*/s, "").replace(/\/\/[^/]*@/, "//");

/** Places in use: two clients at one would go on from each other's. */
const taken = new Set();
const TAKEN = "another client uses this resume.key: give each stream its own";
/** Of this page's clients, for other pages and frames: a Web Lock of this name is held while one of them lives. */
let owner;

/**
 * Where this page is in the stream, for the one after it: `[id, number, epoch, [both halves of the fingerprint, key]]` of the last message that the app
 * is done with. A stream that is over has a fifth entry: the page that told its client so. There the next client asks anew; another page's
 * first one is told first. The sixth is the `owner` that wrote it. When it is written, by whom, and when it is cleared: src/core/place.rs.
 */
export class Progress {
  #storage;
  #key;
  #manual;
  /** Delivered, but not yet pulled by each `for await`: in their order. */
  #open = [];
  /** For commits by hand: of each message, where it is and its turn. */
  #places = new WeakMap();
  #turn = 0;
  #committed = 0;
  #place;
  /** Not written yet. */
  #fresh = false;
  #ended = false;
  #fate = 0;
  /** An earlier page saw the end of the stream. */
  over = false;
  /** Lets go of the lock. A page in the back/forward cache holds none: the one after it takes the place over. */
  #release = () => {};
  /** The owner of what is stored, which is not there. */
  #gone;
  /** Gives up the wait for another owner's lock. */
  #stop;
  /** Settles when that is over. */
  claimed;
  #port;
  #rule;
  /** Whether something waits for somebody who listens. */
  waits = () => false;

  /** `rule` calls the wasm, also when the client has let go of it. */
  constructor({ storage, key, manual }, fixed, port, rule) {
    this.#manual = manual;
    this.#port = port;
    this.#rule = rule;
    // Later, as a storage is the app's, and may throw.
    port.overdue = () => queueMicrotask(() => (this.#stop ? this.#stop() : this.#write()));
    // In whatever order.
    this.#key =
      placesOf(key) +
      fixed
        .map((address) => address && plain(address[0]))
        .sort()
        .join(" ");
    if (taken.has(this.#key)) throw invalid(TAKEN);
    taken.add(this.#key);
    try {
      this.#storage = storage === true ? globalThis.sessionStorage : storage;
    } catch {}
    if (!this.#storage)
      report(new EverwireError("unsupported", "there is no sessionStorage: give another resume.storage"));
    port.page.on(globalThis, "pagehide", () => {
      this.#write();
      this.#release();
    });
    if (globalThis.navigator?.locks) {
      owner ??= freshId();
      let wanted, free;
      const hold = () => {
        wanted = true;
        // It may be over before it is granted.
        navigator.locks
          .request(owner, { mode: "shared" }, () => wanted && new Promise((resolve) => (free = resolve)))
          .catch(() => {});
      };
      this.#release = () => {
        wanted = false;
        free?.();
      };
      hold();
      port.page.on(globalThis, "pageshow", (event) => event.persisted && hold());
    }
    // Hidden is the last that a phone says of a page.
    port.page.on(globalThis.document, "visibilitychange", () => this.#write());
  }

  /** What an earlier page left, or nothing. */
  read() {
    const text = this.#get();
    if (text === undefined || text === null) return undefined;
    if (typeof text !== "string") {
      hint("resume.storage.getItem must give a string or null: began anew");
      return undefined;
    }
    try {
      const [id, number, epoch, fingerprint, page] = JSON.parse(text);
      this.#write(false, text);
      if (page === PAGE) this.#set([]);
      else if (text[0] === "[" && typeof id === "string") {
        this.over = typeof page === "number";
        // Of these only what this page could have written.
        return (this.#place = [
          id,
          asNumber(number),
          typeof epoch === "string" ? epoch : undefined,
          fingerprint?.every?.(Number.isInteger) ? fingerprint : undefined,
        ]);
      }
    } catch {}
    // Somebody else's, or torn.
    return undefined;
  }

  /** Before its handlers: from here on it can be committed. */
  coming(message, place) {
    if (this.#manual) this.#places.set(message, { place, turn: ++this.#turn });
  }

  /** All handlers of a message have returned; `push` hands it to the loops, and gives how many have to pull it yet. */
  delivered(_message, place, push) {
    if (this.#manual) return push();
    const entry = { place, waiting: 1, left: false };
    this.#open.push(entry);
    push(
      (pulled) => {
        entry.left ||= !pulled;
        entry.waiting--;
        this.#settle();
      },
      () => entry.waiting++,
    );
    entry.waiting--;
    this.#settle();
  }

  /** Undefined for what it cannot be done with. */
  commit(message) {
    const found = this.#manual && this.#places.get(message);
    if (found?.turn > this.#committed) {
      this.#committed = found.turn;
      this.#commit(found.place);
    }
    return found;
  }

  end(fate) {
    this.#fate ||= fate;
    taken.delete(this.#key);
    this.#write(true);
    this.#release();
    this.#ended = true;
  }

  /** The app gave the stream up: what is stored leads nowhere. */
  forget() {
    this.#fate = FATE_GONE;
    if (this.#ended) this.#write();
  }

  #settle() {
    while (this.#open[0]?.waiting === 0) {
      const { place, left } = this.#open.shift();
      // A loop that was left has not seen it; what comes after counts all the same.
      if (!left) this.#commit(place);
    }
  }

  #commit(place) {
    const fresh = this.#fresh;
    this.#place = place;
    this.#fresh = true;
    if (this.#ended) this.#write();
    else if (!fresh && !this.#stop) this.#port.call(PLACE_DUE);
  }

  #write(ends = false, text = this.#get()) {
    let other;
    try {
      other = JSON.parse(text)[5];
    } catch {}
    const verdict = this.#rule(
      WRITE,
      this.#fate,
      bits(
        this.#fresh, // PLACE_IS_FRESH
        this.#through(), // PLACE_IS_THROUGH
        ends, // PLACE_IS_ENDS
        this.#ended, // PLACE_IS_ENDED
        taken.has(this.#key), // PLACE_IS_RIVAL
        text === null, // PLACE_IS_EMPTY
        owner && typeof other === "string" && other !== owner && other !== this.#gone, // PLACE_IS_FOREIGN
      ),
    );
    if (verdict === WRITE_CLAIM) return this.#claim(other);
    if (!verdict) return;
    const place = this.#place ?? ["", null, null, null];
    this.#set(verdict < WRITE_PLACE ? [] : [...place, verdict > WRITE_PLACE ? PAGE : null, owner]);
    this.#fresh = false;
  }

  /** What a client of another page or frame wrote is its own for as long as that one lives. */
  #claim(other) {
    this.#port.call(PLACE_DUE, 0, 1);
    if (this.#stop) return;
    const abort = new AbortController(),
      { signal } = abort;
    this.#stop = () => abort.abort();
    const take = () => {
      this.#stop = undefined;
      this.#gone = other;
      this.#write();
    };
    this.claimed = navigator.locks
      .request(other, { signal }, () => {
        take();
        // It may come back.
        this.#gone = undefined;
      })
      .catch(({ name }) => {
        // Any other error is about this page.
        if (name !== "AbortError") take();
        else if (this.#storage) {
          this.#storage = undefined;
          report(invalid(TAKEN));
        }
      });
  }

  /** Whether the app is done with all that has come. */
  #through() {
    return !this.waits() && (this.#manual ? this.#committed === this.#turn : !this.#open.length);
  }

  #get() {
    const text = this.#try(() => this.#storage.getItem(this.#key));
    // A promise's failure is none of the app's.
    Promise.resolve(text).catch(() => {});
    return text;
  }

  #set(place) {
    const failed = (error) => {
      this.#storage = undefined;
      hint(`resume.storage.setItem failed, nothing more is stored: ${error?.name}`);
    };
    this.#try(() => Promise.resolve(this.#storage.setItem(this.#key, JSON.stringify(place))).catch(failed));
  }

  /** A storage that is full or forbidden is told once, and not asked again. */
  #try(ask) {
    if (!this.#storage) return undefined;
    try {
      return ask();
    } catch (error) {
      this.#storage = undefined;
      report(stored(error, this.#key));
      return undefined;
    }
  }
}

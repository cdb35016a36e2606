import { asNumber, report } from "../src/transport/port.js";
import { freshId, placesOf } from "./encode.js";
import { EverwireError, hint, invalid, stored } from "./errors.js";

const EVERY = 250;
// <calls.rs>
const FATE_OVER = 2,
  FATE_GONE = 4;
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
/** So long a page that goes may take to let go of its locks, in ms. */
const LEAVING = 1_000;

/**
 * Where this page is in the stream, for the one after it: `[id, number, epoch, [both halves of the fingerprint, key]]` of the last message that the app
 * is done with. Written after that, at most every 250 ms, and when the page is left. A stream that is over has a fifth
 * entry: the page that told its client so. There the next client asks anew; another page's first one is told first. The sixth is
 * the `owner` that wrote it.
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
  #timer;
  #ended = false;
  #fate = 0;
  /** An earlier page saw the end of the stream. */
  over = false;
  /** Lets go of the lock. A page in the back/forward cache holds none: the one after it takes the place over. */
  #release = () => {};
  /** The owner of what is stored, which has gone. */
  #gone;
  #leave = () => this.#write();
  /** Whether something waits for somebody who listens. */
  waits = () => false;

  constructor({ storage, key, manual }, fixed, port) {
    this.#manual = manual;
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
    port.listen(globalThis, "pagehide", () => {
      this.#leave();
      this.#release();
    });
    if (globalThis.navigator?.locks && "timeout" in AbortSignal) {
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
      port.listen(globalThis, "pageshow", (event) => event.persisted && hold());
    }
    // Hidden is the last that a phone says of a page.
    port.listen(globalThis.document, "visibilitychange", this.#leave);
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
      this.#isOurs(text);
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
    this.#write();
    this.#release();
    // So that it shows when the app has removed it: see `#write`.
    if (!this.#through() && this.#get() === null) this.#set([]);
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
    this.#place = place;
    this.#fresh = true;
    if (this.#ended) this.#write();
    else this.#timer ??= setTimeout(this.#leave, EVERY);
  }

  #write() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const place = this.#place;
    const stored = this.#get();
    // Another client of this page has taken the place over, or the user has logged out.
    if (this.#ended && (taken.has(this.#key) || stored === null)) return;
    if (!this.#isOurs(stored)) return;
    if (this.#fate === FATE_GONE) return this.#set([]);
    // The end counts when the app is done with all that came before it.
    if (this.#fate === FATE_OVER && this.#through()) this.#set([...(place ?? ["", null, null, null]), PAGE, owner]);
    else if (this.#fresh) this.#set([...place, null, owner]);
    this.#fresh = false;
  }

  /** Whether this client may write. What a client of another page or frame wrote is its own for as long as that one lives. */
  #isOurs(text) {
    let other;
    try {
      other = JSON.parse(text)[5];
    } catch {}
    if (!owner || typeof other !== "string" || other === owner || other === this.#gone) return true;
    navigator.locks
      .request(other, { signal: AbortSignal.timeout(LEAVING) }, () => {
        this.#gone = other;
      })
      .then(this.#leave, ({ name }) => {
        // Any other error is about this page.
        if (name !== "TimeoutError") this.#gone = other;
        else if (this.#storage) {
          this.#storage = undefined;
          report(invalid(TAKEN));
        }
      });
    return false;
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

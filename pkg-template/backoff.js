// The wait before a new object for a URL whose last ones were lost. The core has the same rules (src/core/backoff.rs),
// but knows one connection, and these are several; there they would cost everybody who never imports this.
import { check, readForm } from "./options.js";

const FLOOR = 100;
/** What a server that closes with 1012 or 1013 asks to wait; see src/core/failure.rs. */
const RESTARTING = 5_000;
/** URLs remembered; the longest untouched goes first. */
const KEPT = 100;
/** By URL: `{ failures, until, soonest }`, on the clock of `performance.now()`. */
const losses = new Map();

const now = () => performance.now();

const BACKOFF = `
initialDelay=a number of ms from 0 to 2147483647
maxDelay=a number of ms from ${FLOOR} to 2147483647
factor=a number from 1 to 100
jitter="full", "equal" or "none"
stableAfter=a number of ms from 0 to 2147483647`;

/** The delays, or undefined for none. */
export function readBackoff(given = true) {
  check("backoff", given, "true, false or an object");
  const {
    initialDelay: initial = 1_000,
    maxDelay: max = 30_000,
    factor = 2,
    jitter,
    stableAfter = 5_000,
  } = readForm("backoff", given, BACKOFF);
  return given ? { initial, max, factor, jitter, stableAfter } : undefined;
}

export class Backoff {
  #url;
  #delays;
  /** Losses in a row until now. */
  #failures = 0;
  #openedAt;

  constructor(url, delays) {
    this.#url = url;
    this.#delays = delays;
    if (!delays) return;
    const before = losses.get(url);
    // Who waits longer than the longest delay anyway is no storm.
    if (before && now() > before.until + delays.max) losses.delete(url);
    else this.#failures = before?.failures ?? 0;
  }

  /** Calls `go` when the time has come, at once if it has. Returns what calls it off. */
  wait(watches, go) {
    const loss = this.#delays && losses.get(this.#url);
    if (!loss || loss.until <= now()) return void go();
    const page = globalThis.document;
    const stop = () => {
      clearTimeout(timer);
      globalThis.removeEventListener?.("online", hurry);
      page?.removeEventListener("visibilitychange", hurry);
    };
    const at = (time) =>
      setTimeout(
        () => {
          stop();
          go();
        },
        Math.max(0, time - now()),
      );
    const hurry = ({ type }) => {
      if (type !== "online" && page.visibilityState === "hidden") return;
      clearTimeout(timer);
      timer = at(Math.min(loss.until, loss.soonest));
    };
    let timer = at(loss.until);
    if (watches) {
      globalThis.addEventListener?.("online", hurry);
      page?.addEventListener("visibilitychange", hurry);
    }
    return stop;
  }

  opened() {
    this.#openedAt = now();
  }

  /** `asked`: by the app. */
  ended(code, asked) {
    if (!this.#delays) return;
    const { initial, max, jitter, stableAfter } = this.#delays;
    const stable = now() - this.#openedAt >= stableAfter;
    this.#openedAt = undefined;
    // 1000 says that nothing is wrong. But a server that closes what held closes it for all.
    if (asked || (code === 1000 && !stable)) return void (stable && losses.delete(this.#url));
    this.#failures = stable ? 1 : this.#failures + 1;
    const told = code === 1012 || code === 1013 ? RESTARTING : 0,
      share = jitter === "none" ? 0 : Math.random();
    const least = told * (1 + share / 8);
    const wait =
      stable && code !== 1006 && share
        ? Math.max(FLOOR, told) + share * Math.max(Math.min(initial * 1.0625, max - FLOOR), told / 4)
        : Math.max(this.#delay(), least);
    losses.delete(this.#url);
    losses.set(this.#url, {
      failures: this.#failures,
      until: now() + wait,
      soonest: now() + Math.max(FLOOR, least),
    });
    if (losses.size > KEPT) losses.delete(losses.keys().next().value);
  }

  #delay() {
    const { initial, max, factor, jitter } = this.#delays;
    const top = Math.max(FLOOR, Math.min(max, Math.max(FLOOR, initial) * factor ** (this.#failures - 1)));
    const bottom = jitter === "none" ? top : jitter === "equal" ? Math.max(FLOOR, top / 2) : FLOOR;
    return bottom + Math.random() * (top - bottom);
  }
}

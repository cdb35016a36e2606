// Tokens, put where the server reads them. When one is asked for, kept and renewed, and who gets it, is ruled by
// src/core/tokens.rs, in a wasm of its own: one instance for each `tokens()`.
import { resolve, setParameter } from "./port/address.ts";
import { report } from "./port/report.ts";
import { outboxOf, placesOf } from "./encode.js";
import { invalid } from "./errors.js";
import { LONGEST, check, isStorage, originOf, readForm, stays, wrongProtocols } from "./options.js";
import { compile } from "./wasm.js";
import { wasm } from "#wasm/auth.js";

const isFunction = (value) => typeof value === "function";
const isAddress = (value) => typeof value === "string" || value?.href;

// Kinds of `call`, and the steps that it answers with.
// <tokens.rs>
const AHEAD = 0,
  NEED = 1,
  LEAVE = 2,
  GIVEN = 3,
  FAILED = 4,
  FORGET = 5,
  FOLLOW = 6,
  TICK = 7,
  STEP_USE = 1,
  STEP_ASK = 3,
  STEP_GIVEN = 4,
  STEP_FAILED = 6,
  STEP_OFF = 7;
// </tokens.rs>

const TOKENS = `
refreshAhead=a number of ms from 0 to 2147483647
origins=an array of such`;

function named(address) {
  try {
    return originOf(address);
  } catch {
    throw invalid("tokens.origins must be of addresses, such as https://example.com");
  }
}

export function tokens(ask, options = {}) {
  if (!isFunction(ask)) throw invalid("tokens takes a function that gives a token");
  const { refreshAhead = 60_000, origins = [] } = readForm("tokens", check("tokens", options, "an object"), TOKENS);
  return new Tokens(ask, refreshAhead, origins.map(named));
}

export function forget(key, ...storages) {
  if (typeof key !== "string") throw invalid("forget takes the key that resume.key or outbox.persist.key had");
  for (const name of storages.length ? [] : ["sessionStorage", "localStorage"]) {
    try {
      storages.push(globalThis[name]);
    } catch {
      // The browser forbids it, so nothing was stored there.
    }
  }
  const begins = [placesOf(key), outboxOf(key)];
  for (const storage of storages.filter(Boolean)) {
    if (!isStorage(storage)) throw invalid("forget takes Storages, as localStorage is");
    const names = Array.from({ length: storage.length }, (_, at) => storage.key(at));
    for (const name of names) if (begins.some((begin) => name.startsWith(begin))) storage.removeItem(name);
  }
}

/** `[token, when it expires]` of what the caller's function gave. */
function read(given) {
  const { token, expiresAt } = typeof given === "string" ? { token: given } : (given ?? {});
  if (typeof token !== "string" || !token)
    throw invalid("the token function must give a non-empty string, or { token, expiresAt }");
  if (expiresAt === undefined || expiresAt === null) return [token, Infinity];
  const time = isFunction(expiresAt.getTime) ? expiresAt.getTime() : expiresAt;
  if (!Number.isFinite(time)) throw invalid("expiresAt must be a Date, or a number: ms since 1970");
  return [token, time];
}

/** `made`: by the app's function, which may have put the server's words into it. */
function addTo(target, name, token, made) {
  if (isAddress(target)) {
    let url;
    if (made) stays(target);
    // Browsers name the whole address in their errors.
    try {
      url = resolve(target);
    } catch {
      throw invalid("query: the endpoint is no URL, or a relative one outside of a page");
    }
    if (/^http/.test(url.protocol) && (url.username || url.password))
      throw invalid("query: an address with a user name or a password cannot be fetched");
    setParameter(url, name, token);
    return url;
  }
  return Object.fromEntries(
    Object.entries(target ?? {}).map(([transport, address]) => [
      transport,
      address && addTo(String(address), name, token, made),
    ]),
  );
}

class Tokens {
  #ask;
  #ahead;
  /** Those that get it: the app's, or the first one that asked. */
  #origins;
  #call;
  /** The last one that the app's function gave. */
  #token;
  /** Aborts what the app's function was given, while it has not answered. */
  #abort;
  /** What settles the promises of those who wait for its answer: `(settle) => …`, by its place in `[resolve, reject]`. */
  #waiting = new Set();
  /** Of `keepFresh`. */
  #followers = new Set();
  #timer;

  constructor(ask, ahead, origins) {
    this.#ask = ask;
    this.#ahead = ahead;
    this.#origins = origins;
  }

  put(place) {
    if (!isFunction(place)) throw invalid("put takes a function of the token");
    // A refusal is that of the token which was put here. Another client may have got a new one since.
    let last;
    return async (context) => {
      if (context?.url) this.#confine(originOf(context.url));
      last = await this.#get(context, last);
      return place(last, context);
    };
  }

  #confine(origin) {
    if (!this.#origins.length) this.#origins.push(origin);
    if (!this.#origins.includes(origin))
      throw invalid("tokens: another origin would get the token. If it is to have it, name all in the option origins");
  }

  query(target, name = "access_token") {
    if (typeof name !== "string" || !name) throw invalid("query: the parameter's name must be a non-empty string");
    if (!isFunction(target) && (target === null || !/^(string|object)$/.test(typeof target))) {
      throw invalid("query takes an endpoint: a string, a URL, { websocket }, { sse }, or a function");
    }
    const made = isFunction(target);
    return this.put(async (token, context) => addTo(made ? await target(context) : target, name, token, made));
  }

  header() {
    return this.put((token) => ({ authorization: `Bearer ${token}` }));
  }

  protocol(prefix = "bearer.", ...others) {
    if (wrongProtocols([...others, `${prefix}x`]))
      throw invalid("protocol takes what stands before the token, and other subprotocols: each a token, none twice");
    return this.put((token) => [...others, prefix + token]);
  }

  // Quoted: a name that scripts/build.mjs shortens elsewhere.
  "frame"(make = (token) => ({ type: "auth", token })) {
    if (!isFunction(make)) throw invalid("frame takes a function that makes the frame of the token");
    return this.put((token, { send }) => send(make(token)));
  }

  // Quoted: a name that scripts/build.mjs shortens elsewhere.
  "forget"() {
    this.#token = undefined;
    this.#tell(FORGET);
  }

  keepFresh(wire, onRefresh) {
    if (!isFunction(wire?.addEventListener)) throw invalid("keepFresh takes a client");
    if (onRefresh !== undefined && !isFunction(onRefresh))
      throw invalid("keepFresh: the second argument must be a function");
    if (wire.state === "closed") return () => {};
    const follower = { wire, onRefresh };
    const look = () => wire.state === "closed" && end();
    const end = () => {
      wire.removeEventListener("statechange", look);
      if (this.#followers.delete(follower)) this.#tell(FOLLOW, this.#followers.size);
    };
    wire.addEventListener("statechange", look);
    this.#followers.add(follower);
    this.#tell(FOLLOW, 1);
    return end;
  }

  /** @param {{ reason?: string, signal?: AbortSignal }} context */
  #get({ reason = "initial", signal } = {}, last) {
    // What was refused, if it was: unknown, the last one, or an older one.
    const had = reason !== "unauthorized" ? 0 : last === undefined ? 1 : last === this.#token ? 2 : 3;
    return new Promise((...ends) => {
      const settle = (end, value) => {
        signal?.removeEventListener("abort", leave);
        this.#waiting.delete(settle);
        ends[end](value);
      };
      const leave = () => {
        settle(1, signal?.reason);
        this.#tell(LEAVE);
      };
      this.#waiting.add(settle);
      if (this.#tell(NEED, had, { reason }) === STEP_USE) return settle(0, this.#token);
      if (!this.#waiting.has(settle)) return;
      if (signal?.aborted) leave();
      else signal?.addEventListener("abort", leave);
    });
  }

  /** Tells the machine, and does what it says. */
  #tell(kind, value = 0, { expires = 0, reason = "refresh", token, error } = /** @type {any} */ ({})) {
    const answer = (this.#call ??= this.#machine())(kind, value, expires),
      step = answer & 7;
    if (step === STEP_ASK) this.#question(answer >>> 3, reason);
    if (step <= STEP_ASK) return step;
    const abort = this.#abort;
    this.#abort = undefined;
    if (step === STEP_GIVEN) this.#token = token;
    if (step === STEP_OFF) abort?.abort();
    const failed = step >= STEP_FAILED;
    for (const settle of [...this.#waiting])
      settle(+failed, failed ? (step === STEP_OFF ? abort?.signal.reason : error) : this.#token);
    if (step === STEP_GIVEN)
      for (const { wire, onRefresh } of [...this.#followers]) {
        try {
          // One that is not open comes with the new token by itself.
          if (wire.state === "open") onRefresh?.(token);
        } catch (error) {
          report(error, true);
        }
      }
    return step;
  }

  /** Asks the app. */
  async #question(serial, reason) {
    this.#abort?.abort();
    const { signal } = (this.#abort = new AbortController());
    try {
      const [token, expires] = read(await this.#ask({ reason, signal }));
      this.#tell(GIVEN, serial, { token, expires });
    } catch (error) {
      this.#tell(FAILED, serial, { error });
    }
  }

  #machine() {
    wasm[5] ??= compile(wasm);
    const { call } = /** @type {any} */ (
      new WebAssembly.Instance(wasm[5], {
        i: {
          w: () => Date.now(),
          a: (ms) => {
            clearTimeout(this.#timer);
            if (ms >= 0) this.#timer = setTimeout(() => this.#tell(TICK), Math.min(ms, LONGEST));
          },
        },
      }).exports
    );
    call(AHEAD, this.#ahead);
    return call;
  }
}

// Tokens: asked for once for all that need one, kept until shortly before they expire, put where the server reads them.
import { report, resolve, setParameter } from "../src/transport/port.js";
import { outboxOf, placesOf } from "./encode.js";
import { invalid } from "./errors.js";
import { LONGEST, check, isStorage, originOf, readForm, stays, wrongProtocols } from "./options.js";

const isFunction = (value) => typeof value === "function";
const isAddress = (value) => typeof value === "string" || value?.href;

/** In ms since 1970, all before 1973 are: seconds, such as a JWT's `exp`. */
const SECONDS = 1e11;
/** Between two refreshes in the background, in ms. */
const PAUSE = 1_000;

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
  return [token, time < SECONDS ? time * 1_000 : time];
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
  /** `{ token, expires, stale }`, the last two in ms since 1970: from `stale` on another one is asked for. */
  #kept;
  /** A question to the caller's function that is out: `{ promise, forced, waiting, abort }`. */
  #flight;
  /** Of `keepFresh`. */
  #followers = new Set();
  #abort;
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
    this.#kept = undefined;
    this.#arm();
    this.#flight?.abort.abort();
    this.#flight = undefined;
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
      if (!this.#followers.delete(follower) || this.#followers.size) return;
      clearTimeout(this.#timer);
      this.#abort.abort();
    };
    wire.addEventListener("statechange", look);
    if (!this.#followers.size) this.#abort = new AbortController();
    this.#followers.add(follower);
    this.#arm();
    return end;
  }

  /** @param {{ reason?: string, signal?: AbortSignal }} context */
  async #get({ reason = "initial", signal } = {}, last) {
    const kept = this.#kept;
    const refused = reason === "unauthorized" && (last === undefined || last === kept?.token);
    if (kept && !refused && Date.now() < kept.stale) return kept.token;
    return this.#wait(reason, refused, signal);
  }

  /** For the answer to a question, one for all that wait; called off when nobody does any more. */
  #wait(reason, refused, signal) {
    if (refused) {
      this.#kept = undefined;
      this.#arm();
    }
    // What was asked before the refusal may be the same token.
    if (!this.#flight || (refused && !this.#flight.forced)) this.#fly(reason, refused);
    const flight = this.#flight;
    flight.waiting++;
    return new Promise((resolve, reject) => {
      const leave = () => {
        reject(signal.reason);
        if (--flight.waiting) return;
        if (this.#flight === flight) this.#flight = undefined;
        flight.abort.abort();
      };
      flight.promise.then(resolve, reject).finally(() => signal?.removeEventListener("abort", leave));
      if (signal?.aborted) leave();
      else signal?.addEventListener("abort", leave);
    });
  }

  #fly(reason, forced) {
    const abort = new AbortController();
    const flight = (this.#flight = { forced, waiting: 0, abort });
    const landed = () => {
      if (this.#flight !== flight) return false;
      this.#flight = undefined;
      return true;
    };
    flight.promise = (async () => read(await this.#ask({ reason, signal: abort.signal })))().then(
      ([token, expires]) => {
        // After forget() it is another user's.
        if (abort.signal.aborted) throw abort.signal.reason;
        if (landed()) this.#keep(token, expires);
        return token;
      },
      (error) => {
        const kept = landed() ? this.#kept : undefined;
        const left = kept ? kept.expires - Date.now() : 0;
        if (left <= 0) throw error;
        // It is still good. Asked again when half of the rest is over.
        kept.stale = Date.now() + left / 2;
        this.#arm();
        return kept.token;
      },
    );
  }

  #keep(token, expires) {
    const now = Date.now(),
      life = expires - now;
    this.#kept = { token, expires, stale: now + Math.max(life - this.#ahead, life / 2) };
    this.#arm();
    for (const { wire, onRefresh } of [...this.#followers]) {
      try {
        // One that is not open comes with the new token by itself.
        if (wire.state === "open") onRefresh?.(token);
      } catch (error) {
        report(error, true);
      }
    }
  }

  #arm() {
    clearTimeout(this.#timer);
    const kept = this.#kept,
      now = Date.now();
    // What has expired on arrival is so by a wrong clock: asked for when it is needed, and not all the time.
    if (!this.#followers.size || !kept || kept.expires === Infinity || kept.expires <= now) return;
    this.#timer = setTimeout(
      () => {
        if (Date.now() < kept.stale) this.#arm();
        // A failure leaves the token that there is, or nothing to follow: then the next attempt asks, and tells.
        else this.#wait("refresh", false, this.#abort.signal).catch(() => {});
      },
      Math.min(Math.max(kept.stale - now, PAUSE), LONGEST),
    );
  }
}

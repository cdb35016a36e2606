// One event stream's way up: POSTs, one at a time, in order, with as many messages as there are. Their answers say what
// became of each.
import { retryAfter } from "../src/transport/fetch.js";
import { resolve, setParameter } from "../src/transport/port.js";
import { byteLength, freshId, snapshot } from "./encode.js";
import { isHeaders } from "./options.js";
import { EverwireError, invalid } from "./errors.js";

// <calls.rs>
const SEND_ACK = 4,
  LOST = 2,
  REFUSED = 4,
  POSTED = 22,
  ROOM = 24,
  LOST_PROVIDER = 3,
  LOST_NETWORK = 1006,
  POSTED_TAKEN = 0,
  POSTED_BACK = 1,
  POSTED_REFUSED = 2,
  POSTED_TOO_BIG = 3,
  TAKEN_NOT_OPEN = 0,
  TAKEN_UNSENDABLE = 2,
  TAKEN_CARRIED = 4;
// </calls.rs>
/** Statuses that are about what a request carries (RFC 9110, 15.5). */
const UNFIT = [400, 413, 415, 422],
  TOO_LARGE = 413;
/** The server has acted on nothing, and may be asked again: Too Early, Too Many Requests; Unavailable, if it says when. */
const NOT_NOW = [425, 429],
  UNAVAILABLE = 503;
/** The one status below 500 after which nobody knows: Request Timeout. */
const TIMEOUT = 408;
/**
 * Requests that may outlive their page share 64 KiB (Fetch, 4.6), also with those of others. Only in leaving: Chromium (156) goes on with
 * one that was aborted, for up to 30 s.
 */
const LEAVING = 60_000;
/** Bytes of ours that are under way so. */
let alive = 0;
/** The longest answer that is read, in characters. */
const LONGEST_ANSWER = 2 ** 24;

/** Whether fetch takes it. Its own error would show the address. */
export function isFetchable(address) {
  if (!(address?.href || (address && typeof address === "string"))) return false;
  try {
    const { protocol, username, password } = resolve(address);
    return /^https?:$/.test(protocol) && !username && !password;
  } catch {
    return false;
  }
}

const isThenable = (value) => typeof value?.then === "function";

/** A text that is no JSON goes as a JSON string: who reads it by the codec's rule has what was sent. */
function element(text) {
  if (/^[{[]/.test(text)) {
    try {
      JSON.parse(text);
      return text;
    } catch {}
  }
  return JSON.stringify(text);
}

/** The messages in an answer; none where it is not JSON. */
async function messagesOf(response) {
  const { body, headers } = response;
  if (!body || !/^application\/json\b/i.test(headers.get("content-type"))) {
    body?.cancel().catch(() => {});
    return [];
  }
  const reader = body.getReader(),
    decoder = new TextDecoder();
  let text = "";
  for (let part; !(part = await reader.read()).done && text.length < LONGEST_ANSWER; )
    text += decoder.decode(part.value, { stream: true });
  reader.cancel().catch(() => {});
  try {
    return [].concat(JSON.parse(text + decoder.decode()));
  } catch {
    return [];
  }
}

export class Posts {
  /** Goes with the stream and with each request: a server knows by it what belongs together. */
  id = freshId();
  #port;
  #attempt;
  #uplink;
  #url;
  /** What the next request carries: `{ id, body, raw, length }`. */
  #batch = [];
  #bytes = 0;
  /** What is out. */
  #out;
  #asked = false;
  /** So many go alone: there is one among them that the server did not like. */
  #alone = 0;
  #leaving = false;
  #ended = false;

  constructor(port, attempt, uplink, url) {
    this.#port = port;
    this.#attempt = attempt;
    this.#uplink = uplink;
    this.#url = url;
  }

  /** As one of the stream's listeners: taken off when it is let go of. */
  removeEventListener() {
    // What is out may still arrive: a browser ends the streams of a page that goes before it says so.
    this.#ended = true;
  }

  get #gone() {
    return this.#ended && !this.#leaving;
  }

  /** Whether something of this length can go with the next request. */
  free(length = 0, raw = false) {
    const { maxMessages, maxBytes } = this.#uplink,
      [first] = this.#batch,
      bytes = this.#bytes + length;
    if (this.#gone || (this.#leaving ? alive + bytes > LEAVING : this.#out)) return false;
    if (!first) return true;
    return (
      !raw && !first.raw && (this.#leaving || (!this.#alone && this.#batch.length < maxMessages && bytes <= maxBytes))
    );
  }

  /** A message of the outbox's: its entry there. */
  carry(id, entry) {
    let made;
    try {
      made = this.#entry(entry[0], id);
    } catch {
      // A detached buffer.
      return TAKEN_UNSENDABLE;
    }
    if (/SharedArrayBuffer\]$/.test(Object.prototype.toString.call(made.body))) return TAKEN_UNSENDABLE;
    if (!this.free(made.length, made.raw)) return TAKEN_NOT_OPEN;
    entry[1] = made.length;
    this.#bytes += made.length;
    if (this.#batch.push(made) === 1) this.#soon();
    return TAKEN_CARRIED;
  }

  /** The page goes, and what waits with it, as far as the browser lets it. `persisted`: it may come back. */
  leave(persisted) {
    this.#leaving = true;
    // What is out ends with the page. Where the server discards what comes twice it goes again.
    for (const { id, raw, length } of (!this.#ended && this.#out) || []) {
      const entry = this.#port.payloads.get(id);
      if (entry?.[3] & SEND_ACK && this.free(length, raw)) this.carry(id, entry);
    }
    do {
      if (!this.#ended) this.#port.call(ROOM, 0, 0);
      // The stream went first. Nobody is left who would send it again.
      else if (!persisted)
        for (const [id, entry] of this.#port.payloads)
          if (!this.#sent.has(id) && this.carry(id, entry) === TAKEN_NOT_OPEN) break;
    } while (this.#flush());
  }

  /** What was carried in leaving, where the core does not say so. */
  #sent = new Set();

  #entry(payload, id) {
    const raw = typeof payload !== "string";
    // The app may use its buffer again.
    const body = raw ? snapshot(payload) : element(payload);
    // With its comma.
    return { id, raw, body, length: byteLength(body) + 1 };
  }

  #soon() {
    queueMicrotask(() => this.#flush());
  }

  /** Whether there was something to send. */
  #flush() {
    if (this.#gone || (this.#out && !this.#leaving)) return false;
    const batch = this.#batch;
    if (!batch.length) return false;
    this.#batch = [];
    this.#bytes = 0;
    if (this.#leaving) for (const { id } of batch) this.#sent.add(id);
    this.#alone = Math.max(0, this.#alone - batch.length);
    this.#out = batch;
    this.#post(batch);
    return true;
  }

  async #post(batch) {
    const { timeout, out } = this.#uplink;
    const abort = new AbortController(),
      { signal } = abort;
    const late = setTimeout(
      () =>
        abort.abort(
          new EverwireError(
            "uplink",
            "the uplink, or a function that was asked for it, did not answer within uplink.timeout",
          ),
        ),
      timeout,
    );
    const stop = () => {
      clearTimeout(late);
      // What was sent in leaving is to arrive.
      if (!this.#leaving) abort.abort();
    };
    out.add(stop);
    // What a function of the app's does not give in time.
    let giveUp;
    const gaveUp = new Promise((_, reject) => {
      giveUp = () => reject(signal.reason);
    });
    gaveUp.catch(() => {});
    signal.addEventListener("abort", giveUp, { once: true });
    let asking = true,
      failed = false,
      settle;
    try {
      const asked = this.#ask(signal);
      // In leaving there is no time to wait for what need not be asked.
      const request = this.#request(batch, ...(Array.isArray(asked) ? asked : await Promise.race([asked, gaveUp])));
      if (this.#gone) return;
      asking = false;
      const answer = await Promise.race([this.#send(signal, ...request), gaveUp]);
      settle = () => this.#answered(batch, ...answer);
    } catch (error) {
      failed = true;
      // Firefox (140) rejects with an error of its own in place of the abort's.
      settle = () => this.#fail(batch, asking, signal.reason ?? error, LOST, asking ? LOST_PROVIDER : LOST_NETWORK);
    } finally {
      clearTimeout(late);
      signal.removeEventListener("abort", giveUp);
      out.delete(stop);
    }
    // The loss of the stream has settled already what was still out.
    if (this.#ended) return;
    // What fails ends the connection, but with a page that goes: it is still out then, for `leave`.
    if (!failed) this.#out = undefined;
    this.#leaving = false;
    settle();
  }

  /** Where to, and with which headers; a promise only where a function gave one. */
  #ask(signal) {
    const { headers, context, confine } = this.#uplink,
      port = this.#port;
    const call = (value, reason, url) =>
      typeof value === "function" ? value(context(port, reason, signal, url)) : value;
    // The stream's functions were asked already for what takes the refused one's place.
    const plain = port.reason === "unauthorized" ? "reconnect" : port.reason;
    const to = call(this.#url, this.#asked ? plain : port.reason);
    this.#asked = true;
    // What is no address is told when the request is made.
    const named = (url) => {
      if (!isFetchable(url)) return [url];
      confine(url);
      return [url, call(headers, plain, resolve(url).href)];
    };
    if (isThenable(to)) return Promise.resolve(to).then(async (url) => Promise.all(named(url)));
    const given = named(to);
    return isThenable(given[1]) ? Promise.all(given) : given;
  }

  /** Throws where the functions gave what cannot be used. */
  #request(batch, url, headers) {
    const { name } = this.#uplink,
      [{ body, raw }] = batch;
    if (!isFetchable(url) || !isHeaders(headers))
      throw invalid(
        "uplink or http.headers gave what fetch cannot take: an http: or https: address, and no password in it",
      );
    const target = resolve(url);
    if (name) setParameter(target, name, this.id);
    const own = new Headers(headers);
    if (!own.has("content-type")) own.set("content-type", raw ? "application/octet-stream" : "application/json");
    return [target.href, own, raw ? body : new TextEncoder().encode(`[${batch.map((entry) => entry.body).join(",")}]`)];
  }

  async #send(signal, url, headers, body) {
    const { init, fetch = globalThis.fetch } = this.#uplink;
    const length = byteLength(body),
      keepalive = this.#leaving;
    if (keepalive) alive += length;
    try {
      // A browser makes a GET of a POST that is redirected, and the body is lost without a word.
      const response = await fetch(url, {
        ...init,
        method: "POST",
        headers,
        body,
        keepalive,
        redirect: "manual",
        cache: "no-store",
        signal,
      });
      if (response.type === "opaqueredirect")
        throw new EverwireError(
          "uplink",
          "the uplink is redirected, which would lose what is sent: give its final address",
        );
      return [response, await messagesOf(response)];
    } finally {
      if (keepalive) alive -= length;
    }
  }

  #answered(batch, { ok, status, headers }, messages) {
    const port = this.#port,
      wait = retryAfter(headers);
    if (ok) this.#settle(batch, POSTED_TAKEN, 0, messages);
    else if (UNFIT.includes(status)) {
      if (batch.length > 1) {
        this.#alone = batch.length;
        this.#settle(batch, POSTED_BACK);
      } else this.#settle(batch, status === TOO_LARGE ? POSTED_TOO_BIG : POSTED_REFUSED);
    } else if (NOT_NOW.includes(status) || (status === UNAVAILABLE && wait)) {
      this.#uplink.slower(status);
      this.#settle(batch, POSTED_BACK, Math.max(0, wait - 1) * 1_000 + 1);
    } else {
      port.answer = { status, contentType: headers.get("content-type") ?? "", body: "" };
      this.#fail(batch, status < 500 && status !== TIMEOUT, undefined, REFUSED, (status | (wait << 10)) >>> 0);
    }
  }

  /** `room`: 0 the next one may go, else one more than the ms that the server asks to wait. */
  #settle(batch, verdict, room = 0, messages = []) {
    for (const { id } of batch) if (!this.#ended) this.#port.call(POSTED, verdict, id);
    // These run the app's code, which may close or reconnect.
    for (const data of messages) if (!this.#ended) this.#uplink.heard(this.#port, data);
    if (!this.#flush() && !this.#ended) this.#port.call(ROOM, 0, room);
  }

  /** The connection ends by it, as one that cannot send is none. `untold`: the server has certainly acted on nothing. */
  #fail(batch, untold, error, kind, code) {
    const port = this.#port;
    if (untold) for (const { id } of batch) port.call(POSTED, POSTED_BACK, id);
    // Of the app's functions, or of what they gave.
    if (kind === LOST && code === LOST_PROVIDER) {
      port.running = "uplink or http.headers";
      port.refusal = error;
    } else port.blame(error);
    port.call(kind, this.#attempt, code);
  }
}

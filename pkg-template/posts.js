// One event stream's way up: POSTs, one at a time, in order, with as many messages as there are. Their answers say what
// became of each.
import { retryAfter } from "../src/transport/fetch.js";
import { resolve, setParameter } from "../src/transport/port.js";
import { byteLength, snapshot } from "./encode.js";
import { EverwireError } from "./errors.js";

// Kinds of `call`, as src/client/driver.rs reads them, and what LOST and POSTED say.
const LOST = 2, ANSWERED = 7, POSTED = 20, ROOM = 21;
const PROVIDER = 3, NETWORK = 1006;
const TAKEN = 0, BACK = 1, REFUSED = 2, TOO_BIG = 3;
// What a port's `send` gives: not now, and that the answer will settle it.
const BUSY = 0, CARRIED = 4;
/** Statuses that are about what a request carries (RFC 9110, 15.5). */
const UNFIT = [400, 413, 415, 422], TOO_LARGE = 413;
/** The server has acted on nothing, and may be asked again: Too Early, Too Many Requests; Unavailable, if it says when. */
const NOT_NOW = [425, 429], UNAVAILABLE = 503;
/** The one status below 500 after which nobody knows: Request Timeout. */
const TIMEOUT = 408;
/**
 * Requests that may outlive their page share 64 KiB (Fetch, 4.6), also with those of others. Half of it is left for the
 * moment when the page goes.
 */
const KEPT_ALIVE = 32_768, LEAVING = 60_000;
/** Bytes of ours that are under way so. */
let alive = 0;
/** The longest answer that is read, in characters. */
const LONGEST_ANSWER = 2 ** 24;

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
  const reader = body.getReader(), decoder = new TextDecoder();
  let text = "";
  for (let part; !(part = await reader.read()).done && text.length < LONGEST_ANSWER;) text += decoder.decode(part.value, { stream: true });
  reader.cancel().catch(() => {});
  try {
    return [].concat(JSON.parse(text + decoder.decode()));
  } catch {
    return [];
  }
}

export class Posts {
  /** Goes with the stream and with each request: a server knows by it what belongs together. */
  id = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  #port;
  #attempt;
  #uplink;
  /** What the next request carries: `{ id, payload, raw }`, without an id what is said before all else. */
  #batch = [];
  #bytes = 0;
  /** A request is out. */
  #out = false;
  /** So many go alone: there is one among them that the server did not like. */
  #alone = 0;
  #leaving = false;
  #ended = false;
  #abort = new AbortController();

  constructor(port, attempt, uplink) {
    this.#port = port;
    this.#attempt = attempt;
    this.#uplink = uplink;
  }

  /** As one of the stream's listeners: taken off when it is let go of. */
  removeEventListener() {
    // What is out may still arrive: a browser ends the streams of a page that goes before it says so.
    this.#ended = true;
  }

  /** The page goes, and what waits with it, as far as the browser lets it. `persisted`: it may come back. */
  leave(persisted) {
    this.#leaving = true;
    if (!this.#ended) this.#port.call(ROOM, 0, 0);
    // The stream went first. Nobody is left who would send it again.
    else if (!persisted) for (const [id, entry] of this.#port.payloads) if (!this.carry(id, entry)) break;
    this.#flush();
  }

  get #gone() {
    return this.#ended && !this.#leaving;
  }

  /** Whether something of this length can go with the next request. */
  free(length = 0, raw = false) {
    const { maxMessages, maxBytes } = this.#uplink, [first] = this.#batch, bytes = this.#bytes + length;
    if (this.#gone || (this.#leaving ? alive + bytes > LEAVING : this.#out)) return false;
    if (!first) return true;
    return !raw && !first.raw && first.id !== undefined && !this.#alone && this.#batch.length < maxMessages && bytes <= maxBytes;
  }

  /** A message of the outbox's: its entry there. */
  carry(id, entry) {
    const [given] = entry, raw = typeof given !== "string", length = byteLength(given);
    if (!this.free(length, raw)) return BUSY;
    entry[1] = length;
    // The app may use its buffer again.
    this.#add({ id, raw, payload: snapshot(given) }, length);
    return CARRIED;
  }

  /** What goes before the outbox, on a stream that the core does not know of yet. */
  say(payload) {
    this.#add({ payload, raw: typeof payload !== "string" }, byteLength(payload));
  }

  #add(entry, length) {
    this.#bytes += length;
    if (this.#batch.push(entry) === 1) queueMicrotask(() => this.#flush());
  }

  #flush() {
    const batch = this.#batch;
    if (this.#gone || !batch.length) return;
    this.#batch = [];
    this.#bytes = 0;
    this.#out = true;
    this.#alone = Math.max(0, this.#alone - batch.length);
    this.#post(batch);
  }

  async #post(batch) {
    let request, answer;
    try {
      const asked = this.#uplink.ask(this.#port, this.#abort.signal);
      // In leaving there is no time to wait for what need not be asked.
      request = this.#request(batch, ...(Array.isArray(asked) ? asked : await asked));
    } catch (error) {
      return this.#over(() => this.#fail(batch, true, error, LOST, PROVIDER));
    }
    if (this.#gone) return;
    try {
      answer = await this.#send(...request);
    } catch (error) {
      // Firefox (140) rejects with an error of its own in place of the abort's.
      return this.#over(() => this.#fail(batch, false, this.#abort.signal.reason ?? error, LOST, NETWORK));
    }
    this.#over(() => this.#answered(batch, ...answer));
  }

  /** Throws where the functions gave what cannot be used. */
  #request(batch, url, headers) {
    const { name } = this.#uplink, [{ payload, raw }] = batch;
    const target = resolve(url);
    if (name) setParameter(target, name, this.id);
    const own = new Headers(headers);
    if (!own.has("content-type")) own.set("content-type", raw ? "application/octet-stream" : "application/json");
    return [target.href, own, raw ? payload : new TextEncoder().encode(`[${batch.map((entry) => element(entry.payload)).join(",")}]`)];
  }

  async #send(url, headers, body) {
    const { init, fetch = globalThis.fetch, timeout, out } = this.#uplink;
    const length = byteLength(body), keepalive = alive + length <= (this.#leaving ? LEAVING : KEPT_ALIVE);
    const late = setTimeout(() => this.#abort.abort(new EverwireError("uplink", "the uplink did not answer within uplink.timeout")), timeout);
    const stop = () => {
      clearTimeout(late);
      // What was sent in leaving is to arrive.
      if (!this.#leaving) this.#abort.abort();
    };
    out.add(stop);
    if (keepalive) alive += length;
    try {
      // A browser makes a GET of a POST that is redirected, and the body is lost without a word.
      const response = await fetch(url, { ...init, method: "POST", headers, body, keepalive, redirect: "manual", cache: "no-store", signal: this.#abort.signal });
      if (response.type === "opaqueredirect") throw new EverwireError("uplink", "the uplink is redirected, which would lose what is sent: give its final address");
      return [response, await messagesOf(response)];
    } finally {
      clearTimeout(late);
      out.delete(stop);
      if (keepalive) alive -= length;
    }
  }

  /** A request is over. The loss of the stream has settled already what one carried that was still out. */
  #over(settle) {
    if (this.#ended) return;
    this.#out = this.#leaving = false;
    settle();
  }

  #answered(batch, { ok, status, headers }, messages) {
    const port = this.#port, wait = retryAfter(headers.get("retry-after"));
    // Before an app's code can send more.
    const untold = status < 500 && status !== TIMEOUT;
    if (ok) {
      for (const data of messages) this.#uplink.heard(port, data);
      this.#settle(batch, TAKEN);
    } else if (UNFIT.includes(status) && batch[0].id !== undefined) {
      if (batch.length === 1) this.#settle(batch, status === TOO_LARGE ? TOO_BIG : REFUSED);
      else {
        this.#alone = batch.length;
        this.#settle(batch, BACK);
      }
    } else if ((NOT_NOW.includes(status) || (status === UNAVAILABLE && wait)) && batch[0].id !== undefined) {
      this.#uplink.slower(status);
      this.#settle(batch, BACK, Math.max(0, wait - 1) * 1_000 + 1);
    } else {
      port.answer = { status, contentType: headers.get("content-type") ?? "", body: "" };
      this.#fail(batch, untold, undefined, ANSWERED, (status | (wait << 10)) >>> 0);
    }
  }

  /** `room`: 0 the next one may go, else one more than the ms that the server asks to wait. */
  #settle(batch, verdict, room = 0) {
    for (const { id } of batch) if (id !== undefined && !this.#ended) this.#port.call(POSTED, verdict, id);
    if (!this.#ended) this.#port.call(ROOM, 0, room);
  }

  /** The connection ends by it, as one that cannot send is none. `untold`: the server has certainly acted on nothing. */
  #fail(batch, untold, error, kind, code) {
    const port = this.#port;
    if (untold) for (const { id } of batch) if (id !== undefined) port.call(POSTED, BACK, id);
    port.refusal = error;
    port.call(kind, this.#attempt, code);
  }
}

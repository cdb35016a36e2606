// One event stream's way up: what the core (src/core/uplink.rs) has gathered is encoded, and goes as one POST. The core says
// what becomes of each message by the answer.
import { retryAfter } from "./fetch.js";
import { resolve, setParameter } from "./port/address.ts";
import { turn } from "./port/turn.ts";
import { byteLength, freshId, snapshot } from "./encode.js";
import { isHeaders } from "./options.js";
import { EverwireError, invalid } from "./errors.js";

// <calls.rs>
const PAGE_LEAVES = 53,
  POST = 51,
  POSTED = 52,
  POSTED_NETWORK = 0,
  POSTED_PROVIDER = 1,
  TAKEN_UNSENDABLE = 2,
  TAKEN_CARRIED = 4;
// </calls.rs>
/** Bytes of ours that are under way, and are to outlive the page. */
let alive = 0;
/** Requests are known by their serials. */
let serials = 0;
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
  #uplink;
  #url;
  /** What the core gathers: bodies, as they go up. The last one may have been too many. */
  #made = [];
  #asked = false;
  #ended = false;

  constructor(port, uplink, url) {
    this.#port = port;
    this.#uplink = uplink;
    this.#url = url;
  }

  /** As one of the stream's listeners: taken off when it is let go of. */
  removeEventListener() {
    // What is out may still arrive: a browser ends the streams of a page that goes before it says so.
    this.#ended = true;
  }

  /** A message of the outbox's: its entry there. What a port's `send` gives. */
  carry(entry) {
    const [payload] = entry,
      raw = typeof payload !== "string";
    let body;
    try {
      // The app may use its buffer again.
      body = raw ? (entry[0] = snapshot(payload)) : element(payload);
    } catch {
      // A detached buffer.
      return TAKEN_UNSENDABLE;
    }
    if (/SharedArrayBuffer\]$/.test(Object.prototype.toString.call(body))) return TAKEN_UNSENDABLE;
    // With its comma.
    const length = (entry[1] = byteLength(body) + 1);
    if (this.#made.push(body) === 1)
      // Of one that has ended the core has taken them back.
      queueMicrotask(() => (this.#ended ? this.#made.splice(0) : this.#flush()));
    return TAKEN_CARRIED + 2 * length + +raw;
  }

  /** The page goes, and what waits with it. `persisted`: it may come back. */
  leave(persisted) {
    do this.#port.call(PAGE_LEAVES, persisted, alive);
    while (this.#flush());
  }

  /** How many messages go out. */
  #flush() {
    const made = this.#made.splice(0),
      post = this.#port.call(POST, ++serials),
      many = post >>> 1;
    if (many) this.#post(serials, made.slice(0, many), post & 1);
    return many;
  }

  async #post(serial, batch, keepalive) {
    const { out } = this.#uplink,
      port = this.#port;
    const abort = new AbortController(),
      { signal } = abort;
    // Without an error the client is closed: what was sent in leaving is to arrive.
    out.set(serial, (error) => (error || !keepalive) && abort.abort(error));
    // What a function of the app's does not give in time.
    let giveUp;
    const gaveUp = new Promise((_, reject) => {
      giveUp = () => reject(signal.reason);
      signal.addEventListener("abort", giveUp, { once: true });
    });
    gaveUp.catch(() => {});
    let asking = true,
      code = POSTED_NETWORK,
      messages = [];
    try {
      const asked = this.#ask(signal);
      // In leaving there is no time to wait for what need not be asked.
      const request = this.#request(batch, ...(Array.isArray(asked) ? asked : await Promise.race([asked, gaveUp])));
      // It is not of the stream any more.
      if (this.#ended && !keepalive) abort.abort();
      asking = false;
      const [{ ok, status, headers }, found] = await Promise.race([this.#send(signal, keepalive, ...request), gaveUp]);
      messages = found;
      code = (status | (retryAfter(headers) << 10)) >>> 0;
      if (!ok && !this.#ended) port.answer = { status, contentType: headers.get("content-type") ?? "", body: "" };
    } catch (error) {
      code = asking ? POSTED_PROVIDER : POSTED_NETWORK;
      // Firefox (140) rejects with an error of its own in place of the abort's.
      const cause = signal.reason ?? error;
      // The loss of the stream has settled already what was still out.
      if (!this.#ended && !asking) port.blame(cause);
      // Of the app's functions, or of what they gave.
      else if (!this.#ended) {
        port.running = "uplink or http.headers";
        port.refusal = cause;
      }
    }
    signal.removeEventListener("abort", giveUp);
    out.delete(serial);
    const awaited = port.call(POSTED, serial, code);
    // These run the app's code, which may close or reconnect. There may be millions.
    for (const data of awaited ? messages : []) {
      if (this.#ended) return;
      this.#uplink.heard(port, data);
      const wait = turn();
      if (wait) await wait;
    }
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
      // A token is not asked for after a logout.
      if (signal.aborted || !isFetchable(url)) return [url];
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
      [body] = batch,
      raw = typeof body !== "string";
    if (!isFetchable(url) || !isHeaders(headers))
      throw invalid(
        "uplink or http.headers gave what fetch cannot take: an http: or https: address, and no password in it",
      );
    const target = resolve(url);
    if (name) setParameter(target, name, this.id);
    const own = new Headers(headers);
    if (!own.has("content-type")) own.set("content-type", raw ? "application/octet-stream" : "application/json");
    return [target.href, own, raw ? body : new TextEncoder().encode(`[${batch.join(",")}]`)];
  }

  async #send(signal, keepalive, url, headers, body) {
    const { init, fetch = globalThis.fetch } = this.#uplink;
    const length = keepalive ? byteLength(body) : 0;
    alive += length;
    try {
      // A browser makes a GET of a POST that is redirected, and the body is lost without a word.
      const response = await fetch(url, {
        ...init,
        method: "POST",
        headers,
        body,
        keepalive: Boolean(keepalive),
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
      alive -= length;
    }
  }
}

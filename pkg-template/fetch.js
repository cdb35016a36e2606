// Event streams over fetch. Bytes go into the wasm once, and come back as offsets into the chunk's text
// (src/sse); like port.js, this has no policy.

// <calls.rs>
const OPENED = 1,
  LOST = 2,
  REFUSED = 4,
  STAGE = 16,
  FED = 17,
  PARSE = 18,
  LOST_END = 0,
  LOST_CONTENT_TYPE = 1,
  LOST_TOO_BIG = 2,
  LOST_REDIRECT = 7,
  LOST_NETWORK = 1006;
// </calls.rs>
// Kinds of the table's entries (src/sse/mod.rs).
const DATA = 1,
  EVENT = 2,
  ID = 3,
  COMMENT = 4,
  DISPATCH = 8;
/** What a decoder puts in the place of malformed bytes. Not written as itself: these scripts are ASCII. */
const REPLACEMENT = String.fromCharCode(0xfffd);
/** The longest chunk that the stage takes. */
const STAGE_SIZE = 65_536;
/** Of a refusal's body, so many characters are kept unless the app asks for more, and waited for no longer than this many ms. */
const HEAD = 1024,
  HEAD_WAIT = 300;

/** What is cancelled may have failed already, or be locked: nobody asks. */
const cancel = (stream) => stream?.cancel().catch(() => {});

/** Makes the request. What it gives stands where a WebSocket would: the port closes it. `polls`: each is made by `ask`. */
export function request(port, attempt, url, init, polls = false) {
  const abort = new AbortController(),
    { signal } = abort;
  const socket = {
    reader: undefined,
    /** `aim` gives the address and the rest of the request; `news` what has come so far, of which more is worth going on for. */
    ask: (aim, news) => run(port, socket, attempt, signal, aim, news),
    close() {
      abort.abort();
      // A fetch of the caller's own may not look at the signal.
      cancel(socket.reader);
    },
  };
  if (!polls)
    socket.ask(
      () => [url, init],
      () => port.received,
    );
  return socket;
}

async function run(port, socket, attempt, signal, aim, news) {
  // The port sets its socket when request() has returned.
  await undefined;
  /** @type {any} */
  let code = LOST_NETWORK;
  /** @type {any} */
  let kind = LOST;
  let before = 0;
  let response;
  try {
    if (!port.owns(socket)) return;
    const [url, given] = aim(),
      init = { ...given, cache: "no-store", signal };
    response = await go(port.fetch, url, init, port);
    if (response === null) code = LOST_REDIRECT;
    else if (port.owns(socket) && isStream(response, init, port)) {
      const { status, headers } = response;
      socket.head = port.head = { status, headers };
      port.call(OPENED, attempt);
      if (port.socket === socket) {
        port.answeredFrom(url, response.url);
        port.answered(response.headers);
      }
      before = news();
      if (port.socket === socket) code = await read(port, socket, response.body);
    } else if (port.owns(socket)) {
      let answer;
      [answer, kind, code] = await refusal(response, init, port.maxFailureBody);
      if (port.owns(socket)) port.answer = answer;
    }
  } catch (error) {
    // After close() the abort is our own.
    if (port.owns(socket)) port.blame(error);
  }
  // What came before is delivered first.
  if (port.busy) await port.busy;
  if (!port.owns(socket)) cancel(response?.body);
  // What ended in good order may have brought something.
  else if (kind === LOST) port.lost(socket, attempt, code, code ? 0 : news() - before);
  else port.call(kind, attempt, code >>> 0);
}

const isSafe = (method) => /^(GET|HEAD)?$/i.test(method ?? "");

/**
 * What the app gave for one origin goes to no other by a redirect. A page sees none before it is followed, but may forbid those that
 * leave its own origin (Fetch, "mode"), or all: then this gives null. A fetch of the app's may add what it likes. A stream with no
 * more than the cursor is followed anywhere, as natively; `port` then puts the cursor into the address, as a header would need the other
 * origin's leave.
 */
export async function go(given, url, { redirect, ...init }, port) {
  const { headers, body, credentials, method } = init,
    { origin } = new URL(url, globalThis.document?.baseURI ?? globalThis.location?.href),
    ask = (how) => (given ?? fetch)(url, { ...init, ...how });
  const own =
    given ||
    redirect ||
    !isSafe(method) ||
    (body ?? null) !== null ||
    credentials === "include" ||
    [...headers].some(([name, value]) => name !== "last-event-id" && value !== "text/event-stream");
  if (redirect === "follow" || !(own || headers.has("last-event-id"))) return ask();
  const near = redirect !== "error" && origin === globalThis.origin,
    within = () => ask({ mode: "same-origin" });
  // Asked once, as the server may act on it, or the address be good for one request. So nobody knows what it failed of.
  if (near && own)
    return within().catch((error) => {
      throw given || init.signal.aborted
        ? error
        : new TypeError("everwire: no answer, or a redirect to another origin (http.redirect)");
    });
  const response = await ask({ redirect: "manual" });
  // Outside of a page it can be seen.
  if (response.type !== "opaqueredirect" && !/^30[12378]$/.test(response.status)) return response;
  cancel(response.body);
  try {
    if (near) return await within();
  } catch (error) {
    if (init.signal.aborted) throw error;
  }
  if (own || !port) return null;
  url = port.astray(url, headers);
  return ask();
}

const typeOf = (response) => response.headers.get("content-type") ?? "";

/**
 * Whether the last value that is a type, and not of any kind, is an event stream's (Fetch, "extract a MIME type" and "get, decode, and
 * split"): proxies join several headers to one, and commas in quotes divide nothing. What stands behind a space would make it none by
 * the standard; all engines pass over it. Value by value: one expression over all of them is quadratic, and servers may send long headers.
 */
const isEvents = (value) =>
  /^\s*text\/event-stream(?![^\s;])/i.test(
    value
      .replace(/"([^"\\]|\\.)*"?/g, "")
      .split(",")
      .reverse()
      .find((one) => /^\s*(text\/event-stream\s|(?!\*\/\*)[^\s;/]+\/[^\s;/]+\s*(;|$))/i.test(one)),
  );

/** A GET is the standard's: 200 alone. Other methods may be answered with Created or Accepted; 204 and 205 have no body. */
const isAnswer = ({ status, ok }, { method }) => status === 200 || (ok && status >> 1 !== 102 && !isSafe(method));

export function isStream(response, init, { contentType } = /** @type {any} */ ({})) {
  const type = typeOf(response);
  return isAnswer(response, init) && (contentType === "any" || (contentType === "optional" && !type) || isEvents(type));
}

/** What there is to tell of an answer that is no event stream, and the kind and code of the loss. */
export async function refusal(response, init, length = HEAD) {
  const { headers, status, body } = response;
  const answer = { status, contentType: typeOf(response), body: await head(body, length) };
  return isAnswer(response, init)
    ? [answer, LOST, LOST_CONTENT_TYPE]
    : [answer, REFUSED, status | (retryAfter(headers) << 10)];
}

/**
 * 0 none, else one more than the seconds: a number, or from the answer's own date to another (RFC 9110, 10.2.3), as the
 * clock here may be wrong. A header that came several times is joined with commas: the longest counts.
 */
export function retryAfter(headers) {
  let longest = 0;
  // Not at the comma of a date.
  for (const part of `${headers.get("retry-after")}`.split(/,(?!\s*\d\d[ -])/)) {
    const text = part.trim();
    // Not whatever engines take for a date.
    const seconds = /^\d+$/.test(text)
      ? Number(text)
      : /^[A-Z].*:\d\d (GMT|\d{4})$/.test(text)
        ? Math.ceil(
            (Date.parse(text.replace(/\d{4}$/, "$& GMT")) - (Date.parse(headers.get("date")) || Date.now())) / 1000,
          )
        : NaN;
    longest = Math.max(longest, Math.max(seconds, 0) + 1 || 0);
  }
  return Math.min(longest, 0x3fffff);
}

export async function head(body, length) {
  const reader = body?.getReader();
  const timer = setTimeout(() => cancel(reader), HEAD_WAIT);
  let text = "";
  try {
    const decoder = new TextDecoder();
    for (let part; reader && text.length < length && !(part = await reader.read()).done; ) {
      text += decoder.decode(part.value, { stream: true });
    }
  } catch {}
  clearTimeout(timer);
  cancel(reader);
  return text.slice(0, length);
}

/** Reads to the end. Gives the code of the loss, or nothing if the connection was dropped meanwhile. */
export async function read(port, socket, body) {
  let done, value, view, reader, wait;
  try {
    // Into a buffer of ours where the engine can: one of its own for each chunk costs a tenth of the whole.
    reader = body?.getReader({ mode: "byob" });
  } catch {
    reader = body.getReader();
  }
  const blocks = new Blocks(port);
  socket.reader = reader;
  for (;;) {
    // A read takes the buffer away and gives it back; what is no stream of bytes leaves it.
    if (!view?.length) view = new Uint8Array(value?.buffer ?? STAGE_SIZE);
    ({ done, value } = reader ? await reader.read(view) : { done: true });
    if (port.socket !== socket) return;
    // Only the heartbeat asks, and the clock costs as much as parsing a short event.
    if (port.ping !== undefined) port.heard = performance.now();
    if (done && !port.flush) return LOST_END;
    if (done) value = Uint8Array.of(10, 10);
    // Not `instanceof`: of any realm.
    if (value?.BYTES_PER_ELEMENT !== 1) throw new TypeError("everwire: http.fetch gave no bytes");
    for (let from = 0; from < value.length; from += STAGE_SIZE) {
      blocks.feed(value.length > STAGE_SIZE ? value.subarray(from, from + STAGE_SIZE) : value);
      for (; blocks.at < blocks.stop; wait = blocks.turn()) {
        while ((wait = port.hold ?? port.busy ?? wait)) {
          // A `for await` loop is behind, a message is decoded, or the page has its turn: nothing is read, and nothing is expected either.
          port.held = true;
          await wait;
          if (port.socket !== socket) return;
          if (port.hold === wait) port.hold = undefined;
          port.held = false;
          wait = undefined;
        }
        const big = blocks.deliver(socket);
        if (port.socket !== socket) return;
        if (big) return LOST_TOO_BIG;
      }
    }
    if (done) return LOST_END;
  }
}

/** The table of what was read, and the text that it points into. Not in `read`: engines are slow in what awaits. */
class Blocks {
  /** The end of the last entry in `words`, and the next one. */
  stop = 0;
  at = 0;
  /** Where the last event ended in the text: parts of a text keep all of it, so each event counts with what is before it. */
  #from = 0;
  /** So many events, or blocks of 4 KiB, until the clock is looked at, which costs as much as a short one; and when it last was. */
  #left = 1;
  #looked = 0;
  #port;
  #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  #stage;
  #pending = 0;
  #bytes;
  #words;
  #region;
  #units;
  #text;
  /** The text was malformed, so places in it cannot be counted beforehand: each part is decoded by itself. */
  #slow;

  constructor(port) {
    this.#port = port;
    this.#stage = port.call(STAGE);
  }

  feed(chunk) {
    const { length } = chunk,
      port = this.#port,
      last = chunk[length - 1];
    // Most often a chunk ends with an event, and nothing is pending: then one call does it all.
    const early = !this.#pending && (last === 10 || last === 13);
    if (early) this.#decode(chunk);
    this.#look();
    this.#bytes.set(chunk, this.#stage);
    let at = port.call(FED, early ? (this.#units ? 2 : 1) : 0, length) >>> 2;
    let words = this.#look();
    const end = words[at];
    if (end && !(early && end === length)) {
      const from = words[at + 2] >>> 0,
        region = this.#bytes.subarray(from, from + end);
      this.#decode(region);
      if (this.#slow) this.#region = region.slice();
      at = port.call(PARSE, 0, this.#units ? 1 : 0) >>> 2;
      words = this.#look();
    }
    this.#stage = words[at + 3] >>> 0;
    this.#from = 0;
    this.at = at + 4;
    this.stop = this.at + words[at + 1];
    this.#pending += length - end;
    this.#left -= length >> 12;
    // The parts of a text keep all of it.
    port.pinned += this.#units ? 2 * length : length;
  }

  /** A promise of the page's turn, if it is to come first. */
  turn() {
    if (this.#left > 0) return undefined;
    const now = performance.now(),
      took = now - this.#looked;
    this.#left = took < 1 ? 16 : 1;
    this.#looked = now;
    return this.#port.turn(took);
  }

  /** Up to the end, to a `hold`, or to the loss of the connection. True for an event that is too big. */
  deliver(socket) {
    const port = this.#port,
      stop = this.stop,
      text = this.#text,
      slow = this.#slow;
    let words = this.#look();
    let at = this.at,
      type,
      data,
      id;
    if (this.#left === 1) this.#looked = performance.now();
    while (at < stop) {
      // What was called may have made the memory grow.
      if (!words.length) words = this.#look();
      const kind = words[at],
        start = words[at + 1],
        end = words[at + 2];
      at += 4;
      const part = slow ? this.#decoder.decode(this.#region.subarray(start, end)) : text.slice(start, end);
      const what = kind & ~DISPATCH;
      if (what === DATA) data = data === undefined ? part : `${data}\n${part}`;
      else if (what === ID) id = part;
      else if (what === EVENT) type = part;
      else if (what === COMMENT) {
        port.comment(part);
        this.#left--;
        if (port.socket !== socket) break;
      } else return true;
      if (kind !== what) {
        const size = end - this.#from;
        this.#from = end;
        port.event(type, data, id, size);
        type = data = id = undefined;
        if (port.hold || port.busy || port.socket !== socket || --this.#left <= 0) break;
      }
    }
    this.at = at;
    return false;
  }

  #decode(region) {
    // Chromium takes a third less for a whole buffer than for a view of it.
    const { buffer } = region;
    const text = (this.#text = this.#decoder.decode(buffer.byteLength === region.length ? buffer : region));
    this.#region = region;
    this.#units = text.length !== region.length;
    this.#slow = this.#units && text.includes(REPLACEMENT);
    this.#units &&= !this.#slow;
  }

  /** A memory that grew leaves empty views behind. */
  #look() {
    if (!this.#words?.length) {
      const { buffer } = this.#port.memory;
      this.#bytes = new Uint8Array(buffer);
      this.#words = new Int32Array(buffer);
    }
    return this.#words;
  }
}

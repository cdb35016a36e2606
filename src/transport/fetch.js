// Event streams over fetch. Bytes go into the wasm once, and come back as offsets into the chunk's text
// (src/sse); like port.js, this has no policy.

// Kinds of `call`, as src/client/driver.rs reads them.
const OPENED = 1, LOST = 2, ANSWERED = 7, ROOM = 8, FED = 9, PARSE = 10, TABLE = 11;
// Codes of LOST.
const ENDED = 0, WRONG_TYPE = 1, TOO_BIG = 2, NETWORK = 1006;
// Kinds of the table's entries (src/sse/mod.rs).
const DISPATCH = 0, DATA = 1, EVENT = 2, ID = 3, COMMENT = 4;
/** Of a refusal's body, so many characters are kept, and waited for no longer than this many ms. */
const HEAD = 1024, HEAD_WAIT = 1000;

/** Makes the request. What it gives stands where a WebSocket would: the port closes it. */
export function request(port, attempt, url, init) {
  const abort = new AbortController();
  const socket = { close: () => abort.abort() };
  run(port, socket, attempt, url, { ...init, cache: "no-store", signal: abort.signal });
  return socket;
}

async function run(port, socket, attempt, url, init) {
  // The port sets its socket when request() has returned.
  await undefined;
  let code = NETWORK, kind = LOST;
  try {
    if (port.socket !== socket) return;
    const fetch = port.fetch ?? globalThis.fetch;
    const response = await fetch(url, init);
    if (port.socket !== socket) return void response.body?.cancel();
    const { status, headers } = response;
    const contentType = headers.get("content-type") ?? "";
    if (status === 200 && /^\s*text\/event-stream\s*(;|$)/i.test(contentType)) {
      port.origin = new URL(response.url || url).origin;
      port.call(OPENED, attempt, 0);
      if (port.socket === socket) code = await read(port, socket, response.body);
    } else {
      const answer = { status, contentType, body: await head(response.body) };
      if (port.socket !== socket) return;
      port.answer = answer;
      code = WRONG_TYPE;
      if (status !== 200) {
        kind = ANSWERED;
        code = status | retryAfter(headers.get("retry-after")) << 10;
      }
    }
  } catch (error) {
    // After close() the abort is our own.
    if (port.socket === socket) port.refusal = error;
  }
  if (port.socket === socket) port.call(kind, attempt, code >>> 0);
}

/** 0 none, else one more than the seconds: of a number, or until a date (RFC 9110, 10.2.3). */
function retryAfter(value) {
  const seconds = /^\d+$/.test(value) ? Number(value) : Math.ceil((Date.parse(value) - Date.now()) / 1000);
  return value ? Math.min(Math.max(seconds, 0) + 1 || 0, 0x3fffff) : 0;
}

async function head(body) {
  let text = "";
  const reader = body?.getReader();
  const stop = () => reader?.cancel().catch(() => {});
  const timer = setTimeout(stop, HEAD_WAIT);
  try {
    const decoder = new TextDecoder();
    for (let part; reader && text.length < HEAD && !(part = await reader.read()).done;) {
      text += decoder.decode(part.value, { stream: true });
    }
  } catch {}
  clearTimeout(timer);
  stop();
  return text.slice(0, HEAD);
}

/** Reads to the end. Gives the code of the loss, or nothing if the connection was dropped meanwhile. */
async function read(port, socket, body) {
  const reader = body?.getReader();
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const { memory } = port;
  let heap = new Uint8Array();
  let pending = 0;
  for (;;) {
    let { done, value } = reader ? await reader.read() : { done: true };
    if (port.socket !== socket) return;
    port.heard = performance.now();
    if (done) {
      if (!port.flush) return ENDED;
      value = Uint8Array.of(10, 10);
    }
    const { length } = value;
    const at = port.call(ROOM, 0, length);
    if (heap.buffer !== memory.buffer) heap = new Uint8Array(memory.buffer);
    heap.set(value, at);
    const end = port.call(FED, 0, 0);
    if (end) {
      const region = end === length && !pending ? value : heap.subarray(at - pending, at - pending + end);
      const text = decoder.decode(region);
      // Offsets into text that was malformed cannot be counted beforehand: each slice is decoded by itself.
      const slow = text.length !== end && text.includes("\ufffd");
      const bytes = slow && region.slice();
      const count = port.call(PARSE, 0, text.length !== end && !slow ? 1 : 0);
      // A copy: what a handler does may move the memory.
      const table = new Uint32Array(memory.buffer, port.call(TABLE, 0, 0), count).slice();
      let type, data, id;
      for (let i = 0; i < count; i += 3) {
        const kind = table[i];
        if (kind === DISPATCH) {
          port.event(type, data, id);
          type = data = id = undefined;
          while (port.hold) {
            // A `for await` loop is behind: nothing is read, and nothing is expected either.
            const hold = port.hold;
            port.hold = undefined;
            port.held = true;
            await hold;
            if (port.socket !== socket) return;
            port.held = false;
          }
          if (port.socket !== socket) return;
          continue;
        }
        const value = slow ? decoder.decode(bytes.subarray(table[i + 1], table[i + 2])) : text.slice(table[i + 1], table[i + 2]);
        if (kind === DATA) data = data === undefined ? value : `${data}\n${value}`;
        else if (kind === ID) id = value;
        else if (kind === EVENT) type = value;
        else if (kind === COMMENT) port.comment(value);
        else return TOO_BIG;
      }
    }
    pending += length - end;
    if (done) return ENDED;
  }
}

// Any bytes in any chunks against the standard's algorithm, word by word (HTML, 9.2.6). The native tests do the same,
// but without SIMD: this is what looks at the wasm that is packed.
import { client } from "../client.js";
import { equal, test } from "../harness.js";

const parts = [
  "data: ",
  "data:",
  "data",
  "data :",
  "id: ",
  "id:",
  "id",
  "event: ",
  "event:",
  "event",
  "retry: 9",
  ":",
  ": c",
  " ",
  "x",
  "\t",
  "\n",
  "\n\n",
  "\r",
  "\r\r",
  "\r\n",
  "\r\n\r\n",
  "\n",
  "\n\n",
  "\0",
  "\v",
  "\x0e",
  "\x10",
  "\ufeff",
  "\ufffd",
  "ä",
  "語",
  "😀",
  "0".repeat(60),
  "y".repeat(130),
  "語".repeat(30),
  "😀".repeat(40),
  [0x80],
  [0xe3, 0x81],
  [0xf0, 0x9f, 0x98],
  [0xff],
].map((part) => (typeof part === "string" ? new TextEncoder().encode(part) : Uint8Array.from(part)));
/** The last event of each stream. What is before it is over by then. */
const last = new TextEncoder().encode("\n\nid: last\ndata: last\n\n");

/** The same numbers for the same seed (Lehmer). */
function random(seed) {
  return (below) => (seed = (seed * 48_271) % 0x7fffffff) % below;
}

function reference(bytes) {
  const lines = new TextDecoder()
    .decode(bytes)
    .split(/\r\n|\r|\n/)
    .slice(0, -1);
  const events = [];
  let data = [],
    type = "",
    id = "";
  for (const line of lines) {
    if (!line) {
      if (data.length) events.push([data.join("\n"), type || "message", id]);
      data = [];
      type = "";
      continue;
    }
    const [, name, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (name === "data") data.push(value);
    else if (name === "event") type = value;
    else if (name === "id" && !value.includes("\0")) id = value;
  }
  return events;
}

function streamOf(next) {
  const bytes = [];
  for (let left = next(next(3) ? 40 : 400); left > 0; left--) bytes.push(...parts[next(parts.length)]);
  bytes.push(...last);
  const chunks = [],
    longest = [1, 7, 64, 1_000, 100_000][next(5)];
  for (let at = 0; at < bytes.length; ) chunks.push(Uint8Array.from(bytes.slice(at, (at += 1 + next(longest)))));
  return { bytes: Uint8Array.from(bytes), chunks };
}

/** Streams of chunks; where the engine has them, streams of bytes too: those are read into a buffer of ours. */
/** @type {(undefined | "bytes")[]} */
const kinds = [undefined];
try {
  new ReadableStream({ type: "bytes" });
  kinds.push("bytes");
} catch {}

/** A fetch that answers with these chunks, and then with nothing more. */
const answer = (chunks, type) => async () =>
  new Response(
    new ReadableStream(
      { type, pull: (to) => (chunks.length ? to.enqueue(chunks.shift()) : new Promise(() => {})) },
      { highWaterMark: 0 },
    ),
    { headers: { "content-type": "text/event-stream" } },
  );

test("any bytes in any chunks give what the standard's algorithm gives", async () => {
  for (let seed = 1; seed <= 400; seed++) {
    const { bytes, chunks } = streamOf(random(seed));
    const made = client(location.href, {
      transport: "fetch",
      codec: "text",
      http: { fetch: answer(chunks, kinds[seed % kinds.length]) },
    });
    const events = [];
    await new Promise((resolve) =>
      made.on(({ data, type, lastEventId }) => {
        events.push([data, type, lastEventId]);
        if (lastEventId === "last") resolve(undefined);
      }),
    );
    made.close();
    equal(events, reference(bytes), `seed ${seed}`);
  }
});

test("a stream of bytes is read into one buffer, and what is longer in parts", async () => {
  const text = `id: 1\ndata: ${"x".repeat(200_000)}\n\nid: 2\ndata: ${"語".repeat(50_000)}\n\n`.repeat(3);
  const bytes = new TextEncoder().encode(text),
    sizes = [];
  let at = 0;
  const body =
    kinds[1] &&
    new ReadableStream({
      type: "bytes",
      pull(to) {
        if (at === bytes.length) return new Promise(() => {});
        const { view } = /** @type {any} */ (to.byobRequest);
        sizes.push(view.byteLength);
        const part = bytes.subarray(at, at + view.byteLength);
        new Uint8Array(view.buffer, view.byteOffset).set(part);
        at += part.length;
        to.byobRequest?.respond(part.length);
        return undefined;
      },
    });
  const chunks = [bytes.slice()];
  const fetch = body
    ? async () => new Response(body, { headers: { "content-type": "text/event-stream" } })
    : answer(chunks);
  const made = client(location.href, { transport: "fetch", codec: "text", http: { fetch } });
  const events = [];
  await new Promise((resolve) =>
    made.on(({ data, lastEventId }) => events.push(`${data.length} ${lastEventId}`) === 6 && resolve(undefined)),
  );
  made.close();
  equal(events, Array(3).fill(["200000 1", "50000 2"]).flat(), "events");
  if (body) equal([...new Set(sizes)], [65_536], "how much it asked for");
});

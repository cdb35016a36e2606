// What a client remembers of a stream is small, whatever it was cut from: 1,500 events of 60 kB over each transport and
// from each place that an id can stand in, with ids of 1 to 200 characters, and the heap after a collection. In Chromium,
// whose figures are exact.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { launchChromium } from "./node/cdp.mjs";
import { packed } from "./node/environment.mjs";

const events = 1_500,
  /** After so many the start is measured: code and tables are there by then. */
  warm = 100,
  most = 2 * 2 ** 20;
const body = "x".repeat(60_000);

const text = "({ data }) => data.slice(data.indexOf('#') + 1, data.indexOf('#', data.indexOf('#') + 1))";
/** Where an id stands, and how the client finds it: `[name, form that the server sends, options, topic]`. */
const sse = [
  ["the id field", "field", ""],
  ["a key", "json", 'resume: { id: "eventId" }'],
  ["a part of the text", "text", `codec: "text", resume: { id: ${text} }`],
  ["the id field, in two-byte text", "wide", ""],
];
const cases = {
  fetch: sse,
  eventsource: sse.map(([name, form, options]) => [name, form, `transport: "eventsource", ${options}`]),
  websocket: [
    ["a key", "json", 'resume: { id: "eventId" }'],
    ["a path", "json", 'resume: { id: "meta.id" }'],
    ["a part of the text", "text", `codec: "text", resume: { id: ${text} }`],
    [
      "a part of the bytes",
      "bytes",
      `codec: { decode: (data) => new TextDecoder().decode(data), encode: String }, resume: { id: ${text} }`,
    ],
    ["with numbers", "json", 'resume: { id: "eventId", seq: "n" }'],
    ["kept for a reload", "json", 'resume: { id: "eventId", storage: true, key: "k" }'],
    ["a topic's key", "json", 'subscriptions: { id: "eventId" }', "room"],
    ["a part of a topic's text", "text", `codec: "text", subscriptions: { topic: () => "room", id: ${text} }`, "room"],
  ],
};

const page = (transport, form, options, topic) => `<!doctype html><meta charset="utf-8"><script type="module">
import { connect } from "/pkg/${topic ? "duplex" : "index"}.js";
globalThis.got = 0;
const address = new URL("/events?form=${form}", location);
if (${transport === "websocket"}) address.protocol = "ws:";
const client = (globalThis.client = connect(address, { ${options} }));
const from = ${topic ? `client.subscribe("${topic}")` : "client"};
from.on(() => void globalThis.got++);
</script>`;

/** The event `n`, and its id. */
function make(form, n) {
  const id = `${n}${"i".repeat(n % 200)}`.slice(0, Math.max(String(n).length, n % 200));
  const json = () => JSON.stringify({ eventId: id, meta: { id }, n, topic: "room", body });
  const data = form === "json" ? json() : form === "wide" ? `€${body}` : `${body}#${id}#`;
  return { id, data };
}

/** A frame from the server (RFC 6455, 5.2). */
function frame(data, binary) {
  const payload = Buffer.from(data);
  const head = Buffer.from([binary ? 0x82 : 0x81, 126, payload.length >> 8, payload.length & 255]);
  return Buffer.concat([head, payload]);
}

async function startServer() {
  /** @type {(value?: unknown) => void} */
  let waiting = () => {},
    served = "";
  const pour = async (stream, event) => {
    for (let n = 1; n <= events + warm; n++) {
      if (n === warm + 1) await new Promise((resolve) => (waiting = resolve));
      if (!stream.write(event(n))) await new Promise((resolve) => stream.once("drain", resolve));
    }
  };
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://x");
    if (pathname === "/go") {
      waiting();
      return response.end();
    }
    if (pathname.startsWith("/pkg/")) {
      response.setHeader("content-type", "text/javascript; charset=utf-8");
      return response.end(readFileSync(join(packed, pathname.slice(5))));
    }
    if (pathname !== "/events") {
      response.setHeader("content-type", "text/html; charset=utf-8");
      return response.end(served);
    }
    const form = searchParams.get("form");
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
    pour(response, (n) => {
      const { id, data } = make(form, n);
      return `${form === "field" || form === "wide" ? `id: ${id}\n` : ""}data: ${data}\n\n`;
    });
  });
  server.on("upgrade", (request, socket) => {
    const accept = createHash("sha1")
      .update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest("base64");
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    socket.on("error", () => {});
    const form = new URL(request.url ?? "/", "http://x").searchParams.get("form");
    pour(socket, (n) => frame(make(form, n).data, form === "bytes"));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${port}`,
    serve: (html) => (served = html),
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** With the strings that the browser keeps outside of the heap: such is the text of a message. */
async function heap(tab) {
  // Once more: what finalizers let go of.
  for (let round = 0; round < 3; round++) await tab.send("HeapProfiler.collectGarbage");
  return tab.evaluate("performance.memory.usedJSHeapSize");
}

export async function memoryTests(report) {
  const all = Object.entries(cases).flatMap(([transport, list]) => list.map((one) => [transport, ...one]));
  const named = all.map(([transport, name, ...rest]) => [`memory: ${transport}: ${name}`, transport, ...rest]);
  if (!named.some(([name]) => report.wants(name))) return;
  const server = await startServer();
  const browser = await launchChromium(["--enable-precise-memory-info"]);
  try {
    for (const [name, transport, form, options, topic] of named) {
      await report.run("chromium", name, async () => {
        server.serve(page(transport, form, options, topic));
        const tab = await browser.connection.newTab(`${server.url}/`);
        try {
          await tab.until(`globalThis.got >= ${warm}`, "the first events", 60_000);
          const before = await heap(tab);
          await fetch(`${server.url}/go`);
          await tab.until(`globalThis.got >= ${events + warm}`, "all events", 60_000);
          const grown = (await heap(tab)) - before;
          assert.ok(grown < most, `${Math.round(grown / 1024)} kB above the start`);
        } finally {
          await tab.close();
        }
      });
    }
  } finally {
    await browser.stop();
    server.stop();
  }
}

// The clients of the docs, each taken out of its page and run in Chromium against a server that plays all of theirs: every client
// opens and gets something, what is awaited comes, nothing throws, and everwire has no hint to give.
//   node tests/docs/clients.mjs [WORDS]      Of the pages' names; needs target/packed/package (make pack).
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import test, { after } from "node:test";
import { chromium } from "playwright-core";
import { WebSocketServer } from "ws";
import { blocks, pages, root } from "./pages.mjs";

const packed = join(root, "target/packed/package");
assert.ok(existsSync(packed), "the package is missing. Make it: make pack.");
const ENTRIES = ["index", "auth", "duplex", "eventsource", "presets", "websocket"];

/** What needs a library, or is a server, or a test: those have tests of their own, or none. */
const OTHERS = /createServer\(|from "(?!everwire)|WebSocketPolyfill|from "\.\//;
const words = process.argv[2] ?? "";
const examples = pages
  .filter((page) => page.includes(words))
  .flatMap(blocks)
  .filter(({ language, code }) => language === "js" && !OTHERS.test(code) && !/^\/\/ \w+\.mjs/.test(code));

/** The import of an entry, whose clients are kept where the test finds them. */
const spy = (entry) => `
import * as all from "/package/${entry}.js";
export * from "/package/${entry}.js";
export const connect = all.connect && ((...given) => {
  const client = all.connect(...given);
  globalThis.clients.push(client);
  client.addEventListener("open", () => globalThis.opened.add(client));
  return client;
});`;
const imports = Object.fromEntries(
  ENTRIES.map((entry) => [entry === "index" ? "everwire" : `everwire/${entry}`, `/spies/${entry}.js`]),
);
/** What the examples leave to the reader: globals.d.ts says the same. */
const PRELUDE = `<!doctype html><meta charset="utf-8"><title>docs</title>
<script type="importmap">${JSON.stringify({ imports })}</script>
<script type="module">
import { connect } from "/package/duplex.js";
import { tokens } from "/package/auth.js";
const nothing = () => {};
Object.assign(globalThis, {
  clients: [], opened: new Set(), shown: 0, user: { id: "u" }, token: "t", prompt: {},
  stopButton: document.createElement("button"), getToken: async () => "t", show: () => { shown += 1; },
  showBanner: nothing, logIn: nothing, reload: nothing, reloadAll: nothing, refetch: nothing,
  pack: (value) => new TextEncoder().encode(JSON.stringify(value)), unpack: (bytes) => JSON.parse(new TextDecoder().decode(bytes)),
});
if (location.search.includes("wire")) globalThis.wire = connect("ws://example.com/live");
if (location.search.includes("auth")) globalThis.auth = tokens(() => "t");
globalThis.ready = true;
</script>`;

/** What a server answers to a message. */
function answers(message) {
  const { type, id, topic } = message;
  // A call of a protocol of arrays.
  if (message[0] === 2) return [[3, message[1], { price: 101.5 }]];
  if (type === "ping") return [{ type: "pong" }];
  if (type === "login") return [{ type: "welcome" }];
  if (type === "join")
    return [
      { type: "joined", topic },
      { type: "chat", topic, text: "hi", eventId: "1", seq: 1 },
    ];
  if (type === "price") return [{ id, price: 101.5 }];
  return id === undefined ? [] : [{ type: "ack", id }];
}
const price = (n) => ({ type: "price", price: n, eventId: `e-${n}`, seq: n });

let asked = 0;
const timers = new Set();
/** Says something at once, and then again and again. */
function tick(say) {
  let n = 0;
  const next = () => say(++n);
  next();
  const timer = setInterval(next, 50);
  timers.add(timer);
  return () => clearInterval(timer);
}

const server = createServer(async (request, response) => {
  const { method, url = "", headers } = request;
  const { pathname, searchParams } = new URL(url, "http://x");
  response.on("error", () => {});
  response.setHeader("access-control-allow-origin", headers.origin ?? "*");
  response.setHeader("access-control-allow-headers", "authorization, content-type, last-event-id");
  const send = (type, text) => response.writeHead(200, { "content-type": type }).end(text);
  if (pathname === "/") return send("text/html", PRELUDE);
  if (pathname.startsWith("/package/")) return send("text/javascript", readFileSync(join(packed, pathname.slice(9))));
  if (pathname.startsWith("/spies/")) return send("text/javascript", spy(pathname.slice(7, -3)));
  if (pathname.startsWith("/block/")) {
    const { code } = examples[Number(pathname.slice(7))];
    return send("text/javascript", code.replaceAll("https://", "http://").replaceAll("wss://", "ws://"));
  }
  if (method === "OPTIONS" || pathname === "/favicon.ico") return response.writeHead(204).end();
  asked += 1;
  let body = "";
  for await (const part of request.setEncoding("utf8")) body += part;
  if (pathname === "/token")
    return send("application/json", JSON.stringify({ token: "t", expiresAt: Date.now() + 3_600_000 }));
  if (method === "POST" && searchParams.has("connection"))
    return send("application/json", JSON.stringify(JSON.parse(body).flatMap(answers)));
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  if (method === "HEAD") return response.end();
  if (pathname.startsWith("/v1/chat")) return response.end("id: a:1\ndata: hi\n\nid: a:2\ndata: [DONE]\n\n");
  const stop = tick((n) => {
    const data = pathname === "/frames" ? "AAEC" : JSON.stringify(price(n));
    response.write(`id: e-${n}\ndata: ${data}\n\n`);
  });
  response.on("close", stop);
});
new WebSocketServer({ server }).on("connection", (socket) => {
  asked += 1;
  socket.on("error", () => {});
  const say = (message) => socket.send(JSON.stringify(message));
  // A handshake hears its answer first.
  let stop = () => {};
  const begin = () => {
    if (socket.readyState === 1) stop = tick((n) => say(price(n)));
  };
  const silence = setTimeout(begin, 200);
  socket.on("message", (data) => {
    let message;
    try {
      message = JSON.parse(String(data));
    } catch {
      return;
    }
    for (const answer of answers(message)) say(answer);
  });
  socket.on("close", () => {
    clearTimeout(silence);
    stop();
  });
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());

const browser = await chromium.launch({
  executablePath: process.env.EVERWIRE_CHROMIUM || "/usr/bin/chromium",
  // Every name is this server.
  args: ["--no-sandbox", `--host-resolver-rules=MAP * 127.0.0.1:${port}`],
});
after(async () => {
  await browser.close();
  for (const timer of timers) clearInterval(timer);
  server.closeAllConnections();
  server.close();
});

test("there are examples", () => assert.ok(examples.length > (words ? 0 : 30), `${examples.length}`));

for (const [at, { page: from, at: number, code }] of examples.entries()) {
  test(`${from}, block ${number}`, async (t) => {
    const context = await browser.newContext();
    t.after(() => context.close());
    const page = await context.newPage();
    const said = [];
    page.on("pageerror", (error) => said.push(String(error)));
    page.on("console", (message) => {
      if (/^(warning|error)$/.test(message.type()) && message.text().startsWith("everwire")) said.push(message.text());
    });
    asked = 0;
    const uses = (name) =>
      !new RegExp(`\\b(?:const|let) ${name}\\b`).test(code) && new RegExp(`\\b${name}\\.`).test(code);
    await page.goto(`http://localhost:8080/?${uses("wire") ? "wire" : ""}${uses("auth") ? "auth" : ""}`);
    await page.waitForFunction("globalThis.ready");
    await page.evaluate((path) => {
      Object.assign(globalThis, { over: "" });
      import(path).then(
        () => Object.assign(globalThis, { over: "done" }),
        (error) => Object.assign(globalThis, { over: `it threw ${error}` }),
      );
    }, `/block/${at}`);
    const state = () =>
      page.evaluate(() => {
        const { clients, opened, over } = /** @type {any} */ (globalThis);
        return {
          over,
          clients: clients.map((client) => ({
            state: client.state,
            opened: opened.has(client),
            received: client.stats().received,
            failure: String(client.lastFailure),
          })),
        };
      });
    let now = await state();
    const met = () =>
      (now.over === "done" || (now.over === "" && code.includes("for await"))) &&
      now.clients.every(({ opened, received }) => opened && received > 0) &&
      // A block that only shows what to do with a client has none of its own.
      (asked > 0 || !/connect\(|new EventSource/.test(code));
    for (let tries = 0; !met() && !said.length && !now.over.startsWith("it threw"); tries++) {
      assert.ok(tries < 300, `never done: ${JSON.stringify(now)}\n${code}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
      now = await state();
    }
    assert.deepEqual(said, []);
    assert.ok(!now.over.startsWith("it threw"), now.over);
  });
}

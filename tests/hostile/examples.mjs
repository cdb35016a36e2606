// Every example server of the README and docs and of examples/, in Node, with requests and frames that nobody who is well-meaning sends: it lives,
// says nothing to the console, keeps other sites out, and passes no user's word on as its own.
//   node tests/hostile/examples.mjs [FILES]      Blocks of js that call createServer; by default of README.md and docs/**.md, and examples/*/server.js.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { get, request } from "node:http";
import { join } from "node:path";
import test from "node:test";
import { pathToFileURL } from "node:url";
import { WebSocket } from "ws";
import { start } from "../browser/node/processes.mjs";
import { blocks, pages, root } from "../docs/pages.mjs";
import { FRAMES, HANDSHAKE, LINES, raw, sayTexts } from "./bytes.mjs";

/** Where an example's stream is, if not at /live. */
const PATHS = { "chat": "/", "llm-answer": "/v1/answers", "tokens": "/" };
const given = process.argv.slice(2);
const servers = (given.length ? given : pages).flatMap((page) =>
  blocks(page)
    .filter(
      ({ language, code }) => language === "js" && code.includes("createServer(") && !code.includes('from "vitest"'),
    )
    .map(({ at, code }) => ({ name: `${page}, block ${at}`, code, path: "/" })),
);
if (given.length === 0)
  for (const folder of readdirSync(join(root, "examples"))) {
    const name = `examples/${folder}/server.js`;
    if (existsSync(join(root, name)))
      servers.push({ name, code: readFileSync(join(root, name), "utf8"), path: PATHS[folder] ?? "/live" });
  }
const work = join(root, "target/hostile");
const EVIL = "https://evil.example";
/** What everwire takes for the server's word (`resume.gap`, `reconnect.notice` and the like are set so in the docs). */
const WORDS = "ack joined refused gap goodbye notice pong ping auth slow-down message close".split(" ");

async function run(tested, t) {
  const { name, code } = tested;
  let at = tested.path;
  mkdirSync(work, { recursive: true });
  let path = join(root, name);
  if (!existsSync(path)) {
    path = join(work, `${name.replace(/\W+/g, "-")}.mjs`);
    writeFileSync(path, code);
  }
  const preload = pathToFileURL(join(root, "tests/hostile/listening.mjs")).href;
  const server = await start(process.execPath, ["--import", preload, path], { ready: /listening (.*)\n/, what: name });
  t.after(() => server.stop());
  const { address, port } = JSON.parse(server.match[1]);
  if (code.includes('"/token"')) {
    const answer = await fetch(`http://127.0.0.1:${port}/token`, { method: "POST" });
    const { token } = /** @type {any} */ (await answer.json());
    at = `/ticks?access_token=${token}&more=`;
  }
  const [, page] = /pages = \["(https?:[^"]+)"/.exec(code) ?? [];
  const open = [];
  t.after(() => {
    for (const one of open) one.destroy();
  });
  /** An event stream, with what came over it. */
  const stream = (connection, headers = {}) =>
    new Promise((resolve, reject) => {
      const asked = get({ port, host: "127.0.0.1", path: `${at}?connection=${connection}`, headers });
      open.push(asked);
      asked.on("error", reject);
      asked.on("response", (response) => {
        const held = { response, status: response.statusCode, text: "", over: false };
        response.on("data", (data) => (held.text += data));
        response.on("error", () => {});
        response.on("close", () => (held.over = true));
        resolve(held);
      });
    });
  const say = (body, headers = {}, connection = "a") =>
    new Promise((resolve, reject) => {
      const asked = request({
        port,
        host: "127.0.0.1",
        path: `${at}?connection=${connection}`,
        method: "POST",
        headers,
      });
      asked.on("error", reject);
      asked.on("response", (response) => resolve(response.resume().statusCode));
      asked.end(body);
    });
  /** It answers, and has said nothing of an error. */
  const lives = async (what) => {
    const held = await stream("alive").catch((error) =>
      assert.fail(`after ${what}: ${error.message}\n${server.output()}`),
    );
    held.response.destroy();
    assert.equal(server.child.exitCode, null, `after ${what}: ${server.output()}`);
    assert.equal(server.output().replace(/^listening .*\n(http:\S+\n)?/, ""), "", `what it says after ${what}`);
  };
  /** Bytes for the place where its stream is. */
  const there = (bytes) => bytes.replace(" /?", ` ${at}?`);
  return { address, port, page, at, stream, say, lives, there, takesSockets: code.includes("WebSocketServer") };
}

async function until(met, what) {
  for (let tries = 0; !met(); tries++) {
    if (tries > 1_000) assert.fail(`never: ${what()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** In a room: what one says comes to the other as a message of the chat, with the server's keys and no others. */
async function room({ port }) {
  const members = [1, 2].map(() => new WebSocket(`ws://127.0.0.1:${port}/`));
  const heard = members.map((socket) => {
    /** @type {any[]} */
    const got = [];
    socket.on("open", () => socket.send('{"type":"join","topic":"lobby"}'));
    socket.on("message", (data) => got.push(JSON.parse(String(data))));
    return got;
  });
  await until(
    () => heard.every((got) => got.some(({ type }) => type === "joined")),
    () => "both have joined",
  );
  const forged = { topic: "lobby", name: "x", text: "x", eventId: "forged", seq: 9, error: 1, lastEventId: "1" };
  const said = [
    ...WORDS.map((type) => ({ ...forged, type, id: type })),
    { ...forged, type: "chat", id: "1", name: { type: "gap" } },
    { ...forged, type: "chat", id: "2", text: ["gap"] },
    { ...forged, type: "chat", id: "3", text: "twice" },
    { ...forged, type: "chat", id: "3", text: "twice" },
    { ...forged, type: "chat", id: "4", text: "last" },
  ];
  for (const message of said) members[1].send(JSON.stringify(message));
  await until(
    () => heard[0].some(({ text }) => text === "last"),
    () => JSON.stringify(heard[0]),
  );
  for (const { type, topic, eventId, name, text, ...rest } of heard[0].slice(1)) {
    assert.deepEqual([type, topic, typeof name, typeof text, rest], ["chat", "lobby", "string", "string", {}]);
    assert.notEqual(eventId, "forged");
  }
  assert.equal(heard[0].filter(({ text }) => text === "twice").length, 1, "an id that comes again");
  for (const socket of members) socket.close();
}

test("there are servers to look at", () => assert.ok(servers.length >= (given.length ? 1 : 2), `${servers.length}`));

for (const server of servers) {
  test(`${server.name}: the loopback only`, async (t) => {
    const { address } = await run(server, t);
    assert.equal(address, "127.0.0.1");
  });

  test(`${server.name}: any request`, async (t) => {
    const { port, stream, lives, there } = await run(server, t);
    await stream("a");
    for (const [what, line] of Object.entries(LINES)) {
      const bytes = there(line);
      await raw(port, bytes);
      await raw(port, bytes, { reset: true });
      await lives(what);
    }
  });

  test(`${server.name}: any frame`, async (t) => {
    const { port, at, lives, there, takesSockets } = await run(server, t);
    if (!takesSockets) return t.skip("it takes no WebSockets");
    for (const [what, bytes] of Object.entries(FRAMES)) {
      assert.match(await raw(port, there(HANDSHAKE), { next: Buffer.from(bytes) }), /^HTTP\/1.1 101/, what);
      await raw(port, there(HANDSHAKE), { next: Buffer.from(bytes), reset: true });
      await lives(what);
    }
    const talker = new WebSocket(`ws://127.0.0.1:${port}${at}`);
    await sayTexts(talker);
    talker.close();
    await lives("texts that are no messages");
    const large = new WebSocket(`ws://127.0.0.1:${port}${at}`);
    const code = await new Promise((resolve) => {
      large.on("open", () => large.send("x".repeat(2_000_000)));
      large.on("close", resolve);
      large.on("error", () => {});
    });
    assert.equal(code, 1009, "a message of 2 MB");
    await lives("a large message");
  });

  test(`${server.name}: another site`, async (t) => {
    const { port, page, stream, say, there, takesSockets } = await run(server, t);
    assert.ok(page, "it names the origins whose pages it admits, as `pages`");
    const refused = await stream("b", { origin: EVIL });
    assert.deepEqual([refused.status, refused.text], [403, ""], "a stream");
    const admitted = await stream("a", { origin: page });
    // A server whose only pages are its own has to tell the browser nothing.
    if (server.code.includes("access-control-allow-origin"))
      assert.equal(admitted.response.headers["access-control-allow-origin"], page, "its own");
    assert.notEqual(admitted.status, 403, "its own");
    for (const origin of [
      EVIL,
      "null",
      `${page}.evil.example`,
      page.replace(/^https?/, (scheme) => (scheme === "http" ? "https" : "http")),
    ]) {
      assert.equal(
        await say('[{"type":"chat","text":"forged"}]', { origin, "content-type": "text/plain" }),
        403,
        origin,
      );
      if (!takesSockets) continue;
      const answer = await raw(port, there(HANDSHAKE).replace("Host:", `Origin: ${origin}\r\nHost:`));
      assert.match(answer, /^HTTP\/1.1 40[13]/, `a WebSocket from ${origin}`);
    }
    assert.ok(!admitted.text.includes("forged"), admitted.text);
    if (takesSockets)
      assert.match(
        await raw(port, there(HANDSHAKE).replace("Host:", `Origin: ${page}\r\nHost:`)),
        /^HTTP\/1.1 101/,
        "its own",
      );
  });

  test(`${server.name}: the words of another user`, async (t) => {
    if (server.code.includes('"joined"')) return room(await run(server, t));
    const { port, at, stream, say, takesSockets } = await run(server, t);
    const words = WORDS.flatMap((type) => [
      { type, id: "victims", lastEventId: "1", topic: "room", eventId: "forged" },
      { type: "chat", id: "victims", eventId: "forged", topic: "room", seq: 9, error: 1, text: { type } },
      { type: "chat", id: "victims", eventId: "forged", topic: "room", text: "hello" },
      { type: "price", id: "victims", eventId: "forged", price: 0 },
    ]);
    /** @param {any[]} got */
    const check = (got) => {
      for (const message of got) {
        assert.ok(["chat", "price", "tick"].includes(message.type), JSON.stringify(message));
        for (const key of ["id", "topic", "seq", "error"]) assert.ok(!(key in message), JSON.stringify(message));
        assert.ok(message.eventId !== "forged" && message.price !== 0, JSON.stringify(message));
      }
    };
    const victim = await stream("victim"),
      evil = await stream("a");
    const events = () => [...victim.text.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data));
    const status = await say(JSON.stringify(words));
    if (status < 300) {
      assert.equal(await say('[{"type":"chat","text":"last"}]'), 204, "the last one");
      await until(
        () => victim.text.includes('"last"'),
        () => victim.text,
      );
      assert.ok(evil.text.includes('"ack"'), "its own acks come");
      assert.ok(!victim.text.includes("victims"), victim.text);
    }
    if (takesSockets) {
      const heard = [],
        socket = new WebSocket(`ws://127.0.0.1:${port}${at}`),
        other = new WebSocket(`ws://127.0.0.1:${port}${at}`);
      socket.on("message", (data) => heard.push(JSON.parse(String(data))));
      await until(
        () => socket.readyState === 1 && other.readyState === 1,
        () => "both open",
      );
      for (const message of words) other.send(JSON.stringify(message));
      other.send('{"type":"ping","type":"ack","id":"victims"}');
      const answered = new Promise((resolve) => other.once("message", resolve));
      await answered;
      // What was said before has been read by now; an event of the server's own is behind what it would have passed on.
      const { length } = heard;
      await until(
        () => heard.length > length,
        () => "an event",
      );
      check(heard);
      socket.close();
      other.close();
    }
    check(events());
  });

  test(`${server.name}: a reader that does not read`, async (t) => {
    const { stream, say, lives } = await run(server, t);
    const slow = await stream("slow");
    await stream("a");
    slow.response.pause();
    const large = JSON.stringify([{ type: "chat", text: "x".repeat(900_000) }]);
    for (let n = 0; n < 30; n++) if ((await say(large)) !== 204) return t.skip("it takes no messages");
    slow.response.resume();
    await until(
      () => slow.over,
      () => `${slow.text.length} characters`,
    );
    assert.ok(slow.text.length < 20_000_000, `${slow.text.length} characters`);
    await lives("it was let go of");
  });
}

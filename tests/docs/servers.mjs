// The servers of the docs and of examples/, each started by itself: the packed everwire connects through a proxy, which cuts; every
// message comes once and in order, and what is known of it is right. Other sites are kept out, and odd requests end nothing.
//   node tests/docs/servers.mjs [NAME…]      Of the docs: ws, plain, express, fastify, hono, python, django, go, php, axum; of
//   examples/: server-node, server-fastapi, server-axum. Needs target/packed/package.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { connect as open } from "node:net";
import { join } from "node:path";
import test, { after } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { WebSocket } from "ws";
import { freePort, start, stopAll } from "../browser/node/processes.mjs";
import { atOnce, sideBySide } from "../browser/node/side-by-side.mjs";
import { FRAMES, HANDSHAKE, LINES, raw, sayTexts } from "../hostile/bytes.mjs";
import { between } from "./between.mjs";
import { blocks, root } from "./pages.mjs";

// Node 20 has none.
globalThis.WebSocket ??= /** @type {any} */ (WebSocket);
const packed = join(root, "target/packed/package/index.js");
assert.ok(existsSync(packed), "the package is missing. Make it: make pack.");
const { connect } = await import(pathToFileURL(packed).href);
const work = join(root, "target/docs-servers");
const here = join(root, "tests/docs");
/** Runs a command to its end; what it says of a failure is in the error. */
const run = (dir, command, ...args) => promisify(execFile)(command, args, { cwd: dir });
/** @type {Map<string, Promise<void>>} */
const done = new Map();
/** What several servers need, made by the first of them. */
function once(what, make) {
  const made = done.get(what) ?? make();
  done.set(what, made);
  return made;
}

/** The block of a page in which this text stands. */
function code(page, text) {
  const found = blocks(page).filter((block) => block.code.includes(text));
  assert.equal(found.length, 1, `${page}: ${found.length} blocks have ${text}`);
  return found[0].code;
}

/** A folder with these files, in which the port is ours. */
function folder(name, port, files) {
  const dir = join(work, name);
  mkdirSync(dir, { recursive: true });
  for (const [file, text] of Object.entries(files))
    writeFileSync(join(dir, file), text.replaceAll("8081", String(port)));
  return dir;
}

const feed = () => code("docs/servers/node.md", "// feed.mjs");
const node = (page, text, shared) => async (port) => {
  const dir = folder("node", port, { ...(shared && { "feed.mjs": feed() }), [`${port}.mjs`]: code(page, text) });
  if (shared)
    await once("npm", async () => {
      if (existsSync(join(dir, "node_modules"))) return;
      for (const file of ["package.json", "package-lock.json"]) cpSync(join(here, file), join(dir, file));
      await run(dir, "npm", "ci", "--ignore-scripts", "--no-fund", "--no-audit", "--loglevel=error");
    });
  return [process.execPath, join(dir, `${port}.mjs`)];
};

/** The same place as that of tests/examples: what they depend on is built once. */
const builds = join(root, "target/examples");
const example = (path) => readFileSync(join(root, "examples", path), "utf8");
const python = (file, source) => async (port) => {
  const dir = folder("python", port, { [file]: source() });
  const wanted = readFileSync(join(here, "requirements.txt"), "utf8");
  const stamp = join(dir, "installed.txt");
  await once("pip", async () => {
    if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
    const quiet = ["--quiet", "--disable-pip-version-check"];
    await run(dir, "python3", "-m", "venv", "venv");
    await run(dir, "venv/bin/pip", "install", ...quiet, "-r", join(here, "requirements.txt"));
    writeFileSync(stamp, wanted);
  });
  return [join(dir, "venv/bin/python"), join(dir, file)];
};

/** @type {Record<string, { start: (port: number) => string[] | Promise<string[]>, env?: Record<string, string>, sse?: boolean, websocket?: boolean }>} */
const servers = {
  plain: { start: node("docs/guide/getting-started.md", "createServer("), sse: true },
  ws: { start: node("docs/servers/node.md", "new WebSocketServer"), sse: true, websocket: true },
  express: { start: node("docs/servers/node.md", "// express.mjs", true), sse: true },
  fastify: { start: node("docs/servers/node.md", "// fastify.mjs", true), sse: true },
  hono: { start: node("docs/servers/node.md", "// hono.mjs", true), sse: true },
  python: { start: python("server.py", () => code("docs/servers/python.md", "# server.py")), sse: true },
  django: { start: python("live.py", () => code("docs/servers/python.md", "# live.py")), sse: true },
  go: {
    start: async (port) => {
      const dir = folder("go", port, {
        "main.go": code("docs/servers/go.md", "// main.go"),
        "go.mod": "module live\n",
      });
      await run(dir, "go", "build", "-o", "live", ".");
      return [join(dir, "live")];
    },
    sse: true,
  },
  php: {
    start: (port) => {
      const dir = folder("php", port, { "live.php": code("docs/servers/php.md", "// live.php") });
      return ["php", "-q", "-S", `127.0.0.1:${port}`, join(dir, "live.php")];
    },
    // Each stream takes one, also for a while after it has left.
    env: { PHP_CLI_SERVER_WORKERS: "24" },
    sse: true,
  },
  axum: {
    start: async (port) => {
      const dir = folder("axum", port, {
        "Cargo.toml": `[package]
name = "of-the-docs"
version = "0.0.0"
edition = "2024"
[workspace]
[dependencies]
axum = { version = "0.8", default-features = false, features = ["http1", "json", "query", "tokio", "ws"] }
serde_json = "1"
tokio = { version = "1", features = ["macros", "net", "rt-multi-thread", "sync", "time"] }
`,
        "Cargo.lock": readFileSync(join(root, "Cargo.lock"), "utf8"),
      });
      mkdirSync(join(dir, "src"), { recursive: true });
      writeFileSync(
        join(dir, "src/main.rs"),
        code("docs/servers/rust.md", "use axum").replaceAll("8081", String(port)),
      );
      await run(dir, "cargo", "build", "--quiet", "--target-dir", builds);
      return [join(builds, "debug/of-the-docs")];
    },
    websocket: true,
  },
  // Those that are there to be copied.
  "server-node": {
    start: (port) => {
      const dir = folder("server-node", port, { "server.js": example("server-node/server.js") });
      return [process.execPath, join(dir, "server.js")];
    },
    sse: true,
    websocket: true,
  },
  "server-fastapi": { start: python("example.py", () => example("server-fastapi/server.py")), sse: true },
  "server-axum": {
    start: async (port) => {
      const files = Object.fromEntries(
        ["Cargo.toml", "Cargo.lock", "src/main.rs"].map((file) => [file, example(`server-axum/${file}`)]),
      );
      mkdirSync(join(work, "server-axum/src"), { recursive: true });
      const dir = folder("server-axum", port, files);
      await run(dir, "cargo", "build", "--quiet", "--locked", "--target-dir", builds);
      return [join(builds, "debug/live")];
    },
    websocket: true,
  },
};

const wanted = process.argv.slice(2);
for (const name of wanted) assert.ok(Object.hasOwn(servers, name), `there is no ${name}`);
after(stopAll);

async function until(met, what) {
  for (let tries = 0; !met(); tries++) {
    if (tries > 2_000) assert.fail(`never: ${what()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The status of a GET, and what comes first, or "" from a stream that says nothing for a while. */
const ask = (port, headers) =>
  new Promise((resolve, reject) => {
    const asked = get({ port, host: "127.0.0.1", path: "/live", headers }, (response) => {
      resolve({ status: response.statusCode, headers: response.headers });
      response.destroy();
    });
    asked.on("error", reject);
  });

const options = { server: true, reconnect: { initialDelay: 100, maxDelay: 300 }, resume: { gap: "gap" } };
/** A client with what it told. */
function client(address, resume) {
  const wire = connect(address, { ...options, resume: { ...options.resume, ...resume } });
  const told = { ids: /** @type {string[]} */ ([]), gaps: /** @type {string[]} */ ([]), wire };
  wire.on("price", ({ data, lastEventId }) => {
    assert.equal(typeof data.price, "number");
    told.ids.push(lastEventId);
  });
  wire.addEventListener("gap", ({ outcome }) => told.gaps.push(outcome));
  return told;
}
const number = (id) => Number(/\d+$/.exec(id)?.[0]);

/** What is asked of each server. */
async function judge(t, name) {
  const { start: command, env, sse, websocket } = servers[name];
  const port = await freePort();
  const [program, ...args] = await command(port);
  const server = await start(program, args, { what: name, env });
  t.after(() => server.stop());
  const middle = await between(port);
  t.after(middle.close);
  const listens = () =>
    new Promise((resolve) => {
      const socket = open(port, "127.0.0.1", () => resolve(true));
      socket.on("error", () => resolve(false)).on("connect", () => socket.destroy());
    });
  for (let tries = 0; !(await listens()); tries++) {
    assert.ok(tries < 500 && server.child.exitCode === null, `it does not listen: ${server.output()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }

  const ways = /** @type {[string, object][]} */ ([
    ...(sse ? [[`http://127.0.0.1:${middle.port}/live`, {}]] : []),
    ...(websocket ? [[`ws://127.0.0.1:${middle.port}/live`, { id: "eventId" }]] : []),
  ]);
  for (const [address, resume] of ways) {
    await t.test(`${address.split(":")[0]}: replays right`, async () => {
      const { wire, ids, gaps } = client(address, resume);
      await until(
        () => ids.length >= 2,
        () => `two messages; ${server.output()}`,
      );
      for (let cuts = 0; cuts < 3; cuts++) {
        const { length } = ids;
        middle.cut();
        await until(
          () => ids.length > length,
          () => `a message after a cut: ${wire.state} ${wire.lastFailure?.message}`,
        );
      }
      assert.equal(wire.stats().outcome, "recovered");
      assert.deepEqual(gaps, []);
      assert.deepEqual(
        ids.map(number),
        ids.map((_, at) => number(ids[0]) + at),
      );
      wire.close();
    });
    await t.test(`${address.split(":")[0]}: says what is gone`, async () => {
      const { wire, ids, gaps } = client(address, { ...resume, from: "nobody-knows-1" });
      await until(
        () => ids.length >= 1,
        () => `a message: ${wire.state} ${server.output()}`,
      );
      assert.deepEqual(gaps, ["gap"]);
      wire.close();
    });
  }

  const evil = { origin: "https://evil.example" };
  const page = { origin: "http://localhost:8080" };
  if (sse)
    await t.test("admits its own pages only", async () => {
      assert.equal((await ask(port, evil)).status, 403);
      const { status, headers } = await ask(port, page);
      assert.deepEqual([status, headers["access-control-allow-origin"]], [200, page.origin]);
      assert.match(headers["content-type"], /^text\/event-stream/);
      assert.match(headers["cache-control"], /^no-(cache|store)/);
    });
  if (websocket)
    await t.test("admits its own pages' WebSockets only", async () => {
      const handshake = HANDSHAKE.replace("GET /?", "GET /live?");
      const asked = ({ origin }) => raw(port, handshake.replace("Host:", `Origin: ${origin}\r\nHost:`));
      assert.match(await asked(evil), /^HTTP\/1.1 40[13]/);
      assert.match(await asked(page), /^HTTP\/1.1 101/);
    });
  await t.test("lives through odd requests", async () => {
    const lines = Object.values(LINES).map((line) =>
      line.replace(/^GET \/\?connection=b/, "GET /live?lastEventId[]=b"),
    );
    for (const line of lines) await raw(port, line);
    if (websocket) {
      for (const frame of Object.values(FRAMES))
        await raw(port, HANDSHAKE.replace("GET /?", "GET /live?"), { next: Buffer.from(frame) });
      const talker = new WebSocket(`ws://127.0.0.1:${port}/live`);
      await sayTexts(talker);
      talker.close();
    }
    const [address, resume] = ways[0];
    const { wire, ids } = client(address, resume);
    await until(
      () => ids.length >= 1,
      () => `a message after that; ${server.output()}`,
    );
    wire.close();
    assert.equal(server.child.exitCode, null);
  });
}

// They wait for most of their time, but for those that are compiled, which come first.
const compiled = ["axum", "server-axum", "go"];
const names = [...compiled, ...Object.keys(servers).filter((name) => !compiled.includes(name))].filter(
  (name) => wanted.length === 0 || wanted.includes(name),
);
test("servers", { concurrency: true }, (t) =>
  sideBySide(names, (name) => t.test(name, (t) => judge(t, name)), 2 * atOnce),
);
if (process.env.CI) after(() => rmSync(work, { recursive: true, force: true }));

// Each example of examples/: copied, installed with the packed everwire, started as its README says, and its page used in Chromium.
//   node tests/examples/run.mjs [NAME…]      Names of folders; needs pkg/everwire-*.tgz (make pack).
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { after } from "node:test";
import { chromium } from "playwright-core";
import { freePort, stopAll } from "../browser/node/processes.mjs";
import { between } from "../docs/between.mjs";
import { install, serve, serveOther } from "./folder.mjs";
import { build, serveFolder } from "./trunk.mjs";

const names = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.EVERWIRE_CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
});
after(async () => {
  await browser.close();
  await stopAll();
});

/** An example whose server runs behind a proxy that cuts, and a way to open its page. */
async function started(name, t, { other = 8081, edit = (_dir) => {} } = {}) {
  const way = await between(0);
  t.after(way.close);
  const dir = await install(name, { 8080: way.port, 8081: other });
  edit(dir);
  let server = await serve(dir);
  assert.equal(server.address, "127.0.0.1", "the loopback only");
  way.to(server.port);
  const restart = async () => {
    await server.stop();
    way.cut();
    server = await serve(dir);
    way.to(server.port);
  };
  t.after(() => server.stop());
  /** The server is there, or is not. */
  const back = () => way.to(server.port);
  const away = () => {
    way.to(1);
    way.cut();
  };
  const url = `http://localhost:${way.port}/`;
  return { dir, url, way, restart, back, away, open: (context) => open(url, t, context) };
}

/** A page, which must not throw, and where everwire must have no hint to give. */
async function open(url, t, context) {
  const own = context ?? (await browser.newContext());
  const page = await own.newPage();
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(error.message));
  page.on("console", (message) => {
    // The browser tells each connection that was cut by itself.
    const { url: at } = message.location();
    if (["error", "warning"].includes(message.type()) && !/Failed to load|WebSocket connection/.test(message.text()))
      wrong.push(`${message.text()} ${at}`);
  });
  t.after(async () => {
    await page.close();
    assert.deepEqual(wrong, [], "errors of the page");
  });
  await page.goto(url);
  return page;
}

/** Waits until the text of an element matches. */
const shows = (page, selector, pattern) =>
  page.waitForFunction(
    ([selector, pattern]) => new RegExp(pattern).test(document.querySelector(selector)?.textContent ?? ""),
    [selector, pattern.source],
  );

/** Of each row of the ticker, the oldest first, the number in the message's id. */
const rows = (page) =>
  page.locator("#prices tr td:nth-child(2)").evaluateAll((cells) => cells.map((cell) => cell.textContent).reverse());
const number = (id) => Number(/\d+$/.exec(id)?.[0]);

/** Cuts a ticker twice: each price comes, once and in order. */
async function ticks(page, way) {
  await page.waitForFunction(() => document.querySelectorAll("#prices tr").length >= 2);
  for (let cuts = 0; cuts < 2; cuts++) {
    const { length } = await rows(page);
    way.cut();
    await page.waitForFunction((seen) => document.querySelectorAll("#prices tr").length > seen, length);
  }
  const ids = await rows(page);
  assert.deepEqual(
    ids.map(number),
    ids.map((_, at) => number(ids[0]) + at),
  );
  assert.equal(await page.locator("#gap").textContent(), "");
}

/** Another server, behind a proxy of its own, with the ticker's page. */
const others = (name, address) => async (t) => {
  const way = await between(0);
  t.after(way.close);
  const ticker = await started("price-ticker", t, { other: way.port });
  const port = Number(await freePort());
  const server = await serveOther(name, await install(name, { 8080: ticker.way.port, 8081: port }));
  t.after(() => server.stop());
  way.to(port);
  const page = await ticker.open();
  await page.locator("#server").selectOption(address.replace("8081", String(way.port)));
  await ticks(page, way);
};
/** A page in Rust, and its server in Rust. */
const inRust = (name) => async (t) => {
  const [pages, way] = [await serveFolder(), await between(0)];
  t.after(pages.close);
  t.after(way.close);
  pages.from(await build(await install(name, { 8080: pages.port, 8081: way.port }), name));
  const port = Number(await freePort());
  const dir = await install("server-axum", { 8080: pages.port, 8081: port });
  const first = await serveOther("server-axum", dir);
  t.after(() => first.stop());
  way.to(port);
  const page = await open(`http://localhost:${pages.port}/`, t);
  await shows(page, "#state", /^open$/);
  await ticks(page, way);
  const { length } = await rows(page);
  await page.locator("#cut").click();
  await page.waitForFunction((seen) => document.querySelectorAll("#prices tr").length > seen + 1, length);
  assert.equal(await page.locator("#gap").textContent(), "");

  const waiting = shows(page, "#state", /^waiting, because: ./);
  await first.stop();
  way.cut();
  await waiting;
  const second = await serveOther("server-axum", dir);
  t.after(() => second.stop());
  await shows(page, "#gap", /^Prices may be missing after ./);
  await shows(page, "#state", /^open$/);
};
const [SSE, SOCKET] = ["http://localhost:8081/live", "ws://localhost:8081/live"];

const tests = {
  "server-node": async (t) => {
    for (const address of [SSE, SOCKET]) await others("server-node", address)(t);
  },
  "server-fastapi": others("server-fastapi", SSE),
  "server-axum": others("server-axum", SOCKET),
  "rust-trunk": inRust("rust-trunk"),
  "rust-dioxus": inRust("rust-dioxus"),
  "price-ticker": async (t) => {
    const { way, restart, open } = await started("price-ticker", t);
    const page = await open();
    await ticks(page, way);
    await page.locator("#cut").click();
    await shows(page, "#state", /open;.* 4 connections/);

    const waiting = shows(page, "#state", /^waiting; next try in \d+ s, because/);
    await restart();
    await waiting;
    await shows(page, "#gap", /^Prices are missing after/);
  },
  "chat": async (t) => {
    const { way, open, back, away } = await started("chat", t);
    const contexts = [await browser.newContext(), await browser.newContext()];
    let [ann, bob] = await Promise.all(contexts.map(open));
    const say = async (page, text) => {
      await page.locator("#text").fill(text);
      await page.locator("#text").press("Enter");
    };
    const list = (page, id = "messages") => page.locator(`#${id} li`).allTextContents();
    const comes = (page, text) => shows(page, "#messages", new RegExp(`${text}$`));
    await Promise.all([ann, bob].map((page) => shows(page, "#state", /^open$/)));

    await say(ann, "a1");
    await comes(bob, "a1");
    way.cut();
    await say(bob, "b1");
    await Promise.all([ann, bob].map((page) => comes(page, "b1")));

    // Offline: Ann leaves her page, Bob stays on his.
    away();
    await Promise.all([ann, bob].map((page) => shows(page, "#state", /^(waiting|connecting)$/)));
    for (const text of ["a2", "a3"]) await say(ann, text);
    await say(bob, "b2");
    assert.deepEqual(await list(ann, "waiting"), ["guest: a2", "guest: a3"]);
    await ann.close();
    back();
    ann = await open(contexts[0]);
    for (const text of ["a2", "a3", "b2"])
      await Promise.all([ann, bob].map((page) => shows(page, "#messages", new RegExp(`guest: ${text}`))));
    for (const page of [ann, bob]) {
      await page.waitForFunction(() => document.querySelectorAll("#waiting li").length === 0);
      assert.equal(await page.locator("#gap").textContent(), "");
    }
    // The same for both, each once, and each one's in order.
    const all = await list(bob);
    assert.deepEqual(await list(ann), all);
    assert.deepEqual(
      all.filter((text) => / a\d/.test(text)),
      ["guest: a1", "guest: a2", "guest: a3"],
    );
    assert.equal(all.length, 5);

    // Another room is another topic.
    await bob.locator("#room").selectOption("garden");
    await say(ann, "a4");
    await comes(ann, "a4");
    await say(bob, "b3");
    await comes(bob, "b3");
    assert.deepEqual(await list(bob), ["guest: b3"]);
  },
  "llm-answer": async (t) => {
    const { way, open } = await started("llm-answer", t);
    const page = await open();
    const asked = [];
    page.on("request", (request) => asked.push(`${request.method()} ${new URL(request.url()).pathname}`));
    const words = (count) =>
      page.waitForFunction((n) => (document.querySelector("#answer")?.textContent?.split(" ").length ?? 0) > n, count);
    await page.locator("#prompt").fill("What is it?");
    await page.locator("#form button").first().click();
    for (const count of [4, 8]) {
      await words(count);
      way.cut();
    }
    await shows(page, "#state", /^done$/);
    assert.equal(
      await page.locator("#answer").textContent(),
      "You asked: What is it? A connection is half-open when one side is gone and the other one does not know it yet.",
    );
    assert.ok(await page.locator("#stop").isDisabled());
    assert.equal(asked.filter((line) => line.startsWith("POST")).length, 1, "asked once");
    assert.equal(asked.filter((line) => line.startsWith("GET /v1/answers/")).length, asked.length - 1);
    assert.ok(asked.length >= 3, asked.join());

    await page.locator("#form button").first().click();
    await words(4);
    const told = page.waitForResponse((answer) => answer.request().method() === "DELETE");
    await page.locator("#stop").click();
    const answer = await told;
    assert.equal(answer.status(), 204);
    await shows(page, "#state", /^stopped$/);
    const before = await page.locator("#answer").textContent();
    assert.equal(await page.evaluate(async (url) => (await fetch(url)).status, answer.url()), 404, "the job is gone");
    assert.equal(await page.locator("#answer").textContent(), before);
  },
  "tokens": async (t) => {
    const { restart, open } = await started("tokens", t);
    const [page, other] = [await open(), await open()];
    const log = (from) => from.locator("#log li").allTextContents();
    const both = (from) =>
      from.waitForFunction(() =>
        ["ticks", "news"].every((id) => /^open, [1-9]/.test(document.getElementById(id)?.textContent ?? "")),
      );
    for (const one of [page, other]) {
      await both(one);
      await one.evaluate(() => Object.assign(globalThis, { loaded: "once" }));
      assert.deepEqual(await log(one), ["asks for a token: initial"], "one token for both connections");
    }

    // The server forgets its tokens, and only the WebSocket comes back, so that it is its probe that finds out.
    await other.route("**/news", (route) => route.abort());
    await restart();
    await shows(other, "#log", /ticks: http 401.*asks for a token: unauthorized/);
    await other.unroute("**/news");
    await both(other);

    const again = await open();
    await both(again);
    await again.locator("#revoke").click();
    await shows(again, "#log", /ticks: closed 4401.*asks for a token: unauthorized/);
    await both(again);
    assert.equal((await log(again)).filter((line) => line.startsWith("asks")).length, 2, "one token for both again");
    for (const one of [page, other]) assert.equal(await one.evaluate(() => Reflect.get(globalThis, "loaded")), "once");

    // One that expires while its connection lives.
    const edit = (dir) => {
      const path = join(dir, "server.js");
      writeFileSync(path, readFileSync(path, "utf8").replace("60_000", "6_000"));
    };
    const short = await started("tokens", t, { edit });
    const brief = await short.open();
    await shows(brief, "#log", /ticks: closed 4401/);
    await brief.waitForFunction(() =>
      // 12 messages come in the life of a token.
      ["ticks", "news"].every((id) => /^open, (1[4-9]|[2-9]\d)/.test(document.getElementById(id)?.textContent ?? "")),
    );
  },
};

for (const name of names) assert.ok(Object.hasOwn(tests, name), `there is no ${name}`);
// They wait for most of their time.
test("examples", { concurrency: 3, timeout: 900_000 }, async (t) => {
  const wanted = Object.entries(tests).filter(([name]) => names.length === 0 || names.includes(name));
  await Promise.all(wanted.map(([name, run]) => t.test(name, run)));
});

// The live demo on the site's front page, in the three engines: the Service Worker serves, the packed client breaks and comes back.
//   node tests/docs/live.mjs [chromium|firefox|webkit]      Needs target/docs-based (make test-site), the site below a path.
// Each engine also gets a worker that replays nothing, with which the check of a cut must fail.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import test, { after } from "node:test";
import { engines } from "../browser/node/engines.mjs";
import { loadEnvironment } from "../browser/node/environment.mjs";
import { stopAll } from "../browser/node/processes.mjs";
import { sideBySide } from "../browser/node/side-by-side.mjs";
import { root } from "./pages.mjs";

loadEnvironment();
const BASE = "/some/place/";
const site = join(root, "target/docs-based");
assert.ok(existsSync(join(site, "index.html")), "the site is missing. Build it: make test-site.");
const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".png": "image/png" };

/** Ports, as a Service Worker is known by its origin: the whole site, one whose worker does not replay, one that has no worker. */
const kinds = {
  whole: (_, text) => text,
  forgetful(path, text) {
    if (path !== "live/worker.js") return text;
    const broken = text.toString().replace("? { next: n, text", "? { next: latest(room.room) + 4, text");
    assert.notEqual(broken, text.toString(), "the worker has changed: break it in another way");
    return broken;
  },
  workerless: (path, text) => (path === "live/worker.js" ? undefined : text),
  // As a browser that has none.
  without: (path, text) =>
    path === "index.html"
      ? text.toString().replace("<head>", "<head><script>delete Navigator.prototype.serviceWorker</script>")
      : text,
};
const servers = [];
/** @type {Record<string, string>} */
const urls = {};
for (const [kind, change] of Object.entries(kinds)) {
  const server = createServer(({ url = "/" }, response) => {
    const path = decodeURI(url.split("?")[0]).replace(/\/$/, "/index.html");
    const file = join(site, path.slice(BASE.length));
    const text =
      path.startsWith(BASE) && existsSync(file) ? change(path.slice(BASE.length), readFileSync(file)) : undefined;
    if (text === undefined) response.writeHead(404).end();
    else response.writeHead(200, { "content-type": types[extname(file)] ?? "text/plain" }).end(text);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  servers.push(server);
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  urls[kind] = `http://127.0.0.1:${port}${BASE}`;
}
after(async () => {
  await stopAll();
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

/** What the page shows, by the names of its elements. */
const LOOK = `return Object.fromEntries([
  ...[...document.querySelectorAll("section.live [data-live]:not(button)")].map((e) => [e.dataset.live, e.textContent.trim()]),
  ["phase", document.querySelector("section.live")?.dataset.phase],
  ["lines", [...document.querySelectorAll("section.live [role=log] p")].map((e) => e.lastChild.textContent.trim())],
])`;

class Page {
  constructor(driver) {
    this.driver = driver;
  }
  async open(kind) {
    await this.driver.get(urls[kind]);
    // It begins when it is seen.
    await this.driver.executeScript(`document.querySelector("section.live").scrollIntoView()`);
    await this.until("the demo has begun", ({ phase }) => phase);
  }
  look() {
    return this.driver.executeScript(LOOK);
  }
  press(name) {
    // By script: WebKit's driver cannot scroll to what is far below.
    return this.driver.executeScript(
      `const b = document.querySelector("button[data-live=${name}]"); if (b.disabled) throw Error("disabled"); b.click()`,
    );
  }
  async until(what, met, seconds = 40) {
    const end = Date.now() + 1_000 * seconds;
    for (;;) {
      const now = await this.look();
      if (met(now)) return now;
      assert.ok(Date.now() < end, `waited ${seconds} s until ${what}; the page: ${JSON.stringify(now, null, 1)}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  /** Open, and so many messages more. */
  async flows(more = 3) {
    const { received } = await this.look();
    return this.until(
      "messages come",
      (now) => now.state === "open" && Number(now.received) >= Number(received) + more,
    );
  }
  /** Presses a key of trouble; gives what the page said of it, up to the next `Open`. */
  async trouble(name) {
    await this.flows();
    const before = (await this.look()).lines.length;
    await this.press(name);
    const { lines } = await this.until("it is open again", (now) => now.lines.slice(before).includes("Open."));
    await this.flows();
    return lines.slice(before).join("\n");
  }
}

const whole = ({ missing, twice, told }) =>
  assert.deepEqual({ missing, twice, told }, { missing: "0", twice: "0", told: "0" });

async function cutLosesNothing(page) {
  const said = await page.trouble("cut");
  assert.match(said, /You cut the connection\.\nThe connection failed.* Attempt \d+ in \d\.\d s\./);
  whole(await page.look());
}

const wanted = process.argv[2] ? [process.argv[2]] : Object.keys(engines);
async function judge(t, name) {
  const engine = await engines[name]();
  t.after(() => engine.stop());
  const { driver } = engine;
  await driver.manage().setTimeouts({ script: 30_000 });
  const page = new Page(driver);
  const check = (what, run) => t.test(`${name}: ${what}`, run);

  let opened = false;
  await check("the page opens a stream, whose messages come one by one", async () => {
    await page.open("whole");
    const now = await page.flows();
    assert.equal(now.phase, "live", now.none);
    assert.equal(now.token, "1");
    const { received } = now;
    await page.until("the next one comes by itself", (next) => Number(next.received) === Number(received) + 1);
    whole(await page.look());
    opened = true;
  });
  // Nothing else can be seen.
  if (!opened) return;
  await check("a cut loses nothing", () => cutLosesNothing(page));
  await check("503 with Retry-After: it waits for as long, and comes back", async () => {
    const said = await page.trouble("busy");
    const seconds = Number(/status 503\. Attempt \d+ in ([\d.]+) s/.exec(said)?.[1]);
    // What is left of the 4 s when the attempt comes, and up to a half on top: it is the second failure in a row.
    assert.ok(seconds >= 1 && seconds <= 6, said);
    whole(await page.look());
  });
  await check("a token that expired is renewed", async () => {
    const said = await page.trouble("expire");
    assert.match(said, /status 401/);
    assert.match(said, /A new token came\./);
    assert.equal((await page.look()).token, "2");
    whole(await page.look());
  });
  await check("a stream that falls silent is found dead", async () => {
    const said = await page.trouble("silence");
    assert.match(said, /The server falls silent\.\n.*Nothing came within .* Attempt/);
    whole(await page.look());
  });
  await check("what is sent without a network waits, and drains", async () => {
    await page.flows();
    await page.press("unplug");
    await page.until(
      "it counts down",
      (now) => now.state === "waiting" && /^Next attempt in \d\.\d s\./.test(now.sentence),
    );
    await page.press("send");
    await page.until("five wait", ({ unsettled, acked }) => unsettled === "5" && acked === "0");
    await page.until(
      "all are acked",
      ({ unsettled, acked, stored }) => unsettled === "0" && acked === "5" && stored === "5",
    );
    whole(await page.flows());
  });
  if (name === "chromium")
    await check("the browser stops the worker: the ids go on, the token holds, a send comes once", async () => {
      await page.flows();
      const before = (await page.look()).lines.length;
      const chrome = /** @type {import("selenium-webdriver/chrome.js").Driver} */ (driver);
      await chrome.sendDevToolsCommand("ServiceWorker.enable", {});
      await chrome.sendDevToolsCommand("ServiceWorker.stopAllWorkers", {});
      const { lines } = await page.until("it is open again", (now) => now.lines.slice(before).includes("Open."));
      assert.match(lines.slice(before).join("\n"), /Attempt \d+ in/);
      await page.press("send");
      await page.until("all are acked", ({ acked, stored }) => acked === "10" && stored === "10");
      const now = await page.flows();
      assert.equal(now.token, "2");
      whole(now);
    });
  if (name === "firefox")
    await check("the browser stops the worker again and again: the ids go on", async (t) => {
      // After 3 s each time, also while a stream is open.
      const prefs = { "dom.serviceWorkers.idle_timeout": 1_500, "dom.serviceWorkers.idle_extended_timeout": 1_500 };
      const hasty = await engines.firefox({
        "moz:firefoxOptions": { binary: process.env.EVERWIRE_FIREFOX, args: ["-headless"], prefs },
      });
      t.after(() => hasty.stop());
      const other = new Page(hasty.driver);
      await other.open("whole");
      const opens = ({ lines }) => lines.filter((line) => line === "Open.").length;
      whole(await other.until("it has come back twice", (now) => opens(now) >= 3 && Number(now.received) > 8));
    });
  await check("what the server lost is told as a gap", async () => {
    const said = await page.trouble("lose");
    const [, from, to] = /Gap: (\d+) to (\d+) are missing\./.exec((await page.look()).lines.join("\n")) ?? [];
    assert.ok(from, said);
    const { told, missing, twice } = await page.look();
    assert.ok(Number(told) >= 5);
    assert.deepEqual([Number(told), missing, twice], [Number(to) - Number(from) + 1, "0", "0"]);
  });
  await check("fifty clients come back spread", async () => {
    await page.press("restart");
    const { fleet } = await page.until("all are back", (now) => /^All 50/.test(now.fleet), 60);
    const most = Number(/more than (\d+) attempts/.exec(fleet)?.[1]);
    // All at once would be 50. Fifty draws over 0.9 s put more than 35 into no quarter of a second.
    assert.ok(most > 1 && most <= 35, fleet);
  });
  await check("a server that does not replay is found out", async () => {
    await page.open("forgetful");
    await assert.rejects(cutLosesNothing(page), /told: '[1-9]/);
  });
  for (const kind of ["workerless", "without"])
    await check(`${kind}: it says so, and shows the picture`, async () => {
      await page.open(kind);
      const { phase, none } = await page.look();
      assert.equal(phase, "none");
      assert.match(none, /^The live demo does not run here: this browser gives the page no Service Worker\b/);
      const picture = await driver.executeScript(
        `const i = [...document.querySelectorAll("section.live img")].find((e) => e.offsetWidth > 0); i?.scrollIntoView(); return i?.getAttribute("src")`,
      );
      assert.equal(picture, `${BASE}demo-light.png`);
    });
}

// They wait most of the time, and each has a browser of its own.
test("the live demo", { concurrency: true }, (t) =>
  sideBySide(wanted, (name) => t.test(name, (t) => judge(t, name)), wanted.length),
);

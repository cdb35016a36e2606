// The site of the docs, as built, in Chromium: on a phone and a desktop, light and dark, axe finds no fault, nothing is wider than the
// page, nothing is asked of any other server, and the search finds.
//   node tests/docs/site.mjs      Needs target/docs (make docs).
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import test, { after } from "node:test";
import { chromium } from "playwright-core";
import { sideBySide } from "../browser/node/side-by-side.mjs";
import { root } from "./pages.mjs";

const site = join(root, "target/docs");
assert.ok(existsSync(join(site, "index.html")), "the site is missing. Build it: make docs.");
// Of the reference, which is long and made by TypeDoc, one page; not VitePress's own page for what is not there, and not the empty frame
// of the live demo, which live.mjs tests in the three engines.
const pages = readdirSync(site, { recursive: true, encoding: "utf8" }).filter(
  (name) => name.endsWith(".html") && name !== "404.html" && !/^(?:reference\/api\/(?!auth)|live\/)/.test(name),
);
const SOME = ["index.html", "guide/getting-started.html", "guide/errors.html"];
const axe = join(root, "docs/node_modules/axe-core/axe.min.js");

const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css" };
const server = createServer(({ url = "/" }, response) => {
  const path = join(site, decodeURI(url.split("?")[0]).replace(/\/$/, "/index.html"));
  if (!existsSync(path)) return response.writeHead(404).end();
  response.writeHead(200, { "content-type": types[extname(path)] ?? "text/plain" }).end(readFileSync(path));
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
const base = `http://127.0.0.1:${port}/`;
const browser = await chromium.launch({
  executablePath: process.env.EVERWIRE_CHROMIUM || "/usr/bin/chromium",
  // A name that is not this machine's: without TLS it is no secure context.
  args: ["--no-sandbox", "--host-resolver-rules=MAP insecure.example 127.0.0.1"],
});
after(async () => {
  await browser.close();
  server.closeAllConnections();
  server.close();
});

async function ask(page, name, faults) {
  await page.addScriptTag({ path: axe });
  const { violations } = await page.evaluate(() => /** @type {any} */ (globalThis).axe.run());
  for (const { id, nodes } of violations) faults.push(`${name}: ${id}, ${nodes.length} times: ${nodes[0].html}`);
}

const viewports = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 900 } };
const looks = Object.entries(viewports).flatMap(([device, viewport]) =>
  /** @type {const} */ (["dark", "light"]).map((colorScheme) => ({ device, viewport, colorScheme })),
);
async function judge(t, { device, viewport, colorScheme }) {
  const context = await browser.newContext({ viewport, colorScheme });
  t.after(() => context.close());
  const page = await context.newPage();
  const faults = [];
  page.on("request", (request) => {
    if (!request.url().startsWith(base) && !request.url().startsWith("data:")) faults.push(`asks ${request.url()}`);
  });
  page.on("pageerror", (error) => faults.push(String(error)));
  // Each page once on a phone and once on a desktop, once in the light and once in the dark.
  const all = (device === "phone") === (colorScheme === "dark");
  for (const name of all ? pages : SOME) {
    await page.goto(base + name);
    await page.locator("#VPContent").waitFor();
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (wider > 0) faults.push(`${name} is ${wider} px wider than the page`);
    // With what it shows once it runs.
    if (name === "index.html") {
      await page.locator("section.live").scrollIntoViewIfNeeded();
      await page.locator("section.live[data-phase=live] [role=log] p").first().waitFor();
    }
    await ask(page, name, faults);
  }
  await page.goto(`${base}guide/errors.html`, { waitUntil: "networkidle" });
  await page.keyboard.press("Control+k");
  await page.locator("#localsearch-input").fill("half-open");
  await page.locator(".VPLocalSearchBox .result", { hasText: "half-open" }).first().waitFor();
  assert.deepEqual(faults, []);
}

test("site", { concurrency: true }, (t) =>
  sideBySide(looks, (look) => t.test(`${look.device}, ${look.colorScheme}`, (t) => judge(t, look))),
);

test("the live demo loads after the page, and moves nothing", async (t) => {
  const context = await browser.newContext({ viewport: { width: 390, height: 480 } });
  t.after(() => context.close());
  const page = await context.newPage();
  const said = [];
  page.on("console", (message) => said.push(message.text()));
  await page.addInitScript(() => {
    Object.assign(globalThis, { moved: 0, loaded: undefined });
    // Not what a click moves, as for CLS.
    new PerformanceObserver((list) => {
      for (const entry of /** @type {any[]} */ (list.getEntries()))
        if (!entry.hadRecentInput) globalThis.moved += entry.value;
    }).observe({ type: "layout-shift", buffered: true });
    addEventListener("load", () => {
      globalThis.loaded = performance.getEntriesByType("resource").map(({ name }) => name);
    });
  });
  await page.goto(base);
  const live = page.locator("section.live[data-phase=live]");
  await page.waitForFunction(() => globalThis.loaded);
  assert.equal(await live.count(), 0, "nobody has seen it yet");
  await page.locator("section.live").scrollIntoViewIfNeeded();
  await live.waitFor();
  await page.locator("button[data-live=cut]").click();
  await page.locator("section.live [role=log] p", { hasText: "You cut the connection." }).waitFor();
  await page.waitForFunction(() => Number(document.querySelector("[data-live=received]")?.textContent) > 20);
  const { moved, loaded } = await page.evaluate(() => ({ moved: globalThis.moved, loaded: globalThis.loaded }));
  assert.ok(moved < 0.01, `the page moved by ${moved}`);
  assert.deepEqual(
    loaded.filter((name) => /duplex|live\//.test(name)),
    [],
  );
  assert.deepEqual(
    said.filter((text) => /hydration|mismatch/i.test(text)),
    [],
  );
});

test("without HTTPS the live demo says so, and shows the picture", async (t) => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, colorScheme: "dark" });
  t.after(() => context.close());
  const page = await context.newPage();
  await page.goto(`http://insecure.example:${port}/`);
  await page.locator("section.live[data-phase=none]").waitFor();
  assert.match(
    (await page.locator("[data-live=none]").textContent()) ?? "",
    /does not run here: a page that does not come over HTTPS gets no Service Worker/,
  );
  await page.locator("section.live img[src$='demo-dark.png']").scrollIntoViewIfNeeded();
  const faults = [];
  await ask(page, "index.html", faults);
  assert.deepEqual(faults, []);
});

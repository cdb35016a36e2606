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
// Of the reference, which is long and made by TypeDoc, one page, and not VitePress's own page for what is not there.
const pages = readdirSync(site, { recursive: true, encoding: "utf8" }).filter(
  (name) => name.endsWith(".html") && name !== "404.html" && !/^reference\/api\/(?!auth)/.test(name),
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
  args: ["--no-sandbox"],
});
after(async () => {
  await browser.close();
  server.closeAllConnections();
  server.close();
});

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
    await page.addScriptTag({ path: axe });
    const { violations } = await page.evaluate(() => /** @type {any} */ (globalThis).axe.run());
    for (const { id, nodes } of violations) faults.push(`${name}: ${id}, ${nodes.length} times: ${nodes[0].html}`);
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

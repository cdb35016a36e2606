// The demo page as a visitor uses it: each trouble button ends with nothing missing and nothing twice
// in both panels, without a reload.
import assert from "node:assert/strict";
import { By } from "selenium-webdriver";
import { startDemoServer } from "./node/server.mjs";

const buttons = ["drop", "restart", "stall", "refuse", "503", "replay"];
const lasting = ["stall", "refuse", "503"];
const panels = ["chat", "ticker"];

export async function demoTests(driver, engine, report) {
  const wanted = buttons.filter((button) => report.wants(`demo: ${button}`));
  if (wanted.length === 0) return;
  const server = await startDemoServer();
  try {
    await driver.get(`${server.url}/`);
    await driver.executeScript("window.neverReloaded = true");
    for (const button of wanted) await report.run(engine, `demo: ${button}`, () => press(driver, button));
  } finally {
    // Away from it, so that its clients are gone before its server is.
    await driver.get("about:blank");
    await server.stop();
  }
}

async function press(driver, button) {
  const read = () => driver.executeScript(readPage);
  const before = await until(read, (page) => page && panels.every((name) => page[name].state === "open" && page[name].received > 1), "both to be live");
  await click(driver, `[data-fault="${button}"]`);
  if (lasting.includes(button)) await until(read, (page) => page.lasting, "the button that ends it");
  await until(read, (page) => panels.every((name) => page[name].state !== "open" || page[name].opens > before[name].opens), "both to notice");
  // The trouble lasts up to ten seconds, and then there is the backoff: what the page's own buttons are for.
  if (lasting.includes(button)) {
    await click(driver, '[data-fault="clear"]');
    await until(read, (page) => !page.lasting, "the trouble to be over");
  }
  const back = await until(read, async (page) => {
    for (const name of panels) if (page[name].state === "waiting") await click(driver, `[data-panel="${name}"] [data-action="try-now"]`);
    return panels.every((name) => page[name].state === "open" && page[name].opens > before[name].opens);
  }, "both to be open again");
  const page = await until(read, (now) => panels.every((name) => now[name].received >= back[name].received + 2), "messages in both");
  for (const name of panels) {
    const { missing, duplicate, shown } = page[name];
    assert.deepEqual({ missing, duplicate, shown }, { missing: 0, duplicate: 0, shown: ["0", "0"] }, name);
    if (button === "replay") assert.ok(page[name].suppressed > before[name].suppressed, `${name}: the replay was held back`);
  }
  assert.ok(page.neverReloaded, "the page was reloaded");
}

/** Runs in the page. */
function readPage() {
  const { demo } = window;
  if (!demo) return null;
  const lasting = !document.querySelector("[data-fault=clear]").hidden;
  const page = { lasting, neverReloaded: window.neverReloaded === true };
  for (const name of ["chat", "ticker"]) {
    const { opens } = demo[name].stats();
    const shown = ["missing", "duplicate"].map((count) => document.querySelector(`[data-panel="${name}"] [data-count="${count}"]`).textContent);
    page[name] = { ...demo.counters[name], opens, state: demo[name].state, shown };
  }
  return page;
}

/** A button may hide itself in the meantime: then it is not needed any more. */
async function click(driver, selector) {
  const button = await driver.findElement(By.css(selector));
  try {
    await button.click();
  } catch (error) {
    if (await button.isDisplayed()) throw error;
  }
}

async function until(read, condition, what, milliseconds = 20_000) {
  const end = Date.now() + milliseconds;
  for (;;) {
    const page = await read();
    if (page && await condition(page)) return page;
    if (Date.now() > end) throw new Error(`waited ${milliseconds} ms for ${what}: ${JSON.stringify(page)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

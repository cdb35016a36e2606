// The demo page as a visitor uses it: each trouble button ends with nothing missing and nothing twice
// in both panels, without a reload; the three streams are cut, go on, end, and can be stopped.
import assert from "node:assert/strict";
import { By } from "selenium-webdriver";
import { startDemoServer } from "./node/server.mjs";

const buttons = ["drop", "restart", "stall", "refuse", "503", "replay"];
const lasting = ["stall", "refuse", "503"];
const panels = ["chat", "ticker"];

export async function demoTests(driver, engine, report) {
  const wanted = buttons.filter((button) => report.wants(`demo: ${button}`));
  if (wanted.length === 0 && !report.wants("demo: streams")) return;
  const server = await startDemoServer();
  try {
    await driver.get(`${server.url}/`);
    await driver.executeScript("window.neverReloaded = true");
    for (const button of wanted) await report.run(engine, `demo: ${button}`, () => press(driver, button));
    if (report.wants("demo: streams")) await report.run(engine, "demo: streams", () => streams(driver, server.url));
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

/** The answer, the log and the task: each cut once, then stopped or at its end. */
async function streams(driver, url) {
  const names = ["llm", "logs", "task"];
  const read = () => driver.executeScript(readStreams);
  const getJson = async (address) => (await fetch(address)).json();
  await until(read, (page) => page, "the page");
  for (const button of ["#llm button[type=submit]", "#logs-follow", "#task-start"]) await click(driver, button);
  await until(read, (page) => page.text.length > 30 && page.lines > 3 && page.bar > 3, "all three to say something");
  for (const name of names) {
    const before = await until(read, (page) => names.every((other) => page[other].state === "open"), "all three to be open");
    await click(driver, `#${name} [data-fault=drop]`);
    await until(read, (page) => names.every((other) => page[other].state === "closed" || (page[other].state === "open" && page[other].opens > before[other].opens)), `all three to be back after ${name}`);
  }
  const end = await until(read, (page) => page.llm.state === "closed" && page.task.state === "closed", "the answer and the task to end", 40_000);
  const { app } = await getJson(`${url}/config.json`);
  const whole = await (await fetch(`${app}/llm/${end.llm.job}/text`)).text();
  assert.equal((await read()).text, whole, "the answer's text");
  assert.equal(end.bar, 100, "the task's bar");
  for (const name of names) assert.deepEqual(end[name].shown, ["0", "0"], name);
  const { starts, resumes, cancels } = await getJson(`${app}/llm/${end.llm.job}/stats`);
  assert.deepEqual([starts, resumes >= 3, cancels], [1, true, 0], "requests");
  await click(driver, "#llm button[type=submit]");
  const second = await until(read, (page) => page.llm.state === "open" && page.text.length > 30 && page.llm.job !== end.llm.job, "another answer");
  await click(driver, "#llm-stop");
  await until(() => getJson(`${app}/llm/${second.llm.job}/stats`), (stats) => stats.cancels === 1, "the server to be told");
  await click(driver, "#logs-stop");
  await until(read, (page) => names.every((name) => page[name].state === "closed"), "all three to be closed");
}

/** Runs in the page. */
function readStreams() {
  if (!window.demo?.streams) return null;
  const page = {
    text: document.getElementById("llm-text").textContent,
    lines: document.querySelectorAll("#logs-lines li").length,
    bar: document.getElementById("task-bar").value,
  };
  for (const [name, { wire }] of Object.entries(window.demo.streams)) {
    const shown = ["missing", "duplicate"].map((count) => document.querySelector(`[data-panel="${name}"] [data-count="${count}"]`)?.textContent);
    page[name] = { state: wire?.state, opens: wire?.stats().opens, job: wire?.lastEventId.split(":")[0], shown };
  }
  return page;
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

/** A button may hide itself in the meantime, and come back: then it is not needed any more, or again. */
async function click(driver, selector) {
  const button = await driver.findElement(By.css(selector));
  for (const end = Date.now() + 10_000; ;) {
    try {
      return await button.click();
    } catch (error) {
      if (!(await button.isDisplayed())) return;
      if (Date.now() > end) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function until(read, condition, what, milliseconds = 40_000) {
  const end = Date.now() + milliseconds;
  for (;;) {
    const page = await read();
    if (page && await condition(page)) return page;
    if (Date.now() > end) throw new Error(`waited ${milliseconds} ms for ${what}: ${JSON.stringify(page)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

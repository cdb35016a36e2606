// The demo page as a visitor uses it: each trouble button ends with nothing missing and nothing twice
// in both panels, without a reload; two pages meet in a room of the chat; the three streams are cut, go on, end, and can be stopped.
import assert from "node:assert/strict";
import { By } from "selenium-webdriver";
import { startDemoServer } from "./node/server.mjs";

const buttons = ["drop", "restart", "stall", "refuse", "503", "replay"];
const lasting = ["stall", "refuse", "503"];
const panels = ["chat", "ticker"];

export async function demoTests(driver, engine, report) {
  const wanted = buttons.filter((button) => report.wants(`demo: ${button}`));
  if (wanted.length === 0 && !["demo: recorder", "demo: rooms", "demo: streams"].some((name) => report.wants(name)))
    return;
  const server = await startDemoServer();
  try {
    await driver.get(`${server.url}/`);
    await driver.executeScript("window.neverReloaded = true");
    for (const button of wanted) await report.run(engine, `demo: ${button}`, () => press(driver, button));
    if (report.wants("demo: recorder")) await report.run(engine, "demo: recorder", () => recorder(driver));
    if (report.wants("demo: rooms")) await report.run(engine, "demo: rooms", () => rooms(driver, server.url));
    if (report.wants("demo: streams")) await report.run(engine, "demo: streams", () => streams(driver, server.url));
  } finally {
    // Away from it, so that its clients are gone before its server is.
    await driver.get("about:blank");
    await server.stop();
  }
}

async function press(driver, button) {
  const read = () => driver.executeScript(readPage);
  const before = await until(
    read,
    (page) => page && panels.every((name) => page[name].state === "open" && page[name].received > 1),
    "both to be live",
  );
  await click(driver, `[data-fault="${button}"]`);
  if (lasting.includes(button)) await until(read, (page) => page.lasting, "the button that ends it");
  await until(
    read,
    (page) => panels.every((name) => page[name].state !== "open" || page[name].opens > before[name].opens),
    "both to notice",
  );
  // The trouble lasts up to ten seconds, and then there is the backoff: what the page's own buttons are for.
  if (lasting.includes(button)) {
    await click(driver, '[data-fault="clear"]');
    await until(read, (page) => !page.lasting, "the trouble to be over");
  }
  const back = await until(
    read,
    async (page) => {
      for (const name of panels)
        if (page[name].state === "waiting") await click(driver, `[data-panel="${name}"] [data-action="try-now"]`);
      return panels.every((name) => page[name].state === "open" && page[name].opens > before[name].opens);
    },
    "both to be open again",
  );
  const page = await until(
    read,
    (now) => panels.every((name) => now[name].received >= back[name].received + 2),
    "messages in both",
  );
  for (const name of panels) {
    const { missing, duplicate, shown } = page[name];
    assert.deepEqual({ missing, duplicate, shown }, { missing: 0, duplicate: 0, shown: ["0", "0"] }, name);
    if (button === "replay")
      assert.ok(page[name].suppressed > before[name].suppressed, `${name}: the replay was held back`);
  }
  assert.ok(page.neverReloaded, "the page was reloaded");
  assert.deepEqual(page.moved, [], "what moved from under the pointer");
}

/** Two pages in a second room: who is there, who types, who has read; the same after a drop, in which one of them speaks. */
/** What the recorder saw of a cut can be taken along, as JSON and as a picture that is not empty. */
async function recorder(driver) {
  await driver.executeScript(catchDownloads);
  const opens = () => driver.executeScript("return Object.values(demo).map((wire) => wire?.stats?.().opens ?? 0)");
  const before = await opens();
  await click(driver, '[data-fault="drop"]');
  await until(opens, (now) => now[0] > before[0] && now[1] > before[1], "both to come back");
  for (const button of ["#strip-json", "#strip-png"]) await click(driver, button);
  const saved = await until(
    () => driver.executeScript("return window.saved"),
    (files) => files.length === 2,
    "two files",
  );
  const [json, png] = saved.sort((a, b) => a.name.split(".").at(-1).localeCompare(b.name.split(".").at(-1)));
  assert.match(json.name, /^everwire-.*\.json$/);
  const { everwire, faults, connections } = JSON.parse(json.text);
  assert.match(everwire, /^\d+\./);
  assert.ok(
    faults.some(({ label }) => label === "cut"),
    "the fault",
  );
  for (const name of panels) {
    const states = connections[name].states.map(({ state, note }) => `${state} ${note}`);
    assert.ok(states.includes("waiting network"), `why ${name} waited: ${states}`);
    assert.ok(connections[name].messages.length, `messages of ${name}`);
  }
  assert.match(png.name, /\.png$/);
  assert.ok(png.colors > 2, `${png.colors} colours`);
}

/** Runs in the page: what it would save is read instead. */
const catchDownloads = `
  window.saved = [];
  HTMLAnchorElement.prototype.click = async function () {
    const blob = await (await fetch(this.href)).blob(), name = this.download;
    if (!name.endsWith("png")) return void saved.push({ name, text: await blob.text() });
    const { width, height } = await createImageBitmap(blob);
    const canvas = Object.assign(document.createElement("canvas"), { width, height }), g = canvas.getContext("2d");
    g.drawImage(await createImageBitmap(blob), 0, 0);
    saved.push({ name, colors: new Set(new Uint32Array(g.getImageData(0, 0, width, height).data.buffer)).size });
  };`;

async function rooms(driver, url) {
  const windows = [await driver.getWindowHandle()];
  const turnTo = (at) => driver.switchTo().window(windows[at]);
  const read = () => driver.executeScript(readRooms);
  try {
    await driver.switchTo().newWindow("window");
    windows.push(await driver.getWindowHandle());
    await driver.get(`${url}/`);
    const names = [];
    for (const at of [0, 1]) {
      await turnTo(at);
      await until(read, (page) => page?.state === "open" && page.tabs.length === 1, "the first room");
      await click(driver, "[data-join=cables]");
      await driver.executeScript(noteTyping);
      const page = await until(
        read,
        ({ tabs, selected }) => tabs.length === 2 && selected === "cables",
        "the second room",
      );
      names.push(page.name);
    }
    const meet = async (what) => {
      for (const at of [0, 1]) {
        await turnTo(at);
        await until(
          read,
          ({ who, state, stale }) => state === "open" && !stale && who.includes(names[1 - at]),
          `page ${at} to see the other one ${what}`,
        );
      }
    };
    /** Said on the first page, read on the second, marked on the first. `typing` is sent once, and a drop may take it along. */
    const exchange = async (text, speak, { typing = true } = {}) => {
      await turnTo(0);
      await type(driver, text);
      await speak();
      await until(read, ({ lines }) => lines.some((line) => line.own && line.text === text), "the own line");
      await turnTo(1);
      await until(
        read,
        ({ lines }) => lines.some((line) => !line.own && line.text === text),
        `${text} on the other page`,
      );
      await turnTo(0);
      const { lines } = await until(
        read,
        (page) => page.lines.find((line) => line.text === text)?.readers.includes(names[1]),
        `${text} to be read`,
      );
      assert.deepEqual(
        lines.filter((line) => line.text === text).map(({ state }) => state),
        ["read"],
        "one line, and its mark",
      );
      await turnTo(1);
      if (typing)
        await until(read, ({ typed }) => typed.some((said) => said.includes(names[0])), "the typing of the first page");
    };
    const submit = () => click(driver, "#chat-form button");

    await meet("at first");
    await exchange("before the drop", submit);
    const opens = [];
    for (const at of [0, 1]) {
      await turnTo(at);
      opens.push((await driver.executeScript(noteTyping)).opens);
    }
    await exchange(
      "on a line that is cut",
      async () => {
        await click(driver, ".keys [data-fault=drop]");
        await submit();
      },
      { typing: false },
    );
    await meet("after the drop");
    await exchange("after the drop", submit, { typing: false });
    // It is told once in a while only, and the last time may have been lost.
    const keepTyping = async () => {
      await turnTo(0);
      await type(driver, ".");
      await turnTo(1);
      return read();
    };
    await until(
      keepTyping,
      ({ typed }) => typed.some((said) => said.includes(names[0])),
      "the typing of the first page after the drop",
    );
    await turnTo(0);
    await driver.executeScript("document.getElementById('chat-text').value = ''");
    for (const at of [0, 1]) {
      await turnTo(at);
      const page = await read();
      assert.ok(page.opens > opens[at], `page ${at} was dropped`);
      assert.deepEqual([page.missing, page.duplicate], [0, 0], `page ${at}`);
    }
    await turnTo(0);
    await driver.executeScript(loseOne);
    await type(driver, "said again");
    await submit();
    await until(
      () => driver.executeScript(againIsOffered),
      (offered) => offered,
      "the offer to send again",
    );
    await click(driver, "#chat-logs .pending button");
    const { lines } = await until(
      read,
      (page) => page.lines.some((line) => line.text === "said again" && !line.pending),
      "the line that was sent again",
    );
    assert.equal(lines.filter(({ text }) => text === "said again").length, 1, "said again");
    await turnTo(1);
    await click(driver, "#chat-leave");
    await until(read, ({ tabs, selected }) => tabs.length === 1 && selected !== "cables", "the second page to be out");
    await turnTo(0);
    await until(read, ({ who }) => !who.includes(names[1]), "the first page to see it");
    await click(driver, "#chat-leave");
    await until(read, ({ tabs }) => tabs.length === 1, "the first page to be out");
  } finally {
    if (windows.length === 2) {
      await turnTo(1);
      await driver.close();
    }
    await turnTo(0);
  }
}

/** As a visitor does, key by key. */
async function type(driver, text) {
  await (await driver.findElement(By.css("#chat-text"))).sendKeys(text);
}

/** Runs in the page: writes down whom it says to be typing, as it says so for a moment only. */
function noteTyping() {
  const { document, window } = /** @type {any} */ (globalThis);
  const element = document.getElementById("chat-typing");
  window.noted?.disconnect();
  window.typed = [];
  window.noted = new MutationObserver(() => window.typed.push(element.textContent));
  window.noted.observe(element, { childList: true, characterData: true, subtree: true });
  return window.demo.chat.stats();
}

/** Runs in the page: what is said next is lost, and its outcome not known. */
function loseOne() {
  const { chat } = /** @type {any} */ (window).demo;
  const { send } = chat;
  chat.send = (message, options) => {
    if (message.type !== "chat") return send.call(chat, message, options);
    chat.send = send;
    return Promise.resolve({ status: "unknown" });
  };
}

/** Runs in the page. */
function againIsOffered() {
  const button = /** @type {HTMLElement | null} */ (document.querySelector("#chat-logs .pending button"));
  return button !== null && !button.hidden;
}

/** Runs in the page. */
function readRooms() {
  const { document, window } = /** @type {any} */ (globalThis);
  const { demo } = window;
  if (!demo) return null;
  const selected = document.querySelector("#chat-tabs [aria-selected=true]");
  const who = document.getElementById("chat-who");
  const lines = [...document.querySelectorAll("#chat-logs .log:not([hidden]) li:not(.note)")].map((line) => ({
    own: line.classList.contains("own"),
    pending: line.classList.contains("pending"),
    text: line.querySelector("span").textContent,
    state: line.querySelector(".state")?.textContent ?? "",
    readers: line.querySelector(".state")?.title ?? "",
  }));
  const { state } = demo.chat,
    { missing, duplicate } = demo.counters.chat;
  return {
    name: demo.name,
    state,
    opens: demo.chat.stats().opens,
    missing,
    duplicate,
    lines,
    typed: window.typed,
    tabs: [...document.querySelectorAll("#chat-tabs [role=tab]")].map((tab) => tab.dataset.topic),
    selected: selected?.dataset.topic,
    who: who.textContent,
    stale: who.hasAttribute("data-stale"),
  };
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
    const before = await until(
      read,
      (page) => names.every((other) => page[other].state === "open"),
      "all three to be open",
    );
    await click(driver, `#${name} [data-fault=drop]`);
    await until(
      read,
      (page) =>
        names.every(
          (other) =>
            page[other].state === "closed" || (page[other].state === "open" && page[other].opens > before[other].opens),
        ),
      `all three to be back after ${name}`,
    );
  }
  const end = await until(
    read,
    (page) => page.llm.state === "closed" && page.task.state === "closed",
    "the answer and the task to end",
    40_000,
  );
  const { app } = await getJson(`${url}/config.json`);
  const whole = await (await fetch(`${app}/llm/${end.llm.job}/text`)).text();
  assert.equal((await read()).text, whole, "the answer's text");
  assert.equal(end.bar, 100, "the task's bar");
  for (const name of names) assert.deepEqual(end[name].shown, ["0", "0"], name);
  const { starts, resumes, cancels } = await getJson(`${app}/llm/${end.llm.job}/stats`);
  assert.deepEqual([starts, resumes >= 3, cancels], [1, true, 0], "requests");
  await click(driver, "#llm button[type=submit]");
  const second = await until(
    read,
    (page) => page.llm.state === "open" && page.text.length > 30 && page.llm.job !== end.llm.job,
    "another answer",
  );
  await click(driver, "#llm-stop");
  await until(
    () => getJson(`${app}/llm/${second.llm.job}/stats`),
    (stats) => stats.cancels === 1,
    "the server to be told",
  );
  await click(driver, "#logs-stop");
  await until(read, (page) => names.every((name) => page[name].state === "closed"), "all three to be closed");
}

/** Runs in the page. */
function readStreams() {
  const { document, window } = /** @type {any} */ (globalThis);
  if (!window.demo?.streams) return null;
  const page = {
    text: document.getElementById("llm-text").textContent,
    lines: document.querySelectorAll("#logs-lines li").length,
    bar: document.getElementById("task-bar").value,
  };
  for (const [name, { wire }] of Object.entries(window.demo.streams)) {
    const shown = ["missing", "duplicate"].map(
      (count) => document.querySelector(`[data-panel="${name}"] [data-count="${count}"]`)?.textContent,
    );
    page[name] = { state: wire?.state, opens: wire?.stats().opens, job: wire?.lastEventId.split(":")[0], shown };
  }
  return page;
}

/** Runs in the page. */
function readPage() {
  const { document, window } = /** @type {any} */ (globalThis);
  const { demo } = window;
  if (!demo) return null;
  const lasting = !document.querySelector("[data-fault=clear]").hidden;
  // A button that moves as a reading grows, loses the click that is under way to it. Since the page was live:
  const places = {};
  for (const [at, button] of document.querySelectorAll("button[data-fault], form button, .actions button").entries()) {
    const { left, top, width } = button.getBoundingClientRect();
    if (width) places[`${at} ${button.textContent.trim()}`] = [left + scrollX, top + scrollY].map(Math.round);
  }
  window.places ??= demo.chat.state === "open" && demo.ticker.state === "open" ? places : undefined;
  window.moved ??= [];
  // What is pressed goes down by 2 px.
  for (const [name, place] of Object.entries(window.places ?? {}))
    if (places[name]?.some((at, axis) => Math.abs(at - place[axis]) > 2))
      window.moved.push(`${name}: ${place} to ${places[name]}`);
  const page = { lasting, neverReloaded: window.neverReloaded === true, moved: window.moved.slice(0, 5) };
  for (const name of ["chat", "ticker"]) {
    const { opens } = demo[name].stats();
    const shown = ["missing", "duplicate"].map(
      (count) => document.querySelector(`[data-panel="${name}"] [data-count="${count}"]`).textContent,
    );
    page[name] = { ...demo.counters[name], opens, state: demo[name].state, shown };
  }
  return page;
}

/** A button may hide itself in the meantime, and come back: then it is not needed any more, or again. */
async function click(driver, selector) {
  const button = await driver.findElement(By.css(selector));
  for (const end = Date.now() + 10_000; ; ) {
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
    if (page && (await condition(page))) return page;
    if (Date.now() > end) throw new Error(`waited ${milliseconds} ms for ${what}: ${JSON.stringify(page)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

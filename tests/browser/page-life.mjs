// Page life in Chromium: back/forward cache, a frozen hidden tab, offline and online. Both transports
// at once; live again within a second of the return, one connection each, nothing missing.
import assert from "node:assert/strict";
import { launchChromium } from "./node/cdp.mjs";
import { startTestServer } from "./node/server.mjs";

const within = 1_000;
const healthy =
  "window.life && ['websocket', 'eventsource'].every((name) => life()[name].state === 'open' && life()[name].received > 20)";

const tests = {
  async "back/forward cache"({ tab, server }) {
    await awayAndBack(
      tab,
      server,
      "window.life?.().returns.some((back) => back.type === 'pageshow' && back.persisted)",
    );
    await suspended(tab);
    return "pageshow";
  },

  async "back/forward cache, with a place in storage, which is written on after the return"({ tab, server }) {
    await tab.evaluate(`(async () => {
      const { connect } = await import("/pkg/index.js");
      const { wire } = await (await fetch("/config.json")).json();
      window.placed = connect(wire + "/count?to=1000000&rate=100", { resume: { storage: true, key: "cached" } });
      placed.on(() => {});
      window.place = () => Number(JSON.parse(sessionStorage.getItem(Object.keys(sessionStorage).find((name) => name.includes("cached"))) ?? "[]")[0]);
    })()`);
    await tab.until("place() > 0", "a place");
    await awayAndBack(
      tab,
      server,
      "window.life?.().returns.some((back) => back.type === 'pageshow' && back.persisted)",
    );
    await tab.evaluate("window.before = place()");
    await tab.until("place() > before", "a further place");
    await tab.evaluate("placed.close()");
    await suspended(tab);
    return "pageshow";
  },

  async "freeze and resume of a hidden tab"({ tab, connection }) {
    const other = await connection.newTab("about:blank");
    await other.activate();
    await tab.until("document.visibilityState === 'hidden'");
    await tab.send("Page.setWebLifecycleState", { state: "frozen" });
    // A frozen page answers no evaluate; the server sees that both connections went.
    await connectionsAre(0);
    await tab.send("Page.setWebLifecycleState", { state: "active" });
    await tab.activate();
    await tab.until("life().returns.some((back) => back.type === 'resume')", "a resume event");
    await other.close();
    await suspended(tab);
    return "resume";
  },

  async "freeze and resume while an answer comes that nothing can resume"({ tab, connection }) {
    await tab.evaluate(`(async () => {
      const { connect } = await import("/pkg/index.js");
      const { wire } = await (await fetch("/config.json")).json();
      window.answer = { got: 0, states: [], closed: null };
      const made = connect(wire + "/llm?delay=20&tokens=200", {
        http: { method: "POST", headers: { "content-type": "application/json" }, body: '{"prompt":"hi"}' },
        until: ({ data }) => data === "[DONE]",
      });
      made.on(() => answer.got++);
      made.addEventListener("statechange", () => answer.states.push(made.state));
      made.addEventListener("close", ({ reason }) => (answer.closed = reason));
    })()`);
    await tab.until("answer.got > 10", "the first tokens");
    const other = await connection.newTab("about:blank");
    await other.activate();
    await tab.until("document.visibilityState === 'hidden'");
    await tab.send("Page.setWebLifecycleState", { state: "frozen" });
    await tab.send("Page.setWebLifecycleState", { state: "active" });
    await tab.activate();
    await tab.until("life().returns.some((back) => back.type === 'resume')", "a resume event");
    await other.close();
    await tab.until("answer.closed", "the end of the answer");
    const { got, states, closed } = await tab.evaluate("answer");
    assert.deepEqual({ states, closed }, { states: ["open", "closed"], closed: "ended" });
    assert.ok(got >= 200, `${got} events`);
    return "resume";
  },

  async "offline and online"({ tab, server }) {
    await setOffline(tab, true);
    await post(server, "/proxy/refuse");
    await post(server, "/proxy/reset");
    await tab.until("navigator.onLine === false");
    await tab.until(
      "['websocket', 'eventsource'].every((name) => life()[name].retries >= 2)",
      "both to have tried in vain",
    );
    await post(server, "/fault/clear");
    await setOffline(tab, false);
    await tab.until("life().returns.some((back) => back.type === 'online')", "an online event");
    return "online";
  },
};

const dropIn = "page-life: a drop-in WebSocket and the back/forward cache";

async function awayAndBack(tab, server, returned, away = async () => {}) {
  await tab.send("Page.navigate", { url: `${server.url}/away.html` });
  await tab.until("document.title === 'Away'");
  await away();
  const { currentIndex, entries } = await tab.send("Page.getNavigationHistory");
  const notUsed = tab.event("Page.backForwardCacheNotUsed").then((why) => {
    throw new Error(`the cache was not used: ${JSON.stringify(why.notRestoredExplanations)}`);
  });
  const back = tab
    .send("Page.navigateToHistoryEntry", { entryId: entries[currentIndex - 1].id })
    .then(() => tab.until(returned, "a pageshow from the cache"));
  await Promise.race([back, notUsed]);
}

let connectionsAre;

export async function pageLifeTests(report) {
  if (![dropIn, ...Object.keys(tests).map((name) => `page-life: ${name}`)].some((name) => report.wants(name))) return;
  const server = await startTestServer();
  const browser = await launchChromium();
  connectionsAre = async (count) => {
    const end = Date.now() + 30_000;
    for (;;) {
      const seen = await (await fetch(`${server.url}/stats`)).json();
      if (seen.connections === count && (count === 0 || (seen.ws === 1 && seen.sse === 1))) return;
      if (Date.now() > end) throw new Error(`waited for ${count} connections at the server: ${JSON.stringify(seen)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  try {
    for (const [name, test] of Object.entries(tests)) {
      await report.run("chromium", `page-life: ${name}`, async () => {
        await connectionsAre(0);
        const tab = await browser.connection.newTab(`${server.url}/life.html`);
        try {
          await tab.activate();
          await tab.until(healthy, "both to be live");
          await alive(tab, await test({ tab, server, connection: browser.connection }));
        } finally {
          await tab.close();
          await post(server, "/fault/clear");
        }
      });
    }
    await report.run("chromium", dropIn, async () => {
      await connectionsAre(0);
      const tab = await browser.connection.newTab(`${server.url}/life-socket.html`);
      try {
        await tab.activate();
        await tab.until("String(window.seen) === 'open'");
        await awayAndBack(tab, server, "window.seen?.includes('back')", () => connectionsAre(0));
        // One connection is over, as the standard has it; the next object is the page's own doing.
        await tab.until(
          "[...seen].sort().join() === 'back,close 1006,error,open,open'",
          "the close, and the next object",
        );
        assert.equal(
          await tab.evaluate("String(seen.filter((type) => type !== 'back'))"),
          "open,error,close 1006,open",
        );
      } finally {
        await tab.close();
      }
    });
  } finally {
    await browser.stop();
    await server.stop();
  }
}

/** Measured in the page: from the event of the return to the next message. */
async function alive(tab, type) {
  await tab.until(
    `['websocket', 'eventsource'].every((name) => life()[name].after['${type}'] > 0)`,
    `messages after ${type}`,
  );
  const life = await tab.evaluate("life()");
  for (const name of ["websocket", "eventsource"]) {
    const { after, missing, duplicates, closed, state } = life[name];
    assert.deepEqual(
      { state, closed, missing, duplicates },
      { state: "open", closed: null, missing: 0, duplicates: 0 },
      name,
    );
    assert.ok(after[type] <= within, `${name}: ${Math.round(after[type])} ms from ${type} to the next message`);
  }
  await connectionsAre(2);
}

async function suspended(tab) {
  const life = await tab.evaluate("life()");
  for (const name of ["websocket", "eventsource"])
    assert.ok(life[name].states.includes("suspended"), `${name} went ${life[name].states}`);
}

async function setOffline(tab, offline) {
  await tab.send("Network.enable");
  await tab.send("Network.emulateNetworkConditions", {
    offline,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput: -1,
  });
}

async function post(server, path) {
  const response = await fetch(server.url + path, { method: "POST" });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
}

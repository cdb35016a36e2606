// Two nodes of nginx with nchan over one Redis, and what a client notices when one of them goes: numbered messages on each
// transport, in a real browser, while the node in use is hit in mid-stream; at the end, what was published and what came.
//   node tests/cluster/run.mjs [chromium|firefox|webkit|all] [--rate N] [--hits N] [--only FAULT] [--resume off]
// --rate in messages a second; --hits on each node fault; --resume off shows that the test can fail. Last comes the page of
// `make demo-cluster` (--only "demo page").
// Fails if anything came twice, out of order, or is missing without a gap that names it; or is missing at all while Redis
// keeps its memory.
import { join } from "node:path";
import { engines } from "../browser/node/engines.mjs";
import { loadEnvironment, packed, root } from "../browser/node/environment.mjs";
import { freePort, start, stopAll } from "../browser/node/processes.mjs";
import { Cluster } from "../../www/cluster/cluster.mjs";
import { serve } from "../../www/cluster/files.mjs";
import { Publisher } from "../../www/cluster/publisher.mjs";
import { nodeFaults, redisFaults } from "./faults.mjs";

const given = process.argv.slice(2);
const option = (name, otherwise) => {
  const at = given.indexOf(`--${name}`);
  return at < 0 ? otherwise : given.splice(at, 2)[1];
};
const rate = Number(option("rate", 200)),
  hits = Number(option("hits", 3)),
  only = option("only", ""),
  resume = option("resume", "on");
const names = given[0] === "all" ? Object.keys(engines) : given.length ? given : ["chromium"];
if ([rate, hits].some(Number.isNaN) || names.some((name) => !Object.hasOwn(engines, name))) {
  console.error(
    "usage: node tests/cluster/run.mjs [chromium|firefox|webkit|all] [--rate N] [--hits N] [--only FAULT] [--resume off]",
  );
  process.exit(2);
}

const columns = [
  "published",
  "received",
  "missing",
  "twice",
  "disorder",
  "gaps",
  "told",
  "held back",
  "opens",
  "silence ms",
];
const faults = { ...nodeFaults };
for (const [title, fault] of Object.entries(redisFaults)) faults[title] = { redis: true, ...fault };
const demoTitle = "demo page";
if (![...Object.keys(faults), demoTitle].some((title) => title.includes(only))) {
  console.error(`no fault's name contains "${only}"; there are: ${[...Object.keys(faults), demoTitle].join("; ")}`);
  process.exit(2);
}
// So that the nodes, which are in groups of their own, end with it.
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
let flawed = false;

loadEnvironment();
console.log(`cluster: ${rate} messages a second, each node fault ${hits} times`);
try {
  for (const name of names) await run(name);
} finally {
  await stopAll();
}
process.exit(flawed ? 1 : 0);

async function run(name) {
  const engine = await engines[name]();
  const files = await serve({ roots: { "": join(root, "tests/cluster"), pkg: packed } });
  print(name, "", columns);
  try {
    for (const [title, fault] of Object.entries(faults)) {
      if (!title.includes(only)) continue;
      await under(fault, fault.redis ? 1 : hits, { name, title, driver: engine.driver, url: files.url }).catch(
        (error) => {
          flawed = true;
          console.error(`FAIL  ${name}, ${title}: ${error.stack}`);
        },
      );
    }
    if (demoTitle.includes(only)) {
      await demo(engine.driver).catch((error) => {
        flawed = true;
        console.error(`FAIL  ${name}, ${demoTitle}: ${error.stack}`);
      });
    }
  } finally {
    await engine.stop();
    await files.stop();
  }
}

/** What `make demo-cluster` starts: its page goes on at the other node when its button kills the one in use. */
async function demo(driver) {
  const server = await start(
    process.execPath,
    [join(root, "www/cluster/run.mjs"), "--port", String(await freePort())],
    { what: "the demo", ready: /(http:\S+) {3}nodes on \d+ and (\d+)/ },
  );
  try {
    const [, url, other] = server.match;
    await driver.get(url);
    const clients = () =>
      driver.executeScript(
        "return Object.values(window.demo ?? {}).map(({ wire, received, missing, twice }) => ({ state: wire.state, port: new URL(wire.url).port, received, missing, twice }))",
      );
    const until = async (what, holds) => {
      for (const deadline = Date.now() + 15_000; ; await pause(20)) {
        const now = await clients();
        if (now.length && now.every(holds)) return now;
        if (Date.now() > deadline)
          throw new Error(`${what} did not come in 15 s: ${JSON.stringify(now)}\n${server.output()}`);
      }
    };
    const before = await until("the first messages", ({ received }) => received > 5);
    await driver.executeScript("document.querySelector('#servers [data-do=kill]').click()");
    const after = await until(
      "the other node",
      ({ state, port, received }, at) => state === "open" && port === other && received > before[at].received + 20,
    );
    if (after.some(({ missing, twice }) => missing || twice)) throw new Error(JSON.stringify(after));
    console.log(`${demoTitle.padEnd(20)}goes on at the other node`);
  } finally {
    await driver.get("about:blank");
    await server.stop();
  }
}

/** A cluster of its own for each fault, and fresh clients. */
async function under(fault, times, { name, title, driver, url }) {
  const cluster = new Cluster({ redis: await freePort(), a: await freePort(), b: await freePort() });
  const [node, other] = cluster.nodes;
  const now = () => cluster.stopNow();
  process.once("exit", now);
  // By the node that is not hit, so that what is acknowledged is published, and once.
  const publisher = new Publisher(() => [`${other.url}/publish?channel=test`]);
  let ticks;
  try {
    await cluster.start();
    const query = new URLSearchParams({
      nodes: (fault.alone ? [node.url] : [node.url, other.url]).join(),
      channel: "test",
      resume,
    });
    await driver.get(`${url}/?${query}`);
    const look = () => driver.executeScript("return window.look?.() ?? null");
    const until = async (what, holds) => {
      const deadline = Date.now() + 15_000;
      for (;;) {
        const page = await look();
        if (page && Object.entries(page).every(([transport, client]) => holds(client, transport))) return page;
        if (Date.now() > deadline) {
          throw new Error(
            `${what} did not come in 15 s: ${JSON.stringify(page)}; published ${publisher.acknowledged} of ${publisher.last}, refused ${publisher.refused}, broken ${publisher.broken}\n${node.output}\n${other.output}`,
          );
        }
        await pause(20);
      }
    };
    const caughtUp = (what) => {
      const due = publisher.last;
      return until(`after ${what}: message ${due}`, ({ last }) => last >= due);
    };
    await until("the first connection", ({ state }) => state === "open");
    const begin = Date.now();
    ticks = setInterval(() => {
      while (publisher.last < ((Date.now() - begin) * rate) / 1_000) publisher.publish({});
    }, 5);
    await until("the first message", ({ last }) => last !== null);
    const home = () => driver.executeScript("window.home(arguments[0])", `${node.port}`);
    const place = { node, other, redis: cluster.redis, home };
    for (let hit = 0; hit < times; hit++) {
      await home();
      const before = await until(
        "the first node",
        (client) => client.state === "open" && client.node === `${node.port}`,
      );
      await pause(250 + 200 * hit);
      await fault.hit(place);
      // What was hit stays so until everybody has noticed and gone on.
      if (!fault.redis) {
        await until(title, ({ opens }, transport) => opens > before[transport].opens);
        await caughtUp(title);
      }
      await fault.heal?.(place);
      await pause(100);
      await caughtUp(title);
    }
    clearInterval(ticks);
    const last = publisher.last;
    const page = await until(`the last message, ${last}`, (client) => client.last >= last);
    for (const [transport, tally] of Object.entries(page)) judge(fault, { name, title, transport }, tally, publisher);
    const crashes = cluster.nodes.reduce((sum, node) => sum + node.crashes, 0);
    if (crashes) console.log(`${title}: nchan itself crashed ${crashes} times`);
  } finally {
    clearInterval(ticks);
    await publisher.stop();
    await driver.get("about:blank");
    await cluster.stop();
    process.off("exit", now);
  }
}

function judge(fault, { name, title, transport }, tally, { last, refused, broken }) {
  const { first, received, duplicates, misordered, untold, told, gaps, opens, silence, closed, suppressed, failures } =
    tally;
  const sent = last - first + 1;
  const missing = sent - (received - duplicates);
  const flaws = [
    duplicates && "came twice",
    misordered && "out of order",
    untold && "missing without a gap",
    closed,
    missing !== untold + told && "does not add up",
    missing && !fault.empties && "missing",
    fault.loses && !(missing && gaps) && "no gap told",
  ].filter(Boolean);
  print(
    title,
    transport,
    [sent, received, missing, duplicates, misordered, gaps, told, suppressed, opens, silence],
    `  ${Object.entries(failures)
      .map(([failure, times]) => `${failure}: ${times}`)
      .join(", ")}${refused || broken ? ` (posts refused: ${refused}, broken: ${broken})` : ""}`,
  );
  if (!flaws.length) return;
  flawed = true;
  console.log(`FAIL  ${name}, ${title}, ${transport}: ${flaws.join(", ")}`);
}

function print(title, transport, cells, rest = "") {
  console.log(title.padEnd(20) + transport.padEnd(12) + cells.map((cell) => String(cell).padStart(11)).join("") + rest);
}

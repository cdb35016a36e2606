// The other way: numbered messages from a page to a server that applies each once, through the same faults, but for
// reloads; over WebSocket, and over event streams with an uplink. With acks each must be applied exactly once and in order; without, each
// send must settle, and with `confirm: "pong"`, or an uplink, nothing that was told as sent may be missing.
//   node tests/chaos/sends.mjs [chromium|firefox|webkit|all] [--faults N] [--rate N] [--seed N] [--max-age MS] [--over websocket|stream]
//     [--client rust]
import { parseArgs } from "node:util";
import { engines } from "../browser/node/engines.mjs";
import { loadEnvironment } from "../browser/node/environment.mjs";
import { stopAll, stopOnSignals } from "../browser/node/processes.mjs";
import { sideBySide } from "../browser/node/side-by-side.mjs";
import { clientOf } from "./client.mjs";
import { play } from "./script.mjs";

/** @returns {{ type: "string", default: string }} */
const number = (byDefault) => ({ type: "string", default: String(byDefault) });
const {
  values,
  positionals: [name = "all"],
} = parseArgs({
  allowPositionals: true,
  options: {
    faults: number(12),
    rate: number(1_000),
    seed: number(Math.floor(Math.random() * 2 ** 32)),
    "max-age": number(2_000),
    client: { type: "string" },
    over: { type: "string" },
  },
});
const [faults, rate, seed, maxAge] = ["faults", "rate", "seed", "max-age"].map((key) => Number(values[key]));
const client = clientOf(values.client, { page: "chaos-sends.html", run: "sends" });
const ways = (values.over ?? client.ways).split(",");
const names = name === "all" ? Object.keys(engines) : [name];
if (
  [faults, rate, seed, maxAge].some(Number.isNaN) ||
  !client.known ||
  ways.some((way) => !["websocket", "stream"].includes(way)) ||
  names.some((name) => !Object.hasOwn(engines, name))
) {
  console.error(
    "usage: node tests/chaos/sends.mjs [chromium|firefox|webkit|all] [--faults N] [--rate N] [--seed N] [--max-age MS] [--over websocket|stream] [--client rust]",
  );
  process.exit(2);
}

stopOnSignals();
loadEnvironment();
console.log(
  `sends, ${client.name}: seed ${seed}, ${faults} faults in each browser, ${rate} messages a second for each client, maxAge ${maxAge} ms`,
);
let flawed = false;
try {
  const pairs = names.flatMap((name) => ways.map((over) => [name, over]));
  await sideBySide(pairs, async ([name, over]) => {
    try {
      await run(name, over);
    } catch (error) {
      flawed = true;
      console.error(`FAIL  ${name}, ${over} (seed ${seed}): ${error.stack}`);
    }
  });
} finally {
  await stopAll();
}
process.exit(flawed ? 1 : 0);

/** How many of the numbers in `wanted` are in none of `ranges`. */
function missing(wanted, ranges) {
  const has = new Set();
  for (const [from, to] of ranges) for (let n = from; n <= to; n++) has.add(n);
  let count = 0;
  for (const [from, to] of wanted) for (let n = from; n <= to; n++) count += has.has(n) ? 0 : 1;
  return count;
}

async function run(engine, over) {
  const reports = {};
  const { tallies, injected } = await play({
    engine,
    page: client.page,
    roots: client.roots,
    query: { ...client.query, over, ...(maxAge && { maxAge }) },
    rate,
    servers: 1,
    seed,
    faults,
    strict: true,
    without: ["reload"],
    atEnd: async (driver, { url }) => {
      await driver.executeScript("window.stopped = true");
      await driver.wait(
        () => driver.executeScript("return Object.values(window.tallies).every(({ last, sent }) => last === sent)"),
        30_000,
        "the last sends to settle",
      );
      const { app } = await (await fetch(`${url}/config.json`)).json();
      const keys = await driver.executeScript(
        "return Object.entries(window.tallies).map(([mode, { key }]) => [mode, key])",
      );
      for (const [mode, key] of keys) reports[mode] = await (await fetch(`${app}/ledger/report?client=${key}`)).json();
    },
  });
  console.log(
    `\n${engine}, ${over}: ${Object.entries(injected)
      .map(([fault, times]) => `${fault} ${times}`)
      .join(", ")}`,
  );
  for (const [mode, { sent, statuses, settled, opens }] of Object.entries(tallies)) {
    const { applied, disordered, ranges } = reports[mode];
    const acks = mode.startsWith("acked");
    const told = [...(settled.sent ?? []), ...(settled.acked ?? [])];
    const lost = missing(told, ranges);
    const total = Object.values(statuses).reduce((sum, count) => sum + count, 0);
    const unknown = statuses.unknown ?? 0;
    const arrived = unknown - missing(settled.unknown ?? [], ranges);
    console.log(
      `${mode.padEnd(18)} sends ${sent}, settled ${total} (${Object.entries(statuses)
        .map(([status, count]) => `${status} ${count}`)
        .join(", ")}), applied ${applied}, ` +
        `out of order ${disordered}, lost after ${acks ? "acked" : "sent"} ${lost}, of the unknown ${arrived} applied; ${opens} connections`,
    );
    const once = applied === told.reduce((sum, [from, to]) => sum + to - from + 1, 0) - lost + arrived;
    const whole = !acks || (statuses.acked === sent && applied === sent);
    // Without acks the order is kept on one connection only: at a planned change the server may read the new one first.
    if (
      total !== sent ||
      (acks && disordered) ||
      !once ||
      !whole ||
      ((mode !== "plain" || over === "stream") && lost)
    ) {
      console.log(`  ${mode} is FLAWED`);
      flawed = true;
    }
  }
}

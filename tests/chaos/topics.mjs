// Both ways on one connection, through the same faults, but for reloads: three topics, of which one is left and joined again all
// the time; numbered messages into each, with acks; and requests. What is said in a topic must come back once and in order, with
// no gap; each send must be acked, and each request answered.
//   node tests/chaos/topics.mjs [chromium|firefox|webkit|all] [--faults N] [--rate N] [--seed N] [--max-age MS] [--over websocket|stream]
//     [--client rust]
import { parseArgs } from "node:util";
import { engines } from "../browser/node/engines.mjs";
import { loadEnvironment } from "../browser/node/environment.mjs";
import { stopAll, stopOnSignals } from "../browser/node/processes.mjs";
import { sideBySide } from "../browser/node/side-by-side.mjs";
import { clientOf } from "./client.mjs";
import { play } from "./script.mjs";
import { settle } from "./settle.mjs";
import { everwireRow, print } from "./table.mjs";

/** @returns {{ type: "string", default: string }} */
const number = (byDefault) => ({ type: "string", default: String(byDefault) });
const {
  values,
  positionals: [name = "all"],
} = parseArgs({
  allowPositionals: true,
  options: {
    faults: number(12),
    rate: number(100),
    seed: number(Math.floor(Math.random() * 2 ** 32)),
    "max-age": number(2_000),
    client: { type: "string" },
    over: { type: "string" },
  },
});
const [faults, rate, seed, maxAge] = ["faults", "rate", "seed", "max-age"].map((key) => Number(values[key]));
const client = clientOf(values.client, { page: "chaos-topics.html", run: "topics" });
const ways = (values.over ?? client.ways).split(",");
const names = name === "all" ? Object.keys(engines) : [name];
if (
  [faults, rate, seed, maxAge].some(Number.isNaN) ||
  !client.known ||
  ways.some((way) => !["websocket", "stream"].includes(way)) ||
  names.some((name) => !Object.hasOwn(engines, name))
) {
  console.error(
    "usage: node tests/chaos/topics.mjs [chromium|firefox|webkit|all] [--faults N] [--rate N] [--seed N] [--max-age MS] [--over websocket|stream] [--client rust]",
  );
  process.exit(2);
}

stopOnSignals();
loadEnvironment();
console.log(
  `topics, ${client.name}: seed ${seed}, ${faults} faults in each browser, ${rate} messages a second into each topic, maxAge ${maxAge} ms`,
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

async function run(engine, over) {
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
    atEnd: settle,
  });
  const all = Object.entries(tallies);
  const rows = all
    .filter(([, tally]) => "received" in tally)
    .map(([name, tally]) => everwireRow(name, tally, { log: 0, calm: false }));
  print(
    `${engine}, ${over}: ${Object.entries(injected)
      .map(([fault, times]) => `${fault} ${times}`)
      .join(", ")}`,
    rows,
  );
  for (const { name } of rows.filter((row) => row.flawed)) {
    flawed = true;
    console.log(`FAIL  ${engine}, ${over}, ${name}`);
  }
  for (const [name, { sent, statuses }] of all.filter(([, tally]) => "statuses" in tally)) {
    const settled = Object.entries(statuses).map(([status, count]) => `${status} ${count}`);
    console.log(`${name}: ${sent} sent, ${settled.join(", ")}`);
    // A reply is the server's ack, too.
    if (statuses.acked === sent || statuses.ack === sent) continue;
    flawed = true;
    console.log(`FAIL  ${engine}, ${over}, ${name}`);
  }
}

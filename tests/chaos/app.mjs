// The Rust app that uses all of it, under all faults: tests/chaos/rust/src/app.rs. A stream of numbers whose place outlives the page; two
// topics with what is said in them, kept in a persisted outbox; requests; by WebSocket or by event streams with an uplink, whatever gets
// through; on a server that wants tokens, which expire after 10 s. Besides the faults of the others tokens are revoked, so that the next
// connection is a 401, and WebSockets refused; and pages are reloaded, each when it has written its place: before that, as within a
// moment of the last reload, the next page goes on from the place of the one before, and what this one had comes twice. Nothing may be lost, come twice or out of order, each send must be
// acked once, and each request of the last page answered.
//   node tests/chaos/app.mjs [chromium|firefox|webkit|all] [--faults N] [--rate N] [--seed N] [--max-age MS]
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
    rate: number(50),
    seed: number(Math.floor(Math.random() * 2 ** 32)),
    "max-age": number(5_000),
  },
});
const [faults, rate, seed, maxAge] = ["faults", "rate", "seed", "max-age"].map((key) => Number(values[key]));
const names = name === "all" ? Object.keys(engines) : [name];
if ([faults, rate, seed, maxAge].some(Number.isNaN) || names.some((name) => !Object.hasOwn(engines, name))) {
  console.error(
    "usage: node tests/chaos/app.mjs [chromium|firefox|webkit|all] [--faults N] [--rate N] [--seed N] [--max-age MS]",
  );
  process.exit(2);
}
// A second 401 before a connection has held is the end.
const revoke = { name: "401", app: "/token/revoke", path: "/proxy/reset", calm: 1_000, ms: [0, 1_000] };
/** @type {import("./faults.mjs").Fault[]} */
const more = [
  revoke,
  revoke,
  { name: "no WebSocket", app: "/upgrades/refuse?ms=3000", path: "/proxy/reset", ms: [0, 3_000] },
  { name: "no WebSocket", app: "/upgrades/refuse?ms=10000", path: "/proxy/reset", ms: [0, 3_000] },
  { name: "reload", ms: [0, 500] },
  { name: "reload", ms: [0, 500] },
];

stopOnSignals();
loadEnvironment();
const client = clientOf("rust", { page: "", run: "app" });
console.log(`app: seed ${seed}, ${faults} faults in each browser, ${rate} messages a second of each kind`);
let flawed = false;
try {
  await sideBySide(names, async (name) => {
    try {
      await run(name);
    } catch (error) {
      flawed = true;
      console.error(`FAIL  ${name} (seed ${seed}): ${error.stack}`);
    }
  });
} finally {
  await stopAll();
}
process.exit(flawed ? 1 : 0);

async function run(engine) {
  /** @type {Record<string, number>} */
  let noted = {};
  const { tallies, injected } = await play({
    engine,
    page: client.page,
    roots: client.roots,
    query: { ...client.query, ...(maxAge && { maxAge }) },
    rate,
    servers: 1,
    seed,
    faults,
    more,
    strict: true,
    mayReload: (driver) =>
      driver.executeScript(
        "return Object.entries(sessionStorage).some(([name, place]) => name.startsWith('everwire numbers') && JSON.parse(place)[1] >= (window.tallies?.numbers?.page ?? Infinity))",
      ),
    atEnd: async (driver) => {
      await settle(driver);
      noted = await driver.executeScript("return window.noted");
    },
  });
  const all = Object.entries(tallies);
  // What another page left is sent when its lock is free, which may be after what is new: then it is said later.
  const rows = all
    .filter(([, tally]) => "received" in tally)
    .map(([name, tally]) =>
      everwireRow(name, name.startsWith("said") ? { ...tally, misordered: 0 } : tally, { log: 0, calm: false }),
    );
  print(
    `${engine}: ${Object.entries(injected)
      .map(([fault, times]) => `${fault} ${times}`)
      .join(", ")}`,
    rows,
  );
  const fail = (name) => {
    flawed = true;
    console.log(`FAIL  ${engine}, ${name}`);
  };
  for (const { name } of rows.filter((row) => row.flawed)) fail(name);
  for (const [name, { sent, begun, statuses }] of all.filter(([, tally]) => "statuses" in tally)) {
    const settled = Object.entries(statuses).map(([status, count]) => `${status} ${count}`);
    console.log(`${name}: ${sent - begun} sent, ${settled.join(", ")}`);
    // A reply is the server's ack, too.
    if (statuses.acked !== sent && statuses.ack !== sent - begun) fail(name);
  }
  console.log(
    Object.entries(noted)
      .map(([what, times]) => `${what} ${times}`)
      .join(", "),
  );
  // So many faults bring all of it.
  for (const what of ["by websocket", "by fetch", "token, unauthorized", "restored"])
    if (faults >= 40 && !noted[what]) fail(`never ${what}`);
}

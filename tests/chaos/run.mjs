// Faults without end: numbered messages through the fault proxies on each transport, in each browser, while a seeded
// script breaks what can break; at the end, what was sent and what came.
//   node tests/chaos/run.mjs [chromium|firefox|webkit|all] [FLAG...]
//   --faults N     for each browser (12)
//   --rate N       messages a second for each client (1000)
//   --seed N       the same faults again; without it a new one, which is printed
//   --log N        how many messages a server can replay (all)
//   --endpoints N  1 or 2 servers that everwire is given (2; with --peers 1, as theirs); half of the faults hit only one
//   --max-age MS   everwire's reconnect.maxAge (2000): a new connection takes the place of each that gets so old
//   --rollovers N  no faults at all, until so many connections on each transport have been replaced: the state stays open
//   --client rust  the crate in the place of the npm package: tests/chaos/rust
//   --peers        then the same faults on other clients, in a page of their own, for comparison
// Fails if everwire gives anything twice, out of order, or not at all without a gap that names it; not for a peer.
import { engines } from "../browser/node/engines.mjs";
import { loadEnvironment } from "../browser/node/environment.mjs";
import { stopAll, stopOnSignals } from "../browser/node/processes.mjs";
import { sideBySide } from "../browser/node/side-by-side.mjs";
import { clientOf } from "./client.mjs";
import { bundlePeers } from "./peers/bundle.mjs";
import { play } from "./script.mjs";
import { everwireRow, legend, peerRow, print } from "./table.mjs";

const given = process.argv.slice(2);
const text = (name) => {
  const at = given.indexOf(`--${name}`);
  return at < 0 ? undefined : given.splice(at, 2)[1];
};
const option = (name, otherwise) => Number(text(name) ?? otherwise);
const flag = (name) => given.includes(`--${name}`) && given.splice(given.indexOf(`--${name}`), 1).length > 0;
const peers = flag("peers");
const faults = option("faults", 12),
  rate = option("rate", 1_000),
  log = option("log", 0);
const endpoints = option("endpoints", peers ? 1 : 2),
  maxAge = option("max-age", 2_000),
  rollovers = option("rollovers", 0);
const client = clientOf(text("client"), { page: "chaos.html", run: "messages" });
const seed = option("seed", Math.floor(Math.random() * 2 ** 32));
const names = !given.length || given[0] === "all" ? Object.keys(engines) : given;
if (
  [faults, rate, log, maxAge, rollovers, seed].some(Number.isNaN) ||
  ![1, 2].includes(endpoints) ||
  !client.known ||
  names.some((name) => !Object.hasOwn(engines, name))
) {
  console.error(
    "usage: node tests/chaos/run.mjs [chromium|firefox|webkit|all] [--faults N] [--rate N] [--seed N] [--log N] [--endpoints 1|2] [--max-age MS] [--rollovers N] [--peers]",
  );
  process.exit(2);
}
let flawed = false,
  /** @type {Promise<string> | undefined} */
  bundled;

stopOnSignals();
loadEnvironment();
console.log(
  `chaos, ${client.name}: ${rollovers ? `${rollovers} rollovers` : `seed ${seed}, ${faults} faults`} in each browser, ${rate} messages a second for each client, ${endpoints} endpoint${endpoints > 1 ? "s" : ""}` +
    `${log ? `, the last ${log} replayed` : ""}${maxAge ? `, maxAge ${maxAge} ms` : ""}`,
);
/** Whether each client has stored a place of this page's. */
const STORED = `const places = Object.entries(sessionStorage);
return Object.entries(window.tallies ?? {}).every(([name, { page }]) =>
  places.some(([key, place]) => key.startsWith("everwire " + name + " ") && JSON.parse(place)[1] >= (page ?? Infinity)));`;

try {
  await sideBySide(names, run);
  if (peers) console.log(legend);
} finally {
  await stopAll();
}
process.exit(flawed ? 1 : 0);

async function run(engine) {
  const query = { ...client.query, ...(log && { log }), ...(maxAge && { maxAge }) };
  const common = { engine, query, rate, seed, faults: rollovers ? 0 : faults };
  try {
    const { tallies, injected } = await play({
      ...common,
      page: client.page,
      roots: client.roots,
      servers: endpoints,
      strict: true,
      rollovers,
      // A page that is left within some 300 ms has not yet claimed its place: what it had comes again.
      mayReload: (driver) => driver.executeScript(STORED),
    });
    /** @type {{ name: string, cells: any[], flawed?: boolean }[]} */
    const rows = Object.entries(tallies).map(([transport, tally]) =>
      everwireRow(`${client.name}, ${transport}`, tally, { log, calm: rollovers > 0 }),
    );
    if (peers) {
      bundled ??= bundlePeers();
      const roots = [`peers=${await bundled}`];
      const played = await play({ ...common, page: "chaos-peers.html", roots, servers: 1, strict: false });
      rows.push(...Object.entries(played.tallies).map(([name, tally]) => peerRow(name, tally, played)));
    }
    print(
      `${engine}: ${Object.entries(injected)
        .map(([fault, times]) => `${fault} ${times}`)
        .join(", ")}`,
      rows,
    );
    for (const { name } of rows.filter((row) => row.flawed)) {
      flawed = true;
      console.log(`FAIL  ${engine}, ${name}`);
    }
  } catch (error) {
    flawed = true;
    console.error(`FAIL  ${engine} (seed ${seed}): ${error.stack}`);
  }
}

// Faults without end: numbered messages through the fault proxy on each transport, in each browser, while a seeded
// script breaks what can break; at the end, what was sent and what came.
//   node tests/chaos/run.mjs [chromium|firefox|webkit|all] [--faults N] [--rate N] [--seed N] [--log N]
// --faults for each browser; --rate in messages a second for each transport; --log how many a server can replay.
// Fails if anything came twice, out of order, or is missing without a gap that names it.
import { engines } from "../browser/node/engines.mjs";
import { loadEnvironment } from "../browser/node/environment.mjs";
import { stopAll } from "../browser/node/processes.mjs";
import { startTestServer } from "../browser/node/server.mjs";
import { random, schedule } from "./faults.mjs";

const given = process.argv.slice(2);
const option = (name, otherwise) => {
  const at = given.indexOf(`--${name}`);
  return at < 0 ? otherwise : Number(given.splice(at, 2)[1]);
};
const faults = option("faults", 12), rate = option("rate", 1_000), log = option("log", 0);
const seed = option("seed", Math.floor(Math.random() * 2 ** 32));
const names = !given.length || given[0] === "all" ? Object.keys(engines) : given;
if ([faults, rate, log, seed].some(Number.isNaN) || names.some((name) => !Object.hasOwn(engines, name))) {
  console.error("usage: node tests/chaos/run.mjs [chromium|firefox|webkit|all] [--faults N] [--rate N] [--seed N] [--log N]");
  process.exit(2);
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
let flawed = false;

loadEnvironment();
console.log(`chaos: seed ${seed}, ${faults} faults in each browser, ${rate} messages a second on each transport${log ? `, the last ${log} replayed` : ""}`);
try {
  for (const name of names) await run(name);
} finally {
  await stopAll();
}
process.exit(flawed ? 1 : 0);

async function run(name) {
  const engine = await engines[name]();
  const server = await startTestServer();
  const begin = Date.now();
  const driver = engine.driver;
  const injected = {};
  try {
    await driver.get(`${server.url}/chaos.html?${new URLSearchParams({ begin, rate, ...(log && { log }) })}`);
    const tallies = () => driver.executeScript("return window.tallies ?? null");
    const control = async (path) => {
      const answer = await fetch(`${server.url}${path}`, { method: "POST" });
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    };
    const published = () => Math.floor(((Date.now() - begin) * rate) / 1_000);
    /** All have what was due when this was called. */
    const caughtUp = async (what) => {
      const due = published(), deadline = Date.now() + 30_000;
      for (;;) {
        const now = await tallies();
        if (now && Object.values(now).every(({ last }) => last >= due)) return;
        if (Date.now() > deadline) throw new Error(`after ${what}: message ${due} did not come in 30 s: ${JSON.stringify(now)}`);
        await pause(20);
      }
    };
    await caughtUp("the start");
    const draw = random(seed);
    for (let n = 0; n < faults; n++) {
      const fault = schedule(draw);
      injected[fault.name] = (injected[fault.name] ?? 0) + 1;
      if (fault.name === "reload") await driver.navigate().refresh();
      else await control(fault.path);
      await pause(fault.ms);
      if (fault.after) await control(fault.after);
      // Most faults are over before the next one; some fall into what the one before has left.
      if (draw() < 0.8) await caughtUp(fault.name);
    }
    await control("/fault/clear");
    await caughtUp("the end");
    print(name, await tallies(), injected);
  } catch (error) {
    flawed = true;
    console.error(`FAIL  ${name} (seed ${seed}): ${error.stack}`);
  } finally {
    await engine.stop();
    await server.stop();
  }
}

function print(name, tallies, injected) {
  console.log(`\n${name}: ${Object.entries(injected).map(([fault, times]) => `${fault} ${times}`).join(", ")}`);
  const columns = ["sent", "received", "duplicates", "missing", "out of order", "gaps told", "told missing", "wrong gaps", "opens"];
  console.log(["", ...columns].map((text, at) => (at ? text.padStart(13) : text.padEnd(12))).join(""));
  for (const [transport, tally] of Object.entries(tallies)) {
    const { first, last, received, duplicates, misordered, untold, told, gaps, wrongGaps, opens } = tally;
    const sent = last - first + 1;
    console.log([transport, sent, received, duplicates, untold, misordered, gaps, told, wrongGaps, opens].map((cell, at) => (at ? String(cell).padStart(13) : cell.padEnd(12))).join(""));
    if (duplicates || misordered || untold || wrongGaps || received + told !== sent || (!log && gaps)) {
      flawed = true;
      console.log(`FAIL  ${name}, ${transport}`);
    }
  }
}

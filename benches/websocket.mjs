// What receiving a message costs: everwire, a raw WebSocket and two peers, in Chromium, in alternating rounds.
// Usage: node benches/websocket.mjs [ROUNDS] [MESSAGES]   Times are reported, never asserted.
import { build } from "esbuild";
import { join } from "node:path";
import { installAlone, newestTarball } from "../tests/consumers/lib/install.mjs";
import { root } from "../tests/consumers/lib/paths.mjs";
import { launch } from "./chromium.mjs";
import { payload, startSource } from "./source.mjs";

const [rounds = 9, messages = 30_000] = process.argv.slice(2).map(Number);
if (!(Number.isInteger(rounds) && rounds > 0 && Number.isInteger(messages) && messages > 0)) {
  console.error("bench: ROUNDS and MESSAGES are whole numbers from 1 on.");
  process.exit(2);
}

const raw = "raw WebSocket";
/** Each has a page in benches/pages. */
const contestants = {
  [raw]: "raw",
  everwire: "everwire",
  partysocket: "partysocket",
  "reconnecting-websocket": "reconnecting-websocket",
};

const tarball = newestTarball();
if (!tarball) {
  console.error("bench: there is no pkg/everwire-*.tgz. Run `make pack` first.");
  process.exit(1);
}
const everwire = join(root, "target/bench");
await installAlone(everwire, tarball);

/** The contestant's page as one script, minified as an app would have it. */
async function script(file) {
  const { outputFiles } = await build({
    entryPoints: [join(root, "benches/pages", `${file}.js`)],
    alias: { everwire: join(everwire, "node_modules/everwire") },
    bundle: true,
    minify: true,
    format: "esm",
    write: false,
    logLevel: "warning",
  });
  return outputFiles[0].contents;
}

const scripts = {};
for (const file of Object.values(contestants)) scripts[`/${file}.js`] = await script(file);
const source = await startSource(scripts);
const browser = await launch();

const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
};

/** One round of one contestant: microseconds of script and of all tasks for a message, and messages a second. */
async function measure(page) {
  await page.evaluate(`bench.open(${JSON.stringify(source.wire(messages))}, ${messages})`);
  await page.collectGarbage();
  const before = await page.metrics();
  const elapsed = await page.evaluate("bench.receive()");
  const after = await page.metrics();
  await page.evaluate("bench.close()");
  const each = (metric) => ((after[metric] - before[metric]) * 1e6) / messages;
  return { script: each("ScriptDuration"), task: each("TaskDuration"), rate: (messages / elapsed) * 1_000 };
}

async function table(title, json) {
  const results = {},
    pages = {};
  for (const [name, file] of Object.entries(contestants)) {
    results[name] = [];
    pages[name] = await browser.open(`${source.page}${file}.html${json ? "?json" : ""}`);
    await measure(pages[name]); // warms up; not counted
  }
  const names = Object.keys(contestants);
  for (let round = 0; round < rounds; round += 1) {
    for (let turn = 0; turn < names.length; turn += 1) {
      const name = names[(round + turn) % names.length]; // each is first as often
      results[name].push(await measure(pages[name]));
    }
  }
  for (const page of Object.values(pages)) await page.close();

  console.log(`\n${title}: medians of ${rounds} rounds of ${messages} messages of ${payload.length} bytes`);
  console.log(
    `${"".padEnd(24)}${["script µs", "ratio", "µs over raw", "task µs", "messages/s"].map((head) => head.padStart(12)).join("")}`,
  );
  for (const name of names) {
    const of = (pick) => median(results[name].map(pick));
    // Against raw in the same round, so that a drift of the machine cancels out.
    const ratio = of(({ script }, round) => script / results[raw][round].script);
    const over = of(({ script }, round) => script - results[raw][round].script);
    const cells = [
      of(({ script }) => script).toFixed(2),
      ratio.toFixed(2),
      over.toFixed(2),
      of(({ task }) => task).toFixed(2),
      of(({ rate }) => rate).toFixed(0),
    ];
    console.log(`${name.padEnd(24)}${cells.map((cell) => cell.padStart(12)).join("")}`);
  }
}

try {
  await table("text", false);
  await table("JSON parsed", true);
} finally {
  await browser.close();
  source.close();
}

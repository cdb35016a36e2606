// Fuzzes the packed package in Node with what comes in: frames, event streams, answers and their headers, storage contents.
//   node tests/hostile/fuzz.mjs [--seconds 60] [--seed N] [--round N] [--together 48]
// A round is made from the seed and its number alone; what fails prints both, and how it is run again.
import { fork } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { needFile, packed } from "../browser/node/environment.mjs";

const { values } = parseArgs({
  options: Object.fromEntries(["seconds", "seed", "round", "together"].map((name) => [name, { type: "string" }])),
});
const number = (name, otherwise) => (values[name] === undefined ? otherwise : Number(values[name]));
const seed = number("seed", Math.floor(Math.random() * 2 ** 31));
const single = number("round", undefined);
/** A process that says nothing for so long stands still. */
const SILENCE = 30_000;
needFile(join(packed, "duplex.js"), "Make it: make pack.");
const script = join(dirname(fileURLToPath(import.meta.url)), "fuzz/rounds.mjs");

/** @returns {Promise<any>} */
function run(from, to, seconds, together) {
  return new Promise((resolve) => {
    const child = fork(script, [JSON.stringify({ seed, from, to, seconds, together })], {
      execArgv: ["--expose-gc", "--max-old-space-size=1024"],
    });
    let last = { running: /** @type {number[]} */ ([]), done: 0 };
    const still = () => {
      ending({ ...last, failed: null, error: `the process stands still: nothing for ${SILENCE / 1_000} s` });
      child.kill("SIGKILL");
    };
    let timer = setTimeout(still, SILENCE);
    const ending = (told) => {
      clearTimeout(timer);
      resolve(told);
    };
    child.on("message", (told) => {
      clearTimeout(timer);
      timer = setTimeout(still, SILENCE);
      last = { ...last, .../** @type {any} */ (told) };
      if ("failed" in last || "over" in last) ending(last);
    });
    child.on("exit", (code, signal) =>
      ending({ ...last, failed: null, error: `the process ended: ${signal ?? code}` }),
    );
  });
}

console.log(`fuzz: seed ${seed}`);
const first = single ?? 0;
const told = await run(
  first,
  single === undefined ? 2 ** 31 : single + 1,
  number("seconds", 60),
  number("together", 48),
);
if (told.over) {
  console.log(
    `fuzz: ${told.done} rounds, ${told.told} warnings, ${told.grown.toFixed(1)} MiB more at the end, ${told.rss >> 20} MiB in all`,
  );
  process.exit(0);
}
let found = told;
// What has no round's name is of one of those that were under way: each by itself.
if (typeof found.failed !== "number" && single === undefined)
  for (const one of told.running) {
    const alone = await run(one, one + 1, 60, 1);
    if (!alone.over) {
      found = { ...alone, failed: one };
      break;
    }
  }
console.error(`fuzz: ${found.error}\n${found.plan ?? ""}`);
console.error(
  `fuzz: seed ${seed}, ${
    typeof found.failed === "number" ? `round ${found.failed}` : `one of the rounds ${told.running}, but none by itself`
  }. Again: node tests/hostile/fuzz.mjs --seed ${seed} --round ${found.failed ?? "N"}`,
);
process.exit(1);

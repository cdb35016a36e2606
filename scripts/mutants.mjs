// Compares what `cargo mutants` found with the list of what may survive: node scripts/mutants.mjs MUTANTS.OUT [FLAG...]
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const [dir, ...flags] = process.argv.slice(2);
const path = ".cargo/mutants.txt";
const root = dirname(dirname(fileURLToPath(import.meta.url)));
let failed = false;

function fail(sentence) {
  console.error(`mutants: ${sentence}`);
  failed = true;
}

/** Paragraphs: the reason in lines with a #, then each survivor it holds for. */
function listed() {
  const names = new Set();
  let reason = false;
  for (const line of readFileSync(join(root, path), "utf8")
    .split("\n")
    .map((line) => line.trim())) {
    if (line === "") reason = false;
    else if (line.startsWith("#")) reason = true;
    else if (!reason) fail(`${path} gives no reason for: ${line}`);
    else names.add(line);
  }
  return names;
}

/** Without line numbers, as these move: the file, the function, and what became of the line. */
function named({ name, file, function: inside, genre }, diff) {
  const changed = diff
    .split("\n")
    .slice(2)
    .filter((line) => line.startsWith("+"));
  if (genre === "FnValue" || changed.length !== 1) return name.replace(/:\d+:\d+:/, "");
  const line = changed[0]
    .slice(1)
    .replace(/\/\* ~ changed by cargo-mutants ~ \*\//, "")
    .trim()
    .replace(/ +/g, " ");
  return `${file} ${inside?.function_name ?? ""}: ${line}`;
}

const seconds = (phases) => phases.find(({ phase }) => phase === "Test")?.duration ?? 0;

if (!existsSync(join(dir, "outcomes.json"))) {
  fail("cargo mutants left no result (above: why)");
  process.exit(1);
}
const read = (path) => readFileSync(join(dir, path), "utf8");
const { outcomes } = JSON.parse(read("outcomes.json"));
const [baseline] = outcomes.filter(({ scenario }) => scenario === "Baseline");
if (baseline?.summary !== "Success") fail("the tests fail, or do not build, before anything is changed");

const allowed = listed();
const count = { CaughtMutant: 0, MissedMutant: 0, Timeout: 0, Unviable: 0 };
const survivors = new Set();
for (const { scenario, summary, diff_path, log_path, phase_results } of outcomes) {
  if (scenario === "Baseline") continue;
  if (!(summary in count)) fail(`${scenario.Mutant.name}: ${summary}`);
  count[summary] += 1;
  // Out of time proves nothing by itself, as the machine may be busy. Ten times what the tests take does: it never
  // ends. So does a test that failed before.
  const hung =
    summary === "Timeout" &&
    seconds(phase_results) < 10 * seconds(baseline.phase_results) &&
    !/^test .* FAILED$/m.test(read(log_path));
  if (summary !== "MissedMutant" && !hung) continue;
  const name = named(scenario.Mutant, read(diff_path));
  survivors.add(name);
  if (!allowed.has(name)) {
    const { file, span } = scenario.Mutant;
    const place = `${file}:${span.start.line}:${span.start.column}`;
    fail(
      `${hung ? "out of time before any test failed" : "no test notices"} (${place}; ` +
        `write one, or list it in ${path} with the reason):\n${name}`,
    );
  }
}
const all = Object.values(count).reduce((a, b) => a + b);
const planned = JSON.parse(read("mutants.json")).length;
if (all === 0 || all < planned) fail(`the run broke off after ${all} of ${planned} changes`);
// Flags choose a part, and that says nothing of the rest of the list.
if (flags.length === 0) {
  for (const name of allowed) {
    if (!survivors.has(name))
      console.error(`mutants: noticed now, or not made any more; take it off ${path}:\n${name}`);
  }
}
const unlisted = [...survivors].filter((name) => !allowed.has(name)).length;
console.log(
  `mutants: ${all} changes, ${count.CaughtMutant} caught, ${count.Timeout} hung, ` +
    `${count.Unviable} did not build, ${count.MissedMutant} survived (${unlisted} of them not listed)`,
);
process.exit(failed ? 1 : 0);

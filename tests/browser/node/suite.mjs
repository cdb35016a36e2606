// What the suites of pages have in common: their arguments, the engines one after the other, and the report.
import { join } from "node:path";
import { engines } from "./engines.mjs";
import { loadEnvironment, needFile, packed, serverBinary } from "./environment.mjs";
import { stopAll } from "./processes.mjs";
import { Report } from "./report.mjs";

/** Runs `tests(driver, engine, report)` in each engine that the arguments name, and ends the process. `command`: for the usage. */
export async function runSuite(command, tests) {
  const { names, only } = readArguments(command, process.argv.slice(2));
  const report = new Report(only);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      stopAll().finally(() => process.exit(130));
    });
  }
  try {
    loadEnvironment();
    needFile(serverBinary, "Build it: cargo build -p everwire-demo.");
    needFile(join(packed, "index.js"), "Make it: make pack.");
    for (const name of names) await runEngine(name, tests, report);
  } catch (error) {
    report.fail("run", "set-up", error.message);
  } finally {
    await stopAll();
  }
  process.exit(report.finish());
}

async function runEngine(name, tests, report) {
  let engine;
  try {
    engine = await engines[name]();
  } catch (error) {
    report.fail(name, "start", error.message);
    return;
  }
  try {
    await tests(engine.driver, name, report);
  } catch (error) {
    report.fail(name, "run", error.stack);
  } finally {
    await engine.stop();
  }
}

function readArguments(command, args) {
  const usage = (problem) => {
    console.error(`${problem}\nusage: ${command} [chromium|firefox|webkit|all] [--only PATTERN]`);
    process.exit(2);
  };
  let which = "all";
  let only = "";
  while (args.length > 0) {
    const arg = args.shift();
    if (arg === "--only") only = args.shift() ?? usage("--only needs a pattern.");
    else if (arg === "all" || Object.hasOwn(engines, arg)) which = arg;
    else usage(`What is ${arg}?`);
  }
  return { names: which === "all" ? Object.keys(engines) : [which], only };
}

// The tests of the packed npm package in real browsers, against the real server.
//   node tests/browser/run.mjs [chromium|firefox|webkit|all] [--only PATTERN]
// PATTERN is a part of "FILE: TEST NAME". Needs the demo server (cargo build) and target/packed/package.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { demoTests } from "./demo.mjs";
import { engines } from "./node/engines.mjs";
import { loadEnvironment, needFile, packed, pages, serverBinary } from "./node/environment.mjs";
import { stopAll } from "./node/processes.mjs";
import { Report } from "./node/report.mjs";
import { startTestServer } from "./node/server.mjs";
import { memoryTests } from "./memory.mjs";
import { pageLifeTests } from "./page-life.mjs";
import { runFile } from "./node/run-file.mjs";

const { names, only } = readArguments(process.argv.slice(2));
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
  for (const name of names) await runEngine(name);
} catch (error) {
  report.fail("run", "set-up", error.message);
} finally {
  await stopAll();
}
process.exit(report.finish());

async function runEngine(name) {
  let engine;
  try {
    engine = await engines[name]();
  } catch (error) {
    report.fail(name, "start", error.message);
    return;
  }
  try {
    const files = readdirSync(join(pages, "tests"))
      .filter((file) => file.endsWith(".js"))
      .sort();
    const server = await startTestServer();
    for (const file of files) await runFile(engine.driver, server.url, name, file.slice(0, -3), report);
    await server.stop();
    await demoTests(engine.driver, name, report);
    if (name === "chromium") await pageLifeTests(report);
    if (name === "chromium") await memoryTests(report);
  } catch (error) {
    report.fail(name, "run", error.stack);
  } finally {
    await engine.stop();
  }
}

function readArguments(args) {
  const usage = (problem) => {
    console.error(`${problem}\nusage: node tests/browser/run.mjs [chromium|firefox|webkit|all] [--only PATTERN]`);
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

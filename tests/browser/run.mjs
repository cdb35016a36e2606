// The tests of the packed npm package in real browsers, against the real server.
//   node tests/browser/run.mjs [chromium|firefox|webkit|all] [--only PATTERN]
// PATTERN is a part of "FILE: TEST NAME". Needs the demo server (cargo build) and target/packed/package.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { demoTests } from "./demo.mjs";
import { memoryTests } from "./memory.mjs";
import { pages } from "./node/environment.mjs";
import { runFile } from "./node/run-file.mjs";
import { runSuite } from "./node/suite.mjs";
import { pageLifeTests } from "./page-life.mjs";

const files = readdirSync(join(pages, "tests"))
  .filter((file) => file.endsWith(".js"))
  .sort()
  .map((file) => file.slice(0, -3));

await runSuite("node tests/browser/run.mjs", (engine) => [
  // The longest first, so that no session has it left when the others are done.
  { name: "demo", run: ({ driver }, report) => demoTests(driver, engine, report) },
  ...(engine === "chromium"
    ? [
        { name: "page-life", run: (_, report) => pageLifeTests(report) },
        { name: "memory", run: (_, report) => memoryTests(report) },
      ]
    : []),
  ...files.map((name) => ({
    name,
    run: ({ driver, url }, report) => runFile(driver, url, engine, name, report),
  })),
]);

// A server that says what it should not, and storages that hold what nobody wrote: the packed package in real browsers.
//   node tests/hostile/run.mjs [chromium|firefox|webkit|all] [--only PATTERN]
// PATTERN is a part of "FILE: TEST NAME". Needs the demo server (cargo build) and target/packed/package.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runFile } from "../browser/node/run-file.mjs";
import { runSuite } from "../browser/node/suite.mjs";

const pages = join(dirname(fileURLToPath(import.meta.url)), "pages");

await runSuite(
  "node tests/hostile/run.mjs",
  (engine) =>
    ["words", "streams"].map((name) => ({
      name,
      run: ({ driver, url }, report) => runFile(driver, url, engine, name, report, "hostile"),
    })),
  [`hostile=${pages}`],
);

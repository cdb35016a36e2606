// A server that says what it should not, and storages that hold what nobody wrote: the packed package in real browsers.
//   node tests/hostile/run.mjs [chromium|firefox|webkit|all] [--only PATTERN]
// PATTERN is a part of "FILE: TEST NAME". Needs the demo server (cargo build) and target/packed/package.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runFile } from "../browser/node/run-file.mjs";
import { startTestServer } from "../browser/node/server.mjs";
import { runSuite } from "../browser/node/suite.mjs";

const pages = join(dirname(fileURLToPath(import.meta.url)), "pages");

await runSuite("node tests/hostile/run.mjs", async (driver, name, report) => {
  const server = await startTestServer([`hostile=${pages}`]);
  for (const file of ["words", "streams"]) await runFile(driver, server.url, name, file, report, "hostile");
  await server.stop();
});

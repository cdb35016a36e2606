// The tests of the packed npm package in real browsers, against the real server.
//   node tests/browser/run.mjs [chromium|firefox|webkit|all] [--only PATTERN]
// PATTERN is a part of "FILE: TEST NAME". Needs the demo server (cargo build) and target/packed/package.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { demoTests } from "./demo.mjs";
import { memoryTests } from "./memory.mjs";
import { pages } from "./node/environment.mjs";
import { runFile } from "./node/run-file.mjs";
import { startTestServer } from "./node/server.mjs";
import { runSuite } from "./node/suite.mjs";
import { pageLifeTests } from "./page-life.mjs";

await runSuite("node tests/browser/run.mjs", async (driver, name, report) => {
  const files = readdirSync(join(pages, "tests"))
    .filter((file) => file.endsWith(".js"))
    .sort();
  const server = await startTestServer();
  for (const file of files) await runFile(driver, server.url, name, file.slice(0, -3), report);
  await server.stop();
  await demoTests(driver, name, report);
  if (name === "chromium") await pageLifeTests(report);
  if (name === "chromium") await memoryTests(report);
});

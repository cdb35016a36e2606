// From WebSocket to what gets through: behind a real nginx that refuses the upgrade, or cuts it, or buffers, with the packed
// everwire in real browsers. Prints how long it took.
//   node tests/fallback/run.mjs [chromium|firefox|webkit|all] [--only PART] [--no-broken]
// Each check must also fail with what it is about taken away (not with --no-broken).
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { engines } from "../browser/node/engines.mjs";
import { loadEnvironment, needFile, packed, serverBinary } from "../browser/node/environment.mjs";
import { stopAll } from "../browser/node/processes.mjs";
import { Report } from "../browser/node/report.mjs";
import { startNode } from "../proxies/nodes.mjs";
import { openPage, pageFolder } from "../proxies/pages.mjs";
import { checks, cleanUp } from "./checks.mjs";
import { startProxy } from "./proxies.mjs";

const { values, positionals: [which = "all"] } = parseArgs({
  allowPositionals: true,
  options: { only: { type: "string", default: "" }, "no-broken": { type: "boolean", default: false } },
});
if (which !== "all" && !Object.hasOwn(engines, which)) {
  console.error("usage: node tests/fallback/run.mjs [chromium|firefox|webkit|all] [--only PART] [--no-broken]");
  process.exit(2);
}
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => { stopAll().finally(() => process.exit(130)); });

const report = new Report(values.only);
const folder = mkdtempSync(join(tmpdir(), "everwire-fallback-"));
try {
  loadEnvironment();
  needFile(serverBinary, "Build it: cargo build -p everwire-demo.");
  needFile(join(packed, "index.js"), "Make it: make pack.");
  const www = pageFolder(folder, "tests/fallback/page");
  const node = await startNode(folder, "node");
  for (const name of which === "all" ? Object.keys(engines) : [which]) await inEngine(name, { www, node });
} catch (error) {
  report.fail("run", "set-up", error.stack);
} finally {
  await stopAll();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(report.finish());

async function inEngine(name, place) {
  const engine = await engines[name]();
  for (const check of checks.filter((check) => report.wants(check.name))) {
    const began = Date.now();
    const text = await attempt(engine.driver, place, check).catch((error) => { report.fail(name, check.name, error.stack); });
    if (text !== undefined) report.pass(name, `${check.name}\n      ${text.replaceAll("; ", "\n      ")}`, Date.now() - began);
    for (const [what, broken] of values["no-broken"] ? [] : check.broken) {
      const began = Date.now();
      const error = await attempt(engine.driver, place, { ...check, ...broken }).then(() => null, (caught) => caught);
      const title = `${what}: ${check.name}`;
      if (error) report.pass(name, `fails ${title}: ${error.message.replace(/\s+/g, " ").slice(0, 140)}`, Date.now() - began);
      else report.fail(name, `did NOT fail ${title}`, "It proves nothing.");
    }
  }
  await engine.stop();
}

/** One check, on a proxy of its own. Gives what there is to say of it. */
async function attempt(driver, { www, node }, { kind, run, ...given }) {
  const proxy = await startProxy(kind, { folder, www, node: node.address });
  try {
    await openPage(driver, proxy.url);
    return (await run({ driver, proxy, node, ...given })).text;
  } finally {
    await cleanUp(driver).catch(() => {});
    await driver.get("about:blank");
    await proxy.stop();
  }
}

// From WebSocket to what gets through: behind a real nginx that refuses the upgrade, or cuts it, or buffers, with the packed
// everwire in real browsers. Prints how long it took.
//   node tests/fallback/run.mjs [chromium|firefox|webkit|all] [--only PART] [--no-broken] [--defaults]
// Each check must also fail without what it is about (not with --no-broken). Delays and timeouts are short, or
// everwire's own with --defaults.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { engines } from "../browser/node/engines.mjs";
import { loadEnvironment, needFile, packed, serverBinary } from "../browser/node/environment.mjs";
import { stopAll } from "../browser/node/processes.mjs";
import { Report } from "../browser/node/report.mjs";
import { startNode } from "../proxies/nodes.mjs";
import { call, openPage, pageFolder } from "../proxies/pages.mjs";
import { checks } from "./checks.mjs";
import { startProxy } from "./proxies.mjs";

const {
  values,
  positionals: [which = "all"],
} = parseArgs({
  allowPositionals: true,
  options: { only: { type: "string", default: "" }, "no-broken": { type: "boolean" }, defaults: { type: "boolean" } },
});
if (which !== "all" && !Object.hasOwn(engines, which)) {
  console.error(
    "usage: node tests/fallback/run.mjs [chromium|firefox|webkit|all] [--only PART] [--no-broken] [--defaults]",
  );
  process.exit(2);
}
const pace = values.defaults
  ? { heartbeat: true }
  : {
      reconnect: { initialDelay: 100, maxDelay: 300 },
      heartbeat: { interval: 5_000, timeout: 2_000 },
      openTimeout: 3_000,
    };
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
  process.on(signal, () => {
    stopAll().finally(() => process.exit(130));
  });

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
    let began = Date.now();
    try {
      const lines = await attempt(engine.driver, place, check);
      report.pass(name, check.name, Date.now() - began);
      for (const line of lines) console.log(`        ${line}`);
    } catch (error) {
      report.fail(name, check.name, error.stack);
    }
    for (const [what, broken, expected] of values["no-broken"] ? [] : check.broken) {
      began = Date.now();
      const error = await attempt(engine.driver, place, { ...check, ...broken }).then(
        () => null,
        (caught) => caught,
      );
      if (expected.test(error?.message))
        report.pass(name, `  fails ${what}: ${error.message.replace(/\s+/g, " ").slice(0, 110)}`, Date.now() - began);
      else
        report.fail(
          name,
          `${check.name}: must fail ${what}, by ${expected}`,
          error?.stack ?? "It did not fail, so it proves nothing.",
        );
    }
  }
  await engine.stop();
}

/** One check, on a proxy of its own. Gives what there is to say of it. */
async function attempt(driver, { www, node }, { kind, run, options, ...given }) {
  const proxy = await startProxy(kind, { folder, www, node: node.address });
  try {
    await openPage(driver, proxy.url);
    return await run({
      driver,
      proxy,
      node,
      options: { ...pace, ...options, reconnect: { ...pace.reconnect, ...options.reconnect } },
      ...given,
    });
  } finally {
    await call(driver, "closeAll").catch(() => {});
    await driver.get("about:blank");
    await proxy.stop();
  }
}

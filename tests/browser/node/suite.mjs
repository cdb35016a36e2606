// What the suites of pages have in common: their arguments, the sessions that run side by side, and the report.
import { join } from "node:path";
import { engines } from "./engines.mjs";
import { loadEnvironment, needFile, packed, serverBinary } from "./environment.mjs";
import { stopAll, stopOnSignals } from "./processes.mjs";
import { Report } from "./report.mjs";
import { startTestServer } from "./server.mjs";
import { atOnce } from "./side-by-side.mjs";

/** @typedef {{ engine: string, driver: any, url: string }} Session `url`: of a test server of its own. */
/** @typedef {{ name: string, run: (session: Session, report: Report) => Promise<unknown> }} Unit A part of the suite that needs no other. */

/**
 * Runs the units of each engine that the arguments name, and ends the process.
 * @param {string} command for the usage
 * @param {(engine: string) => Unit[]} unitsOf
 * @param {string[]} [roots] further folders of the test servers
 */
export async function runSuite(command, unitsOf, roots = []) {
  const { names, only } = readArguments(command, process.argv.slice(2));
  const report = new Report(only);
  let stopped = false;
  stopOnSignals(() => (stopped = true));
  try {
    loadEnvironment();
    needFile(serverBinary, "Build it: cargo build -p everwire-demo.");
    needFile(join(packed, "index.js"), "Make it: make pack.");
    const left = new Map(names.map((name) => [name, unitsOf(name)]));
    const sessions = new Map(names.map((name) => [name, 0]));
    /** A session takes one unit after the other; when its engine has no more, it ends, and one of the engine with most to do begins. */
    const work = async (first) => {
      const load = (name) => (left.get(name)?.length ?? 0) / (1 + (sessions.get(name) ?? 0));
      for (let name = first; name !== undefined && !stopped; ) {
        sessions.set(name, (sessions.get(name) ?? 0) + 1);
        await inSession(name, left.get(name) ?? [], roots, report, () => stopped);
        sessions.set(name, (sessions.get(name) ?? 0) - 1);
        [name] = names.filter((other) => load(other) > 0).sort((a, b) => load(b) - load(a));
      }
    };
    await Promise.all(Array.from({ length: atOnce }, (_, at) => work(names[at % names.length])));
  } catch (error) {
    report.fail("run", "set-up", error.message);
  } finally {
    await stopAll();
  }
  // Who stopped it ends it.
  if (!stopped) process.exit(report.finish());
}

/** One session, until no unit is left or one threw. */
async function inSession(name, units, roots, report, stopped) {
  if (units.length === 0) return;
  let engine, server;
  try {
    engine = await engines[name]();
    server = await startTestServer(roots);
  } catch (error) {
    // Told once: another try would end alike.
    if (!stopped() && units.length > 0) report.fail(name, "start", error.message);
    units.length = 0;
  }
  const session = engine && server && { engine: name, driver: engine.driver, url: server.url };
  for (let unit = session && units.shift(); unit && !stopped(); unit = units.shift()) {
    try {
      await unit.run(session, report);
    } catch (error) {
      // The browser may be gone, so the next unit gets another.
      if (!stopped()) report.fail(name, `${unit.name}: run`, error.stack);
      break;
    }
  }
  await engine?.stop();
  await server?.stop();
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

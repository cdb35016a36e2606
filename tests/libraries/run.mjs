// Libraries on everwire's WebSocket, in real browsers, against their own servers: the server drops the connection
// 20 times; then it counts one connection, and the library works.
//   node tests/libraries/run.mjs [chromium|firefox|webkit|all] [LIBRARY…]
import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { engines } from "../browser/node/engines.mjs";
import { loadEnvironment, root } from "../browser/node/environment.mjs";
import { stopAll, stopOnSignals } from "../browser/node/processes.mjs";
import { Report } from "../browser/node/report.mjs";
import { atOnce, sideBySide } from "../browser/node/side-by-side.mjs";
import { install, newestTarball } from "../consumers/lib/install.mjs";
import { serving } from "../consumers/lib/serve.mjs";

const drops = 20;
const source = join(root, "tests/libraries");
const known = readdirSync(source, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== "node_modules")
  .map(({ name }) => name);
const args = process.argv.slice(2);
const which = args[0] === "all" || Object.hasOwn(engines, args[0]) ? args.shift() : "all";
for (const name of args) {
  if (known.includes(name)) continue;
  console.error(`libraries: there is no ${name}. There are: ${known.join(", ")}`);
  process.exit(2);
}

const report = new Report("");
stopOnSignals();
try {
  loadEnvironment();
  const dir = await prepare();
  await serving(join(dir, "dist"), async (page) => {
    const pairs = (which === "all" ? Object.keys(engines) : [which]).flatMap((engine) =>
      (args.length ? args : known).map((library) => [engine, library]),
    );
    // They wait for reconnects, and hardly need a core.
    await sideBySide(pairs, ([engine, library]) => inEngine(engine, library, dir, page), 2 * atOnce);
  });
} catch (error) {
  report.fail("run", "set-up", error.stack);
} finally {
  await stopAll();
}
process.exit(report.finish());

/** The libraries and the tarball in target/consumers/libraries, bundled for a page. */
async function prepare() {
  const tarball = newestTarball();
  if (!tarball) throw new Error("there is no pkg/everwire-*.tgz. Run `make pack` first.");
  const dir = await install("libraries", source, tarball);
  await build({
    entryPoints: known.map((name) => join(dir, name, "client.js")),
    outdir: join(dir, "dist"),
    outbase: dir,
    bundle: true,
    format: "esm",
    platform: "browser",
    define: { "process.env.NODE_ENV": '"production"', global: "globalThis" },
    logLevel: "warning",
  });
  for (const name of known) {
    writeFileSync(
      join(dir, "dist", `${name}.html`),
      `<!doctype html><meta charset="utf-8"><title>${name}</title><script type="module">import * as library from "./${name}/client.js"; window.library = library;</script>\n`,
    );
  }
  return dir;
}

async function inEngine(engine, name, dir, page) {
  let session;
  try {
    session = await engines[engine]();
  } catch (error) {
    return report.fail(engine, "start", error.message);
  }
  try {
    const { driver } = session;
    await driver.manage().setTimeouts({ script: 20_000 });
    const { start } = await import(join(dir, name, "server.mjs"));
    await report.run(engine, `${name}: ${drops} drops`, () => recovers(driver, start, `${page}${name}.html`));
  } finally {
    await session.stop();
  }
}

async function recovers(driver, start, page) {
  const server = await start();
  const inPage = (script, ...given) =>
    driver.executeAsyncScript(
      `const [given, done] = arguments; (async () => { ${script} })().then(done, (error) => done("failed: " + error));`,
      given,
    );
  const until = async (condition, what) => {
    const end = Date.now() + 20_000;
    while (!(await condition())) {
      if (Date.now() > end) throw new Error(`waited 20 s for ${typeof what === "function" ? what() : what}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  try {
    await driver.get(page);
    await until(() => driver.executeScript("return Boolean(window.library)"), "the page");
    await inPage("window.client = library.start(given[0]);", server.url);
    for (let drop = 1; drop <= drops; drop += 1) {
      assert.equal(await inPage("return client.works(given[0])", drop), true, `works before drop ${drop}`);
      const before = server.upgrades();
      server.drop(drop % 2 === 0);
      await until(() => server.upgrades() > before, `a new connection after drop ${drop}`);
    }
    assert.equal(await inPage("return client.works(given[0])", drops + 1), true, "works after the last drop");
    await until(
      () => String(server.open()) === "1,1",
      () => `one connection; the HTTP server and the library count ${server.open()}`,
    );
    const made = await inPage("return client.made()");
    assert.ok(made > drops, `everwire's class was made ${made} times`);
    assert.equal(server.upgrades(), made, "no object made two connections");
    // Whoever is left behind would come now: the longest wait is 300 ms.
    await new Promise((resolve) => setTimeout(resolve, 400));
    assert.equal(await inPage("return client.works(given[0])", drops + 2), true, "works later");
    assert.deepEqual([server.open(), server.upgrades()], [[1, 1], made], "one connection, and no new one");
    await inPage("client.stop()");
    await until(
      () => String(server.open()) === "0,0",
      () => `no connection; there are ${server.open()}`,
    );
  } finally {
    await server.stop();
  }
}

// The crate wherever a Rust app runs: one wasm, tests/app/src/places.rs, by each target of wasm-bindgen, in windows and in workers of
// each kind. In each of them a client takes messages on each transport, comes back after a cut, ends, and leaves nothing.
//   node tests/app/run.mjs [chromium|firefox|webkit|all] [--only PATTERN]      Needs target/app (scripts/app.sh); PATTERN is a part of a place.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { loadEnvironment, needFile, pages, root } from "../browser/node/environment.mjs";
import { runSuite } from "../browser/node/suite.mjs";
import { dependencies } from "../consumers/lib/install.mjs";
import { projects } from "../consumers/lib/paths.mjs";
import { run } from "../consumers/lib/process.mjs";

const own = join(root, "tests/app/page"),
  built = join(root, "target/app");
const places = [
  "window, web",
  "window, no-modules",
  "window, bundler",
  "worker, web",
  "worker, no-modules",
  "worker, bundler",
  "shared worker, web",
  "shared worker, no-modules",
  "service worker, web",
  "service worker, no-modules",
];

/** The classic script of no-modules, for windows and workers. */
async function bundleClassic() {
  await build({
    entryPoints: [join(own, "no-modules.js")],
    bundle: true,
    format: "iife",
    plugins: [
      {
        name: "pages",
        setup: (of) => of.onResolve({ filter: /^\/spies/ }, ({ path }) => ({ path: join(pages, path) })),
      },
    ],
    banner: { js: 'globalThis.importScripts?.("/app/no-modules/places.js");' },
    outfile: join(built, "classic.js"),
    logLevel: "warning",
  });
}

/** As an app that webpack builds has it. */
async function bundleByWebpack() {
  const webpack = await dependencies("webpack5", join(projects, "webpack5"));
  const out = join(built, "webpack");
  rmSync(out, { recursive: true, force: true });
  await run(webpack, "webpack", ["--config", join(root, "tests/app/webpack.config.mjs"), "--output-path", out], {
    env: { PLACES: join(built, "bundler") },
  });
}

/** Asks the place, and gives its answer. */
async function ask(driver, deed) {
  const { value, error } = await driver.executeAsyncScript(
    `const [deed, done] = arguments;
    (function wait() {
      if (window.ask) window.ask(deed).then(done);
      else setTimeout(wait, 10);
    })();`,
    deed,
  );
  assert.equal(error, undefined);
  return value;
}

async function visit({ driver, url, engine }, place) {
  await driver.manage().setTimeouts({ script: 60_000 });
  await driver.get(`${url}/places/index.html?${new URLSearchParams({ place })}`);
  const value = await ask(driver, "tour");
  const told = "in order: true, reconnects: 1, closed: Some(App)";
  assert.deepEqual(value.told, { websocket: told, fetch: told, eventsource: told });
  assert.equal(value.after, value.before, "timers and listeners");
  await untilStats(url, NONE);
  await further[place]?.({ driver, url, engine });
}

/** What a place has besides. */
const further = {
  "window, web": async (session) => {
    await leavesNothing(session);
    await isRefused(session);
    await inFrames(session);
  },
  "worker, web": isClosed,
  "worker, no-modules": async (session) => {
    await leavesNothing(session);
    await isClosed(session);
  },
  "shared worker, web": outlives,
  "shared worker, no-modules": outlives,
  "service worker, web": isStopped,
  "service worker, no-modules": isStopped,
};
const ALL = { ws: 1, sse: 2 },
  NONE = { ws: 0, sse: 0 };

/** Of a hundred clients on each transport, no memory either. */
async function leavesNothing({ driver, url }) {
  const { before, after } = await ask(driver, "cycles");
  assert.equal(after, before, "timers and listeners");
  await untilStats(url, NONE);
}

/** A Content-Security-Policy of the page that does not let the client out. */
async function isRefused({ driver, url }) {
  const csp = "script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";
  await driver.get(`${url}/places/index.html?${new URLSearchParams({ place: "window, web", csp })}`);
  assert.deepEqual(await ask(driver, "refused"), Array(3).fill("Fatal, Some(Blocked)"));
  await driver.get(`${url}/places/index.html?place=window%2C+web`);
}

/** Appends a frame with the same place, and asks there from now on. */
async function enterFrame(driver) {
  await driver.executeScript(
    `document.body.append(Object.assign(document.createElement("iframe"), { src: location.href }))`,
  );
  await driver.switchTo().frame(0);
  await ask(driver, "stay");
}

/** What a page does to a frame that a client is in, from outside. */
const toFrame = (driver, deed) =>
  driver
    .switchTo()
    .defaultContent()
    .then(() => driver.executeScript(`const frame = document.querySelector("iframe"); ${deed}`));

/** Further messages come to each client of the place, none twice and none missing. */
async function goesOn(driver) {
  const then = await ask(driver, "least");
  let now = then;
  for (const end = Date.now() + 20_000; now < then + 10 && Date.now() < end; ) now = await ask(driver, "least");
  assert.ok(now >= then + 10, `${then}, and then ${now}`);
}

/** A frame that is stopped, that gets another document, that is removed or navigated. */
async function inFrames({ driver, url }) {
  for (const end of ["frame.remove()", `frame.src = "about:blank"`]) {
    await enterFrame(driver);
    await untilStats(url, ALL);
    await toFrame(driver, end);
    await untilStats(url, NONE);
    await driver.navigate().refresh();
  }
  await enterFrame(driver);
  const opened = `const { contentDocument: page } = frame; page.open(); page.write("<p>another"); page.close();`;
  for (const deed of ["frame.contentWindow.stop()", opened, opened]) {
    await toFrame(driver, deed);
    await driver.switchTo().frame(0);
    await goesOn(driver);
    await untilStats(url, ALL);
  }
  // The page's life is heard as before.
  for (const [event, stats] of Object.entries({ freeze: NONE, resume: ALL })) {
    await driver.executeScript(`document.dispatchEvent(new Event("${event}"))`);
    await untilStats(url, stats);
  }
  await goesOn(driver);
  await driver.switchTo().defaultContent();
  await driver.get("about:blank");
  await untilStats(url, NONE);
}

/** It ends itself, with clients that nobody closed. */
async function isClosed({ driver, url }) {
  await ask(driver, "stay");
  await untilStats(url, ALL);
  await ask(driver, "close");
  await untilStats(url, NONE);
}

/** A page goes, and another one has the worker still: its clients go on. */
async function outlives({ driver, url }) {
  await enterFrame(driver);
  await toFrame(driver, "frame.remove()");
  await goesOn(driver);
  await isClosed({ driver, url });
}

/** The browser stops it when nothing is waited for: its connections end, and it is started again, with clients that connect again. */
async function isStopped({ driver, url, engine }) {
  // The others cannot be told to.
  if (engine !== "chromium") return;
  await driver.sendDevToolsCommand("ServiceWorker.enable", {});
  for (let round = 0; round < 2; round++) {
    assert.equal(await ask(driver, "least"), 0, "one that has connected nothing yet");
    await ask(driver, "stay");
    await untilStats(url, ALL);
    await driver.sendDevToolsCommand("ServiceWorker.stopAllWorkers", {});
    await untilStats(url, NONE);
  }
}

async function untilStats(url, { ws, sse }) {
  let stats;
  for (const end = Date.now() + 20_000; Date.now() < end; ) {
    stats = await (await fetch(`${url}/stats`)).json();
    if (stats.ws === ws && stats.sse === sse) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.fail(`connections at the server: ${JSON.stringify(stats)}`);
}

loadEnvironment();
needFile(join(built, "web/places.js"), "Build it: scripts/app.sh.");
await Promise.all([bundleClassic(), bundleByWebpack()]);
await runSuite(
  "node tests/app/run.mjs",
  (engine) =>
    places.map((place) => ({
      name: place,
      run: (session, report) => report.run(engine, place, () => visit(session, place)),
    })),
  [`places=${own}`, `app=${built}`],
);

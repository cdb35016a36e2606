// Installs the packed tarball in small projects, one for each bundler, and shows a live message through it.
// Usage: node tests/consumers/run.mjs [NAME…]   NAME: a key of cases.mjs; without one, all.
import { sideBySide } from "../browser/node/side-by-side.mjs";
import { cases } from "./cases.mjs";
import { closeBrowser } from "./lib/browser.mjs";
import { closeDemo } from "./lib/demo.mjs";
import { install, newestTarball } from "./lib/install.mjs";
import { stopAll } from "./lib/process.mjs";

const names = process.argv.slice(2);
for (const name of names) {
  if (!(name in cases)) {
    console.error(`consumers: there is no ${name}. There are: ${Object.keys(cases).join(", ")}`);
    process.exit(2);
  }
}

const tarball = newestTarball();
if (!tarball) {
  console.error("consumers: there is no pkg/everwire-*.tgz. Run `make pack` first.");
  process.exit(1);
}

let passed = 0,
  failed = 0;

/** Runs one check and prints its line. A check fails by throwing. */
async function check(label, run) {
  const start = performance.now();
  try {
    await run();
    passed += 1;
    console.log(`ok    ${label} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL  ${label}: ${error.message}`);
  }
}

process.on("SIGINT", () => {
  stopAll();
  process.exit(130);
});
process.on("SIGTERM", () => {
  stopAll();
  process.exit(143);
});

await sideBySide(names.length ? names : Object.keys(cases), async (name) => {
  let dir;
  const { source, checks } = cases[name];
  if (source) {
    try {
      dir = await install(name, source, tarball);
    } catch (error) {
      failed += 1;
      console.log(`FAIL  ${name} install: ${error.message}`);
      return;
    }
  }
  await checks({ dir, tarball, check: (label, run) => check(`${name} ${label}`, run) });
});

await closeBrowser();
await closeDemo();
stopAll();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);

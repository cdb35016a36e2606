// What a burst leaves the page, in Chromium: so many events at once, with a handler that works 20 µs for each, and the frames that the
// page draws meanwhile. Usage: node benches/burst.mjs [EVENTS]   Reported, never asserted.
import { once } from "node:events";
import { createServer } from "node:http";
import { join } from "node:path";
import { build } from "esbuild";
import { installAlone, newestTarball } from "../tests/consumers/lib/install.mjs";
import { root } from "../tests/consumers/lib/paths.mjs";
import { launch } from "./chromium.mjs";
import { flood } from "./inputs.mjs";

const events = Number(process.argv[2] ?? 200_000);
const tarball = newestTarball();
if (!tarball) {
  console.error("bench: there is no pkg/everwire-*.tgz. Run `make pack` first.");
  process.exit(1);
}
const everwire = join(root, "target/bench");
await installAlone(everwire, tarball);
const { outputFiles } = await build({
  entryPoints: [join(root, "benches/pages/burst.js")],
  alias: { everwire: join(everwire, "node_modules/everwire") },
  bundle: true,
  format: "esm",
  write: false,
  logLevel: "warning",
});

const body = Buffer.from(flood(events));
// Without them Chromium's clock has steps of 100 µs, and the work would be five times what it is said to be.
const isolated = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };
const server = createServer((request, response) => {
  if (request.url === "/burst.js")
    return response.writeHead(200, { "content-type": "text/javascript", ...isolated }).end(outputFiles[0].contents);
  if (request.url?.startsWith("/flood")) {
    // Its end is no failure to come back from.
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
    return response.write(body);
  }
  response.writeHead(200, { "content-type": "text/html; charset=utf-8", ...isolated });
  response.end('<!doctype html><title>bench</title><p id="at"></p><script type="module" src="/burst.js"></script>');
});
await once(server.listen(0, "127.0.0.1"), "listening");
const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
const browser = await launch();
try {
  for (const name of ["fetch", "native EventSource"]) {
    const page = await browser.open(`http://127.0.0.1:${port}/`);
    const { ms, work, frames } = await page.evaluate(`bench.run(${JSON.stringify(name)}, "/flood", ${events})`);
    console.log(
      `${name.padEnd(20)} ${(ms / 1_000).toFixed(1)} s, of which the handlers' work is ${(work / 1_000).toFixed(1)} s; ${((frames * 1_000) / ms).toFixed(0)} frames a second`,
    );
    await page.close();
  }
} finally {
  await browser.close();
  server.closeAllConnections();
  server.close();
}

// What event streams cost: parsing, against eventsource-parser; and a stream over HTTP, against other clients and
// the browser's own. A fresh page for each pair, alternating in it; medians of the ratios of neighbours. Beside native
// EventSource also the two bounds of pages/sse/bounds.js: nobody can be faster, so they are the ceilings of that ratio.
// Usage: node benches/sse.mjs [PAGES] [ROUNDS_IN_EACH]   Times are reported, never asserted.
import { once } from "node:events";
import { build } from "esbuild";
import { createServer } from "node:http";
import { join } from "node:path";
import { installAlone, newestTarball } from "../tests/consumers/lib/install.mjs";
import { root } from "../tests/consumers/lib/paths.mjs";
import { launch } from "./chromium.mjs";
import { flood, inputs } from "./inputs.mjs";

const [pages = 5, rounds] = process.argv.slice(2).map(Number);
const events = 200_000;
const tarball = newestTarball();
if (!tarball) {
  console.error("bench: there is no pkg/everwire-*.tgz. Run `make pack` first.");
  process.exit(1);
}
const everwire = join(root, "target/bench");
await installAlone(everwire, tarball);

const scripts = {};
for (const name of ["parse", "stream"]) {
  const { outputFiles } = await build({
    entryPoints: [join(root, `benches/pages/sse/${name}.js`)],
    alias: {
      everwire: join(everwire, "node_modules/everwire"),
      "#wasm": join(root, "target/npm"),
    },
    bundle: true,
    minify: true,
    format: "esm",
    write: false,
    logLevel: "warning",
  });
  scripts[`/${name}.js`] = outputFiles[0].contents;
}

const alone = "reading alone",
  cut = "a client without a parser";
const body = Buffer.from(flood(events));
const server = createServer((request, response) => {
  const { pathname } = new URL(request.url ?? "", "http://x");
  if (scripts[pathname]) return response.writeHead(200, { "content-type": "text/javascript" }).end(scripts[pathname]);
  if (pathname === "/flood") {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
    let at = 0;
    const pour = () => {
      while (at < body.length) {
        const chunk = body.subarray(at, (at += 65_536));
        if (!response.write(chunk)) return void response.once("drain", pour);
      }
    };
    return pour();
  }
  if (!pathname.endsWith(".html")) return response.writeHead(404).end();
  response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
  response.end(
    `<!doctype html><title>bench</title><script type="module" src="${pathname.replace(".html", ".js")}"></script>`,
  );
});
await once(server.listen(0, "127.0.0.1"), "listening");
const base = `http://127.0.0.1:${/** @type {import("node:net").AddressInfo} */ (server.address()).port}`;
const browser = await launch();

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

/** Fresh pages; in each, all of them in turn. What an engine compiles while it runs, it has compiled by half-time. */
async function compare(page, names, ...more) {
  const runs = [];
  for (let round = 0; round < pages; round++) {
    const opened = await browser.open(`${base}/${page}.html`);
    try {
      const order = round % 2 ? [...names].reverse() : names;
      const times = await opened.evaluate(
        `bench.run(${[order, ...more].map((value) => JSON.stringify(value)).join(", ")})`,
      );
      runs.push(Object.fromEntries(names.map((name) => [name, times[name].slice(times[name].length >> 1)])));
    } finally {
      await opened.close();
    }
  }
  return {
    ms: (name) => median(runs.map((times) => median(times[name]))),
    /** How many times as long the one takes, by neighbours. */
    ratio: (one, other) => median(runs.map((times) => median(times[one].map((time, at) => time / times[other][at])))),
  };
}

const row = (...cells) =>
  console.log(cells.map((cell, at) => (at ? String(cell).padStart(14) : cell.padEnd(44))).join(""));

try {
  console.log(`parsing: how many times as long eventsource-parser takes; medians of ${pages} pages`);
  row("", "everwire ms", "other ms", "ratio");
  for (const input of Object.keys(inputs)) {
    const { ms, ratio } = await compare("parse", ["everwire", "eventsource-parser"], input, rounds ?? 30);
    row(
      input,
      ms("everwire").toFixed(1),
      ms("eventsource-parser").toFixed(1),
      ratio("eventsource-parser", "everwire").toFixed(2),
    );
  }
  console.log(`\n${events} events over HTTP, from the request to the last: how many times as long the others take`);
  row("", "everwire ms", "other ms", "ratio");
  for (const other of ["eventsource-client", "fetch-event-source", "native EventSource"]) {
    const native = other === "native EventSource";
    const names = ["everwire", other, ...(native ? [alone, cut] : [])];
    const { ms, ratio } = await compare("stream", names, `${base}/flood`, events, body.length, rounds ?? 8);
    row(other, ms("everwire").toFixed(0), ms(other).toFixed(0), ratio(other, "everwire").toFixed(2));
    if (!native) continue;
    // In the same run: what the machine does meanwhile is in all three.
    for (const bound of [alone, cut]) {
      row(bound, "", ms(bound).toFixed(0), ratio(bound, "everwire").toFixed(2));
      console.log(`    against native EventSource: ${ratio(other, bound).toFixed(1)}`);
    }
  }
} finally {
  await browser.close();
  server.closeAllConnections();
  server.close();
}

// What event streams cost: parsing, against eventsource-parser; and a stream over HTTP, against other clients and
// the browser's own. A fresh page for each measurement, alternating; medians of ratios within a round.
// Usage: node benches/sse.mjs [ROUNDS]   Times are reported, never asserted.
import { build } from "esbuild";
import { createServer } from "node:http";
import { join } from "node:path";
import { installAlone, newestTarball } from "../tests/consumers/lib/install.mjs";
import { root } from "../tests/consumers/lib/paths.mjs";
import { launch } from "./chromium.mjs";
import { flood, inputs } from "./inputs.mjs";

const rounds = Number(process.argv[2] ?? 7);
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
    alias: { everwire: join(everwire, "node_modules/everwire"), "#glue": join(root, "target/npm/glue.js"), "#wasm": join(root, "target/npm/wasm.js") },
    bundle: true, minify: true, format: "esm", write: false, logLevel: "warning",
  });
  scripts[`/${name}.js`] = outputFiles[0].contents;
}

const body = Buffer.from(flood(events));
const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, "http://x");
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
  response.end(`<!doctype html><title>bench</title><script type="module" src="${pathname.replace(".html", ".js")}"></script>`);
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const base = `http://127.0.0.1:${server.address().port}`;
const browser = await launch();

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

async function measure(page, expression) {
  const opened = await browser.open(`${base}/${page}.html`);
  try {
    return await opened.evaluate(expression);
  } finally {
    await opened.close();
  }
}

/** Each of `names` once a round, the first one first in every other round. */
async function compare(names, run) {
  const times = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    const sums = new Set();
    for (const name of round % 2 ? [...names].reverse() : names) {
      const { elapsed, sum } = await run(name); 
      times[name].push(elapsed);
      sums.add(sum);
    }
    if (sums.size !== 1) throw new Error(`bench: ${names.join(" and ")} gave different contents`);
  }
  const [first, ...others] = names;
  return others.map((name) => ({ name, ratio: median(times[name].map((time, round) => time / times[first][round])), times: [median(times[first]), median(times[name])] }));
}

const row = (...cells) => console.log(cells.map((cell, at) => (at ? String(cell).padStart(14) : cell.padEnd(44))).join(""));

try {
  console.log(`parsing: medians of ${rounds} rounds; how many times as long eventsource-parser takes`);
  row("", "everwire ms", "other ms", "ratio");
  for (const input of Object.keys(inputs)) {
    const [{ name, ratio, times }] = await compare(["everwire", "eventsource-parser"], (name) => measure("parse", `bench.run(${JSON.stringify(name)}, ${JSON.stringify(input)})`));
    row(`${input}, ${name}`, times[0].toFixed(1), times[1].toFixed(1), ratio.toFixed(2));
  }
  console.log(`\n${events} events over HTTP, from the request to the last: how many times as long the others take`);
  row("", "everwire ms", "other ms", "ratio");
  for (const other of ["eventsource-client", "fetch-event-source", "native EventSource"]) {
    const [{ name, ratio, times }] = await compare(["everwire", other], (name) => measure("stream", `bench.run(${JSON.stringify(name)}, ${JSON.stringify(`${base}/flood`)}, ${events})`));
    row(name, times[0].toFixed(0), times[1].toFixed(0), ratio.toFixed(2));
  }
} finally {
  await browser.close();
  server.closeAllConnections();
  server.close();
}

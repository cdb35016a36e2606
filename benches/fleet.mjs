// How a fleet comes back: so many clients of the packed package in this process, whose server ends all their streams at one instant.
// Usage: node benches/fleet.mjs [CLIENTS]   Times are reported, never asserted.
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { fileURLToPath, pathToFileURL } from "node:url";

const count = Number(process.argv[2] ?? 1_000);
const packed = fileURLToPath(new URL("../target/packed/package/index.js", import.meta.url));
if (!existsSync(packed)) {
  console.error("bench: target/packed/package is missing. Run `make pack` first.");
  process.exit(1);
}
const { connect } = await import(pathToFileURL(packed).href);

const streams = new Set();
/** When each came back, in ms since the end. */
const back = [];
let ended = 0;
const server = createServer((_, response) => {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write("data: 1\n\n");
  if (ended) back.push(performance.now() - ended);
  else streams.add(response);
});
await once(server.listen(0, "127.0.0.1", 4_096), "listening");
const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());

const clients = Array.from({ length: count }, () => connect(`http://127.0.0.1:${port}/`, { server: true }));
await Promise.all(clients.map((wire) => new Promise((resolve) => wire.on(resolve))));
ended = performance.now();
for (const stream of streams) stream.end("data: 2\n\n");
const all = performance.now() - ended;
while (back.length < count) await new Promise((resolve) => setTimeout(resolve, 50));

back.sort((a, b) => a - b);
const tenths = Array.from({ length: Math.ceil(back[count - 1] / 100) }, (_, at) => at * 100);
const most = Math.max(...tenths.map((from) => back.filter((ms) => ms >= from && ms < from + 100).length));
const ms = (value) => `${value.toFixed(0)} ms`;
console.log(`${count} streams ended within ${ms(all)}`);
console.log(
  `back: the first percentile after ${ms(back[Math.floor(count / 100)])}, the last after ${ms(back[count - 1])}`,
);
console.log(`the most in a tenth of a second: ${most}`);
for (const wire of clients) wire.close();
server.closeAllConnections();
server.close();

// Serves the page, and at /live a price each second as server-sent events. It needs nothing but Node 20.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";

const pages = ["http://localhost:8080"]; // the origins whose pages may read the prices
const epoch = Date.now().toString(36); // ids must not come again after a restart
const log = []; // the last 1,000 messages, for clients that come back
const clients = new Set();
let count = 0;

function publish(data) {
  const event = { id: `${epoch}-${++count}`, data };
  if (log.push(event) > 1_000) log.shift();
  for (const send of clients) send(event);
}

function live(request, response, query) {
  response.writeHead(200, {
    "content-type": "text/event-stream",
    "cache-control": "no-cache",
    "x-accel-buffering": "no", // nginx must not hold the messages back
  });
  response.flushHeaders();
  const write = (text) => {
    response.write(text);
    if (response.writableLength > 1_000_000) response.destroy(); // this client does not read
  };
  const send = ({ id, data }) => write(`${id ? `id: ${id}\n` : ""}data: ${JSON.stringify(data)}\n\n`);

  const last = request.headers["last-event-id"] ?? new URLSearchParams(query).get("lastEventId");
  if (last) {
    const at = log.findIndex((event) => event.id === last);
    if (at < 0) send({ data: { type: "gap" } }); // the id is unknown or too old: say so
    log.slice(Math.max(at, 0)).forEach(send); // begin with the message of that very id
  }
  clients.add(send);
  const comments = setInterval(() => write(": still here\n\n"), 15_000); // the client's heartbeat wants one every 30 s
  response.on("close", () => {
    clients.delete(send);
    clearInterval(comments);
  });
}

/** The page, and everwire for it. */
async function file(path, response) {
  const [, script] = /^\/everwire\/([\w-]+\.js)$/.exec(path) ?? [];
  const name = path === "/" ? "index.html" : `node_modules/everwire/${script}`;
  const body = await readFile(new URL(name, import.meta.url)).catch(() => undefined);
  if (!body) return response.writeHead(404).end();
  response.writeHead(200, { "content-type": script ? "text/javascript" : "text/html" }).end(body);
}

const server = createServer((request, response) => {
  const { method, headers } = request;
  const [path, query] = request.url.split("?");
  response.on("error", () => {});
  if (method !== "GET" || (headers.origin && !pages.includes(headers.origin))) return response.writeHead(403).end();
  if (path === "/live") live(request, response, query);
  else file(path, response);
});
// listen(8080) would let in the whole network.
server.listen(8080, "127.0.0.1", () => console.log("http://localhost:8080"));

let price = 100;
setInterval(() => {
  price *= 1 + (Math.random() - 0.5) / 50;
  publish({ type: "price", symbol: "ACME", price: Number(price.toFixed(2)) });
}, 1_000);

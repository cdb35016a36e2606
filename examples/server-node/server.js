// A price each second, over WebSocket and as server-sent events, with replay.
import { createServer } from "node:http";
import { WebSocketServer } from "ws";

const pages = ["http://localhost:8080"]; // the origins whose pages may read this
const epoch = Date.now().toString(36); // ids must not come again after a restart
const log = []; // the last 1,000 messages, for clients that come back
const clients = new Set();
let count = 0;

function publish(message) {
  const event = { ...message, eventId: `${epoch}-${++count}` };
  if (log.push(event) > 1_000) log.shift();
  for (const send of clients) send(event);
}

/** Sends what follows the client's last id, then everything new, until the function that it returns is called. */
function join({ headers, url }, send) {
  const last = headers["last-event-id"] ?? new URLSearchParams(url.split("?")[1]).get("lastEventId");
  if (last) {
    const at = log.findIndex((event) => event.eventId === last);
    if (at < 0) send({ type: "gap" }); // the id is unknown or too old: say so
    log.slice(Math.max(at, 0)).forEach(send); // begin with the message of that very id
  }
  clients.add(send);
  return () => clients.delete(send);
}

// Any site's page can open a WebSocket, and the user's cookies go along: only `Origin` tells whose page it is.
const admits = (origin) => !origin || pages.includes(origin);

const server = createServer((request, response) => {
  const { method, url, headers } = request;
  response.on("error", () => {});
  if (!admits(headers.origin)) return response.writeHead(403).end();
  if (method !== "GET" || url.split("?")[0] !== "/live") return response.writeHead(404).end();
  response.writeHead(200, {
    "content-type": "text/event-stream",
    "cache-control": "no-cache",
    "x-accel-buffering": "no", // nginx must not hold the messages back
    "access-control-allow-origin": headers.origin ?? pages[0],
    vary: "origin",
  });
  response.flushHeaders();
  const write = (text) => {
    response.write(text);
    if (response.writableLength > 1_000_000) response.destroy(); // this client does not read
  };
  const leave = join(request, ({ eventId, ...data }) =>
    write(`${eventId ? `id: ${eventId}\n` : ""}data: ${JSON.stringify(data)}\n\n`),
  );
  const comments = setInterval(() => write(": still here\n\n"), 15_000); // the client's heartbeat wants one every 30 s
  response.on("close", () => {
    leave();
    clearInterval(comments);
  });
});

const verifyClient = ({ req }) => admits(req.headers.origin);
new WebSocketServer({ server, verifyClient, path: "/live", maxPayload: 65_536 }).on("connection", (socket, request) => {
  const say = (text) => {
    if (socket.bufferedAmount > 1_000_000)
      socket.terminate(); // this client does not read
    else socket.send(text);
  };
  socket.on("error", () => {}); // a frame that is none, say; without a listener it would end the process
  socket.on(
    "close",
    join(request, (event) => say(JSON.stringify(event))),
  );
  // The client's heartbeat: back to whom it is from, and to nobody else.
  socket.on("message", (data) => String(data).startsWith('{"type":"ping"') && say(String(data)));
});
// listen(8081) would let in the whole network.
server.listen(8081, "127.0.0.1", () => console.log("http://localhost:8081/live"));

let price = 100;
setInterval(() => {
  price *= 1 + (Math.random() - 0.5) / 50;
  publish({ type: "price", symbol: "ACME", price: Number(price.toFixed(2)) });
}, 1_000);

// Serves the page, and a chat with two rooms over WebSocket.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { WebSocketServer } from "ws";

const pages = ["http://localhost:8080"]; // the origins whose pages may take part
const epoch = Date.now().toString(36); // ids must not come again after a restart
const rooms = new Map(["lobby", "garden"].map((name) => [name, { log: [], members: new Set() }]));
const known = new Set(); // the ids of the last 10,000 messages; with a database, keep both there
let count = 0;

function publish(topic, { log, members }, name, text) {
  // A new object: what a user sends is passed on by no key that the server did not choose.
  const event = { type: "chat", topic, eventId: `${epoch}-${++count}`, name, text };
  if (log.push(event) > 1_000) log.shift();
  for (const say of members) say(event);
}

function join(topic, { log, members }, lastEventId, say) {
  say({ type: "joined", topic });
  const at = log.findIndex((event) => event.eventId === lastEventId);
  if (lastEventId && at < 0) say({ type: "gap", topic }); // the id is unknown or too old
  const from = lastEventId ? Math.max(at, 0) : -50; // the message of that very id, too; a newcomer gets the last 50
  log.slice(from).forEach(say);
  members.add(say);
}

function receive(message, say) {
  const { type, id, topic, lastEventId, name, text } = message;
  // Not the ping itself: JSON.stringify throws where an object is deep enough.
  if (type === "ping") return say({ type: "pong" });
  if (typeof topic !== "string") return;
  const room = rooms.get(topic);
  if (type === "join") {
    if (room) join(topic, room, lastEventId, say);
    else say({ type: "refused", topic });
  }
  if (type === "leave") room?.members.delete(say);
  if (type === "chat" && typeof id === "string" && id.length <= 100) {
    // After a reconnect a message may come a second time. It is acked again, but not said again.
    if (!known.has(id) && room && typeof name === "string" && typeof text === "string") {
      known.add(id);
      if (known.size > 10_000) known.delete(known.values().next().value);
      publish(topic, room, name.slice(0, 20), text.slice(0, 1_000));
    }
    say({ type: "ack", id });
  }
}

function parse(data) {
  try {
    return JSON.parse(data) ?? {};
  } catch {
    return {};
  }
}

/** The page, and everwire for it. */
async function file(path, response) {
  const [, script] = /^\/everwire\/([\w-]+\.js)$/.exec(path) ?? [];
  const name = path === "/" ? "index.html" : `node_modules/everwire/${script}`;
  const body = await readFile(new URL(name, import.meta.url)).catch(() => undefined);
  if (!body) return response.writeHead(404).end();
  response.writeHead(200, { "content-type": script ? "text/javascript" : "text/html" }).end(body);
}

// Any site's page can open a WebSocket, and the user's cookies go along: only `Origin` tells whose page it is.
const admits = (origin) => !origin || pages.includes(origin);

const server = createServer((request, response) => {
  response.on("error", () => {});
  if (request.method !== "GET" || !admits(request.headers.origin)) return response.writeHead(403).end();
  file(request.url.split("?")[0], response);
});

const verifyClient = ({ req }) => admits(req.headers.origin);
new WebSocketServer({ server, verifyClient, maxPayload: 65_536 }).on("connection", (socket) => {
  const say = (message) => {
    if (socket.bufferedAmount > 1_000_000)
      socket.terminate(); // this client does not read
    else socket.send(JSON.stringify(message));
  };
  socket.on("error", () => {}); // a frame that is none, say; without a listener it would end the process
  socket.on("message", (data) => receive(parse(data), say));
  socket.on("close", () => {
    for (const { members } of rooms.values()) members.delete(say);
  });
});
// listen(8080) would let in the whole network.
server.listen(8080, "127.0.0.1", () => console.log("http://localhost:8080"));

// Serves the page, tokens that live for a minute, and two streams that want one.
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { WebSocketServer } from "ws";

const pages = ["http://localhost:8080"]; // the origins whose pages may ask
const LIFE = 60_000; // of a token, in ms
const tokens = new Map(); // each with what ends the connections that it let in

/** In earnest: for a user who has logged in, whom the request's cookie names. */
function issue() {
  const token = randomUUID();
  const ends = new Set();
  const revoke = () => {
    clearTimeout(timer);
    tokens.delete(token);
    for (const end of ends) end();
  };
  const timer = setTimeout(revoke, LIFE);
  tokens.set(token, { ends, revoke });
  if (tokens.size > 1_000) tokens.values().next().value.revoke();
  return { token, expiresAt: Date.now() + LIFE };
}

const listeners = new Set();
setInterval(() => {
  for (const send of listeners) send(JSON.stringify({ type: "tick", time: Date.now() }));
}, 500);

/** Sends until the connection closes; `end` is called when the token is no longer good. */
function follow({ ends }, connection, send, end) {
  listeners.add(send);
  ends.add(end);
  connection.on("close", () => {
    listeners.delete(send);
    ends.delete(end);
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

// Any site's page can open a WebSocket and make a POST, and the user's cookies go along: only `Origin` tells whose page it is.
const admits = (origin) => !origin || pages.includes(origin);
const ofQuery = ({ url }) => tokens.get(new URLSearchParams(url.split("?")[1]).get("access_token"));
const ofHeader = ({ headers }) => tokens.get(headers.authorization?.replace("Bearer ", ""));

const server = createServer((request, response) => {
  const { method, url, headers } = request;
  const [path] = url.split("?");
  response.on("error", () => {});
  if (!admits(headers.origin)) return response.writeHead(403).end();
  if (method === "POST" && path === "/token") {
    response.writeHead(200, { "content-type": "application/json", "cache-control": "no-store" });
    return response.end(JSON.stringify(issue()));
  }
  if (method === "POST" && path === "/revoke") {
    for (const { revoke } of tokens.values()) revoke();
    return response.writeHead(204).end();
  }
  if (method !== "GET") return response.writeHead(405).end();
  // The probe: a page cannot see with which status its WebSocket was refused, so it asks here.
  if (path === "/ticks") return response.writeHead(ofQuery(request) ? 204 : 401, { "cache-control": "no-store" }).end();
  if (path !== "/news") return file(path, response);
  const token = ofHeader(request);
  if (!token) return response.writeHead(401).end();
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  response.flushHeaders();
  const send = (text) => {
    response.write(`data: ${text}\n\n`);
    if (response.writableLength > 1_000_000) response.destroy(); // this client does not read
  };
  follow(token, response, send, () => response.end());
});

// A handshake without a good token gets 401.
const verifyClient = ({ req }) => admits(req.headers.origin) && Boolean(ofQuery(req));
new WebSocketServer({ server, path: "/ticks", verifyClient, maxPayload: 65_536 }).on(
  "connection",
  (socket, request) => {
    const send = (text) => {
      if (socket.bufferedAmount > 1_000_000)
        socket.terminate(); // this client does not read
      else socket.send(text);
    };
    socket.on("error", () => {}); // a frame that is none, say; without a listener it would end the process
    socket.on("message", (data) => String(data).startsWith('{"type":"ping"') && send(String(data)));
    follow(ofQuery(request), socket, send, () => socket.close(4401, "the token is no longer good"));
  },
);
// listen(8080) would let in the whole network.
server.listen(8080, "127.0.0.1", () => console.log("http://localhost:8080"));

// Serves the pages, and a WebSocket that sends 100-byte text frames as fast as the socket takes them.
// It speaks the protocol by hand, frames made in advance: a library's cost per send would hide the client's.
import { once } from "node:events";
import { createHash } from "node:crypto";
import { createServer } from "node:http";

const message = { type: "price", symbol: "EVW", price: 1234.5, volume: 67890, note: "" };
/** One message: JSON of exactly 100 bytes, also where it is taken as text. */
export const payload = JSON.stringify({ ...message, note: "x".repeat(100 - JSON.stringify(message).length) });

const batch = 512;
const frame = Buffer.concat([Buffer.from([0x81, payload.length]), Buffer.from(payload)]);
const frames = Buffer.concat(Array.from({ length: batch }, () => frame));

/** Writes `count` frames, pausing whenever the socket's buffer is full. */
function pour(socket, count) {
  while (count > 0) {
    const now = Math.min(count, batch);
    count -= now;
    if (!socket.write(frames.subarray(0, now * frame.length))) {
      if (count > 0) socket.once("drain", () => pour(socket, count));
      return;
    }
  }
}

export async function startSource(scripts) {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "", "http://x");
    const script = scripts[pathname];
    if (script) return response.writeHead(200, { "content-type": "text/javascript" }).end(script);
    if (!pathname.endsWith(".html")) return response.writeHead(404).end();
    response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
    response.end(
      `<!doctype html><title>bench</title><script type="module" src="${pathname.replace(".html", ".js")}"></script>`,
    );
  });
  server.on("upgrade", (request, /** @type {import("node:net").Socket} */ socket) => {
    const accept = createHash("sha1")
      .update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest("base64");
    socket.setNoDelay(true);
    socket.on("error", () => socket.destroy());
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    const count = Number(new URL(request.url ?? "", "http://x").searchParams.get("messages"));
    // The first frame of the client says go, the next one closes.
    socket.once("data", () => {
      pour(socket, count);
      socket.once("data", () => socket.end(Buffer.from([0x88, 0])));
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const host = `127.0.0.1:${/** @type {import("node:net").AddressInfo} */ (server.address()).port}`;
  return {
    page: `http://${host}/`,
    wire: (messages) => `ws://${host}/?messages=${messages}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

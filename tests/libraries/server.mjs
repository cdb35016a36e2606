// A server on a free port that counts its connections, and drops them.
import { once } from "node:events";
import { createServer } from "node:http";

/** `attach(http)` makes it speak the library's protocol; its result may have `stop`. */
export async function serve(attach) {
  const http = createServer((_request, response) => response.writeHead(404).end());
  const sockets = new Set();
  let upgrades = 0;
  http.on("upgrade", (_request, socket) => {
    upgrades += 1;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  const library = await attach(http);
  await once(http.listen(0, "127.0.0.1"), "listening");
  return {
    url: `ws://127.0.0.1:${/** @type {import("node:net").AddressInfo} */ (http.address()).port}`,
    /** WebSockets that are open now, by the HTTP server's count and by the library's. */
    open: () => [sockets.size, library.open()],
    upgrades: () => upgrades,
    /** Without a close frame: the TCP connections end, or are reset. */
    drop(reset) {
      for (const socket of sockets) reset ? socket.resetAndDestroy() : socket.destroy();
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      http.close();
      await library.stop?.();
    },
  };
}

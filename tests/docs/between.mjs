// A proxy that cuts: everything that goes to a server goes through it.
import { connect, createServer } from "node:net";

/** `cut` ends every connection; `to` leads to another port from then on. */
export async function between(port) {
  let target = port;
  const sockets = new Set();
  const server = createServer((socket) => {
    const up = connect(target, "127.0.0.1");
    for (const [one, other] of [
      [socket, up],
      [up, socket],
    ]) {
      sockets.add(one);
      one.on("error", () => {});
      one.on("close", () => {
        sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port: own } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  const close = () => {
    cut();
    server.close();
  };
  const to = (next) => {
    target = next;
  };
  return { port: own, cut, close, to };
}

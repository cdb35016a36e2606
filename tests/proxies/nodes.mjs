// The nodes behind the proxy: the demo server's app processes, without its own fault proxy.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { serverBinary } from "../browser/node/environment.mjs";
import { freePort, start } from "../browser/node/processes.mjs";

export async function startNode(folder, name) {
  const address = `127.0.0.1:${await freePort()}`;
  const dir = join(folder, name);
  mkdirSync(dir);
  // As the demo server itself starts it; see www/src/args.rs. /count needs no log, so the nodes share nothing but the clock.
  const run = () =>
    start(serverBinary, ["app-process", address, dir, "1000", "e1", "--test-endpoints"], { what: name, ready: /\n/ });
  let node = await run();
  return {
    address,
    async kill() {
      const ended = new Promise((resolve) => node.child.once("exit", resolve));
      node.child.kill("SIGKILL");
      await ended;
    },
    /** After a kill, of whatever check. */
    async revive() {
      if (node.child.signalCode === null) return;
      mkdirSync(dir, { recursive: true });
      node = await run();
    },
    async connections() {
      return (await (await fetch(`http://${address}/stats`)).json()).connections;
    },
  };
}

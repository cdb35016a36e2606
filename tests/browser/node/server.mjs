// The demo server, as the tests use it.
import { join } from "node:path";
import { packed, pages, root, serverBinary } from "./environment.mjs";
import { start } from "./processes.mjs";

async function startServer(roots, ...further) {
  const args = ["--port", "0", "--exit-with-stdin", "--log-size", "20000", ...further];
  for (const entry of roots) args.push("--root", entry);
  const server = await start(serverBinary, args, {
    what: "the demo server",
    ready: /everwire demo: (http:\/\/\S+?)\/?\s/,
  });
  return { url: server.match[1], stop: server.stop, output: server.output };
}

export const startTestServer = (roots = []) =>
  startServer([`=${pages}`, `pkg=${packed}`, ...roots], "--test-endpoints");
/** As `make demo` starts it. */
export const startDemoServer = () => startServer([`=${join(root, "www")}`, `pkg=${packed}`]);

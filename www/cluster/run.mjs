// The demo on a real engine: two nodes of nginx with nchan over one Redis, a publisher, and a page that can stop them.
//   node www/cluster/run.mjs [--port N]      the page; the nodes and Redis take the three ports after it. Default 8090
// Everything is on loopback and in a temporary directory. Ctrl-C ends it all.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Cluster } from "./cluster.mjs";
import { serve } from "./files.mjs";
import { Publisher } from "./publisher.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const at = process.argv.indexOf("--port");
const port = at < 0 ? 8090 : Number(process.argv[at + 1]);
if (!Number.isInteger(port) || port < 1024 || port > 65_000) {
  console.error("usage: node www/cluster/run.mjs [--port N]");
  process.exit(2);
}

const cluster = new Cluster({ a: port + 1, b: port + 2, redis: port + 3 });
const servers = { a: cluster.nodes[0], b: cluster.nodes[1], redis: cluster.redis };
process.on("exit", () => cluster.stopNow());
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => process.exit());

// Where one fails the next is tried, with the same number: a message that was published twice is held back by the clients.
const publisher = new Publisher(
  () => cluster.nodes.filter((node) => node.state === "running").map((node) => `${node.url}/publish?channel=demo`),
  1_000,
);

const does = {
  kill: (server) => server.kill(),
  start: (server) => server.start(),
  freeze: (server) => server.signal("SIGSTOP", true),
  thaw: (server) => server.signal("SIGCONT", true),
};

const routes = {
  "GET /cluster.json": () => ({
    nodes: cluster.nodes.map(({ url }) => `${url}/live?channel=demo`),
    servers: Object.fromEntries(Object.entries(servers).map(([name, { port, state }]) => [name, { port, state }])),
    published: publisher.acknowledged,
    waiting: publisher.last - publisher.acknowledged,
  }),
  "POST /server": async (_, query) => {
    const server = Object.hasOwn(servers, query.get("name")) && servers[query.get("name")];
    const act = Object.hasOwn(does, query.get("do")) && does[query.get("do")];
    if (!server || !act) throw new Error("name: a, b or redis; do: kill, start, freeze or thaw");
    await act(server);
  },
  "POST /chat": (text) => {
    if (text.trim()) publisher.publish({ type: "chat", text: text.slice(0, 500) });
  },
};

try {
  await cluster.start();
  const { url } = await serve({
    port,
    routes,
    roots: { "": here, www: join(here, ".."), pkg: join(here, "../../pkg") },
  });
  // So that there is something to lose; and so that a silent channel is a dead one.
  setInterval(() => {
    if (publisher.last - publisher.acknowledged < 1_000) publisher.publish({ type: "tick" });
  }, 100);
  console.log(
    `everwire cluster: ${url}/   nodes on ${port + 1} and ${port + 2}, Redis on ${port + 3}; Ctrl-C ends them`,
  );
} catch (error) {
  console.error(`everwire cluster: ${error.message}\nAnother port: make demo-cluster DEMO_ARGS="--port 9000"`);
  process.exit(1);
}

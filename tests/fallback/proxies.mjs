// An nginx that is in the way: each kind is a few lines of its config. In plain http, in front of one node.
import { join } from "node:path";
import { freePort } from "../browser/node/processes.mjs";
import { startNginx } from "../proxies/nginx.mjs";

const refuse = "if ($http_upgrade) { return 426; }";
const pass = "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;";
/** What nginx speaks to nodes by default before 1.29.7. Over HTTP/1.1 it passes on what is chunked, buffering or not. */
const old = "proxy_http_version 1.0;",
  modern = "proxy_http_version 1.1;";
/** Holds more than a test has to say. */
const big = "proxy_buffer_size 1m; proxy_buffers 8 1m; proxy_busy_buffers_size 2m;";

export const kinds = {
  /** Lets all through. */
  open: [modern, pass],
  refused: [modern, refuse],
  /** Knows no upgrade: the node is asked for a WebSocket's address as for a page. */
  plain: [modern],
  /** Its WebSockets go by a second nginx, which is reloaded twice a second, and gives its old workers 2 s. */
  cut: [modern, pass],
  buffered: [old, refuse, big, "proxy_ignore_headers X-Accel-Buffering;"],
  /** The default: it buffers what does not ask it not to. */
  kind: [old, refuse, big],
};

const config = ({ port, www, node, websockets = node }, lines, main = "") => `
worker_processes 1;
${main}
events { worker_connections 256; }
http {
  include /etc/nginx/mime.types;
  access_log off;
  map $http_upgrade $to { default ${websockets}; '' ${node}; }
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  server {
    listen 127.0.0.1:${port};
    location / { root ${www}; }
    location ~ ^/(count|ledger|rooms)$ {
      proxy_pass http://$to;
      ${lines.join("\n      ")}
    }
  }
}
`;

/** Gives its `url`, and `become(kind)`: from then on, for new connections. */
export async function startProxy(kind, { folder, www, node }) {
  const one = (port, text) => startNginx(join(folder, `nginx-${port}`), text, `http://127.0.0.1:${port}`);
  const port = await freePort(),
    other = await freePort();
  const cutter =
    kind === "cut" && (await one(other, config({ port: other, www, node }, kinds.open, "worker_shutdown_timeout 2s;")));
  const reloads = cutter && setInterval(() => cutter.reload(), 500);
  const place = { port, www, node, websockets: cutter ? `127.0.0.1:${other}` : node };
  const { url, stop, reload } = await one(port, config(place, kinds[kind]));
  return {
    url,
    become: (next) => reload(config(place, kinds[next])),
    async stop() {
      clearInterval(reloads || undefined);
      await stop();
      if (cutter) await cutter.stop();
    },
  };
}

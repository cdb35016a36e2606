// Serves files, and whatever else the routes say.
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

const types = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};

/**
 * `roots`: the first part of a path to the directory that it stands for; "" is the rest. `routes`: `"POST /path"` to an
 * async function of the body's text and the query, which gives what is answered as JSON.
 */
export async function serve({ port = 0, roots, routes = {} }) {
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://localhost");
    response.setHeader("cache-control", "no-store");
    try {
      const route = routes[`${request.method} ${pathname}`];
      if (route) {
        const answer = JSON.stringify((await route(await text(request), searchParams)) ?? {});
        response.setHeader("content-type", "application/json").end(answer);
        return;
      }
      const path = normalize(pathname.endsWith("/") ? `${pathname}index.html` : pathname);
      const first = path.split("/")[1];
      const file = Object.hasOwn(roots, first)
        ? join(roots[first], path.slice(first.length + 1))
        : join(roots[""], path);
      if (!(await stat(file)).isFile()) throw new Error(`${pathname} is no file`);
      response.setHeader("content-type", types[extname(file)] ?? "application/octet-stream");
      createReadStream(file).pipe(response);
    } catch (error) {
      response.writeHead(error.code === "ENOENT" ? 404 : 500).end(error.message);
    }
  });
  await once(server.listen(port, "127.0.0.1"), "listening");
  return {
    url: `http://127.0.0.1:${/** @type {import("node:net").AddressInfo} */ (server.address()).port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}

async function text(request) {
  let body = "";
  for await (const chunk of request.setEncoding("utf8"))
    if ((body += chunk).length > 10_000) throw new Error("too much");
  return body;
}

// examples/rust-trunk as trunk builds it: by cargo and wasm-bindgen, which the tests have anyway; trunk takes longer to install than
// all of them. The crate is the packed one.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { packCrate } from "../../scripts/crate.mjs";
import { root } from "../docs/pages.mjs";
import { run } from "./folder.mjs";

const kinds = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" };

/** Into the folder's `dist`. */
export async function build(dir) {
  const manifest = join(dir, "Cargo.toml"),
    text = readFileSync(manifest, "utf8"),
    place = 'path = "../.."';
  if (!text.includes(place)) throw new Error(`${manifest} does not take everwire from the clone`);
  const crate = packCrate(`${dir}-crate`, "").dir;
  writeFileSync(manifest, text.replace(place, `path = ${JSON.stringify(crate)}`));

  const toolchain = execFileSync("bash", ["-c", ". scripts/env.sh && everwire_wasm_toolchain"], {
    cwd: root,
    encoding: "utf8",
  }).trim();
  const out = join(root, "target/examples-wasm"),
    dist = join(dir, "dist");
  // No debug information: the page would load 60 MB. And the pages of the other examples are used meanwhile.
  const env = { ...process.env, CARGO_PROFILE_DEV_DEBUG: "0" };
  const cargo = [...(toolchain === "default" ? [] : [`+${toolchain}`]), "build", "--quiet", "--locked"];
  const wasm = "wasm32-unknown-unknown";
  await run(dir, "nice", ["cargo", ...cargo, "--target", wasm, "--target-dir", out], env);
  mkdirSync(dist);
  const app = join(out, wasm, "debug/ticker.wasm");
  await run(dir, "nice", ["wasm-bindgen", app, "--target", "web", "--no-typescript", "--out-dir", dist], env);
  const page = readFileSync(join(dir, "index.html"), "utf8"),
    link = '<link data-trunk rel="rust">';
  if (!page.includes(link)) throw new Error(`${dir}/index.html has no ${link}`);
  const script = '<script type="module">import start from "/ticker.js"; start();</script>';
  writeFileSync(join(dist, "index.html"), page.replace(link, script));
  return dist;
}

/** Serves a folder, once it is there: as `trunk serve`, the loopback only. */
export async function serveFolder() {
  let folder;
  const server = createServer(async ({ url = "/" }, response) => {
    // Without any "..".
    const path = new URL(url, "http://localhost").pathname,
      name = path === "/" ? "index.html" : path;
    const body = await readFile(join(folder, name)).catch(() => undefined);
    response.writeHead(body ? 200 : 404, { "content-type": kinds[extname(name)] ?? "text/plain" }).end(body);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  const from = (dist) => {
    folder = dist;
  };
  return { port, from, close };
}

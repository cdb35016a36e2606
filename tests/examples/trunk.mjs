// The examples in Rust as trunk and dx build them: by cargo and wasm-bindgen, which the tests have anyway; each of the two takes longer
// to install than all of the tests' tools. The crate is the packed one.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { packCrate } from "../../scripts/crate.mjs";
import { root } from "../docs/pages.mjs";
import { run } from "./folder.mjs";

const kinds = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" };

/**
 * By the example's folder: the name of its crate, and where its page gets the script.
 * @type {Record<string, { crate: string, place: string, after?: string }>}
 */
const examples = {
  "rust-trunk": { crate: "ticker", place: '<link data-trunk rel="rust">' },
  "rust-dioxus": { crate: "prices", place: "</body>", after: "</body>" },
};

/** Into the folder's `dist`. */
export async function build(dir, name) {
  const { crate: own, place: link, after = "" } = examples[name];
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
  const app = join(out, wasm, "debug", `${own}.wasm`);
  await run(dir, "nice", ["wasm-bindgen", app, "--target", "web", "--no-typescript", "--out-dir", dist], env);
  const page = readFileSync(join(dir, "index.html"), "utf8");
  if (!page.includes(link)) throw new Error(`${dir}/index.html has no ${link}`);
  const script = `<script type="module">import start from "/${own}.js"; start();</script>`;
  writeFileSync(join(dist, "index.html"), page.replace(link, script + after));
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

// What a Rust app pays for a WebSocket: each app of benches/apps as `trunk build --release` makes it (wasm-bindgen, `wasm-opt -Oz`) with
// its JavaScript minified; brotli 11. The last column is how much each grows over the same app without a connection.
// Usage: node benches/apps.mjs [--names] [APP…]; by --names the wasm keeps the names of its functions, and is in target/apps/names.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants } from "node:zlib";
import { transform } from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const target = join(root, "target/apps");
const names = process.argv.includes("--names");
const only = process.argv.slice(2).filter((word) => !word.startsWith("--"));

/** Title, the binary, its features, and the app over which it grows. */
const APPS = [
  ["leptos", "leptos", "leptos"],
  ["leptos-gloo-net", "leptos-gloo-net", "leptos,gloo-net", "leptos"],
  ["leptos-use-websocket", "leptos-use-websocket", "leptos,leptos-use-websocket", "leptos"],
  ["leptos-everwire", "leptos-everwire", "leptos,everwire-websocket", "leptos"],
  ["leptos-everwire, all", "leptos-everwire", "leptos,everwire-all", "leptos"],
  ["bare", "bare", ""],
  ["bare-gloo-net", "bare-gloo-net", "gloo-net", "bare"],
  ["bare-everwire", "bare-everwire", "everwire-websocket", "bare"],
  ["bare-everwire, sse", "bare-everwire", "everwire-sse", "bare"],
  ["bare-everwire, duplex", "bare-everwire", "everwire-duplex", "bare"],
  ["bare-everwire, all", "bare-everwire", "everwire-all", "bare"],
];

const run = (command, ...args) => execFileSync(command, args, { stdio: ["ignore", "pipe", "inherit"], cwd: root });

const brotli = (bytes) =>
  brotliCompressSync(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
  }).length;

async function measure(title, bin, features) {
  run(
    ...["cargo", "build", "--quiet", "--locked", "--release", "--manifest-path", "benches/apps/Cargo.toml"],
    ...["--target-dir", target, "--target", "wasm32-unknown-unknown", "--bin", bin, "--features", features],
  );
  const out = join(target, names ? "names" : "built", title);
  mkdirSync(out, { recursive: true });
  const keep = names ? ["--keep-debug"] : [];
  const wasm = join(target, `wasm32-unknown-unknown/release/${bin}.wasm`);
  run("wasm-bindgen", wasm, "--target", "web", "--no-typescript", "--out-dir", out, "--out-name", "app", ...keep);
  const file = join(out, "app_bg.wasm");
  run(join(root, "node_modules/.bin/wasm-opt"), "-Oz", ...(names ? ["-g"] : []), file, "-o", file);
  const js = (await transform(readFileSync(join(out, "app.js"), "utf8"), { minify: true, format: "esm" })).code;
  writeFileSync(join(out, "app.min.js"), js);
  const bytes = readFileSync(file);
  return { raw: bytes.length, wasm: brotli(bytes), js: brotli(Buffer.from(js)) };
}

const sizes = {};
const line = (title, ...columns) =>
  console.log(title.padEnd(24) + columns.map((column) => String(column).padStart(9)).join(""));
line("", "wasm raw", "wasm", "js", "total", "growth");
for (const [title, bin, features, over] of APPS) {
  if (only.length && !only.includes(title)) continue;
  const size = await measure(title, bin, features);
  const total = size.wasm + size.js;
  sizes[title] = total;
  line(title, size.raw, size.wasm, size.js, total, sizes[over] ? total - sizes[over] : "");
}

// Finds the order of the package's functions of which brotli makes the least, and writes it to order.json, which build.mjs
// follows. Nothing else depends on it: a name that is not there stays in front. After `make pack`:
//   node scripts/order.mjs [SECONDS]
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants } from "node:zlib";
import { build } from "esbuild";
import { arrange, functionsOf } from "./arrange.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const seconds = Number(process.argv[2] ?? 60);
/** @type {Map<string, string>} */
const files = new Map();
for (const todo = ["index.js"]; todo.length; ) {
  const name = /** @type {string} */ (todo.pop());
  if (files.has(name)) continue;
  const text = readFileSync(join(root, "pkg", name), "utf8");
  files.set(name, text);
  for (const [, next] of text.matchAll(/from "\.\/(.+?)"/g)) todo.push(next);
}

/** As size.mjs measures it. */
async function size(order) {
  const { outputFiles } = await build({
    stdin: { contents: 'export { connect } from "index.js";' },
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    charset: "ascii",
    write: false,
    plugins: [
      {
        name: "memory",
        setup({ onResolve, onLoad }) {
          onResolve({ filter: /\.js$/ }, ({ path }) => ({ path: path.replace("./", ""), namespace: "memory" }));
          onLoad({ filter: /.*/, namespace: "memory" }, ({ path }) => ({
            contents: arrange(files.get(path) ?? "", order),
          }));
        },
      },
    ],
  });
  const bytes = outputFiles[0].contents;
  return brotliCompressSync(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
  }).length;
}

const random = (end) => Math.floor(Math.random() * end);
let best = [...files.values()].flatMap((text) => functionsOf(text).map(({ name }) => name));
let least = await size(best);
console.log(`${best.length} functions: ${least} bytes`);
for (const until = Date.now() + seconds * 1000; Date.now() < until; ) {
  const order = [...best];
  const [moved] = order.splice(random(order.length), 1);
  order.splice(random(order.length + 1), 0, moved);
  const bytes = await size(order);
  if (bytes > least) continue;
  if (bytes < least) console.log(bytes);
  [best, least] = [order, bytes];
}
writeFileSync(join(root, "scripts/order.json"), `${JSON.stringify(best, null, 2)}\n`);

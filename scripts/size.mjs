// What `import { connect } from "everwire"` costs a page: the packed tarball, installed in an empty project and
// bundled by esbuild. Fails above the limit in size.json, which only goes down, or up by an issue's word.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build, transform } from "esbuild";
import { readAddress } from "./address.mjs";
import { installAlone, newestTarball } from "../tests/consumers/lib/install.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
// Each error's sentence names the address of the docs, which repository.json has not had yet.
const address = readAddress() ? 64 : 0;
const limit = JSON.parse(readFileSync(join(root, "size.json"), "utf8"))["total brotli"] + address;

function fail(sentence) {
  console.error(`size: ${sentence}`);
  process.exit(1);
}

async function bundled(dir, charset, contents = 'export { connect } from "everwire";') {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: dir },
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    charset,
    write: false,
    logLevel: "warning",
  });
  return outputFiles[0].contents;
}

/** A part of the package, as the build leaves it in target/npm before it joins them. */
function part(name) {
  const path = join(root, "target/npm", name);
  if (!existsSync(path)) fail(`target/npm/${name} is missing. Run \`make pack\` first.`);
  return readFileSync(path);
}

const minified = async (name) =>
  Buffer.from((await transform(part(name).toString(), { minify: true, format: "esm" })).code);

const brotli = (bytes) =>
  brotliCompressSync(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
  }).length;

const tarball = newestTarball() ?? fail("there is no pkg/everwire-*.tgz. Run `make pack` first.");
const dir = join(root, "target/size");
await installAlone(dir, tarball);
const whole = await bundled(dir, "ascii");
const rows = {
  whole: whole,
  "whole, charset utf8": await bundled(dir, "utf8"),
  wasm: part("everwire.wasm"),
  facade: await minified("facade.js"),
};
/** What the other entries bring along: duplex in the place of the main one, the rest beside it. */
const MAIN = 'export { connect } from "everwire";';
for (const [entry, names] of Object.entries({
  websocket: "WebSocket",
  auth: "tokens, forget",
  eventsource: "EventSource",
  presets: "nchan, mercure",
}))
  rows[`and ${entry}`] = await bundled(dir, "ascii", `${MAIN} export { ${names} } from "everwire/${entry}";`);
rows["duplex in its place"] = await bundled(dir, "ascii", 'export { connect } from "everwire/duplex";');
/** Others in the same way, for the README's table. */
for (const [name, what] of Object.entries({
  "partysocket": "default",
  "reconnecting-websocket": "default",
  "@microsoft/fetch-event-source": "fetchEventSource",
  "eventsource-client": "createEventSource",
  "eventsource-parser": "createParser",
}))
  rows[name.replace(/.*\//, "")] = await bundled(root, "ascii", `export { ${what} } from "${name}";`);

console.log(`${"".padEnd(24)}${["raw", "gzip", "brotli"].map((title) => title.padStart(8)).join("")}`);
for (const [name, bytes] of Object.entries(rows)) {
  const sizes = [bytes.length, gzipSync(bytes, { level: 9 }).length, brotli(bytes)];
  console.log(`${name.padEnd(24)}${sizes.map((size) => String(size).padStart(8)).join("")}`);
}

const total = brotli(whole);
if (total > limit) console.error(`size: ${total} bytes are ${total - limit} above the limit of ${limit} by size.json.`);
console.log(`total brotli: ${total} bytes`);
process.exit(total > limit ? 1 : 0);

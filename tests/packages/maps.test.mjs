// That a stack trace of the package can be read: each file names its source map, and the maps lead to the lines of the repository.
import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../..", import.meta.url));
const packed = join(root, "target/packed/package");
assert.ok(existsSync(packed), "the package is missing. Make it: make pack.");
const folder = mkdtempSync(join(tmpdir(), "everwire-maps-"));
after(() => rmSync(folder, { recursive: true }));

const scripts = readdirSync(packed).filter((file) => file.endsWith(".js"));
const read = (file) => readFileSync(join(packed, file), "utf8");
const sources = new Map();
const lineOf = (source, number) => {
  if (!sources.has(source)) sources.set(source, readFileSync(join(root, source), "utf8").split("\n"));
  return sources.get(source)[number];
};

/** Where in the repository a place of a file comes from; lines and columns count from 0. */
function origin(map, line, column) {
  const entry = /** @type {any} */ (new SourceMap(map).findEntry(line, column));
  return { source: entry.originalSource, line: entry.originalLine };
}

/** The places of a stack that are in this file, the innermost first; counted from 0. */
const frames = (stack, file) =>
  [...stack.matchAll(/([^/\s(]+\.m?js):(\d+):(\d+)\)?$/gm)]
    .filter(([, name]) => name === file || (!file && scripts.includes(name)))
    .map(([, name, line, column]) => ({ name, line: Number(line) - 1, column: Number(column) - 1 }));

test("each file ends with the name of its map, and the map is complete by itself", () => {
  assert.ok(scripts.length > 6, scripts.join());
  const maps = readdirSync(packed).filter((file) => file.endsWith(".map"));
  assert.deepEqual(maps.sort(), scripts.map((file) => `${file}.map`).sort());
  for (const file of scripts) {
    assert.deepEqual(read(file).match(/sourceMappingURL=.*/g), [`sourceMappingURL=${file}.map`]);
    const map = JSON.parse(read(`${file}.map`));
    assert.deepEqual([map.version, map.file, map.sourceRoot], [3, file, undefined]);
    assert.equal(map.sources.length, map.sourcesContent.length);
    map.sources.forEach((source, at) => {
      // The wasm as text, which nobody reads.
      if (/^target\/npm\/\w+\.js$/.test(source)) {
        assert.ok(map.sourcesContent[at].length < 200, source);
        return;
      }
      assert.match(source, /^pkg-template\/(links\/|port\/)?\w+\.[jt]s$/);
      assert.equal(map.sourcesContent[at], readFileSync(join(root, source), "utf8"), source);
    });
    for (const place of [root, homedir(), "file:"])
      if (place.length > 1) assert.ok(!read(`${file}.map`).includes(place), `${file}.map: ${place}`);
  }
});

test("each function and class of the files leads to the line where it stands", () => {
  let looked = 0;
  for (const file of scripts) {
    const map = JSON.parse(read(`${file}.map`));
    read(file)
      .split("\n")
      .forEach((text, line) => {
        const [head, name] = /^(?:async )?(?:function\*?|class) (\w+)/.exec(text) ?? [];
        if (!head) return;
        const found = origin(map, line, head.length - name.length);
        // A bundler numbers a name that is there twice.
        assert.ok(lineOf(found.source, found.line).includes(name.replace(/\d+$/, "")), `${file}: ${text}`);
        looked++;
      });
  }
  assert.ok(looked > 90, `${looked}`);
});

test("the stack of a thrown error leads to the lines that threw it", async () => {
  const { connect } = await import(pathToFileURL(join(packed, "index.js")).href);
  const { stack } = caught(() => connect("ws://127.0.0.1:1/", { heartbeat: { interval: -1 } }));
  const lines = frames(stack).map(({ name, line, column }) => {
    const found = origin(JSON.parse(read(`${name}.map`)), line, column);
    return { source: found.source, text: lineOf(found.source, found.line) };
  });
  assert.ok(lines.length > 3, stack);
  assert.equal(lines[0].source, "pkg-template/errors.js");
  assert.match(lines[0].text, /new EverwireError\("invalid-option"/);
  assert.ok(
    lines.some(({ source }) => source === "pkg-template/options.js"),
    stack,
  );
  assert.match(lines.at(-1)?.text ?? "", /new Client\(|readOptions\(/);
});

test("an app that is bundled and minified has the maps in its own", async () => {
  const dir = join(folder, "node_modules/everwire");
  mkdirSync(dir, { recursive: true });
  cpSync(packed, dir, { recursive: true });
  const app =
    'import { connect } from "everwire";\nexport const start = () => connect("ws://127.0.0.1:1/", { ack: 7 });\n';
  writeFileSync(join(folder, "app.js"), app);
  const outfile = join(folder, "bundle.mjs");
  const { warnings } = await build({
    entryPoints: [join(folder, "app.js")],
    absWorkingDir: folder,
    bundle: true,
    minify: true,
    format: "esm",
    sourcemap: true,
    outfile,
    logLevel: "silent",
  });
  assert.deepEqual(warnings, []);
  const map = JSON.parse(readFileSync(`${outfile}.map`, "utf8"));
  const { start } = await import(pathToFileURL(outfile).href);
  const { stack } = caught(start);
  const lines = frames(stack, "bundle.mjs").map(({ line, column }) => origin(map, line, column));
  assert.equal(lines[0].source, "node_modules/everwire/pkg-template/errors.js");
  assert.match(lineOf("pkg-template/errors.js", lines[0].line), /new EverwireError\("invalid-option"/);
  assert.deepEqual(lines.at(-1), { source: "app.js", line: 1 });
});

function caught(throws) {
  try {
    throws();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

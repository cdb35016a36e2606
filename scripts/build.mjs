// Builds the npm package: src -> wasm -> text -> pkg. Called by `make pack`.
// Leaves what is measured by itself in target/npm: everwire.wasm, duplex.wasm, auth.wasm, facade.js.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import binaryen from "binaryen";
import { build } from "esbuild";
import { minify } from "terser";
import { addressNpm, errorsAt, readAddress, relink } from "./address.mjs";
import { literal, pack } from "./pack.mjs";

const cargo = readFileSync("Cargo.toml", "utf8");
const version = /^\[package\][\s\S]*?^version = "(.+)"/m.exec(cargo)?.[1];
const out = "target/npm";
const toolchain = process.env.EVERWIRE_TOOLCHAIN ? [`+${process.env.EVERWIRE_TOOLCHAIN}`] : [];

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

// 1 to 3. Three builds: `everwire/duplex` has all that the main entry has, whose visitors need not pay for the rest, nor for
// what `everwire/auth` needs alone.
makeWasm("everwire");
makeWasm("duplex", "duplex");
makeWasm("auth", "tokens");

// 4. The facade around it.
// Names between our own objects, which no platform, no user's object and no option has: shortened here, as no bundler may.
const own =
  /^(acknowledges|acks|again|answer|answered|around|aside|ask|asked|asking|asks|astray|attend|awaiting|away|began|begin|begun|beside|blame|busy|carry|checked|clients|coming|comment|confine|count|cursor|cursorNames|dead|deliver|dial|disarm|discard|dispatch|drain|drop|event|exactly|failed|feed|fingerprint|flags|forget|give|given|goodbye|handler|head|hear|heard|held|highWater|hold|idOf|ignored|inOrder|incoming|init|inner|item|iterate|keepers|kept|kinds|later|leaving|link|links|listened|live|loops|loose|lost|manual|names|network|number|numbers|off|offers|onOpen|out|over|paced|page|passes|payloads|pending|pings|pinned|place|placed|prepared|probed|promise|raw|reader|receiver|refusal|refuses|released|rendered|resumes|room|route|rule|running|sendPing|settle|silent|since|sink|stand|stop|successor|switch|takes|tell|turn|unattend|waits|watch|way|ways|when|withheld)$/;
// The main entry's wasm stands in a file of its own: bundlers put what is imported last behind all the rest, where it parts no text
// that is alike. In brotli that is 0.1 kB.
const apart = {
  name: "apart",
  setup: ({ onResolve }) =>
    onResolve({ filter: /everwire\.js$/ }, () => ({ path: "./shared-wasm.js", external: true })),
};
const facade = (options) =>
  build({
    bundle: true,
    format: "esm",
    target: "es2022",
    charset: "utf8",
    mangleProps: own,
    define: { EVERWIRE_VERSION: JSON.stringify(version), EVERWIRE_ERRORS: JSON.stringify(errorsAt(readAddress())) },
    legalComments: "none",
    ...options,
  });
// The main entry's short names hold for all: what another entry uses must not cost it bytes.
const { mangleCache } = await facade({
  entryPoints: ["pkg-template/index.js"],
  external: ["#wasm/*"],
  outfile: `${out}/facade.js`,
  mangleCache: {},
});

rmSync("pkg", { recursive: true, force: true });
mkdirSync("pkg");
const entries = ["index", "auth", "duplex", "eventsource", "presets", "websocket"];
await facade({ entryPoints: [`${out}/everwire.js`], outfile: "pkg/shared-wasm.js", sourcemap: "external" });
// What the entries have in common stands in one file.
await facade({
  plugins: [apart],
  entryPoints: entries.map((name) => `pkg-template/${name}.js`),
  outdir: "pkg",
  splitting: true,
  chunkNames: "shared-[hash]",
  sourcemap: "external",
  mangleCache,
  alias: { "#wasm": `./${out}` },
});
// What terser finds and most bundlers' minifiers do not, 0.2 kB of it; names stay, for whoever looks into it.
// Functions not inlined, and all of them first: 0.07 kB more, as brotli then finds more that is alike.
for (const file of readdirSync("pkg").filter((file) => file.endsWith(".js"))) {
  const { code, map } = await minify(readFileSync(`pkg/${file}`, "utf8"), {
    module: true,
    ecma: 2022,
    compress: { passes: 3, sequences: false, booleans: false, join_vars: false, reduce_funcs: false, hoist_funs: true },
    mangle: false,
    format: { beautify: true },
    // A bundler drops the line that this adds, so a visitor does not pay for it.
    sourceMap: { filename: file, content: readFileSync(`pkg/${file}.map`, "utf8"), url: `${file}.map` },
  });
  if (/[^\0-\x7f]/.test(code ?? ""))
    throw new Error(`build: pkg/${file} is not ASCII: a page of another charset would garble it`);
  writeFileSync(`pkg/${file}`, `${code}\n`);
  writeFileSync(`pkg/${file}.map`, packedMap(`${map}`));
}
for (const name of entries) cpSync(`pkg-template/${name}.d.ts`, `pkg/${name}.d.ts`);
// What whoever builds it again needs to get the same bytes: brotli and gzip are Node's, the tarball is npm's.
const made = {
  rustc: /^rustc (.+)/.exec(execFileSync("rustc", [...toolchain, "--version"], { encoding: "utf8" }))?.[1],
  ...Object.fromEntries(["binaryen", "esbuild", "terser"].map((name) => [name, installed(name)])),
  node: process.versions.node,
  npm: execFileSync("npm", ["--version"], { encoding: "utf8" }).trim(),
};
writeFileSync("pkg/build.json", `${JSON.stringify(made, null, 2)}\n`);
console.log(
  `made by ${Object.entries(made)
    .map(([name, version]) => `${name} ${version}`)
    .join(", ")}`,
);
for (const file of ["CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"]) cpSync(file, `pkg/${file}`);
const manifest = JSON.parse(readFileSync("pkg-template/package.json", "utf8"));
writeFileSync(
  "pkg/SECURITY.md",
  relink(readFileSync("SECURITY.md", "utf8"), readAddress(), (path) =>
    manifest.files.includes(path) ? path : undefined,
  ),
);
addressNpm("pkg", { ...manifest, version }, packedReadme(), readAddress());

/** Builds the wasm with these features: NAME.wasm, and NAME.js with the same as text. */
function makeWasm(name, features = "") {
  // 1. Rust to wasm. 32 KiB of stack instead of 1 MiB: no recursion here, and each page pays for it.
  execFileSync(
    "cargo",
    [
      ...toolchain,
      "build",
      "--quiet",
      "--locked",
      "--package",
      "everwire-npm",
      "--target",
      "wasm32-unknown-unknown",
      "--profile",
      "npm",
      "--features",
      features,
    ],
    {
      stdio: "inherit",
      env: {
        ...process.env,
        CARGO_TARGET_DIR: "target/wasm",
        // What is inlined is there twice: less of it than opt-level "s" has by itself. And two passes that make more
        // code of what there is: for loops, and for what was computed before. Found by trying: 0.3 kB and 0.15 kB.
        RUSTFLAGS:
          "-Clink-arg=-zstack-size=32768 -Ctarget-feature=+simd128 -Cllvm-args=-inline-threshold=5 -Cllvm-args=-disable-lsr -Cllvm-args=-enable-pre=false -Cllvm-args=-enable-load-pre=false",
      },
    },
  );
  // 2. Smaller: a panic still traps, only its text is lost.
  const bytes = withoutNames(shrink(readFileSync("target/wasm/wasm32-unknown-unknown/npm/everwire_npm.wasm")));
  // A module that an engine refuses must not be packed.
  new WebAssembly.Module(bytes);
  writeFileSync(`${out}/${name}.wasm`, bytes);
  // 3. The wasm as text, which is a fifth less than base64 after compression. ASCII only, so that no page's or server's charset
  // can garble it, and no bundler needs four characters for one.
  const [pivot, mark, unused, text, starts] = pack(bytes);
  writeFileSync(
    `${out}/${name}.js`,
    `export const wasm = [${pivot}, ${mark}, ${unused}, ${literal(text)}, [${starts.join(", ")}]];\n`,
  );
}

function installed(name) {
  return JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8")).version;
}

function shrink(bytes) {
  const module = binaryen.readBinary(bytes);
  // Its features are those that the compiler wrote into it; binaryen adds none.
  // The entries of the panic machinery (core::panicking, core::result::unwrap_failed, alloc's and std's
  // handlers), by the names that the compiler gave them.
  const panics =
    /(core\d*9panicking|unwrap_failed|expect_failed|handle_alloc_error|capacity_overflow|rust_panic|panic_fmt|handle_error|begin_panic|slice_(start|end)_index|core\d*5slice5index\d+slice_|4core3fmt|5alloc3fmt|3std9panicking)/;
  let emptied = 0;
  for (let i = 0; i < module.getNumFunctions(); i++) {
    const info = binaryen.getFunctionInfo(module.getFunctionByIndex(i));
    if (info.module || !panics.test(info.name)) continue;
    // @ts-expect-error its types forget this one
    binaryen.Function(module.getFunctionByIndex(i)).setBody(module.unreachable());
    emptied++;
  }
  // Of the linker.
  for (const name of ["__data_end", "__heap_base"]) module.removeExport(name);
  // That of everwire/auth has none.
  if (emptied === 0 && module.getNumFunctions() > 99)
    throw new Error("build: no panic function was found; the names have changed, see scripts/build.mjs");
  // What is rare in the parser stays out of its loop, which then has more registers; and it is smaller.
  binaryen.setPassArgument("no-inline", "*5lines*");
  module.runPasses(["no-inline"]);
  binaryen.setOptimizeLevel(2);
  binaryen.setShrinkLevel(2);
  // Found by trying: what brotli makes of it is smallest so.
  module.runPasses(["flatten", "rereloop", "simplify-locals", "local-cse"]);
  binaryen.setAlwaysInlineMaxSize(8);
  module.optimize();
  module.optimize();
  return module.emitBinary();
}

/** Without who made it and from what, which the engine does not ask. */
function withoutNames(wasm) {
  const out = [wasm.subarray(0, 8)];
  for (let at = 8; at < wasm.length; ) {
    const start = at;
    const id = wasm[at++];
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = wasm[at++];
      length |= (byte & 127) << shift;
      if (byte < 128) break;
    }
    at += length;
    const section = wasm.subarray(start, at);
    if (id !== 0) out.push(id === 11 ? blankPanics(section) : section);
  }
  return Buffer.concat(out);
}

/** The texts of panics, which nothing prints any more, become zeros of the same length; their places too. */
function blankPanics(data) {
  const panics =
    /\/rustc\/[\w/.-]+\.rs|(?:pkg-template\/src\/(?:\.\.\/\.\.\/src\/)?|src\/)[\w/]+\.rs|(?:0[0-9]|[1-9][0-9]){100}|RefCell already (?:mutably )?borrowed|(?:removal|insertion) index \(is |\) should be <=? len \(is |capacity overflow|mid > len|slice index starts at | but ends at |range (?:start|end) index | out of range for slice of length /g;
  const out = Buffer.from(data);
  const text = out.toString("latin1");
  for (const { 0: found, index } of text.matchAll(panics)) {
    out.fill(0, index, index + found.length);
    if (!found.endsWith(".rs")) continue;
    // A place: the address of the file's name and its length, line and column. The linker gave the address.
    const name = Buffer.alloc(8);
    name.writeUInt32LE(addressOf(out, index), 0);
    name.writeUInt32LE(found.length, 4);
    for (let at = out.indexOf(name); at >= 0; at = out.indexOf(name, at + 1)) out.fill(0, at, at + 16);
  }
  return out;
}

/** The address of a byte of the data section: that of its segment and what is before it in there. */
function addressOf(section, index) {
  let at = 1;
  const leb = () => {
    let value = 0,
      shift = 0,
      byte;
    do {
      byte = section[at++];
      value |= (byte & 127) << shift;
      shift += 7;
    } while (byte > 127);
    return value;
  };
  leb(); // the section's length
  for (let count = leb(); count > 0; count--) {
    const flags = leb();
    if (flags !== 0 || section[at++] !== 0x41) throw new Error("build: a data segment of an unexpected kind");
    const address = leb();
    at += 1; // end of the expression
    const length = leb();
    if (index < at + length) return address + index - at;
    at += length;
  }
  throw new Error("build: a panic's text is in no data segment");
}

/**
 * A source map that is complete by itself: the sources have their paths in the repository, and their texts are in it. The wasm's
 * text is not there a second time, as nobody reads it.
 */
function packedMap(text) {
  const map = { sources: [], sourcesContent: [], ...JSON.parse(text) };
  map.sources.forEach((source, at) => {
    const path = source.replace(/^\.\.\//, "");
    if (!/^(pkg-template|src|target)\//.test(path)) throw new Error(`build: a source map names ${source}`);
    map.sources[at] = path;
    if (path.startsWith(`${out}/`)) map.sourcesContent[at] = "// The wasm as text: scripts/build.mjs makes it.\n";
  });
  return JSON.stringify(map);
}

/** The README, with the two servers that it links to: who has the package alone has no docs. */
function packedReadme() {
  const server = (file, port) => {
    const blocks = readFileSync(file, "utf8").match(/^```js\n[\s\S]*?^```$/gm) ?? [];
    const found = blocks.find((block) => block.includes(`listen(${port}`));
    if (!found) throw new Error(`build: ${file} has no server on port ${port}`);
    return found;
  };
  const both = `## Two servers to copy

WebSocket and SSE, with \`ws\`:

${server("docs/servers/node.md", 8081)}

An event stream, and what is sent over it by POST:

${server("docs/guide/over-sse.md", 8082)}

`;
  const readme = readFileSync("README.md", "utf8"),
    at = readme.indexOf("## See it\n");
  if (at < 0) throw new Error("build: README.md has no section See it");
  return readme.slice(0, at) + both + readme.slice(at);
}

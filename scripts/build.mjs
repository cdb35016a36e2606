// Builds the npm package: src -> wasm -> glue and text -> pkg. Called by `make pack`.
// Leaves what is measured by itself in target/npm: everwire.wasm, glue.js, facade.js.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import binaryen from "binaryen";
import { build } from "esbuild";

const cargo = readFileSync("Cargo.toml", "utf8");
const version = /^\[package\][\s\S]*?^version = "(.+)"/m.exec(cargo)[1];
const out = "target/npm";
const run = (command, ...args) => execFileSync(command, args, { stdio: ["ignore", "inherit", "inherit"] });

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

// 1. Rust to wasm. 32 KiB of stack instead of 1 MiB: no recursion here, and each page pays for it.
execFileSync("cargo", [
  ...(process.env.EVERWIRE_TOOLCHAIN ? [`+${process.env.EVERWIRE_TOOLCHAIN}`] : []),
  "rustc", "--quiet", "--locked", "--package", "everwire", "--lib", "--crate-type", "cdylib",
  "--target", "wasm32-unknown-unknown", "--profile", "npm",
  "--no-default-features", "--features", "npm",
], {
  stdio: "inherit",
  env: { ...process.env, CARGO_TARGET_DIR: "target/wasm", RUSTFLAGS: "-Clink-arg=-zstack-size=32768 -Ctarget-feature=+simd128" },
});
run("wasm-bindgen", "target/wasm/wasm32-unknown-unknown/npm/everwire.wasm", "--target", "web",
  "--omit-default-module-path", "--no-typescript", "--no-demangle", "--out-dir", out);

// 2. Smaller: a panic still traps, only its text is lost.
const shrunk = shrink(readFileSync(`${out}/everwire_bg.wasm`));

// 3. The glue becomes a function that makes a fresh instance, so that one can follow another that trapped.
const bundled = await build({
  stdin: { contents: `export { initSync, Wire } from "./${out}/everwire.js"`, resolveDir: "." }, bundle: true, format: "iife", globalName: "glue", write: false,
});
const marked = replaceOnce(bundled.outputFiles[0].text, "wasm = instance.exports;", "wasm = guard(instance.exports);");
const { wasm, glue } = shortenImports(shrunk, marked);
writeFileSync(`${out}/everwire.wasm`, wasm);
writeFileSync(`${out}/glue.js`,
  `export function instantiate(module, guard) {\n${glue}\nglue.initSync({ module });\nreturn glue;\n}\n`);

// 4. The wasm as text: one character per byte costs a fifth less than base64 after compression.
const bytes = wasm;
let sum = 0;
for (const byte of bytes) sum = (sum * 31 + byte) | 0;
const text = String.fromCharCode(...bytes).replace(/[\\`$\r\0]/g, (c) => ({ "\r": "\\r", "\0": "\\x00" })[c] ?? `\\${c}`);
writeFileSync(`${out}/wasm.js`, `export const sum = ${sum};\nexport const text = \`${text}\`;\n`);

// 5. The facade around them.
const facade = (options) => build({
  bundle: true, format: "esm", target: "es2022", charset: "utf8",
  define: { EVERWIRE_VERSION: JSON.stringify(version) }, legalComments: "none", ...options,
});
await facade({ entryPoints: ["pkg-template/index.js"], external: ["#glue", "#wasm"], outfile: `${out}/facade.js` });

rmSync("pkg", { recursive: true, force: true });
mkdirSync("pkg");
// What the entries have in common, the wasm above all, stands in one file.
await facade({
  entryPoints: ["pkg-template/index.js", "pkg-template/eventsource.js"], outdir: "pkg", splitting: true, chunkNames: "shared",
  alias: { "#glue": `./${out}/glue.js`, "#wasm": `./${out}/wasm.js` },
});
for (const file of ["index.d.ts", "eventsource.d.ts"]) cpSync(`pkg-template/${file}`, `pkg/${file}`);
for (const file of ["README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"]) cpSync(file, `pkg/${file}`);
const manifest = JSON.parse(readFileSync("pkg-template/package.json", "utf8"));
writeFileSync("pkg/package.json", `${JSON.stringify({ ...manifest, version }, null, 2)}\n`);

// A module that an engine refuses must not be packed.
new WebAssembly.Module(bytes);

function shrink(bytes) {
  const module = binaryen.readBinary(bytes);
  // Its features are those that the compiler wrote into it; binaryen adds none.
  // The entries of the panic machinery (core::panicking, core::result::unwrap_failed, alloc's and std's
  // handlers), by the names that the compiler gave them.
  const panics = /(core\d*9panicking|unwrap_failed|expect_failed|handle_alloc_error|capacity_overflow|rust_panic|panic_fmt|handle_error|begin_panic|slice_(start|end)_index|core\d*5slice5index\d+slice_|4core3fmt|5alloc3fmt|3std9panicking)/;
  let emptied = 0;
  for (let i = 0; i < module.getNumFunctions(); i++) {
    const info = binaryen.getFunctionInfo(module.getFunctionByIndex(i));
    if (info.module || !panics.test(info.name)) continue;
    binaryen.Function(module.getFunctionByIndex(i)).setBody(module.unreachable());
    emptied++;
  }
  if (emptied === 0) throw new Error("build: no panic function was found; the names have changed, see scripts/build.mjs");
  binaryen.setOptimizeLevel(2);
  binaryen.setShrinkLevel(2);
  module.optimize();
  module.optimize();
  return module.emitBinary();
}

/** wasm-bindgen's import names, with their hashes, are half a kilobyte after compression. */
function shortenImports(wasm, glue) {
  const names = new Map();
  const short = (name) => {
    if (!names.has(name)) names.set(name, `i${names.size.toString(36)}`);
    return names.get(name);
  };
  const out = [wasm.subarray(0, 8)];
  let at = 8;
  const leb = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = wasm[at++];
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  const toLeb = (value) => {
    const bytes = [];
    do {
      bytes.push((value & 127) | (value > 127 ? 128 : 0));
      value >>>= 7;
    } while (value);
    return bytes;
  };
  const text = () => {
    const length = leb();
    return new TextDecoder().decode(wasm.subarray(at, (at += length)));
  };
  const toText = (value) => [...toLeb(value.length), ...new TextEncoder().encode(value)];
  while (at < wasm.length) {
    const start = at;
    const id = wasm[at++];
    const length = leb();
    const end = at + length;
    if (id === 2) {
      const count = leb();
      const body = toLeb(count);
      for (let i = 0; i < count; i++) {
        text(); // the module: the same for all
        const name = text();
        if (wasm[at] !== 0) throw new Error(`build: ${name} is not a function import`);
        const from = at++;
        leb();
        body.push(...toText("i"), ...toText(short(name)), ...wasm.subarray(from, at));
      }
      out.push(Uint8Array.of(2, ...toLeb(body.length)), Uint8Array.from(body));
    } else if (id === 11) {
      out.push(blankPanics(wasm.subarray(start, end)));
    } else if (id !== 0) { // not who made it: the engine does not ask
      out.push(wasm.subarray(start, end));
    }
    at = end;
  }
  glue = replaceOnce(glue, '"./everwire_bg.js":', "i:");
  for (const [name, to] of names) glue = replaceOnce(glue, `${name}: function`, `${to}: function`);
  return { wasm: Buffer.concat(out), glue };
}

/** The texts and places of panics, which nothing prints any more, become zeros of the same length. */
function blankPanics(data) {
  const blank = (text) => "\0".repeat(text.length);
  const panics = /\/rustc\/[\w/.-]+\.rs|src\/[\w/]+\.rs|(?:0[0-9]|[1-9][0-9]){100}|RefCell already (?:mutably )?borrowed|removal index \(is |\) should be < len \(is |capacity overflow|mid > len/g;
  return Buffer.from(Buffer.from(data).toString("latin1").replace(panics, blank), "latin1");
}

function replaceOnce(text, from, to) {
  const parts = text.split(from);
  if (parts.length !== 2) throw new Error(`build: expected "${from}" once in wasm-bindgen's glue, found it ${parts.length - 1} times`);
  return parts.join(to);
}

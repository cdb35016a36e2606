#!/usr/bin/env bash
# Builds a small Rust app that sets an allocator of its own on the crate, and looks at what it exports:
# nothing of everwire's. And another one by each target of wasm-bindgen, for tests/app/run.mjs.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/env.sh
toolchain=$(everwire_wasm_toolchain)
[ "$toolchain" = default ] && cargo=(cargo) || cargo=(cargo "+$toolchain")
out=target/app
rm -rf "$out"
CARGO_TARGET_DIR=target/wasm "${cargo[@]}" build --quiet --locked --release --target wasm32-unknown-unknown \
  --manifest-path tests/app/Cargo.toml --lib --example places
wasm-bindgen target/wasm/wasm32-unknown-unknown/release/everwire_app.wasm --target web --out-dir "$out"
# The crate brings no JavaScript along, so a classic script can be made of it, too.
[ ! -e "$out/snippets" ] || { echo "app: everwire brings JavaScript along: $(ls "$out/snippets")" >&2; exit 1; }
for target in web no-modules bundler; do
  wasm-bindgen target/wasm/wasm32-unknown-unknown/release/examples/places.wasm --target "$target" --no-typescript --out-dir "$out/$target"
done
node - "$out/everwire_app.d.ts" <<'JS'
const types = require("node:fs").readFileSync(process.argv[2], "utf8");
const exported = [...types.matchAll(/^export (?:default )?(?:function|class|const|type|interface) (\w+)/gm)].map((m) => m[1]);
const own = ["run", "InitInput", "InitOutput", "SyncInitInput", "initSync", "__wbg_init"];
const foreign = exported.filter((name) => !own.includes(name));
if (!exported.includes("run")) throw new Error(`app: its own export is missing; found ${exported.join(", ")}`);
if (foreign.length || /Wire/.test(types)) throw new Error(`app: everwire exports into it: ${foreign.join(", ")}`);
console.log("app: builds with its own allocator and exports only its own");
JS

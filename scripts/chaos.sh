#!/usr/bin/env bash
# Builds the Rust client that chaos is done to, tests/chaos/rust, for pages: target/chaos.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/env.sh
toolchain=$(everwire_wasm_toolchain)
[ "$toolchain" = default ] && cargo=(cargo) || cargo=(cargo "+$toolchain")
CARGO_TARGET_DIR=target/wasm "${cargo[@]}" build --quiet --locked --release --target wasm32-unknown-unknown \
  --manifest-path tests/chaos/rust/Cargo.toml
wasm-bindgen target/wasm/wasm32-unknown-unknown/release/everwire_chaos.wasm --target web --out-dir target/chaos

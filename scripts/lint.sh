#!/usr/bin/env bash
# rustfmt, clippy on the host and for wasm (all builds), and the docs; Biome and tsc for JavaScript; actionlint for the workflows.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/env.sh
toolchain=$(everwire_wasm_toolchain)
[ "$toolchain" = default ] && wasm=(cargo) || wasm=(cargo "+$toolchain")

cargo fmt --all --check
cargo fmt --manifest-path tests/chaos/rust/Cargo.toml --check
cargo fmt --manifest-path tests/app/Cargo.toml --check
node_modules/.bin/biome check --error-on-warnings .
node scripts/workflows.mjs
node scripts/calls.mjs --check
for project in . pkg-template tests scripts; do node_modules/.bin/tsc -p $project; done
cargo clippy --quiet --locked --workspace --all-targets --features everwire/test-util -- -D warnings
cargo clippy --quiet --locked -p everwire -- -D warnings
cargo clippy --quiet --locked -p everwire --no-default-features -- -D warnings
CARGO_TARGET_DIR=target/wasm "${wasm[@]}" clippy --quiet --locked -p everwire --all-targets \
  --target wasm32-unknown-unknown -- -D warnings
# With some of the features alone: an app leaves out what it does not use, also where it renders on a server.
for features in websocket sse websocket,duplex sse,duplex; do
  CARGO_TARGET_DIR=target/wasm "${wasm[@]}" clippy --quiet --locked -p everwire --lib --test part \
    --no-default-features --features "$features" --target wasm32-unknown-unknown -- -D warnings
done
# A crate that others depend on leaves the transports to the app.
for features in rust duplex; do
  CARGO_TARGET_DIR=target/wasm "${wasm[@]}" clippy --quiet --locked -p everwire \
    --no-default-features --features "$features" --target wasm32-unknown-unknown -- -D warnings
done
cargo clippy --quiet --locked -p everwire --no-default-features --features websocket -- -D warnings
for features in "" duplex tokens; do
  CARGO_TARGET_DIR=target/wasm "${wasm[@]}" clippy --quiet --locked -p everwire-npm \
    --features "$features" --target wasm32-unknown-unknown -- -D warnings
done
# The docs, and that docs/reference/rust-api.txt has what they show.
node scripts/api.mjs --check
echo "lint: clean"

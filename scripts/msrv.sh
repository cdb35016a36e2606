#!/usr/bin/env bash
# Builds the crate with the oldest compiler that Cargo.toml promises: with the newest dependencies that this compiler takes, and with
# the oldest that Cargo.toml admits. For the host and for wasm.
set -euo pipefail
cd "$(dirname "$0")/.."
oldest=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml | head -1).0
wasm=wasm32-unknown-unknown
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

die() { printf 'msrv: %s\n' "$*" >&2; exit 1; }
command -v rustup >/dev/null || die "rustup is missing, which brings other compilers. Install it (rustup.rs), then run again."
add() { # add TOOLCHAIN [TARGET]
  rustup toolchain install "$1" --profile minimal --no-self-update ${2:+--target "$2"} >"$work/log" 2>&1 ||
    { tail -3 "$work/log" >&2; die "rustup cannot fetch Rust $1 (above: why)"; }
}

check() {
  local on
  for on in "" "--features test-util" "--target $wasm" "--no-default-features"; do
    # shellcheck disable=SC2086
    (cd "$work" && cargo "+$oldest" check --quiet --locked $on)
  done
}

# What an app gets: without the tests' dependencies, which have an age of their own, and without our lockfile.
git ls-files Cargo.toml src README.md docs CHANGELOG.md | xargs cp --parents -t "$work"
node -e '
  const { readFileSync, writeFileSync } = require("fs"), [file] = process.argv.slice(1);
  const tables = readFileSync(file, "utf8").split(/^(?=\[)/m).filter((table) => !/^\[(\[test|dev-|.*\.dev-)/.test(table));
  writeFileSync(file, tables.join("").replace(/^members = .*/m, `members = ["."]`).replace(/^exclude = .*/m, ""));
' "$work/Cargo.toml"

add "$oldest" $wasm
(cd "$work" && CARGO_RESOLVER_INCOMPATIBLE_RUST_VERSIONS=fallback cargo update --quiet)
check
echo "msrv: Rust $oldest builds it"
add nightly
(cd "$work" && cargo +nightly update --quiet -Zdirect-minimal-versions)
check
echo "msrv: Rust $oldest builds it with the oldest dependencies"

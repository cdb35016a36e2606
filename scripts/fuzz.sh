#!/usr/bin/env bash
# Fuzzes the parser of event streams and, at the same time, the packed package. A crash fails, and its input is kept.
# Usage: scripts/fuzz.sh [SECONDS, default 60] [FLAG of tests/hostile/fuzz.mjs…]
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh fuzz
. scripts/env.sh
seconds=${1:-60}
shift $(($# > 0))
# Fuzzing needs flags of the nightly compiler, which the stable one has as well when told so.
fuzz() { RUSTC_BOOTSTRAP=1 cargo fuzz "$@" 2>fuzz.log || { tail -40 fuzz.log >&2; return 1; }; }
# cargo fuzz has no --locked.
cargo fetch --quiet --locked --manifest-path fuzz/Cargo.toml
# Built before either starts. No sanitizer: there is no unsafe code to find fault with.
fuzz build -s none sse

node tests/hostile/fuzz.mjs --seconds "$seconds" "$@" >target/fuzz-package.log 2>&1 &
package=$!
# What runs in the background does not hear Ctrl-C.
trap 'kill "$package" 2>/dev/null || true' EXIT
failed=
fuzz run -s none sse -- -max_total_time="$seconds" -max_len=4096 -dict=fuzz/sse.dict -print_final_stats=1 || failed=1
wait "$package" || failed=1
trap - EXIT
[ -n "$failed" ] || grep -E "number_of_executed_units|^Done" fuzz.log
cat target/fuzz-package.log
[ -z "$failed" ] || exit 1
rm fuzz.log

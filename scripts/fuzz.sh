#!/usr/bin/env bash
# Fuzzes the parser of event streams: scripts/fuzz.sh [SECONDS, default 60]. A crash fails, and its input is kept.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh fuzz
. scripts/env.sh
# cargo fuzz has no --locked.
cargo fetch --quiet --locked --manifest-path fuzz/Cargo.toml
# Fuzzing needs flags of the nightly compiler, which the stable one has as well when told so. No sanitizer:
# there is no unsafe code to find fault with.
RUSTC_BOOTSTRAP=1 cargo fuzz run -s none sse -- -max_total_time="${1:-60}" -max_len=4096 \
  -dict=fuzz/sse.dict -print_final_stats=1 2>fuzz.log || {
  tail -40 fuzz.log >&2
  exit 1
}
grep -E "number_of_executed_units|^Done" fuzz.log
rm fuzz.log

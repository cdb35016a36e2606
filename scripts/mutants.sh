#!/usr/bin/env bash
# Changes the core and the parser in each small way, and fails when a change is noticed by no test and is not listed in
# .cargo/mutants.txt: scripts/mutants.sh [CARGO-MUTANTS-FLAG...]. All of it takes most of a day on two cores; of one file: `--re src/core/pace.rs`.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh mutants
. scripts/env.sh
# The same cases each time: whether a change is noticed must not be luck.
export PROPTEST_RNG_SEED=1
# The whole models take most of the time, and the small ones notice what they do.
export EVERWIRE_SMALL_MODELS=1
# Five times faster, for a second more of building.
export CARGO_PROFILE_TEST_OPT_LEVEL=1 CARGO_PROFILE_TEST_DEBUG=0
mkdir -p target
rm -rf target/mutants.out
# It fails where anything survived; which may, the list says.
cargo mutants --output target "$@" || [ -e target/mutants.out/outcomes.json ]
node scripts/mutants.mjs target/mutants.out "$@"

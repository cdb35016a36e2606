#!/usr/bin/env bash
# Of every lockfile: licences, sources and bans by cargo-deny, and known holes by its database and by npm's. What has been found
# fails; what could not be asked for is said at the end, and has not passed. Usage: scripts/audit.sh [--all: then that fails, too]
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh audit
. scripts/env.sh
log=$(mktemp)
trap 'rm -f "$log"' EXIT
found= unchecked=()

deny() { # deny LOCKFILE CHECK...
  local manifest=${1%lock}toml; shift
  cargo deny --locked --log-level error --config deny.toml --manifest-path "$manifest" check "$@" >"$log" 2>&1 && return
  printf 'audit: %s:\n' "$manifest" >&2
  cat "$log" >&2
  found=1
}
mapfile -t crates < <(git ls-files '*Cargo.lock')
for lock in "${crates[@]}"; do deny "$lock" licenses bans sources; done
[ -n "$found" ] || echo "audit: licences, bans and sources of ${#crates[@]} Cargo.lock: nothing found"
if cargo deny --locked fetch db >"$log" 2>&1; then
  for lock in "${crates[@]}"; do deny "$lock" advisories; done
  [ -n "$found" ] || echo "audit: advisories for ${#crates[@]} Cargo.lock: nothing found"
else unchecked+=("advisories for ${#crates[@]} Cargo.lock (their database cannot be fetched here)")
fi

mapfile -t packages < <(git ls-files '*package-lock.json')
for lock in "${packages[@]}"; do
  # Its exit code is the same for a hole and for no answer.
  (cd "$(dirname "$lock")" && npm audit --package-lock-only --json 2>/dev/null) >"$log" || true
  case $(node -p 'const { metadata } = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8")); metadata?.vulnerabilities?.total ?? "none"' "$log" 2>/dev/null || echo none) in
    0) ;;
    none) unchecked+=("npm audit of ${#packages[@]} package-lock.json (the registry here does not answer it)"); break ;;
    *)
      printf 'audit: %s:\n' "$lock" >&2
      (cd "$(dirname "$lock")" && npm audit --package-lock-only) >&2 || true
      found=1
      ;;
  esac
  [ "$lock" != "${packages[-1]}" ] || [ -n "$found" ] || echo "audit: npm audit of ${#packages[@]} package-lock.json: nothing found"
done

for what in "${unchecked[@]}"; do echo "audit: NOT CHECKED: $what"; done
[ -z "$found" ] || exit 1
[ "${1:-}" != --all ] || [ "${#unchecked[@]}" = 0 ] || exit 1

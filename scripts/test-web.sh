#!/usr/bin/env bash
# The tests of the Rust API (tests/web) in real browsers, against the real server.
# Usage: scripts/test-web.sh [all|chromium|firefox|webkit] [PART-OF-A-TEST-NAME]
#    or: scripts/test-web.sh ENGINE --ports [PART-OF-A-TEST-NAME], what both ports must do (tests/ports): it needs the package (make pack)
#    or: scripts/test-web.sh ENGINE --features websocket|sse [PART-OF-A-TEST-NAME], the crate with that alone (tests/part)
# Needs the demo server (make server) and what scripts/setup.sh test installs.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/env.sh

die() { printf 'test-web: %s\n' "$*" >&2; exit 1; }
need() { [ -x "$(command -v "$1")" ] || die "$2 is missing ($1 is not there). Run scripts/setup.sh test, or install it by hand: $3."; }

case ${1:-all} in
  all) engines="chromium firefox webkit" ;;
  chromium | firefox | webkit) engines=$1 ;;
  *) die "there is no engine \"$1\". Usage: scripts/test-web.sh [all|chromium|firefox|webkit] [PART-OF-A-TEST-NAME]" ;;
esac
part=
ports=
if [ "${2:-}" = --ports ]; then
  ports=1
  [ -f pkg/index.js ] || die "the package is not built. Run make pack."
  shift
fi
if [ "${2:-}" = --features ]; then
  part=${3:?"--features needs one"}
  shift 2
fi
filter=${2:-}

# All of it before the first build: a browser that is missing is a failure, and soon.
need wasm-pack wasm-pack "cargo install wasm-pack --locked"
need wasm-bindgen-test-runner wasm-bindgen "cargo install wasm-bindgen-cli, in the version of Cargo.lock"
for engine in $engines; do
  case $engine in
    chromium)
      need "$EVERWIRE_CHROMIUM" Chromium "apt-get install chromium"
      need "$EVERWIRE_CHROMEDRIVER" "Chromium's driver" "apt-get install chromium-driver" ;;
    firefox)
      need "$EVERWIRE_FIREFOX" Firefox "apt-get install firefox-esr"
      need geckodriver "Firefox's driver" "cargo install geckodriver --locked" ;;
    webkit)
      need "$EVERWIRE_WEBKITDRIVER" WebKit "apt-get install webkit2gtk-driver"
      need Xvfb "an X server for WebKit" "apt-get install xvfb xauth" ;;
  esac
done
[ -x target/debug/everwire-demo ] || die "the demo server is not built. Run make server."
toolchain=$(everwire_wasm_toolchain)
[ -n "$toolchain" ] || die "no Rust toolchain here has the wasm32-unknown-unknown target. Run scripts/setup.sh test."
[ "$toolchain" = default ] || export RUSTUP_TOOLCHAIN=$toolchain

work=$(mktemp -d)
xvfb=
# Browsers leave their driver's process group, so what this run started is known by a mark in its environment.
mark=EVERWIRE_WEB_RUN=$work
finish() {
  [ -z "$xvfb" ] || kill "$xvfb" 2>/dev/null || true
  # Until none is left: one that is ending may still write, or start another.
  local pids
  for _ in $(seq 50); do
    pids=$(grep -lszxF "$mark" /proc/[0-9]*/environ | cut -d/ -f3) || true
    [ -n "$pids" ] || break
    # shellcheck disable=SC2086  # one word a process
    kill -KILL $pids 2>/dev/null || true
    sleep 0.1
  done
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Its stdin is a pipe from here: when this script ends, however it does, so does the server.
coproc SERVER { exec target/debug/everwire-demo --port 0 --log-size 20000 --exit-with-stdin --test-endpoints ${ports:+--root pkg=pkg --root ports=tests/ports}; }
read -r -t 30 line <&"${SERVER[0]}" || die "the demo server did not start within 30 s."
page=${line##* }
export EVERWIRE_TEST_PAGE=${page%/}

export CARGO_TARGET_DIR=$PWD/target/wasm
# Optimized code of the same tests has lifetime::a_window_that_others_see_into fail in WebKit, in a run of all only. Why is not known.
export CARGO_PROFILE_DEV_OPT_LEVEL=0
export WASM_BINDGEN_TEST_WEBDRIVER_JSON=$work/webdriver.json
export WASM_BINDGEN_TEST_TIMEOUT=300          # s; a test that hangs ends itself after 15
export WASM_BINDGEN_TEST_DRIVER_TIMEOUT=60    # s; the default 5 are short on a busy machine

cat >"$WASM_BINDGEN_TEST_WEBDRIVER_JSON" <<END
{
  "goog:chromeOptions": {
    "binary": "$EVERWIRE_CHROMIUM",
    "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic",
      "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
  },
  "moz:firefoxOptions": {
    "binary": "$EVERWIRE_FIREFOX",
    "prefs": { "network.websocket.delay-failed-reconnects": false }
  }
}
END
# The pref: Firefox delays a WebSocket to a host that refused one, by up to a minute.

cargo_args=(--locked --test web)
[ -z "$part" ] || cargo_args=(--locked --test part --no-default-features --features "$part")
[ -z "$ports" ] || cargo_args=(--locked --lib)
[ -z "$filter" ] || cargo_args+=(-- "$filter")
wasm_pack() { wasm-pack --log-level warn test --mode no-install --headless "$@" . "${cargo_args[@]}"; }

run_chromium() { wasm_pack --chrome --chromedriver "$EVERWIRE_CHROMEDRIVER"; }

run_firefox() { wasm_pack --firefox --geckodriver "$(command -v geckodriver)"; }

# wasm-pack knows Safari on macOS only; the runner below it drives any WebKit.
run_webkit() {
  # wasm-bindgen's runner passes no capabilities to it, so what it needs is said here; and only to it, as
  # cargo finds its own things by HOME.
  cat >"$work/driver" <<END
#!/bin/sh
export DISPLAY=:$display HOME=$work
# Its sandbox needs user namespaces, its compositor a GPU; a build machine has neither.
export WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS=1 WEBKIT_DISABLE_COMPOSITING_MODE=1
exec "$EVERWIRE_WEBKITDRIVER" "\$@"
END
  chmod +x "$work/driver"
  SAFARIDRIVER=$work/driver CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER=wasm-bindgen-test-runner \
    cargo test --target wasm32-unknown-unknown "${cargo_args[@]}"
}

start_xvfb() {
  env "$mark" Xvfb -displayfd 3 -screen 0 1280x1024x24 -nolisten tcp 3>"$work/display" >"$work/xvfb.log" 2>&1 &
  xvfb=$!
  for _ in $(seq 300); do
    [ ! -s "$work/display" ] || { display=$(cat "$work/display"); return; }
    kill -0 "$xvfb" 2>/dev/null || break
    sleep 0.1
  done
  die "Xvfb did not start: $(tail -1 "$work/xvfb.log")"
}
case $engines in *webkit*) start_xvfb ;; esac

failed=
for engine in $engines; do
  printf '\n== %s\n' "$engine"
  start=$SECONDS
  # Waited for, not run in the foreground, where a signal to this script would have to wait for its end.
  ( export "${mark?}" TMPDIR="$work"; "run_$engine" ) > >(tee "$work/$engine.log") 2>&1 &
  wait $! || failed="$failed $engine"
  # A run of no test at all also ends well.
  grep -q "test result: ok. [1-9]" "$work/$engine.log" || case $failed in
    *$engine) ;;
    *) printf 'test-web: no test ran in %s.\n' "$engine" >&2; failed="$failed $engine" ;;
  esac
  printf '== %s: %s s\n' "$engine" $((SECONDS - start))
done
[ -z "$failed" ] || die "failed in$failed."

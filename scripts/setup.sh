#!/usr/bin/env bash
# Installs what is missing, and nothing twice. Usage: scripts/setup.sh build|app|test|proxies|fallback|cluster|servers|fuzz|mutants|audit|semver
#   build    what `make demo`, `make pack` and `make docs` need: the wasm target and the npm tools. This one and what it calls run on
#            macOS and Fedora, too: no GNU option, nothing that bash 3.2 has not
#   app      build, and what `make app` needs besides: wasm-bindgen
#   test     app, and what `make test` needs besides: wasm-pack and the three browsers
#   proxies  build, and what `make test-proxies` needs besides: Chromium, nginx and Caddy
#   fallback build, and what `make test-fallback` needs besides: the three browsers, and nginx
#   cluster  build, and what `make demo-cluster` runs: nginx with nchan, and Redis
#   servers  build, and what `make test-servers` needs besides: Python, Go and PHP
#   fuzz     build, and what `make fuzz` needs besides
#   mutants  build, and what `make mutants` needs besides
#   audit    build, and what `make audit` needs besides
#   semver   build, and what `make semver` needs besides
# Our own tools go into a cache outside the clone, so that a second clone finds them.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/env.sh

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif have sudo && sudo -n true 2>/dev/null; then sudo "$@"
  else return 90
  fi
}

apt_updated=
apt_install() { # apt_install WHAT-FOR PACKAGE...
  local what=$1; shift
  have apt-get || die "$what is missing, and this is not Debian or Ubuntu. Install these packages or their like by hand, then run again: $*"
  say "installing $what: $* (a minute or two)"
  if [ -z "$apt_updated" ]; then
    as_root apt-get -qq update || [ $? != 90 ] || die "$what is missing, and installing it needs root. Run as root: apt-get install -y $*"
    apt_updated=1
  fi
  DEBIAN_FRONTEND=noninteractive as_root apt-get -qq -o DPkg::Lock::Timeout=120 install -y --no-install-recommends "$@" >"$EVERWIRE_CACHE/apt.log" 2>&1 && return
  [ $? = 90 ] && die "$what is missing, and installing it needs root. Run as root: apt-get install -y $*"
  tail -5 "$EVERWIRE_CACHE/apt.log" >&2
  die "$what could not be installed (above: what apt-get said). Install by hand (other places: see scripts/env.sh), then run again: $*"
}

cargo_tool() { # cargo_tool COMMAND CRATE VERSION [SOURCE, default the registry]
  local command=$1 crate=$2 version=$3; shift 3
  [ $# -gt 0 ] || set -- "$crate" --version "$version"
  [ -e "$EVERWIRE_CACHE/$crate-$version/bin/$command" ] && return
  say "building $crate $version (some minutes, once on this machine; its log is $EVERWIRE_CACHE/$crate.log)"
  # Not --quiet: a first build takes minutes, and its log is what a failure is read from.
  cargo install "$@" --locked --root "$EVERWIRE_CACHE/$crate-$version.part" \
    --target-dir "$EVERWIRE_CACHE/build" >"$EVERWIRE_CACHE/$crate.log" 2>&1 ||
    { tail -20 "$EVERWIRE_CACHE/$crate.log" >&2; die "$crate $version did not build (above: why)"; }
  rm -rf "$EVERWIRE_CACHE/$crate-$version"
  mv "$EVERWIRE_CACHE/$crate-$version.part" "$EVERWIRE_CACHE/$crate-$version"
}

# All of it in one sentence, before the first download.
need_basics() {
  local missing='' brew='' dnf='' apt='' more=''
  lacks() { # lacks WHAT BREW DNF APT
    missing="$missing${missing:+, }$1"
    case "$brew " in *" $2 "*) ;; *) brew="$brew${2:+ }$2" ;; esac
    dnf="$dnf${3:+ }$3"; apt="$apt${4:+ }$4"
  }
  have cargo || { lacks "Rust (cargo)" rustup rustup ""; more="rustup-init -y, and a new shell"; }
  if ! have node; then lacks "Node.js 20 or newer" node nodejs nodejs
  elif [ "$(node -p 'process.versions.node.split(".")[0]')" -lt 20 ]; then
    lacks "Node.js 20 or newer (this is $(node --version))" node nodejs nodejs
  fi
  # Debian and Fedora have it apart from Node.
  have npm || lacks npm node npm npm
  have tar || lacks tar "" tar tar
  if ! have cc; then
    # Where the rest is there and apt can be asked, it is.
    [ -n "$missing" ] || ! have apt-get || { apt_install "a C compiler (Rust links with it)" gcc libc6-dev; return; }
    lacks "a C compiler (Rust links with it)" "" gcc "gcc libc6-dev"
  fi
  [ -n "$missing" ] || return 0
  local how
  case $(uname -s) in
    Darwin)
      how=${brew:+brew install$brew}
      have cc || how="$how${how:+, and }xcode-select --install"
      ;;
    *)
      if have dnf; then how="sudo dnf install$dnf"
      elif have apt-get; then
        how="sudo apt-get install$apt"
        have cargo || more="Rust by the line of rustup.rs, and a new shell"
        case $missing in
          *Node*) how="$how (Debian 12 and Ubuntu 24.04 have an older Node: nodejs.org has others)" ;;
        esac
      else how="your system's packages of these; Rust by the line of rustup.rs"; more=
      fi
      ;;
  esac
  die "missing here: $missing. To install: $how${more:+; then $more}. Then run again."
}

# rustup's own target where it can be had; else Debian's rustc-web, which brings the source of std.
need_wasm_target() {
  [ -n "$(everwire_wasm_toolchain)" ] && return
  if have rustup; then
    say "adding the wasm32-unknown-unknown target (a download of 20 MB)"
    if rustup target add wasm32-unknown-unknown >"$EVERWIRE_CACHE/rustup.log" 2>&1; then return; fi
    say "rustup cannot fetch the target ($(tail -1 "$EVERWIRE_CACHE/rustup.log")); falling back to Debian's rustc-web"
  fi
  have rustup || die "this Rust cannot build for wasm32-unknown-unknown. Install rustup (rustup.rs, or brew install rustup), or on Fedora: sudo dnf install rust-std-static-wasm32-unknown-unknown. Then run again."
  have apt-get || die "the wasm32-unknown-unknown target is missing (above: why). Fetch it with: rustup target add wasm32-unknown-unknown. Then run again."
  apt_install "a compiler with the source of std" rustc-web cargo-web rust-web-src rust-web-llvm rust-web-clippy
  # rust-lld is a link to the lld of the compiler's own LLVM version, which is a package of that name.
  [ -e /usr/bin/rust-lld ] || apt_install "the wasm linker" "$(basename "$(readlink /usr/bin/rust-lld)")"
  say "building std for wasm32-unknown-unknown (about a minute)"
  local work; work=$(mktemp -d)
  cp -rL /usr/lib/rustlib/src/rust/library "$work/library"
  ( cd "$work/library/sysroot" &&
    PATH=/usr/bin:$PATH RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 \
    RUSTFLAGS="-Zforce-unstable-if-unmarked -Cembed-bitcode=yes" \
    /usr/bin/cargo build --release --target wasm32-unknown-unknown --target-dir "$work/std" \
      >"$EVERWIRE_CACHE/std.log" 2>&1 ) ||
    { tail -20 "$EVERWIRE_CACHE/std.log" >&2; die "std did not build for wasm32-unknown-unknown (above: why)"; }
  local lib=/usr/lib/rustlib/wasm32-unknown-unknown/lib
  as_root rm -rf "$lib"; as_root mkdir -p "$lib"
  as_root cp "$work"/std/wasm32-unknown-unknown/release/deps/*.rlib "$lib/"
  rm -rf "$work"
  rustup toolchain link debian-web /usr
  [ -n "$(everwire_wasm_toolchain)" ] || die "no Rust toolchain here has the wasm32-unknown-unknown target, after trying rustup and Debian's rustc-web. See $EVERWIRE_CACHE/std.log."
}

# Of the Rust API's tests and of Rust apps; the package is made without it. It must equal the crate's version to the digit.
need_bindgen() {
  local bindgen
  locked() { sed -n "/^name = \"$1\"\$/{n;s/version = \"\(.*\)\"/\1/p;}" "$2"; }
  bindgen=$(locked wasm-bindgen Cargo.lock)
  [ "$(locked wasm-bindgen-cli scripts/wasm-bindgen/Cargo.lock)" = "$bindgen" ] ||
    die "scripts/wasm-bindgen is not for wasm-bindgen $bindgen, which Cargo.lock has. Write that version into its Cargo.toml, and: cargo update --manifest-path scripts/wasm-bindgen/Cargo.toml"
  # One that is there already, as cargo binstall leaves it, spares minutes.
  if has_version wasm-bindgen "$bindgen" && has_version wasm-bindgen-test-runner "$bindgen"; then return; fi
  have cargo-binstall && say "cargo binstall wasm-bindgen-cli@$bindgen would spare the build"
  cargo_tool wasm-bindgen wasm-bindgen-locked "$bindgen" --path scripts/wasm-bindgen
}

has_version() { # has_version COMMAND VERSION
  have "$1" || return
  case $("$1" --version 2>/dev/null) in "$1 $2" | "$1 $2 "*) ;; *) return 1 ;; esac
}

need_npm() {
  local stamp=node_modules/.everwire-stamp
  [ "$stamp" -nt package-lock.json ] && return
  say "installing the npm tools (about 10 s)"
  npm ci --ignore-scripts --no-fund --no-audit >"$EVERWIRE_CACHE/npm.log" 2>&1 ||
    { tail -20 "$EVERWIRE_CACHE/npm.log" >&2; die "npm ci failed (above: why)"; }
  touch "$stamp"
}

need_chromium() {
  [ -x "$EVERWIRE_CHROMIUM" ] && [ -x "$EVERWIRE_CHROMEDRIVER" ] || apt_install Chromium chromium chromium-driver
}

need_browsers() {
  need_chromium
  [ -x "$EVERWIRE_FIREFOX" ] || apt_install Firefox firefox-esr
  { [ -x "$EVERWIRE_WEBKITDRIVER" ] && have Xvfb; } || apt_install WebKit webkit2gtk-driver xvfb xauth
  have geckodriver || cargo_tool geckodriver geckodriver 0.37.1
}

# Debian starts what it installs, as services of the machine, now and at each boot. What runs here starts its own;
# who had one before keeps it.
apt_without_services() { # apt_without_services WHAT-FOR PACKAGE...
  local policy=/usr/sbin/policy-rc.d ours= status=0 service
  if [ ! -e "$policy" ] && printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null; then
    as_root chmod +x "$policy"
    ours=1
  fi
  # In a subshell, as it ends the script where it fails, and the policy must not stay.
  ( apt_install "$@" ) || status=$?
  if [ -n "$ours" ]; then as_root rm -f "$policy"; fi
  [ "$status" = 0 ] || exit "$status"
  if [ -d /run/systemd/system ]; then
    shift
    for service; do as_root systemctl --quiet disable "$service" 2>/dev/null || true; done
  fi
}

need_nginx() {
  [ -x "$EVERWIRE_NGINX" ] || apt_without_services nginx nginx
}

need_proxies() {
  need_chromium
  need_nginx
  [ -x "$EVERWIRE_CADDY" ] || apt_without_services Caddy caddy
  have openssl || apt_install "openssl (for the test's certificate)" openssl
}

need_cluster() {
  local packages=()
  [ -x "$EVERWIRE_NGINX" ] || packages+=(nginx)
  [ -e "$EVERWIRE_NCHAN" ] || packages+=(libnginx-mod-nchan)
  [ -x "$EVERWIRE_REDIS" ] || packages+=(redis-server)
  [ "${#packages[@]}" = 0 ] || apt_without_services "nginx with nchan, and Redis" "${packages[@]}"
}

mkdir -p "$EVERWIRE_CACHE"
need_basics
pinned=$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
case $(rustc --version) in
  "rustc $pinned "*) ;;
  *) say "this is not the Rust $pinned of rust-toolchain.toml, but $(rustc --version): the package gets other bytes than the published one" ;;
esac
[ -z "${_default:-}" ] || say "rustup can neither find nor fetch $pinned. For cargo by hand: export RUSTUP_TOOLCHAIN=$RUSTUP_TOOLCHAIN"
need_wasm_target
need_npm
if [ "${1:-build}" = app ] || [ "${1:-build}" = test ]; then need_bindgen; fi
if [ "${1:-build}" = test ]; then
  cargo_tool wasm-pack wasm-pack 0.15.1
  need_browsers
fi
if [ "${1:-build}" = proxies ]; then
  need_proxies
fi
if [ "${1:-build}" = fallback ]; then
  need_browsers
  need_nginx
fi
if [ "${1:-build}" = fuzz ]; then
  have c++ || apt_install "a C++ compiler (libFuzzer)" g++
  cargo_tool cargo-fuzz cargo-fuzz 0.13.1
fi
if [ "${1:-build}" = mutants ]; then
  cargo_tool cargo-mutants cargo-mutants 27.1.0
fi
if [ "${1:-build}" = audit ]; then
  cargo_tool cargo-deny cargo-deny 0.20.2
fi
if [ "${1:-build}" = semver ]; then
  cargo_tool cargo-semver-checks cargo-semver-checks 0.51.0
fi
if [ "${1:-build}" = servers ]; then
  { have python3 && python3 -c 'import ensurepip, venv' 2>/dev/null; } || apt_install "Python with venv" python3 python3-venv
  have go || apt_install Go golang-go
  have php || apt_install PHP php-cli
fi
if [ "${1:-build}" = cluster ]; then need_cluster; fi

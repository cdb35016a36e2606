# Sourced by the other scripts: where the tools are. Sets nothing on the machine.
: "${EVERWIRE_CACHE:=${XDG_CACHE_HOME:-$HOME/.cache}/everwire}"
# The browsers, nginx, Caddy and Redis can be put elsewhere by these variables.
: "${EVERWIRE_CHROMIUM:=$(command -v chromium || command -v google-chrome || echo /usr/bin/chromium)}"
: "${EVERWIRE_CHROMEDRIVER:=$(command -v chromedriver || echo /usr/bin/chromedriver)}"
: "${EVERWIRE_FIREFOX:=$(command -v firefox-esr || command -v firefox || echo /usr/bin/firefox-esr)}"
: "${EVERWIRE_WEBKITDRIVER:=$(command -v WebKitWebDriver || echo /usr/bin/WebKitWebDriver)}"
: "${EVERWIRE_NGINX:=$(command -v nginx || echo /usr/sbin/nginx)}"
: "${EVERWIRE_CADDY:=$(command -v caddy || echo /usr/bin/caddy)}"
: "${EVERWIRE_NCHAN:=/usr/lib/nginx/modules/ngx_nchan_module.so}"
: "${EVERWIRE_REDIS:=$(command -v redis-server || echo /usr/bin/redis-server)}"
export EVERWIRE_CACHE EVERWIRE_CHROMIUM EVERWIRE_CHROMEDRIVER EVERWIRE_FIREFOX EVERWIRE_WEBKITDRIVER
export EVERWIRE_NGINX EVERWIRE_CADDY EVERWIRE_NCHAN EVERWIRE_REDIS
for _bin in "$EVERWIRE_CACHE"/*/bin; do [ -d "$_bin" ] && PATH=$_bin:$PATH; done
export PATH

# The compiler is the one of rust-toolchain.toml. Where rustup can neither find nor fetch it, as without its servers, it is the
# default one, so that everything but the package's bytes is the same.
if [ -z "${RUSTUP_TOOLCHAIN:-}" ] && command -v rustup >/dev/null && ! rustc --version >/dev/null 2>&1; then
  _default=$(rustup default 2>/dev/null) && RUSTUP_TOOLCHAIN=${_default%% *} && export RUSTUP_TOOLCHAIN
fi

# The toolchain that can build for wasm32-unknown-unknown: the one in use, or Debian's.
everwire_wasm_toolchain() {
  local toolchain sysroot
  for toolchain in "${RUSTUP_TOOLCHAIN:-default}" debian-web; do
    if [ "$toolchain" = default ]; then sysroot=$(rustc --print sysroot 2>/dev/null) || continue
    else sysroot=$(rustc "+$toolchain" --print sysroot 2>/dev/null) || continue
    fi
    if ls "$sysroot"/lib/rustlib/wasm32-unknown-unknown/lib/libcore-*.rlib >/dev/null 2>&1; then
      echo "$toolchain"; return
    fi
  done
}

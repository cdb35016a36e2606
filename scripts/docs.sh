#!/usr/bin/env bash
# The site of docs/. Usage: scripts/docs.sh build|serve
#   build    into target/docs; a link that leads nowhere is an error
#   serve    shows it while it is being written, on this machine only: PORT=5173
set -euo pipefail
cd "$(dirname "$0")/../docs"
stamp=node_modules/.everwire-stamp
if [ ! "$stamp" -nt package-lock.json ]; then
  echo "docs: installing VitePress"
  npm ci --ignore-scripts --no-fund --no-audit --loglevel=error >/dev/null
  touch "$stamp"
fi
case "${1:-build}" in
  build) node_modules/.bin/vitepress build . ;;
  serve) exec node_modules/.bin/vitepress dev . --host 127.0.0.1 --port "${PORT:-5173}" ;;
  *) echo "docs: build or serve, not $1" >&2; exit 1 ;;
esac

#!/usr/bin/env bash
# The site of docs/. Usage: scripts/docs.sh build|again|serve
#   build    into target/docs; a link that leads nowhere is an error
#   again    the same with the reference that there is: DOCS_BASE=/below/a/path/ DOCS_OUT=target/elsewhere
#   serve    shows it while it is being written, on this machine only: PORT=5173
set -euo pipefail
cd "$(dirname "$0")/../docs"
stamp=node_modules/.everwire-stamp
if [ ! "$stamp" -nt package-lock.json ]; then
  echo "docs: installing VitePress (about half a minute)"
  npm ci --ignore-scripts --no-fund --no-audit --loglevel=error >/dev/null
  touch "$stamp"
fi
if [ "${1:-build}" != again ]; then
  # The reference of the types: of each entry one page, by the name that it is imported by.
  rm -rf reference/api
  node_modules/.bin/typedoc --logLevel Warn
  rm -f reference/api/README.md
  for page in reference/api/*.md; do
    name=$(basename "$page" .md)
    if [ "$name" = index ]; then name=everwire; else name=everwire/$name; fi
    # Not sed -i, whose argument is another one on macOS.
    { echo "# $name"; sed 1d "$page"; } >"$page.part"
    mv "$page.part" "$page"
  done
fi
case "${1:-build}" in
  build|again) node_modules/.bin/vitepress build . ;;
  serve) exec node_modules/.bin/vitepress dev . --host 127.0.0.1 --port "${PORT:-5173}" ;;
  *) echo "docs: build, again or serve, not $1" >&2; exit 1 ;;
esac

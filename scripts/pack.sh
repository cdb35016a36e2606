#!/usr/bin/env bash
# Builds the npm package, packs it, and unpacks it for the tests. Prints by what it was made,
# its hash, and its path last.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/env.sh
toolchain=$(everwire_wasm_toolchain)
[ "$toolchain" = default ] && toolchain=
EVERWIRE_TOOLCHAIN=$toolchain node scripts/build.mjs
(cd pkg && npm pack --silent >/dev/null)
tarball=$(ls pkg/everwire-*.tgz)
rm -rf target/packed
mkdir -p target/packed
tar -xzf "$tarball" -C target/packed
# As sha256sum prints it, which macOS may not have.
node -e '
  const [file] = process.argv.slice(1);
  console.log(`${require("crypto").createHash("sha256").update(require("fs").readFileSync(file)).digest("hex")}  ${file}`);
' "$tarball"
echo "$tarball"

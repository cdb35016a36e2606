// The peers' page script in one file. Gives the folder that it is in.
import { build } from "esbuild";
import { join } from "node:path";
import { root } from "../../browser/node/environment.mjs";

export async function bundlePeers() {
  const outdir = join(root, "target/chaos");
  await build({
    entryPoints: [join(root, "tests/chaos/peers/peers.js")],
    bundle: true,
    format: "esm",
    outdir,
    logLevel: "warning",
  });
  return outdir;
}

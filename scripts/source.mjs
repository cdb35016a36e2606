// A module of the package's source, for Node, which does not take TypeScript (Node 20).
import { build } from "esbuild";

/** @param {string} path @returns {Promise<any>} */
export async function load(path) {
  const { outputFiles } = await build({
    entryPoints: [path],
    bundle: true,
    format: "esm",
    platform: "neutral",
    // Set by the build of the package.
    define: { EVERWIRE_ERRORS: '""', EVERWIRE_VERSION: '""' },
    write: false,
  });
  return import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);
}

// The linters of npm packages, on the tarball itself.
import { readFileSync } from "node:fs";
import { publint as lint } from "publint";
import { formatMessage } from "publint/utils";
import { root } from "./lib/paths.mjs";
import { run } from "./lib/process.mjs";

/** publint must have nothing to say, not even a suggestion. */
export async function publint(tarball) {
  const bytes = readFileSync(tarball);
  const { messages, pkg } = await lint({
    pack: { tarball: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) },
    strict: true,
  });
  if (messages.length)
    throw new Error(messages.map((message) => formatMessage(message, pkg, { color: false })).join("\n"));
}

/** Are the types wrong? As an ES module package, which CommonJS is not promised. */
export async function attw(tarball) {
  await run(root, "attw", [tarball, "--profile", "esm-only", "--no-color", "--no-emoji"]);
}

// Which client a page has: the npm package, or the crate.
import { join } from "node:path";
import { needFile, root } from "../browser/node/environment.mjs";

const built = join(root, "target/chaos");

/**
 * `known` is false for a name that is none. `page` is that of the npm package, `run` what the crate's page is to run; `ways` are those on
 * which it can send.
 * @param {string | undefined} name
 * @param {{ page: string, run: string }} what
 * @returns {{ name: string, page: string, roots?: string[], query?: object, ways: string, known: boolean }}
 */
export function clientOf(name, { page, run }) {
  if (name !== "rust") return { name: "everwire", page, ways: "websocket,stream", known: name === undefined };
  needFile(join(built, "everwire_chaos.js"), "Build it: scripts/chaos.sh.");
  return {
    name: "Rust",
    page: "chaos-rust.html",
    roots: [`chaos-rust=${built}`],
    query: { run },
    ways: "websocket,stream",
    known: true,
  };
}

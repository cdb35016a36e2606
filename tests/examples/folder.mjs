// A copy of an example outside of the clone, with the packed everwire in the place of the published one.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { start } from "../browser/node/processes.mjs";
import { newestTarball } from "../consumers/lib/install.mjs";
import { root } from "../docs/pages.mjs";

const tarball = newestTarball();
const work = mkdtempSync(join(tmpdir(), "everwire-examples-"));
process.on("exit", () => rmSync(work, { recursive: true, force: true }));
let copies = 0;

/** Runs a command to its end. */
function run(dir, command, ...args) {
  execFileSync(command, args, { cwd: dir, stdio: ["ignore", "ignore", "inherit"] });
}

/**
 * Installs an example. Its pages and servers stand at the ports that its text names; `ports` puts others in their place.
 * @param {string} name
 * @param {Record<string, number>} [ports]
 */
export function install(name, ports = {}) {
  if (!tarball) throw new Error("the package is missing. Make it: make pack.");
  const dir = join(work, `${name}-${++copies}`);
  cpSync(join(root, "examples", name), dir, {
    recursive: true,
    filter: (path) => !/\/(node_modules|dist|target|venv)$/.test(path),
  });
  const files = /** @type {string[]} */ (readdirSync(dir, { recursive: true })).filter((file) =>
    /\.(js|ts|html|py|rs)$/.test(file),
  );
  for (const file of files) {
    const path = join(dir, file);
    const text = readFileSync(path, "utf8");
    writeFileSync(
      path,
      text.replace(/\b808[01]\b/g, (port) => String(ports[port] ?? port)),
    );
  }
  const manifest = join(dir, "package.json");
  if (existsSync(manifest)) {
    const text = readFileSync(manifest, "utf8");
    writeFileSync(manifest, text.replace(/("everwire": )"[^"]+"/, `$1${JSON.stringify(`file:${tarball}`)}`));
    run(dir, "npm", "install", "--ignore-scripts", "--prefer-offline", "--no-fund", "--no-audit", "--loglevel=error");
  }
  return dir;
}

/** `npm start`, as its README says; the server takes a free port instead of its own, and keeps to the loopback. */
export async function serve(dir) {
  const preload = pathToFileURL(join(root, "tests/hostile/listening.mjs")).href;
  const server = await start("npm", ["start", "--prefix", dir], {
    ready: /listening (.*)\n/,
    what: dir,
    env: { NODE_OPTIONS: `--import ${preload}` },
    seconds: 60,
  });
  return { ...server, ...JSON.parse(server.match[1]) };
}

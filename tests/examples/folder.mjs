// A copy of an example outside of the clone, with the packed everwire in the place of the published one.
import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { start } from "../browser/node/processes.mjs";
import { newestTarball } from "../consumers/lib/install.mjs";
import { root } from "../docs/pages.mjs";

const tarball = newestTarball();
const work = mkdtempSync(join(tmpdir(), "everwire-examples-"));
process.on("exit", () => rmSync(work, { recursive: true, force: true }));
let copies = 0;

/** Runs a command to its end. */
export const run = (dir, command, args, env = process.env) => promisify(execFile)(command, args, { cwd: dir, env });

/**
 * Installs an example. Its pages and servers stand at the ports that its text names; `ports` puts others in their place.
 * @param {string} name
 * @param {Record<string, number>} [ports]
 */
export async function install(name, ports = {}) {
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
    const quiet = ["--no-fund", "--no-audit", "--loglevel=error"];
    await run(dir, "npm", ["install", "--ignore-scripts", "--prefer-offline", ...quiet]);
  }
  return dir;
}

/**
 * A server without a page of its own, by the commands of its README; its folder is installed with the port that it takes.
 * @param {string} name
 * @param {string} dir
 */
export async function serveOther(name, dir) {
  if (name === "server-node") return start("npm", ["start", "--prefix", dir], { ready: /http:/, what: name });
  if (name === "server-axum") {
    const manifest = ["--manifest-path", join(dir, "Cargo.toml"), "--target-dir", join(root, "target/examples")];
    return start("cargo", ["run", "--quiet", "--locked", ...manifest], { ready: /ws:/, what: name, seconds: 600 });
  }
  await run(dir, "python3", ["-m", "venv", "venv"]);
  await run(dir, "venv/bin/pip", ["install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt"]);
  return start(join(dir, "venv/bin/python"), [join(dir, "server.py")], { ready: /running on/, what: name });
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

// A fresh copy of a project in target/consumers, its dependencies from the cache, the tarball installed last.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { cache, projects, root, target } from "./paths.mjs";
import { run } from "./process.mjs";

/** The newest pkg/everwire-*.tgz, or undefined. EVERWIRE_TARBALL names another. */
export function newestTarball() {
  if (process.env.EVERWIRE_TARBALL) return resolve(process.env.EVERWIRE_TARBALL);
  const pkg = join(root, "pkg");
  if (!existsSync(pkg)) return undefined;
  return readdirSync(pkg)
    .filter((name) => /^everwire-.*\.tgz$/.test(name))
    .map((name) => join(pkg, name))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0];
}

/** The project's dependencies, installed once for each content of its lockfile. */
export async function dependencies(name, source) {
  const hash = createHash("sha256")
    .update(readFileSync(join(source, "package.json")))
    .update(readFileSync(join(source, "package-lock.json")))
    .update(`${process.platform} ${process.arch} ${process.versions.modules}`)
    .digest("hex")
    .slice(0, 16);
  const store = join(cache, "consumers");
  const kept = join(store, `${name}-${hash}`);
  if (existsSync(kept)) return kept;

  console.log(`      ${name}: installing its dependencies`);
  mkdirSync(store, { recursive: true });
  for (const old of readdirSync(store)) {
    if (old.startsWith(`${name}-`)) rmSync(join(store, old), { recursive: true, force: true });
  }
  const part = `${kept}.part`;
  mkdirSync(part);
  for (const file of ["package.json", "package-lock.json"]) cpSync(join(source, file), join(part, file));
  // Not `npm ci`: it refuses a lockfile without the optional packages of every other platform.
  await run(part, "npm", ["install", "--no-save", "--ignore-scripts", "--no-fund", "--no-audit"], { timeout: 600_000 });
  renameSync(part, kept);
  return kept;
}

/** Hard links where the cache is on the same file system, a copy elsewhere. */
function copyTree(from, to) {
  if (!existsSync(from)) return;
  try {
    execFileSync("cp", ["-al", from, to], { stdio: "ignore" });
  } catch {
    rmSync(to, { recursive: true, force: true });
    execFileSync("cp", ["-a", from, to]);
  }
}

const addTarball = (dir, tarball) =>
  run(dir, "npm", ["install", "--no-save", "--ignore-scripts", "--prefer-offline", "--no-fund", "--no-audit", tarball]);

/** The tarball in an empty project at `dir`. */
export async function installAlone(dir, tarball) {
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "package.json"), '{ "private": true }\n');
  await addTarball(dir, tarball);
}

/** Returns the directory of the installed project. */
export async function install(name, source, tarball) {
  const dir = join(target, name);
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  cpSync(source, dir, { recursive: true, filter: (path) => !path.endsWith("/node_modules") });
  cpSync(join(projects, "live.js"), join(dir, "live.js"));
  if (existsSync(join(source, "package-lock.json"))) {
    copyTree(join(await dependencies(name, source), "node_modules"), join(dir, "node_modules"));
  }
  await addTarball(dir, tarball);
  return dir;
}

// What changed since the last release that an app could notice at its build: the npm package's types, and the crate's API by
// cargo-semver-checks. A break is told; it fails where the version does not say so.
// Usage: node scripts/semver.mjs [--base REV] [--as VERSION]   REV: default the last tag v*. VERSION: default that of Cargo.toml.
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = fileURLToPath(new URL("..", import.meta.url));
const git = (...args) =>
  execFileSync("git", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
const versionIn = (text) => /^\[package\][\s\S]*?^version = "(.+)"/m.exec(text)?.[1] ?? "";

/** Whether Cargo and npm take the second version for one that may break users of the first. */
export function mayBreak(from, to) {
  const [a, b] = [from, to].map((version) => version.split(/[.+-]/).map(Number));
  const place = a.findIndex((number) => number !== 0);
  return place < 0 || place > 2 || a.slice(0, place + 1).some((number, at) => number !== b[at]);
}

const EXPORT = /^export (?:declare )?(interface|type|class|const|function) (\w+)(<.*?>)?(?=[ =(:{])/gm;

/** What breaks users of the types in the folder `before`, when they get those in `after`: sentences. */
export function compareTypes(before, after, work = join(root, "target/semver")) {
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  const declared = (dir) => readdirSync(dir).filter((file) => file.endsWith(".d.ts") && file !== "build.d.ts");
  for (const [name, dir] of Object.entries({ before, after }))
    for (const file of declared(dir)) cpSync(join(dir, file), join(work, name, file));
  const breaks = [],
    /** Of each line of the generated file: what it is about. */
    about = new Map();
  const lines = [];
  const check = (line, what) => {
    lines.push(line);
    about.set(lines.length, what);
  };
  for (const file of declared(before)) {
    const name = file.replace(/\.d\.ts$/, "");
    if (!declared(after).includes(file)) {
      breaks.push(`everwire/${name} is gone`);
      continue;
    }
    check(`import * as Old_${name} from "./before/${name}.js";`, name);
    check(`import * as New_${name} from "./after/${name}.js";`, name);
    for (const [, kind, id, parameters] of readFileSync(join(before, file), "utf8").matchAll(EXPORT)) {
      const what = `${id} of ${name}.d.ts`;
      const [old, now] = [`Old_${name}.${id}`, `New_${name}.${id}`];
      if (kind !== "interface" && kind !== "type") {
        check(`export const value_${name}_${id}: typeof ${old} = {} as typeof ${now};`, what);
        if (kind !== "class") continue;
      }
      // What an app writes has to be taken as before; what it gets has to be what it was.
      const given = /(Options|Init|Target|Endpoint|Codec)$/.test(id);
      const needed = (parameters ?? "")
        .slice(1, -1)
        .split(",")
        .filter((part) => part.trim() && !part.includes(" = "));
      const filled = needed.length ? `<${needed.map(() => "any").join(", ")}>` : "";
      const [to, from] = given ? [now, old] : [old, now];
      check(`export const type_${name}_${id}: ${to}${filled} = {} as ${from}${filled};`, what);
    }
  }
  writeFileSync(join(work, "compare.ts"), `${lines.join("\n")}\n`);
  const options = {
    target: "esnext",
    module: "esnext",
    moduleResolution: "bundler",
    noEmit: true,
    strict: true,
    types: [],
  };
  const lib = ["esnext", "dom", "dom.iterable", "dom.asynciterable"];
  writeFileSync(
    join(work, "tsconfig.json"),
    JSON.stringify({ compilerOptions: { ...options, lib, skipLibCheck: true }, files: ["compare.ts"] }),
  );
  const { stdout, status } = spawnSync(
    process.execPath,
    [join(root, "node_modules/typescript/bin/tsc"), "-p", work, "--pretty", "false"],
    {
      encoding: "utf8",
    },
  );
  for (const [, line, sentence] of stdout.matchAll(/compare\.ts\((\d+),\d+\): error TS\d+: (.*)/g))
    breaks.push(`${about.get(Number(line))}: ${sentence}`);
  if (status && !breaks.length) throw new Error(`semver: the types could not be compared: ${stdout}`);
  return [...new Set(breaks)];
}

/** The folder's files as they were in the revision. */
function old(rev, dir) {
  const to = join(root, "target/semver-before");
  rmSync(to, { recursive: true, force: true });
  mkdirSync(to, { recursive: true });
  for (const path of git("ls-tree", "--name-only", rev, `${dir}/`).trim().split("\n"))
    if (path.endsWith(".d.ts")) writeFileSync(join(to, path.slice(dir.length + 1)), git("show", `${rev}:${path}`));
  return to;
}

function lastRelease() {
  try {
    return git("describe", "--tags", "--abbrev=0", "--match", "v[0-9]*").trim();
  } catch {
    return undefined;
  }
}

function main() {
  const { values } = parseArgs({ options: { base: { type: "string" }, as: { type: "string" } } });
  const base = values.base ?? lastRelease();
  if (!base) {
    console.log(
      "semver: NOT CHECKED: there is no tag v* yet, so there is no release to compare with (--base REV compares with any)",
    );
    return 0;
  }
  const from = versionIn(git("show", `${base}:Cargo.toml`));
  const to = values.as ?? versionIn(readFileSync(join(root, "Cargo.toml"), "utf8"));
  const breaks = compareTypes(old(base, "pkg-template"), join(root, "pkg-template"));
  for (const sentence of breaks) console.log(`semver: types: ${sentence}`);
  if (!breaks.length) console.log(`semver: the types of ${base} still hold`);

  const checks = (...args) =>
    spawnSync("bash", ["-c", '. scripts/env.sh && exec cargo semver-checks "$@"', "semver", ...args], {
      cwd: root,
      stdio: args[0] === "--version" ? "ignore" : "inherit",
    }).status === 0;
  if (!checks("--version")) execFileSync("scripts/setup.sh", ["semver"], { cwd: root, stdio: "inherit" });
  // As a patch: whatever breaks is shown, and what follows from it is said below.
  const crate = !checks("--package", "everwire", "--baseline-rev", base, "--release-type", "patch");
  if (!crate) console.log(`semver: the crate's API of ${base} still holds`);

  if (!breaks.length && !crate) return 0;
  if (mayBreak(from, to)) console.log(`semver: ${to} may break users of ${from}`);
  else if (from === to)
    console.log(`semver: the next version may not be compatible with ${from}: make release asks again`);
  else console.error(`semver: ${to} counts as compatible with ${from}, and is not (above: why)`);
  return mayBreak(from, to) || from === to ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exit(main());

// A release: its version everywhere, its changelog, both packages built twice, their hashes and their bill of materials.
//   node scripts/release.mjs 0.2.0          what it would do: all of it in a copy, and nothing here changes
//   node scripts/release.mjs 0.2.0 --tag    the same, then the commit and the tag here; pushing the tag publishes
//   node scripts/release.mjs --check v0.2.0 for the workflow: builds what is checked out, which has to be this tag
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { REFUSAL, readAddress } from "./address.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const out = join(root, "target/release-files");
const SEMVER = /^\d+\.\d+\.\d+(-[\w.]+)?$/;

const say = (text) => console.log(`release: ${text}`);
const die = (text) => {
  console.error(`release: ${text}`);
  process.exit(1);
};
const run = (cwd, command, ...args) => execFileSync(command, args, { cwd, stdio: ["ignore", "ignore", "inherit"] });
const ask = (cwd, command, ...args) => execFileSync(command, args, { cwd, encoding: "utf8" }).trim();
const read = (dir, file) => readFileSync(join(dir, file), "utf8");
const versionIn = (dir) => /^\[package\][\s\S]*?^version = "(.+)"/m.exec(read(dir, "Cargo.toml"))?.[1];

/** Each place where the version stands. Gives the files. */
function setVersion(dir, from, to) {
  const edit = (file, change) => {
    const text = read(dir, file),
      changed = change(text);
    if (changed === text) die(`${file} has no version ${from}`);
    writeFileSync(join(dir, file), changed);
    return file;
  };
  const locks = ask(dir, "git", "ls-files", "*Cargo.lock").split("\n");
  return [
    edit("Cargo.toml", (text) => text.replace(`\nversion = "${from}"\n`, `\nversion = "${to}"\n`)),
    edit("CHANGELOG.md", (text) =>
      text.replace("## Unreleased\n", `## Unreleased\n\n## ${to} - ${new Date().toISOString().slice(0, 10)}\n`),
    ),
    ...locks
      .filter((lock) => read(dir, lock).includes('name = "everwire"\n'))
      .map((lock) =>
        edit(lock, (text) =>
          text.replace(`name = "everwire"\nversion = "${from}"`, `name = "everwire"\nversion = "${to}"`),
        ),
      ),
  ];
}

/** Both packages of a folder: `{ name: hash }`, and where they are. */
function build(dir) {
  run(dir, "make", "pack", "crate");
  const files = ["pkg", "target/crate"].flatMap((at) =>
    readdirSync(join(dir, at))
      .filter((name) => /\.(tgz|crate)$/.test(name))
      .map((name) => join(dir, at, name)),
  );
  if (files.length !== 2) die(`make pack crate left ${files.map((file) => basename(file)).join(", ") || "nothing"}`);
  return files.map((file) => [file, createHash("sha256").update(readFileSync(file)).digest("hex")]);
}

/** What stands in the npm package's wasm and in the crate (CycloneDX 1.5). */
function materials(dir, version) {
  const { packages, resolve } = JSON.parse(
    ask(dir, "cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", "wasm32-unknown-unknown"),
  );
  const nodes = new Map(resolve.nodes.map((node) => [node.id, node]));
  const own = packages.filter(({ name }) => name === "everwire" || name === "everwire-npm").map(({ id }) => id);
  const seen = new Set();
  const visit = (id) => {
    if (seen.has(id)) return;
    seen.add(id);
    // What only builds or tests is not in it.
    for (const { pkg, dep_kinds } of nodes.get(id).deps) if (dep_kinds.some(({ kind }) => kind === null)) visit(pkg);
  };
  for (const id of own) visit(id);
  const component = ({ name, version, license, checksum }) => ({
    type: "library",
    name,
    version,
    purl: `pkg:cargo/${name}@${version}`,
    ...(license && { licenses: [{ expression: license.replaceAll("/", " OR ") }] }),
    ...(checksum && { hashes: [{ alg: "SHA-256", content: checksum }] }),
  });
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: { component: { type: "library", name: "everwire", version, purl: `pkg:npm/everwire@${version}` } },
    components: packages.filter(({ id }) => seen.has(id) && !own.includes(id)).map(component),
  };
}

function publishable(dir, built, version) {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  for (const [file] of built) cpSync(file, join(out, basename(file)));
  writeFileSync(join(out, `everwire-${version}.cdx.json`), `${JSON.stringify(materials(dir, version), null, 2)}\n`);
  writeFileSync(join(out, "SHA256SUMS"), built.map(([file, hash]) => `${hash}  ${basename(file)}\n`).join(""));
  say(`in ${out}:`);
  for (const name of readdirSync(out)) console.log(`  ${name}`);
  for (const [file, hash] of built) console.log(`  ${hash}  ${basename(file)}`);
}

const clone = (work, name) => {
  const dir = join(work, name);
  execFileSync("git", ["clone", "--quiet", root, dir]);
  return dir;
};

const args = process.argv.slice(2),
  checks = args[0] === "--check",
  version = args.find((arg) => !arg.startsWith("--"))?.replace(/^v/, ""),
  tags = args.includes("--tag");
if (!version || !SEMVER.test(version) || args.length > 2)
  die("usage: node scripts/release.mjs 0.2.0 [--tag], or --check v0.2.0");
const now = versionIn(root);
const work = mkdtempSync(join(tmpdir(), "everwire-release-"));
try {
  if (checks) {
    if (now !== version) die(`the tag says ${version}, and Cargo.toml ${now}`);
    if (!readAddress()) die(REFUSAL);
    publishable(root, build(root), version);
  } else {
    if (ask(root, "git", "status", "--porcelain")) die("commit first: there are changes here");
    if (ask(root, "git", "tag", "--list", `v${version}`)) die(`there is a tag v${version} already`);
    if (!/^## Unreleased\n+\S/m.test(read(root, "CHANGELOG.md"))) die("CHANGELOG.md has nothing under Unreleased");
    if (tags && !readAddress()) die(REFUSAL);
    // Whether the version says of itself what it breaks.
    execFileSync("node", ["scripts/semver.mjs", "--as", `${version}`], { cwd: root, stdio: "inherit" });
    const first = clone(work, "first");
    const files = setVersion(first, now, version);
    say(`${now} becomes ${version} in ${files.join(", ")}`);
    run(first, "git", "commit", "--quiet", "--all", "--message", `Release ${version}`);
    // Elsewhere, from the same commit: what differs is not reproducible.
    const second = join(work, "second");
    run(work, "git", "clone", "--quiet", first, second);
    const [once, again] = [first, second].map(build);
    for (const [at, [file, hash]] of once.entries())
      if (again[at][1] !== hash) die(`${basename(file)} is another one when it is built in another folder`);
    say("both packages come out the same in two folders");
    publishable(first, once, version);
    if (tags) {
      setVersion(root, now, version);
      run(root, "git", "commit", "--quiet", "--all", "--message", `Release ${version}`);
      run(root, "git", "tag", "--annotate", `v${version}`, "--message", `everwire ${version}`);
      say(`tagged. To publish: git push --follow-tags`);
    } else say("nothing has changed here. With --tag this becomes a commit and a tag");
  }
} finally {
  if (existsSync(work)) rmSync(work, { recursive: true });
}

// That what makes the packages is pinned, and that the package comes out the same in another folder.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (path) => readFileSync(join(root, path), "utf8");
const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
  cwd: root,
  encoding: "utf8",
})
  .trim()
  .split("\n");
const named = (name) => files.filter((file) => file === name || file.endsWith(`/${name}`));

test("each crate that is built by itself has its lockfile, and each crate in there its checksum", () => {
  const own = named("Cargo.toml").filter((file) => /^\[workspace\]/m.test(read(file)));
  assert.ok(own.length > 3, own.join());
  for (const manifest of own) {
    const lock = manifest.replace(/toml$/, "lock");
    assert.ok(files.includes(lock), `${lock} is missing`);
    for (const block of read(lock).split("[[package]]").slice(1)) {
      if (!block.includes("\nsource = ")) continue;
      assert.match(block, /\nsource = "registry\+/, lock);
      assert.match(block, /\nchecksum = "[0-9a-f]{64}"/, lock);
    }
  }
});

test("each folder with npm packages has its lockfile, with a hash of each and the address of none", () => {
  const own = named("package.json").filter((file) => {
    const { dependencies, devDependencies } = JSON.parse(read(file));
    return dependencies || devDependencies;
  });
  assert.ok(own.length > 5, own.join());
  for (const manifest of own) {
    const lock = join(dirname(manifest), "package-lock.json");
    assert.ok(files.includes(lock), `${lock} is missing`);
    for (const [name, { integrity, resolved, link }] of Object.entries(JSON.parse(read(lock)).packages)) {
      if (!name || link) continue;
      assert.match(integrity ?? "", /^sha512-/, `${lock}: ${name}`);
      assert.equal(resolved, undefined, `${lock}: ${name} names where it came from`);
    }
  }
});

test("the package has no dependency and no script that runs where it is installed", () => {
  const { dependencies, optionalDependencies, peerDependencies, bundleDependencies, scripts } = JSON.parse(
    read("target/packed/package/package.json"),
  );
  assert.deepEqual(
    [dependencies, optionalDependencies, peerDependencies, bundleDependencies],
    [undefined, undefined, undefined, undefined],
  );
  assert.deepEqual(
    Object.keys(scripts ?? {}).filter((name) => name !== "prepublishOnly"),
    [],
  );
});

test("cargo and npm take what the lockfiles say, and npm runs no package's script", () => {
  const scripts = files.filter((file) =>
    /^(scripts\/.*\.sh|Makefile|\.ci\/run|tests\/consumers\/lib\/install\.mjs)$/.test(file),
  );
  const lines = scripts.flatMap((file) =>
    read(file)
      .split(/(?<!\\)\n/)
      .map((line) => ({ file, line })),
  );
  let looked = 0;
  for (const { file, line } of lines) {
    // Comments, and what is said to somebody.
    if (/^\s*(#|\/\/)|die "|say "|^ *need /.test(line)) continue;
    if (/\bcargo(?:\[@\]\}"|)? (?:install|build|test|clippy|doc|rustc)\b/.test(line)) {
      looked++;
      // Debian's source of std has no lockfile; the tests of the Rust API have it among their arguments.
      assert.match(line, /--locked|cargo_args\[@\]|\/usr\/bin\/cargo/, `${file}: ${line}`);
    }
    if (/\bnpm"?,? (?:\[")?(?:ci|install)\b/.test(line)) {
      looked++;
      assert.match(line, /--ignore-scripts/, `${file}: ${line}`);
    }
  }
  assert.ok(looked > 10, `${looked}`);
});

test("the package says by what it was made, and comes out the same in another folder", () => {
  const made = JSON.parse(read("target/packed/package/build.json"));
  const { devDependencies } = JSON.parse(read("package.json"));
  for (const name of ["binaryen", "esbuild", "terser"]) assert.equal(made[name], devDependencies[name]);
  assert.match(made.rustc, /^\d+\.\d+\.\d+ \(/);
  assert.ok(made.node && made.npm);

  const folder = mkdtempSync(join(tmpdir(), "everwire-again-"));
  try {
    for (const file of files) cpSync(join(root, file), join(folder, file));
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
    execFileSync("scripts/pack.sh", { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
    const hash = (dir) => {
      const tarball = readdirSync(join(dir, "pkg")).find((file) => file.endsWith(".tgz"));
      return createHash("sha256")
        .update(readFileSync(join(dir, "pkg", `${tarball}`)))
        .digest("hex");
    };
    assert.equal(hash(folder), hash(root));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

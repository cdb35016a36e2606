// The crate as it is published: what is in it, that its own tests pass where nothing of the repository is, and its address.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import { fileURLToPath } from "node:url";
import { nowhere } from "../../scripts/address.mjs";
import { packCrate } from "../../scripts/crate.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const url = "https://example.com/ann/everwire";
const folder = mkdtempSync(join(tmpdir(), "everwire-crate-"));
after(() => rmSync(folder, { recursive: true }));

/** Unpacked, and the names of its files. */
function pack(name, address) {
  const { dir, crate } = packCrate(join(folder, name), address);
  const files = execFileSync("tar", ["-tzf", crate], { encoding: "utf8" }).trim().split("\n");
  return { dir, crate, files: files.map((file) => file.split("/").slice(1).join("/")) };
}

const publish = (dir) =>
  spawnSync("cargo", ["publish", "--no-verify", "--allow-dirty", "--dry-run"], { cwd: dir, encoding: "utf8" });

test("without an address: no more than it needs, its own tests pass, and it cannot be published", () => {
  const { dir, crate, files } = pack("without", "");
  const own = /^(src\/.*\.rs|Cargo\.(toml|toml\.orig|lock)|README\.md|CHANGELOG\.md|LICENSE-(MIT|APACHE))$/;
  assert.deepEqual(
    files.filter((file) => !own.test(file)),
    [],
  );
  assert.deepEqual(nowhere(readFileSync(join(dir, "README.md"), "utf8"), files), []);
  const refused = publish(dir);
  assert.notEqual(refused.status, 0);
  assert.match(refused.stderr, /`everwire` cannot be published/);
  // In the repository too, where cargo would take the manifest as it is.
  assert.match(publish(root).stderr, /`everwire` cannot be published/);

  const place = join(folder, "unpacked");
  mkdirSync(place);
  // -m: cargo gives all files one old date, by which a change would look as built already.
  execFileSync("tar", ["-xmzf", crate, "-C", place, "--strip-components", "1"]);
  const tests = spawnSync("cargo", ["test", "--locked", "--quiet", "--features", "test-util"], {
    cwd: place,
    encoding: "utf8",
    env: { ...process.env, CARGO_TARGET_DIR: join(root, "target/crate-test") },
  });
  assert.equal(tests.status, 0, `${tests.stdout}\n${tests.stderr}`);
  assert.match(tests.stdout, /[1-9]\d\d passed/);
});

test("with one it is in the manifest and in the README", () => {
  const { dir, files } = pack("with", url);
  const [{ publish: to, repository, homepage, dependencies, targets }] = JSON.parse(
    execFileSync("cargo", ["metadata", "--no-deps", "--offline", "--format-version", "1"], {
      cwd: dir,
      encoding: "utf8",
    }),
  ).packages;
  assert.deepEqual([to, repository, homepage], [null, url, url]);
  // An allocator and exports would be forced on each app.
  assert.ok(!dependencies.some(({ name }) => /alloc/.test(name)));
  const [library] = targets.filter(({ kind }) => kind.includes("lib") || kind.includes("cdylib"));
  assert.deepEqual(library.crate_types, ["lib"]);
  const readme = readFileSync(join(dir, "README.md"), "utf8");
  assert.deepEqual(nowhere(readme, files), []);
  assert.ok(readme.includes(`](${url}/blob/HEAD/docs/production.md)`), "its links");
});

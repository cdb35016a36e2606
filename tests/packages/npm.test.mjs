// The npm package with and without an address: its manifest, its README, and whether it can be published.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after, before } from "node:test";
import { fileURLToPath } from "node:url";
import { REFUSAL, addressNpm, nowhere } from "../../scripts/address.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const url = "https://example.com/ann/everwire";
const packed = join(root, "target/packed/package");
const folder = mkdtempSync(join(tmpdir(), "everwire-packages-"));
after(() => rmSync(folder, { recursive: true }));

/** What a registry was asked to take. */
const taken = [];
const registry = createServer((request, response) => {
  if (request.method === "PUT") taken.push(request.url);
  response.writeHead(request.method === "PUT" ? 201 : 404, { "content-type": "application/json" }).end("{}");
});
let config;

before(async () => {
  assert.ok(existsSync(packed), "the package is missing. Make it: make pack.");
  await once(registry.listen(0, "127.0.0.1"), "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (registry.address());
  config = join(folder, "npmrc");
  writeFileSync(config, `registry=http://127.0.0.1:${port}/\n//127.0.0.1:${port}/:_authToken=none\n`);
});
after(() => registry.close());

/** A folder of the package with this address, and its tarball. */
async function pack(name, address) {
  const dir = join(folder, name);
  cpSync(packed, dir, { recursive: true });
  // Of the repository: what the build puts into the folder has an address, or none, already.
  const { version } = JSON.parse(readFileSync(join(packed, "package.json"), "utf8"));
  const manifest = JSON.parse(readFileSync(join(root, "pkg-template/package.json"), "utf8"));
  addressNpm(dir, { ...manifest, version }, readFileSync(join(root, "README.md"), "utf8"), address);
  await npm(dir, "pack");
  return { dir, tarball: join(dir, readdirSync(dir).find((file) => file.endsWith(".tgz")) ?? "") };
}

/** Its exit code and what it printed. */
async function npm(dir, ...args) {
  return new Promise((resolve) =>
    execFile("npm", [...args, "--userconfig", config], { cwd: dir }, (error, out, err) =>
      resolve({ code: error?.code ?? 0, text: out + err }),
    ),
  );
}

test("without an address nothing in the README leads nowhere, and neither form can be published", async () => {
  const { dir, tarball } = await pack("without", "");
  const manifest = JSON.parse(readFileSync(join(dir, "package.json"), "utf8"));
  assert.deepEqual([manifest.repository, manifest.homepage, manifest.bugs], [undefined, undefined, undefined]);
  assert.deepEqual(nowhere(readFileSync(join(dir, "README.md"), "utf8"), manifest.files), []);
  const asFolder = await npm(dir, "publish");
  assert.notEqual(asFolder.code, 0);
  assert.ok(asFolder.text.includes(REFUSAL), asFolder.text);
  const asTarball = await npm(folder, "publish", tarball);
  assert.notEqual(asTarball.code, 0);
  assert.match(asTarball.text, /marked as private/);
  assert.deepEqual(taken, []);
});

test("with one all of it is filled, and it can be published", async () => {
  const { dir, tarball } = await pack("with", url);
  const { repository, homepage, bugs, files, scripts } = JSON.parse(readFileSync(join(dir, "package.json"), "utf8"));
  assert.deepEqual(
    [repository, homepage, bugs, scripts],
    [{ type: "git", url: `git+${url}.git` }, `${url}#readme`, { url: `${url}/issues` }, undefined],
  );
  const readme = readFileSync(join(dir, "README.md"), "utf8");
  assert.deepEqual(nowhere(readme, files), []);
  assert.ok(readme.includes(`](${url}/blob/HEAD/docs/production.md)`), "its links");
  const published = await npm(folder, "publish", tarball);
  assert.equal(published.code, 0, published.text);
  assert.deepEqual(taken, ["/everwire"]);
});

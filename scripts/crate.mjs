// Packs the crate as it is published: what cargo packs of the repository, with the address of repository.json in it.
// Prints the path of target/crate/everwire-VERSION.crate last; the folder beside it is for `cargo publish`.
import { execFileSync } from "node:child_process";
import { appendFileSync, copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { addressCrate, readAddress } from "./address.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const version = /^\[package\][\s\S]*?^version = "(.+)"/m.exec(readFileSync(join(root, "Cargo.toml"), "utf8"))?.[1];
const name = `everwire-${version}`;

/** Into `out`, with this address. Gives the folder and the package. */
export function packCrate(out, url) {
  const dir = join(out, name);
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const cargo = (cwd, target) =>
    execFileSync("cargo", ["package", "--quiet", "--locked", "--no-verify", "--allow-dirty", "--package", "everwire"], {
      cwd,
      // Elsewhere than the build: the other package has the same name.
      env: { ...process.env, CARGO_TARGET_DIR: target },
      // It says that there is no address, each time.
      stdio: ["ignore", "inherit", url ? "inherit" : "pipe"],
    });
  const first = join(out, "first");
  cargo(root, first);
  execFileSync("tar", ["-xzf", join(first, "package", `${name}.crate`), "-C", out]);
  // Those that cargo makes, and makes again.
  for (const made of ["Cargo.toml.orig", ".cargo_vcs_info.json"]) rmSync(join(dir, made), { force: true });
  addressCrate(dir, readdirSync(dir), url);
  // It stands below this workspace, and is no part of it.
  appendFileSync(join(dir, "Cargo.toml"), "\n[workspace]\n");
  const second = join(out, "second");
  cargo(dir, second);
  const crate = join(out, `${name}.crate`);
  copyFileSync(join(second, "package", `${name}.crate`), crate);
  for (const made of [first, second]) rmSync(made, { recursive: true });
  return { dir, crate };
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  console.log(packCrate(join(root, "target/crate"), readAddress()).crate);

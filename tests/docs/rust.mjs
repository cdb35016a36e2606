// The Rust of the guides, as doctests of a crate that depends on this one, and what has a `#[test]` as its tests. (docs/servers/rust.md is run by servers.mjs, the README by
// the crate's own doctests.)
//   node tests/docs/rust.mjs
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { blocks, pages, root } from "./pages.mjs";

const dir = join(root, "target/docs-rust");
mkdirSync(join(dir, "src"), { recursive: true });
const guides = pages.filter(
  (page) => page.startsWith("docs/guide/") && blocks(page).some(({ language }) => language === "rust"),
);
writeFileSync(
  join(dir, "src/lib.rs"),
  guides.map((page, at) => `#[doc = include_str!("${join(root, page)}")]\npub struct Page${at};\n`).join("\n"),
);
// A doctest compiles these, and runs none of them.
rmSync(join(dir, "tests"), { recursive: true, force: true });
mkdirSync(join(dir, "tests"));
for (const [at, page] of guides.entries())
  for (const [number, { language, code }] of blocks(page).entries())
    if (language === "rust" && code.includes("#[test]")) writeFileSync(join(dir, `tests/page${at}_${number}.rs`), code);
writeFileSync(
  join(dir, "Cargo.toml"),
  `[package]
name = "docs"
version = "0.0.0"
edition = "2024"
[workspace]
[dependencies]
everwire = { path = "${root}", features = ["test-util"] }
serde = { version = "1", features = ["derive"] }
serde_json = "1"
`,
);
cpSync(join(root, "Cargo.lock"), join(dir, "Cargo.lock"));
for (const which of ["--doc", "--tests"])
  execFileSync("cargo", ["test", "--quiet", which], { cwd: dir, stdio: "inherit" });
console.log(`docs: the Rust of ${guides.join(", ")} compiles`);

// The Rust of the guides, as doctests of a crate that depends on this one. (docs/servers/rust.md is run by servers.mjs, the README by
// the crate's own doctests.)
//   node tests/docs/rust.mjs
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
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
writeFileSync(
  join(dir, "Cargo.toml"),
  `[package]
name = "docs"
version = "0.0.0"
edition = "2024"
[workspace]
[dependencies]
everwire = { path = "${root}" }
serde = { version = "1", features = ["derive"] }
`,
);
cpSync(join(root, "Cargo.lock"), join(dir, "Cargo.lock"));
execFileSync("cargo", ["test", "--quiet", "--doc"], { cwd: dir, stdio: "inherit" });
console.log(`docs: the Rust of ${guides.join(", ")} compiles`);

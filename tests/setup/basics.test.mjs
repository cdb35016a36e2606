// What setup.sh says where something is missing that it does not install itself: all of it, once, in the words of that system.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "everwire-setup-"));
process.on("exit", () => rmSync(folder, { recursive: true }));
const BASICS = ["bash", "env", "dirname", "mkdir", "sed"];
const NODE20 = { node: "case $1 in -p) echo 20 ;; *) echo v20.0.0 ;; esac" };

/** Runs setup on a machine with these commands alone: those of `more` are scripts. Gives what it says. */
function setup(system, more = {}) {
  const path = mkdtempSync(join(folder, "path-"));
  for (const name of BASICS)
    symlinkSync(execFileSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim(), join(path, name));
  for (const [name, script] of Object.entries({ uname: `echo ${system}`, ...more })) {
    writeFileSync(join(path, name), `#!${join(path, "bash")}\n${script}\n`);
    chmodSync(join(path, name), 0o755);
  }
  const home = mkdtempSync(join(folder, "home-"));
  const { status, stderr, stdout } = spawnSync(join(path, "bash"), ["scripts/setup.sh", "build"], {
    cwd: root,
    env: { PATH: path, HOME: home },
    encoding: "utf8",
  });
  assert.equal(status, 1, stdout + stderr);
  assert.deepEqual(readdirSync(join(home, ".cache/everwire")), [], "nothing was fetched");
  return stdout + stderr;
}

const all = "missing here: Rust (cargo), Node.js 20 or newer, npm, tar, a C compiler (Rust links with it).";
const bare = {
  "macOS": [
    "Darwin",
    {},
    "brew install rustup node, and xcode-select --install; then rustup-init -y, and a new shell.",
  ],
  "Fedora": ["Linux", { dnf: "" }, "sudo dnf install rustup nodejs npm tar gcc; then rustup-init -y, and a new shell."],
  "Debian": [
    "Linux",
    { "apt-get": "" },
    "sudo apt-get install nodejs npm tar gcc libc6-dev (Debian 12 and Ubuntu 24.04 have an older Node: nodejs.org has others); " +
      "then Rust by the line of rustup.rs, and a new shell.",
  ],
  "another system": ["Linux", {}, "your system's packages of these; Rust by the line of rustup.rs."],
};
for (const [name, [system, more, how]] of Object.entries(bare))
  test(`a bare ${name}`, () => assert.equal(setup(system, more), `setup: ${all} To install: ${how} Then run again.\n`));

test("an old Node", () => {
  const node = "case $1 in -p) echo 18 ;; *) echo v18.20.0 ;; esac";
  const said = setup("Darwin", { node, npm: "", tar: "", cargo: "", cc: "" });
  assert.equal(
    said,
    "setup: missing here: Node.js 20 or newer (this is v18.20.0). To install: brew install node. Then run again.\n",
  );
});

test("macOS without its command line tools", () => {
  const said = setup("Darwin", { ...NODE20, npm: "", tar: "", cargo: "" });
  assert.equal(
    said,
    "setup: missing here: a C compiler (Rust links with it). To install: xcode-select --install. Then run again.\n",
  );
});

test("a Rust without rustup, which cannot build for wasm", () => {
  const said = setup("Linux", { ...NODE20, npm: "", tar: "", cargo: "", cc: "", dnf: "", rustc: "echo rustc 1.95.0" });
  assert.match(said, /sudo dnf install rust-std-static-wasm32-unknown-unknown/);
});

test("what `make demo` and `make docs` run has nothing of GNU or Linux alone, nor of a bash after 3.2", () => {
  const foreign =
    /\bsed (-\w*i|.*-E -i)|\breadlink -f|\brealpath\b|\bsha256sum\b|\bgrep -\w*P|\bflock\b|\/proc\/|\bnproc\b|\bmapfile\b|\breadarray\b|\bdeclare -A|\bcoproc\b|\$\{\w+(,,|\^\^|@)|\bcp --|\bdate -d|\bstat -c|&>>|\|&|;;&/;
  for (const file of ["setup", "env", "pack", "docs"]) {
    const lines = readFileSync(join(root, `scripts/${file}.sh`), "utf8").split("\n");
    // What is Debian's own is behind a question for apt-get.
    const found = lines.filter((line) => !/^\s*#/.test(line) && foreign.test(line));
    assert.deepEqual(found, [], file);
    // BSD's sed wants a semicolon before a brace.
    assert.deepEqual(
      lines.filter((line) => /\bsed .*[^;{ ]\}["']/.test(line)),
      [],
      file,
    );
  }
});

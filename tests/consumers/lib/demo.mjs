// The demo server, started at the first use on a free port.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { root } from "./paths.mjs";

const binary = process.env.EVERWIRE_DEMO || join(root, "target/debug/everwire-demo");
let started;

async function startDemo() {
  if (!existsSync(binary)) throw new Error(`${binary} is missing. Run \`cargo build -p www\` first.`);
  const child = spawn(binary, ["--port", "0", "--exit-with-stdin", "--test-endpoints"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const page = await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`everwire-demo ended with ${code} before it was ready`)));
    createInterface({ input: child.stdout }).once("line", (line) => resolve(/http:\S+/.exec(line)?.[0]));
  });
  const { wire } = await (await fetch(new URL("config.json", page))).json();
  return { child, wire: wire.replace(/^http/, "ws").replace(/\/$/, "") };
}

/** The ws: address that clients connect to. */
export async function wireUrl() {
  started ??= startDemo();
  return (await started).wire;
}

export async function closeDemo() {
  const demo = await started?.catch(() => undefined);
  demo?.child.stdin.end();
}

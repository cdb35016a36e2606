// Where things are. scripts/env.sh is the one place that knows the tools.
import { execFileSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");
export const pages = join(root, "tests/browser/pages");
export const packed = join(root, "target/packed/package");
export const serverBinary = join(root, "target/debug/everwire-demo");

/** Puts what scripts/env.sh sets into process.env. */
export function loadEnvironment() {
  const output = execFileSync("bash", ["-c", ". scripts/env.sh; env -0"], { cwd: root, encoding: "utf8" });
  for (const line of output.split("\0")) {
    const at = line.indexOf("=");
    if (at > 0) process.env[line.slice(0, at)] = line.slice(at + 1);
  }
}

/** The path of a program, or an error that says what to install. */
export function program(nameOrPath, what) {
  const candidates = nameOrPath.includes("/")
    ? [nameOrPath]
    : (process.env.PATH ?? "").split(":").map((folder) => join(folder, nameOrPath));
  for (const candidate of candidates) {
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      /* not here */
    }
  }
  throw new Error(`${nameOrPath} is missing. ${what}`);
}

export function needFile(path, what) {
  try {
    accessSync(path);
  } catch {
    throw new Error(`${path} is missing. ${what}`);
  }
}

// Child processes: one that ends, and one that serves until it is stopped.
import { spawn } from "node:child_process";
import { delimiter, join } from "node:path";
import { root } from "./paths.mjs";

const quiet = { CI: "1", NO_COLOR: "1", FORCE_COLOR: undefined, NEXT_TELEMETRY_DISABLED: "1" };
const running = new Set();

/** Each child leads a process group: bundlers leave workers behind when only their parent is killed. */
function launch(dir, command, args, env) {
  const path = [join(dir, "node_modules/.bin"), join(root, "node_modules/.bin"), process.env.PATH].join(delimiter);
  /** @type {any} */
  const child = spawn(command, args, {
    cwd: dir,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...quiet, ...env, PATH: path },
  });
  running.add(child);
  child.output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      child.output += text;
    });
  }
  child.ended = new Promise((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("close", (code, signal) => resolve(signal ?? code));
  }).finally(() => running.delete(child));
  return child;
}

function kill(child) {
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    /* gone already */
  }
}

const tail = (text) => text.trim().split("\n").slice(-25).join("\n");

/**
 * Runs a command to its end and returns what it printed; throws with its last lines when it fails.
 * @param {string} dir
 * @param {string} command
 * @param {string[]} args
 * @param {{ env?: object, timeout?: number }} [options]
 */
export async function run(dir, command, args, { env, timeout = 240_000 } = {}) {
  const child = launch(dir, command, args, env);
  const timer = setTimeout(() => {
    child.output += `\nstopped after ${timeout} ms`;
    kill(child);
  }, timeout);
  const code = await child.ended;
  clearTimeout(timer);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")}: ended with ${code}\n${tail(child.output)}`);
  return child.output;
}

/**
 * Starts a server and waits for the address that it prints.
 * @param {string} dir
 * @param {string} command
 * @param {string[]} args
 * @param {{ env?: object, timeout?: number }} [options]
 */
export async function start(dir, command, args, { env, timeout = 60_000 } = {}) {
  const child = launch(dir, command, args, env);
  const url = await new Promise((resolve, reject) => {
    const fail = (why) => {
      kill(child);
      reject(new Error(`${command} ${args.join(" ")}: ${why}\n${tail(child.output)}`));
    };
    const timer = setTimeout(() => fail(`no address in ${timeout} ms`), timeout);
    child.stdout.on("data", () => {
      const match = /http:\/\/(?:localhost|127\.0\.0\.1):[1-9]\d*/.exec(child.output);
      if (match) {
        clearTimeout(timer);
        resolve(match[0]);
      }
    });
    child.ended.then((code) => {
      clearTimeout(timer);
      fail(`ended with ${code}`);
    });
  });
  return {
    url,
    stop: async () => {
      kill(child);
      await child.ended;
    },
  };
}

export function stopAll() {
  for (const child of running) kill(child);
}

// Every process that a run starts is kept here, so that none outlives it.
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";

const running = new Set();

/**
 * Starts a process. It is ready when its output matches `ready`; without one, as soon as it runs.
 * @param {string} command
 * @param {string[]} args
 * @param {{ ready?: RegExp, what: string, env?: NodeJS.ProcessEnv, stdio?: any, seconds?: number }} options
 * @returns {Promise<{ child: import("node:child_process").ChildProcess, match: any, output: () => string, stop: () => Promise<void> }>}
 */
export async function start(command, args, { ready, what, env, stdio = ["pipe", "pipe", "pipe"], seconds = 30 }) {
  /** @type {import("node:child_process").ChildProcess} */
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio });
  running.add(child);
  let output = "";
  const match = await new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`${what} did not start within ${seconds} s: ${output}`)),
      seconds * 1000,
    );
    const read = (chunk) => {
      output = (output + chunk).slice(-20_000);
      const found = ready?.exec(output);
      if (found) {
        clearTimeout(timer);
        resolve(found);
      }
    };
    child.stdout?.on("data", read);
    child.stderr?.on("data", read);
    child.stdin?.on("error", () => {});
    if (!ready)
      child.once("spawn", () => {
        clearTimeout(timer);
        resolve(null);
      });
    child.once("error", (error) => {
      clearTimeout(timer);
      reject(new Error(`${what} could not be started: ${error.message}`));
    });
    child.once("exit", (code, signal) => {
      clearTimeout(timer);
      reject(new Error(`${what} ended at once (${signal ?? code}): ${output}`));
    });
  }).catch((error) => {
    stopNow(child);
    throw error;
  });
  return { child, match, output: () => output, stop: () => stop(child) };
}

/** Asks the process to end, then ends it and what it started. */
export async function stop(child) {
  if (!running.has(child)) return;
  const tree = descendants(child.pid);
  if (child.exitCode === null && child.signalCode === null) {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 3_000).unref())]);
  }
  kill([child.pid, ...tree], child);
}

export async function stopAll() {
  await Promise.all([...running].map(stop));
}

/** A signal ends this process after what it has started; `told` is called first. */
export function stopOnSignals(told = () => {}) {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
    process.on(signal, () => {
      told();
      stopAll().finally(() => process.exit(130));
    });
}

function stopNow(child) {
  kill([child.pid, ...descendants(child.pid)], child);
}

function kill(pids, child) {
  running.delete(child);
  for (const pid of pids) {
    if (pid === child.pid && (child.exitCode !== null || child.signalCode !== null)) continue;
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      /* gone already */
    }
  }
}

process.on("exit", () => {
  for (const child of running) stopNow(child);
});

// A driver's browser is its child, not in its process group.
function descendants(root) {
  if (root === undefined) return [];
  const children = new Map();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "latin1");
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      /* ended meanwhile */
    }
  }
  const found = [];
  const walk = (pid) => {
    for (const child of children.get(pid) ?? []) {
      found.push(child);
      walk(child);
    }
  };
  walk(root);
  return found;
}

/** Of those that no system gives to whoever asks for any: until it is used, others start, too. */
let nextPort = 20_000 + Math.floor(Math.random() * 12_000);

/** A port that nothing listens at. */
export async function freePort() {
  for (;;) {
    const port = nextPort;
    nextPort = port < 32_000 ? port + 1 : 20_000;
    const server = createServer();
    const free = await new Promise((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!free) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}

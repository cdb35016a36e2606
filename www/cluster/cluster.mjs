// Two nodes of nginx with nchan over one Redis, on loopback, each in a directory of its own under one temporary directory.
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A server that can be ended, and started again on its port. */
class Server {
  #child;
  #exited = Promise.resolve();
  #frozen = false;
  output = "";

  constructor(name, port, command, args, directory) {
    this.name = name;
    this.port = port;
    this.command = command;
    this.args = args;
    this.directory = directory;
    mkdirSync(directory, { recursive: true });
  }

  get running() {
    return this.#child !== undefined;
  }

  get state() {
    return !this.running ? "stopped" : this.#frozen ? "frozen" : "running";
  }

  get pid() {
    return this.#child?.pid;
  }

  async start() {
    if (this.running) return;
    // In a group of its own, so that a signal reaches the workers, too: those of nginx outlive their master.
    const child = spawn(this.command, this.args, {
      cwd: this.directory,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    // Its beginning says what went wrong; a node that fails over and over says it a thousand times.
    const log = (chunk) => {
      if (this.output.length < 10_000) this.output += chunk;
    };
    child.stdout.on("data", log);
    child.stderr.on("data", log);
    this.#child = child;
    this.#frozen = false;
    this.#exited = new Promise((resolve) => {
      const ended = () => {
        if (this.#child === child) this.#child = undefined;
        resolve();
      };
      child.once("exit", ended);
      child.once("error", (error) => {
        log(error.message);
        ended();
      });
    });
    const deadline = Date.now() + 10_000;
    while (!(await this.ready())) {
      if (!this.running || Date.now() > deadline)
        throw new Error(`${this.name} did not start on port ${this.port}: ${this.output}`);
      await pause(20);
    }
    // Another process may have had the port already.
    if (!this.running) throw new Error(`${this.name} ended at once: ${this.output}`);
  }

  ready() {
    return listens(this.port);
  }

  /** A signal to the process alone; or to all of its group. */
  signal(signal, group = false) {
    if (signal === "SIGSTOP" || signal === "SIGCONT") this.#frozen = signal === "SIGSTOP";
    try {
      if (this.pid) process.kill(group ? -this.pid : this.pid, signal);
    } catch {
      /* ended meanwhile */
    }
  }

  async kill() {
    this.signal("SIGKILL", true);
    await this.#exited;
  }

  async terminate() {
    this.signal("SIGTERM");
    await this.#exited;
  }
}

class Node extends Server {
  url = `http://127.0.0.1:${this.port}`;

  /** It listens before it has found Redis, and refuses everybody until then. */
  async ready() {
    const answer = await fetch(`${this.url}/publish?channel=ready`).catch(() => null);
    await answer?.arrayBuffer().catch(() => {});
    return answer !== null && answer.status < 500;
  }

  /** Workers that ended by themselves: a failed assertion, a segmentation fault. */
  get crashes() {
    return this.output.match(/exited on signal (6|11)\b/g)?.length ?? 0;
  }

  /** Those that serve now. */
  get workers() {
    if (!this.pid) return [];
    try {
      return execFileSync("pgrep", ["-P", String(this.pid)], { encoding: "utf8" })
        .trim()
        .split("\n")
        .map(Number);
    } catch {
      return [];
    }
  }
}

export class Cluster {
  #directory = mkdtempSync(join(tmpdir(), "everwire-cluster-"));

  constructor(ports) {
    // nginx started by root serves as another user, which must get through.
    chmodSync(this.#directory, 0o755);
    this.redis = new Server(
      "Redis",
      ports.redis,
      process.env.EVERWIRE_REDIS,
      [join(here, "redis.conf"), "--port", String(ports.redis), "--dir", "."],
      join(this.#directory, "redis"),
    );
    this.nodes = ["a", "b"].map((name) => this.#node(name, ports[name], ports.redis));
  }

  #node(name, port, redis) {
    const directory = join(this.#directory, name);
    const node = new Node(
      name,
      port,
      process.env.EVERWIRE_NGINX,
      ["-p", directory, "-c", "nginx.conf", "-e", "stderr"],
      directory,
    );
    const values = { module: process.env.EVERWIRE_NCHAN, port, redis };
    const template = readFileSync(join(here, "nginx.conf"), "utf8");
    writeFileSync(
      join(directory, "nginx.conf"),
      template.replace(/\{\{(module|port|redis)\}\}/g, (_, key) => values[key]),
    );
    return node;
  }

  async start() {
    await this.redis.start();
    for (const node of this.nodes) await node.start();
  }

  async stop() {
    await Promise.all([...this.nodes, this.redis].map((server) => server.kill()));
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** At once, for when this process ends. */
  stopNow() {
    for (const server of [...this.nodes, this.redis]) server.signal("SIGKILL", true);
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function listens(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

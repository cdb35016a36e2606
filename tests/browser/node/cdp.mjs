// The Chrome DevTools Protocol over a pipe, and nothing around it: Playwright's and chromedriver's
// default flags disable the back/forward cache and keep hidden tabs awake.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromiumBinary, chromiumFlags } from "./engines.mjs";
import { start } from "./processes.mjs";

export async function launchChromium(more = []) {
  const profile = mkdtempSync(join(tmpdir(), "everwire-chromium-"));
  const process = await start(
    chromiumBinary(),
    [...chromiumFlags, ...more, "--remote-debugging-pipe", `--user-data-dir=${profile}`, "about:blank"],
    {
      what: "Chromium",
      stdio: ["ignore", "ignore", "pipe", "pipe", "pipe"],
    },
  );
  const [, , , input, output] = process.child.stdio;
  const connection = new Connection(input, output);
  return {
    connection,
    async stop() {
      await process.stop();
      rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
}

class Connection {
  #out;
  #next = 1;
  #waiting = new Map();
  #listeners = new Set();

  constructor(out, from) {
    this.#out = out;
    out.on("error", () => {});
    let rest = "";
    from.setEncoding("utf8");
    from.on("data", (chunk) => {
      const parts = (rest + chunk).split("\0");
      rest = parts.pop() ?? "";
      for (const part of parts) this.#receive(JSON.parse(part));
    });
  }

  #receive(message) {
    const waiting = this.#waiting.get(message.id);
    if (!waiting) {
      for (const listener of this.#listeners) listener(message);
      return;
    }
    this.#waiting.delete(message.id);
    if (message.error) waiting.reject(new Error(`${waiting.method}: ${message.error.message}`));
    else waiting.resolve(message.result);
  }

  send(method, params = {}, sessionId = undefined) {
    const id = this.#next++;
    this.#out.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject, method }));
  }

  /** The next event of that name. */
  event(method, sessionId) {
    return new Promise((resolve) => {
      const listener = (message) => {
        if (message.method !== method || message.sessionId !== sessionId) return;
        this.#listeners.delete(listener);
        resolve(message.params);
      };
      this.#listeners.add(listener);
    });
  }

  async newTab(url) {
    const { targetId } = await this.send("Target.createTarget", { url });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const tab = new Tab(this, targetId, sessionId);
    await tab.send("Page.enable");
    return tab;
  }
}

class Tab {
  #connection;
  #sessionId;

  constructor(connection, targetId, sessionId) {
    this.#connection = connection;
    this.targetId = targetId;
    this.#sessionId = sessionId;
  }

  send(method, params) {
    return this.#connection.send(method, params, this.#sessionId);
  }

  event(method) {
    return this.#connection.event(method, this.#sessionId);
  }

  activate() {
    return this.#connection.send("Target.activateTarget", { targetId: this.targetId });
  }

  close() {
    return this.#connection.send("Target.closeTarget", { targetId: this.targetId });
  }

  async evaluate(expression) {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** Waits until the expression is true in the page. */
  async until(expression, what = expression, milliseconds = 10_000) {
    const end = Date.now() + milliseconds;
    for (;;) {
      // A navigation takes the context away in mid-call.
      const value = await this.evaluate(expression).catch(() => false);
      if (value) return value;
      if (Date.now() > end)
        throw new Error(
          `waited ${milliseconds} ms for: ${what}; the page: ${await this.evaluate("JSON.stringify(window.life?.())").catch(String)}`,
        );
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

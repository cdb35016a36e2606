// Chromium through its debugging pipe. Not Playwright: it listens to every WebSocket frame, which costs the page time.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "../tests/consumers/lib/paths.mjs";

const flags = [
  "--headless=new",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--no-first-run",
  "--disable-extensions",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-renderer-backgrounding",
  "--disable-background-timer-throttling",
  "--disable-backgrounding-occluded-windows",
  "--remote-debugging-pipe",
];

/** Commands as JSON, each ended by a NUL, over file descriptors 3 and 4. */
function connection(child) {
  const [, , , input, output] = child.stdio;
  const pending = new Map();
  let last = 0,
    rest = "";
  output.setEncoding("utf8").on("data", (text) => {
    const lines = (rest + text).split("\0");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const { id, result, error } = JSON.parse(line);
      const waiting = pending.get(id);
      pending.delete(id);
      if (error) waiting?.reject(new Error(error.message));
      else waiting?.resolve(result);
    }
  });
  input.on("error", () => {}); // told by the exit
  child.on("exit", (code) => {
    for (const { reject } of pending.values()) reject(new Error(`Chromium ended with ${code}`));
  });
  return (method, params = {}, sessionId = undefined) =>
    new Promise((resolve, reject) => {
      last += 1;
      pending.set(last, { resolve, reject });
      input.write(`${JSON.stringify({ id: last, method, params, sessionId })}\0`);
    });
}

async function openPage(send, url) {
  const { targetId } = await send("Target.createTarget", { url: "about:blank", newWindow: true });
  const { sessionId } = await send("Target.attachToTarget", { targetId, flatten: true });
  const call = (method, params) => send(method, params, sessionId);
  await call("Performance.enable");

  /** The value of the expression; a promise is awaited. */
  const evaluate = async (expression) => {
    const { result, exceptionDetails } = await call("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  };
  const metrics = async () =>
    Object.fromEntries((await call("Performance.getMetrics")).metrics.map(({ name, value }) => [name, value]));

  await evaluate(`new Promise((resolve) => { location.href = ${JSON.stringify(url)}; resolve(); })`);
  const deadline = Date.now() + 20_000;
  // The new document replaces the context, so a call may fail on the way.
  while (!(await evaluate("typeof bench === 'object'").catch(() => false))) {
    if (Date.now() > deadline) throw new Error(`${url} did not load its script in 20 s`);
  }
  return {
    evaluate,
    metrics,
    collectGarbage: () => call("HeapProfiler.collectGarbage"),
    close: () => send("Target.closeTarget", { targetId }),
  };
}

export async function launch() {
  if (!existsSync(chromium)) throw new Error(`${chromium} is missing. Run \`scripts/setup.sh test\` first.`);
  const profile = mkdtempSync(join(tmpdir(), "everwire-bench-"));
  const child = spawn(chromium, [...flags, `--user-data-dir=${profile}`], {
    stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
  });
  const ended = new Promise((resolve) => child.on("exit", resolve));
  const send = connection(child);
  return {
    open: (url) => openPage(send, url),
    close: async () => {
      await send("Browser.close").catch(() => {});
      await ended;
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

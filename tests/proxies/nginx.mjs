// One nginx, with a config of its own.
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import { join } from "node:path";
import { program } from "../browser/node/environment.mjs";
import { start } from "../browser/node/processes.mjs";

/** Replaces all of `changes`; a text that is not there is a mistake of the test. */
export function replaced(text, changes) {
  for (const [from, to] of changes) {
    if (!text.includes(from)) throw new Error(`There is no ${JSON.stringify(from)} in the config.`);
    text = text.replaceAll(from, to);
  }
  return text;
}

/** Until it answers, whatever it answers. */
export async function listening(url, process) {
  const { get } = url.startsWith("https:") ? https : http;
  const answer = () =>
    new Promise((resolve, reject) =>
      get(url, { rejectUnauthorized: false, agent: false }, (response) => resolve(response.resume())).once(
        "error",
        reject,
      ),
    );
  for (const end = Date.now() + 10_000; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    try {
      return await answer();
    } catch (error) {
      if (Date.now() > end) throw new Error(`${url} does not answer: ${error.message}\n${process.output()}`);
    }
  }
}

/** `folder` is its own; `url` is where it must answer. */
export async function startNginx(folder, config, url) {
  const binary = program(process.env.EVERWIRE_NGINX, "Run scripts/setup.sh proxies, or fallback.");
  // A port, and so a folder's name, may come again.
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "nginx.conf");
  writeFileSync(file, config);
  const args = ["-c", file, "-e", join(folder, "error.log"), "-g", `pid ${join(folder, "pid")};`];
  const server = await start(binary, [...args.slice(0, -1), `${args.at(-1)} daemon off;`], { what: "nginx" });
  await listening(url, server);
  return {
    url,
    stop: server.stop,
    reload(next = config) {
      writeFileSync(file, next);
      execFileSync(binary, [...args, "-s", "reload"], { stdio: "pipe" });
    },
  };
}

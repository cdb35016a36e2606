// What is tried: for each name a project to install the tarball in, and its checks.
import assert from "node:assert/strict";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { blocks } from "../docs/pages.mjs";
import { live } from "./lib/browser.mjs";
import { wireUrl } from "./lib/demo.mjs";
import { projects, root } from "./lib/paths.mjs";
import { run, start } from "./lib/process.mjs";
import { serving } from "./lib/serve.mjs";
import { attw, publint } from "./package.mjs";

/** Runs `use(url)` while the command serves. */
async function started(dir, command, args, use) {
  const { url, stop } = await start(dir, command, args);
  try {
    return await use(`${url}/`);
  } finally {
    await stop();
  }
}

async function vite({ dir, check }) {
  await check("dev", () => started(dir, "vite", ["--host", "127.0.0.1"], live));
  await check("build", async () => {
    await run(dir, "vite", ["build"]);
    await serving(join(dir, "dist"), live);
  });
}

async function webpack({ dir, check }) {
  for (const mode of ["production", "development"]) {
    await check(mode, async () => {
      const out = join(dir, mode);
      await run(dir, "webpack", ["--mode", mode, "--output-path", out]);
      cpSync(join(dir, "index.html"), join(out, "index.html"));
      await serving(out, live);
    });
  }
}

async function esbuild({ dir, check }) {
  const page = async (html, args, look) => {
    const out = join(dir, "dist");
    await run(dir, "esbuild", ["main.js", "--bundle", "--minify", `--outfile=${join(out, "main.js")}`, ...args]);
    cpSync(join(dir, html), join(out, "index.html"));
    await serving(out, look);
  };
  await check("esm", () => page("esm.html", ["--format=esm"], live));
  await check("iife", () => page("utf-8.html", ["--format=iife"], live));
  await check("iife, charset utf8", () => page("utf-8.html", ["--format=iife", "--charset=utf8"], live));
  await check("iife on a windows-1252 page", () => page("windows-1252.html", ["--format=iife"], live));
  await check("iife, charset utf8, on a windows-1252 page", () =>
    page("windows-1252.html", ["--format=iife", "--charset=utf8"], live),
  );
}

async function rollup({ dir, check }) {
  await check("build", async () => {
    const out = join(dir, "dist");
    await run(dir, "rollup", ["main.js", "--plugin", "node-resolve", "--format", "es", "--file", join(out, "main.js")]);
    cpSync(join(dir, "index.html"), join(out, "index.html"));
    await serving(out, live);
  });
}

async function next({ dir, check }) {
  for (const bundler of ["turbopack", "webpack"]) {
    await check(`build and start, ${bundler}`, async () => {
      await run(dir, "next", ["build", `--${bundler}`]);
      await started(dir, "next", ["start", "--hostname", "127.0.0.1", "--port", "0"], async (url) => {
        const html = await (await fetch(url)).text();
        assert.match(html, /<p id="version">\d+\.\d+\.\d+/, "the server component imports everwire");
        assert.match(html, /<p id="import">function</, "the client component imports everwire on the server");
        assert.match(
          html,
          /<p id="rendered">suspended</,
          "a client that is made while the server renders opens nothing",
        );
        await live(url);
      });
    });
  }
}

async function vitest({ dir, check }) {
  for (const environment of ["node", "jsdom"]) {
    await check(environment, async () => {
      await run(dir, "vitest", ["run", `${environment}.test.js`], { env: { WIRE: await wireUrl() } });
    });
  }
  // Those that the docs show.
  const shown = blocks("docs/guide/testing.md").filter(({ code }) => code.includes('from "vitest"'));
  assert.ok(shown.length >= 3, `docs/guide/testing.md has ${shown.length} tests`);
  for (const { at, code } of shown) {
    await check(`docs, testing, block ${at}`, async () => {
      writeFileSync(join(dir, `docs-${at}.test.js`), code);
      await run(dir, "vitest", ["run", `docs-${at}.test.js`]);
    });
  }
}

async function node({ dir, check }) {
  const script = async (name) =>
    run(dir, process.execPath, [name], { env: { WIRE: await wireUrl() }, timeout: 20_000 });
  await check("import", () => script("import.mjs"));
  await check("live with ws", () => script("live.mjs"));
  await check("heartbeat with ws", () => script("heartbeat.mjs"));
  await check("streams over fetch", () => script("fetch.mjs"));
  await check("the drop-in WebSocket with ws", () => script("websocket.mjs"));
  await check("a page that is rendered", () => script("render.mjs"));
}

async function types({ dir, check }) {
  for (const compiler of ["typescript", "typescript5"]) {
    const { version } = JSON.parse(readFileSync(join(dir, "node_modules", compiler, "package.json"), "utf8"));
    for (const resolution of ["bundler", "nodenext"]) {
      await check(`TypeScript ${version}, ${resolution}`, () =>
        run(dir, process.execPath, [
          join("node_modules", compiler, "bin/tsc"),
          "--project",
          `tsconfig.${resolution}.json`,
        ]),
      );
    }
  }
}

async function lint({ tarball, check }) {
  await check("publint", () => publint(tarball));
  await check("attw", () => attw(tarball));
}

const project = (name, checks) => ({ source: join(projects, name), checks });

export const cases = {
  // First, as it takes longest.
  next16: project("next16", next),
  package: { checks: lint },
  types: { source: join(root, "tests/types"), checks: types },
  node: project("node", node),
  vitest: project("vitest", vitest),
  vite7: project("vite7", vite),
  vite8: project("vite8", vite),
  webpack5: project("webpack5", webpack),
  esbuild: project("esbuild", esbuild),
  rollup: project("rollup", rollup),
};

// The site of the docs: `make docs` builds it into target/docs, `make docs-serve` shows it.
import { cpSync, existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { fileURLToPath } from "node:url";

const docs = dirname(dirname(fileURLToPath(import.meta.url)));
const root = dirname(docs);
/** Where the project lives; "" as long as it lives nowhere. */
const { url } = JSON.parse(readFileSync(join(root, "repository.json"), "utf8"));

// The folder works from any place of a static server, without rules of its own.
const base = process.env.DOCS_BASE ?? "/";
const outDir = join(root, process.env.DOCS_OUT ?? "target/docs");

/** Links to files that are not there, and the files of docs/ that are no pages and come along. */
const dead = new Set(),
  along = new Set();

/**
 * A link to a file that is no page: one of docs/ comes along with the site; one of the rest of the repository leads to where
 * the project lives, or is plain text while there is no such place.
 */
function outside(state) {
  for (const { children } of state.tokens) {
    let plain = false;
    for (const token of children ?? []) {
      if (token.type === "link_close" && plain) {
        Object.assign(token, { type: "text", content: "" });
        plain = false;
      }
      const href = token.type === "link_open" ? decodeURI(token.attrGet("href") ?? "") : "";
      if (!href || /^(?:[/#]|[a-z][a-z+.-]*:)/i.test(href) || !state.env.path) continue;
      const path = normalize(join(dirname(state.env.path), href.replace(/[?#].*/, "")));
      const own = relative(docs, path);
      if (!own.startsWith("..") && path.endsWith(".md")) continue;
      if (!existsSync(path)) dead.add(`${relative(root, state.env.path)}: ${href}`);
      // VitePress looks for a page where a link has no target.
      token.attrSet("target", "_blank");
      if (!own.startsWith("..")) {
        along.add(own);
        token.attrSet("href", base + own);
      } else if (url) token.attrSet("href", `${url}/blob/HEAD/${relative(root, path)}`);
      else {
        Object.assign(token, { type: "text", content: "", attrs: null });
        plain = true;
      }
    }
  }
}

/** VitePress checks that a page is there; this checks the place in it, too. */
function checkPlaces() {
  const pages = readdirSync(outDir, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".html"));
  const texts = new Map(pages.map((name) => [name, readFileSync(join(outDir, name), "utf8")]));
  for (const [name, text] of texts)
    for (const [, href] of text.matchAll(/<a [^>]*?href="([^"]*)"/g)) {
      const to = new URL(href, `http://site${base}${name}`);
      if (to.host !== "site" || !to.hash) continue;
      const page = texts.get(
        decodeURI(to.pathname)
          .slice(base.length)
          .replace(/(^|\/)$/, "$1index.html"),
      );
      if (!page?.includes(`id="${decodeURIComponent(to.hash.slice(1))}"`)) dead.add(`${name}: ${href}`);
    }
}

/** A part of the sidebar: titles to pages. */
const group = (text, pages) => ({
  text,
  items: Object.entries(pages).map(([title, page]) => ({ text: title, link: `/${page.replace(/\bindex$/, "")}` })),
});

export default {
  lang: "en",
  title: "everwire",
  description:
    "A live connection for web pages that reconnects, notices that it is dead, and picks up where it left off.",
  outDir,
  cacheDir: join(root, "target/docs-cache"),
  base,
  head: [["link", { rel: "icon", href: "data:," }]],
  // The default theme's home page has no main landmark.
  transformHtml: (code) => code.replace('<div class="VPContent is-home"', '<div role="main" class="VPContent is-home"'),
  markdown: {
    theme: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" },
    config: (md) => md.core.ruler.push("outside", outside),
  },
  vite: {
    logLevel: "warn",
    // The live demo on the front page runs the package as it is packed.
    resolve: { alias: [{ find: /^everwire\/(.*)$/, replacement: join(root, "target/packed/package/$1.js") }] },
    // `make docs-serve` serves it from there.
    server: { fs: { allow: [root] } },
  },
  buildEnd() {
    checkPlaces();
    if (dead.size) throw new Error(`these links lead nowhere:\n${[...dead].join("\n")}`);
    for (const file of along) cpSync(join(docs, file), join(outDir, file));
  },
  themeConfig: {
    search: { provider: "local" },
    outline: { level: [2, 3] },
    nav: [
      { text: "Guide", link: "/guide/getting-started" },
      { text: "Servers", link: "/guide/servers" },
      { text: "Options", link: "/reference/options" },
      ...(url ? [{ text: "Source", link: url }] : []),
    ],
    sidebar: [
      group("Begin", {
        "Getting started": "guide/getting-started",
        "Choosing a transport": "guide/transports",
        "Messages, events, states": "guide/messages",
        "What your server must do": "guide/servers",
      }),
      group("Use", {
        "Resume and gaps": "guide/resume",
        "Sends and acks": "guide/sends",
        "Requests": "guide/requests",
        "Topics": "guide/topics",
        "Streaming an answer": "guide/answers",
        "Tokens": "guide/tokens",
        "Sending over SSE": "guide/over-sse",
        "Fallback": "guide/fallback",
        "Planned changes, endpoints": "guide/planned-changes",
        "The life of a page": "guide/page-life",
        "Binary and encodings": "guide/binary",
        "In place of EventSource, WebSocket": "guide/drop-in",
      }),
      group("When it does not work", {
        "Errors": "guide/errors",
        "Debugging": "guide/debugging",
      }),
      group("In your app", {
        "Frameworks, SSR, Node": "guide/frameworks",
        "Testing": "guide/testing",
        "Testing in Rust": "guide/testing-rust",
        "Migrating": "guide/migrating",
        "Rust": "guide/rust",
      }),
      group("Servers", {
        "Node": "servers/node",
        "Python": "servers/python",
        "Go": "servers/go",
        "PHP": "servers/php",
        "Rust": "servers/rust",
        "Hubs: nchan, Mercure": "servers/hubs",
      }),
      group("In production", {
        "Security": "guide/security",
        "Behind a proxy": "production",
        "Many nodes: nchan, Redis": "cluster",
      }),
      group("Reference", {
        "Options": "reference/options",
        "JavaScript and Rust": "reference/rust",
        "Types: everwire": "reference/api/index",
        "Types: everwire/duplex": "reference/api/duplex",
        "Types: everwire/auth": "reference/api/auth",
        "Types: everwire/eventsource": "reference/api/eventsource",
        "Types: everwire/websocket": "reference/api/websocket",
        "Types: everwire/presets": "reference/api/presets",
        "Measured": "guide/measured",
        "A million clients": "guide/herd",
        "How it works inside": "guide/internals",
      }),
    ],
  },
};

// The crate's public API as a text, docs/reference/rust-api.txt, so that a change to it is seen in review. It is read from what
// `cargo doc` writes, which knows what is public and where; rustdoc's JSON and cargo public-api need a nightly compiler.
//   node scripts/api.mjs [--check]      --check: only says whether the text is as the code is.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const file = "docs/reference/rust-api.txt";
const HEAD = `# The public API of the crate: its modules, items, methods, and the traits that they implement, with
# the feature test-util. Written by \`make api\`.
`;

const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'", "#x27": "'", nbsp: " " };
/** @param {string} html */
const text = (html) =>
  html
    .replace(/<span class="comment">.*?<\/span>/g, "…")
    // What follows is a line of its own there.
    .replace(/<div class="where">|<span class="where[^>]*>|\n/g, " ")
    .replace(/<div class="code-attribute">(.*?)<\/div>/g, "$1 ")
    .replace(/<a[^>]*class="tooltip".*?<\/a>|<[^>]*>/g, "")
    .replace(/&([\w#]+);/g, (all, name) => ENTITIES[name] ?? all)
    .replace(/\s+/g, " ")
    .replace(/\( /g, "(")
    .replace(/, \)/g, ")")
    .trim();

/** What a page of an item says: its declaration, its methods, and the traits that it implements. @param {string} html */
export function itemOn(html) {
  const [, declared = ""] = /<pre class="rust item-decl"><code>([\s\S]*?)<\/code><\/pre>/.exec(html) ?? [];
  const whole = text(declared.replace(/<details[^>]*><summary[^>]*>[\s\S]*?<\/summary>|<\/details>/g, ""));
  // The variants have sections of their own; the declaration folds them when there are many.
  const variants = [
    ...html.matchAll(/<section id="variant\.(\w+)" class="variant"[\s\S]*?<h3 class="code-header">([\s\S]*?)<\/h3>/g),
  ];
  const lines = variants.length ? [whole.replace(/ \{.*$/, "")] : [whole];
  for (const [, name, code] of variants) {
    const fields = html.matchAll(
      new RegExp(`<span id="variant\\.${name}\\.field\\.[a-z]\\w*"[\\s\\S]*?<code>([\\s\\S]*?)</code>`, "g"),
    );
    const named = [...fields].map(([, field]) => text(field));
    lines.push(`  ${text(code)}${named.length ? ` { ${named.join(", ")} }` : ""}`);
  }
  const between = (from, to) => {
    const start = html.indexOf(`id="${from}"`);
    const end = to.map((id) => html.indexOf(`id="${id}"`)).find((at) => at > start) ?? html.length;
    return start < 0 ? "" : html.slice(start, end);
  };
  // Not those that the compiler adds (Send, Unpin): they are others where the crate is built for the browser.
  const last = ["synthetic-implementations", "blanket-implementations"];
  const own = between("implementations", ["trait-implementations", ...last]);
  for (const [, code] of own.matchAll(/<h4 class="code-header">([\s\S]*?)<\/h4>/g)) lines.push(`  ${text(code)}`);
  const traits = [...between("trait-implementations", last).matchAll(/<h3 class="code-header">([\s\S]*?)<\/h3>/g)]
    .map(([, code]) => text(code))
    // What derive(PartialEq) adds.
    .filter((line) => !line.includes("StructuralPartialEq"));
  const simple = traits.flatMap((line) => /^impl (\w+) for \w+$/.exec(line)?.[1] ?? []).sort();
  if (simple.length) lines.push(`  impl ${simple.join(" + ")}`);
  return [...lines, ...traits.filter((line) => !/^impl \w+ for \w+$/.test(line)).map((line) => `  ${line}`)];
}

/** The text. `dir`: where `cargo doc` has written the crate's pages. @param {string} dir */
export function apiIn(dir) {
  const read = (path) => readFileSync(join(dir, path), "utf8");
  const all = read("all.html");
  const blocks = [...all.slice(all.indexOf('id="main-content"')).matchAll(/<li><a href="([^"]*)">([^<]*)<\/a>/g)].map(
    ([, path, name]) => {
      const lines = itemOn(read(path));
      return { name, block: [`everwire::${name}`, ...lines.map((line) => `  ${line}`)].join("\n") };
    },
  );
  const order = ({ name }) => `${name.includes("::") ? 1 : 0}${name}`;
  blocks.sort((a, b) => (order(a) < order(b) ? -1 : 1));
  return `${HEAD}\n${blocks.map(({ block }) => block).join("\n\n")}\n`;
}

function main() {
  execFileSync(
    "bash",
    ["-c", ". scripts/env.sh && exec cargo doc --quiet --locked --no-deps -p everwire --features test-util"],
    {
      cwd: root,
      stdio: "inherit",
      env: { ...process.env, RUSTDOCFLAGS: "-D warnings" },
    },
  );
  const now = apiIn(resolve(root, process.env.CARGO_TARGET_DIR ?? "target", "doc/everwire"));
  const written = existsSync(join(root, file)) ? readFileSync(join(root, file), "utf8") : "";
  if (!process.argv.includes("--check")) writeFileSync(join(root, file), now);
  else if (now !== written) {
    const [before, after] = [written, now].map((lines) => new Set(lines.split("\n")));
    for (const line of before) if (!after.has(line)) console.error(`- ${line.trim()}`);
    for (const line of after) if (!before.has(line)) console.error(`+ ${line.trim()}`);
    console.error(`api: ${file} is not the crate's API any more: run make api, and look at what it changed`);
    return 1;
  }
  return 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exit(main());

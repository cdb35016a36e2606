// What is written twice is compared: the range and the default of each option, as the code has them, as the types say them,
// and as the tables of the docs do.
//   node tests/texts/run.mjs      Needs target/packed/package (make pack).
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { apis } from "./apis.mjs";
import { codes } from "./codes.mjs";
import { defaults } from "./defaults.mjs";
import { numbers } from "./numbers.mjs";
import { pages } from "../docs/pages.mjs";
import { readMembers } from "./members.mjs";
import { places } from "./places.mjs";
import { security } from "./security.mjs";
import { sides } from "./sides.mjs";
import { readTables } from "./tables.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const read = (path) => readFileSync(join(root, path), "utf8");
const packed = join(root, "target/packed/package");
if (!existsSync(join(packed, "index.js"))) {
  console.error("texts: target/packed/package is missing. Run `make pack` first.");
  process.exit(1);
}

const problems = [];
let compared = 0;
/** Each side is where it stands, and what stands there. */
function same(what, ...sides) {
  compared += 1;
  if (sides.some(([, value]) => value !== sides[0][1]))
    problems.push(`${what}: ${sides.map(([where, value]) => `${where} has ${value ?? "none"}`).join(", ")}`);
}

/** What options give: the sentence of the error, or of the warning. */
async function said(give) {
  const { warn } = console;
  let warned = "";
  console.warn = (text) => {
    warned = text;
  };
  try {
    const made = await give();
    made?.close?.();
  } catch (error) {
    // Without the address at its end: codes.mjs.
    return error.message.replace(/; see \S+$/, "");
  } finally {
    console.warn = warn;
  }
  return warned;
}

/** Of "1 000", "2^31-10 001" or "2³¹−1": the number. */
function toNumber(text) {
  const [, power, rest] = /^(2\^31|2³¹)?[-−]?([\d _]*)/.exec(text) ?? [];
  const digits = rest === undefined || rest.trim() === "" ? 0 : Number(rest.replace(/[ _]/g, ""));
  return power ? 2 ** 31 - digits : digits;
}
const NUMBER = /(?:(?:2\^31|2³¹)[-−])?\d[\d _]*/.source;
const number = (text) => (text === undefined ? undefined : toNumber(text.trim()));

/** "from A to B", "from A", "A to B": `[A, B]`, each as a text; B may be the name of an option. */
function rangeIn(text) {
  const both = new RegExp(`(${NUMBER}) to (?:the )?(${NUMBER}|\`?[a-z]+\`?)`).exec(text);
  if (both) return `${number(both[1])} to ${/^\d/.test(both[2]) ? number(both[2]) : both[2].replaceAll("`", "")}`;
  const from = new RegExp(`from (${NUMBER})`).exec(text);
  return from ? `from ${number(from[1])}` : undefined;
}

/** The default that a text begins with, or names after the word: a number, a string in quotes, true or false. */
function defaultIn(text) {
  const [, found] = new RegExp(`^\`?("[^"]*"|true|false|${NUMBER})`).exec(text.trim()) ?? [];
  return found === undefined ? undefined : /^\d/.test(found) ? String(number(found)) : found;
}
const words = (list) =>
  list
    .map((word) => word.replaceAll('"', ""))
    .sort()
    .join(" ");

const texts = pages.map(read);
const rows = readTables(texts.join("\n"));
const unread = new Set(rows.keys());
const config = read("src/core/config.rs");
const files = {};
for (const { file } of Object.values(places)) files[file] ??= readMembers(read(`pkg-template/${file}.d.ts`));

for (const [
  place,
  { file, prefix, give, only, listless, type: name = place, rows: rowPrefix = prefix },
] of Object.entries(places)) {
  const members = Object.fromEntries(
    Object.entries(files[file][name]).filter(
      ([key, { type }]) => (only?.includes(key) ?? true) && !/^\w+Options(?: & .*)?;?$/.test(type),
    ),
  );
  if (!listless) {
    // A key that is none makes the code tell those that there are.
    const listed =
      /(?:use one of|options are) (.*)$/.exec(await said(() => give({ nothing: 1 })))?.[1].split(", ") ?? [];
    const inTypes = only ?? Object.keys(files[file][name]);
    same(
      `the options of ${prefix || "connect"}`,
      ["the code", words(listed)],
      [`${name} in ${file}.d.ts`, words(inTypes)],
    );
  }

  for (const [key, { doc, type }] of Object.entries(members)) {
    const option = `${prefix}${key}`;
    unread.delete(rowPrefix + key);
    const row = rows.get(rowPrefix + key);
    if (!row) {
      problems.push(`${option}: the docs' tables do not have it`);
      continue;
    }
    const sentence = await said(() => give({ [key]: NaN }));
    const types = `${file}.d.ts`;
    const inTypes = defaultIn(/Default:? `?(.*)$/.exec(doc)?.[1] ?? "");
    const inTable = defaultIn(row.fallback);

    const numeric = /number(?: of \w+)? from (\d+) to (\d+|Infinity)|whole number from (\d+)(?: to (\d+))?/.exec(
      sentence,
    );
    if (numeric) {
      const [, low = numeric[3], high = numeric[4]] = numeric;
      // The interval is the timeout's bound.
      const to = option.endsWith("heartbeat.timeout") ? "interval" : high;
      const range = to === undefined || to === "Infinity" ? `from ${low}` : `${low} to ${to}`;
      same(`${option}, range`, ["the code", range], [types, rangeIn(doc)], ["the docs", rangeIn(row.range)]);
      same(`${option}, default`, ["the code", defaults(option, read)], [types, inTypes], ["the docs", inTable]);
      const [, from, till] =
        new RegExp(`"${option}"(?:, [\\w.]+|[^;]*?within\\(option, given), (\\w+), ([\\w:]+),`).exec(config) ?? [];
      if (from) {
        const constant = (text) => {
          const [, value] = new RegExp(`const ${text}: u64 = (.*);`).exec(config) ?? [undefined, text];
          return value === "u64::MAX"
            ? "Infinity"
            : value === "(1 << 31) - 1"
              ? 2 ** 31 - 1
              : Number(value.replaceAll("_", ""));
        };
        const scale = option === "reconnect.factor" ? 1_000 : 1;
        same(
          `${option}, range in Rust`,
          ["options.js", `${low} ${high ?? "Infinity"}`],
          ["config.rs", `${Number(constant(from)) / scale} ${Number(constant(till)) / scale}`],
        );
      }
      continue;
    }
    const list = /must be (".*"), not NaN/.exec(sentence)?.[1].match(/"[^"]*"/g);
    if (list) {
      const union = type.includes('"') ? type : /type Transport = ([^;]*)/.exec(read("pkg-template/index.d.ts"))?.[1];
      same(
        `${option}, range`,
        ["the code", words(list)],
        [types, words(union.match(/"[^"]*"/g))],
        ["the docs", words(row.range.match(/"[^"]*"/g) ?? [])],
      );
    }
    const fallback = defaults(option, read);
    same(`${option}, default`, ["the code", fallback], [types, inTypes?.replace(/^`|`$/g, "")], ["the docs", inTable]);
  }
}
for (const option of unread) problems.push(`${option}: the docs have it, and no interface of the types`);

// The sizes of the entries stand in the figures, and nowhere else.
const prose = texts.join("\n").replace(/<!-- figures -->[\s\S]*?<!-- \/figures -->/g, "");
for (const [sentence] of prose.matchAll(/.*\b\d+(?:\.\d)? kB.*/g))
  if (/entry|everwire/i.test(sentence))
    problems.push(`a size outside of the figures (docs/guide/measured.md): ${sentence}`);

for (const { looked, problems: found } of [
  security(root),
  sides(root),
  apis(root),
  await codes(root),
  await numbers(root),
]) {
  compared += looked;
  problems.push(...found);
}

for (const problem of problems) console.log(`FAIL  texts: ${problem}`);
console.log(`texts: ${compared} compared, ${problems.length} differ`);
process.exit(problems.length ? 1 : 0);

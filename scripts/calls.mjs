// Writes the numbers of src/calls.rs and src/codes.rs into the JavaScript and TypeScript that names them, or with --check (`make lint`) says where they differ.
// JavaScript names them in blocks between `// <calls.rs>` and `// </calls.rs>`, and, where a list is in their order, in a comment
// beside each entry: `// Ask 1: Resolve`. Those of pkg-template/src/tokens.rs stand in blocks of that name.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";

const TABLE = "src/calls.rs";
const table = readFileSync(TABLE, "utf8");
const codes = readFileSync("src/codes.rs", "utf8");
const upper = (/** @type {string} */ name) => name.replace(/(?!^)(?=[A-Z])/g, "_").toUpperCase();

/** By the names that JavaScript has for them. @type {Map<string, number>} */
const numbers = new Map();
function add(name, number) {
  if (numbers.has(name)) throw new Error(`calls: ${TABLE} has two of ${name}`);
  numbers.set(name, Number(number));
}
const [kinds] = /fn read\([\s\S]*?\n {4}}\n/.exec(table) ?? [""];
for (const [, number, name] of kinds.matchAll(/^ +(\d+) => Self::(\w+)/gm)) add(upper(name), number);
const [places] = /enum Number \{[\s\S]*?\n}/.exec(table) ?? [""];
for (const [, name, number] of places.matchAll(/^ +(\w+) = (\d+),/gm)) add(`NUMBER_${upper(name)}`, number);
const [asks] = /enum Ask \{[\s\S]*?\n}/.exec(table) ?? [""];
for (const [, name, number] of asks.matchAll(/^ +(\w+) = (\d+),/gm)) {
  add(`Ask: ${name}`, number);
  add(`ASK_${upper(name)}`, number);
}
for (const [, module, body] of codes.matchAll(/^pub\(crate\) mod (\w+) \{([\s\S]*?)\n}/gm))
  for (const [, name, number] of body.matchAll(/const (\w+): u32 = (\d+);/g)) add(`${upper(module)}_${name}`, number);

/** The same of the wasm of `everwire/auth`. @type {Map<string, number>} */
const tokens = new Map();
for (const [, number, name] of readFileSync("pkg-template/src/tokens.rs", "utf8").matchAll(/^ +(\d+) => Self::(\w+)/gm))
  tokens.set(upper(name), Number(number));
const [steps] = /enum Step \{[\s\S]*?\n}/.exec(readFileSync("src/core/tokens.rs", "utf8")) ?? [""];
for (const [, name, number] of steps.matchAll(/^ +(\w+) = (\d+),/gm)) tokens.set(`STEP_${upper(name)}`, Number(number));

const wrong = [];
const check = process.argv.includes("--check");
const files = ["pkg-template", "pkg-template/links", "pkg-template/port"].flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => /(?<!\.d)\.[jt]s$/.test(name))
    .map((name) => `${folder}/${name}`),
);
for (const file of files) {
  const text = readFileSync(file, "utf8");
  const numberOf = (name, list = numbers) => {
    const number = list.get(name);
    if (number === undefined) throw new Error(`calls: ${file} names ${name}, which Rust's table does not have`);
    return number;
  };
  let last;
  const right = text
    .replace(/(?<=\/\/ <calls\.rs>\n)[\s\S]*?(?=\/\/ <\/calls\.rs>)/g, (block) =>
      block.replace(/\b([A-Z][A-Z_]*) = \d+/g, (_, name) => `${name} = ${numberOf(name)}`),
    )
    .replace(/(?<=\/\/ <tokens\.rs>\n)[\s\S]*?(?=\/\/ <\/tokens\.rs>)/g, (block) =>
      block.replace(/\b([A-Z][A-Z_]*) = \d+/g, (_, name) => `${name} = ${numberOf(name, tokens)}`),
    )
    .replace(/(?<=\/\/ )(Ask) \d+: (\w+)/g, (_, list, name) => {
      const number = numberOf(`${list}: ${name}`);
      if (last !== undefined && number !== last + 1)
        wrong.push(`${file}: ${list} ${number} (${name}) comes after ${last}`);
      last = number;
      return `${list} ${number}: ${name}`;
    });
  // Lists of flags: each beside the bit that its place gives it.
  for (const [list] of text.matchAll(/\bbits\(\n[\s\S]*?\n *\)/g))
    [...list.matchAll(/, \/\/ (\w+)$/gm)].forEach(([, name], bit) => {
      if (numberOf(name) !== 1 << bit) wrong.push(`${file}: ${name} is not bit ${bit}`);
    });
  for (const [call] of text.matchAll(/\bcall\(\d[^)]*\)/g)) wrong.push(`${file}: ${call} has a number and no name`);
  if (right !== text && check) wrong.push(`${file} has other numbers: run \`node scripts/calls.mjs\``);
  else if (right !== text) writeFileSync(file, right);
}
if (wrong.length) {
  console.error(wrong.map((sentence) => `calls: ${sentence}`).join("\n"));
  process.exit(1);
}

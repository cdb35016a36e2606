// Options that are numbers cross to the wasm by their place in a list: each stands where `Number` in src/calls.rs says.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { load } from "../../scripts/source.mjs";

/** Each option with a value of its own, which none of the others has. */
export async function numbers(root) {
  const { FORMS, readOptions } = await load(join(root, "pkg-template/options.js"));
  const [table] = /enum Number \{[\s\S]*?\/\/ Of `everwire\/duplex`/.exec(
    readFileSync(join(root, "src/calls.rs"), "utf8"),
  ) ?? [""];
  /** @type {any} */
  const options = {};
  /** @type {[string, string, number, unknown][]} */
  const expected = [];
  for (const [, path, name, place] of table.matchAll(/\/\/\/ `([\w.]+)`.*\n +(\w+) = (\d+),/g)) {
    const steps = path.split("."),
      key = steps.pop() ?? "",
      form = steps.join(".");
    const [, kind] = new RegExp(`^${key}=(.*)`, "m").exec(FORMS[form]) ?? ["", ""];
    const choices = kind.match(/"[^"]*"/g);
    const [, low] = /from (\d+)/.exec(kind) ?? [];
    const value = choices ? choices[choices.length - 1].replaceAll('"', "") : Number(low) + Number(place) + 1;
    const within = steps.reduce((part, step) => (part[step] ??= {}), options);
    within[key] = value;
    expected.push([
      path,
      name,
      Number(place),
      choices ? choices.length - 1 : key === "factor" ? Number(value) * 1000 : value,
    ]);
  }
  const { numbers: given } = readOptions(options, ["https://example.com/"]);
  const problems = expected
    .filter(([, , place, value]) => given[place] !== value)
    .map(([path, name, place]) => `${path}: options.js does not give it at place ${place}, where Number::${name} is`);
  if (expected.length < 15) problems.push("src/calls.rs: `Number` could not be read");
  return { looked: expected.length, problems };
}

// What a reader reads: the README and the pages of docs/, and the blocks of code in them.
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = join(dirname(fileURLToPath(import.meta.url)), "../..");

/** By their paths in the repository. Not the reference, which is made of the types. */
export const pages = [
  "README.md",
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md") && !/^(node_modules|reference\/api)\b/.test(name))
    .map((name) => `docs/${name}`)
    .sort(),
];

/** The blocks of a page: their language, their code without the indent of a list, and the line on which they begin. */
export function blocks(page) {
  const text = readFileSync(join(root, page), "utf8");
  return [...text.matchAll(/^( *)```(\w+)[^\n]*\n([\s\S]*?)^\1```/gm)].map(([, indent, language, code], at) => ({
    page,
    at: at + 1,
    language,
    code: code.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
  }));
}

// tests/README.md: that each file of tests which it names is there, and that none of the package's pages or of the crate's is left out.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** What is wrong, and how many files were looked for. */
export function sides(root) {
  const problems = [],
    pages = "tests/browser/pages/tests";
  const rows = readFileSync(join(root, "tests/README.md"), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) =>
      line
        .split("|")
        .map((cell) => [...cell.matchAll(/`([^`\s]+\/?[^`\s]*\.(?:js|mjs|rs)|src\/[^`]+)`/g)].map(([, file]) => file)),
    );
  const left = rows.flatMap(([, left]) => left),
    right = rows.flatMap(([, , right]) => right);
  for (const [, left, right] of rows)
    if (right.length === 0 && !left.every((file) => file.startsWith("drop-in")))
      problems.push(`tests/README.md: no test of the crate is named for ${left}`);
  const files = [
    ...left.map((file) => `${pages}/${file}`),
    ...right.map((file) => (file.startsWith("src/") ? file : `tests/${file}`)),
  ];
  for (const file of files)
    if (!existsSync(join(root, file))) problems.push(`tests/README.md names ${file}, which is not there`);
  const all = (folder, ending) => readdirSync(join(root, folder)).filter((file) => file.endsWith(ending));
  for (const file of all(pages, ".js"))
    if (left.filter((other) => other === file).length !== 1)
      problems.push(`tests/README.md has ${pages}/${file} in ${left.filter((other) => other === file).length} rows`);
  return { problems, looked: files.length };
}

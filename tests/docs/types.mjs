// Each block of JavaScript and TypeScript in the README and the docs, as a module of its own, against the packed types.
//   node tests/docs/types.mjs      Needs target/packed/package (make pack).
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { blocks, pages, root } from "./pages.mjs";

const packed = join(root, "target/packed/package");
if (!existsSync(packed)) {
  console.error("docs: target/packed/package is missing. Run `make pack` first.");
  process.exit(1);
}
const dir = join(root, "target/docs-types");
rmSync(dir, { recursive: true, force: true });
mkdirSync(dir, { recursive: true });
for (const file of ["globals.d.ts", "libraries.d.ts"]) cpSync(join(root, "tests/docs", file), join(dir, file));

let count = 0;
for (const { page, at, language, code } of pages.flatMap(blocks)) {
  if (!["js", "ts"].includes(language)) continue;
  count += 1;
  const own = /^\/\/ (\w+)\.mjs\n/.exec(code)?.[1];
  const name = own ?? `${page.replace(/\.md$/, "").replaceAll(/\W+/g, "-")}-${at}`;
  // `export {}`: each is a module, also without an import.
  writeFileSync(join(dir, `${name}.${own ? "mjs" : language}`), `${code}\nexport {};\n`);
}
writeFileSync(
  join(dir, "tsconfig.json"),
  JSON.stringify({
    extends: "../../tsconfig.json",
    compilerOptions: {
      types: ["node"],
      typeRoots: ["../../node_modules/@types"],
      // Handlers of examples name what they get, and check nothing twice.
      useUnknownInCatchVariables: false,
      paths: { "everwire": ["../packed/package/index.d.ts"], "everwire/*": ["../packed/package/*.d.ts"] },
    },
    include: ["."],
  }),
);
try {
  execFileSync(join(root, "node_modules/.bin/tsc"), ["-p", dir], { stdio: "inherit" });
} catch {
  console.error(
    "docs: above is what tsc says of the examples; their names are those of their pages, and the number of the block",
  );
  process.exit(1);
}
console.log(`docs: ${count} examples have right types`);

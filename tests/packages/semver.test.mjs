// That a change of the types which breaks an app is found, and one that does not is not.
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import { fileURLToPath } from "node:url";
import { compareTypes, mayBreak } from "../../scripts/semver.mjs";

const types = fileURLToPath(new URL("../../pkg-template", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "everwire-semver-"));
after(() => rmSync(folder, { recursive: true }));

/** What the types break when this text of a file becomes that one. */
function changed(name, file, text, other) {
  const dir = join(folder, name);
  for (const path of readdirSync(types).filter((path) => path.endsWith(".d.ts")))
    cpSync(join(types, path), join(dir, path));
  const before = readFileSync(join(dir, file), "utf8");
  assert.ok(before.includes(text), `${file} has no ${text}`);
  writeFileSync(join(dir, file), before.replace(text, other));
  return compareTypes(types, dir, join(folder, `${name}-work`));
}

test("the types hold what they hold", () => {
  assert.deepEqual(compareTypes(types, types, join(folder, "same")), []);
});

test("more than before breaks nobody", () => {
  const options = "export interface Options {\n";
  assert.deepEqual(changed("option", "index.d.ts", options, `${options}  another?: boolean;\n`), []);
  const client = "export const version: string;";
  assert.deepEqual(changed("export", "index.d.ts", client, `${client}\nexport const another: string;`), []);
});

/** @type {[string, string, string, string, RegExp][]} */
const broken = [
  ["an export that is gone", "index.d.ts", "export const version: string;", "", /^version of index/],
  [
    "an entry's export that is gone",
    "auth.d.ts",
    "export function forget(",
    "export function forgot(",
    /^forget of auth/,
  ],
  [
    "an option that is needed now",
    "index.d.ts",
    "export interface Options {",
    "export interface Options {\n  needed: 1;",
    /of/,
  ],
  [
    "a property that may be missing",
    "index.d.ts",
    "  readonly closeCode: number;",
    "  readonly closeCode?: number;",
    /^Failure/,
  ],
  [
    "a transport that is taken no more",
    "index.d.ts",
    '"websocket" | "eventsource" | "fetch";',
    '"websocket" | "fetch";',
    /^Options/,
  ],
];
for (const [name, file, text, other, told] of broken)
  test(`${name} is told`, () => {
    const breaks = changed(name.replaceAll(" ", "-"), file, text, other);
    assert.ok(
      breaks.some((sentence) => told.test(sentence)),
      breaks.join("\n"),
    );
  });

test("which versions may break", () => {
  for (const [from, to, may] of [
    ["0.1.0", "0.1.1", false],
    ["0.1.0", "0.2.0", true],
    ["0.0.3", "0.0.4", true],
    ["1.2.3", "1.3.0", false],
    ["1.2.3", "2.0.0", true],
  ])
    assert.equal(mayBreak(from, to), may, `${from} to ${to}`);
});

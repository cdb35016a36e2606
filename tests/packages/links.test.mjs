// The links of the packed READMEs, with and without an address.
import assert from "node:assert/strict";
import test from "node:test";
import { nowhere, relink } from "../../scripts/address.mjs";

const url = "https://example.com/ann/everwire";
const own = (path) => ({ "LICENSE-MIT": "LICENSE-MIT", "pkg-template/index.d.ts": "index.d.ts" })[path];

for (const [what, text, without, withUrl] of [
  ["a file of the repository", "[how](docs/a.md).", "how.", `[how](${url}/blob/HEAD/docs/a.md).`],
  ["a part of it", "[how](docs/a.md#b)", "how", `[how](${url}/blob/HEAD/docs/a.md#b)`],
  ["code in the words", "[`a.md`](a.md)", "`a.md`", `[\`a.md\`](${url}/blob/HEAD/a.md)`],
  ["brackets in the words", "[a [b]](a.md)", "a [b]", `[a [b]](${url}/blob/HEAD/a.md)`],
  ["a file of the package", "[MIT](LICENSE-MIT)", "[MIT](LICENSE-MIT)", "[MIT](LICENSE-MIT)"],
  [
    "one that has another place there",
    "[types](pkg-template/index.d.ts)",
    "[types](index.d.ts)",
    "[types](index.d.ts)",
  ],
  ["a place in the text", "[there](#there)", "[there](#there)", "[there](#there)"],
  ["the web", "[x](https://a.b/c.md)", "[x](https://a.b/c.md)", "[x](https://a.b/c.md)"],
  [
    "a picture",
    '<picture>\n  <source srcset="docs/b.png">\n  <img src="docs/a.png" alt="a">\n</picture>\n\nwords',
    "words",
    `<picture>\n  <source srcset="${url}/raw/HEAD/docs/b.png">\n  <img src="${url}/raw/HEAD/docs/a.png" alt="a">\n</picture>\n\nwords`,
  ],
  ["code", "`[a](b.md)`", "`[a](b.md)`", "`[a](b.md)`"],
  [
    "a block of code",
    "```js\n[a](b)\n```\n[c](d)",
    "```js\n[a](b)\n```\nc",
    `\`\`\`js\n[a](b)\n\`\`\`\n[c](${url}/blob/HEAD/d)`,
  ],
]) {
  test(`a link to ${what}`, () => {
    const files = ["LICENSE-MIT", "index.d.ts"];
    assert.deepEqual([relink(text, "", own), relink(text, url, own)], [without, withUrl]);
    assert.deepEqual([nowhere(without, files), nowhere(withUrl, files)], [[], []]);
  });
}

test("what leads nowhere is found", () => {
  const text = '[a](b.md) `[c](d)`\n\n[e]: f.md\n[g]: https://h\n<img src="i.png"><a href="#j">\n[k](LICENSE-MIT#l)';
  assert.deepEqual(nowhere(text, ["LICENSE-MIT"]), ["b.md", "f.md", "i.png"]);
});

// Which messages came is known by fingerprints: who chooses ids must not be able to make two that look alike.
import assert from "node:assert/strict";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { load } from "../../scripts/source.mjs";

const { fingerprint } = await load(fileURLToPath(new URL("../../pkg-template/port/fingerprint.ts", import.meta.url)));

/** @param {number[]} print */
const idOf = ([upper, lower]) => `${upper} ${lower >>> 26}`;
const keys = Array.from(crypto.getRandomValues(new Int32Array(16_000)));

test("a pair that FNV-1a takes for one under one key in 300 is two", () => {
  const [one, other] = ["user7-msg-\u4e00\u4e00\u4e00", "user7-msg-\u5e00\u0728\u5a08"];
  const alike = keys.filter(
    (key) => idOf(fingerprint(one, "x", true, key)) === idOf(fingerprint(other, "x", true, key)),
  );
  assert.deepEqual(alike, []);
});

test("each unit of an id counts, its length, and the key", () => {
  for (let length = 1; length < 20; length++) {
    const id = "a".repeat(length),
      others = [
        `${id}a`,
        id.slice(1),
        `${id}\0`,
        ...Array.from(id, (_, at) => `${id.slice(0, at)}b${id.slice(at + 1)}`),
      ];
    const seen = [id, ...others].map((text) => `${fingerprint(text, undefined, true, 7)}`);
    assert.equal(new Set(seen).size, seen.length, `${length}`);
  }
  assert.ok(new Set(keys.map((key) => `${fingerprint("id", undefined, true, key)}`)).size > 15_900);
});

test("the ids of a long replay look all different", () => {
  const ids = Array.from({ length: 20_000 }, (_, at) => `${at}`);
  // With 30 bits 3 of 16 keys have a pair among so many; with 36 bits one of 340.
  const alike = keys
    .slice(0, 64)
    .filter((key) => new Set(ids.map((id) => idOf(fingerprint(id, "x", true, key)))).size < 20_000);
  assert.ok(alike.length < 5, `${alike.length} of 64 keys`);
});

test("an id that cannot come again has all bits for itself", () => {
  const id = "1526919030474-55";
  assert.deepEqual(fingerprint(id, "one", true, 1), fingerprint(id, "other", true, 1));
  assert.notDeepEqual(fingerprint(id, "one", true, 1), fingerprint(`${id}1`, "one", true, 1));
});

test("each place of a content counts, of a text and of bytes", () => {
  const mark = (data) => `${fingerprint("id", data, true, 7)}`;
  for (const length of [1, 300, 5_000, 70_000]) {
    const bytes = new Uint8Array(length).fill(97),
      text = "a".repeat(length);
    for (let at = 0; at < length; at += Math.ceil(length / 300)) {
      assert.notEqual(mark(text), mark(`${text.slice(0, at)}b${text.slice(at + 1)}`), `${at} of ${length}`);
      assert.notEqual(mark(bytes), mark(bytes.with(at, 98)), `byte ${at} of ${length}`);
    }
    assert.notEqual(mark(text), mark(`${text}\0`), "a NUL more");
  }
});

// The rules of a seam stand twice, in src/core/seam.rs and for topics in pkg-template/seam.js. Reads the random sequences
// that the one was driven with, and what it made of them (src/core/tests/seam_traces.rs), and drives the other. In
// `make test-native`:
//   cargo test -p everwire --lib seam_traces -- --ignored --nocapture | node tests/seam/compare.mjs
import assert from "node:assert/strict";
import { createInterface } from "node:readline";
import { Seam } from "../../pkg-template/seam.js";

/** 64 bits as Rust has them; a fingerprint here is the upper half and the lowest 21. */
const toMark = (text) => Number((BigInt(text) >> 32n) * 2n ** 21n + (BigInt(text) & (2n ** 21n - 1n)));

function replay(steps) {
  let seam = new Seam("", 0);
  for (const [at, step] of steps.entries()) {
    if (step === "j") seam.rejoined();
    else if (step === "g") seam.gapTold();
    else if (step[0] === "s") seam = new Seam("x", toMark(step.slice(1)));
    else {
      const [id, number, expected] = step.split(",");
      const ruling = seam.place(id ? toMark(id) : 0, number ? Number(number) : undefined);
      const { outcome, missing } = ruling ?? {};
      const verdict = ruling?.restarted ? "a" : ruling ? "d" : "h";
      const told = outcome?.[0] ?? "";
      const actual = `${verdict}${told}${missing ? `${missing.from}-${missing.to}` : ""}`;
      const before = steps.slice(Math.max(0, at - 12), at).join(" ");
      assert.equal(actual, expected, `seam.js at ${step}, step ${at}, after … ${before}`);
    }
  }
}

let sequences = 0,
  messages = 0;
for await (const line of createInterface({ input: process.stdin })) {
  // The test runner writes its own words before the first.
  const found = /seam( .*)$/.exec(line);
  if (!found || !/,/.test(line)) continue;
  const steps = found[1].trim().split(" ");
  replay(steps);
  sequences++;
  messages += steps.length;
}
assert.ok(sequences >= 300, `only ${sequences} sequences came: did the test that prints them run?`);
console.log(`seam: ${sequences} sequences of ${messages} steps, the same in Rust and in JavaScript`);

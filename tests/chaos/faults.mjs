// What breaks, where, and for how long; from a seed, so that a run can be had again.

/** A small generator of numbers from 0 to 1 (mulberry32). */
function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const hole = (direction) => ({
  name: `black hole ${direction}`,
  path: `/proxy/black-hole?direction=${direction}`,
  ms: [300, 3_000],
  after: "/fault/clear",
});

/** @typedef {{ name: string, path?: string, app?: string, ms: number[], after?: string, everywhere?: boolean, calm?: number }} Fault `app`: what the app is told before; `calm`: so many ms all is well before it. */

/** @type {Fault[]} */
const faults = [
  { name: "reset", path: "/proxy/reset", ms: [0, 300] },
  { name: "reset", path: "/proxy/reset", ms: [0, 50] },
  { name: "half-close", path: "/proxy/half-close", ms: [0, 300] },
  hole("up"),
  hole("down"),
  hole("both"),
  { name: "refusal", path: "/fault/refuse?ms=0", ms: [100, 1_500], after: "/fault/clear" },
  { name: "stall", path: "/fault/stall?ms=0", ms: [100, 3_000], after: "/fault/clear" },
  { name: "503", path: "/fault/503?ms=0", ms: [100, 1_500], after: "/fault/clear" },
  { name: "restart", path: "/fault/restart?down=100", ms: [0, 500] },
  // Longer than the longest delay, and at one endpoint only: whoever is there has to go to the other one.
  { name: "switch", path: "/fault/refuse?ms=0", ms: [1_500, 3_000], after: "/fault/clear", everywhere: false },
  { name: "switch", path: "/fault/503?ms=0", ms: [1_500, 3_000], after: "/fault/clear", everywhere: false },
  { name: "reload", ms: [0, 500] },
];

/**
 * The faults in their order, each with the time it lasts, whether it hits every endpoint (`everywhere`) or the one that
 * the client `at` is at (0 to 1, of all clients), and whether it is `settled` before the next one. `more` are others besides.
 * @param {number} seed
 * @param {number} count
 * @param {Fault[]} more
 */
export function script(seed, count, more) {
  const draw = random(seed),
    all = [...faults, ...more];
  return Array.from({ length: count }, () => {
    const {
      ms: [from, to],
      ...fault
    } = all[Math.floor(draw() * all.length)];
    const ms = Math.round(from + draw() * (to - from));
    const everywhere = draw() < 0.5,
      at = draw(),
      settled = draw() < 0.8;
    return { everywhere, ...fault, ms, at, settled };
  });
}

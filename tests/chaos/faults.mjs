// What breaks, and for how long; from a seed, so that a run can be had again.

/** A small generator of numbers from 0 to 1 (mulberry32). */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const hole = (direction) => ({ name: `black hole ${direction}`, path: `/proxy/black-hole?direction=${direction}`, ms: [300, 3_000], after: "/fault/clear" });

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
  { name: "reload", ms: [0, 500] },
];

/** The next fault, with the time it lasts. */
export function schedule(draw) {
  const { ms: [from, to], ...fault } = faults[Math.floor(draw() * faults.length)];
  return { ...fault, ms: Math.round(from + draw() * (to - from)) };
}

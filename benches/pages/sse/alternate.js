/** Runs each of the two in turn, the first one first in every other round; gives the times in ms, by name. */
export async function alternate(names, rounds, run) {
  const times = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 ? [...names].reverse() : names) {
      // Nobody pays for what another one left.
      await globalThis.gc?.({ type: "major", execution: "async" });
      const start = performance.now();
      await run(name);
      times[name].push(performance.now() - start);
    }
  }
  return times;
}

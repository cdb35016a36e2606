/**
 * Runs each of them in turn, the first one first in every other round; gives the times in ms, by name. After a `pause`, so
 * that nobody pays for what another one left. No gc() in its place: what sweeps beside the next run costs that more.
 */
export async function alternate(names, rounds, run, pause = 0) {
  const times = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 ? [...names].reverse() : names) {
      if (pause) await new Promise((resolve) => setTimeout(resolve, pause));
      const start = performance.now();
      await run(name);
      times[name].push(performance.now() - start);
    }
  }
  return times;
}

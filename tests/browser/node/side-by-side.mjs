// Most tests of pages wait for most of their time, so some run at once.
import { availableParallelism } from "node:os";

/** As many as there are cores. EVERWIRE_AT_ONCE=1 has one after the other, where a log must be in order. */
export const atOnce = Number(process.env.EVERWIRE_AT_ONCE) || availableParallelism();

/**
 * Runs `run(item)` for each, at most `limit` at a time, and waits for all of them.
 * @template T
 * @param {Iterable<T>} items
 * @param {(item: T) => Promise<unknown>} run
 */
export async function sideBySide(items, run, limit = atOnce) {
  const left = [...items];
  const work = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await run(item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, left.length) }, work));
}

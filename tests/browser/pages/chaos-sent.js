// What became of what clients sent: each must settle once. Of the page as it is now, as what a client has of it goes with its page.
import { fail, option, published } from "./chaos-tally.js";

/** Adds a number to ranges, most often behind the last. */
function note(ranges, n) {
  const last = ranges.at(-1);
  if (last?.[1] === n - 1) last[1] = n;
  else ranges.push([n, n]);
}

export function sendsOf(name) {
  const key = `${name.replace(", ", "-")}-${option("begin")}`;
  const tally = (window.tallies[name] = { last: 0, sent: 0, statuses: {}, settled: {}, opens: 0, key });
  const pending = new Set();
  return {
    /** Its name on the server. */
    key,
    /** Calls `send` with each number that is due. */
    drive(send) {
      setInterval(() => {
        for (const due = published(); tally.sent < due && !window.stopped; ) {
          const n = ++tally.sent;
          pending.add(n);
          send(n);
        }
      }, 10);
    },
    open() {
      tally.opens++;
    },
    settled(n, status) {
      if (!pending.delete(n)) fail(`${name}: ${n} settled twice`);
      tally.statuses[status] = (tally.statuses[status] ?? 0) + 1;
      note((tally.settled[status] ??= []), n);
      const [first = tally.sent + 1] = pending;
      tally.last = first - 1;
    },
  };
}

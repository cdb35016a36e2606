// What became of what clients sent: each must settle once.
import { fail, onLeave, option, published } from "./chaos-tally.js";

/** Adds a number to ranges, most often behind the last. */
function note(ranges, n) {
  const last = ranges.at(-1);
  if (last?.[1] === n - 1) last[1] = n;
  else ranges.push([n, n]);
}

/** `kept`: what is not settled is the next page's. Else it goes with its page, and the next one begins with what is due then. */
export function sendsOf(name, kept = false) {
  const key = `${name.replace(", ", "-")}-${option("begin")}`;
  const before = window.tallies[name],
    begun = before && !kept ? published() : 0;
  const empty = { begun, last: begun, sent: begun, statuses: {}, settled: {}, opens: 0, key };
  const tally = (window.tallies[name] = (kept && before) || empty);
  const pending = new Set(kept ? before?.pending : []);
  onLeave(() => {
    if (kept) tally.pending = [...pending];
  });
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

// One client on each transport, and what each has got, over all reloads of this page. See tests/chaos/run.mjs.
import { connect } from "/pkg/index.js";
import { sse, ws } from "./server.js";

const { begin, rate, log } = Object.fromEntries(new URLSearchParams(location.search));
const query = new URLSearchParams({ begin, rate, to: 1e12, ...(log && { log }) });
const transports = { websocket: ws, eventsource: sse, fetch: sse };

const empty = { first: null, last: null, received: 0, duplicates: 0, misordered: 0, untold: 0, told: 0, gaps: 0, wrongGaps: 0, opens: 0 };
const tallies = JSON.parse(sessionStorage.getItem("tallies")) ?? {};

for (const [transport, address] of Object.entries(transports)) {
  const tally = (tallies[transport] ??= { ...empty });
  let told = null;
  const wire = connect(address(`/count?${query}`), {
    transport,
    heartbeat: { interval: 1_000, timeout: 500 },
    reconnect: { initialDelay: 100, maxDelay: 1_000, stableAfter: 500 },
    openTimeout: 2_000,
    resume: { id: transport === "websocket" ? "eventId" : undefined, seq: "seq", storage: true, key: transport },
  });
  wire.addEventListener("open", () => tally.opens++);
  wire.addEventListener("gap", ({ missing }) => {
    tally.gaps++;
    told = missing;
    if (missing) tally.told += missing.to - missing.from + 1;
  });
  wire.on(({ data: { seq } }) => {
    tally.received++;
    tally.first ??= seq;
    if (tally.last !== null) {
      // By the numbers alone: everwire's own opinion is what is on trial.
      const skipped = seq - tally.last - 1;
      if (seq === tally.last) tally.duplicates++;
      else if (seq < tally.last) tally.misordered++;
      else if (skipped > 0 && !(told?.from === tally.last + 1 && told.to === seq - 1)) tally.untold += skipped;
      else if (skipped === 0 && told) tally.wrongGaps++;
    }
    told = null;
    tally.last = Math.max(tally.last, seq);
  });
}

addEventListener("pagehide", () => sessionStorage.setItem("tallies", JSON.stringify(tallies)));

window.tallies = tallies;

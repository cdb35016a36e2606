// everwire on each transport. See tests/chaos/run.mjs.
import { connect } from "/pkg/index.js";
import { begin, endpoints, option, rate, tallyOf } from "./chaos-tally.js";

const log = option("log"),
  maxAge = option("maxAge");
const path = `/count?${new URLSearchParams({ begin: String(begin), rate: String(rate), to: "1000000000000", ...(log && { log }) })}`;

for (const transport of ["websocket", "eventsource", "fetch"]) {
  const tally = tallyOf(transport);
  const wire = connect(
    endpoints.map((address) => address + path),
    {
      transport,
      heartbeat: { interval: 1_000, timeout: 500 },
      reconnect: { initialDelay: 100, maxDelay: 1_000, stableAfter: 500, ...(maxAge && { maxAge: Number(maxAge) }) },
      openTimeout: 2_000,
      resume: { id: transport === "websocket" ? "eventId" : undefined, seq: "seq", storage: true, key: transport },
    },
  );
  let states = 0;
  wire.addEventListener("statechange", () => states++);
  wire.addEventListener("open", () => {
    // Another connection, and the state was open all the while.
    tally.open(wire.url, states === 0);
    states = 0;
  });
  wire.addEventListener("gap", ({ missing }) => tally.gap(missing?.from, missing?.to));
  wire.on(({ data: { seq } }) => tally.message(seq));
}

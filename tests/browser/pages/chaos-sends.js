// everwire the other way: numbered messages to the server's ledger. See tests/chaos/sends.mjs.
import { connect } from "/pkg/duplex.js";
import { endpoints, option, published } from "./chaos-tally.js";

const maxAge = option("maxAge");
const ack = { ack: true };
const modes = {
  websocket: {
    acked: { outbox: ack },
    confirmed: { send: { confirm: "pong" } },
    plain: {},
  },
  // By POSTs beside event streams. A browser makes six connections to a host, so there are two names of it.
  stream: {
    acked: { outbox: ack, transport: "fetch" },
    "acked, eventsource": { outbox: ack, transport: "eventsource", host: "localhost" },
    plain: { transport: "fetch" },
  },
}[option("over")];
const key = (mode) => `${mode.replace(", ", "-")}-${option("begin")}`;

/** Adds a number to ranges, most often behind the last. */
function note(ranges, n) {
  const last = ranges.at(-1);
  if (last?.[1] === n - 1) last[1] = n;
  else ranges.push([n, n]);
}

for (const [mode, { outbox, send, transport, host = "127.0.0.1" }] of Object.entries(modes)) {
  const tally = (window.tallies[mode] = { last: 0, sent: 0, statuses: {}, settled: {}, opens: 0, key: key(mode) });
  const url = `${endpoints[0].replace(/localhost|127\.0\.0\.1/, host)}/ledger?client=${key(mode)}${outbox ? "" : "&ack=0"}`;
  const wire = connect(transport ? { sse: url, uplink: url } : url.replace("http", "ws"), {
    transport,
    uplink: transport && { timeout: 1_500 },
    resume: { via: "query" },
    heartbeat: { interval: 1_000, timeout: 500 },
    reconnect: { initialDelay: 100, maxDelay: 1_000, stableAfter: 500, ...(maxAge && { maxAge: Number(maxAge) }) },
    openTimeout: 2_000,
    // What comes together while nobody is there.
    outbox: { maxMessages: 1e5, maxBytes: 1e8, inFlight: 64, ...outbox },
  });
  wire.addEventListener("open", () => tally.opens++);
  const pending = new Set();
  setInterval(() => {
    for (const due = published(); tally.sent < due && !window.stopped; ) {
      const n = ++tally.sent;
      pending.add(n);
      wire.send({ ...(!outbox && { id: `m${n}` }), n }, send).then(
        ({ status, code }) => {
          if (!pending.delete(n)) window.failure ??= `${mode}: ${n} settled twice`;
          const name = code ?? status;
          tally.statuses[name] = (tally.statuses[name] ?? 0) + 1;
          note((tally.settled[name] ??= []), n);
          const [first = tally.sent + 1] = pending;
          tally.last = first - 1;
        },
        (error) => {
          window.failure ??= `${mode}: ${error.message}`;
        },
      );
    }
  }, 10);
}

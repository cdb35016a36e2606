// everwire the other way: numbered messages to the server's ledger. See tests/chaos/sends.mjs.
import { connect } from "/pkg/duplex.js";
import { sendsOf } from "./chaos-sent.js";
import { endpoints, fail, option } from "./chaos-tally.js";

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

for (const [mode, { outbox, send, transport, host = "127.0.0.1" }] of Object.entries(modes)) {
  const sends = sendsOf(mode);
  const url = `${endpoints[0].replace(/localhost|127\.0\.0\.1/, host)}/ledger?client=${sends.key}${outbox ? "" : "&ack=0"}`;
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
  wire.addEventListener("open", () => sends.open());
  sends.drive((n) =>
    wire.send({ ...(!outbox && { id: `m${n}` }), n }, send).then(
      ({ status, code }) => sends.settled(n, code ?? status),
      (error) => fail(`${mode}: ${error.message}`),
    ),
  );
}

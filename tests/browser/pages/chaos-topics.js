// everwire both ways at once: topics, what is said in them, and requests, on one connection. See tests/chaos/topics.mjs.
import { connect } from "/pkg/duplex.js";
import { sendsOf } from "./chaos-sent.js";
import { begin, endpoints, fail, option, tallyOf } from "./chaos-tally.js";

const maxAge = option("maxAge");
const url = `${endpoints[0]}/rooms?name=page`,
  stream = option("over") === "stream";
const wire = connect(stream ? { sse: url, uplink: url } : url.replace("http", "ws"), {
  uplink: stream ? { timeout: 1_500 } : undefined,
  heartbeat: { interval: 1_000, timeout: 500 },
  reconnect: { initialDelay: 100, maxDelay: 1_000, stableAfter: 500, ...(maxAge && { maxAge: Number(maxAge) }) },
  openTimeout: 2_000,
  // The server acks by id whatever has one. For a request that is the reply.
  outbox: {
    maxMessages: 1e5,
    maxBytes: 1e8,
    inFlight: 64,
    ack: { match: ({ type, data }) => (type === "ack" && data.id.startsWith("said-") ? data.id : undefined) },
  },
  subscriptions: { id: "eventId", seq: "seq" },
  requests: { timeout: 60_000, onLoss: "retry" },
});
wire.on(({ data }) => fail(`for nobody: ${JSON.stringify(data)}`));
wire.addEventListener("close", ({ reason, error }) => fail(`closed: ${reason} ${error?.message}`));

/** What is said in a room comes back to it, with the room's own numbers. */
function room(name, away) {
  const topic = `t${begin}-${name}`,
    came = tallyOf(`topic ${name}`),
    said = tallyOf(`said in ${name}`),
    sends = sendsOf(`to ${name}`);
  const join = (lastEventId) => {
    const handle = wire.subscribe(topic, { lastEventId });
    handle.on("chat", ({ data: { seq, text } }) => {
      came.message(seq);
      said.message(Number(text));
    });
    if (!away) return handle;
    setTimeout(() => {
      const last = handle.lastEventId;
      handle.unsubscribe();
      setTimeout(() => join(last), 200);
    }, away);
    return handle;
  };
  wire.addEventListener("gap", (gap) => {
    if (gap.topic === topic) came.gap(gap.missing?.from, gap.missing?.to);
  });
  const say = (n) =>
    wire
      .send({ type: "chat", topic, from: "page", text: `${n}`, id: `said-${name}-${n}` })
      .then(({ status, code }) => sends.settled(n, code ?? status));
  // A newcomer is told the last few only.
  join("")
    .ready()
    .then(() => sends.drive(say));
}

room("a", 0);
room("b", 0);
// Left and joined again all the time.
room("c", 1_000);

const asked = sendsOf("requests");
asked.drive((n) =>
  wire.request({ type: "read", topic: `t${begin}-a`, from: "page", eventId: `${n}` }).then(
    ({ type }) => asked.settled(n, type),
    ({ code }) => asked.settled(n, code),
  ),
);

// Streams over fetch need nothing put on globalThis, and end without anything that keeps Node running.
import assert from "node:assert/strict";
import { connect } from "everwire";
import { EventSource } from "everwire/eventsource";

const http = (path) => `${process.env.WIRE?.replace(/^ws/, "http")}${path}`;

const seen = [];
const wire = connect(http("/count?to=20&rate=1000"), {
  server: true,
  until: ({ data }) => (data.n ?? data.seq) === 20,
});
for await (const { data, transport } of wire) seen.push([data.n ?? data.seq, transport]);
assert.deepEqual(
  seen.map(([n]) => n),
  Array.from({ length: 20 }, (_, at) => at + 1),
);
assert.ok(seen.every(([, transport]) => transport === "fetch"));
assert.equal(wire.state, "closed");

const refused = connect(http("/no-such-path"), { server: true });
const { reason, error } = await new Promise((resolve) => refused.addEventListener("close", resolve));
assert.deepEqual([reason, error.code, error.status], ["fatal", "http", 404]);

const source = new EventSource(http("/count?to=3&rate=1000"));
const ids = await new Promise((resolve) => {
  const ids = [];
  source.onmessage = ({ lastEventId }) => ids.push(lastEventId) === 3 && resolve(ids);
});
assert.equal(new Set(ids).size, 3);
source.close();
assert.equal(source.readyState, EventSource.CLOSED);

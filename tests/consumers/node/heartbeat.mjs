// The events of `ws` have no timeStamp: the heartbeat must not take an answered connection for dead.
import assert from "node:assert/strict";
import { connect } from "everwire";
import { WebSocket } from "ws";

Object.assign(globalThis, { WebSocket });
let pings = 0;
let wire;
await new Promise((resolve, reject) => {
  const ping = () => {
    pings += 1;
    if (pings === 3) resolve(undefined);
    return JSON.stringify({ type: "ping", timestamp: pings });
  };
  wire = connect(`${process.env.WIRE}/count?to=0`, {
    server: true,
    heartbeat: { interval: 500, timeout: 500, ping },
  });
  wire.addEventListener("retry", ({ failure }) =>
    reject(new Error(`taken for dead after ${pings} pings: ${failure.code}`)),
  );
});
const { opens, roundTrip } = wire.stats();
assert.equal(opens, 1);
assert.ok(roundTrip >= 0 && roundTrip < 5_000, `a round trip of ${roundTrip} ms`);
wire.close();

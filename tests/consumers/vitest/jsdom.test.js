// @vitest-environment jsdom
import { connect } from "everwire";
import { expect, test } from "vitest";

test("is live with the WebSocket of jsdom", async () => {
  const wire = connect(`${process.env.WIRE}/echo`);
  const received = new Promise((resolve) => wire.on("hello", resolve));
  wire.send({ type: "hello", text: "hi" });
  expect((await received).data.text).toBe("hi");
  wire.close();
});

test("measures the round trip, though jsdom stamps its events with the time of day", async () => {
  let pings = 0;
  let wire;
  await new Promise((resolve, reject) => {
    const ping = () => {
      pings += 1;
      if (pings === 2) resolve(undefined);
      return JSON.stringify({ type: "ping", timestamp: pings });
    };
    wire = connect(`${process.env.WIRE}/count?to=0`, { heartbeat: { interval: 500, timeout: 500, ping } });
    wire.addEventListener("retry", ({ failure }) => reject(failure));
  });
  const { roundTrip } = wire.stats();
  expect(roundTrip).toBeGreaterThanOrEqual(0);
  expect(roundTrip).toBeLessThan(5_000);
  wire.close();
});

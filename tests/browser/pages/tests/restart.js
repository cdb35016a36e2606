// The server is killed and started again 20 times while 10 000 numbered messages are sent on each transport.
import { client, Counter, noFlaws } from "../client.js";
import { equal, test, waitFor } from "../harness.js";
import { fault, sse, ws } from "../server.js";

const messages = 10_000;
const restarts = 20;

test(
  "20 restarts, 10 000 messages on each transport: all, once, in order",
  async () => {
    const reconnect = { initialDelay: 100, maxDelay: 100, jitter: "none" };
    const query = `/count?to=${messages}&rate=2000`;
    const wires = [
      client(ws(query), { reconnect, resume: { id: "eventId" }, openTimeout: 2_000 }),
      client(sse(query), { reconnect, transport: "eventsource", openTimeout: 2_000 }),
    ];
    const counters = wires.map((made) => {
      const counter = new Counter();
      made.on((message) => counter.add(message.data.seq));
      return counter;
    });
    const progress = () => counters.map((counter) => counter.received).join(" and ");
    for (let round = 1; round <= restarts; round += 1) {
      // Each kill falls into the middle of the stream, on both, and both have come back from the one before.
      const mark = (messages / (restarts + 1)) * (round - 0.5);
      await waitFor(
        () => wires.every((made) => made.stats().opens >= round) && counters.every((counter) => counter.last >= mark),
        () => `${mark} messages, have ${progress()}`,
      );
      await fault("/fault/restart?down=50");
    }
    await waitFor(
      () => counters.every((counter) => counter.last >= messages),
      () => `the last message, have ${progress()}`,
    );
    for (const counter of counters) {
      equal([counter.first, counter.received], [1, messages], "received");
      equal(counter.flaws, noFlaws, "flaws");
    }
    // On a busy machine the last messages may have come before the last restart has.
    await waitFor(
      () => wires.every((made) => made.stats().opens > restarts),
      () => `opens: ${wires.map((made) => made.stats().opens)}`,
    );
  },
  { seconds: 180 },
);

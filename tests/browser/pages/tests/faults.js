// Each trouble button of the demo page, on both transports: nothing missing, nothing twice, live again.
import { client, Counter, noFlaws, watch } from "../client.js";
import { equal, ok, test, waitFor } from "../harness.js";
import { fault, plainSocket, sse, stats, unique, ws } from "../server.js";

const heartbeat = { interval: 1_000, timeout: 300 };
const options = { heartbeat, openTimeout: 1_500, reconnect: { initialDelay: 100, maxDelay: 200, jitter: "full" } };

/** `during` causes the trouble and returns when it may be over; `after` ends what does not end by itself. */
const troubles = {
  drop: { cause: "/fault/drop" },
  restart: { cause: "/fault/restart?down=200" },
  stall: { cause: "/fault/stall?ms=0", end: "/fault/clear", failure: "half-open" },
  refuse: { cause: "/fault/refuse?ms=10000", end: "/fault/clear" },
  503: { cause: "/fault/503?ms=10000", end: "/fault/clear" },
  replay: { before: "/fault/replay?n=1", cause: "/fault/drop", suppresses: true },
};

/** A chat room with somebody else in it, past the proxy: lines keep coming while we are cut off. */
async function chat() {
  const room = unique();
  /** @type {WebSocket | undefined} */
  let writer;
  let written = 0;
  const write = async (count) => {
    if (writer?.readyState !== WebSocket.OPEN) writer = await plainSocket(`/chat?room=${room}`);
    for (let n = 0; n < count; n += 1)
      writer.send(JSON.stringify({ type: "chat", from: "ann", text: `${(written += 1)}` }));
  };
  const made = client(ws(`/chat?room=${room}`), { ...options, resume: { id: "eventId", gap: "gap" } });
  return { made, type: "chat", write, total: () => written };
}

async function ticker() {
  const made = client(sse(`/ticker?name=${unique()}`), {
    ...options,
    transport: "eventsource",
    resume: { gap: "gap" },
  });
  return { made, type: "tick", write: async () => {}, total: () => 0 };
}

for (const [name, start] of /** @type {[string, () => Promise<any>][]} */ ([
  ["chat by WebSocket", chat],
  ["ticker by EventSource", ticker],
])) {
  for (const [button, { before, cause, end, failure, suppresses }] of Object.entries(troubles)) {
    test(`${name}: ${button}`, async () => {
      const { made, type, write, total } = await start();
      const counter = new Counter();
      made.on(type, (message) => counter.add(message.data.seq));
      const seen = watch(made);
      await made.opened();
      await write(3);
      await waitFor(
        () => counter.received >= 3,
        () => `three messages, have ${counter.received}`,
      );
      if (before) await fault(before);
      const { opens } = made.stats();
      await fault(cause);
      await waitFor(() => seen.retries.length > 0, "the client to notice");
      if (failure) equal(seen.retries[0].failure.code, failure, "failure");
      await write(5);
      if (end) {
        // Not only one failed attempt: the trouble outlasts the first retries.
        await waitFor(
          () => seen.retries.length >= 3,
          () => `three retries, have ${seen.retries.length}`,
        );
        await fault(end);
      }
      await waitFor(() => made.stats().opens > opens && made.state === "open", "open again");
      await write(3);
      const { received } = counter;
      await waitFor(
        () => (total() > 0 ? counter.received === total() : counter.received >= received + 4),
        () => `everything, have ${counter.received} of ${total()}`,
      );
      equal(counter.flaws, noFlaws, "flaws");
      if (suppresses) ok(made.stats().suppressed > 0, "the replay was held back");
      equal(seen.gaps.filter((gap) => gap.outcome === "gap").length, 0, "gaps told by the server");
      const kind = type === "chat" ? "ws" : "sse";
      const others = type === "chat" ? 1 : 0;
      await waitFor(async () => (await stats())[kind] === 1 + others, "one connection at the server");
    });
  }
}

test("half-closed and black-holed connections are noticed", async () => {
  for (const trouble of [
    "/proxy/half-close",
    "/proxy/black-hole?direction=down",
    "/proxy/black-hole?direction=up",
    "/proxy/black-hole?direction=both",
  ]) {
    const made = client(ws(`/chat?room=${unique()}`), { ...options, heartbeat: { interval: 150, timeout: 150 } });
    const seen = watch(made);
    await made.opened();
    await fault(trouble);
    await waitFor(() => seen.retries.length > 0, `${trouble}: the client to notice`);
    await fault("/fault/clear");
    await waitFor(() => made.state === "open", `${trouble}: open again`);
    made.close();
  }
});

test("a slow line below the timeout is left alone", async () => {
  const made = client(ws(`/chat?room=${unique()}`), { heartbeat: { interval: 2_000, timeout: 2_000 } });
  const seen = watch(made);
  await made.opened();
  await fault("/proxy/delay?ms=100");
  await waitFor(
    () => made.stats().roundTrip >= 190,
    () => `a slow round trip, have ${made.stats().roundTrip}`,
  );
  equal([seen.retries.length, made.state], [0, "open"], "retries, state");
});

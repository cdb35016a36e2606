// What becomes of a send: each one settles.
import { client, watch } from "../client.js";
import { equal, test, waitFor } from "../harness.js";
import { fault, plainSocket, script, ws } from "../server.js";

const received = async (plan, count) => {
  await waitFor(
    async () => ((await plan.log()).at(-1)?.received.length ?? 0) >= count,
    `${count} frames at the server`,
  );
  return (await plan.log()).at(-1).received;
};
const status = async (promises) => (await Promise.all(promises)).map((result) => result.code ?? result.status);

test("waits while connecting, and goes out in order", async () => {
  const plan = script("ws", [[]]);
  const made = client(plan.url);
  const results = ["a", "b", { type: "c" }].map((value) => made.send(value));
  equal([made.stats().queued, made.stats().queuedBytes, made.bufferedAmount], [3, 14, 14], "queued");
  equal(await status(results), ["sent", "sent", "sent"], "results");
  equal(await received(plan, 3), ["a", "b", '{"type":"c"}'], "frames");
  equal([made.stats().queued, made.stats().sent], [0, 3], "stats");
});

test("waits while reconnecting", async () => {
  const plan = script("ws", [[["echo"]]]);
  const made = client(plan.url, { reconnect: { initialDelay: 60_000, maxDelay: 60_000, jitter: "none" } });
  await made.opened();
  await fault("/fault/drop");
  await waitFor(() => made.state === "waiting", "waiting");
  const result = made.send("later");
  made.reconnect();
  equal((await result).status, "sent", "result");
  equal(await received(plan, 1), ["later"], "frames");
});

for (const [overflow, results, frames] of /** @type {[string, string[], string[]][]} */ ([
  ["reject", ["sent", "sent", "overflow"], ["1", "2"]],
  ["drop-oldest", ["overflow", "sent", "sent"], ["2", "3"]],
  ["drop-newest", ["sent", "overflow", "sent"], ["1", "3"]],
])) {
  test(`overflow by count: ${overflow}`, async () => {
    const plan = script("ws", [[]]);
    const made = client(plan.url, { outbox: { maxMessages: 2, overflow } });
    const sends = ["1", "2", "3"].map((value) => made.send(value));
    equal(await status(sends), results, "results");
    equal(await received(plan, 2), frames, "frames");
    equal(made.stats().dropped, 1, "dropped");
  });

  test(`overflow by bytes: ${overflow}`, async () => {
    const plan = script("ws", [[]]);
    const made = client(plan.url, { outbox: { maxBytes: 8, overflow } });
    const sends = ["éé", "bbbb", "cccc"].map((value) => made.send(value));
    const short = { 1: "éé", 2: "bbbb", 3: "cccc" };
    equal(await status(sends), results, "results");
    equal(
      await received(plan, 2),
      frames.map((frame) => short[frame]),
      "frames",
    );
  });
}

test("what is larger than the outbox is dropped, and pushes nothing out", async () => {
  const plan = script("ws", [[]]);
  const made = client(plan.url, { outbox: { maxBytes: 8, overflow: "drop-oldest" } });
  const sends = ["fits", new Uint8Array(9)].map((value) => made.send(value));
  equal(await status(sends), ["sent", "too-big"], "results");
  equal(await received(plan, 1), ["fits"], "frames");
});

test("close settles what waits, and what comes after", async () => {
  const made = client(ws("/echo"));
  const waiting = [made.send("1"), made.send("2")];
  made.close();
  equal(await status(waiting), ["closed", "closed"], "waiting");
  equal(await made.send("3"), { status: "dropped", code: "closed" }, "after close");
});

test("many, large and small, arrive in order", async () => {
  const made = client(ws("/echo"), { outbox: { maxMessages: 5_000, maxBytes: 10_000_000 } });
  const seen = watch(made);
  const sends = Array.from({ length: 2_000 }, (_, n) => made.send(`${n} ${"x".repeat(n % 977)}`));
  equal([...new Set(await status(sends))], ["sent"], "results");
  await waitFor(
    () => seen.messages.length === 2_000,
    () => `the echoes, have ${seen.messages.length}`,
  );
  for (const [n, data] of seen.data.entries()) equal(data, `${n} ${"x".repeat(n % 977)}`, `echo ${n}`);
});

test("a buffer that the browser does not send is dropped, and what follows goes out", async () => {
  const plan = script("ws", [[]]);
  const made = client(plan.url);
  await made.opened();
  const odd = new Uint8Array(new ArrayBuffer(4, { maxByteLength: 8 }));
  // Engines differ in whether they take a resizable buffer: a bare WebSocket tells.
  const bare = await plainSocket("/echo");
  let expected = "sent";
  try {
    bare.send(odd);
  } catch {
    expected = "refused";
  }
  bare.close();
  equal(await status([made.send(odd), made.send("next")]), [expected, "sent"], "results");
  equal((await received(plan, expected === "sent" ? 2 : 1)).at(-1), "next", "the last frame");
});

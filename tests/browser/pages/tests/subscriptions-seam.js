// Where a topic goes on from when it is joined again: nothing twice, nothing missing without a word.
import { Counter, noFlaws, watch } from "../client.js";
import { equal, takeReports, test, waitFor, warnings } from "../harness.js";
import { fault, script, ws } from "../server.js";
import { chat, client, echoed, event, ided, join, joined, leave, listen, received, reset, say } from "../topics.js";

test("joined again from its own cursor: nothing twice, nothing lost, no gap", async () => {
  const plan = script("ws", [
    [joined("a"), joined("b"), chat("a", "a1"), chat("b", "b1"), chat("a", "a2"), ...reset],
    [joined("a"), chat("a", "a2"), chat("a", "a3"), chat("b", "b1"), joined("b"), chat("b", "b2"), ...reset],
    [chat("a", "a1"), chat("a", "a2"), chat("a", "a3"), chat("a", "a4"), chat("b", "b2"), chat("b", "b3")],
  ]);
  const made = client(plan.url, { subscriptions: ided });
  const [a, b] = ["a", "b"].map((topic) => made.subscribe(topic));
  const order = listen(made, a, b);
  await waitFor(
    () => order.includes("b3"),
    () => `the last one, have ${JSON.stringify(order)}`,
  );
  equal(order, ["a1", "b1", "a2", "a3", "b2", "a4", "b3"], "messages");
  equal(
    await received(plan),
    [
      [join("a"), join("b")],
      [join("a", "a2"), join("b", "b1")],
      [join("a", "a3"), join("b", "b2")],
    ],
    "joins",
  );
  equal([a.lastEventId, b.lastEventId, made.lastEventId, made.stats().suppressed], ["a4", "b3", "", 6], "cursors");
});

test("a replay that begins elsewhere: unknown, once, and the old ones held back", async () => {
  const plan = script("ws", [
    [joined("a"), chat("a", "1"), chat("a", "2"), chat("a", "3"), ...reset],
    [joined("a"), chat("a", "4"), chat("a", "2"), chat("a", "3"), chat("a", "5"), chat("a", "5"), ...reset],
    [chat("a", "6"), chat("a", "6"), chat("a", "6", { n: 2 }), chat("a", "5"), chat("a", "7")],
  ]);
  const made = client(plan.url, { subscriptions: ided });
  const order = listen(made, made.subscribe("a"));
  await waitFor(
    () => order.includes("7"),
    () => `the last one, have ${JSON.stringify(order)}`,
  );
  // At a seam several of one id belong together.
  equal(
    order,
    ["1", "2", "3", ["a", "unknown", "3", "4"], "4", "5", "5", ["a", "unknown", "5", "6"], "6", "6", "6", "7"],
    "order",
  );
});

test("a replay of everything, longer than what is remembered", async () => {
  const made = client(ws("/count?to=5000&replay=all"), { subscriptions: { ...ided, topic: () => "all" } });
  const counter = new Counter();
  const room = made.subscribe("all");
  room.on(({ data }) => counter.add(data.seq));
  await waitFor(() => counter.received >= 2_000, "the first messages");
  await fault("/proxy/reset");
  await waitFor(
    () => counter.last === 5_000,
    () => `message 5 000, have ${counter.last}`,
  );
  const { suppressed } = made.stats();
  await fault("/proxy/reset");
  await waitFor(
    () => made.stats().suppressed === suppressed + 5_000,
    () => `the replay, suppressed ${made.stats().suppressed}`,
  );
  equal([counter.first, counter.received, room.lastEventId, counter.flaws], [1, 5_000, "5000", noFlaws], "received");
});

test("from a cursor that the app has kept", async () => {
  const plan = script("ws", [[joined("a"), chat("a", "5"), chat("a", "6"), joined("b"), chat("b", "8")]]);
  const made = client(plan.url, { subscriptions: ided });
  const rooms = [made.subscribe("a", { lastEventId: "5" }), made.subscribe("b", { lastEventId: "7" })];
  equal(
    rooms.map(({ lastEventId }) => lastEventId),
    ["5", "7"],
    "cursors",
  );
  const order = listen(made, ...rooms);
  await waitFor(
    () => order.includes("8"),
    () => `the last one, have ${JSON.stringify(order)}`,
  );
  equal(order, ["6", ["b", "unknown", "7", "8"], "8"], "order");
  equal((await received(plan))[0], [join("a", "5"), join("b", "7")], "joins");
});

test("the server's word of a gap: before the topic's next message, whatever comes for others", async () => {
  const plan = script("ws", [
    [joined("a"), joined("b"), chat("a", "1"), chat("b", "1"), ...reset],
    [
      joined("a"),
      say({ type: "gap", topic: "a" }),
      chat("b", "1"),
      say({ n: "own" }),
      chat("a", "1"),
      chat("a", "9"),
      say({ type: "gap", topic: "c" }),
      chat("b", "2"),
    ],
  ]);
  const made = client(plan.url, { subscriptions: ided, resume: { ...ided, gap: "gap" } });
  const seen = watch(made);
  const order = listen(made, made.subscribe("a"), made.subscribe("b"));
  await waitFor(
    () => order.includes("2"),
    () => `the last one, have ${JSON.stringify(order)}`,
  );
  // After the word its ids may start anew.
  equal(order, ["1", "1", [null, "unknown", "", ""], ["a", "gap", "1", "1"], "1", "9", "2"], "order");
  equal(
    [seen.gaps[0].topic, "topic" in seen.gaps[0], seen.gaps[1].topic, seen.data],
    [undefined, false, "a", [{ n: "own" }]],
    "whose",
  );
});

test("a word of a gap that nothing followed holds over the next loss, whatever its replay", async () => {
  const plan = script("ws", [
    [joined("a"), chat("a", "1"), say({ type: "gap", topic: "a" }), ...reset],
    [joined("a"), chat("a", "1"), chat("a", "2"), chat("a", "3")],
  ]);
  const made = client(plan.url, { subscriptions: ided });
  const order = listen(made, made.subscribe("a"));
  await waitFor(
    () => order.includes("3"),
    () => `the last one, have ${JSON.stringify(order)}`,
  );
  equal(order, ["1", ["a", "gap", "1", "2"], "2", "3"], "order");
});

test("the seam of a server that never comes to the cursor ends after 1 024 new ones", async () => {
  const plan = script("ws", [[chat("a", "1"), ...reset], [["echo"]]]);
  const made = client(plan.url, { subscriptions: { ...ided, ...echoed } });
  const room = made.subscribe("a");
  const order = listen(made, room);
  await waitFor(() => made.stats().opens === 2 && room.state === "joined", "the second connection");
  const fresh = Array.from({ length: 1_022 }, (_, at) => at + 4);
  for (const eventId of [2, 3, 2, ...fresh, 2, 1_026]) made.send({ topic: "a", eventId });
  await waitFor(
    () => order.includes(1_026),
    () => `the last one, have ${order.length}`,
  );
  equal(order, ["1", ["a", "unknown", "1", "2"], 2, 3, ...fresh, 2, 1_026], "order");
});

test("no cursor, no numbers: unknown before the next message of each topic that was joined before", async () => {
  const plan = script("ws", [
    [joined("a"), say({ topic: "a", n: 1 }), ...reset],
    [
      joined("a"),
      joined("b"),
      say({ topic: "b", n: 2 }),
      say({ topic: "a", n: 3 }),
      say({ topic: "a", n: 4 }),
      say({ topic: "b", n: 5 }),
    ],
  ]);
  const made = client(plan.url);
  const a = made.subscribe("a");
  const order = listen(made, a);
  await event(made, "retry", () => made.subscribe("b").on(({ data }) => order.push(data.n)));
  await waitFor(
    () => order.includes(5),
    () => `the last one, have ${JSON.stringify(order)}`,
  );
  equal(order, [1, 2, ["a", "unknown", "", ""], 3, 4, 5], "order");
  equal(await received(plan), [[join("a")], [join("a"), join("b")]], "joins");
});

test("numbers by topic: a hole is named, in mid-connection and after a loss; nothing comes twice", async () => {
  const told = warnings();
  const line = (topic, seq) => say({ topic, seq });
  const plan = script("ws", [
    [joined("a"), line("a", 1), line("a", 2), line("b", 7), line("a", 5), line("b", "8"), ["wait", 20], ["reset"]],
    [
      joined("a"),
      line("a", 6),
      line("a", 5),
      line("a", 6),
      line("b", 6),
      line("b", 7),
      line("b", 11),
      ["wait", 20],
      ["reset"],
    ],
    [say({ type: "gap", topic: "a" }), line("a", 1), line("a", 2), line("a", "x"), line("a", 3), line("b", 12)],
  ]);
  const made = client(plan.url, { subscriptions: { seq: "seq" } });
  const order = listen(made, made.subscribe("a"), made.subscribe("b"));
  await waitFor(
    () => order.includes(12),
    () => `the last one, have ${JSON.stringify(order)}`,
  );
  equal(
    order,
    [
      1,
      2,
      7,
      ["a", "gap", "", "", 3, 4],
      5,
      "8",
      6,
      // Below the first: nothing says that it is old.
      ["b", "unknown", "", ""],
      6,
      ["b", "gap", "", "", 9, 10],
      11,
      ["a", "gap", "", ""],
      1,
      2,
      "x",
      3,
      12,
    ],
    "order",
  );
  equal(
    told.map((text) => text.includes("subscriptions.seq")),
    [true],
    "what is no number",
  );
});

test("numbers and ids: the ids say where to go on from, the numbers what is missing", async () => {
  const line = (eventId, seq) => chat("a", eventId, { seq });
  const plan = script("ws", [
    [joined("a"), line("i5", 5), line("i6", 6), ...reset],
    [joined("a"), line("i7", 7), line(undefined, undefined), line("i9", 9)],
  ]);
  const made = client(plan.url, { subscriptions: { ...ided, seq: "seq" } });
  const order = listen(made, made.subscribe("a", { lastEventId: "i5" }));
  await waitFor(
    () => order.includes("i9"),
    () => `the last one, have ${JSON.stringify(order)}`,
  );
  equal(order, ["i6", "i7", "i7", ["a", "gap", "i7", "i9", 8, 8], "i9"], "order");
});

test("a planned change: joined on the new connection, from the cursor of that moment", async () => {
  const plan = script("ws", [
    [joined("a"), chat("a", "1"), chat("a", "2")],
    [joined("a"), chat("a", "2"), chat("a", "3")],
  ]);
  const made = client(plan.url, { subscriptions: ided, reconnect: { maxAge: 1_000 } });
  const seen = watch(made);
  const room = made.subscribe("a"),
    gone = made.subscribe("b");
  const order = listen(made, room);
  await waitFor(() => order.includes("2"), "messages");
  gone.unsubscribe();
  await waitFor(
    () => order.includes("3"),
    () => `the new connection, have ${JSON.stringify(order)}`,
  );
  equal([order, seen.states, room.state], [["1", "2", "3"], ["open"], "joined"], "order");
  equal((await received(plan)).slice(0, 2), [[join("a"), join("b"), leave("b")], [join("a", "2")]], "joins");
});

test("functions, paths, and numbers for names", async () => {
  const plan = script("ws", [
    [say({ ok: 7 }), say({ meta: { room: 7, at: 1 } }), say({ meta: { room: 7, at: 2 } }), ...reset],
    [say({ meta: { room: 7, at: 2 } }), say({ lost: "7" }), say({ meta: { room: "7", at: 3 } })],
  ]);
  const made = client(plan.url, {
    subscriptions: {
      topic: "meta.room",
      id: ({ data }) => data.meta.at,
      joined: ({ data }) => data.ok,
      gap: ({ data }) => data.lost,
    },
  });
  const room = made.subscribe("7");
  const order = listen(made, room);
  await room.ready();
  await waitFor(
    () => order.length === 4,
    () => `all of it, have ${JSON.stringify(order)}`,
  );
  equal(order, ["1", "2", ["7", "gap", "2", "3"], "3"], "order");
});

test("a handler that throws is reported, the cursor moves all the same", async () => {
  const made = client(script("ws", [[joined("a"), chat("a", "1"), chat("a", "2")]]).url, { subscriptions: ided });
  const room = made.subscribe("a");
  const cursors = [];
  room.on(({ lastEventId }) => {
    cursors.push([lastEventId, room.lastEventId]);
    throw new Error("the app's");
  });
  await waitFor(() => cursors.length === 2, "both");
  equal(
    [cursors, takeReports().length],
    [
      [
        ["1", ""],
        ["2", "1"],
      ],
      2,
    ],
    "cursors, before the handlers have returned",
  );
  equal(room.lastEventId, "2", "after");
});

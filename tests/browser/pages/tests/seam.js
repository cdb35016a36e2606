// Across a reconnect: nothing twice, nothing missing without a word.
import { client, Counter, noFlaws, watch } from "../client.js";
import { equal, ok, test, waitFor } from "../harness.js";
import { fault, plainSocket, script, sse, unique, ws } from "../server.js";

/** @type {[string, (path: string) => string, any][]} */
const transports = [
  ["websocket", ws, { resume: { id: "eventId" } }],
  ["eventsource", sse, { transport: "eventsource" }],
  ["fetch", sse, {}],
];

for (const [name, address, options] of transports) {
  test(`${name}: a full replay of 10 000 messages gives nothing twice`, async () => {
    const made = client(address("/count?to=10000&replay=all"), options);
    const counter = new Counter();
    made.on((message) => counter.add(message.data.seq));
    await waitFor(() => counter.received >= 3_000, "the first messages");
    await fault("/proxy/reset");
    await waitFor(
      () => counter.last === 10_000,
      () => `message 10 000, have ${counter.last}`,
    );
    const { suppressed } = made.stats();
    await fault("/proxy/reset");
    // The replay is over when its last message has been held back.
    await waitFor(
      () => made.stats().suppressed === suppressed + 10_000,
      () =>
        `the replay, before ${suppressed}, ${made.state} ${made.lastFailure?.message} ${JSON.stringify([made.stats(), counter])}`,
    );
    equal([counter.first, counter.received, made.lastEventId], [1, 10_000, "10000"], "received");
    equal(counter.flaws, noFlaws, "flaws");
  });

  test(`${name}: an overlap is held back, what is new comes`, async () => {
    const made = client(address("/count?to=400&rate=400&overlap=20"), options);
    const counter = new Counter();
    made.on((message) => counter.add(message.data.seq));
    for (const mark of [50, 150, 250]) {
      await waitFor(() => counter.last >= mark, `message ${mark}`);
      await fault("/proxy/reset");
    }
    await waitFor(
      () => counter.last === 400,
      () => `message 400, have ${counter.last}`,
    );
    equal([counter.first, counter.received], [1, 400], "received");
    equal(counter.flaws, noFlaws, "flaws");
    ok(made.stats().suppressed > 0, "something was suppressed");
    equal([made.stats().outcome, made.stats().gaps], ["recovered", 0], "outcome");
  });
}

test("eventsource: id-less events after an id are all delivered, also across a reconnect", async () => {
  const idless = ["send", "data: same\n\ndata: same\n\ndata: same\n\n"];
  const plan = script("sse", [
    [["send", "id: 1\ndata: first\n\n"], idless, ["wait", 20], ["reset"]],
    [["send", "id: 1\ndata: first\n\n"], idless, ["wait", 20], ["reset"]],
    [idless, ["send", "id: 2\ndata: second\n\n"], idless],
  ]);
  const made = client(plan.url, { transport: "eventsource" });
  const seen = watch(made);
  await waitFor(
    () => seen.messages.length >= 14,
    () => `14 messages, have ${JSON.stringify(seen.data)}`,
  );
  const three = ["same", "same", "same"];
  equal(seen.data, ["first", ...three, ...three, ...three, "second", ...three], "messages");
  const log = await plan.log();
  equal(
    log.map((entry) => entry.query.lastEventId ?? ""),
    ["", "1", "1"],
    "cursors",
  );
  equal(made.lastEventId, "2", "lastEventId");
});

test("websocket: messages without an id are never held back", async () => {
  const plain = ["send", '{"n":0}'];
  const plan = script("ws", [
    [["send", '{"eventId":"1"}'], plain, plain, ["wait", 20], ["reset"]],
    [["send", '{"eventId":"1"}'], plain, plain, ["send", '{"eventId":"2"}']],
  ]);
  const seen = watch(client(plan.url, { resume: { id: "eventId" } }));
  await waitFor(() => seen.messages.at(-1)?.lastEventId === "2", "message 2");
  equal(seen.data, [{ eventId: "1" }, { n: 0 }, { n: 0 }, { n: 0 }, { n: 0 }, { eventId: "2" }], "messages");
});

test("resume.id: a path, and a function", async () => {
  for (const id of ["meta.id", (message) => message.data.meta.id]) {
    const plan = script("ws", [[["send", '{"meta":{"id":17}}'], ["wait", 20], ["reset"]], []]);
    const made = client(plan.url, { resume: { id, name: "since" } });
    await waitFor(() => made.stats().opens === 2, "the second connection");
    equal((await plan.log())[1].query.since, "17", "cursor");
    made.close();
  }
});

test("an id in JSON is no cursor unless resume.id says so", async () => {
  const entity = ["send", '{"id":"1","v":1}'];
  const plan = script("ws", [[entity, entity, ["wait", 20], ["reset"]], [entity]]);
  const made = client(plan.url);
  const seen = watch(made);
  await waitFor(() => seen.messages.length === 3, "three messages");
  equal(made.lastEventId, "", "lastEventId");
  equal((await plan.log())[1].query.lastEventId, undefined, "query");
});

test("the server's word of a gap comes as an event before the next message", async () => {
  const room = unique();
  const writer = await plainSocket(`/chat?room=${room}`);
  writer.send(JSON.stringify({ type: "chat", from: "w", text: "1" }));
  await waitFor(async () => {
    const probe = client(ws(`/chat?room=${room}&lastEventId=none`), { resume: { gap: "gap" } });
    const seen = watch(probe);
    await waitFor(() => seen.messages.length > 0 || seen.gaps.length > 0, "an answer");
    probe.close();
    return seen.data.some((data) => data.type === "chat");
  }, "the line in the log");
  const order = [];
  const made = client(ws(`/chat?room=${room}`), { resume: { id: "eventId", from: "lost-1", gap: "gap" } });
  made.addEventListener("gap", (event) => order.push(["gap", event.outcome, event.after]));
  made.on("chat", (message) => order.push(["chat", message.data.text]));
  await waitFor(
    () => order.length >= 2,
    () => `a gap and a message, have ${JSON.stringify(order)}`,
  );
  equal(
    order,
    [
      ["gap", "gap", "lost-1"],
      ["chat", "1"],
    ],
    "order",
  );
  equal(made.stats().gaps, 1, "gaps");
});

test("eventsource: the server's gap event", async () => {
  const plan = script("sse", [
    [["send", "id: a-1\ndata: one\n\n"], ["wait", 20], ["reset"]],
    [["send", 'event: gap\ndata: {"type":"gap","after":"a-1","before":"a-9"}\n\nid: a-9\ndata: nine\n\n']],
  ]);
  const made = client(plan.url, { transport: "eventsource", resume: { gap: "gap" } });
  const order = [];
  made.addEventListener("gap", (event) => order.push(["gap", event.outcome, event.after, event.before]));
  made.on("message", (message) => order.push(message.data));
  await waitFor(
    () => order.length === 3,
    () => `three things, have ${JSON.stringify(order)}`,
  );
  equal(order, ["one", ["gap", "gap", "a-1", "a-9"], "nine"], "order");
  equal(made.stats().outcome, "gap", "outcome");
});

test("without a cursor, a reconnect cannot rule a gap out", async () => {
  const plan = script("ws", [[["send", "one"], ["wait", 20], ["reset"]], [["send", "two"]]]);
  const made = client(plan.url);
  const order = [];
  made.addEventListener("gap", (event) => order.push(event.outcome));
  made.on((message) => order.push(message.data));
  await waitFor(() => order.includes("two"), "the second message");
  equal(order, ["one", "unknown", "two"], "order");
  equal(made.stats().outcome, "unknown", "outcome");
});

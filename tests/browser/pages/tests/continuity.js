// Sequence numbers: nothing twice, and each gap by its numbers.
import { client, Counter, noFlaws, watch } from "../client.js";
import { equal, ok, test, waitFor, warnings } from "../harness.js";
import { fault, script, sse, ws } from "../server.js";

/** @type {[string, (path: string) => string, any][]} */
const transports = [
  ["websocket", ws, { resume: { id: "eventId", seq: "seq" } }],
  ["fetch", sse, { resume: { seq: "seq" } }],
  ["eventsource", sse, { transport: "eventsource", resume: { seq: true } }],
];

for (const [name, address, options] of transports) {
  test(`${name}: a log that is too short gives gaps that name exactly what is missing`, async () => {
    const made = client(address(`/count?to=3000&rate=1000&begin=${Date.now()}&log=50`), {
      reconnect: { initialDelay: 300, jitter: "none" },
      ...options,
    });
    const had = new Set(),
      told = new Set();
    let last = 0,
      flaws = 0;
    made.on(({ data: { seq } }) => {
      if (seq <= last || told.has(seq)) flaws++;
      had.add((last = seq));
    });
    made.addEventListener("gap", ({ outcome, missing }) => {
      if (outcome !== "gap" || missing.from !== last + 1) flaws++;
      for (let seq = missing.from; seq <= missing.to; seq++) told.add(seq);
    });
    for (const mark of [400, 1_200]) {
      await waitFor(
        () => last >= mark,
        () => `message ${mark}, have ${last}`,
      );
      await fault("/proxy/reset");
    }
    await waitFor(
      () => last === 3_000,
      () => `message 3 000, have ${last}`,
    );
    const first = Math.min(...had);
    equal([flaws, had.size + told.size], [0, 3_000 - first + 1], "flaws; had and told");
    ok(told.size > 0 && made.stats().gaps === 2, `gaps ${made.stats().gaps}`);
    equal(made.stats().outcome, "gap", "outcome");
  });

  test(`${name}: a replay of everything is held back by number, and nothing is a gap`, async () => {
    const made = client(address("/count?to=5000&replay=all&rate=5000"), options);
    const counter = new Counter();
    let gaps = 0;
    made.addEventListener("gap", () => gaps++);
    made.on((message) => counter.add(message.data.seq));
    for (const mark of [100, 2_000]) {
      await waitFor(
        () => counter.last >= mark,
        () => `message ${mark}`,
      );
      await fault("/proxy/reset");
    }
    await waitFor(
      () => counter.last === 5_000,
      () => `message 5 000, have ${counter.last}`,
    );
    equal([counter.first, counter.received, gaps, made.stats().outcome], [1, 5_000, 0, "recovered"], "received");
    equal(counter.flaws, noFlaws, "flaws");
  });
}

const message = (epoch, seq) => ["send", JSON.stringify({ epoch, seq })];

test("a server that counts anew says so by its epoch", async () => {
  const plan = script("ws", [
    [message("a", 1), message("a", 2), ["wait", 20], ["reset"]],
    [message("b", 1), message("b", 2), ["wait", 20], ["reset"]],
    [message("b", 2), message("b", 3)],
  ]);
  const order = [];
  const made = client(plan.url, { resume: { seq: ({ data }) => [data.epoch, data.seq] } });
  made.addEventListener("gap", ({ outcome, missing }) => order.push([outcome, missing]));
  made.on(({ data }) => order.push(data.epoch + data.seq));
  await waitFor(
    () => order.at(-1) === "b3",
    () => `b3, have ${JSON.stringify(order)}`,
  );
  equal(order, ["a1", "a2", ["gap", undefined], "b1", "b2", "b3"], "order");
});

test("numbers may be strings; what is no number is told in the console, and its message comes", async () => {
  const plan = script("ws", [
    [
      ["send", '{"seq":"9007199254740991"}'],
      ["send", '{"seq":"9007199254740991"}'],
      ["send", '{"seq":-1}'],
      ["send", '{"seq":null}'],
      ["send", '{"n":1}'],
    ],
  ]);
  const told = warnings();
  const seen = watch(client(plan.url, { resume: { seq: "seq" } }));
  await waitFor(
    () => seen.messages.length === 4,
    () => `four messages, have ${JSON.stringify(seen.data)}`,
  );
  equal(seen.data, [{ seq: "9007199254740991" }, { seq: -1 }, { seq: null }, { n: 1 }], "messages");
  equal(
    told,
    [
      "everwire: resume.seq must give a whole number from 0, { first, last }, or [epoch, either]; anything else is ignored",
    ],
    "warnings",
  );
});

test("around a reconnect: statechange, open, gap, message", async () => {
  const plan = script("ws", [[["send", '{"seq":1}'], ["wait", 20], ["reset"]], [["send", '{"seq":5}']]]);
  const order = [];
  const made = client(plan.url, { resume: { seq: "seq" } });
  made.addEventListener("statechange", () => order.push(made.state));
  for (const type of ["open", "retry", "gap"])
    made.addEventListener(type, () => order.push(type === "open" ? "opened" : type));
  made.on(({ data }) => order.push(data.seq));
  await waitFor(
    () => order.at(-1) === 5,
    () => `message 5, have ${order}`,
  );
  // The first state is there before anyone can listen.
  equal(order, ["open", "opened", 1, "waiting", "retry", "connecting", "open", "opened", "gap", 5], "order");
});

test("a gap within a connection is told, with the ids on both sides", async () => {
  const plan = script("ws", [
    [
      ["send", '{"id":"x1","seq":1}'],
      ["send", '{"id":"x5","seq":5}'],
    ],
  ]);
  const order = [];
  const made = client(plan.url, { resume: { id: "id", seq: "seq" } });
  made.addEventListener("gap", ({ outcome, after, before, missing }) => order.push([outcome, after, before, missing]));
  made.on(({ data }) => order.push(data.seq));
  await waitFor(
    () => order.length === 3,
    () => `three things, have ${JSON.stringify(order)}`,
  );
  equal(order, [1, ["gap", "x1", "x5", { from: 2, to: 4 }], 5], "order");
});

test("a reconnect before the first message: nothing is asked for, and nothing proves that nothing was missed", async () => {
  const plan = script("ws", [
    [["wait", 20], ["reset"]],
    [
      ["send", '{"id":"a1","seq":1}'],
      ["send", '{"id":"a2","seq":2}'],
    ],
  ]);
  const seen = watch(client(plan.url, { resume: { id: "id", seq: "seq" } }));
  await waitFor(() => seen.messages.length === 2, "both");
  equal((await plan.log())[1].query.lastEventId, undefined, "cursor");
  equal(
    seen.gaps.map(({ outcome, after, before, missing }) => [outcome, after, before, missing]),
    [["unknown", "", "a1", undefined]],
    "gaps",
  );
});

test("a cursor from the server's future: it lost what it had sent, says so, and counts on from where it is", async () => {
  const numbered = (seq, text) => ["send", JSON.stringify({ id: `n${seq}`, seq, text })];
  const plan = script("ws", [
    [numbered(1, "a"), numbered(2, "b"), numbered(3, "c"), ["wait", 20], ["reset"]],
    [["send", '{"type":"lost"}'], numbered(2, "B"), numbered(3, "C"), numbered(4, "D")],
  ]);
  const order = [];
  const made = client(plan.url, { resume: { id: "id", seq: "seq", gap: "lost" } });
  made.addEventListener("gap", ({ outcome, after }) => order.push([outcome, after]));
  made.on(({ data }) => order.push(data.text));
  await waitFor(
    () => order.at(-1) === "D",
    () => `D, have ${JSON.stringify(order)}`,
  );
  equal((await plan.log())[1].query.lastEventId, "n3", "cursor");
  equal(order, ["a", "b", "c", ["gap", "n3"], "B", "C", "D"], "order");
});

test("seq true: an event without an id of its own has no number, and comes", async () => {
  const plan = script("sse", [[["send", "id: 1\ndata: a\n\ndata: b\n\nid: 2\ndata: c\n\ndata: d\n\n"]]]);
  const seen = watch(client(plan.url, { resume: { seq: true } }));
  await waitFor(
    () => seen.messages.length === 4,
    () => `four, have ${seen.data}`,
  );
  equal(seen.data, ["a", "b", "c", "d"], "messages");
});

test("ids that only begin with a number are no numbers", async () => {
  const ids = ["1526919030474-0", "1526919030474-1", "1795212098:3", "1.5", "-1", " 7", "0x10"];
  const plan = script("sse", [[["send", ids.map((id) => `id: ${id}\ndata: ${id}\n\n`).join("")]]]);
  const told = warnings();
  const seen = watch(client(plan.url, { resume: { seq: true } }));
  await waitFor(
    () => seen.messages.length === ids.length,
    () => `all, have ${seen.data}`,
  );
  equal(told.length, 1, "warnings");
});

// Planned changes of connections: nothing missing, nothing twice, and the state stays open.
import { client, Counter, noFlaws, watch } from "../client.js";
import { equal, ok, test, thrown, waitFor } from "../harness.js";
import { app, echoBarrier, fault, script, sse, stats, ws } from "../server.js";

/** @type {[string, (path: string) => string, any][]} */
const transports = [
  ["websocket", ws, { resume: { id: "eventId" } }],
  ["fetch", sse, {}],
  ["eventsource", sse, { transport: "eventsource" }],
];

for (const [name, address, options] of transports) {
  for (const seq of [undefined, "seq"])
    test(`${name}, ${seq ? "numbers" : "ids alone"}: connections of a second at 1 000 messages a second`, async () => {
      const resume = { ...options.resume, seq };
      const made = client(address(`/count?to=1000000&rate=1000&begin=${Date.now()}`), {
        ...options,
        resume,
        reconnect: { maxAge: 1_000 },
      });
      const counter = new Counter();
      made.on(({ data }) => counter.add(data.seq));
      const seen = watch(made);
      await waitFor(
        () => made.stats().opens === 6,
        () => `the sixth connection, at ${made.stats().opens}`,
      );
      const mark = counter.last;
      await waitFor(() => counter.last > mark + 100, "messages over the last one");
      equal(seen.states, ["open"], "states after the first");
      equal(counter.flaws, noFlaws, "flaws");
      // A server that goes on behind the cursor proves nothing by its ids.
      ok(
        seen.gaps.every(({ outcome }) => !seq && outcome === "unknown"),
        `gaps ${seen.gaps.length}`,
      );
      if (seq) equal(made.stats().outcome, "recovered", "outcome");
    });

  test(`${name}: the server's notice`, async () => {
    const kind = name === "websocket" ? "ws" : "sse";
    const say = (id, data) =>
      kind === "ws"
        ? ["send", JSON.stringify({ eventId: id, ...data })]
        : ["send", `id: ${id}\ndata: ${JSON.stringify(data)}\n\n`];
    const plan = script(kind, [
      [say("1", { n: 1 }), say("2", { type: "goodbye" }), ["wait", 5_000], say("3", { n: "late" })],
      [say("2", { n: 2 }), say("3", { n: 3 })],
    ]);
    const made = client(plan.url, { ...options, reconnect: { initialDelay: 200, notice: "goodbye" } });
    const seen = watch(made);
    await waitFor(
      () => seen.messages.at(-1)?.data.n === 3,
      () => `the last one, have ${JSON.stringify(seen.data)}`,
    );
    equal(seen.states, ["open"], "states after the first");
    // The replay brings other content under the notice's id, so it is new, in each engine and each time; a `gap` says so.
    equal([seen.messages.map(({ data }) => data.n), seen.gaps.map(({ outcome }) => outcome)], [[1, 2, 3], ["unknown"]]);
    equal(
      (await plan.log()).map(({ query }) => query.lastEventId),
      [undefined, "2"],
      "asked from: a notice has an id, too",
    );
  });
}

test('resume.via "url": what comes while the endpoint function thinks comes once', async () => {
  let slow;
  const path = `/count?to=1000000&rate=4000&begin=${Date.now()}`;
  const made = client(
    async ({ lastEventId }) => {
      // More than the client remembers, and the cursor is of before.
      if (lastEventId) await (slow = new Promise((resolve) => setTimeout(resolve, 600)));
      return `${sse(path)}&lastEventId=${lastEventId}`;
    },
    { resume: { via: "url" }, reconnect: { maxAge: 1_000 } },
  );
  const counter = new Counter();
  made.on(({ data }) => counter.add(data.seq));
  await waitFor(
    () => slow && made.stats().opens === 3,
    () => `the third connection, at ${made.stats().opens}`,
  );
  const mark = counter.last;
  await waitFor(() => counter.last > mark + 5_000, "messages over it");
  equal(counter.flaws, noFlaws, "flaws");
});

test("a successor that is refused leaves the connection alone, and comes again", async () => {
  const say = (n) => ["send", `id: ${n}\ndata: ${n}\n\n`];
  const plan = script("sse", [
    [say(1), ...[2, 3, 4, 5, 6, 7, 8, 9].flatMap((n) => [["wait", 500], say(n)])],
    [["status", 503, {}]],
    [["status", 403, {}]],
    [say(10)],
  ]);
  const made = client(plan.url, { reconnect: { maxAge: 1_000, initialDelay: 100, maxDelay: 400 } });
  const seen = watch(made);
  await waitFor(
    () => seen.data.at(-1) === "10",
    () => `the last one, have ${seen.data}`,
  );
  equal([seen.states, made.lastFailure], [["open"], null], "told");
  const last = Number(seen.data.at(-2));
  equal(seen.data, [...Array.from({ length: last }, (_, n) => `${n + 1}`), "10"], "messages");
  equal(made.stats().opens, 2, "opens");
});

test("back to the first endpoint, beside the second", async () => {
  const path = "/count?to=1000000&rate=500";
  const made = client([sse(path), app + path], { reconnect: { initialDelay: 100, failback: 1_000 } });
  const counter = new Counter();
  made.on(({ data }) => counter.add(data.seq));
  await waitFor(() => counter.received > 10, "the first messages");
  await fault("/fault/refuse?ms=0");
  await waitFor(() => made.url.startsWith(app + path) && made.state === "open", "the second endpoint");
  const seen = watch(made);
  // At least one try in vain.
  await waitFor(
    () => made.stats().attempts >= 4,
    () => `attempts, at ${made.stats().attempts}`,
  );
  await fault("/fault/clear");
  await waitFor(
    () => made.url.startsWith(sse(path)),
    () => `the first endpoint, at ${made.url}`,
  );
  const mark = counter.last;
  await waitFor(() => counter.last > mark + 100, "messages from it");
  equal([seen.states, counter.flaws], [[], noFlaws], "states and flaws");
});

test("closed in mid-change, nothing is left behind", async () => {
  for (const [name, address, options] of transports) {
    const made = client(address("/count?rate=50"), { ...options, reconnect: { maxAge: 1_000 } });
    await waitFor(() => made.state === "open", `${name} open`);
    await fault("/fault/stall?ms=0");
    await waitFor(() => made.stats().attempts === 2, `${name}: the successor under way`);
    const quiet = watch(made);
    made.close();
    await fault("/fault/clear");
    await echoBarrier();
    equal([quiet.events, quiet.messages.length, made.stats().opens], [["statechange", "close"], 0, 1], name);
    await waitFor(async () => (await stats()).connections === 0, "no connection at the server");
  }
});

test("a successor that does not open in time: its signal is aborted, the connection stays", async () => {
  const signals = [];
  const first = script("sse", [[["send", "id: 1\ndata: 1\n\n"]], [["hang"]]]);
  const made = client(
    ({ signal }) => {
      signals.push(signal);
      return first.url;
    },
    // The first one has to open in that time, on a busy machine too.
    { openTimeout: 2_000, reconnect: { maxAge: 1_000 } },
  );
  await waitFor(
    () => signals[1]?.aborted,
    () => `the second signal, of ${signals.length}`,
  );
  equal([signals[0].aborted, made.state], [false, "open"], "the first one");
});

test("a plain POST is not rolled over", async () => {
  const open = (method) =>
    client(sse("/count?to=1000000&rate=100"), { http: { method }, reconnect: { maxAge: 1_000 } });
  const made = open("POST"),
    beside = open("GET");
  await waitFor(() => made.state === "open" && beside.stats().opens === 3, "two changes of a GET");
  equal(made.stats().attempts, 1, "attempts");
});

test("what cannot be", async () => {
  for (const [name, reconnect] of [
    ["maxAge", { maxAge: 10 }],
    ["failback", { failback: "1s" }],
    ["notice", { notice: true }],
  ]) {
    const error = thrown(() => client(ws("/echo"), { reconnect }));
    equal(error.code, "invalid-option", name);
    ok(error.message.includes(`reconnect.${name}`), error.message);
  }
});

test("fetch: a slow `for await` loop over several connections", async () => {
  const made = client(sse("/count?to=30000&rate=10000"), { reconnect: { maxAge: 1_000 }, resume: { seq: "seq" } });
  const counter = new Counter();
  for await (const { data } of made) {
    counter.add(data.seq);
    if (data.seq % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 15));
    if (data.seq === 30_000) break;
  }
  equal([counter.received, counter.flaws], [30_000, noFlaws], "pulled");
  ok(made.stats().opens > 2, `connections ${made.stats().opens}`);
  equal(made.state, "open", "state");
});

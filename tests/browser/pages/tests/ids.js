// What an id is, and that a new message is never taken for an old one because of it.
import { client, watch } from "../client.js";
import { equal, ok, takeReports, test, waitFor } from "../harness.js";
import { script } from "../server.js";
import { chat, ided, joined, listen, client as topics } from "../topics.js";

const cut = [["wait", 30], ["reset"]];
const event = (id, data) => ["send", `id: ${id}\ndata: ${data}\n\n`];
/** @type {[string, "ws" | "sse", (id: any, run: any) => string[], object][]} */
const transports = [
  ["websocket", "ws", (id, run) => ["send", JSON.stringify({ eventId: id, run })], { resume: { id: "eventId" } }],
  ["eventsource", "sse", (id, run) => event(id, JSON.stringify({ run })), { transport: "eventsource" }],
  ["fetch", "sse", (id, run) => event(id, JSON.stringify({ run })), {}],
];
const range = (from, to) => Array.from({ length: to - from + 1 }, (_, at) => from + at);
/** Whether this engine tells the source of a JSON number (JSON.parse source text access). */
let told = false;
/** @type {any} */
const look = (_, value, context) => {
  told = context?.source === "1";
  return value;
};
JSON.parse("1", look);
const withoutSources = async (body) => {
  const { parse } = JSON;
  JSON.parse = (text, revive) => parse(text, revive && ((key, value) => revive(key, value)));
  try {
    await body();
  } finally {
    JSON.parse = parse;
  }
};

test("two messages that one of the users made to look alike are two", async () => {
  // Their ids and contents have the same FNV-1a hashes, as long as these begin where everybody knows.
  const [first, second] = ['{"id":"rjlizpsq","text":"001q2h"}', '{"id":"ekaweyun","text":"000000"}'];
  const made = client(script("ws", [[["send", first], ...cut], [["send", second]]]).url, { resume: { id: "id" } });
  const got = [];
  made.on(({ lastEventId }) => got.push(lastEventId));
  await waitFor(
    () => got.length === 2,
    () => `both, have ${got}`,
  );
  equal(got, ["rjlizpsq", "ekaweyun"], "ids");
});

for (const [name, kind, send, options] of transports) {
  for (const [last, begin] of [
    [30, 1],
    [3, 2],
    [2, 2],
  ]) {
    test(`${name}: a server that counts anew at ${begin} after ${last}: all of it comes, after a gap`, async () => {
      const plan = script(kind, [
        [...range(1, last).map((id) => send(id, 1)), ...cut],
        range(begin, 40).map((id) => send(id, 2)),
      ]);
      const made = client(plan.url, options);
      const order = [];
      made.on(({ data, lastEventId }) => order.push(`${data.run}/${lastEventId}`));
      made.addEventListener("gap", ({ outcome }) => order.push(outcome));
      await waitFor(
        () => order.at(-1) === "2/40",
        () => `the last one, have ${order}`,
      );
      const run = (number, from, to) => range(from, to).map((id) => `${number}/${id}`);
      equal(order, [...run(1, 1, last), "unknown", ...run(2, begin, 40)], "order");
    });
  }

  test(`${name}: what begins as before and goes on otherwise is not lost`, async () => {
    const plan = script(kind, [
      [send(1, 0), send(2, 0), send(3, 1), ...cut],
      [send(1, 0), send(2, 0), send(3, 2), send(4, 2)],
    ]);
    const made = client(plan.url, options);
    const order = [];
    made.on(({ lastEventId }) => order.push(lastEventId));
    made.addEventListener("gap", ({ outcome }) => order.push(outcome));
    await waitFor(
      () => order.at(-1) === "4",
      () => `the last one, have ${order}`,
    );
    equal([order, made.stats().suppressed], [["1", "2", "3", "unknown", "1", "2", "3", "4"], 0], "order");
  });

  test(`${name}: an id with a time in it is taken at its word, whatever the server adds at a replay`, async () => {
    const id = (n) => `1732848000123-${n}`;
    const plan = script(kind, [
      [send(id(1), "live"), send(id(2), "live"), ...cut],
      [send(id(2), "again"), send(id(3), "live")],
    ]);
    const made = client(plan.url, options);
    const seen = watch(made);
    await waitFor(() => seen.messages.length === 3, "three");
    equal([seen.data.map(({ run }) => run), made.stats().outcome], [["live", "live", "live"], "recovered"], "messages");
  });
}

test("numbers that begin anew: all comes, after a gap; in mid-connection, too", async () => {
  const line = (n, run) => ["send", JSON.stringify({ n, run })];
  const plan = script("ws", [
    [...range(1, 30).map((n) => line(n, 1)), ...cut],
    [...range(1, 12), ...range(1, 3)].map((n, at) => line(n, at < 12 ? 2 : 3)),
  ]);
  const made = client(plan.url, { resume: { seq: "n" } });
  const order = [];
  made.on(({ data }) => order.push(data.n));
  made.addEventListener("gap", ({ outcome }) => order.push(outcome));
  await waitFor(
    () => order.length === 47,
    () => `all of it, have ${order}`,
  );
  equal(order, [...range(1, 30), "unknown", ...range(1, 12), "unknown", 1, 2, 3], "order");
});

test("long messages that differ in few characters are not taken for one another", async () => {
  const text = "x".repeat(1_000);
  const run = (number) => range(1, 3).map((id) => ["send", JSON.stringify({ id, text, run: number })]);
  const plan = script("ws", [[...run(1), ["wait", 20], ["reset"]], run(2)]);
  const made = client(plan.url, { resume: { id: "id" } });
  const order = [];
  made.on(({ data }) => order.push(data.run));
  made.addEventListener("gap", ({ outcome }) => order.push(outcome));
  await waitFor(
    () => order.length === 7,
    () => `all of it, have ${order}`,
  );
  equal(order, [1, 1, 1, "unknown", 2, 2, 2], "order");
});

test("numbers that get an epoch, or lose it, begin anew", async () => {
  const line = (n, epoch) => ["send", JSON.stringify({ n, epoch })];
  for (const [before, after] of [
    [undefined, "b"],
    ["a", undefined],
  ]) {
    const plan = script("ws", [
      [...range(1, 30).map((n) => line(n, before)), ...range(1, 5).map((n) => line(n, after)), ["wait", 20], ["reset"]],
      [...range(1, 9).map((n) => line(n, before)), line(10, before)],
    ]);
    const made = client(plan.url, { resume: { seq: ({ data }) => [data.epoch, data.n] } });
    const order = [];
    made.on(({ data }) => order.push(data.n));
    made.addEventListener("gap", () => order.push("gap"));
    await waitFor(
      // The tenth comes twice.
      () => order.length === 47,
      () => `all of it, have ${order}`,
    );
    equal(order, [...range(1, 30), "gap", ...range(1, 5), "gap", ...range(1, 10)], "order");
    made.close();
  }
});

test("a function for the id, the number or the ack that throws is reported, and the message delivered", async () => {
  const fails = () => {
    throw new Error("of the app");
  };
  for (const options of [
    { resume: { id: fails } },
    { resume: { seq: fails } },
    { outbox: { ack: { id: "id", match: fails } } },
  ]) {
    const plan = script("ws", [[["send", '{"n":1}']]]);
    const made = client(plan.url, options);
    const order = [];
    made.on(({ data }) => order.push(data.n));
    await waitFor(() => order.length === 1, "the message");
    equal(
      takeReports().map(({ message }) => message),
      ["of the app"],
      "reports",
    );
    made.close();
  }
});

test("numbers below all that came, at another endpoint or in mid-connection: all comes, after a gap", async () => {
  const line = (n, run) => ["send", JSON.stringify({ n, run })];
  const first = script("ws", [[...range(1_000, 1_100).map((n) => line(n, 1)), ["wait", 20], ["reset"]]]);
  const second = script("ws", [[...range(1, 30), ...range(2_000, 2_010), ...range(500, 510)].map((n) => line(n, 2))]);
  const made = client([first.url, second.url], { resume: { seq: "n" } });
  const order = [];
  made.on(({ data }) => order.push(data.n));
  made.addEventListener("gap", ({ outcome, missing }) => order.push(missing ?? outcome));
  await waitFor(
    () => order.at(-1) === 510,
    () => `all of it, have ${JSON.stringify(order)}`,
  );
  const jump = [{ from: 31, to: 1_999 }, ...range(2_000, 2_010)];
  const back = [{ from: 31, to: 499 }, ...range(500, 510)];
  equal(order, [...range(1_000, 1_100), "unknown", ...range(1, 30), ...jump, ...back], "order");
});

test("a topic whose numbers are below all that came: all of it comes, after a gap", async () => {
  const line = (id, run) => chat("a", id, { run });
  const plan = script("ws", [
    [joined("a"), ...range(1_000, 1_020).map((id) => line(id, 1)), ["wait", 20], ["reset"]],
    [joined("a"), ...range(1, 25).map((id) => line(id, 2))],
  ]);
  const made = topics(plan.url, { subscriptions: { seq: "eventId" } });
  const order = listen(made, made.subscribe("a"));
  await waitFor(
    () => order.at(-1) === 25,
    () => `the last one, have ${JSON.stringify(order)}`,
  );
  const [outcome] = order.splice(21, 1);
  equal([outcome[1], order], ["unknown", [...range(1_000, 1_020), ...range(1, 25)]], "order");
});

test("a topic that counts anew: all of it comes, after a gap", async () => {
  for (const options of [ided, { seq: "eventId" }]) {
    const line = (id, run) => chat("a", id, { run });
    const plan = script("ws", [
      [joined("a"), line(1, 0), ...range(2, 20).map((id) => line(id, 1)), ["wait", 20], ["reset"]],
      [joined("a"), line(1, 0), ...range(2, 25).map((id) => line(id, 2))],
    ]);
    const made = topics(plan.url, { subscriptions: options });
    const order = listen(made, made.subscribe("a"));
    await waitFor(
      () => order.at(-1) === 25,
      () => `the last one, have ${JSON.stringify(order)}`,
    );
    const [outcome] = order.splice(20, 1);
    equal([outcome[1], order], ["unknown", [...range(1, 20), ...range(1, 25)]], "order");
    made.close();
  }
});

test("after a reload a stored place tells another message under its id from the same", async () => {
  for (const [text, expected] of [
    ["same", "recovered"],
    ["other", "unknown"],
  ]) {
    const values = new Map();
    const storage = { getItem: (key) => values.get(key) ?? null, setItem: (key, value) => values.set(key, value) };
    const line = (id, what) => ["send", JSON.stringify({ eventId: id, what })];
    const resume = { id: "eventId", storage, key: "k" };
    const plan = script("ws", [
      [line(1, "same"), line(2, "same")],
      [line(2, text), line(3, "same")],
    ]);
    const before = client(plan.url, { resume });
    before.on(() => {});
    await waitFor(() => before.lastEventId === "2", "two");
    before.close();
    const made = client(plan.url, { resume });
    const seen = watch(made);
    await waitFor(() => made.lastEventId === "3", "the third");
    equal([seen.messages.length, made.stats().outcome], [expected === "recovered" ? 1 : 2, expected], text);
    made.close();
  }
});

const big = (n) => String(1234567890123456789n + BigInt(n));
/** @type {[string, object, (n: number) => string][]} */
const places = [
  ["a key", { id: "eventId" }, (n) => `{"eventId":${big(n)},"n":${n}}`],
  ["a path", { id: "meta.at.id" }, (n) => `{"meta":{"at":{"id":${big(n)}}},"n":${n}}`],
  ["in an array", { id: "ids.1" }, (n) => `{"ids":[1,${big(n)}],"n":${n}}`],
  ["a function", { id: ({ data }) => data.eventId }, (n) => `{"eventId":${big(n)},"n":${n}}`],
  ["with the other signs", { id: "eventId" }, (n) => `{"eventId":-${big(n)}.5e-1,"n":${n}}`],
];
for (const [what, resume, line] of places) {
  test(`a number that no double holds is the id as the server wrote it: ${what}`, async () => {
    const plan = script("ws", [
      [...range(0, 2).map((n) => ["send", line(n)]), ...cut],
      range(2, 7).map((n) => ["send", line(n)]),
    ]);
    const made = client(plan.url, { resume });
    const seen = watch(made);
    await waitFor(
      () => seen.messages.at(-1)?.data.n === 7,
      () => `the last one, have ${JSON.stringify(seen.data)}`,
    );
    const cursor = (await plan.log())[1].query.lastEventId;
    if (told) {
      equal(cursor, /[-\d.e]{15,}/.exec(line(2))?.[0], "cursor");
      equal([seen.data.map(({ n }) => n), made.stats().outcome], [range(0, 7), "recovered"], "messages");
    } else {
      equal([cursor, seen.gaps.length, made.stats().outcome], [undefined, 1, "unknown"], "told");
    }
    // What the app gets is what JSON.parse gives.
    equal(seen.data[0], JSON.parse(line(0)), "data");
  });
}

test("where the engine does not tell the source, such a number is no id, and a gap follows", async () => {
  await withoutSources(async () => {
    const line = (n) => ["send", `{"eventId":${big(n)},"n":${n}}`];
    const plan = script("ws", [
      [line(0), line(1), line(2), ...cut],
      [line(3), line(4)],
    ]);
    const made = client(plan.url, { resume: { id: "eventId" } });
    const seen = watch(made);
    await waitFor(() => seen.messages.length === 5, "all five");
    equal([seen.gaps.map(({ outcome }) => outcome), made.lastEventId], [["unknown"], ""], "gaps");
  });
});

test("sequence numbers that no double holds", async () => {
  const line = (n) => ["send", `{"eventId":"e${n}","seq":${big(n)},"n":${n}}`];
  const plan = script("ws", [
    [line(0), line(1), line(2), ...cut],
    [line(1), line(2), line(3), line(5)],
  ]);
  const made = client(plan.url, { resume: { id: "eventId", seq: "seq" } });
  const order = [];
  made.on(({ data }) => order.push(data.n));
  made.addEventListener("gap", ({ outcome, missing }) => order.push([outcome, missing]));
  await waitFor(() => order.at(-1) === 5, "the last one");
  if (told) equal(order, [0, 1, 2, 3, ["gap", undefined], 5], "order");
  else ok(takeReports().length > 0 && order.some(Array.isArray), "it is told");
});

test("ids of topics, and acks, that no double holds", async () => {
  if (!told) return;
  const line = (n) => ["send", `{"topic":"a","eventId":${big(n)}}`];
  const plan = script("ws", [
    [joined("a"), line(0), line(1), ["wait", 20], ["reset"]],
    [joined("a"), line(1), line(2)],
  ]);
  const made = topics(plan.url, { subscriptions: ided });
  const room = made.subscribe("a");
  const cursors = [];
  room.on(({ lastEventId }) => cursors.push(lastEventId));
  await waitFor(() => cursors.length === 3, "three");
  equal(cursors, [big(0), big(1), big(2)], "cursors");
  const acks = script("ws", [
    [
      ["wait", 50],
      ["send", `{"type":"ack","id":${big(7)}}`],
    ],
  ]);
  const sender = client(acks.url, { outbox: { ack: true } });
  equal((await sender.send({ id: big(7) })).status, "acked", "the ack");
});

test("on a WebSocket nothing, true, and an object are no ids; on SSE an empty one resets", async () => {
  const none = ["", null, true, false, {}, []].map((eventId) => ["send", JSON.stringify({ eventId })]);
  const plan = script("ws", [[["send", '{"eventId":" a2"}'], ...none, ...cut], [["send", '{"eventId":0}']]]);
  for (const id of ["eventId", ({ data }) => data.eventId]) {
    const made = client(plan.url, { resume: { id } });
    made.on(() => {});
    await waitFor(() => made.lastEventId === "0", "the id 0, which is one");
    made.close();
  }
  const log = await plan.log();
  equal(log[1].query.lastEventId, " a2", "cursor");
  for (const given of [NaN, Infinity, Symbol("x")]) {
    const made = client(plan.url, { resume: { id: () => given } });
    const seen = watch(made);
    await waitFor(() => seen.messages.length > 0, "a message");
    equal(made.lastEventId, "", String(given));
    made.close();
  }
  const stream = script("sse", [[event("7", "a"), event("", "b"), ...cut], [event("8", "c")]]);
  const reset = client(stream.url);
  reset.on(() => {});
  await waitFor(() => reset.lastEventId === "8", "the second connection");
  equal((await stream.log())[1].query.lastEventId, undefined, "no cursor");
});

for (const [name, kind, send, options] of transports) {
  test(`${name}: an id that no address and no header takes: one failure with its length, then without it`, async () => {
    // The script stands in the address, too: there a sign stands for it.
    const id = "i".repeat(kind === "ws" ? 2 ** 20 : 20_000);
    const resume = { id: ({ data }) => (data.eventId === "long" ? id : data.eventId) };
    const plan = script(kind, [
      [send(kind === "ws" ? "long" : id, 1), ...cut],
      [send("b", 2), ...cut],
      [send("b", 2), send("c", 3)],
    ]);
    const made = client(plan.url, kind === "ws" ? { resume } : options);
    const seen = watch(made);
    await waitFor(
      () => made.lastEventId === "c",
      () => `the last one, have ${seen.data.length}`,
    );
    const codes = seen.retries.map(({ failure }) => failure.code);
    equal([codes.filter((code) => code === "long-id").length, codes.length], [1, 3], `${codes}`);
    ok(
      seen.retries.some(({ failure }) => failure.message.includes(`${id.length}`)),
      "its length",
    );
    equal(
      seen.gaps.map(({ outcome }) => outcome),
      ["unknown"],
      "gaps",
    );
    equal(
      (await plan.log()).map(({ query }) => query.lastEventId),
      [undefined, undefined, "b"],
      "cursors",
    );
  });
}

test("an id that this server does not take: 414 and 431", async () => {
  for (const status of [414, 431]) {
    const plan = script("sse", [[event("i".repeat(3_000), "a"), ...cut], [["status", status]], [event("b", "b")]]);
    const made = client(plan.url);
    const seen = watch(made);
    await waitFor(() => made.lastEventId === "b", "the second event");
    equal(
      [seen.retries.map(({ failure }) => failure.code).at(-1), seen.gaps.length],
      ["long-id", 1],
      `after ${status}`,
    );
    made.close();
  }
});

const MB = "x".repeat(2 ** 20);
/** What comes again is held back; then it shows that the ids count anew. `size`: of each that was held back, in MiB. */
/** @type {[number, number[]][]} */
const sizes = [
  [1, [1, 2, 3]],
  [6, []],
];
for (const [size, again] of sizes) {
  const rest = ["unknown", ...again, "anew"];

  test(`three messages of ${size} MiB that are held back: up to 16 MiB comes after all`, async () => {
    const encoder = new TextEncoder();
    let asked = 0;
    const line = (id, data) => encoder.encode(`id: ${id}\ndata: ${JSON.stringify(data)}\n\n`);
    const fetch = async () => {
      const run = ++asked;
      const left = [
        ...range(1, 3).map((n) => line(n, { n, big: MB.repeat(size) })),
        line(4, { n: run < 2 ? 4 : "anew" }),
      ];
      const body = new ReadableStream({
        pull: (controller) => {
          const next = left.shift();
          if (next) controller.enqueue(next);
          else if (run < 2) controller.close();
        },
      });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    };
    const made = client("/", { http: { fetch } });
    const order = [];
    made.on(({ data }) => order.push(data.n));
    made.addEventListener("gap", ({ outcome }) => order.push(outcome));
    await waitFor(
      () => order.at(-1) === "anew",
      () => `the last one, have ${order}`,
    );
    equal(order, [1, 2, 3, 4, ...rest], "order");
  });

  test(`three messages of ${size} MiB that topics hold back: up to 16 MiB of all comes after all`, async () => {
    const made = topics(script("ws", [[["echo"]]]).url, {
      subscriptions: { joined: "join", ...ided },
      outbox: { maxBytes: 2 ** 26 },
    });
    const rooms = ["a", "b"].map((topic) => made.subscribe(topic));
    const order = listen(made, ...rooms);
    const send = (topic, eventId, more) => made.send({ topic, eventId, ...more }, { ack: false });
    const replay = () => {
      // Each topic alone stays below.
      send("b", 1, { big: MB.repeat(size) });
      for (const id of [2, 3]) send("a", id, { big: MB.repeat(size) });
    };
    await Promise.all(rooms.map((room) => room.ready()));
    replay();
    send("b", "b");
    send("a", 4);
    await waitFor(() => order.length === 5, "the first messages");
    made.reconnect();
    await waitFor(
      () => made.stats().opens === 2 && rooms.every(({ state }) => state === "joined"),
      "the second connection",
    );
    replay();
    send("a", 4, { n: 2 });
    await waitFor(
      () => order.length === (size > 5 ? 7 : 9),
      () => `the last one, have ${JSON.stringify(order)}`,
    );
    equal(
      order.slice(5).map((one) => (Array.isArray(one) ? one[1] : one)),
      ["unknown", ...again.slice(1), 4],
      "order of a",
    );
  });
}

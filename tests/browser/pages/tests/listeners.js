// Nothing is delivered to nobody: what comes before somebody listens waits, and is nobody's loss.
import { connect as duplex } from "/pkg/duplex.js";
import { client, quick } from "../client.js";
import { after, equal, ok, rejection, test, waitFor } from "../harness.js";
import { script, sse, unique, ws } from "../server.js";
import { joined, say } from "../topics.js";

/** @type {[string, string, any][]} */
const transports = [
  ["websocket", "ws", { resume: { id: "eventId" } }],
  ["eventsource", "sse", { transport: "eventsource" }],
  ["fetch", "sse", {}],
];
const line = (kind, n) => [
  "send",
  kind === "ws" ? JSON.stringify({ n, eventId: `${n}` }) : `id: ${n}\ndata: {"n":${n}}\n\n`,
];
const lines = (kind, from, to) => Array.from({ length: to - from + 1 }, (_, at) => line(kind, from + at));
const numbers = (from, to) => Array.from({ length: to - from + 1 }, (_, at) => from + at);
const counts = (made) => {
  const { waiting, delivered, gaps } = made.stats();
  return [waiting, delivered, gaps, made.lastEventId];
};
const waits = (made, count) =>
  waitFor(
    () => made.stats().waiting === count,
    () => `${count} that wait, have ${made.stats().waiting}`,
  );

function memory() {
  const values = new Map();
  return { values, getItem: (key) => values.get(key) ?? null, setItem: (key, value) => values.set(key, value) };
}

/** Pulls so many, and leaves the loop. */
async function pull(made, count) {
  const pulled = [];
  for await (const { data } of made) if (pulled.push(data.n) === count) break;
  return pulled;
}

for (const [name, kind, options] of transports) {
  test(`${name}: the first handlers get what came before them, in order, and the cursor waits for it`, async () => {
    const plan = script(kind, [[...lines(kind, 1, 5), ["wait", 400], line(kind, 6)]]);
    const made = client(plan.url, options);
    await waits(made, 5);
    equal(counts(made), [5, 0, 0, ""], "before");
    const got = [],
      other = [];
    made.on(({ data }) => got.push(data.n));
    // Not within `on`; and those that are put on together get it together.
    equal([got.length, made.stats().waiting], [0, 5], "within on");
    made.on(({ data, lastEventId }) => other.push([data.n, lastEventId]));
    await waitFor(() => got.length === 6, "message 6");
    equal(got, numbers(1, 6), "one handler");
    equal(
      other,
      numbers(1, 6).map((n) => [n, `${n}`]),
      "the other one",
    );
    equal(counts(made), [0, 6, 0, "6"], "after");
  });

  test(`${name}: over a reconnect none is lost, and none comes twice`, async () => {
    const plan = script(kind, [
      [...lines(kind, 1, 3), ["wait", 50], ["reset"]],
      // The server sends again what it has.
      lines(kind, 2, 5),
    ]);
    const made = client(plan.url, options);
    const gaps = [];
    made.addEventListener("gap", (event) => gaps.push(event));
    await waits(made, 5);
    const got = [];
    made.on(({ data }) => got.push(data.n));
    await waitFor(() => got.length === 5, "the messages");
    equal([got, gaps.length, made.lastEventId], [numbers(1, 5), 0, "5"], "messages, gaps, cursor");
  });

  test(`${name}: a storage has what was delivered, and no more`, async () => {
    const storage = memory();
    const key = unique();
    const resume = { ...options.resume, storage, key };
    const plan = script(kind, [lines(kind, 1, 3), lines(kind, 1, 3)]);
    const first = client(plan.url, { ...options, resume });
    await waits(first, 3);
    first.close();
    equal(storage.values.size, 0, "stored");
    const second = client(plan.url, { ...options, resume });
    await waits(second, 3);
    equal(await pull(second, 2), [1, 2], "the loop");
    equal([second.lastEventId, second.stats().waiting], ["2", 1], "after the loop");
    second.close();
    equal(JSON.parse([...storage.values.values()][0])[0], "2", "stored");
  });

  test(`${name}: more than 1 024: the oldest are let go, and a gap comes before all else`, async () => {
    const made = client((kind === "ws" ? ws : sse)("/count?to=3000&rate=1000000"), options);
    await waitFor(() => made.stats().received === 3000, "3 000 messages");
    equal(counts(made), [1024, 0, 0, ""], "before");
    const seen = [];
    made.addEventListener("gap", ({ outcome, after, before }) => seen.push([outcome, after, before]));
    made.on(({ lastEventId }) => seen.push(lastEventId));
    await waitFor(() => seen.length === 1025, "the messages");
    equal(seen[0], ["gap", "", "1977"], "gap");
    equal([seen[1], seen.at(-1)], ["1977", "3000"], "messages");
    equal(counts(made), [0, 1024, 1, "3000"], "after");
    equal(made.stats().outcome, "gap", "outcome");
  });

  test(`${name}: closed while messages wait: lastEventId stays at the last one that was delivered`, async () => {
    const plan = script(kind, [[...lines(kind, 1, 5)]]);
    const unheard = client(plan.url, options);
    await waits(unheard, 5);
    unheard.close();
    equal([unheard.lastEventId, unheard.stats().waiting], ["", 0], "nobody listened");
    const left = client(plan.url, options);
    equal(await pull(left, 2), [1, 2], "a loop that was left");
    await waits(left, 3);
    left.close();
    equal(left.lastEventId, "2", "a loop that was left");
    const heard = client(plan.url, options);
    await waits(heard, 5);
    const got = [];
    heard.on(({ data }) => {
      got.push(data.n);
      heard.close();
    });
    await waitFor(() => heard.state === "closed", "the first message");
    equal([got, heard.lastEventId], [[1], "1"], "closed by a handler");
  });

  test(`${name}: a loop that is left leaves the rest to the next one, or to a handler`, async () => {
    const plan = script(kind, [[...lines(kind, 1, 9)]]);
    const made = client(plan.url, options);
    equal(await pull(made, 1), [1], "the first loop");
    equal(made.lastEventId, "1", "lastEventId");
    await waits(made, 8);
    equal(await pull(made, 3), [2, 3, 4], "the second loop");
    equal(made.lastEventId, "4", "lastEventId");
    const got = [];
    made.on(({ data }) => got.push(data.n), { once: true });
    await waitFor(() => got.length, "one more");
    equal([got, made.stats().waiting], [[5], 4], "once");
    const abort = new AbortController();
    made.on(
      ({ data }) => {
        if (got.push(data.n) === 3) abort.abort();
      },
      { signal: abort.signal },
    );
    await waitFor(() => got.length === 3, "two more");
    equal([got, made.stats().waiting], [[5, 6, 7], 2], "aborted");
    equal(await pull(made, 2), [8, 9], "the last loop");
    equal(counts(made), [0, 9, 0, "9"], "after");
  });
}

test("what others had is not the next loop's", async () => {
  const plan = script("ws", [lines("ws", 1, 5)]);
  const made = client(plan.url);
  const got = [];
  made.on(({ data }) => got.push(data.n));
  equal(await pull(made, 1), [1], "the loop");
  await waitFor(() => got.length === 5, "the handler's");
  equal(made.stats().waiting, 0, "nothing waits");
});

test("a handler of another type listens as well: what it does not ask for is let go", async () => {
  const plan = script("ws", [
    [
      ["send", '{"type":"a"}'],
      ["send", '{"type":"b"}'],
      ["send", '{"type":"a"}'],
    ],
  ]);
  const made = client(plan.url);
  const got = [];
  await waits(made, 3);
  made.on("a", ({ type }) => got.push(type));
  await waitFor(() => got.length === 2, "those of its type");
  equal(counts(made), [0, 3, 0, ""], "after");
});

test("close() drops what waits; close() in the handler of the first is the last of it", async () => {
  const plan = script("ws", [lines("ws", 1, 3)]);
  const made = client(plan.url);
  const got = [];
  await waits(made, 3);
  made.on(({ data }) => {
    got.push(data.n);
    made.close();
  });
  await waitFor(() => made.state === "closed", "the close");
  const other = client(plan.url);
  await waits(other, 3);
  other.close();
  other.on(({ data }) => got.push(data.n));
  for await (const { data } of other) got.push(data.n);
  equal([got, made.stats().waiting, other.stats().waiting], [[1], 0, 0], "messages");
});

for (const [name, request] of [
  ["until", { until: ({ data }) => data.n === 3 }],
  ["the end of a POST", { http: { method: "POST" } }],
]) {
  test(`what came before the client ended by itself is still to be had: ${name}`, async () => {
    const plan = script("sse", [[...lines("sse", 1, 3), ["end"]]]);
    for (const take of [
      (made) => pull(made),
      async (made) => {
        const got = [];
        made.on(({ data }) => got.push(data.n));
        await waitFor(() => got.length === 3, "the messages");
        return got;
      },
    ]) {
      const made = client(plan.url, request);
      const closed = new Promise((resolve) => made.addEventListener("close", resolve));
      equal((await closed).reason, "ended", "reason");
      equal(await take(made), [1, 2, 3], "messages");
    }
  });
}

test("a stream that ended is over in the storage when what waited was delivered, and not before", async () => {
  const storage = memory(),
    key = unique();
  const plan = script("sse", [lines("sse", 1, 3)]);
  const made = client(plan.url, { until: ({ data }) => data.n === 3, resume: { storage, key } });
  await waitFor(() => made.state === "closed", "the end");
  // No place: something that a logout can remove (`forget`).
  equal([...storage.values.values()], ["[]"], "before");
  equal(await pull(made), [1, 2, 3], "messages");
  const [id, , , , over] = JSON.parse([...storage.values.values()][0]);
  equal([id, over], ["3", performance.timeOrigin], "after");
});

test("until is asked once of each message, waiting or not", async () => {
  const plan = script("ws", [lines("ws", 1, 4)]);
  const asked = [];
  const made = client(plan.url, { until: ({ data }) => asked.push(data.n) === 9 });
  await waits(made, 4);
  equal(await pull(made, 1), [1], "the loop");
  equal(await pull(made, 3), [2, 3, 4], "the next one");
  equal(asked, [1, 2, 3, 4], "asked");
});

test("acks and replies do not wait behind it; a server's gap has its place", async () => {
  const plan = script("ws", [[...lines("ws", 1, 2), ["send", '{"type":"gap"}'], line("ws", 3), ["echo"]]]);
  const made = duplex(plan.url, {
    reconnect: quick,
    resume: { id: "eventId", gap: "gap" },
    outbox: { ack: { match: ({ data }) => data.ack } },
  });
  after(() => made.close());
  await waits(made, 3 + 1);
  equal((await made.request({ id: "q" })).data.id, "q", "reply");
  equal((await made.send({ id: "m", ack: "m" })).status, "acked", "ack");
  const seen = [];
  made.addEventListener("gap", ({ outcome, after: last, before }) => seen.push([outcome, last, before]));
  made.on(({ data }) => seen.push(data.n));
  await waitFor(() => seen.length === 4, "all");
  equal(seen, [1, 2, ["gap", "2", "3"], 3], "order");
});

test("the handles of topics: each for itself, as the client", async () => {
  const chats = (topic, to) => numbers(1, to).map((n) => say({ type: "chat", topic, n, id: `${n}` }));
  const plan = script("ws", [[joined("a"), ...chats("a", 3)]]);
  const made = duplex(plan.url, { reconnect: quick, subscriptions: { id: "id" } });
  after(() => made.close());
  const room = made.subscribe("a"),
    other = made.subscribe("a");
  await waitFor(
    () => room.waiting === 3,
    () => `3 that wait, have ${room.waiting}`,
  );
  equal([room.lastEventId, made.stats().delivered], ["", 0], "before");
  equal(await pull(room, 1), [1], "the loop");
  equal([room.lastEventId, room.waiting, other.waiting], ["1", 2, 3], "after the loop");
  const got = [];
  room.on(({ data }) => got.push(data.n));
  await waitFor(() => got.length === 2, "the rest");
  equal([got, room.waiting, room.lastEventId, other.lastEventId], [[2, 3], 0, "3", ""], "the handler's");
});

const MB = "x".repeat(2 ** 20);
/** So many large messages, behind a join of each topic. */
function large(topics, count) {
  const plan = script("ws", [[["echo"]]]);
  const made = duplex(plan.url, { reconnect: quick, subscriptions: { joined: "join" }, outbox: { maxBytes: 2 ** 26 } });
  after(() => made.close());
  const rooms = topics.map((topic) => made.subscribe(topic));
  // Echoed in their order.
  const all = made.opened().then(async () => {
    for (let n = 0; n < count; n++) made.send({ topic: topics[n % topics.length], n, big: MB }, { ack: false });
    made.send({ type: "end" }, { ack: false });
    await new Promise((resolve) => made.on("end", resolve));
  });
  return { made, rooms, all };
}

test("the handles of topics that nobody hears hold 16 MiB together, and each tells its gap", async () => {
  const { made, rooms, all } = large(["a", "b", "c", "d"], 40);
  await all;
  const waiting = rooms.map((room) => room.waiting);
  const held = waiting.reduce((sum, count) => sum + count);
  equal([held > 10, held <= 16], [true, true], `${waiting}`);
  const seen = [];
  made.addEventListener("gap", ({ outcome, topic }) => seen.push([outcome, topic]));
  for (const room of rooms) room.on(({ data }) => seen.push(`${data.topic}${data.n}`));
  // What lost all that it had tells so before the next one.
  for (const { topic } of rooms) made.send({ topic, n: "end", big: "" }, { ack: false });
  await waitFor(
    () => rooms.every(({ topic }) => seen.includes(`${topic}end`)),
    () => `the last of each, have ${seen}`,
  );
  for (const { topic } of rooms) {
    const own = seen.filter((one) => (Array.isArray(one) ? one[1] : one[0]) === topic);
    equal([own[0], own.filter(Array.isArray).length], [["gap", topic], 1], topic);
  }
});

test("a loop that is behind holds 16 MiB: it overflows, and what is fetched waits", async () => {
  const { made, rooms, all } = large(["a"], 20);
  const loops = [made, ...rooms].map((from) => from[Symbol.asyncIterator]());
  await all;
  let pulled = 0;
  const error = await rejection(
    (async () => {
      for await (const _ of loops[1]) pulled++;
    })(),
  );
  equal([error.code, pulled], ["iterator-overflow", 16], "of a topic");
  const data = new TextEncoder().encode(`data: ${MB}\n\n`);
  const fetch = async () => {
    let left = 40;
    const body = new ReadableStream({
      pull: (controller) => (left-- ? controller.enqueue(data) : controller.close()),
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  };
  const slow = client("/", { reconnect: false, http: { fetch } });
  const loop = slow[Symbol.asyncIterator]();
  await waitFor(() => slow.stats().received >= 16, "16 messages");
  // Meanwhile another one reads all of it.
  const quicker = client("/", { reconnect: false, http: { fetch } });
  quicker.on(() => {});
  await waitFor(() => quicker.state === "closed", "its end");
  equal(quicker.stats().received, 40, "of the other one");
  equal(slow.stats().received, 16, "received");
  let count = 0;
  for await (const _ of { [Symbol.asyncIterator]: () => loop }) count++;
  equal(count, 40, "all of them");
});

test("what waits is weighed with its ids, its names and what it came in: 16 MiB of all", async () => {
  const data = `data: ${"y".repeat(30)}`,
    most = 2 ** 24;
  for (const text of [`id: ${MB}\n`, `event: ${MB}\n`, `:${MB}\n`, ":\n".repeat(30_000)]) {
    const event = new TextEncoder().encode(`${text}${data}\n\n`);
    const count = Math.ceil((2 * most) / event.length);
    let left = count;
    const body = new ReadableStream({
      pull: (controller) => (left-- ? controller.enqueue(event) : controller.close()),
    });
    const fetch = async () => new Response(body, { headers: { "content-type": "text/event-stream" } });
    const made = client("/", { reconnect: false, http: { fetch } });
    await waitFor(() => made.state === "closed", "its end");
    const { received, waiting } = made.stats(),
      held = waiting * event.length;
    ok(
      received === count && held > most / 2 && held <= most,
      `${waiting} of ${received} wait behind ${text.slice(0, 5)}`,
    );
  }
});

test("the handle of a topic: more than 1 024", async () => {
  const subscriptions = { topic: () => "b", id: ({ data }) => data.eventId, confirm: false };
  const made = duplex(ws("/count?to=1030"), { reconnect: quick, subscriptions });
  after(() => made.close());
  const room = made.subscribe("b");
  await waitFor(() => made.stats().received === 1030, "1 030 messages");
  equal([room.waiting, room.lastEventId], [1024, ""], "before");
  const seen = [];
  made.addEventListener("gap", ({ outcome, after: last, before, topic }) => seen.push([outcome, last, before, topic]));
  room.on(({ lastEventId }) => seen.push(Number(lastEventId)));
  await waitFor(() => seen.length === 1025, "the messages");
  equal(seen, [["gap", "", "7", "b"], ...numbers(7, 1030)], "gap, messages");
});

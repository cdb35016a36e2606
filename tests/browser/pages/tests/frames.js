// Several messages in one frame (`batch`), and messages that are decoded later (`codec.decode` gives a promise).
import { batch } from "/pkg/index.js";
import { nchan } from "/pkg/presets.js";
import { client, watch } from "../client.js";
import { duplex } from "../duplex.js";
import { equal, ok, takeReports, test, thrown, waitFor, warnings } from "../harness.js";
import { echoBarrier, script, ws } from "../server.js";

const texts = (...frames) => frames.map((frame) => ["send", JSON.stringify(frame)]);
const events = (...frames) => frames.map((frame) => ["send", `data: ${JSON.stringify(frame)}\n\n`]);
/** @type {[string, "ws" | "sse", (...frames: any[]) => any[], object][]} */
const transports = [
  ["websocket", "ws", texts, {}],
  ["eventsource", "sse", events, { transport: "eventsource" }],
  ["fetch", "sse", events, {}],
];
const range = (from, to) => Array.from({ length: to - from + 1 }, (_, at) => from + at);
const ided = (...ids) => ids.map((id) => ({ eventId: `${id}`, n: id }));
const all = { decode: (text) => batch(JSON.parse(text)), encode: JSON.stringify };
const resume = { id: "eventId" };
const cut = [["wait", 30], ["reset"]];
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const fail = () => {
  throw new Error("by the test");
};
const ns = (seen) => seen.data.map(({ n }) => n);

/** Promises that are kept in the order of the test. */
function held() {
  const waiting = [];
  return {
    waiting,
    codec: {
      decode: (text) => new Promise((resolve, reject) => waiting.push([() => resolve(JSON.parse(text)), reject])),
      encode: JSON.stringify,
    },
  };
}

for (const [name, kind, frames, options] of transports) {
  test(`${name}: each message of a batch has its own id and type, in order`, async () => {
    const plan = script(kind, [
      frames([{ type: "a", eventId: "1" }, { type: "b", eventId: "2" }, "text"], [], [{ type: "a", eventId: "3" }]),
    ]);
    const made = client(plan.url, { ...options, codec: all, resume });
    const seen = watch(made);
    const typed = [];
    made.on("a", ({ lastEventId }) => typed.push(lastEventId));
    await waitFor(() => seen.messages.length === 4, "four messages");
    equal(
      seen.messages.map(({ type, lastEventId, transport }) => [type, lastEventId, transport]),
      [
        ["a", "1", name],
        ["b", "2", name],
        ["message", "2", name],
        ["a", "3", name],
      ],
      "messages",
    );
    equal([seen.data[2], typed], ["text", ["1", "3"]], "data");
    const { received, delivered } = made.stats();
    equal([received, delivered, made.lastEventId], [4, 4, "3"], "stats");
  });

  test(`${name}: an array is one message`, async () => {
    const plan = script(kind, [frames([1, 2], [[]])]);
    const made = client(plan.url, { ...options, codec: { decode: (text) => JSON.parse(text), encode: String } });
    const seen = watch(made);
    await waitFor(() => seen.messages.length === 2, "two messages");
    equal(seen.data, [[1, 2], [[]]], "data");
  });

  test(`${name}: what comes again in another batch is held back`, async () => {
    const plan = script(kind, [
      [...frames(ided(1, 2, 3), ided(4, 5)), ...cut],
      [...frames(ided(1), ided(2, 3, 4), ided(5, 6), ided(7))],
    ]);
    const made = client(plan.url, { ...options, codec: all, resume });
    const seen = watch(made);
    await waitFor(() => seen.messages.length >= 7, "seven messages");
    await sleep(50);
    equal([ns(seen), seen.gaps.length, made.stats().suppressed], [range(1, 7), 0, 5], "once, and no gap");
  });

  test(`${name}: ids that begin anew are told from a replay by what stands in each message`, async () => {
    const other = (...ids) => ided(...ids).map((one) => ({ ...one, n: -one.n }));
    const plan = script(kind, [[...frames(ided(1, 2, 3)), ...cut], [...frames([...other(1), ...other(2)], other(3))]]);
    const made = client(plan.url, { ...options, codec: all, resume });
    const seen = watch(made);
    await waitFor(
      () => seen.messages.length >= 6,
      () => `six messages, have ${ns(seen)}`,
    );
    equal([ns(seen), seen.gaps.length], [[1, 2, 3, -1, -2, -3], 1], "all, with a gap");
  });

  test(`${name}: close() in the middle of a batch lets none through`, async () => {
    const made = client(script(kind, [frames(ided(1, 2, 3), ided(4))]).url, { ...options, codec: all, resume });
    const seen = watch(made);
    made.on(({ data }) => data.n === 2 && made.close());
    await waitFor(() => seen.closed, "close");
    await sleep(50);
    equal([ns(seen), made.lastEventId], [[1, 2], "2"], "messages");
  });

  test(`${name}: reconnect() in the middle of a batch leaves the rest to the replay`, async () => {
    const plan = script(kind, [frames(ided(1, 2, 3)), frames(ided(2, 3, 4))]);
    const made = client(plan.url, { ...options, codec: all, resume });
    const seen = watch(made);
    let once = true;
    made.on(({ data }) => {
      if (data.n === 2 && once) made.reconnect((once = false));
    });
    await waitFor(() => seen.messages.length >= 4, "four messages");
    await sleep(50);
    equal([ns(seen), seen.gaps.length], [[1, 2, 3, 4], 0], "messages");
  });

  test(`${name}: until, gap and a throw count for each message of a batch`, async () => {
    const plan = script(kind, [frames([...ided(1), { type: "gone" }, ...ided(7, 8, 9)])]);
    const made = client(plan.url, {
      ...options,
      codec: all,
      resume: { id: ({ data }) => (data.n === 7 ? fail() : data.eventId), gap: "gone" },
      until: ({ data }) => data.n === 8,
    });
    const seen = watch(made);
    await waitFor(() => seen.closed, "the end");
    equal([ns(seen), seen.closed.reason], [[1, 7, 8], "ended"], "messages");
    equal(
      seen.gaps.map(({ outcome, after }) => [outcome, after]),
      [["gap", "1"]],
      "the gap",
    );
    equal(takeReports().length, 1, "the throw is reported");
  });

  test(`${name}: numbers of a batch tell what is missing`, async () => {
    const plan = script(kind, [frames([{ n: 1 }, { n: 2 }], [{ n: 2 }, { n: 5 }])]);
    const made = client(plan.url, { ...options, codec: all, resume: { seq: "n" } });
    const seen = watch(made);
    await waitFor(() => seen.messages.length === 3, "three messages");
    equal([ns(seen), seen.gaps.map(({ missing }) => missing)], [[1, 2, 5], [{ from: 3, to: 4 }]], "numbers");
  });

  test(`${name}: a loop gets the messages of a batch`, async () => {
    const made = client(script(kind, [frames(range(1, 900), range(901, 1000))]).url, { ...options, codec: all });
    const got = [];
    for await (const { data } of made) if (got.push(data) === 1000) break;
    equal(got, range(1, 1000), "all, in order");
  });

  test(`${name}: what is decoded later comes in order`, async () => {
    const plan = script(kind, [frames([40, 1], [0, 2], [20, 3], [-1, 4], [5, 5])]);
    const codec = {
      decode(text) {
        const [wait, n] = JSON.parse(text);
        return wait < 0 ? { n } : sleep(wait).then(() => ({ n, eventId: `${n}` }));
      },
      encode: String,
    };
    const made = client(plan.url, { ...options, codec, resume });
    const seen = watch(made);
    await waitFor(() => seen.messages.length === 5, "five messages");
    equal([ns(seen), made.lastEventId], [range(1, 5), "5"], "in order");
    equal(
      seen.messages.map(({ lastEventId }) => lastEventId),
      ["1", "2", "3", "3", "5"],
      "the cursor of each",
    );
  });

  test(`${name}: a batch that is decoded later`, async () => {
    const codec = { decode: async (text) => batch(JSON.parse(text)), encode: String };
    const made = client(script(kind, [frames(ided(1, 2), [], ided(3))]).url, { ...options, codec, resume });
    const seen = watch(made);
    await waitFor(() => seen.messages.length === 3, "three messages");
    equal([ns(seen), made.lastEventId], [[1, 2, 3], "3"], "messages");
  });

  test(`${name}: close() lets none through that waits to be decoded`, async () => {
    const { waiting, codec } = held();
    const made = client(script(kind, [frames(...ided(1, 2))]).url, { ...options, codec, resume });
    const seen = watch(made);
    await waitFor(() => waiting.length, "the first message");
    waiting[0][0]();
    await waitFor(() => seen.messages.length && waiting.length > 1, "the second one");
    made.close();
    waiting[1][0]();
    await sleep(30);
    equal([ns(seen), made.lastEventId, seen.events.at(-1)], [[1], "1", "close"], "the first alone");
  });

  test(`${name}: a loss is told after what came before it, and the cursor is that of what was delivered`, async () => {
    const plan = script(kind, [[...frames(...ided(1, 2)), ...cut], frames(...ided(3))]);
    const codec = { decode: (text) => sleep(120).then(() => JSON.parse(text)), encode: String };
    const made = client(plan.url, { ...options, codec, resume: { id: "eventId", via: "query" } });
    const seen = watch(made);
    const order = [];
    made.on(({ data }) => order.push(data.n));
    made.addEventListener("statechange", () => order.push(made.state));
    await waitFor(
      () => seen.messages.length === 3,
      () => `three messages, have ${order}`,
    );
    equal(order.slice(0, 4), ["open", 1, 2, "waiting"], "order");
    const log = await plan.log();
    equal(new URLSearchParams(log[1].query).get("lastEventId"), "2", "the cursor");
    equal(seen.data.length, 3, "each once");
  });

  test(`${name}: what is rejected is reported, and the stream goes on`, async () => {
    const plan = script(kind, [frames(...ided(1, 2, 3))]);
    const codec = {
      decode: async (text) => {
        const data = JSON.parse(text);
        if (data.n === 2) throw new Error("no such key");
        if (data.n === 1) await sleep(50);
        return data;
      },
      encode: String,
    };
    const made = client(plan.url, { ...options, codec, resume });
    const seen = watch(made);
    await waitFor(() => seen.messages.length === 2, "two messages");
    equal([ns(seen), made.state], [[1, 3], "open"], "the others");
    equal(
      takeReports().map(({ message }) => message),
      ["no such key"],
      "reported",
    );
  });

  test(`${name}: reconnect() leaves what waits to be decoded to the replay`, async () => {
    const { waiting, codec } = held();
    const plan = script(kind, [frames(...ided(1, 2)), frames(...ided(1, 2, 3))]);
    const made = client(plan.url, { ...options, codec, resume });
    const seen = watch(made);
    await waitFor(() => waiting.length === (kind === "ws" || name === "eventsource" ? 2 : 1), "what came");
    made.reconnect();
    for (const [resolve] of waiting.splice(0)) resolve();
    await waitFor(() => {
      for (const [resolve] of waiting.splice(0)) resolve();
      return seen.messages.length >= 3;
    }, "three messages");
    await sleep(30);
    equal(ns(seen), [1, 2, 3], "each once");
  });
}

for (const [name, kind, frames, options] of transports) {
  test(`${name}: a message with several numbers, which a replay cuts in another way`, async () => {
    const of = (U, u, e) => ({ U, u, ...(e && { e }) });
    const plan = script(kind, [
      [...frames(of(1, 3), of(4, 4), of(8, 10), of(9, 10), of(10, 12)), ...cut],
      [...frames(of(9, 12), of(11, 12), of(12, 14), of(14, 13), of(15, 16), of(1, 5, "new"), of(6, 9, "new"))],
    ]);
    const seq = ({ data: { U: first, u: last, e } }) => (e ? [e, { first, last }] : { first, last });
    const told = warnings();
    const made = client(plan.url, { ...options, resume: { seq } });
    const seen = watch(made);
    await waitFor(
      () => seen.messages.length >= 9,
      () => `nine messages, have ${JSON.stringify(seen.data)}`,
    );
    equal(
      seen.data.map(({ U, u }) => [U, u]),
      [
        [1, 3],
        [4, 4],
        [8, 10],
        [10, 12],
        [12, 14],
        [14, 13],
        [15, 16],
        [1, 5],
        [6, 9],
      ],
      "messages",
    );
    equal(
      seen.gaps.map(({ outcome, missing }) => [outcome, missing]),
      [
        ["gap", { from: 5, to: 7 }],
        ["gap", undefined],
      ],
      "gaps",
    );
    equal(told.filter((line) => line.includes("resume.seq")).length, 1, "what is no range is told");
  });
}

test("topics whose messages have several numbers", async () => {
  const of = (topic, U, u) => JSON.stringify({ topic, U, u });
  const plan = script("ws", [
    [
      ["wait", 200],
      ["send", '{"type":"joined","topic":"a"}'],
      ...[of("a", 1, 5), of("a", 6, 7), of("a", 6, 7), of("a", 7, 9), of("a", 12, 13)].map((text) => ["send", text]),
    ],
  ]);
  const made = duplex(plan.url, { subscriptions: { seq: ({ data }) => ({ first: data.U, last: data.u }) } });
  const seen = watch(made);
  const heard = [];
  made.subscribe("a").on(({ data }) => heard.push(data.u));
  await waitFor(() => heard.at(-1) === 13, "the last");
  equal(
    [heard, seen.gaps.map(({ topic, missing }) => [topic, missing])],
    [[5, 7, 9, 13], [["a", { from: 10, to: 11 }]]],
    "messages",
  );
});

test("the id of an event is that of the last message in it", async () => {
  const made = client(script("sse", [[["send", "id: 7\ndata: [1,2,3]\n\n"]]]).url, { codec: all });
  const seen = watch(made);
  await waitFor(() => seen.messages.length === 3, "three messages");
  equal(
    seen.messages.map(({ data, lastEventId }) => [data, lastEventId]),
    [
      [1, ""],
      [2, ""],
      [3, "7"],
    ],
    "ids",
  );
});

test("a batch larger than a loop holds is not read past it over fetch, and ends the loop over WebSocket", async () => {
  const many = range(1, 5000);
  const made = client(script("sse", [events(many, [0])]).url, { codec: all });
  const got = [];
  for await (const { data } of made) {
    if (got.length % 500 === 0) await sleep(1);
    if (!data) break;
    got.push(data);
  }
  equal(got, many, "over fetch");
  const socket = client(script("ws", [texts(many)]).url, { codec: all });
  const loop = socket[Symbol.asyncIterator]();
  await socket.opened();
  await sleep(100);
  let count = 0;
  const error = await (async () => {
    while (!(await loop.next()).done) count++;
  })().catch((error) => error);
  equal([error?.code, count], ["iterator-overflow", 1024], "over WebSocket");
});

test("handlers of a large batch let the page have its turn", async () => {
  for (const [kind, frames] of /** @type {[any, any][]} */ ([
    ["ws", texts],
    ["sse", events],
  ])) {
    const made = client(script(kind, [frames(range(1, 400))]).url, { codec: all });
    const starts = [];
    let last = 0;
    const turns = new MessageChannel();
    let count = 0;
    turns.port1.onmessage = () => {
      count++;
      turns.port2.postMessage(0);
    };
    // Or a frame: browsers may put these, and what yields, before other tasks.
    const frame = () => {
      count++;
      framing = requestAnimationFrame(frame);
    };
    let framing = requestAnimationFrame(frame);
    await made.opened();
    turns.port2.postMessage(0);
    made.on(({ data }) => {
      const until = performance.now() + 1;
      while (performance.now() < until);
      if (count !== last) starts.push(data);
      last = count;
    });
    await waitFor(() => made.stats().delivered === 400, "all");
    turns.port1.close();
    cancelAnimationFrame(framing);
    ok(starts.length > 4, `${kind}: the page had ${starts.length} turns`);
  }
});

test("acks, a refusal, replies and topics in one frame", async () => {
  const plan = script("ws", [
    [
      ["wait", 500],
      [
        "send",
        JSON.stringify([
          { type: "joined", topic: "a" },
          { type: "ack", id: "x" },
          { type: "no", id: "y" },
          { id: "q", n: 0 },
          { topic: "a", eventId: "5", n: 1 },
          { n: 2 },
        ]),
      ],
    ],
  ]);
  const made = duplex(plan.url, {
    codec: all,
    outbox: { ack: { refused: "no" } },
    subscriptions: { id: "eventId" },
    resume,
  });
  const seen = watch(made);
  const room = made.subscribe("a");
  const heard = [];
  room.on(({ data, lastEventId }) => heard.push([data.n, lastEventId]));
  const sends = [made.send({ id: "x" }), made.send({ id: "y" })];
  const reply = made.request({ id: "q" });
  await room.ready();
  equal(
    [(await Promise.all(sends)).map(({ status, code }) => code ?? status), (await reply).data.n],
    [["acked", "refused"], 0],
    "outcomes",
  );
  await waitFor(() => seen.messages.length, "the message");
  equal([ns(seen), heard], [[2], [[1, "5"]]], "messages");
});

test("a frame without messages is a sign of life", async () => {
  const plan = script("ws", [
    Array.from({ length: 12 }, () => [
      ["send", "[]"],
      ["wait", 50],
    ]).flat(),
  ]);
  const made = client(plan.url, { codec: all, heartbeat: { interval: 200, timeout: 100, ping: false } });
  const seen = watch(made);
  await sleep(550);
  equal([made.state, seen.messages.length, seen.retries.length], ["open", 0, 0], "still there");
});

test("a handshake receives the messages of a batch one by one, and later ones in order", async () => {
  const plan = script("ws", [texts([1, 2, 3], [4])]);
  const got = [];
  const made = client(plan.url, {
    codec: { decode: (text) => sleep(text.length).then(() => batch(JSON.parse(text))), encode: String },
    handshake: async ({ receive }) => {
      const both = await Promise.all([receive(), receive()]);
      got.push(...both.map(({ data }) => data));
    },
  });
  const seen = watch(made);
  await waitFor(() => seen.messages.length === 2, "the rest");
  equal(
    [got, seen.data],
    [
      [1, 2],
      [3, 4],
    ],
    "messages",
  );
});

test("what is lost is told also when the next message need not wait", async () => {
  const waiting = [];
  let late = true;
  const codec = {
    decode: (text) =>
      late ? new Promise((resolve) => waiting.push(() => resolve(JSON.parse(text)))) : JSON.parse(text),
    encode: JSON.stringify,
  };
  const made = client(script("ws", [[["echo"]]]).url, { codec, resume });
  const seen = watch(made);
  await made.opened();
  for (const one of ided(...range(1, 1030))) made.send(one);
  await waitFor(() => waiting.length >= 1024, "the first");
  await echoBarrier();
  await sleep(100);
  late = false;
  for (const resolve of waiting) resolve();
  await waitFor(() => seen.messages.length === 1024, "these are delivered");
  await sleep(20);
  for (const one of ided(2000)) made.send(one);
  await waitFor(() => seen.messages.length === 1025, "the last");
  equal(
    seen.gaps.map(({ outcome, after, before }) => [outcome, after, before]),
    [["gap", "1024", "2000"]],
    "the gap",
  );
});

test("more than may wait to be decoded is a gap", async () => {
  const { waiting, codec } = held();
  const made = client(ws("/echo"), { codec, resume });
  const seen = watch(made);
  await made.opened();
  for (const one of ided(...range(1, 1100))) made.send(one);
  await waitFor(() => waiting.length >= 1024, "the first");
  await echoBarrier();
  await sleep(100);
  equal(waiting.length, 1024, "no more is decoded");
  for (const [resolve] of waiting.splice(0)) resolve();
  await waitFor(() => seen.messages.length === 1024, "these are delivered");
  equal(seen.gaps.length, 0, "no gap yet");
  for (const one of ided(2000, 2001)) made.send(one);
  await waitFor(() => {
    for (const [resolve] of waiting.splice(0)) resolve();
    return seen.messages.length === 1026;
  }, "the last");
  equal(ns(seen), [...range(1, 1024), 2000, 2001], "messages");
  equal(
    seen.gaps.map(({ outcome, after, before }) => [outcome, after, before]),
    [["gap", "1024", "2000"]],
    "the gap",
  );
});

test("nchan: the id is that of the last message of a batch, and of the frame that is decoded", async () => {
  const framed = (id, body) => ["send", `id: ${id}\n\n${JSON.stringify(body)}`];
  const plan = script("ws", [[framed("1:0", [40, 1, 2]), framed("1:1", [0, 3]), framed("1:2", [5, 4, 5])]]);
  for (const later of [false, true]) {
    const codec = {
      decode(text) {
        const [wait, ...list] = JSON.parse(text);
        return later ? sleep(wait).then(() => batch(list)) : batch(list);
      },
      encode: String,
    };
    const seen = watch(client(plan.url, nchan({ codec })));
    await waitFor(() => seen.messages.length === 5, "five messages");
    equal(
      seen.messages.map(({ data, lastEventId }) => [data, lastEventId]),
      [
        [1, ""],
        [2, "1:0"],
        [3, "1:1"],
        [4, "1:1"],
        [5, "1:2"],
      ],
      `later: ${later}`,
    );
  }
});

test("batch says what it cannot take", () => {
  for (const given of ["text", { length: 1 }, [Promise.resolve()], [batch([])]]) {
    equal(thrown(() => batch(/** @type {any} */ (given)))?.code, "invalid-option", `${given}`);
  }
});

test("a decoder that answers at once is as it was: in the task of the frame", async () => {
  const made = client(script("ws", [texts(ided(1, 2))]).url, { codec: all });
  const order = [];
  await made.opened();
  made.on(({ data }) => {
    order.push(data.n);
    queueMicrotask(() => order.push(`after ${data.n}`));
  });
  await waitFor(() => order.length === 4, "both");
  equal(order, [1, 2, "after 1", "after 2"], "order");
});

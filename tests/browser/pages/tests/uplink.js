// What is sent over an event stream: POSTs beside it.
import { quick } from "../client.js";
import { duplex, ledger, numbers, outcome, outcomes, requests } from "../duplex.js";
import { after, equal, ok, rejection, test, thrown, waitFor } from "../harness.js";
import { fault, script, sse, unique, ws } from "../server.js";

/** A stream that is open and says nothing. */
const silent = () => script("sse", [[["send", ": hello\n\n"]]]).url;
const posted = async (plan) => (await plan.log()).map(({ received }) => JSON.parse(received[0]));

/** A page of its own, which can go. */
async function page() {
  const frame = document.createElement("iframe");
  frame.src = "/frame.html";
  const loaded = new Promise((resolve) => {
    frame.onload = resolve;
  });
  document.body.append(frame);
  after(() => frame.remove());
  await loaded;
  const { connect } = await /** @type {Window} */ (frame.contentWindow).loadDuplex();
  return { frame, connect };
}

for (const transport of ["fetch", "eventsource"]) {
  test(`${transport}: acked, in order, once, many in a request`, async () => {
    const key = unique(),
      server = ledger(`&key=${key}`);
    const made = duplex(server.both, { transport, outbox: { ack: true, inFlight: 64 } });
    const seen = [];
    made.on((message) => seen.push(message));
    const sends = numbers(1, 300).map((message) => made.send(message));
    equal([...new Set(await outcomes(sends))], ["acked"], "outcomes");
    equal(await server.report(), [300, 0, 0], "applied, repeats, disordered");
    equal(
      [seen.length, made.stats().acked, made.stats().queued, made.bufferedAmount],
      [0, 300, 0, 0],
      "nothing of it is the app's",
    );
    const [stream, ...posts] = await requests(key);
    ok(posts.length < 20, `${posts.length} requests`);
    const connection = (record) => new URLSearchParams(record.query).get("connection") ?? "";
    ok(/^\d+(-\d+){3}$/.test(connection(stream)), connection(stream));
    equal(
      [...new Set(posts.map((post) => [post.method, connection(post), post.headers["content-type"]].join()))],
      [`POST,${connection(stream)},application/json`],
      "requests",
    );
  });

  test(`${transport}: acks in the answers`, async () => {
    const server = ledger("&ack=body");
    const made = duplex(server.both, { transport, outbox: { ack: true } });
    equal([...new Set(await outcomes(numbers(1, 100).map((message) => made.send(message))))], ["acked"], "outcomes");
    equal(await server.report(), [100, 0, 0], "applied");
  });

  test(`${transport}: over drops and a restart of the server, each once and in order`, async () => {
    const server = ledger();
    const made = duplex(server.both, { transport, outbox: { ack: true } });
    const sends = numbers(1, 100).map((message) => made.send(message));
    for (const path of ["/fault/drop", "/fault/restart?down=100", "/proxy/reset", "/fault/drop"]) {
      await Promise.race(sends.slice(-50));
      await fault(path);
      sends.push(...numbers(sends.length + 1, sends.length + 100).map((message) => made.send(message)));
    }
    equal([...new Set(await outcomes(sends))], ["acked"], "outcomes");
    const [applied, , disordered] = await server.report();
    equal([applied, disordered], [500, 0], "applied, disordered");
  });

  test(`${transport}: requests, with replies on the stream and in the answer`, async () => {
    for (const query of ["", "?reply=body"]) {
      const made = duplex({ sse: sse("/echo"), uplink: sse(`/echo${query}`) }, { transport });
      const replies = await Promise.all(Array.from({ length: 50 }, (_, n) => made.request({ n })));
      equal(
        replies.map(({ data }) => data.n),
        Array.from({ length: 50 }, (_, n) => n),
        `replies${query}`,
      );
    }
  });
}

test("a text is itself, what is no JSON as a JSON string, bytes by themselves", async () => {
  const made = duplex({ sse: sse("/echo"), uplink: sse("/echo") });
  const seen = [];
  made.on(({ data }) => seen.push(data));
  for (const message of [
    "plain",
    ' {"a":1}',
    '{"a":1}',
    "[1",
    { b: 2 },
    new Uint8Array([1, 2, 3]),
    new Blob(["four"]),
    "",
  ])
    made.send(message);
  await waitFor(
    () => seen.length === 8,
    () => JSON.stringify(seen),
  );
  equal(
    seen,
    ["plain", ' {"a":1}', { a: 1 }, "[1", { b: 2 }, { length: 3, type: "bytes" }, { length: 4, type: "bytes" }, ""],
    "echoes",
  );
});

test("a buffer that is used again went as it was", async () => {
  const plan = script("sse", [[["status", 204]]]);
  const made = duplex({ sse: silent(), uplink: plan.url });
  await made.opened();
  const buffer = new TextEncoder().encode("one");
  const sent = made.send(buffer);
  buffer.fill(120);
  equal(await outcome(sent), "sent", "outcome");
  equal((await plan.log())[0].received, ["one"], "at the server");
});

test("a send is settled by the answer; one request at a time, and the rest in the next", async () => {
  const plan = script("sse", [
    [
      ["wait", 300],
      ["status", 204],
    ],
    [["status", 204]],
  ]);
  const made = duplex({ sse: silent(), uplink: plan.url });
  await made.opened();
  const first = made.send({ n: 1 });
  await waitFor(async () => (await plan.log()).length === 1, "the first request");
  const rest = numbers(2, 5).map((message) => made.send(message));
  ok(made.bufferedAmount > 0, "all of it counts as buffered");
  let settled = false;
  first.then(() => {
    settled = true;
  });
  equal(await outcome(made.send({}, { volatile: true })), "volatile", "no time for that");
  ok(!settled, "not yet");
  equal(await outcomes([first, ...rest]), Array(5).fill("sent"), "outcomes");
  await made.drained();
  equal(await posted(plan), [[{ n: 1 }], numbers(2, 5)], "requests");
});

test("priority, ttl and signal, as on a socket", async () => {
  const plan = script("sse", [
    [
      ["wait", 300],
      ["status", 204],
    ],
    [["status", 204]],
  ]);
  const made = duplex({ sse: silent(), uplink: plan.url });
  await made.opened();
  const abort = new AbortController();
  made.send({ n: 1 });
  await waitFor(async () => (await plan.log()).length === 1, "the first request");
  const sends = [
    made.send({ n: 2 }),
    made.send({ n: 3 }, { ttl: 50 }),
    made.send({ n: 4 }, { signal: abort.signal }),
    made.send({ n: 5 }, { priority: true }),
  ];
  abort.abort();
  equal(await outcomes(sends), ["sent", "expired", "aborted", "sent"], "outcomes");
  equal((await posted(plan))[1], [{ n: 5 }, { n: 2 }], "the second request");
});

test("maxMessages, maxBytes", async () => {
  const plan = script("sse", [[["status", 204]]]);
  const made = duplex({ sse: silent(), uplink: plan.url }, { uplink: { maxMessages: 3, maxBytes: 40 } });
  await made.opened();
  await outcomes([...numbers(1, 4), { text: "x".repeat(50) }, ...numbers(6, 7)].map((message) => made.send(message)));
  equal(
    (await posted(plan)).map((batch) => batch.length),
    [3, 1, 1, 2],
    "requests",
  );
});

test("the uplink's function and the headers are asked for each request", async () => {
  const key = unique(),
    contexts = [];
  const uplink = async (context) => {
    contexts.push([context.reason, context.attempt, context.lastEventId, context.signal instanceof AbortSignal]);
    return sse(`/echo?reply=body&key=${key}&n=${contexts.length}`);
  };
  let tokens = 0;
  const made = duplex(sse("/echo"), {
    uplink,
    http: { headers: () => ({ authorization: `Bearer ${++tokens}` }) },
    resume: { from: "7" },
  });
  await made.request({ n: 1 });
  await made.request({ n: 2 });
  equal(contexts, Array(2).fill(["initial", 0, "7", true]), "contexts");
  const seen = (await requests(key)).map(({ query, headers }) => [
    new URLSearchParams(query).get("n"),
    headers.authorization,
  ]);
  equal(
    seen,
    [
      ["1", "Bearer 2"],
      ["2", "Bearer 3"],
    ],
    "requests",
  );
});

test("an endpoint's function may give the uplink, another one each time", async () => {
  const key = unique();
  const made = duplex(({ attempt }) => ({
    sse: sse("/echo"),
    uplink: sse(`/echo?reply=body&key=${key}&n=${attempt}`),
  }));
  await made.request({ n: 1 });
  await fault("/fault/drop");
  await waitFor(() => made.stats().opens === 2, "the next stream");
  await made.request({ n: 2 });
  equal(
    (await requests(key)).map(({ query }) => new URLSearchParams(query).get("n")),
    ["0", "1"],
    "requests",
  );
  const wrong = duplex(() => ({ sse: sse("/echo"), uplink: 5 }));
  const { failure } = await new Promise((resolve) => wrong.addEventListener("retry", resolve));
  equal([failure.code, failure.cause?.code], ["provider", "invalid-option"], "no address");
  const without = duplex(() => sse("/echo"));
  await without.opened();
  equal(await outcome(without.send({})), "no-uplink", "none");
});

test("name: another one, or none", async () => {
  for (const [name, expected] of [
    ["stream", ["stream"]],
    [false, []],
  ]) {
    const key = unique();
    const made = duplex(sse(`/echo?key=${key}`), { uplink: { url: sse(`/echo?reply=body&key=${key}`), name } });
    await made.request({});
    const names = (await requests(key)).map(({ query }) =>
      [...new URLSearchParams(query).keys()].filter((each) => !/^(key|reply)$/.test(each)),
    );
    equal(names, [expected, expected], `${name}`);
  }
});

test("topics are joined by the first message of each stream, before what waits", async () => {
  const key = unique();
  const room = `room-${key.toLowerCase().replace(/[^a-z0-9]/g, "")}`.slice(0, 30);
  const url = sse(`/rooms?name=me&key=${key}`);
  const made = duplex(
    { sse: url, uplink: url },
    { outbox: { ack: true }, subscriptions: { id: ({ data }) => (data.type === "chat" ? data.eventId : undefined) } },
  );
  const topic = made.subscribe(room);
  const seen = [];
  topic.on("chat", ({ data }) => seen.push(data.text));
  const said = [made.send({ type: "chat", topic: room, from: "me", text: "one" })];
  await topic.ready();
  equal(await outcome(said[0]), "acked", "the first");
  await fault("/fault/drop");
  said.push(made.send({ type: "chat", topic: room, from: "me", text: "two" }));
  equal(await outcome(said[1]), "acked", "the second");
  await topic.ready();
  await waitFor(
    () => seen.length === 2,
    () => JSON.stringify(seen),
  );
  const posts = (await requests(key))
    .filter(({ method }) => method === "POST")
    .map(({ body }) => JSON.parse(body).map(({ type, lastEventId }) => [type, Boolean(lastEventId)]));
  const [first] = posts[0];
  equal(first, ["join", false], "the first message");
  equal(
    posts.map(([first]) => first).filter(([type]) => type === "join"),
    [
      ["join", false],
      ["join", true],
    ],
    "joins are the first of their request",
  );
  equal(seen, ["one", "two"], "messages");
});

test("each of several servers has its own uplink", async () => {
  const plans = [0, 1].map(() => script("sse", [[["status", 204]]]));
  const [first, second] = [
    script("sse", [[["send", ": hello\n\n"], ["wait", 400], ["reset"]]]),
    script("sse", [[["send", ": hello\n\n"]]]),
  ];
  const made = duplex([
    { sse: first.url, uplink: plans[0].url },
    { sse: second.url, uplink: plans[1].url },
  ]);
  equal(await outcome(made.send({ n: 1 })), "sent", "outcome");
  await waitFor(() => made.stats().opens === 2, "the other server");
  equal(await outcome(made.send({ n: 2 })), "sent", "outcome");
  equal(await Promise.all(plans.map(posted)), [[[{ n: 1 }]], [[{ n: 2 }]]], "requests");
});

test("what cannot be sent is refused, and harms nobody", async () => {
  const plan = script("sse", [[["status", 204]]]);
  const made = duplex({ sse: silent(), uplink: plan.url });
  await made.opened();
  const { buffer } = new Uint8Array([1, 2]);
  structuredClone(buffer, { transfer: [buffer] });
  equal(await outcomes([made.send(buffer), made.send({ n: 1 })]), ["refused", "sent"], "outcomes");
  if (typeof SharedArrayBuffer === "function")
    equal(await outcome(made.send(new SharedArrayBuffer(4))), "refused", "shared");
});

test("a function that never answers is a failure after uplink.timeout", async () => {
  let asked = 0;
  const plan = script("sse", [[["status", 204]]]);
  const made = duplex(silent(), { uplink: { url: () => (asked++ ? plan.url : new Promise(() => {})), timeout: 200 } });
  const failed = new Promise((resolve) => made.addEventListener("retry", resolve, { once: true }));
  equal(await outcome(made.send({ n: 1 })), "sent", "outcome");
  const { failure } = await failed;
  equal([failure.code, failure.cause?.code], ["provider", "uplink"], "failure");
});

test("many topics are joined by requests of bounded size", async () => {
  const plan = script("sse", [[["status", 204]]]);
  const made = duplex(
    { sse: silent(), uplink: plan.url },
    { subscriptions: { confirm: false }, uplink: { maxBytes: 20_000 } },
  );
  const topics = Array.from({ length: 1_000 }, (_, n) => made.subscribe(`topic-${n}`));
  await Promise.all(topics.map((topic) => topic.ready()));
  equal(await outcome(made.send({ n: 1 })), "sent", "what comes after them");
  const batches = await posted(plan);
  ok(
    batches.every((batch) => JSON.stringify(batch).length <= 20_001),
    "sizes",
  );
  equal([batches.slice(0, -1).flat().length, batches.at(-1)], [1_000, [{ n: 1 }]], "joins, and then the rest");
});

test("close(): what is out is unknown, what waits is dropped, the request is called off", async () => {
  const plan = script("sse", [[["hang"]]]);
  const made = duplex({ sse: silent(), uplink: plan.url });
  await made.opened();
  const sends = [made.send({ n: 1 })];
  await waitFor(async () => (await plan.log()).length === 1, "the request");
  sends.push(made.send({ n: 2 }));
  made.close();
  equal(await outcomes(sends), ["unknown", "closed"], "outcomes");
});

test("a planned change of the stream: each once and in order", async () => {
  const server = ledger();
  const made = duplex(server.both, { outbox: { ack: true }, reconnect: { ...quick, maxAge: 1_000 } });
  const states = [];
  await made.opened();
  made.addEventListener("statechange", () => states.push(made.state));
  const sends = [];
  while (made.stats().opens < 3) {
    sends.push(made.send({ n: sends.length + 1 }));
    await sends.at(-1);
  }
  equal([...new Set(await outcomes(sends))], ["acked"], "outcomes");
  const [applied, , disordered] = await server.report();
  equal([applied, disordered, states], [sends.length, 0, []], "applied, disordered, states");
});

test("a page that goes sends what waits", async () => {
  const plan = script("sse", [[["hang"]], [["status", 204]]]);
  const { frame, connect } = await page();
  const made = connect({ sse: silent(), uplink: plan.url }, { reconnect: quick });
  await made.opened();
  made.send({ n: 1 });
  await waitFor(async () => (await plan.log()).length === 1, "the first request, which is not answered");
  for (const message of numbers(2, 4)) made.send(message);
  frame.src = "/away.html";
  await waitFor(async () => (await plan.log()).length === 2, "the request of the page that went");
  equal((await posted(plan))[1], numbers(2, 4), "what it carried");
});

test("and what has no ack yet", async () => {
  for (const leave of [
    (frame) => {
      frame.src = "/away.html";
    },
    (frame) => frame.remove(),
  ]) {
    const plan = script("sse", [[["hang"]], [["status", 204]]]);
    const { frame, connect } = await page();
    const made = connect({ sse: silent(), uplink: plan.url }, { reconnect: quick, outbox: { ack: true } });
    await made.opened();
    made.send({ id: "a" });
    made.send({ id: "b" }, { ack: false });
    await waitFor(async () => (await plan.log()).length === 1, "the first request, which is not answered");
    made.send({ id: "c" });
    leave(frame);
    await waitFor(async () => (await plan.log()).length === 2, "the request of the page that went");
    equal((await posted(plan))[1], [{ id: "a" }, { id: "c" }], "what it carried");
  }
});

test("a page that comes back sends again what got no ack", async () => {
  const plan = script("sse", [[["hang"]], [["status", 204]]]);
  const { frame, connect } = await page();
  const made = connect({ sse: silent(), uplink: plan.url }, { reconnect: quick, outbox: { ack: true } });
  after(() => made.close());
  await made.opened();
  made.send({ id: "a" });
  await waitFor(async () => (await plan.log()).length === 1, "the first request, which is not answered");
  made.send({ id: "b" });
  const other = /** @type {any} */ (frame.contentWindow);
  const happens = (name) => other.dispatchEvent(new other.PageTransitionEvent(name, { persisted: true }));
  happens("pagehide");
  equal(made.state, "suspended", "state");
  await waitFor(async () => (await plan.log()).length === 2, "the request of the page that went");
  happens("pageshow");
  await waitFor(async () => (await plan.log()).length === 3, "the request of the page that came back");
  equal((await posted(plan)).slice(1), Array(2).fill([{ id: "a" }, { id: "b" }]), "what they carried");
});

test("what cannot be", async () => {
  for (const [name, endpoint, options] of [
    ["uplink", { sse: sse("/echo"), uplink: 5 }, {}],
    ["uplink", { sse: sse("/echo"), uplink: "" }, {}],
    ["uplink", sse("/echo"), { uplink: 5 }],
    ["uplink", sse("/echo"), { uplink: {} }],
    ["uplink", sse("/echo"), { uplink: null }],
    ["uplink", sse("/echo"), { uplink: "http://[" }],
    ["uplink", sse("/echo"), { uplink: ws("/echo") }],
    [
      "uplink",
      [
        { sse: sse("/echo"), uplink: "/a" },
        { sse: sse("/echo"), uplink: "ftp://a" },
      ],
      {},
    ],
    ["uplink", { sse: sse("/echo"), uplink: "/a" }, { http: { method: "POST", body: "x" } }],
    ["uplink.url", sse("/echo"), { uplink: { url: "" } }],
    ["uplink.name", sse("/echo"), { uplink: { url: "/x", name: "" } }],
    ["uplink.maxMessages", sse("/echo"), { uplink: { url: "/x", maxMessages: 0 } }],
    ["uplink.maxBytes", sse("/echo"), { uplink: { url: "/x", maxBytes: "1" } }],
    ["uplink.timeout", sse("/echo"), { uplink: { url: "/x", timeout: 0 } }],
    ["uplink.retries", sse("/echo"), { uplink: { url: "/x", retries: 1 } }],
  ]) {
    const error = await thrown(() => duplex(endpoint, options), name);
    equal([error.code, error.message.includes(name)], ["invalid-option", true], error.message);
  }
  const made = duplex({ sse: silent(), uplink: silent() });
  equal((await rejection(made.send({ big: 1n }))).code, "encode", "what cannot be encoded");
});

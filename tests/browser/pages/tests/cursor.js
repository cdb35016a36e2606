// How the cursor goes up: a first frame, the endpoint function, several parameters, presets.
import { mercure, nchan } from "/pkg/presets.js";
import { client, watch } from "../client.js";
import { equal, ok, takeReports, test, thrown, waitFor, warnings } from "../harness.js";
import { script, sse, ws } from "../server.js";

const numbered = (id, n) => ["send", JSON.stringify({ eventId: id, n })];

test("resume.frame is the first frame of each connection, before what waits", async () => {
  const plan = script("ws", [
    [["wait", 50], numbered("a1", 1), numbered("a2", 2), ["wait", 20], ["reset"]],
    [["wait", 50], numbered("a2", 2), numbered("a3", 3)],
  ]);
  const made = client(plan.url, {
    resume: { id: "eventId", frame: ({ id, seq }) => JSON.stringify({ type: "resume", after: id, seq }) },
  });
  made.send("queued");
  const seen = watch(made);
  await waitFor(
    () => seen.messages.at(-1)?.data.n === 3,
    () => `message 3, have ${JSON.stringify(seen.data)}`,
  );
  const [first, second] = await plan.log();
  equal(first.received, ['{"type":"resume","after":""}', "queued"], "first connection");
  equal(second.received, ['{"type":"resume","after":"a2"}'], "second connection");
  equal([first.query.lastEventId, second.query.lastEventId], [undefined, undefined], "no parameter");
  equal([seen.data.map(({ n }) => n), made.stats().outcome], [[1, 2, 3], "recovered"], "messages");
});

test("resume.frame that gives nothing sends nothing; one that throws is a failed attempt", async () => {
  const quiet = script("ws", [[["wait", 100]]]);
  const made = client(quiet.url, { resume: { frame: () => undefined } });
  await made.opened();
  await made.send("after");
  await waitFor(async () => (await quiet.log())[0].received.length === 1, "what was sent");

  const plan = script("ws", [[["wait", 1_000]]]);
  let calls = 0;
  const failing = client(plan.url, {
    resume: {
      frame: () => {
        if (++calls < 3) throw new Error("no");
        return "now";
      },
    },
  });
  const seen = watch(failing);
  await failing.opened();
  equal(
    [seen.retries.map(({ failure }) => failure.code), seen.retries[0].failure.cause.message],
    [["provider", "provider"], "no"],
    "failures",
  );
});

test('resume.via "url": the endpoint function has the cursor, nothing else is added', async () => {
  const plan = script("sse", [
    [["send", "id: x/1\ndata: 1\n\n"], ["wait", 20], ["reset"]],
    [["send", "id: x/2\ndata: 2\n\n"]],
  ]);
  const made = client(({ lastEventId }) => `${plan.url}&since=${encodeURIComponent(lastEventId)}`, {
    resume: { via: "url" },
  });
  const seen = watch(made);
  await waitFor(() => seen.messages.length === 2, "both");
  const [first, second] = await plan.log();
  equal([first.query.since, second.query.since], ["", "x/1"], "in the address");
  equal([second.query.lastEventId, second.headers["last-event-id"]], [undefined, undefined], "no more than that");
});

test('resume.via "url": an id that leads the address elsewhere is refused, a URL object goes', async () => {
  for (const id of ["../account/7?x#", "..", "%2e%2e", ".%2E\\account", "a/..%09/..\\account"]) {
    const plan = script("sse", [[["send", `id: ${id}\ndata: 1\n\n`], ["wait", 20], ["reset"]]]);
    const asked = [];
    const made = client(({ lastEventId }) => (lastEventId ? `/live/${lastEventId}` : plan.url), {
      resume: { via: "url" },
      http: { fetch: (url, init) => asked.push(String(url)) && fetch(url, init) },
    });
    const seen = watch(made);
    await waitFor(() => seen.retries.length >= 2, `retries of ${id}`);
    const { code, message } = seen.retries[1].failure;
    equal(
      [code, message.includes("encodeURIComponent"), message.includes("account")],
      ["provider", true, false],
      message,
    );
    equal(asked.length, 1, `requests: ${asked}`);
  }
  const plan = script("sse", [
    [["send", "id: 1\ndata: 1\n\n"], ["wait", 30], ["reset"]],
    [["send", "id: 2\ndata: 2\n\n"]],
  ]);
  const made = client(() => new URL(plan.url.replace(/\/(?=[^/]*$)/, "/a/../")), { resume: { via: "url" } });
  const seen = watch(made);
  await waitFor(() => seen.messages.length === 2, "both");
});

test("several parameters", async () => {
  const plan = script("sse", [
    [["send", "id: 7\ndata: 1\n\n"], ["wait", 20], ["reset"]],
    [["send", "id: 8\ndata: 2\n\n"]],
  ]);
  const seen = watch(client(plan.url, { resume: { name: ["one", "two"] } }));
  await waitFor(() => seen.messages.length === 2, "both");
  const { query } = (await plan.log())[1];
  equal([query.one, query.two, query.lastEventId], ["7", "7", undefined], "parameters");
});

test("ways that do not fit are told at once", async () => {
  for (const [what, endpoint, options] of [
    ["resume.frame", sse("/ticker"), { resume: { frame: () => "x" } }],
    ["resume.frame", ws("/echo"), { resume: { via: "frame" } }],
    ["resume.frame", ws("/echo"), { resume: { via: "query", frame: () => "x" } }],
    ["resume.via", ws("/echo"), { resume: { via: "url" } }],
    ["resume.name", ws("/echo"), { resume: { name: ["a", ""] } }],
    ["resume.outcome", sse("/ticker"), { resume: { outcome: "header" } }],
    ["heartbeat", ws("/echo"), nchan({ heartbeat: true })],
    ["heartbeat.ping", ws("/echo"), { heartbeat: { ping: true } }],
    ["resume.via", [ws("/echo"), () => ws("/echo")], { resume: { via: "url" } }],
    ["resume.name", sse("/ticker"), { resume: { name: [] } }],
    ["resume", ws("/echo"), { resume: ["eventId"] }],
    ["maxEventBytes", sse("/ticker"), { maxEventBytes: 2 ** 32 }],
    ["http", sse("/ticker"), { http: "Bearer secret" }],
    ["resume.request", sse("/ticker"), { resume: { request: "/x?token=secret" } }],
  ]) {
    const error = thrown(() => client(endpoint, options));
    equal(error.code, "invalid-option", what);
    ok(error.message.includes(what) && !error.message.includes("secret"), error.message);
  }
  for (const options of [
    { binaryType: "blob" },
    { protocols: "mine" },
    { codec: "xml" },
    { codec: { decode() {} } },
    { codec: "text", resume: { seq: "seq" } },
    { resume: { id: "eventId" } },
    null,
    5,
  ]) {
    equal(thrown(() => nchan(options)).code, "invalid-option", JSON.stringify(options));
  }
  equal(thrown(() => mercure("x")).code, "invalid-option", "mercure");
});

test("nchan over WebSocket: its subprotocol, ids from its framing, text and binary", async () => {
  const framed = (id, body) => ["send", `id: ${id}\ncontent-type: application/json\n\n${body}`];
  const binary = (id, ...bytes) => ["bytes", [...new TextEncoder().encode(`id: ${id}\n\n`), ...bytes]];
  const plan = script("ws", [
    [
      framed("100:0", '{"n":1}'),
      binary("100:1", 1, 10, 10, 255),
      framed("100:2", "id: 5\n\nnot a frame"),
      ["send", "bare\n\ntext"],
      ["wait", 20],
      ["reset"],
    ],
    [framed("100:2", "id: 5\n\nnot a frame"), framed("101:0", '{"n":2}')],
  ]);
  const made = client(plan.url, nchan({ resume: { seq: undefined } }));
  const seen = watch(made);
  await waitFor(
    () => seen.messages.length === 5,
    () => `five messages, have ${seen.messages.length}`,
  );
  const [one, two, three, four, five] = seen.messages;
  equal(
    [one.data, three.data, four.data, five.data],
    [{ n: 1 }, "id: 5\n\nnot a frame", "bare\n\ntext", { n: 2 }],
    "texts",
  );
  equal([...new Uint8Array(two.data)], [1, 10, 10, 255], "bytes");
  equal(
    seen.messages.map(({ lastEventId }) => lastEventId),
    ["100:0", "100:1", "100:2", "100:2", "101:0"],
    "ids",
  );
  const [first, second] = await plan.log();
  equal([first.protocols, first.query.last_event_id], [["ws+meta.nchan"], undefined], "first");
  equal([second.query.last_event_id, made.stats().outcome], ["100:2", "recovered"], "second");
});

test("nchan over SSE takes the messages as they are, and a heartbeat", async () => {
  const plan = script("sse", [
    [["send", "id: 1:0\ndata: id: 9\ndata:\ndata: body\n\n"], ["wait", 20], ["reset"]],
    [["send", "id: 1:1\ndata: next\n\n"]],
  ]);
  const seen = watch(client(plan.url, nchan({ heartbeat: true })));
  await waitFor(() => seen.messages.length === 2, "both");
  equal(seen.data, ["id: 9\n\nbody", "next"], "data");
  equal((await plan.log())[1].query.last_event_id, "1:0", "cursor");
});

const hub = (from, body) => [
  ["status", 200, { "content-type": "text/event-stream", ...from }],
  ["send", body],
];

for (const header of ["last-event-id", "mercure-last-event-id"]) {
  test(`mercure: the hub's word in ${header}`, async () => {
    const plan = script("sse", [
      hub({ [header]: "urn:0" }, "id: urn:1\ndata: 1\n\n"),
      hub({ [header]: "urn:1" }, "id: urn:2\ndata: 2\n\n"),
      hub({ [header]: "earliest" }, "id: urn:9\ndata: 9\n\n"),
      [["send", "id: urn:10\ndata: 10\n\n"]],
    ]);
    const made = client(plan.url, mercure());
    const order = [];
    made.addEventListener("gap", ({ outcome }) => order.push(outcome));
    made.on(({ data }) => order.push(data, made.stats().outcome));
    await waitFor(
      () => order.includes("10"),
      () => `message 10, have ${JSON.stringify(order)}`,
    );
    equal(order, ["1", null, "2", "recovered", "gap", "9", "gap", "unknown", "10", "unknown"], "order");
    const { query } = (await plan.log())[1];
    equal([query.lastEventID, query.last_event_id], ["urn:1", "urn:1"], "parameters");
  });
}

test("an outcome function that throws is reported, and proves nothing", async () => {
  const plan = script("sse", [hub({}, "id: 1\ndata: 1\n\n"), hub({}, "id: 2\ndata: 2\n\n")]);
  const made = client(plan.url, {
    resume: {
      outcome: () => {
        throw new Error("mine");
      },
    },
  });
  const seen = watch(made);
  await waitFor(() => seen.messages.length >= 2, "both");
  made.close();
  equal(seen.gaps[0].outcome, "unknown", "outcome");
  ok(
    takeReports().every(({ message }) => message === "mine"),
    "reported",
  );
});

test("an outcome is one of the two words, or none: anything else is told in the console", async () => {
  for (const given of ["Gap", true, null]) {
    const plan = script("sse", [hub({}, "id: 1\ndata: 1\n\n"), hub({}, "id: 2\ndata: 2\n\n")]);
    const told = warnings();
    const made = client(plan.url, { resume: { outcome: () => given } });
    const seen = watch(made);
    await waitFor(() => seen.messages.length >= 2, "both");
    made.close();
    equal(
      [seen.gaps[0].outcome, ...told],
      ["unknown", 'everwire: resume.outcome must give "recovered", "gap" or undefined; anything else is ignored'],
      `${given}`,
    );
  }
});

test("a frame is text or bytes", async () => {
  for (const given of [{ after: 1 }, Promise.resolve("x"), null, 5]) {
    const plan = script("ws", [[["wait", 1_000]]]);
    const made = client(plan.url, { resume: { frame: () => given }, shouldReconnect: () => false });
    const seen = watch(made);
    await waitFor(() => seen.closed, "the end");
    equal(
      [seen.closed.error.code, seen.closed.error.cause.message],
      ["provider", "everwire: resume.frame must give a string or bytes"],
      `${given}`,
    );
    equal((await plan.log())[0].received, [], "sent");
  }
});

test("what does not fit an address that a function gives is a failed attempt, and says why", async () => {
  for (const [endpoint, options, text] of [
    [ws("/echo"), nchan({ heartbeat: true }), "heartbeat"],
    [sse("/ticker"), { resume: { frame: () => "x" } }, "resume.frame"],
    [ws("/echo"), { resume: { via: "header" } }, "resume.via"],
  ]) {
    const seen = watch(client(() => endpoint, { ...options, shouldReconnect: () => false }));
    await waitFor(() => seen.closed, "the end");
    equal([seen.closed.error.code, seen.closed.error.cause.code], ["provider", "invalid-option"], text);
    ok(seen.closed.error.cause.message.includes(text), seen.closed.error.cause.message);
  }
});

test("heartbeat.ping false: a WebSocket that only listens, and speaks within the interval", async () => {
  const plan = script("ws", [
    [
      ["send", "1"],
      ["wait", 100],
      ["send", "2"],
      ["wait", 10_000],
    ],
    [["send", "3"]],
  ]);
  const seen = watch(client(plan.url, { heartbeat: { interval: 1_500, timeout: 100, ping: false } }));
  await waitFor(() => seen.messages.length === 3, "the second connection");
  equal([seen.data, seen.retries[0].failure.code], [["1", "2", "3"], "half-open"], "messages");
  equal((await plan.log())[0].received, [], "nothing was sent");
});

// EventSource, when nothing goes wrong.
import { client, watch } from "../client.js";
import { after, equal, ok, test, waitFor } from "../harness.js";
import { script, sse, wire, ws } from "../server.js";

const eventsource = { transport: "eventsource" };
const stream = (...chunks) => script("sse", [chunks.map((chunk) => ["send", chunk])]);

test("opens, tells, and closes in order", async () => {
  const made = client(stream(": hello\n\n").url, eventsource);
  equal([made.state, made.readyState], ["connecting", 0], "at once");
  const seen = watch(made);
  await made.opened();
  equal([made.state, made.readyState, made.transport], ["open", 1, "eventsource"], "open");
  made.close();
  equal([made.state, made.readyState], ["closed", 2], "closed");
  equal(seen.events, ["statechange", "open", "statechange", "close"], "events");
  equal(seen.states, ["open", "closed"], "states");
  equal([seen.closed.reason, seen.closed.code, seen.closed.error], ["app", 0, null], "close event");
});

test("named events, also those named as its own", async () => {
  const plan = stream(
    "id: 1\ndata: plain\n\n",
    'id: 2\nevent: price\ndata: {"p":1}\n\n',
    "id: 3\nevent: error\ndata: bad\n\n",
    "id: 4\nevent: open\ndata: gate\n\n",
    "id: 5\nevent: close\ndata: shut\n\n",
    "id: 6\nevent: listed\ndata: yes\n\n",
    'id: 7\ndata: {"type":"inner","v":2}\n\n',
    "id: 8\ndata: one\ndata: two\n\n",
  );
  const made = client(plan.url, { ...eventsource, events: ["listed"] });
  const heard = [];
  for (const type of ["price", "error", "open", "close", "inner"]) {
    made.on(type, (message) => heard.push([type, message.data]));
  }
  const seen = watch(made);
  await waitFor(
    () => seen.messages.length === 8,
    () => `8 messages, have ${JSON.stringify(seen.messages)}`,
  );
  equal(
    seen.messages.map((message) => message.type),
    ["message", "price", "error", "open", "close", "listed", "inner", "message"],
    "types",
  );
  equal(seen.data, ["plain", { p: 1 }, "bad", "gate", "shut", "yes", { type: "inner", v: 2 }, "one\ntwo"], "data");
  equal(
    heard,
    [
      ["price", { p: 1 }],
      ["error", "bad"],
      ["open", "gate"],
      ["close", "shut"],
      ["inner", { type: "inner", v: 2 }],
    ],
    "on(type)",
  );
  equal(
    seen.messages.map((message) => message.lastEventId),
    ["1", "2", "3", "4", "5", "6", "7", "8"],
    "ids",
  );
  equal([seen.messages[0].transport, seen.messages[0].origin], ["eventsource", wire], "message");
  equal(made.lastEventId, "8", "lastEventId");
  equal(seen.retries.length, 0, "retries: an event named error is no error");
  equal([made.state, seen.closed], ["open", null], "still open");
});

test("a type that on() asks for later is heard", async () => {
  const made = client(sse(`/ticker?name=later-${Date.now()}`), eventsource);
  await made.opened();
  const ticks = [];
  made.on("tick", (message) => ticks.push(message));
  await waitFor(() => ticks.length > 1, "ticks");
  equal(ticks[0].data.type, "tick", "data");
});

test("withCredentials sends the cookie, and only then", async () => {
  document.cookie = "everwire=yes; path=/";
  after(() => {
    document.cookie = "everwire=; path=/; max-age=0";
  });
  for (const withCredentials of [true, false]) {
    const plan = stream("data: x\n\n");
    const made = client(plan.url, { ...eventsource, withCredentials });
    await made.opened();
    const [entry] = await plan.log();
    equal((entry.headers.cookie ?? "").includes("everwire=yes"), withCredentials, `cookie with ${withCredentials}`);
  }
});

test("addresses: https is not needed, URL, object, relative", async () => {
  for (const endpoint of [new URL(sse("/count?to=1")), { sse: sse("/count?to=1"), websocket: ws("/echo") }]) {
    const made = client(endpoint, eventsource);
    await made.opened();
    equal(made.url, sse("/count?to=1"), "url");
    made.close();
  }
  const base = document.createElement("base");
  base.href = wire;
  document.head.append(base);
  after(() => base.remove());
  const made = client("/count?to=1", eventsource);
  const seen = watch(made);
  await waitFor(() => seen.messages.length === 1, "the message");
  equal(made.url, sse("/count?to=1"), "url of a relative address");
});

test("codec text, own codec, for await", async () => {
  const text = client(stream('data: {"a":1}\n\n').url, { ...eventsource, codec: "text" });
  for await (const message of text) {
    equal(message.data, '{"a":1}', "text");
    break;
  }
  const own = client(stream("data: x\n\n").url, {
    ...eventsource,
    codec: { decode: (data) => [data], encode: String },
  });
  for await (const message of own) {
    equal(message.data, ["x"], "own codec");
    break;
  }
});

test("send has no way up", async () => {
  const made = client(stream("data: x\n\n").url, eventsource);
  await made.opened();
  equal(await made.send("up"), { status: "dropped", code: "no-uplink" }, "result");
});

test("the cursor goes up in the query; its name can be chosen", async () => {
  for (const [resume, name] of /** @type {[{ name?: string, from?: string }, string][]} */ ([
    [{}, "lastEventId"],
    [{ name: "last_event_id", from: "41" }, "last_event_id"],
  ])) {
    const plan = script("sse", [
      [["send", "id: 42&é\ndata: a\n\n"], ["wait", 20], ["reset"]],
      [["send", ": hello\n\n"]],
    ]);
    const made = client(plan.url, { ...eventsource, resume });
    const seen = watch(made);
    await waitFor(() => made.stats().opens === 2, "the second connection");
    const log = await plan.log();
    equal(log[0].query[name] ?? "", resume.from ?? "", "first cursor");
    equal(log[1].query[name], "42&é", "second cursor");
    equal(seen.data, ["a"], "messages");
  }
});

test("resume by header leaves the reconnect to the browser", async () => {
  const plan = script("sse", [
    [["send", "retry: 20\nid: 7\ndata: a\n\n"], ["wait", 20], ["end"]],
    [["send", "id: 8\ndata: b\n\n"]],
  ]);
  const made = client(plan.url, { ...eventsource, resume: { via: "header" } });
  const seen = watch(made);
  await waitFor(() => seen.messages.length === 2, "both messages");
  equal(seen.data, ["a", "b"], "messages");
  equal((await plan.log())[1].headers["last-event-id"], "7", "header");
});

test("silence over the heartbeat's interval replaces the stream", async () => {
  const plan = script("sse", [[["send", "id: 1\ndata: a\n\n"]], [["send", "id: 2\ndata: b\n\n"]]]);
  const made = client(plan.url, { ...eventsource, heartbeat: { interval: 150, timeout: 100 } });
  const seen = watch(made);
  await waitFor(() => seen.messages.length >= 2, "the second message");
  equal(seen.retries[0].failure.code, "half-open", "failure");
  ok((await plan.log())[1].query.lastEventId === "1", "cursor");
});

// WebSocket, when nothing goes wrong.
import { client, watch } from "../client.js";
import { after, equal, ok, test, waitFor } from "../harness.js";
import { fault, script, sse, wire, ws } from "../server.js";

const send = (...texts) => [texts.map((text) => ["send", text])];

test("opens, tells, and closes in order", async () => {
  const made = client(ws("/echo"));
  equal(made.state, "connecting", "state at once");
  equal(made.readyState, 0, "readyState at once");
  equal(made.lastFailure, null, "lastFailure");
  equal(made.retryAt, null, "retryAt");
  const seen = watch(made);
  await made.opened();
  equal(made.state, "open", "state");
  equal(made.readyState, 1, "readyState");
  equal(made.url, ws("/echo"), "url");
  equal(made.transport, "websocket", "transport");
  equal(made.attempt, 0, "attempt");
  await made.opened();
  made.close();
  equal(made.state, "closed", "state after close");
  equal(made.readyState, 3, "readyState after close");
  equal(seen.states, ["open", "closed"], "states");
  equal(seen.events, ["statechange", "open", "statechange", "close"], "events");
  equal(seen.closed.reason, "app", "close reason");
  equal(seen.closed.error, null, "close error");
});

test("sends and receives strings, JSON and bytes", async () => {
  const made = client(ws("/echo"));
  const seen = watch(made);
  await made.opened();
  const bytes = new Uint8Array([9, 1, 2, 255, 9]);
  const results = await Promise.all([
    made.send("plain"),
    made.send(" 42"),
    made.send({ type: "chat", text: "hi" }),
    made.send([1, 2]),
    made.send(bytes.subarray(1, 4)),
    made.send(bytes.buffer),
    made.send("{broken"),
  ]);
  equal(
    results.map((result) => result.status),
    Array(7).fill("sent"),
    "results",
  );
  await waitFor(
    () => seen.messages.length === 7,
    () => `7 echoes, have ${seen.messages.length}`,
  );
  equal(seen.data[0], "plain", "text");
  equal(seen.data[1], " 42", "a token keeps its space");
  equal(seen.data[2], { type: "chat", text: "hi" }, "object");
  equal(seen.data[3], [1, 2], "array");
  ok(seen.data[4] instanceof ArrayBuffer, "binary is an ArrayBuffer");
  equal([...new Uint8Array(seen.data[4])], [1, 2, 255], "a view's own bytes");
  equal([...new Uint8Array(seen.data[5])], [...bytes], "bytes");
  equal(seen.data[6], "{broken", "what does not parse is text");
  equal(
    seen.messages.map((message) => message.type),
    ["message", "message", "chat", "message", "message", "message", "message"],
    "types",
  );
  const { transport, origin, lastEventId } = seen.messages[0];
  equal(
    { transport, origin, lastEventId },
    { transport: "websocket", origin: new URL(ws("/")).origin, lastEventId: "" },
    "message",
  );
  const stats = made.stats();
  equal(
    [
      stats.attempts,
      stats.opens,
      stats.sent,
      stats.received,
      stats.delivered,
      stats.dropped,
      stats.queued,
      stats.suppressed,
    ],
    [1, 1, 7, 7, 7, 0, 0, 0],
    "stats",
  );
});

test("text of any kind survives the round trip", async () => {
  const made = client(ws("/echo"), { codec: "text" });
  const seen = watch(made);
  await made.opened();
  const texts = ["", "é漢😀", "\u0000\u0001", '{"a":1}', "x".repeat(100_000), "\ufeffbom", "42"];
  for (const text of texts) made.send(text);
  await waitFor(() => seen.messages.length === texts.length, "the echoes");
  for (const [index, text] of texts.entries()) ok(seen.data[index] === text, `text ${index} differs`);
});

test("on: by type, for all, once, off, signal", async () => {
  const made = client(ws("/echo"));
  const heard = [];
  const abort = new AbortController();
  made.on((message) => heard.push(`all ${message.data.n}`));
  made.on("a", (message) => heard.push(`a ${message.data.n}`));
  const off = made.on("a", (message) => {
    heard.push(`off ${message.data.n}`);
    off();
  });
  made.on("a", (message) => heard.push(`once ${message.data.n}`), { once: true });
  made.on(
    "a",
    (message) => {
      heard.push(`signal ${message.data.n}`);
      abort.abort();
    },
    { signal: abort.signal },
  );
  made.on("a", () => heard.push("never"), { signal: AbortSignal.abort() });
  const late = made.on("b", (message) => heard.push(`b ${message.data.n}`));
  await made.opened();
  made.send({ type: "a", n: 1 });
  made.send({ type: "a", n: 2 });
  made.send({ type: "b", n: 3 });
  await waitFor(
    () => heard.includes("b 3"),
    () => `the third message, have ${heard}`,
  );
  equal([...heard].sort(), ["a 1", "a 2", "all 1", "all 2", "all 3", "b 3", "off 1", "once 1", "signal 1"], "heard");
  late();
  late();
});

test("types named as life-cycle events are messages", async () => {
  const made = client(
    script("ws", send('{"type":"close","n":1}', '{"type":"error","n":2}', '{"type":"open","n":3}')).url,
  );
  const heard = [];
  for (const type of ["close", "error", "open"]) made.on(type, (message) => heard.push(message.data.n));
  const seen = watch(made);
  await waitFor(() => heard.length === 3, "three messages");
  equal(heard, [1, 2, 3], "heard");
  equal(seen.closed, null, "close event");
});

test("for await gives each message, and ends with the client", async () => {
  const made = client(ws("/count?to=5"), { resume: { id: "eventId" } });
  const seqs = [];
  for await (const message of made) {
    seqs.push(message.data.seq);
    if (seqs.length === 3) break;
  }
  equal(seqs, [1, 2, 3], "before break");
  const rest = client(ws("/count?to=5"));
  const all = [];
  for await (const message of rest) {
    all.push(message.data.seq);
    if (all.length === 5) rest.close();
  }
  equal(all, [1, 2, 3, 4, 5], "all");
  equal(made.state, "open", "break leaves the client open");
});

test("a loop that falls 1 024 behind is told", async () => {
  const made = client(ws("/count?to=3000"));
  const iterator = made[Symbol.asyncIterator]();
  await waitFor(
    () => made.stats().received === 3000,
    () => `3 000 messages, have ${made.stats().received}`,
  );
  let pulled = 0;
  /** @type {any} */
  let failure = null;
  while (failure === null && pulled <= 3000) {
    try {
      await iterator.next();
      pulled += 1;
    } catch (error) {
      failure = error;
    }
  }
  equal(failure?.code, "iterator-overflow", "code");
  equal(failure?.name, "EverwireError", "name");
  ok(pulled <= 1024, `${pulled} items came out`);
});

test("subprotocols", async () => {
  const plan = script("ws", [[["echo"]]]);
  const list = client(plan.url, { protocols: ["one", "two"] });
  await list.opened();
  equal(list.protocol, "one", "protocol");
  const single = client(plan.url, { protocols: "three" });
  await single.opened();
  const asked = client(plan.url, { protocols: async (context) => [`p-${context.reason}`] });
  await asked.opened();
  equal(asked.protocol, "p-initial", "protocol of a function");
  equal(
    (await plan.log()).map((entry) => entry.protocols),
    [["one", "two"], ["three"], ["p-initial"]],
    "offered",
  );
});

test("binaryType blob", async () => {
  const made = client(script("ws", [[["bytes", [1, 2, 3]]]]).url, { binaryType: "blob" });
  const seen = watch(made);
  await waitFor(() => seen.messages.length === 1, "the message");
  ok(seen.data[0] instanceof Blob, "data is a Blob");
  equal([...new Uint8Array(await seen.data[0].arrayBuffer())], [1, 2, 3], "bytes");
});

test("addresses: http, URL, object, relative", async () => {
  const { host } = new URL(wire);
  for (const [what, endpoint] of [
    ["http", sse("/echo")],
    ["URL", new URL(ws("/echo"))],
    ["object", { websocket: ws("/echo") }],
    ["object of URL", { websocket: new URL(sse("/echo")), sse: sse("/ticker") }],
  ]) {
    const made = client(endpoint, { transport: "websocket" });
    await made.opened().catch((error) => {
      throw new Error(`${what}: ${error.message}`);
    });
    equal(made.url, `ws://${host}/echo`, `url of ${what}`);
    made.close();
  }
  const base = document.createElement("base");
  base.href = wire;
  document.head.append(base);
  after(() => base.remove());
  const made = client("echo", { transport: "websocket" });
  await made.opened();
  equal(made.url, `ws://${host}/echo`, "url of a relative address");
});

test("codecs", async () => {
  const frames = [
    [
      ["send", '{"a":1}'],
      ["bytes", [104, 105]],
    ],
  ];
  const receive = async (codec) => {
    const made = client(script("ws", frames).url, { codec });
    const seen = watch(made);
    await waitFor(() => seen.messages.length === 2, `two messages with ${codec}`);
    return seen.data;
  };
  const [text] = await receive("text");
  equal(text, '{"a":1}', "text leaves JSON alone");
  const [, binary] = await receive("binary");
  equal([...new Uint8Array(binary)], [104, 105], "binary gives bytes");
  const own = await receive({ decode: (data) => ({ raw: typeof data }), encode: String });
  equal(own, [{ raw: "string" }, { raw: "object" }], "own codec");

  const plan = script("ws", [[]]);
  const encoding = client(plan.url, { codec: { decode: (data) => data, encode: (value) => `<${value.x}>` } });
  await encoding.opened();
  await encoding.send({ x: 1 });
  await waitFor(async () => (await plan.log())[0]?.received.length === 1, "the frame");
  equal((await plan.log())[0].received, ["<1>"], "encoded");
});

test("the heartbeat measures the round trip and hides its pongs", async () => {
  const start = performance.now();
  const made = client(ws("/chat?room=pulse"), { heartbeat: { interval: 1_500 } });
  const seen = watch(made);
  await waitFor(() => made.stats().roundTrip !== null, "a round trip");
  ok(
    made.stats().roundTrip >= 0 && made.stats().roundTrip < performance.now() - start,
    `round trip ${made.stats().roundTrip}`,
  );
  equal(seen.messages.length, 0, "messages");
  equal(seen.retries.length, 0, "retries");
});

test("a ping of the server's own answers none of ours", async () => {
  const plan = script("ws", [
    [
      ["wait", 450],
      ["send", '{"type":"ping"}'],
    ],
    [["echo"]],
  ]);
  const made = client(plan.url, { heartbeat: { interval: 300, timeout: 300 } });
  const seen = watch(made);
  // The server says nothing more.
  await waitFor(() => seen.retries.length, "the loss");
  equal([made.stats().roundTrip, seen.messages.length], [null, 0], "round trip and messages");
});

test("own ping and isPong", async () => {
  const plan = script("ws", [[["echo"]]]);
  const made = client(plan.url, { heartbeat: { interval: 400, ping: "beat", isPong: (data) => data === "beat" } });
  const seen = watch(made);
  await waitFor(() => made.stats().roundTrip !== null, "a round trip");
  await made.send("word");
  await waitFor(() => seen.messages.length === 1, "the echo");
  equal(seen.data, ["word"], "messages");
  ok((await plan.log())[0].received.includes("beat"), "the ping is the one given");
});

test("silence after a ping ends the connection, and it is made anew", async () => {
  const made = client(ws("/echo"), { openTimeout: 1_500, heartbeat: { interval: 200, timeout: 200 } });
  const seen = watch(made);
  await made.opened();
  await fault("/fault/stall?ms=0");
  await waitFor(() => seen.retries.length > 0, "a retry");
  const { failure } = seen.retries[0];
  equal([failure.code, failure.class, failure.name], ["half-open", "retriable", "EverwireError"], "failure");
  equal(made.lastFailure.code === "half-open" || made.lastFailure.code === "open-timeout", true, "lastFailure");
  await fault("/fault/clear");
  await waitFor(() => made.state === "open", "open again");
});

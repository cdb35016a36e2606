// How much is sent: `rate` of everwire/duplex. Times are those at which the browser's socket was handed a frame.
import { connect } from "/pkg/duplex.js";
import { quick, watch } from "../client.js";
import { after, engine, equal, ok, takeReports, test, thrown, waitFor } from "../harness.js";
import { fault, script, sse, ws } from "../server.js";

function client(endpoint, options) {
  const made = connect(endpoint, { reconnect: quick, ...options });
  after(() => made.close());
  return made;
}

/** Writes down when which text goes out. */
function spied() {
  const sent = [];
  const { send } = WebSocket.prototype;
  after(() => {
    WebSocket.prototype.send = send;
  });
  WebSocket.prototype.send = function (data) {
    sent.push({ data, at: performance.now() });
    return send.call(this, data);
  };
  return sent;
}
/** What a browser's clock is off by. */
const COARSE = 3;
/** No more than `messages` in any `per`. */
function within(sent, messages, per) {
  for (let at = messages; at < sent.length; at++) {
    const took = sent[at].at - sent[at - messages].at;
    ok(took >= per - COARSE, `${messages + 1} messages in ${took} ms, up to ${at}`);
  }
}
const outcome = async (send) => {
  const { status, code } = await send;
  return code ?? status;
};
const outcomes = (sends) => Promise.all(sends.map(outcome));
const texts = (from, to) => Array.from({ length: to - from + 1 }, (_, at) => `${from + at}`);
const received = async (plan) => (await plan.log()).map((attempt) => attempt.received);
const slow = '{"type":"slow"}';

test("no more than messages in any per; the rest waits, in order, and nothing is lost", async () => {
  const sent = spied();
  const plan = script("ws", [[["mute"]]]);
  const made = client(plan.url, { rate: { messages: 5, per: 300 } });
  const all = texts(1, 23);
  const sends = all.map((text) => made.send(text));
  await made.opened();
  equal(made.stats().queued >= 18, true, "what waits");
  equal([...new Set(await outcomes(sends))], ["sent"], "outcomes");
  await waitFor(async () => (await received(plan))[0].length === 23, "all of them at the server");
  equal((await received(plan))[0], all, "in order");
  equal(sent.length, 23, "frames");
  within(sent, 5, 300);
});

test("what is sent now and then slides along", async () => {
  const sent = spied();
  const made = client(ws("/echo"), { rate: { messages: 3, per: 400 } });
  await made.opened();
  for (const text of texts(1, 10)) {
    await made.send(text);
    await new Promise((done) => setTimeout(done, 40));
  }
  within(sent, 3, 400);
});

test("a priority goes first, and counts", async () => {
  const sent = spied();
  const made = client(ws("/echo"), { rate: { messages: 2, per: 300 } });
  await made.opened();
  await outcomes([...texts(1, 4).map((text) => made.send(text)), made.send("first", { priority: true })]);
  equal(
    sent.map(({ data }) => data),
    ["1", "2", "first", "3", "4"],
    "order",
  );
  within(sent, 2, 300);
});

test("what is volatile is dropped above it", async () => {
  const made = client(ws("/echo"), { rate: { messages: 2, per: 60_000 } });
  await made.opened();
  equal(
    await outcomes(texts(1, 4).map((text) => made.send(text, { volatile: true }))),
    ["sent", "sent", "volatile", "volatile"],
    "outcomes",
  );
});

test("what waits is as it was when it was sent", async () => {
  const plan = script("ws", [[["mute"]]]);
  const made = client(plan.url, { rate: { messages: 1, per: 20 } });
  await made.opened();
  // The second one finds it full, so that the outbox looks again by a timer, which this task keeps from running.
  const volatile = ["1", "2"].map((text) => made.send(text, { volatile: true }));
  for (const end = performance.now() + 25; performance.now() < end; );
  const bytes = new Uint8Array([1, 2, 3]);
  const sends = [made.send(bytes), made.send(bytes)];
  bytes.fill(9);
  equal(await outcomes([...volatile, ...sends]), ["sent", "volatile", "sent", "sent"], "outcomes");
  await waitFor(async () => (await received(plan))[0].length === 3, "three frames");
  equal((await received(plan))[0], ["1", { bytes: [1, 2, 3] }, { bytes: [1, 2, 3] }], "frames");
});

test("ttl and close are as ever for what waits", async () => {
  const made = client(ws("/echo"), { rate: { messages: 1, per: 60_000 } });
  await made.opened();
  const sends = [made.send("1"), made.send("2", { ttl: 100 }), made.send("3")];
  equal(await outcomes(sends.slice(0, 2)), ["sent", "expired"], "outcomes");
  made.close();
  equal(await outcome(sends[2]), "closed", "at the end");
});

test("the handshake and the first frame do not count; pings do, and go first", async () => {
  const plan = script("ws", [[["echo"]]]);
  const sent = spied();
  const made = client(plan.url, {
    rate: { messages: 2, per: 400 },
    heartbeat: { interval: 100 },
    resume: { frame: () => "frame" },
    handshake: ({ send }) => {
      send("hello");
    },
  });
  await made.opened();
  await outcomes(["1", "2"].map((text) => made.send(text)));
  const rest = texts(3, 8).map((text) => made.send(text));
  equal([...new Set(await outcomes(rest))], ["sent"], "outcomes");
  equal([(await received(plan))[0].slice(0, 4), made.state], [["hello", "frame", "1", "2"], "open"], "frames");
  ok(
    sent.some(({ data }) => data.includes('"ping"')),
    "a ping",
  );
  within(sent.slice(2), 2, 400);
});

test("what goes again for want of an ack counts, over a reconnect", async () => {
  const sent = spied();
  const plan = script("ws", [[["mute"]], [["echo"]]]);
  const made = client(plan.url, {
    rate: { messages: 3, per: 300 },
    outbox: { ack: { id: "n", match: ({ data }) => data.n } },
  });
  const sends = [1, 2, 3, 4].map((n) => made.send({ n }));
  await waitFor(async () => (await received(plan))[0]?.length === 3, "the first three");
  await fault("/fault/drop");
  equal([...new Set(await outcomes(sends))], ["acked"], "outcomes");
  ok(sent.length >= 7, "some of them twice");
  within(sent, 3, 300);
});

test("requests count", async () => {
  const sent = spied();
  const made = client(ws("/echo"), { rate: { messages: 2, per: 300 } });
  await Promise.all([1, 2, 3, 4, 5].map((n) => made.request({ n })));
  within(sent, 2, 300);
});

/** Sends by volatile messages, as many as go at once. */
const burst = async (made, many) =>
  (await outcomes(Array.from({ length: many }, () => made.send("x", { volatile: true })))).filter(
    (code) => code === "sent",
  ).length;

for (const [what, how] of [
  ["a type", "slow"],
  ["a function", ({ data }) => data.type === "slow"],
]) {
  test(`slow, ${what}: the server's word halves it once in a per, and is delivered`, async () => {
    const plan = script("ws", [[["send", slow], ["send", slow], ["send", slow], ["send", '{"type":"go"}'], ["echo"]]]);
    const made = client(plan.url, { rate: { messages: 8, per: 60_000, slow: how } });
    const seen = watch(made);
    await waitFor(() => seen.messages.length === 4, "the server's words");
    equal(await burst(made, 10), 4, "sent");
  });
}

test("slow: one message is not halved, its window is doubled", async () => {
  const sent = spied();
  const plan = script("ws", [[["send", slow], ["echo"]]]);
  const made = client(plan.url, { rate: { messages: 1, per: 700, slow: "slow" } });
  const sends = [];
  made.on("slow", () => sends.push(made.send("1"), made.send("2")));
  await waitFor(() => sends.length, "the server's word");
  equal(await outcomes(sends), ["sent", "sent"], "outcomes");
  within(sent, 1, 2 * 700);
});

test("slow: by how much, how far down, and how it comes back", async () => {
  const { now } = performance;
  /** A second, and the margin. */
  const PER = 1_050;
  let clock = performance.now(),
    told = false;
  after(() => {
    performance.now = now;
  });
  performance.now = () => clock;
  const made = client(script("ws", [[["echo"]]]).url, {
    rate: { messages: 64, per: 1_000, slow: () => told },
    pageLifecycle: false,
  });
  const seen = watch(made);
  await made.opened();
  /** How many go at once, `ms` later; with the server's word on each of them. */
  const later = async (ms, word) => {
    const { length } = seen.messages;
    clock += ms;
    // Looked at again by a timer, where it was full.
    await waitFor(() => burst(made, 1), "room");
    told = word;
    const many = 1 + (await burst(made, 64));
    await waitFor(() => seen.messages.length === length + many, "the echoes");
    told = false;
    return many;
  };
  const down = [];
  for (let word = 0; word < 8; word++) down.push(await later(PER, true));
  equal(down, [64, 32, 16, 8, 4, 2, 2, 2], "down to a 32nd");
  // Of 64 a tenth is 6.4.
  equal([await later(PER, false), await later(PER, false), await later(PER, false)], [2, 8, 14], "back");
  equal([await later(7_000, false), await later(10_000, false)], [59, 64], "all of it");
});

test("slow: a function that fails is reported, and the message delivered", async () => {
  const made = client(ws("/echo"), {
    rate: {
      messages: 9,
      per: 1_000,
      slow: () => {
        throw new Error("the app's");
      },
    },
  });
  const seen = watch(made);
  await made.send("a");
  await waitFor(() => seen.messages.length, "the echo");
  equal([seen.data, takeReports().map((error) => error.message)], [["a"], ["the app's"]], "report");
});

test("a close with 1008 is tried again, and slows down", async () => {
  const plan = script("ws", [[["close", 1008, "too fast"]], [["echo"]]]);
  const made = client(plan.url, { rate: { messages: 6, per: 60_000 } });
  const seen = watch(made);
  await waitFor(() => made.state === "open" && seen.retries.length, "the second connection");
  equal([seen.retries[0].failure.closeCode, seen.retries[0].failure.closeReason], [1008, "too fast"], "failure");
  equal(await burst(made, 6), 3, "sent");
});

test("so does 1013", async () => {
  // WebKitGTK shows it as 1006.
  if (engine === "webkit") return;
  const plan = script("ws", [[["close", 1013, ""]], [["echo"]]]);
  const made = client(plan.url, { rate: { messages: 6, per: 60_000 } });
  const seen = watch(made);
  await waitFor(() => seen.retries.length, "the loss");
  made.reconnect();
  await made.opened();
  equal(await burst(made, 6), 3, "sent");
});

test("and 429, which a probe has seen", async () => {
  const made = client(script("ws", [[["status", 429]], [["echo"]]]).url, {
    rate: { messages: 6, per: 60_000 },
    probe: sse("/answer?status=429"),
  });
  await made.opened();
  equal([made.stats().attempts, await burst(made, 6)], [2, 3], "sent");
});

test("other losses do not; and the caller's rule goes before ours", async () => {
  const made = client(script("ws", [[["close", 1001, ""]], [["echo"]]]).url, {
    rate: { messages: 6, per: 60_000 },
    shouldReconnect: () => undefined,
  });
  await waitFor(() => made.stats().opens === 2, "the second connection");
  equal(await burst(made, 7), 6, "sent");
  const given = [];
  const other = client(script("ws", [[["close", 1008, ""]]]).url, {
    rate: { messages: 1, per: 1_000 },
    shouldReconnect: ({ closeCode }) => {
      given.push(closeCode);
      return false;
    },
  });
  const seen = watch(other);
  await waitFor(() => seen.closed, "the end");
  equal([seen.closed.reason, given], ["fatal", [1008]], "rule");
});

test("without a rate 1008 is the end, as ever", async () => {
  const seen = watch(client(script("ws", [[["close", 1008, ""]]]).url));
  await waitFor(() => seen.closed, "the end");
  equal(seen.closed.reason, "fatal", "reason");
});

test("what cannot be", async () => {
  for (const [name, rate] of [
    ["rate", 5],
    ["rate", null],
    ["rate", {}],
    ["rate", { messages: 5 }],
    ["rate", { per: 1_000 }],
    ["rate.messages", { messages: 0, per: 1_000 }],
    ["rate.messages", { messages: 1.5, per: 1_000 }],
    ["rate.messages", { messages: 100_001, per: 1_000 }],
    ["rate.messages", { messages: "5", per: 1_000 }],
    ["rate.per", { messages: 5, per: 9 }],
    ["rate.per", { messages: 5, per: "1s" }],
    ["rate.per", { messages: 5, per: 2 ** 31 }],
    ["rate.slow", { messages: 5, per: 1_000, slow: true }],
    ["rate.burst", { messages: 5, per: 1_000, burst: 2 }],
  ]) {
    const error = thrown(() => client(ws("/echo"), { rate }), name);
    equal([error.code, error.message.includes(name)], ["invalid-option", true], error.message);
  }
});

// What a send settles with: acks, pongs, time to live, a signal, a socket that is full.
import { client, watch } from "../client.js";
import { engine, equal, rejection, takeReports, test, waitFor } from "../harness.js";
import { app, fault, script, toWebSocket, unique, ws } from "../server.js";

/** The server that applies each id once. */
function ledger(query = "") {
  const name = unique();
  return {
    url: ws(`/ledger?client=${name}${query}`),
    report: async () => {
      const { applied, repeats, disordered } = await (await fetch(`${app}/ledger/report?client=${name}`)).json();
      return [applied, repeats, disordered];
    },
  };
}

const numbers = (from, to) => Array.from({ length: to - from + 1 }, (_, at) => ({ n: from + at }));
const outcome = async (send) => {
  const { status, code } = await send;
  return code ?? status;
};
const outcomes = (sends) => Promise.all(sends.map(outcome));
const received = async (plan) => (await plan.log()).map((attempt) => attempt.received);
const dying = { interval: 500, timeout: 200 };
const patient = { initialDelay: 60_000, maxDelay: 60_000, jitter: "none" };

test("acked: the server has applied it, and the app does not see the ack", async () => {
  const server = ledger();
  const made = client(server.url, { outbox: { ack: true } });
  const seen = watch(made);
  const sends = numbers(1, 50).map((message) => made.send(message));
  equal([...new Set(await outcomes(sends))], ["acked"], "outcomes");
  equal(await server.report(), [50, 0, 0], "applied, repeats, disordered");
  equal([seen.messages.length, made.stats().acked, made.stats().queued], [0, 50, 0], "stats");
});

test("acked: what got no ack is sent again, in order, and applied once", async () => {
  const server = ledger();
  const made = client(server.url, { outbox: { ack: true, inFlight: 4 }, heartbeat: dying });
  await made.opened();
  await fault("/proxy/black-hole?direction=down");
  const sends = numbers(1, 10).map((message) => made.send(message));
  await waitFor(async () => (await server.report())[0] === 4, "the first four at the server");
  await waitFor(() => made.state !== "open", "the connection to be given up");
  await fault("/fault/clear");
  equal([...new Set(await outcomes(sends))], ["acked"], "outcomes");
  equal(await server.report(), [10, 4, 0], "applied, repeats, disordered");
});

test("acked: over a drop and a restart of the server", async () => {
  const server = ledger();
  const made = client(server.url, { outbox: { ack: true } });
  const sends = numbers(1, 100).map((message) => made.send(message));
  await sends[20];
  await fault("/fault/drop");
  sends.push(...numbers(101, 200).map((message) => made.send(message)));
  await sends[120];
  await fault("/fault/restart?down=100");
  equal([...new Set(await outcomes(sends))], ["acked"], "outcomes");
  const [applied, , disordered] = await server.report();
  equal([applied, disordered], [200, 0], "applied, disordered");
});

test("inFlight holds the rest back, and a priority goes past it", async () => {
  const server = ledger("&ack=0");
  const made = client(server.url, { outbox: { ack: true, inFlight: 3 } });
  for (const message of numbers(1, 6)) made.send(message);
  await waitFor(async () => (await server.report())[0] === 3, "three at the server");
  equal(await outcome(made.send({ id: "nine", n: 9 }, { priority: true, ack: false })), "sent", "the priority");
  await waitFor(async () => (await server.report())[0] === 4, "and it");
  equal(made.stats().queued, 6, "still under way");
});

test("maxAttempts: a message that is never acked ends as unknown", async () => {
  const server = ledger("&ack=0");
  const made = client(server.url, { outbox: { ack: true, maxAttempts: 2 } });
  const send = made.send({ n: 1 });
  await waitFor(async () => (await server.report())[0] === 1, "the first attempt");
  await fault("/fault/drop");
  await waitFor(async () => (await server.report())[1] === 1, "the second");
  await fault("/fault/drop");
  equal(await outcome(send), "unknown", "outcome");
  equal(made.stats().unknown, 1, "stats");
});

for (const [name, ack, message] of [
  ["a key of the message", { id: "key", match: ({ data }) => data.key }, { key: "a", n: 1 }],
  ["a key that everwire fills in", { id: "key", match: ({ data }) => data.key }, { n: 1 }],
  ["a function", { id: (value) => value.order.id, match: ({ data }) => data.order?.id }, { order: { id: 7 } }],
  ["a function, for a text", { id: (value) => value.slice(0, 2), match: ({ data }) => data.slice(0, 2) }, "07 text"],
  ["many at once", { id: "key", match: ({ data }) => ["other", data.key] }, { key: 3 }],
]) {
  test(`the id of an ack: ${name}`, async () => {
    const made = client(ws("/echo"), { outbox: { ack } });
    equal(await outcome(made.send(message)), "acked", "outcome");
  });
}

test("an ack for a message that has no id is refused, and nothing of it is sent", async () => {
  const plan = script("ws", [[["echo"]]]);
  const made = client(plan.url, { outbox: { ack: true } });
  for (const value of ["text", new Uint8Array(2), [1], { id: {} }]) {
    const error = await rejection(made.send(value), `send(${typeof value})`);
    equal([error.code, /outbox\.ack\.id|ack: false/.test(error.message)], ["encode", true], error.message);
  }
  const first = made.send({ id: "twice" });
  const error = await rejection(made.send({ id: "twice" }), "the same id");
  equal(error.code, "encode", error.message);
  equal(await outcome(made.send("text", { ack: false })), "sent", "without an ack");
  await waitFor(async () => (await received(plan))[0]?.length === 2, "two frames");
  equal(await received(plan), [['{"id":"twice"}', "text"]], "frames");
  made.close();
  equal(await outcome(first), "unknown", "what was on the wire");
});

test("the caller's message and buffer are its own", async () => {
  const plan = script("ws", [[["mute"]]]);
  const made = client(plan.url, { outbox: { ack: { id: (value) => value.length } } });
  const bytes = new Uint8Array([1, 2, 3]);
  made.send(bytes);
  bytes.fill(9);
  const frozen = Object.freeze({ n: 1 });
  const other = client(ws("/echo"), { outbox: { ack: { match: ({ data }) => data.id } } });
  equal(await outcome(other.send(frozen)), "acked", "a frozen message");
  equal(frozen, { n: 1 }, "as it was");
});

test('confirm "pong": the server has it', async () => {
  const server = ledger("&ack=0");
  const made = client(server.url, { heartbeat: true });
  const sends = numbers(1, 30).map((message) => made.send({ id: `c${message.n}`, ...message }, { confirm: "pong" }));
  equal([...new Set(await outcomes(sends))], ["sent"], "outcomes");
  equal((await server.report())[0], 30, "applied");
});

test('confirm "pong": without a pong it is unknown', async () => {
  const server = ledger("&ack=0");
  const made = client(server.url, { heartbeat: dying, reconnect: patient });
  await made.opened();
  await fault("/proxy/black-hole?direction=up");
  const send = made.send({ id: "lost", n: 1 }, { confirm: "pong" });
  equal(await outcome(send), "unknown", "outcome");
  equal(made.lastFailure.code, "half-open", "failure");
});

test("confirm: the server's own ping answers nothing, an echo of ours does", async () => {
  const plan = script("ws", [[["send", '{"type":"ping"}'], ["send", '{"type":"ping"}'], ["mute"]]]);
  const made = client(plan.url, { heartbeat: true });
  await made.opened();
  const send = made.send("x", { confirm: "pong" });
  made.send("y");
  await waitFor(async () => (await received(plan))[0]?.length === 3, "message, ping, message");
  made.close();
  equal(await outcome(send), "unknown", "on a mute server");
  const echoed = client(ws("/echo"), { heartbeat: true });
  equal(await outcome(echoed.send("x", { confirm: "pong" })), "sent", "on an echo");
});

test("confirm: a ping that could not be sent is answered by no pong", async () => {
  const made = client(ws("/echo"), {
    heartbeat: {
      ping: () => {
        throw new Error("mine");
      },
    },
  });
  const seen = watch(made);
  await made.opened();
  const send = made.send("x", { confirm: "pong" });
  // A server that passes on what users say.
  made.send({ type: "pong" });
  made.send("end");
  await waitFor(() => seen.data.includes("end"), "the echo behind it");
  equal([made.stats().roundTrip, takeReports().length > 0], [null, true], "round trip");
  made.close();
  equal(await outcome(send), "unknown", "outcome");
});

test("ttl: in the outbox it expires, on the wire it is unknown", async () => {
  const waiting = client(ws("/answer?status=503"), { reconnect: patient });
  equal(await outcome(waiting.send("late", { ttl: 100 })), "expired", "never sent");
  const made = client(ledger("&ack=0").url, { outbox: { ack: true } });
  await made.opened();
  equal(await outcome(made.send({ n: 1 }, { ttl: 200 })), "unknown", "sent, not acked");
});

test("signal: a send can be taken back until it is on the wire", async () => {
  const plan = script("ws", [[["mute"]]]);
  const made = client(plan.url, { outbox: { ack: true } });
  const first = new AbortController(),
    second = new AbortController();
  const sends = [made.send({ n: 1 }, { signal: AbortSignal.abort() }), made.send({ n: 2 }, { signal: first.signal })];
  first.abort();
  equal(await outcomes(sends), ["aborted", "aborted"], "before");
  const third = made.send({ id: "three" }, { signal: second.signal });
  await waitFor(async () => (await received(plan))[0]?.length === 1, "the third");
  second.abort();
  equal([await outcome(third), await received(plan)], ["unknown", [['{"id":"three"}']]], "after");
});

test("priority: before all that waits", async () => {
  const plan = script("ws", [[]]);
  const made = client(plan.url);
  await outcomes([
    made.send("1"),
    made.send("2"),
    made.send("first", { priority: true }),
    made.send("second", { priority: true }),
  ]);
  await waitFor(async () => (await received(plan))[0]?.length === 4, "four frames");
  equal(await received(plan), [["first", "second", "1", "2"]], "frames");
});

test("volatile: now or not at all", async () => {
  const made = client(ws("/echo"));
  equal(await outcome(made.send("early", { volatile: true })), "volatile", "while connecting");
  await made.opened();
  equal(await outcome(made.send("now", { volatile: true })), "sent", "while open");
});

test("highWaterMark: a full buffer holds the outbox back until it drains", async () => {
  const made = client(ws("/echo"), { outbox: { highWaterMark: 1_000_000, maxBytes: 1e9 }, codec: "text" });
  let echoes = 0;
  made.on(({ data }) => (echoes += Number(data[0]) === echoes % 10 ? 1 : NaN));
  await made.opened();
  await made.drained();
  await fault("/proxy/black-hole?direction=up");
  const sends = Array.from({ length: 40 }, (_, n) => made.send(String(n % 10).repeat(1_000_000)));
  // What the kernel takes, it takes.
  await waitFor(() => made.stats().sent > 0, "some to be sent");
  equal([made.stats().queued > 0, made.bufferedAmount > made.stats().queuedBytes], [true, true], "the rest waits");
  equal(await outcome(made.send("x", { volatile: true })), "volatile", "no room for it");
  let drained = false;
  made.drained().then(() => {
    drained = true;
  });
  await Promise.resolve();
  equal(drained, false, "not drained");
  await fault("/fault/clear");
  equal([...new Set(await outcomes(sends))], ["sent"], "outcomes");
  await made.drained();
  await waitFor(
    () => echoes === 40,
    () => `the echoes in order, have ${echoes}`,
  );
});

test("close tells what may have been received from what was not sent", async () => {
  const server = ledger("&ack=0");
  const made = client(server.url, { outbox: { ack: true, inFlight: 2 } });
  const sends = numbers(1, 4).map((message) => made.send(message));
  await waitFor(async () => (await server.report())[0] === 2, "two at the server");
  const drained = made.drained();
  made.close();
  equal(await outcomes(sends), ["unknown", "unknown", "closed", "closed"], "outcomes");
  await drained;
});

test("close code 1009: the largest in flight is dropped, the others go again", async () => {
  const plan = script("ws", [[["ping-close", 1009]], [["echo"]]]);
  const made = client(plan.url, { heartbeat: { interval: 1_000 }, outbox: { ack: { match: ({ data }) => data.id } } });
  const sends = ["a", "x".repeat(1000), "b"].map((text) => made.send({ text }));
  equal(await outcomes(sends), ["acked", "too-big", "acked"], "outcomes");
  equal(made.lastFailure.closeCode, 1009, "the close code");
});

test("what a send cannot do is told by name, and it is not sent", async () => {
  const plan = script("ws", [[["mute"]]]);
  const made = client(plan.url);
  for (const [name, options] of [
    ["send.ttl", { ttl: -1 }],
    ["send.ttl", { ttl: "1s" }],
    ["send.signal", { signal: {} }],
    ["send.priority", { priority: 1 }],
    ["send.volatile", { volatile: "yes" }],
    ["send.confirm", { confirm: "ack" }],
    ["send.confirm", { confirm: "pong" }],
    ["send.ack", { ack: 1 }],
    ["send.ack", { ack: true }],
    ["send.retries", { retries: 3 }],
    ["send", 5],
  ]) {
    const error = await rejection(made.send("never", options), name);
    equal([error.code, error.message.includes(name)], ["invalid-option", true], error.message);
  }
  equal(await outcome(made.send("this")), "sent", "afterwards");
  await waitFor(async () => (await received(plan))[0]?.length === 1, "one frame");
  equal(await received(plan), [["this"]], "frames");
});

const idsOf = async (plan) => (await received(plan)).map((frames) => frames.map((frame) => JSON.parse(frame).id));

test("outbox.ack.timeout: what is never acked goes again, then is unknown, and the rest goes on", async () => {
  const plan = script("ws", [[["echo"]]]);
  const ack = { timeout: 100, match: ({ data }) => (data.bad ? undefined : data.id) };
  const made = client(plan.url, { outbox: { inFlight: 2, maxAttempts: 2, ack } });
  const sends = [{ id: "b1", bad: true }, { id: "b2", bad: true }, { id: "good" }].map((message) => made.send(message));
  equal(await outcomes(sends), ["unknown", "unknown", "acked"], "outcomes");
  await made.drained();
  const [ids] = await idsOf(plan);
  // On a slow machine an ack takes longer than that, and the good one goes again.
  equal(ids.slice(0, 5), ["b1", "b2", "b1", "b2", "good"], "frames");
  equal([ids.slice(5).filter((id) => id !== "good"), made.stats().opens], [[], 1], "the rest, and connections");
});

test("outbox.ack.timeout: it stands still while the message is in the socket's buffer", async () => {
  // WebKitGTK's bufferedAmount is 0 as soon as it has taken a message (2.50, 2026), so nobody can tell there. Firefox's is not, but 20 MB
  // are not back within the time once the line is free, which is not understood yet.
  if (engine !== "chromium") return;
  const ack = (timeout) => ({
    outbox: { maxBytes: 1e9, maxAttempts: 1, ack: { timeout, match: ({ data }) => data.id } },
  });
  const mute = toWebSocket(`${app}/ledger?client=${unique()}&ack=0`);
  // What comes back in the end takes its time.
  const [made, other] = [client(ws("/echo"), ack(3_000)), client(mute, ack(50))];
  await Promise.all([made.opened(), other.opened()]);
  await fault("/proxy/black-hole?direction=up");
  const send = made.send({ id: "large", text: "x".repeat(2e7) });
  // One after the other, each of which waits 100 ms.
  for (let n = 0; n < 50; n++) equal(await outcome(other.send({ n })), "unknown", "what is not acked");
  await fault("/fault/clear");
  equal(await outcome(send), "acked", "outcome");
});

for (const [name, refused, message] of [
  ["a type", "nack", { id: "a", type: "nack" }],
  ["a function", ({ data }) => (data.no ? data.id : null), { id: 7, no: 1 }],
  ["many at once", ({ data }) => ["other", data.id], { id: "c" }],
]) {
  test(`outbox.ack.refused: ${name}`, async () => {
    const made = client(ws("/echo"), { outbox: { ack: { refused } } });
    const seen = watch(made);
    equal(await made.send(message), { status: "dropped", code: "refused" }, "outcome");
    equal([made.stats().dropped, seen.messages.length], [1, 0], "stats, and the app");
  });
}

test("an ack, and how a message is refused, by types", async () => {
  const made = client(ws("/echo"), { outbox: { ack: { match: "done", refused: "failed" } } });
  const sends = ["done", "failed", "done"].map((type) => made.send({ type }));
  equal(await outcomes(sends), ["acked", "refused", "acked"], "outcomes");
});

class Order {
  #article = 7;
  get kind() {
    return "order";
  }
  toJSON() {
    return { kind: this.kind, article: this.#article };
  }
}

test("with acks the same goes up as without, and the id", async () => {
  const values = {
    class: new Order(),
    "own toJSON": { toJSON: () => ({ a: 1 }) },
    "toJSON gives an id": { secret: 1, toJSON: () => ({ id: 5, a: 1 }) },
    "toJSON takes the id away": { id: "gone", toJSON: () => ({ a: 1 }) },
    "by a prototype": Object.create({ inherited: 1 }, { own: { value: 2, enumerable: true }, hidden: { value: 3 } }),
    "an id by a prototype": Object.create({ id: "proto" }, { own: { value: 2, enumerable: true } }),
    "without a prototype": Object.assign(Object.create(null), { a: 1 }),
    "a getter": {
      get a() {
        return 1;
      },
    },
    frozen: Object.freeze({ a: undefined, b: null }),
  };
  for (const [name, value] of Object.entries(values)) {
    const plan = script("ws", [[["echo"]]]);
    const ack = { match: ({ data }) => data.id };
    const made = client(plan.url, { outbox: { ack } });
    await outcome(made.send(value, { ack: false }));
    equal(await outcome(made.send(value)), "acked", name);
    const [plain, acked] = (await received(plan))[0].map((text) => JSON.parse(text));
    const { id, ...rest } = acked;
    const { id: own = id, ...expected } = plain;
    equal([rest, id], [expected, own], name);
  }
});

test("what no id can be put into is refused by name", async () => {
  const made = client(ws("/echo"), { outbox: { ack: true } });
  for (const value of [new Date(0), null, 5, { id: 2 ** 53 }, { id: true }]) {
    const error = await rejection(made.send(value), String(value));
    equal(
      [error.name, error.code, error.message.includes("outbox.ack.id")],
      ["EverwireError", "encode", true],
      error.message,
    );
  }
});

test("a codec of the app's gets the object of its class, and the id", async () => {
  class Point {
    x = 1;
  }
  const codec = { decode: JSON.parse, encode: (value) => JSON.stringify({ ...value, point: value instanceof Point }) };
  const made = client(ws("/echo"), { codec, outbox: { ack: { match: ({ data }) => data.point && data.id } } });
  const point = new Point();
  equal(await outcome(made.send(point)), "acked", "outcome");
  equal(Object.keys(point), ["x"], "the app's own stays as it was");
  equal((await rejection(made.send(new Order()), "toJSON")).code, "encode", "nobody knows what the codec asks for");
});

test("a promise is no message", async () => {
  for (const outbox of [{}, { ack: true }]) {
    const plan = script("ws", [[["echo"]]]);
    const made = client(plan.url, { outbox });
    const error = await rejection(made.send(Promise.resolve({ a: 1 })), "a promise");
    equal([error.code, error.message.includes("await")], ["encode", true], error.message);
    await made.send("after", { ack: false });
    await waitFor(async () => (await received(plan))[0]?.length, "the frame after it");
    equal(await received(plan), [["after"]], "frames");
  }
});

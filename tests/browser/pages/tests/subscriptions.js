// Topics: `subscribe` of everwire/duplex. Most scripts echo, and the echo of a join confirms it.
import { SubscriptionError } from "/pkg/duplex.js";
import { quick, watch } from "../client.js";
import { equal, rejection, takeReports, test, thrown, waitFor } from "../harness.js";
import { echoBarrier, fault, script, sse, ws } from "../server.js";
import {
  chat,
  client,
  echoed,
  event,
  failure,
  frames,
  ided,
  join,
  joined,
  leave,
  listen,
  received,
  reset,
  say,
} from "../topics.js";

test("a topic is joined, and its messages go to its handles only", async () => {
  const plan = script("ws", [[["echo"]]]);
  const made = client(plan.url, { subscriptions: echoed, resume: ided });
  const seen = watch(made);
  const room = made.subscribe("room:7");
  equal([room.topic, room.state, room.lastEventId], ["room:7", "joining", ""], "before");
  await room.ready();
  equal([room.state, made.state], ["joined", "open"], "confirmed");
  const all = [],
    chats = [];
  const off = room.on((message) => all.push(message.data.n));
  room.on("chat", ({ data, type, lastEventId, transport }) => chats.push([data.n, type, lastEventId, transport]));
  made.send({ type: "chat", topic: "room:7", n: 1, eventId: "own" });
  made.send({ topic: "room:7", n: 2 });
  made.send({ type: "chat", topic: "room:8", n: 3, eventId: "of the connection" });
  await waitFor(() => seen.messages.length, "the message of another topic");
  equal([all, chats], [[1, 2], [[1, "chat", "", "websocket"]]], "the handle's");
  equal([seen.data.map(({ n }) => n), made.lastEventId], [[3], "of the connection"], "the client's");
  off();
  made.send({ type: "chat", topic: "room:7", n: 4 });
  await waitFor(() => chats.length === 2, "one more");
  equal(all, [1, 2], "after its off");
  equal([made.stats().delivered, (await received(plan))[0][0]], [4, join("room:7")], "join");
});

test("put out by the server: told, joined again, and gone on with from its place", async () => {
  const plan = script("ws", [[["echo"]]]);
  const made = client(plan.url, { subscriptions: { ...echoed, id: "eventId", removed: "kicked" } });
  const seen = watch(made);
  const room = made.subscribe("a");
  const order = listen(made, room),
    kicked = [];
  room.on("kicked", ({ data, lastEventId }) => kicked.push([data.n, lastEventId, room.state]));
  const chats = (...ids) => {
    for (const eventId of ids) made.send({ type: "chat", topic: "a", eventId });
  };
  const kick = async (n, topic = "a") => {
    made.send({ type: "kicked", topic, n });
    await waitFor(() => seen.messages.length + kicked.length === n, `word ${n}`);
  };
  await room.ready();
  chats("e1");
  await kick(1);
  await room.ready();
  // It begins with the last one that this client has.
  chats("e1", "e2");
  await kick(2, "other");
  await kick(3);
  await room.ready();
  chats("e9");
  await waitFor(() => order.includes("e9"), "the last one");
  equal(
    order,
    ["e1", 1, "e2", 3, ["a", "unknown", "e2", "e9"], "e9"],
    "each once, and a gap where the server does not replay",
  );
  equal(
    kicked,
    [
      [1, "e1", "joining"],
      [3, "e2", "joining"],
    ],
    "told",
  );
  equal(room.state, "joined", "in again");
  equal(seen.data[0].n, 2, "a topic without a handle");
  const joins = (await received(plan))[0].filter((frame) => frame.includes('"join"'));
  equal(joins, [join("a"), join("a", "e1"), join("a", "e2")], "joins");
  equal(made.stats().opens, 1, "over one connection");
});

test("handshake, first frame, joins, priority, the rest", async () => {
  const plan = script("ws", [[["echo"]], [["echo"]]]);
  const made = client(plan.url, {
    subscriptions: { ...echoed, confirm: true },
    handshake: async ({ send, receive }) => {
      send("hello");
      await receive();
    },
    resume: { frame: () => "frame" },
  });
  const queue = (n) => [made.send(`${n}`), made.send(`first ${n}`, { priority: true })];
  queue(1);
  const rooms = ["a", "b"].map((topic) => made.subscribe(topic));
  const early = made.subscribe("gone");
  early.unsubscribe();
  const order = ["hello", "frame", join("a"), join("b")];
  equal(await frames(plan, 0, 6), [...order, "first 1", "1"], "first");
  await Promise.all(rooms.map((room) => room.ready()));
  const lost = event(made, "retry", () => {
    queue(2);
    return rooms.map((room) => [room.state, room.ready()]);
  });
  await fault("/fault/drop");
  const between = await lost;
  equal(
    between.map(([state]) => state),
    ["joining", "joining"],
    "states",
  );
  equal(await frames(plan, 1, 6), [...order, "first 2", "2"], "again");
  await Promise.all(between.map(([, ready]) => ready));
  equal(
    rooms.map(({ state }) => state),
    ["joined", "joined"],
    "states",
  );
});

test("while it is open they take their turn, and the last to leave says so", async () => {
  const plan = script("ws", [[["echo"]]]);
  const made = client(plan.url, { subscriptions: echoed });
  await made.opened();
  made.send("1");
  const first = made.subscribe("a");
  made.send("2");
  const second = made.subscribe("a", { join: () => "not asked", leave: false });
  equal(first.state, "joining", "state");
  await first.ready();
  await second.ready();
  await made.subscribe("a").ready();
  const seen = [],
    other = [];
  first.on(({ data }) => seen.push(data.n));
  second.on(({ data }) => other.push(data.n));
  made.send({ topic: "a", n: 1 });
  await waitFor(() => other.length, "the message");
  first.unsubscribe();
  first.unsubscribe();
  equal([first.state, second.state, await failure(first.ready())], ["left", "joined", "left"], "states");
  made.send({ topic: "a", n: 2 });
  await waitFor(() => other.length === 2, "the next one");
  equal([seen, other], [[1], [1, 2]], "messages");
  made.close();
  const log = await frames(plan, 0, 5);
  equal(log.slice(0, 3), ["1", join("a"), "2"], "frames");
  equal(log.length, 5, "one join, no leave");
});

test("join and leave of one's own", async () => {
  const plan = script("ws", [[["echo"]]]);
  const made = client(plan.url, { subscriptions: { joined: ({ data }) => data.subscribe } });
  await made.opened();
  const asked = [];
  const room = made.subscribe("a", {
    lastEventId: "5",
    join: (given) => {
      asked.push(given);
      return { subscribe: given.topic, since: given.lastEventId };
    },
    leave: ({ topic, lastEventId }) => `bye ${topic} ${lastEventId}`,
  });
  const silent = made.subscribe("b", { leave: false, join: ({ topic }) => ({ subscribe: topic }) });
  await Promise.all([room.ready(), silent.ready()]);
  silent.unsubscribe();
  room.unsubscribe();
  equal(await frames(plan, 0, 3), ['{"subscribe":"a","since":"5"}', '{"subscribe":"b"}', "bye a 5"], "frames");
  equal(asked, [{ topic: "a", lastEventId: "5" }], "asked");
});

test("left and joined again in one go: in that order", async () => {
  const plan = script("ws", [[["echo"]]]);
  const made = client(plan.url, { subscriptions: echoed });
  await made.opened();
  for (let n = 0; n < 2; n++) made.subscribe("a").unsubscribe();
  await made.subscribe("a").ready();
  equal(await frames(plan, 0, 5), [join("a"), leave("a"), join("a"), leave("a"), join("a")], "frames");
});

test("refused: the reply is in the error, the topic is left without a word, and what comes of it reaches nobody", async () => {
  const no = say({ type: "refused", topic: "a", reason: "no such room" });
  const plan = script("ws", [[no, say({ topic: "a", n: 1 })]]);
  const made = client(plan.url);
  const seen = watch(made);
  const room = made.subscribe("a");
  const loop = room[Symbol.asyncIterator]();
  const next = loop.next();
  const error = await rejection(room.ready());
  equal(
    [error.code, error.reply.data.reason, error.message.includes("no such")],
    ["refused", "no such room", false],
    "error",
  );
  equal([await failure(next), (await loop.next()).done, room.state], ["refused", true, "left"], "loop");
  await waitFor(() => made.stats().suppressed === 1, "a message of that topic");
  equal(seen.data, [], "handlers of the client");
  room.unsubscribe();
  await made.send("end");
  equal(await frames(plan, 0, 2), [join("a"), "end"], "frames");
});

test("refused when it is joined again", async () => {
  const plan = script("ws", [[joined("a"), ["wait", 20], ["reset"]], [say({ no: "a" })], [["echo"]]]);
  const made = client(plan.url, { subscriptions: { refused: ({ data }) => data.no } });
  const room = made.subscribe("a");
  await room.ready();
  await waitFor(() => room.state === "left", "the refusal");
  equal(await failure(room.ready()), "refused", "code");
  await fault("/fault/drop");
  await waitFor(() => made.stats().opens === 3, "the third connection");
  await made.send("end");
  equal(await frames(plan, 2, 1), ["end"], "no join");
});

test("no confirmation in time", async () => {
  const plan = script("ws", [[["mute"]], [["echo"]]]);
  const made = client(plan.url, { subscriptions: { ...echoed, timeout: 50 } });
  const room = made.subscribe("a");
  equal(await failure(room.ready()), "timeout", "code");
  equal([room.state, await failure(room.ready())], ["joining", "timeout"], "still");
  const other = made.subscribe("a");
  equal(await failure(other.ready()), "timeout", "another handle");
  await fault("/fault/drop");
  await waitFor(() => room.state === "joined", "the next connection");
  await Promise.all([room.ready(), other.ready()]);
});

test("a late confirmation counts", async () => {
  const made = client(ws("/echo"), { subscriptions: { timeout: 10 } });
  const room = made.subscribe("a");
  equal(await failure(room.ready()), "timeout", "code");
  made.send({ type: "joined", topic: "a" });
  await waitFor(() => room.state === "joined", "the late one");
  await room.ready();
});

test("asked again when the server says nothing, as often as a message that needs an ack", async () => {
  const plan = script("ws", [[["mute"]], [["echo"]]]);
  const made = client(plan.url, { subscriptions: { ...echoed, timeout: 50 }, outbox: { maxAttempts: 3 } });
  const room = made.subscribe("a");
  equal(await failure(room.ready()), "timeout", "code");
  equal(await frames(plan, 0, 3), [join("a"), join("a"), join("a")], "frames");
  // A new handle is a new question.
  const other = made.subscribe("a");
  await frames(plan, 0, 4);
  await fault("/fault/drop");
  await waitFor(() => [room, other].every(({ state }) => state === "joined"), "the next connection");
});

test("a join that lost its way is asked for again", async () => {
  const plan = script("ws", [[["echo"]]]);
  let lost = 1;
  const made = client(plan.url, { subscriptions: { ...echoed, timeout: 50 } });
  const room = made.subscribe("a", {
    join: ({ topic }) => ({ type: "join", topic: lost-- > 0 ? "elsewhere" : topic }),
  });
  await failure(room.ready());
  await waitFor(() => room.state === "joined", "the second one");
});

test("an answer belongs to the join that it answers, not to the name", async () => {
  const made = client(ws("/echo"), { subscriptions: { topic: "topic" } });
  const room = made.subscribe("a", { join: () => "the first" });
  await made.opened();
  await made.send("sent");
  room.unsubscribe();
  const later = made.subscribe("a", { join: () => "the second" }),
    got = [];
  later.on(({ data }) => got.push(data.n));
  made.send({ topic: "a", n: 1 });
  made.send({ type: "refused", topic: "a" });
  made.send({ topic: "a", n: 2 });
  made.send({ type: "joined", topic: "a" });
  made.send({ topic: "a", n: 3 });
  await later.ready();
  await waitFor(() => got.length, "its message");
  equal([later.state, got], ["joined", [3]], "what came of the older one reaches nobody");
});

test("joinAll: those of a new connection in one message, but for joins of their own", async () => {
  const plan = script("ws", [[["echo"]], [["echo"]]]);
  const made = client(plan.url, {
    subscriptions: {
      topic: "topic",
      id: "eventId",
      joined: ({ data }) => (data.type === "joined" ? data.topic : undefined),
      joinAll: (topics) => ({ type: "joinAll", topics }),
    },
  });
  const rooms = [
    made.subscribe("a"),
    made.subscribe("b", { join: () => ({ type: "own" }) }),
    made.subscribe("c", { lastEventId: "c7" }),
  ];
  rooms[0].on(() => {});
  await made.opened();
  for (const topic of ["a", "b", "c"]) made.send({ type: "joined", topic });
  await Promise.all(rooms.map((room) => room.ready()));
  await made.send({ topic: "a", eventId: "a1" });
  await waitFor(() => rooms[0].lastEventId === "a1", "its message");
  rooms[1].unsubscribe();
  await fault("/fault/drop");
  const all = (...places) =>
    JSON.stringify({ type: "joinAll", topics: places.map(([topic, lastEventId]) => ({ topic, lastEventId })) });
  equal((await frames(plan, 0, 2)).slice(0, 2), ['{"type":"own"}', all(["a", ""], ["c", "c7"])], "the first");
  equal(await frames(plan, 1, 1), [all(["a", "a1"], ["c", "c7"])], "the second");
  // A later one by itself is one of a list, too.
  made.subscribe("d");
  equal((await frames(plan, 1, 2))[1], all(["d", ""]), "one");
});

test("a join that is made later", async () => {
  const plan = script("ws", [[["echo"]], [["echo"]]]);
  const made = client(plan.url, { subscriptions: echoed });
  const fresh = async ({ topic, lastEventId }) => {
    await new Promise((resolve) => setTimeout(resolve));
    return { type: "join", topic, ...(lastEventId && { lastEventId }) };
  };
  const room = made.subscribe("a", { join: fresh }),
    gone = made.subscribe("b", { join: fresh });
  await made.opened();
  gone.unsubscribe();
  await room.ready();
  await fault("/fault/drop");
  await waitFor(() => made.stats().opens === 2, "the next one");
  await room.ready();
  equal([await frames(plan, 0, 1), await frames(plan, 1, 1)], [[join("a")], [join("a")]], "frames");
  const error = await rejection(made.subscribe("c", { join: () => Promise.reject(new Error("the app's")) }).ready());
  equal([error.code, error.cause.message], ["encode", "the app's"], "an error");
  equal(takeReports().length, 1, "reported");
});

test("confirm: false: ready when it is sent", async () => {
  const plan = script("ws", [[["mute"]], [["mute"]]]);
  const made = client(plan.url, { subscriptions: { confirm: false } });
  const early = made.subscribe("a");
  await early.ready();
  const late = made.subscribe("b");
  await late.ready();
  equal([early.state, late.state], ["joined", "joined"], "states");
  await fault("/fault/drop");
  await waitFor(() => made.stats().opens === 2, "the next one");
  await Promise.all([early.ready(), late.ready()]);
  equal(await frames(plan, 1, 2), [join("a"), join("b")], "again");
});

test("signal", async () => {
  const plan = script("ws", [[["echo"]]]);
  const made = client(plan.url, { subscriptions: echoed });
  const abort = new AbortController();
  const gone = made.subscribe("a", { signal: AbortSignal.abort() });
  equal([gone.state, await failure(gone.ready())], ["left", "left"], "aborted before");
  const room = made.subscribe("b", { signal: abort.signal });
  await room.ready();
  abort.abort();
  equal([room.state, await failure(room.ready())], ["left", "left"], "aborted");
  equal(await frames(plan, 0, 2), [join("b"), leave("b")], "frames");
  const scoped = made.subscribe("c");
  await scoped.ready();
  scoped[Symbol.dispose ?? Symbol.for("Symbol.dispose")]();
  equal((await frames(plan, 0, 4)).slice(2), [join("c"), leave("c")], "disposed");
});

test("a join that still waits is taken back; a leave does not go over to the next connection", async () => {
  const plan = script("ws", [[["echo"]], [["echo"]]]);
  const made = client(plan.url, {
    subscriptions: echoed,
    // The joins count.
    rate: { messages: 3, per: 3_000 },
  });
  const room = made.subscribe("a");
  await room.ready();
  await Promise.all([made.send("1"), made.send("2")]);
  const waits = made.subscribe("b"),
    taken = made.subscribe("c");
  equal(made.stats().queued, 2, "queued");
  taken.unsubscribe();
  equal([made.stats().queued, waits.state], [1, "joining"], "taken back");
  room.unsubscribe();
  equal(made.stats().queued, 2, "the leave");
  equal(await frames(plan, 0, 3), [join("a"), "1", "2"], "frames");
  const lost = event(made, "statechange", () => made.stats().queued);
  await fault("/fault/drop");
  equal(await lost, 0, "without what means nothing to the next one");
  await waits.ready();
  await waitFor(() => made.stats().opens === 2, "the next one");
  equal((await frames(plan, 0, 3)).length, 3, "frames");
});

test("a planned change: what still waits goes by the new connection, or not at all", async () => {
  const plan = script("ws", [[["echo"], say({ type: "bye" })], [["echo"]]]);
  const made = client(plan.url, {
    subscriptions: echoed,
    reconnect: { ...quick, initialDelay: 500, notice: "bye" },
    rate: { messages: 2, per: 3_000 },
  });
  const gone = made.subscribe("b");
  await made.opened();
  await made.send("1");
  // Both wait, as the join and the message are out.
  gone.unsubscribe();
  const room = made.subscribe("a");
  await room.ready();
  equal([await received(plan), made.state, made.stats().queued], [[[join("b"), "1"], [join("a")]], "open", 0], "once");
});

test("close in handlers: nothing comes after", async () => {
  for (const where of ["message", "gap"]) {
    const plan = script("ws", [
      [joined("a"), chat("a", "1"), ...reset],
      [joined("a"), chat("a", "9"), chat("a", "10")],
    ]);
    const made = client(plan.url, { subscriptions: ided });
    const rooms = [made.subscribe("a"), made.subscribe("a")];
    const order = [];
    const loop = rooms[1][Symbol.asyncIterator]();
    const close = (data) => {
      order.push(data);
      if (where === "gap" || data === "9") made.close();
    };
    if (where === "message") rooms[0].on(({ data }) => close(data.eventId));
    rooms[1].on(({ data }) => order.push(`second ${data.eventId}`));
    made.addEventListener("gap", () => (where === "gap" ? close("gap") : order.push("gap")));
    made.addEventListener("gap", () => order.push("second gap"));
    await waitFor(() => made.state === "closed", `closed by ${where}`);
    const rest = where === "gap" ? ["second 1", "gap"] : ["1", "second 1", "gap", "second gap", "9"];
    await echoBarrier();
    equal(order, rest, where);
    equal([rooms.map(({ state }) => state), (await loop.next()).done], [["left", "left"], true], "states");
    equal(await Promise.all(rooms.map((room) => failure(room.ready()))), ["closed", "closed"], "ready");
    equal(made.subscribe("b").state, "left", "afterwards");
  }
});

test("unsubscribed, subscribed and reconnected from within", async () => {
  const plan = script("ws", [
    [joined("a"), chat("a", "1"), chat("a", "2")],
    [joined("b"), chat("b", "1")],
  ]);
  const made = client(plan.url, { subscriptions: ided });
  const seen = watch(made),
    order = [];
  const room = made.subscribe("a"),
    beside = made.subscribe("a");
  room.on(() => {
    order.push("a");
    room.unsubscribe();
    beside.unsubscribe();
    made.subscribe("b").on(() => order.push("b"));
    made.reconnect();
  });
  room.on(() => order.push("not any more"));
  beside.on(() => order.push("nor this"));
  await waitFor(
    () => order.includes("b"),
    () => `the other topic, have ${order}`,
  );
  equal([order, seen.data], [["a", "b"], []], "order");
  equal((await received(plan))[1], [join("b")], "joins");
});

test("from within join and leave", async () => {
  const plan = script("ws", [[["echo"]]]);
  const made = client(plan.url, { subscriptions: echoed });
  const first = made.subscribe("a");
  const inner = [];
  made.subscribe("b", {
    join: ({ topic }) => {
      // Neither of them is out: the one waits, the other was not made.
      first.unsubscribe();
      inner.push(made.subscribe("d"));
      third.unsubscribe();
      return { type: "join", topic };
    },
  });
  const third = made.subscribe("c");
  await waitFor(() => inner[0]?.state === "joined", "the inner one");
  equal(await frames(plan, 0, 2), [join("b"), join("d")], "frames");
  const closing = client(ws("/echo"), { subscriptions: echoed });
  const rest = closing.subscribe("a", {
    join: () => {
      closing.close();
      return "x";
    },
  });
  equal([await failure(rest.ready()), closing.stats().opens], ["closed", 0], "closed");
});

test("a join or a leave that fails is told, and the others go on", async () => {
  const plan = script("ws", [[["echo"]]]);
  const made = client(plan.url, { subscriptions: echoed });
  const broken = () => {
    throw new Error("the app's");
  };
  const rooms = [
    made.subscribe("a", { join: broken }),
    made.subscribe("b", { leave: broken }),
    made.subscribe("c", { join: () => 5n }),
  ];
  const errors = [await rejection(rooms[0].ready()), await rejection(rooms[2].ready())];
  equal(
    errors.map(({ code }) => code),
    ["encode", "encode"],
    "codes",
  );
  equal(errors[0].cause.message, "the app's", "cause");
  await rooms[1].ready();
  equal([rooms[0].state, takeReports().length], ["joining", 2], "reports");
  for (const room of rooms) room.unsubscribe();
  equal(
    takeReports().map(({ message }) => message),
    ["the app's"],
    "the leave",
  );
  await made.send("end");
  equal(await frames(plan, 0, 2), [join("b"), "end"], "frames");
});

test("for await: each loop has all of them, and ends with its handle or the client", async () => {
  const made = client(ws("/echo"), { subscriptions: echoed });
  const rooms = [made.subscribe("a"), made.subscribe("a")];
  const pulled = [];
  const loops = rooms.map(async (room, at) => {
    for await (const { data } of room) pulled.push([at, data.n]);
    return at;
  });
  const brief = (async () => {
    for await (const { data } of rooms[0]) return data.n;
  })();
  await rooms[0].ready();
  for (const n of [1, 2]) made.send({ topic: "a", n });
  await waitFor(() => pulled.length === 4, "two for each");
  equal(
    [pulled.filter(([at]) => !at), await brief],
    [
      [
        [0, 1],
        [0, 2],
      ],
      1,
    ],
    "pulled",
  );
  rooms[0].unsubscribe();
  equal(await loops[0], 0, "ended");
  equal((await rooms[0][Symbol.asyncIterator]().next()).done, true, "a new one");
  made.close();
  equal(await loops[1], 1, "with the client");
  equal((await made.subscribe("a")[Symbol.asyncIterator]().next()).done, true, "afterwards");
});

test("for await: with a client that ends of something else its error comes, and it falls behind at 1 024", async () => {
  const made = client(script("ws", [[joined("a"), ["close", 4403]]]).url);
  const loop = made.subscribe("a")[Symbol.asyncIterator]();
  equal((await rejection(loop.next())).closeCode, 4403, "code");
  const flood = client(script("ws", [[["echo"]]]).url, { subscriptions: echoed });
  await flood.opened();
  const slow = flood.subscribe("a")[Symbol.asyncIterator]();
  for (let n = 0; n <= 1_024; n++) flood.send({ topic: "a", n });
  let last;
  flood.subscribe("a").on(({ data }) => {
    last = data.n;
  });
  await waitFor(() => last === 1_024, "all of them");
  let pulled = 0;
  const error = await rejection(
    (async () => {
      for await (const _ of slow) pulled++;
    })(),
  );
  equal([error.code, pulled], ["iterator-overflow", 1_024], "overflow");
});

test("a ready() that nobody awaits disturbs nobody", async () => {
  const made = client(script("ws", [[["wait", 100], say({ type: "refused", topic: "a" })]]).url, {
    subscriptions: { timeout: 20 },
  });
  const rooms = ["a", "b", "c"].map((topic) => made.subscribe(topic));
  for (const room of rooms) room.ready();
  await waitFor(() => rooms[0].state === "left", "the refusal");
  rooms[1].unsubscribe();
  rooms[1].ready();
  made.close();
  rooms[2].ready();
  await echoBarrier();
  equal(takeReports(), [], "reports");
});

for (const [transport, options] of /** @type {[string, object][]} */ ([
  ["fetch", {}],
  ["eventsource", { transport: "eventsource" }],
])) {
  test(`${transport}: topics of a stream; a join cannot go up`, async () => {
    const say = (name, data) => ["send", `event: ${name}\nid: ${data.id}\ndata: ${JSON.stringify(data)}\n\n`];
    const first = [
      say("chat", { topic: "a", n: 1, id: "x1" }),
      say("left", { topic: "b", n: 2, id: "x2" }),
      say("said", { topic: "b", id: "x3" }),
    ];
    const plan = script("sse", [
      [
        ...first,
        say("no", { topic: "c", id: "x5" }),
        say("lost", { topic: "a", id: "x4" }),
        say("chat", { topic: "a", n: 3, id: "x6" }),
      ],
    ]);
    const made = client(plan.url, {
      ...options,
      ...(transport === "eventsource" && { events: ["left"] }),
      subscriptions: { joined: "said", refused: "no", gap: "lost", id: "id" },
    });
    const seen = watch(made);
    const a = made.subscribe("a"),
      c = made.subscribe("c"),
      order = listen(made);
    a.on("chat", ({ data, lastEventId }) => order.push([data.n, lastEventId]));
    equal(await failure(a.ready()), "no-uplink", "code");
    await waitFor(
      () => order.length === 3,
      () => `all of it, have ${JSON.stringify(order)}`,
    );
    equal(
      [order, c.state, seen.messages.map(({ data }) => data.n), made.lastEventId],
      [
        [
          [1, "x1"],
          ["a", "gap", "x1", "x6"],
          [3, "x6"],
        ],
        "left",
        [2, undefined],
        "x3",
      ],
      "messages",
    );
    equal(await failure(made.subscribe("d").ready()), "no-uplink", "while it is open");
  });
}

test("fetch: a slow loop slows the stream down", async () => {
  const made = client(sse("/count?to=30000&rate=10000"), { subscriptions: { topic: () => "all" } });
  const seen = [];
  for await (const { data } of made.subscribe("all")) {
    seen.push(data.seq);
    if (data.seq % 1_000 === 0) await new Promise((resolve) => setTimeout(resolve, 100));
    if (data.seq === 30_000) break;
  }
  equal([seen.length, seen.every((seq, at) => seq === at + 1)], [30_000, true], "pulled");
});

test("beside requests, acks and the handlers of the client", async () => {
  const made = client(ws("/echo"), {
    subscriptions: echoed,
    outbox: { ack: { id: "key", match: ({ data }) => data.key } },
  });
  const room = made.subscribe("a");
  await room.ready();
  const got = [];
  room.on(({ data }) => got.push(data.n));
  equal(
    [(await made.send({ topic: "a", n: 1 })).status, (await made.request({ topic: "a", n: 2 })).data.n],
    ["acked", 2],
    "both",
  );
  made.send({ topic: "a", n: 3 }, { ack: false });
  await waitFor(() => got.length, "the message");
  equal(got, [3], "messages");
});

test("no more than 10 000 topics", async () => {
  const made = client(script("ws", [[["hang"]]]).url);
  const rooms = Array.from({ length: 10_000 }, (_, n) => made.subscribe(`${n}`));
  const error = thrown(() => made.subscribe("one more"));
  equal([error instanceof SubscriptionError, error.code], [true, "too-many"], "error");
  made.subscribe("7");
  rooms[0].unsubscribe();
  made.subscribe("one more");
});

test("what cannot be", async () => {
  for (const [name, subscriptions] of [
    ["subscriptions", 5],
    ["subscriptions", null],
    ["subscriptions.topic", { topic: "" }],
    ["subscriptions.topic", { topic: 5 }],
    ["subscriptions.id", { id: true }],
    ["subscriptions.seq", { seq: true }],
    ["subscriptions.joined", { joined: 5 }],
    ["subscriptions.refused", { refused: "" }],
    ["subscriptions.gap", { gap: null }],
    ["subscriptions.timeout", { timeout: 0 }],
    ["subscriptions.timeout", { timeout: "1s" }],
    ["subscriptions.confirm", { confirm: 1 }],
    ["subscriptions.join", { join: () => {} }],
  ]) {
    const error = thrown(() => client(ws("/echo"), { subscriptions }), name);
    equal([error.code, error.message.includes(name)], ["invalid-option", true], error.message);
  }
  const made = client(ws("/echo"));
  for (const [name, topic, options] of [
    ["topic", ""],
    ["topic", 5],
    ["topic"],
    ["subscribe", "a", null],
    ["subscribe", "a", 5],
    ["subscribe.join", "a", { join: {} }],
    ["subscribe.leave", "a", { leave: true }],
    ["subscribe.lastEventId", "a", { lastEventId: 5 }],
    ["subscribe.signal", "a", { signal: {} }],
    ["subscribe.id", "a", { id: "eventId" }],
  ]) {
    const error = thrown(() => made.subscribe(topic, options), name);
    equal([error.code, error.message.includes(name)], ["invalid-option", true], error.message);
  }
  const room = made.subscribe("a");
  for (const given of [[], ["chat"], [5, () => {}], ["chat", "x"]])
    equal(thrown(() => room.on(...given)).code, "invalid-option", `on(${given})`);
});

test("a topic that is a number which no double holds is told apart from its neighbours", async () => {
  const made = client(ws("/echo"), { subscriptions: { confirm: false } });
  await made.opened();
  const rooms = ["9007199254740992", "9007199254740993"].map((name) => made.subscribe(name, { join: () => "joined" }));
  const got = rooms.map((room) => {
    const seen = [];
    room.on(({ data }) => seen.push(data.n));
    return seen;
  });
  for (const [n, name] of ["9007199254740993", "9007199254740992", "9007199254740993", "9007199254740994"].entries())
    made.send(`{"topic":${name},"n":${n}}`);
  const last = new Promise((resolve) => made.on("last", resolve));
  made.send('{"type":"last"}');
  await last;
  // An engine that does not tell what the server wrote knows them by their doubles.
  const tells = /** @type {any} */ (JSON.parse)("1", (_, _value, context) => context?.source);
  equal(got, tells ? [[1], [0, 2]] : [[0, 1, 2], []], "messages of each");
});

test("pause() keeps the topics, and resume() joins them again", async () => {
  const plan = script("ws", [[["echo"]], [["echo"]]]);
  const made = client(plan.url, { subscriptions: echoed, resume: ided });
  const room = made.subscribe("room:7");
  await room.ready();
  made.pause();
  equal([room.state, made.state], ["joining", "suspended"], "paused");
  made.resume();
  await room.ready();
  equal([room.state, made.state], ["joined", "open"], "joined again");
  const heard = [];
  room.on((message) => heard.push(message.data.n));
  made.send({ topic: "room:7", n: 1 });
  await waitFor(() => heard.length, "a message of the topic");
  room.unsubscribe();
});

test("a message of several topics goes to the handles of each, with each one's cursor", async () => {
  const topics = ["a", "b"];
  const plan = script("ws", [
    [
      ["wait", 200],
      say({ type: "joined", topic: topics }),
      chat(topics, "1"),
      chat("a", "2"),
      chat(["b", "a", "b", "none", 7], "3"),
      chat(["none"], "4"),
      ...reset,
    ],
    [["wait", 200], say({ type: "joined", topic: topics }), chat(["b", "a", "b", "none", 7], "3"), chat(topics, "5")],
  ]);
  const made = client(plan.url, { subscriptions: ided, resume: ided });
  const seen = watch(made);
  const rooms = topics.map((topic) => made.subscribe(topic));
  const heard = rooms.map((room) => {
    const got = [];
    room.on(({ data, lastEventId }) => got.push([data.eventId, lastEventId]));
    return got;
  });
  await Promise.all(rooms.map((room) => room.ready()));
  await waitFor(
    () => heard.every((got) => got.at(-1)?.[0] === "5"),
    () => `the last message, have ${JSON.stringify(heard)}`,
  );
  const both = (...ids) => ids.map((id) => [id, id]);
  equal(heard, [both("1", "2", "3", "5"), both("1", "3", "5")], "each once");
  equal(
    seen.data.map(({ eventId }) => eventId),
    ["4"],
    "of no topic that there is",
  );
  equal(seen.gaps, [], "no gap");
  equal((await received(plan))[1].slice(0, 2), [join("a", "3"), join("b", "3")], "joins");
});

test("a refusal and a gap of several topics, and a number in each", async () => {
  const plan = script("ws", [
    [
      ["wait", 200],
      say({ type: "joined", topic: ["a", "b"] }),
      say({ type: "refused", topic: ["c", "d"] }),
      say({ numbers: { a: 1, b: 7 } }),
      say({ numbers: { a: 2, b: 9 } }),
    ],
  ]);
  const names = ({ data }) => (data.numbers ? Object.keys(data.numbers) : data.topic);
  const made = client(plan.url, { subscriptions: { topic: names, seq: ({ data }, topic) => data.numbers[topic] } });
  const seen = watch(made);
  const [a, b, c, d] = ["a", "b", "c", "d"].map((topic) => made.subscribe(topic));
  const heard = [];
  for (const room of [a, b]) room.on(({ data }) => heard.push([room.topic, data.numbers[room.topic]]));
  equal(await Promise.all([c, d].map((room) => failure(room.ready()))), ["refused", "refused"], "refused");
  await waitFor(() => heard.length === 4, "the messages");
  equal(
    heard,
    [
      ["a", 1],
      ["b", 7],
      ["a", 2],
      ["b", 9],
    ],
    "numbers",
  );
  equal(
    seen.gaps.map(({ topic, missing }) => [topic, missing]),
    [["b", { from: 8, to: 8 }]],
    "what is missing",
  );
});

// Beginning and end: what close() and an aborted signal promise.
import { client, watch } from "../client.js";
import { equal, ok, rejection, test, thrown, waitFor } from "../harness.js";
import { echoBarrier, fault, proxyStats, script, sse, stats, unique, ws } from "../server.js";

/** @type {[string, () => string, any][]} */
const kinds = [
  ["websocket", () => ws("/chat?room=life"), {}],
  ["eventsource", () => sse("/ticker?name=life"), { transport: "eventsource" }],
];

for (const [name, address, options] of kinds) {
  test(`${name}: connect and close in one task opens nothing`, async () => {
    const before = [(await stats()).opened, (await proxyStats()).accepted];
    const made = client(address(), options);
    const seen = watch(made);
    made.close();
    equal(seen.events, ["statechange", "close"], "events");
    equal(made.stats().attempts, 0, "attempts");
    const barrier = client(ws("/echo"));
    await barrier.opened();
    equal(
      [(await stats()).opened, (await proxyStats()).accepted],
      [before[0] + 1, before[1] + 1],
      "only the barrier's",
    );
    equal(seen.events.length, 2, "events later");
  });

  test(`${name}: an aborted signal closes`, async () => {
    const abort = new AbortController();
    const made = client(address(), { ...options, signal: abort.signal });
    const seen = watch(made);
    await made.opened();
    abort.abort(new Error("leave"));
    equal([made.state, seen.closed?.reason], ["closed", "aborted"], "at once");
    await waitFor(async () => (await stats()).connections === 0, "no connection at the server");
  });

  test(`${name}: an already aborted signal gives a closed client`, async () => {
    const before = (await stats()).opened;
    const made = client(address(), { ...options, signal: AbortSignal.abort() });
    equal(made.state, "closed", "state");
    const seen = watch(made);
    equal((await rejection(made.opened())).name, "EverwireError", "opened()");
    const items = [];
    for await (const item of made) items.push(item);
    equal(items, [], "items");
    equal(seen.events, [], "events");
    equal((await stats()).opened, before, "opened at the server");
  });

  test(`${name}: no event after close, by a barrier`, async () => {
    // A busy stream, so that messages are under way when close() is called.
    const busy = client(
      name === "websocket" ? ws("/count?to=10000000&rate=5000") : sse("/count?to=10000000&rate=5000"),
      options,
    );
    const seen = watch(busy);
    await waitFor(() => seen.messages.length > 50, "messages");
    busy.close();
    const [events, messages] = [seen.events.length, seen.messages.length];
    await echoBarrier();
    await waitFor(async () => (await stats()).connections === 0, "the server to see the end");
    equal([seen.events.length, seen.messages.length], [events, messages], "events and messages after close");
    equal(seen.events.at(-1), "close", "the last event");
  });

  test(`${name}: close while connecting, waiting, and in a stall`, async () => {
    const hanging = client(script(name === "websocket" ? "ws" : "sse", [[["hang"]]]).url, options);
    const seenHanging = watch(hanging);
    await waitFor(() => hanging.stats().attempts === 1, "the attempt");
    hanging.close();
    equal(seenHanging.events, ["statechange", "close"], "while connecting");
    equal((await rejection(hanging.opened())).code, "closed", "opened()");

    // Firefox keeps the TCP connection of a WebSocket that is closed before it is answered.
    await fault("/proxy/reset");

    const waiting = client(script(name === "websocket" ? "ws" : "sse", [[["status", 503]]]).url, {
      ...options,
      reconnect: { initialDelay: 300, jitter: "none" },
    });
    const seenWaiting = watch(waiting);
    await waitFor(() => waiting.state === "waiting", "waiting");
    const attempts = waiting.stats().attempts;
    waiting.close();
    equal([waiting.retryAt, seenWaiting.events.at(-1)], [null, "close"], "while waiting");
    const other = client(ws("/echo"), { reconnect: false });
    await other.opened();
    equal(waiting.stats().attempts, attempts, "attempts");

    const stalled = client(address(), options);
    await stalled.opened();
    await fault("/fault/stall?ms=0");
    stalled.close();
    equal(stalled.state, "closed", "in a stall");
    await fault("/fault/clear");
    other.close();
    await waitFor(async () => (await stats()).connections === 0, "no connection at the server");
  });

  test(`${name}: pending loops and opened() settle`, async () => {
    const made = client(address(), options);
    const opening = rejection(made.opened());
    const iterator = made[Symbol.asyncIterator]();
    const next = iterator.next();
    const loop = (async () => {
      let count = 0;
      for await (const _ of made) count += 1;
      return count;
    })();
    made.close();
    equal((await opening).code, "closed", "opened()");
    equal((await next).done, true, "next()");
    equal(await loop, 0, "loop");
    equal((await iterator.next()).done, true, "next() after close");
  });
}

test("dispose closes, in runtimes that have it", async () => {
  const made = client(ws("/echo"));
  await made.opened();
  if (Symbol.dispose) made[Symbol.dispose]();
  else made.close();
  equal(made.state, "closed", "state");
});

test("a closed client never comes back", async () => {
  const made = client(ws("/echo"));
  const seen = watch(made);
  await made.opened();
  made.close();
  const { length } = seen.events;
  for (const type of ["online", "pageshow", "resume", "focus"]) {
    window.dispatchEvent(new Event(type));
    document.dispatchEvent(new Event(type));
  }
  document.dispatchEvent(new Event("visibilitychange"));
  equal(thrown(() => made.reconnect(), "reconnect()").code, "closed", "reconnect()");
  await echoBarrier();
  equal([made.state, seen.events.length, made.stats().attempts], ["closed", length, 1], "client");
});

test("once open, at most one connection, however often reconnect() is called", async () => {
  const made = client(ws(`/chat?room=${unique()}`));
  for (let round = 0; round < 20; round += 1) {
    made.reconnect();
    if (round % 3 === 0) await made.opened();
  }
  await made.opened();
  await waitFor(
    async () => (await stats()).ws === 1,
    async () => `one connection, ${JSON.stringify(await stats())}`,
  );
});

test("waiting tells when, and opened() holds on", async () => {
  const plan = script("ws", [[["status", 503]], []]);
  const start = Date.now();
  const made = client(plan.url, { reconnect: { initialDelay: 200, jitter: "none" } });
  const seen = watch(made);
  const opened = made.opened();
  await waitFor(() => made.state === "waiting", "waiting");
  const [retry] = seen.retries;
  equal([made.readyState, made.attempt, retry.attempt, retry.delay], [0, 1, 1, 200], "waiting");
  for (const at of [made.retryAt, retry.retryAt])
    ok(at >= start && at <= Date.now() + 201, `retryAt ${at}, now ${Date.now()}`);
  await opened;
  equal(made.state, "open", "state");
});

for (const name of /** @type {const} */ (["websocket", "fetch", "eventsource"]))
  test(`${name}: pause() lets go of the connection, and resume() goes on from the last id`, async () => {
    const address = (name === "websocket" ? ws : sse)("/count?to=1000000&rate=200");
    const made = client(address, { resume: { id: "eventId", seq: "seq" }, transport: name });
    const seen = watch(made);
    await waitFor(() => seen.messages.length > 9, "messages");
    made.pause();
    equal([made.state, made.readyState, seen.states.at(-1)], ["suspended", 0, "suspended"], "at once");
    await waitFor(async () => (await stats()).connections === 0, "no connection at the server");
    const { length } = seen.messages;
    // Nothing else opens it.
    made.pause();
    made.reconnect();
    window.dispatchEvent(new Event("online"));
    document.dispatchEvent(new Event("visibilitychange"));
    await echoBarrier();
    equal([made.state, seen.messages.length, made.stats().attempts], ["suspended", length, 1], "while it is paused");
    made.resume();
    ok(["connecting", "waiting"].includes(made.state), `${made.state} after resume()`);
    made.resume();
    await waitFor(() => seen.messages.length > length + 9, "messages again");
    const numbers = seen.data.map(({ seq }) => seq);
    equal(
      numbers,
      numbers.map((_, at) => numbers[0] + at),
      "each once, in order",
    );
    equal([seen.gaps, seen.retries, made.stats().opens], [[], [], 2], "no gap, and no failure");
  });

test("what is sent while it is paused goes out after it, and pause() may be called anywhere", async () => {
  const plan = script("ws", [[["echo"]], [["echo"]], [["echo"]]]);
  const made = client(plan.url);
  const seen = watch(made);
  await made.opened();
  made.pause();
  const sending = made.send("later");
  made.resume();
  equal((await sending).status, "sent", "outcome");
  await waitFor(() => seen.data.includes("later"), "its echo");
  // In a handler, and taken back in the same task.
  const off = made.on(() => {
    made.pause();
    off();
  });
  made.send("pause");
  await waitFor(() => made.state === "suspended", "the handler's pause");
  made.resume();
  made.pause();
  made.resume();
  await made.opened();
  made.send("on");
  await waitFor(() => seen.data.includes("on"), "a message after it");
  made.pause();
  made.close();
  equal([made.state, seen.closed.reason], ["closed", "app"], "closed while paused");
  const { length } = seen.events;
  made.pause();
  made.resume();
  await echoBarrier();
  equal([made.state, seen.events.length], ["closed", length], "closed for good");
});

test("connect with paused opens nothing before resume()", async () => {
  const plan = script("ws", [[["echo"]]]);
  const made = client(plan.url, { paused: true });
  equal(made.state, "suspended", "at once");
  const seen = watch(made);
  await echoBarrier();
  equal([made.state, made.stats().attempts, seen.events], ["suspended", 0, []], "later");
  equal((await plan.log()).length, 0, "at the server");
  const opened = made.opened();
  made.resume();
  await opened;
  equal([made.state, seen.gaps], ["open", []], "open");
  const never = client(ws("/echo"));
  never.pause();
  never.resume();
  await never.opened();
});

// After close() nothing is left: no connection, listener, timer, memory, nor the client itself.
import { held, instances, memories } from "../spies.js";
import { connect } from "/pkg/index.js";
import { WebSocket as DropIn } from "/pkg/websocket.js";
import { engine, equal, ok, test, waitFor } from "../harness.js";
import { script, sse, stats, ws } from "../server.js";

const cycles = 200;
const settled = 50;
const refs = [];

/** Alternates between closing at once, when open, and after a message: in a function of its own, so that nothing keeps the clients. */
async function cycle(round) {
  const options = { heartbeat: { interval: 1_000, timeout: 500 }, reconnect: { initialDelay: 100 } };
  const pair = [
    connect(ws("/count?to=3"), { ...options, resume: { id: "eventId" } }),
    connect(sse("/count?to=3"), { ...options, transport: "eventsource" }),
  ];
  refs.push(...pair.map((made) => new WeakRef(made)));
  const heard = [false, false];
  for (const [index, made] of pair.entries())
    made.on(() => {
      heard[index] = true;
    });
  for (const made of pair) made.addEventListener("statechange", () => made.state);
  if (round % 3 === 1) await Promise.all(pair.map((made) => made.opened()));
  if (round % 3 === 2) await waitFor(() => heard[0] && heard[1], `messages in round ${round}`);
  if (round % 5 === 0)
    await Promise.all(
      pair.map((made) => {
        const result = made.send("x");
        made.close();
        return result;
      }),
    );
  for (const made of pair) made.close();
}

const size = () => {
  equal(instances.length, 1, "instances");
  return memories(instances[0]).map((memory) => memory.buffer.byteLength);
};

test("200 connect-and-close cycles on both transports leave nothing", async () => {
  equal(held(), { timers: 0, listeners: [] }, "held before");
  /** @type {any} */
  let before = null;
  for (let round = 1; round <= cycles; round += 1) {
    await cycle(round);
    if (round === settled) before = size();
  }
  equal(size(), before, "wasm memory");
  equal(before.length, 1, "one memory is exported");
  equal(held(), { timers: 0, listeners: [] }, "held after");
  await waitFor(
    async () => (await stats()).connections === 0,
    async () => "the server to count 0 connections",
  );
  const { opened } = await stats();
  ok(opened >= cycles, `the server saw ${opened} connections`);
});

if (engine === "chromium") {
  test("closed clients are collected", async () => {
    ok(typeof gc === "function", "Chromium runs without --js-flags=--expose-gc");
    const alive = () => refs.filter((ref) => ref.deref() !== undefined).length;
    // From a task of its own: called from here, it would take what is left on the stack for pointers, and keep a client for one.
    const collect = () => gc?.({ type: "major", execution: "async" });
    await waitFor(
      async () => {
        await collect();
        return alive() === 0;
      },
      () => `${alive()} of ${refs.length} clients are alive`,
    );
  });
}

test("a client in use holds what it gives back", async () => {
  const made = connect(ws("/chat?room=held"), { heartbeat: true });
  await made.opened();
  ok(held().timers > 0 && held().listeners.length > 0, `the spies see nothing: ${JSON.stringify(held())}`);
  made.close();
  equal(held(), { timers: 0, listeners: [] }, "held after");
});

test("closed while a loss is held back, as the page may be going: no timer is left", async () => {
  const Platform = globalThis.WebSocket;
  let socket;
  globalThis.WebSocket = class extends Platform {
    constructor(...given) {
      super(.../** @type {[string]} */ (given));
      socket = this;
    }
  };
  const made = connect(ws("/echo"));
  await made.opened();
  globalThis.WebSocket = Platform;
  socket.dispatchEvent(new CloseEvent("close", { code: 1006 }));
  equal([made.state, held().timers > 0], ["open", true], "held back");
  made.close();
  equal(held(), { timers: 0, listeners: [] }, "held after");
});

test("100 reconnects of one client leave what one connection holds", async () => {
  const made = connect(ws("/echo"), { heartbeat: true, reconnect: { initialDelay: 0, jitter: "none" } });
  await made.opened();
  const one = held();
  for (let round = 0; round < 100; round += 1) {
    made.reconnect();
    await made.opened();
  }
  const many = held();
  equal([many.timers, many.listeners.length], [one.timers, one.listeners.length], "timers and listeners");
  await waitFor(async () => (await stats()).connections === 1, "one connection at the server");
  made.close();
  equal(held(), { timers: 0, listeners: [] }, "held after");
});

test("drop-in WebSockets leave nothing: closed at once, open, waiting, in mid-life; lost, refused, frozen", async () => {
  const over = (socket) => waitFor(() => socket.readyState === 3, "the end");
  const opened = (socket) => waitFor(() => socket.readyState === 1, "open");
  const heartbeat = { interval: 1_000, timeout: 500 };
  for (const reconnect of [false, { initialDelay: 100, maxDelay: 100 }]) {
    const lost = script("ws", [[["send", "a"], ["wait", 50], ["reset"]]]).url;
    const options = { heartbeat, reconnect, backoff: { initialDelay: 30_000, jitter: "none" } };
    const make = (url) =>
      Object.assign(new DropIn(url, [], options), { onopen() {}, onmessage() {}, onerror() {}, onclose() {} });
    const atOnce = make(ws("/echo?1"));
    atOnce.close();
    const open = make(ws("/echo?2"));
    await opened(open);
    open.send("x");
    open.close();
    const ended = make(lost);
    await new Promise((resolve) => ended.addEventListener("close", resolve, { once: true }));
    ended.close();
    const waiting = make(lost);
    ok(held().timers > 0, "it waits");
    waiting.close();
    const frozen = make(ws(`/echo?${Math.random()}`));
    await opened(frozen);
    document.dispatchEvent(new Event("freeze"));
    document.dispatchEvent(new Event("resume"));
    frozen.close();
    for (const socket of [atOnce, open, ended, waiting, frozen]) await over(socket);
    equal(held(), { timers: 0, listeners: [] }, `held with reconnect ${Boolean(reconnect)}`);
  }
  const refused = new DropIn(script("ws", [[["status", 503]]]).url);
  await over(refused);
  equal(held(), { timers: 0, listeners: [] }, "held after a refusal");
  await waitFor(async () => (await stats()).connections === 0, "no connection at the server");
});

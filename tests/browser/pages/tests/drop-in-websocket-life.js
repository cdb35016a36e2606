// What the drop-in WebSocket adds to the standard: open timeout, watchdog, page life, backoff between objects, `reconnect`.
import { WebSocket as DropIn } from "/pkg/websocket.js";
import { engine, equal, ok, test, thrown, waitFor } from "../harness.js";
import { fault, script, stats, unique, ws } from "../server.js";
import { open, opened } from "../sockets.js";

const url = () => ws(`/echo?${unique()}`);
const failed = [
  ["error", 3],
  ["close", 3],
];
const abnormal = [1006, "", false];
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const exact = (initialDelay, more) => ({ backoff: { initialDelay, jitter: "none", ...more } });
const quick = { reconnect: { initialDelay: 100, maxDelay: 300, jitter: "none" }, backoff: false };
const heartbeat = { interval: 150, timeout: 150 };

for (const [named, given] of [
  ["heartbeat", { heartbeat: 5 }],
  ["heartbeat.interval", { heartbeat: { interval: 1 } }],
  ["heartbeat.ping", { heartbeat: { ping: 7 } }],
  ["openTimeout", { openTimeout: 0 }],
  ["reconnect", { reconnect: "yes" }],
  ["reconnect.initialDelay", { reconnect: { initialDelay: -1 } }],
  ["reconnect.maxAge", { reconnect: { maxAge: 5_000 } }],
  ["reconnect.notice", { reconnect: { notice: "bye" } }],
  ["backoff", { backoff: 3 }],
  ["backoff", { backoff: null }],
  ["backoff.initialDelay", { backoff: { initialDelay: "1" } }],
  ["backoff.maxDelay", { backoff: { maxDelay: 99 } }],
  ["backoff.factor", { backoff: { factor: 0 } }],
  ["backoff.jitter", { backoff: { jitter: "some" } }],
  ["backoff.stableAfter", { backoff: { stableAfter: NaN } }],
  ["backoff.maxAttempts", { backoff: { maxAttempts: 3 } }],
  ["pageLifecycle", { pageLifecycle: 1 }],
  ["protocols", { protocols: "a", heartbeat: true }],
]) {
  test(`option ${named}: ${JSON.stringify(given)}`, async () => {
    const error = thrown(() => new DropIn(url(), [], given), "the constructor");
    equal([error.name, error.code], ["EverwireError", "invalid-option"], "error");
    ok(error.message.includes(named), `the message names ${named}: ${error.message}`);
  });
}

test("openTimeout ends what does not open", async () => {
  const plan = script("ws", [[["hang"]]]);
  const [socket, seen] = open(DropIn, plan.url, [], { openTimeout: 1_000 });
  await waitFor(() => seen.closes.length === 1, "close");
  equal([seen.events, seen.closes, socket.readyState], [failed, [abnormal], 3], "events");
  equal((await plan.log()).length, 1, "attempts");
});

test("a dead connection is noticed: error, then close 1006", async () => {
  for (const trouble of ["/proxy/black-hole?direction=down", "/proxy/black-hole?direction=up", "/fault/stall?ms=0"]) {
    const [socket, seen] = open(DropIn, ws(`/chat?room=${unique()}`), [], { heartbeat });
    await opened(socket);
    await fault(trouble);
    await waitFor(() => seen.closes.length === 1, `${trouble}: close`);
    equal([seen.events, seen.closes], [[["open", 1], ...failed], [abnormal]], trouble);
    await fault("/fault/clear");
    await waitFor(async () => (await stats()).connections === 0, "no connection at the server");
  }
});

test("without a heartbeat nothing is sent and nothing is hidden", async () => {
  const pong = '{"type":"pong"}';
  const plan = script("ws", [[["send", pong], ["send", '{"type":"ping"}'], ["echo"]]]);
  const [socket, seen] = open(DropIn, plan.url);
  await waitFor(() => seen.messages.length === 2, "both");
  window.dispatchEvent(new Event("online"));
  document.dispatchEvent(new Event("visibilitychange"));
  socket.send("mine");
  await waitFor(() => seen.messages.length === 3, "the echo");
  equal([seen.data, (await plan.log())[0].received], [[pong, '{"type":"ping"}', "mine"], ["mine"]], "both ways");
});

test("with a heartbeat an idle connection is pinged, and the answers are hidden", async () => {
  const plan = script("ws", [[["echo"]]]);
  const [socket, seen] = open(DropIn, plan.url, [], {
    heartbeat: { interval: 1_000, ping: "tick", isPong: (data) => data === "tick" },
  });
  await opened(socket);
  await waitFor(async () => (await plan.log())[0].received.length >= 3, "three pings");
  socket.send("mine");
  await waitFor(() => seen.messages.length === 1, "the echo");
  equal(
    [seen.data, new Set((await plan.log())[0].received).size, socket.readyState],
    [["mine"], 2, 1],
    "heard, sent, state",
  );
});

test("with a heartbeat a send that nothing answers is pinged after, and coming online asks", async () => {
  const patient = { interval: 20_000, timeout: 150, ping: "tick" };
  const plan = script("ws", [[["mute"]]]);
  const [socket, seen] = open(DropIn, plan.url, [], { heartbeat: patient });
  await opened(socket);
  socket.send("mine");
  await waitFor(() => seen.closes.length === 1, "close");
  equal([(await plan.log())[0].received, seen.closes], [["mine", "tick"], [abnormal]], "sent, close");

  const [asked, told] = open(DropIn, script("ws", [[["mute"]]]).url, [], { heartbeat: patient });
  await opened(asked);
  // A ping in the same millisecond as the opening counts as answered.
  await pause(5);
  window.dispatchEvent(new Event("online"));
  await waitFor(() => told.closes.length === 1, "close after online");
});

/** What `open` gives, and the ms that the new object asked a timer for: what a busy machine adds is not in it. */
function asking(...given) {
  const platform = window.setTimeout;
  let delay = 0;
  const noting = (callback, ms, ...rest) => {
    delay = ms;
    return platform(callback, ms, ...rest);
  };
  Object.assign(window, { setTimeout: noting });
  try {
    return [...open(DropIn, ...given), delay];
  } finally {
    window.setTimeout = platform;
  }
}

/** Makes a new object at each close, as libraries do. Resolves with what each asked for, and the times between the attempts at the server. */
async function chase(steps, count, options, /** @type {(...made: any[]) => void} */ closing = () => {}) {
  const plan = script("ws", steps);
  const asked = [];
  for (let made = 0; made < count; made += 1) {
    const [socket, , delay] = asking(plan.url, [], options);
    asked.push(delay);
    closing(socket, made);
    await new Promise((resolve) => socket.addEventListener("close", resolve));
  }
  const times = (await plan.log()).map(({ at }) => at);
  equal([times.length, asked.shift()], [count, 0], "attempts at the server, the first one's delay");
  return { gaps: times.slice(1).map((at, index) => at - times[index]), asked };
}

/** `served`: how long the server kept each connection. What passed before the next object is no part of what it asked for. */
const within = ({ gaps, asked }, expected, served = []) => {
  const found = `waits of ${expected}, asked for ${asked}, were ${gaps}`;
  ok(gaps.length === expected.length && gaps.every((gap, at) => gap >= expected[at] + (served[at] ?? 0) - 5), found);
  ok(
    asked.every((delay, at) => delay <= expected[at]),
    found,
  );
};

test("backoff: objects for a URL that refuses or dies early wait longer and longer, up to the cap", async () => {
  within(
    await chase(
      [
        [["status", 503]],
        [["reset"]],
        [
          ["send", "a"],
          ["close", 4000],
        ],
        [["send", "a"], ["reset"]],
      ],
      6,
      exact(100, { maxDelay: 500 }),
    ),
    [100, 200, 400, 500, 500],
  );
});

test("backoff: full jitter by default, evenly above the floor", async () => {
  const { gaps, asked } = await chase([[["reset"]]], 13, { backoff: { initialDelay: 600, maxDelay: 600 } });
  ok(
    gaps.every((gap) => gap >= 95) && asked.every((delay) => delay <= 600),
    `within 100 to 600: ${asked}, were ${gaps}`,
  );
  ok(Math.max(...asked) - Math.min(...asked) > 100, `spread: ${asked}`);
});

test("backoff: a stable connection sets it back; the app's own close and 1000 add nothing", async () => {
  const stable = exact(200, { stableAfter: 500 });
  within(
    await chase([[["reset"]], [["reset"]], [["send", "a"], ["wait", 1_500], ["reset"]], [["reset"]]], 5, stable),
    [200, 400, 200, 400],
    [0, 0, 1_500],
  );
  within(await chase([[["close", 1000]]], 4, stable), [0, 0, 0]);
  within(
    await chase([[["echo"]]], 4, stable, (socket) => {
      socket.onopen = () => socket.close();
    }),
    [0, 0, 0],
  );
});

test("backoff: counted from the loss, by URL, and it can be switched off", async () => {
  const plan = script("ws", [[["reset"]], [["echo"]]]);
  const [, lost] = open(DropIn, plan.url, [], exact(400));
  await waitFor(() => lost.closes.length === 1, "close");
  const start = performance.now();
  const [waits, , delay] = asking(plan.url, [], exact(400));
  ok(delay > 0 && delay <= 400, `asked for ${delay} ms`);
  for (const [other, options] of [
    [plan.url, { backoff: false }],
    [url(), exact(400)],
  ]) {
    const [socket, , none] = asking(other, [], options);
    equal(none, 0, "at once");
    await opened(socket);
  }
  if (waits.readyState === 0) await opened(waits);
  ok(performance.now() - start >= 390, `waited ${performance.now() - start} ms`);

  const late = script("ws", [[["reset"]], [["echo"]]]);
  const [, gone] = open(DropIn, late.url, [], exact(300));
  await waitFor(() => gone.closes.length === 1, "close");
  await pause(350);
  const [again, , none] = asking(late.url, [], exact(300));
  equal(none, 0, "it has waited by itself");
  await opened(again);
});

test("backoff: close() while waiting opens nothing", async () => {
  const plan = script("ws", [[["reset"]], [["echo"]]]);
  const [, lost] = open(DropIn, plan.url, [], exact(300));
  await waitFor(() => lost.closes.length === 1, "close");
  const [socket, seen] = open(DropIn, plan.url, ["a"], exact(300));
  await pause(20);
  equal(
    [socket.readyState, socket.protocol, socket.extensions, socket.bufferedAmount],
    [0, "", "", 0],
    "while waiting",
  );
  equal(thrown(() => socket.send("x")).name, "InvalidStateError", "send");
  equal(thrown(() => socket.close(1)).name, "InvalidAccessError", "close");
  equal([socket.close(), socket.readyState], [undefined, 2], "closing");
  await waitFor(() => seen.closes.length === 1, "close");
  equal([seen.events, seen.closes], [failed, [abnormal]], "events");
  await opened(open(DropIn, plan.url, [], exact(300))[0]);
  equal((await plan.log()).length, 2, "attempts at the server");
});

for (const [what, target, event] of /** @type {[string, EventTarget, string][]} */ ([
  ["online", window, "online"],
  ["visible", document, "visibilitychange"],
])) {
  test(`backoff: a page that becomes ${what} waits no longer`, async () => {
    const plan = script("ws", [[["reset"]], [["echo"]]]);
    const [, lost] = open(DropIn, plan.url, [], exact(10_000));
    await waitFor(() => lost.closes.length === 1, "close");
    const [blind] = open(DropIn, plan.url, [], { ...exact(10_000), pageLifecycle: false });
    const [socket] = open(DropIn, plan.url, [], exact(10_000));
    target.dispatchEvent(new Event(event));
    await opened(socket);
    equal([blind.readyState, (await plan.log()).length], [0, 2], "the one that does not look, and the attempts");
  });
}

// WebKitGTK tells 1012 and 1013 as 1006.
if (engine !== "webkit")
  test("backoff: a server that closes with 1013 is left alone for 5 s, whatever the page does", async () => {
    const plan = script("ws", [[["close", 1013]], [["echo"]]]);
    const [, lost] = open(DropIn, plan.url, [], exact(100));
    await waitFor(() => lost.closes.length === 1, "close");
    const [socket] = open(DropIn, plan.url, [], exact(100));
    await pause(300);
    window.dispatchEvent(new Event("online"));
    await opened(socket);
    const [first, second] = await plan.log();
    ok(second.at - first.at >= 4_990, `after ${second.at - first.at} ms`);
  });

test("a page that was frozen: error and close on return, and the next object connects", async () => {
  const address = url();
  const [socket, seen] = open(DropIn, address);
  await opened(socket);
  document.dispatchEvent(new Event("freeze"));
  await waitFor(async () => (await stats()).connections === 0, "no connection at the server");
  ok(socket.readyState > 1 && seen.closes.length === 0, "nothing is told while it is frozen");
  socket.send("nowhere");
  document.dispatchEvent(new Event("resume"));
  equal([seen.events, seen.closes], [[["open", 1], ...failed], [abnormal]], "on return");
  await opened(open(DropIn, address, [], { backoff: { initialDelay: 100 } })[0]);
  equal((await stats()).connections, 1, "connections");
});

test("reconnect: close and open again on one object, and nothing that was sent between", async () => {
  const plan = script("ws", [
    [["send", "a"], ["echo"], ["wait", 100], ["close", 4000, "why"]],
    [["status", 503]],
    [["status", 503]],
    [["send", "b"], ["echo"]],
  ]);
  const [socket, seen] = open(DropIn, plan.url, ["one"], quick);
  socket.binaryType = "arraybuffer";
  const states = [];
  socket.onclose = () =>
    queueMicrotask(() => {
      // In between, as code does that knows one connection only.
      socket.send("between");
      states.push(socket.readyState, socket.bufferedAmount);
    });
  await opened(socket);
  socket.send("first");
  await waitFor(() => seen.data.includes("b"), "the second connection");
  equal(
    seen.events,
    [
      ["open", 1],
      ["close", 3],
      ["error", 3],
      ["error", 3],
      ["open", 1],
    ],
    "events",
  );
  equal([seen.closes, states], [[[4000, "why", true]], [0, 7]], "close, and the state after it");
  socket.send("second");
  socket.send(new Uint8Array([7]));
  await waitFor(() => seen.messages.length === 5, "the echoes");
  equal(
    [seen.data.slice(0, 4), seen.data[4] instanceof ArrayBuffer],
    [["a", "first", "b", "second"], true],
    "messages",
  );
  equal([socket.protocol, socket.bufferedAmount], ["one", 0], "protocol, bufferedAmount");
  equal(
    (await plan.log()).map(({ received }) => received),
    [["first"], [], [], ["second", { bytes: [7] }]],
    "sent",
  );
  socket.close(4001, "done");
  await waitFor(() => seen.closes.length === 2, "close");
  equal([seen.closes[1], socket.readyState], [[4001, "done", true], 3], "the app's close");
  equal((await stats()).connections, 0, "connections");
});

test("reconnect: 20 drops, 20 closes, one connection", async () => {
  const [socket, seen] = open(DropIn, url(), [], quick);
  for (let drop = 1; drop <= 20; drop += 1) {
    await waitFor(() => socket.readyState === 1, "open");
    await fault("/fault/drop");
    await waitFor(() => seen.closes.length === drop, "close");
  }
  await waitFor(() => socket.readyState === 1, "open");
  const turns = seen.events.map(([type]) => type).filter((type) => type !== "error");
  equal(
    turns,
    Array.from({ length: 41 }, (_, at) => (at % 2 ? "close" : "open")),
    "open and close take turns",
  );
  socket.send("alive");
  await waitFor(() => seen.data.includes("alive"), "the echo");
  equal((await stats()).connections, 1, "connections");
});

test("reconnect: it ends by the failure table, by maxAttempts, and by close() in any handler", async () => {
  const ends = async (steps, options, /** @type {(socket: any) => void} */ act = () => {}) => {
    const plan = script("ws", steps);
    const [socket, seen] = open(DropIn, plan.url, [], options);
    act(socket);
    await waitFor(() => seen.closes.length > 0 && socket.readyState === 3, "the end");
    const { events, closes } = seen;
    // What would come, comes within the delay of the first retry.
    await pause(250);
    equal([seen.events.length, socket.readyState], [events.length, 3], "after it");
    return [events, closes, (await plan.log()).length];
  };
  equal(
    await ends(
      [
        [
          ["send", "a"],
          ["close", 4403, "no"],
        ],
      ],
      quick,
    ),
    [
      [
        ["open", 1],
        ["close", 3],
      ],
      [[4403, "no", true]],
      1,
    ],
    "4403",
  );
  equal(
    await ends([[["status", 503]]], { ...quick, reconnect: { ...quick.reconnect, maxAttempts: 2 } }),
    [[["error", 3], ...failed], [abnormal], 2],
    "maxAttempts",
  );
  for (const type of ["error", "close"]) {
    const [events, , attempts] = await ends(
      [
        [
          ["send", "a"],
          ["close", 4000],
        ],
        [["status", 503]],
      ],
      quick,
      (socket) => {
        socket.addEventListener(type, () => socket.close());
      },
    );
    equal([attempts, events.at(-1)], [type === "close" ? 1 : 2, ["close", 3]], `close() at ${type}`);
  }
});

test("reconnect: a page that was frozen is told the close on return, and open again", async () => {
  const [socket, seen] = open(DropIn, url(), [], quick);
  await opened(socket);
  document.dispatchEvent(new Event("freeze"));
  await waitFor(async () => (await stats()).connections === 0, "no connection at the server");
  document.dispatchEvent(new Event("resume"));
  await waitFor(() => seen.events.length === 4, "open again");
  equal([seen.events, seen.closes], [[["open", 1], ...failed, ["open", 1]], [abnormal]], "events");
});

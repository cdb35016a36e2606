// Whatever the page does: a frame that is removed, moved or navigated while its client is held outside, window.stop(),
// document.open(), a popup or a worker that is closed. In Firefox an `await` outside never hears of a promise that was
// made in a window that is gone; a `then` does, so these tests take that.
import { connect } from "/pkg/duplex.js";
import { Counter, noFlaws, quick, watch } from "../client.js";
import { after, engine, equal, ok, test, thrown, waitFor } from "../harness.js";
import { echoBarrier, script, sse, stats, unique, ws } from "../server.js";

/** @returns {Promise<any>} its element, with what the package exports there */
async function frame(entry = "load") {
  /** @type {any} */
  const element = document.createElement("iframe");
  element.src = "/frame.html";
  document.body.append(element);
  after(() => element.remove());
  await waitFor(() => element.contentWindow?.load, "the frame");
  return Object.assign(element, await element.contentWindow[entry]());
}

/** What becomes of a promise, also of a window that is gone. */
function fate(promise) {
  const seen = { told: /** @type {any} */ (undefined) };
  promise.then(
    (value) => {
      seen.told = [value];
    },
    (error) => {
      seen.told = [undefined, error];
    },
  );
  return seen;
}

const told = (...fates) => waitFor(() => fates.every((one) => one.told), "what becomes of the promises");
const counting = (kind) => (kind === "ws" ? ws : sse)("/count?to=1000000&rate=50");
const gone = () => waitFor(async () => (await stats()).connections === 0, "no connection at the server");

/** @type {Record<string, [string, object]>} */
const transports = {
  websocket: ["ws", {}],
  eventsource: ["sse", { transport: "eventsource" }],
  fetch: ["sse", {}],
};

/** Ways in which a window goes; each gives when it has. */
const ends = {
  /** @param {HTMLIFrameElement} element */
  removed: (element) => element.remove(),
  moved: (element) => document.body.append(Object.assign(document.createElement("div")).appendChild(element)),
  navigated: (element) =>
    new Promise((resolve) => {
      element.contentWindow.addEventListener("pagehide", () => setTimeout(resolve));
      element.src = "/away.html";
    }),
  async "opened anew and removed"(element) {
    element.contentDocument.open();
    element.contentDocument.write("<p>another document");
    element.contentDocument.close();
    await new Promise((resolve) => setTimeout(resolve));
    element.remove();
  },
};

for (const [way, end] of Object.entries(ends)) {
  test(`a frame that is ${way}: its clients close, and what is out settles`, async () => {
    const element = await frame();
    const { connect } = element;
    const made = Object.values(transports).map(([kind, options]) => connect(counting(kind), options));
    const waiting = connect(script("sse", [[["status", 503]]]).url, { reconnect: { initialDelay: 60_000 } });
    const opening = connect(script("sse", [[["hang"]]]).url);
    const blind = connect(counting("ws"), { pageLifecycle: false });
    const asking = connect(() => new Promise(() => {}), { transport: "websocket" });
    const all = [...made, waiting, opening, blind, asking];
    const seen = all.map(watch);
    await waitFor(() => made.every((_, at) => seen[at].messages.length), "messages");
    await waitFor(() => waiting.state === "waiting" && blind.state === "open", "the others");
    const promises = [fate(opening.opened()), fate(asking.send("x")), fate(asking.drained())];
    const loop = fate(opening[Symbol.asyncIterator]().next());
    await end(element);

    for (const [at, one] of all.entries()) {
      const { events, closed } = seen[at];
      equal([one.state, closed?.reason, closed?.code, closed?.error], ["closed", "unloaded", 0, null], `client ${at}`);
      equal(events.slice(-2), ["statechange", "close"], `events of client ${at}`);
    }
    // The browser may have taken them down before it told the window.
    const failures = seen.filter(({ retries }, at) => retries.length && ![waiting, blind].includes(all[at]));
    equal(failures.length, 0, "failures told");
    await told(...promises, loop);
    equal(promises[0].told[1]?.code, "closed", "opened()");
    equal(promises[1].told, [{ status: "dropped", code: "closed" }], "send()");
    equal(promises[2].told[1], undefined, "drained()");
    equal([loop.told[1], loop.told[0]?.done], [undefined, true], "a loop");
    await gone();
    const events = seen.map((one) => one.events.length);
    await echoBarrier();
    equal(
      seen.map((one) => one.events.length),
      events,
      "nothing after the end",
    );
  });
}

test("a frame that is removed in the task that made the client, and by each handler", async () => {
  const first = await frame();
  const young = first.connect(counting("ws"));
  const opening = fate(young.opened());
  first.remove();
  await told(opening);
  equal([young.state, opening.told[1].code], ["closed", "closed"], "in the same task");
  for (const [kind, options] of Object.values(transports)) {
    for (const type of ["message", "open", "statechange", "retry", "close"]) {
      const element = await frame();
      const url = type === "retry" ? script(kind, [[["status", 503]]]).url : counting(kind);
      const made = element.connect(url, { reconnect: quick, ...options });
      const seen = watch(made);
      if (type === "message") made.on(() => element.remove());
      else made.addEventListener(type, () => element.remove(), { once: true });
      if (type === "close") made.opened().then(() => made.close());
      await waitFor(() => seen.closed, `the close, of ${kind}, removed at ${type}`);
      equal(seen.closed.reason, type === "close" ? "app" : "unloaded", `${kind}, removed at ${type}`);
      const count = seen.messages.length;
      await echoBarrier();
      equal([seen.messages.length, made.state], [count, "closed"], `${kind}, after ${type}`);
    }
  }
  await gone();
});

test("what enters the back/forward cache is no end, and a frame's own last listener may send", async () => {
  const element = await frame();
  const plan = script("ws", [[["mute"]]]);
  const made = element.connect(plan.url);
  const seen = watch(made);
  await waitFor(() => made.state === "open", "the open");
  const { contentWindow: inner } = element;
  for (const type of ["pagehide", "pageshow"])
    inner.dispatchEvent(new inner.PageTransitionEvent(type, { persisted: true }));
  await waitFor(() => made.state === "open", "the open again");
  equal([seen.states, seen.closed], [["open", "suspended", "waiting", "connecting", "open"], null], "states");
  let bye;
  inner.addEventListener("pagehide", () => {
    bye = fate(made.send("bye"));
  });
  element.remove();
  await told(bye);
  equal([bye.told[0]?.status, seen.closed?.reason], ["sent", "unloaded"], "the last word, and the close");
});

for (const [deed, act] of Object.entries({
  "window.stop()": ({ contentWindow }) => contentWindow.stop(),
  "document.open()": ({ contentDocument }) => {
    contentDocument.open();
    contentDocument.write("<p>another document");
    contentDocument.close();
  },
})) {
  test(`${deed}: what it cut comes back with nothing missing, and the page's life is heard as before`, async () => {
    const element = await frame();
    const { contentWindow: inner } = element;
    const key = unique();
    const storage = {};
    const store = { getItem: (name) => storage[name], setItem: (name, value) => (storage[name] = value) };
    const made = Object.values(transports).map(([kind, options], at) =>
      element.connect(counting(kind), {
        reconnect: quick,
        heartbeat: { interval: 1_000, timeout: 500 },
        resume: { ...(kind === "ws" && { id: "eventId" }), ...(at === 2 && { storage: store, key }) },
        ...options,
      }),
    );
    const seen = made.map(watch);
    const counters = made.map((one) => {
      const counter = new Counter();
      one.on(({ data }) => counter.add(data.seq));
      return counter;
    });
    const more = async (count) => {
      const from = counters.map(({ received }) => received);
      await waitFor(
        () => counters.every(({ received }, at) => received > from[at] + count),
        () => `messages at each, have ${counters.map(({ received }) => received)} of ${made.map(({ state }) => state)}`,
      );
    };
    const waiting = element.connect(script("ws", [[["close"]], [["mute"]]]).url, {
      reconnect: { initialDelay: 60_000, jitter: "none" },
    });
    await more(5);
    await waitFor(() => waiting.state === "waiting", "one that waits");
    act(element);
    // Twice: the second one finds what was put back.
    await new Promise((resolve) => setTimeout(resolve));
    act(element);
    await more(100);
    for (const counter of counters) equal(counter.flaws, noFlaws, "flaws");
    equal(
      seen.map(({ gaps, closed }) => [gaps.filter(({ outcome }) => outcome === "gap").length, closed]),
      seen.map(() => [0, null]),
      "gaps and closes",
    );
    inner.dispatchEvent(new Event("online"));
    await waitFor(() => waiting.state === "open", "the one that waited, when the page comes online");
    inner.document.dispatchEvent(new Event("freeze"));
    equal(
      made.map(({ state }) => state),
      made.map(() => "suspended"),
      "states when it freezes",
    );
    inner.document.dispatchEvent(new Event("resume"));
    await more(5);
    const { lastEventId } = made[2];
    inner.dispatchEvent(new inner.PageTransitionEvent("pagehide", { persisted: true }));
    equal(
      JSON.parse(/** @type {string} */ (Object.values(storage)[0]))[0],
      lastEventId,
      "stored when the page is left",
    );
    element.remove();
    equal(
      seen.map(({ closed }) => closed?.reason),
      seen.map(() => "unloaded"),
      "reasons",
    );
    await gone();
  });
}

/** Every method and getter, with what it may be given. */
const METHODS = {
  state: (made) => made.state,
  readyState: (made) => made.readyState,
  transport: (made) => made.transport,
  url: (made) => made.url,
  protocol: (made) => made.protocol,
  lastEventId: (made) => made.lastEventId,
  lastFailure: (made) => made.lastFailure,
  retryAt: (made) => made.retryAt,
  attempt: (made) => made.attempt,
  bufferedAmount: (made) => made.bufferedAmount,
  toJSON: (made) => JSON.stringify(made),
  inspect: (made) => made[Symbol.for("nodejs.util.inspect.custom")](),
  stats: (made) => made.stats(),
  on: (made) => made.on("x", () => {})(),
  "on, all": (made) => made.on(() => {}, { once: true })(),
  addEventListener: (made) => made.addEventListener("retry", () => {}),
  removeEventListener: (made) => made.removeEventListener("retry", () => {}),
  opened: (made) => made.opened(),
  "send text": (made) => made.send("x"),
  "send JSON": (made) => made.send({ x: 1 }),
  "send bytes": (made) => made.send(new Uint8Array(3)),
  "send, with options": (made) => made.send("x", { ttl: 1, signal: new AbortController().signal }),
  "send what cannot be": (made) => made.send(undefined),
  commit: (made) => made.commit({}),
  reconnect: (made) => made.reconnect(),
  "for await": (made) => made[Symbol.asyncIterator]().return(),
  "close(999)": (made) => made.close(999),
  "close with a long reason": (made) => made.close(3000, "x".repeat(200)),
  cancel: (made) => made.cancel(),
  drained: (made) => made.drained(),
  "close with a reason": (made) => made.close(3000, "enough"),
  close: (made) => made.close(),
  "close again": (made) => made.close(),
  "cancel again": (made) => made.cancel(),
  dispose: (made) => made[Symbol.dispose ?? Symbol.for("Symbol.dispose")](),
  "for await, of a closed one": (made) => made[Symbol.asyncIterator]().next(),
  "drained at the end": (made) => made.drained(),
  "opened at the end": (made) => made.opened(),
};

const MORE = {
  request: (made) => made.request({ x: 1 }, { timeout: 50 }),
  subscribe: (made) => made.subscribe("room").ready(),
  "on of a handle": (made) => made.subscribe("room").on(() => {})(),
  "for await of a handle": (made) => made.subscribe("room")[Symbol.asyncIterator]().return(),
  unsubscribe: (made) => made.subscribe("room").unsubscribe(),
};

/**
 * What a client is made of, and when it is in the state.
 * @type {Record<string, [string, any[], (made: any, element: any) => any]>}
 */
const STATES = {
  "never started": ["ws", [["hang"]], () => true],
  connecting: ["ws", [["hang"]], (made) => made.stats().attempts],
  open: ["ws", [["echo"]], (made) => made.state === "open"],
  // Firefox says so at the first byte.
  "open, by fetch": [
    "sse",
    [
      ["send", ":\n\n"],
      ["wait", 60_000],
    ],
    (made) => made.state === "open",
  ],
  waiting: ["sse", [["status", 503]], (made) => made.state === "waiting"],
  suspended: [
    "ws",
    [["echo"]],
    (made, { contentDocument }) =>
      made.stats().opens && (made.state === "suspended" || contentDocument.dispatchEvent(new Event("freeze"))),
  ],
  closed: ["ws", [["echo"]], (made) => made.state === "closed" || (made.stats().opens && made.close())],
  fatal: ["sse", [["status", 403]], (made) => made.state === "closed"],
};

/**
 * What the page does to it then.
 * @type {Record<string, (element: any) => any>}
 */
const DEEDS = {
  nothing: () => {},
  "is removed": ends.removed,
  "is navigated": ends.navigated,
  "is stopped": ({ contentWindow }) => contentWindow.stop(),
  "is opened anew": ({ contentDocument }) => contentDocument.open(),
};

const plain = (error) => !/^(EverwireError|Error)$/.test(error?.name) || typeof error.code !== "string";

for (const [deed, act] of Object.entries(DEEDS)) {
  test(`no method throws a bare error, in any state, when the page ${deed}`, async () => {
    for (const [state, [kind, steps, ready]] of Object.entries(STATES)) {
      for (const entry of ["load", "loadDuplex"]) {
        const element = await frame(entry);
        const { url } = script(kind, [steps]);
        // What closed before its window went does not know whether the server heard of it.
        const options = kind === "sse" && state !== "fatal" ? { http: { cancel: sse("/health") } } : {};
        const made = element.connect(url, { reconnect: { initialDelay: 60_000 }, ...options });
        made.addEventListener("close", () => {});
        if (state !== "never started") await waitFor(() => ready(made, element), state);
        await act(element);
        const promises = [];
        for (const [name, call] of Object.entries(entry === "load" ? METHODS : { ...MORE, ...METHODS })) {
          const what = `${name}, ${state}, ${deed}`;
          try {
            const given = call(made);
            if (typeof given?.then === "function") promises.push([what, fate(given)]);
          } catch (error) {
            ok(!plain(error), `${what}: ${error}`);
          }
        }
        await waitFor(
          () => promises.every(([, { told }]) => told),
          () => `promises: ${promises.filter(([, { told }]) => !told).map(([what]) => what)}`,
        );
        for (const [what, one] of promises) ok(one.told.length < 2 || !plain(one.told[1]), `${what}: ${one.told[1]}`);
        element.remove();
      }
    }
  });
}

for (const [name, kind] of [
  ["WebSocket", "ws"],
  ["EventSource", "sse"],
]) {
  for (const way of ["removed", "navigated", "opened anew and removed"]) {
    test(`drop-in ${name}: in a frame that is ${way} it is closed without a word, as the browser's own`, async () => {
      const element = await frame();
      const { contentWindow: inner } = element;
      const dropIn = await inner.eval(`import("/pkg/${name.toLowerCase()}.js")`);
      const classes = [inner[name], dropIn[name]];
      const sockets = classes.map((Class) => new Class(counting(kind)));
      // Browsers open one WebSocket to a host at a time.
      if (kind === "sse") sockets.push(...classes.map((Class) => new Class(script("sse", [[["hang"]]]).url)));
      await waitFor(() => sockets[0].readyState === 1 && sockets[1].readyState === 1, "two that are open");
      const heard = [];
      for (const type of ["error", "close", "open", "message"])
        for (const socket of sockets)
          if (socket instanceof dropIn[name]) socket.addEventListener(type, () => heard.push(type));
      await ends[way](element);
      heard.length = 0;
      await waitFor(() => sockets[0].readyState > 1, "the browser's own");
      // Firefox closes it, and never says that it is closed.
      for (const socket of sockets)
        if (socket instanceof dropIn[name]) equal(socket.readyState, kind === "ws" ? 3 : 2, "readyState");
      for (const socket of sockets) {
        if (kind === "ws") equal(thrown(() => socket.close(999)).name, "InvalidAccessError", "close(999)");
        if (kind === "ws") socket.send("x");
        socket.close();
        socket.close();
        ok(/^(ws|http)/.test(socket.url) && socket.readyState >= 2, "getters");
      }
      await gone();
      await echoBarrier();
      equal(heard, [], "events");
    });
  }
}

test("what outbox.persist keeps is the next page's, however its frame goes", async () => {
  for (const [way, end] of Object.entries(ends)) {
    const element = await frame("loadDuplex");
    const [key, plan] = [unique(), script("ws", [[["mute"]], [["echo"]]])];
    const outbox = { ack: { match: ({ data }) => data.id }, persist: { key } };
    const made = element.connect(plan.url, { outbox });
    await waitFor(() => made.state === "open", "the open");
    const sent = fate(made.send({ n: 1 }));
    await waitFor(async () => (await plan.log())[0].received.length === 1, "the message at the server");
    await end(element);
    await told(sent);
    equal([way, sent.told[0], made.state], [way, { status: "unknown" }, "closed"], "what became of it here");
    const late = fate(made.send({ n: 2 }));
    await told(late);
    equal(late.told, [{ status: "dropped", code: "closed" }], "what comes too late");
    const restored = [];
    const next = connect(plan.url, { outbox: { ...outbox, persist: { key, restored: ({ n }) => restored.push(n) } } });
    after(() => next.close());
    await waitFor(() => restored.length, `what was kept, ${way}`);
    equal((await next.send({ n: 3 })).status, "acked", "the next page's own");
    equal(restored, [1], "what was kept");
    next.close();
    element.remove();
  }
});

test("a popup that is closed: the client that its opener holds closes", async () => {
  const popup = window.open("/frame.html", "_blank", "width=200,height=200");
  // WebKitGTK's driver opens none.
  if (!popup) return ok(engine === "webkit", "a popup");
  after(() => popup.close());
  await waitFor(() => popup.load, "the popup");
  const { connect: inner } = await popup.load();
  const made = inner(counting("ws"));
  const seen = watch(made);
  await waitFor(() => seen.messages.length, "messages");
  popup.close();
  await waitFor(() => seen.closed, "the close");
  equal([seen.closed.reason, seen.closed.error, made.state], ["unloaded", null, "closed"], "the close");
  await gone();
});

test("a worker that ends itself, or is ended: nothing throws in it, and its connections end", async () => {
  for (const end of ["close", "terminate"]) {
    const code = `import { connect } from "${location.origin}/pkg/index.js";
      const made = ["${counting("ws")}", "${counting("sse")}"].map((url) => connect(url));
      await Promise.all(made.map((one) => one.opened()));
      postMessage("open");
      onmessage = () => {
        close();
        try {
          for (const one of made) {
            one.send("x"); one.reconnect(); one.stats(); one.on(() => {}); JSON.stringify(one); one.drained(); one.opened(); one.close();
          }
          postMessage(made.map(({ state }) => state).join());
        } catch (error) {
          postMessage(String(error));
        }
      };`;
    const worker = new Worker(URL.createObjectURL(new Blob([code], { type: "text/javascript" })), { type: "module" });
    after(() => worker.terminate());
    const heard = [];
    worker.onmessage = ({ data }) => heard.push(data);
    await waitFor(() => heard.length, "open clients");
    if (end === "terminate") worker.terminate();
    else worker.postMessage("close");
    await gone();
    if (end === "close") await waitFor(() => heard.length > 1, "its last word");
    equal(heard, end === "close" ? ["open", "closed,closed"] : ["open"], end);
    worker.terminate();
  }
});

test("a client in a frame takes what the page gives it: blobs, files, buffers, addresses", async () => {
  const element = await frame();
  const plan = script("ws", [[["echo"]]]);
  const made = element.connect({ websocket: new URL(plan.url) }, { codec: "binary" });
  const seen = watch(made);
  const given = [
    new Blob(["ab"]),
    new File(["ab"], "x"),
    new TextEncoder().encode("ab"),
    new Uint8Array([97, 98]).buffer,
  ];
  for (const value of given) made.send(value);
  await waitFor(
    () => seen.messages.length === given.length,
    () => `echoes, have ${seen.messages.length}`,
  );
  const text = new TextDecoder();
  equal(
    seen.data.map((data) => text.decode(data)),
    given.map(() => "ab"),
    "what the server got",
  );
  const direct = element.connect(new URL(plan.url));
  await waitFor(() => direct.state === "open", "an address of the page's own");
  direct.close();
});

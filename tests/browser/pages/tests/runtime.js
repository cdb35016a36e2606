// A runtime that lacks something, and a WebAssembly instance that traps. Each in a frame of its own.
import { after, equal, ok, takeReports, test, thrown, waitFor } from "../harness.js";
import { sse, stats, ws } from "../server.js";

/** @returns {Promise<any>} its window */
async function frame(query = "") {
  const element = document.createElement("iframe");
  element.src = `/frame.html${query}`;
  document.body.append(element);
  after(() => element.remove());
  await waitFor(() => element.contentWindow?.load, "the frame");
  return element.contentWindow;
}

const refused = (connect, code, words) => {
  for (const [endpoint, options] of [
    [ws("/echo"), {}],
    [sse("/ticker"), { transport: "eventsource" }],
  ]) {
    const error = thrown(() => connect(endpoint, options), "connect");
    equal([error.name, error.code], ["EverwireError", code], "error");
    ok(words.test(error.message), `a sentence that says what to do: ${error.message}`);
  }
};

test("importing starts nothing and needs nothing", async () => {
  const realm = await frame();
  for (const name of ["WebAssembly", "WebSocket", "EventSource", "AbortSignal", "fetch"]) delete realm[name];
  const module = await realm.load();
  equal([typeof module.connect, typeof module.version], ["function", "string"], "exports");
});

test("WebAssembly deleted", async () => {
  const realm = await frame();
  delete realm.WebAssembly;
  refused((await realm.load()).connect, "wasm-unavailable", /WebAssembly/);
  equal((await stats()).connections, 0, "connections");
});

test("WebAssembly forbidden by the Content-Security-Policy", async () => {
  const realm = await frame(`?csp=${encodeURIComponent("script-src 'self'")}`);
  refused((await realm.load()).connect, "wasm-unavailable", /wasm-unsafe-eval/);
  takeReports();
});

test("WebAssembly allowed by the Content-Security-Policy", async () => {
  const realm = await frame(
    `?csp=${encodeURIComponent("default-src 'none'; connect-src *; script-src 'self' 'wasm-unsafe-eval'")}`,
  );
  const { connect } = await realm.load();
  const made = connect(ws("/echo"));
  after(() => made.close());
  await made.opened();
});

for (const [name, endpoint, options] of [
  ["WebSocket", ws("/echo"), {}],
  ["EventSource", sse("/ticker"), { transport: "eventsource" }],
]) {
  test(`${name} deleted`, async () => {
    const realm = await frame();
    delete realm[name];
    const { connect } = await realm.load();
    const error = thrown(() => connect(endpoint, options), "connect");
    equal([error.name, error.code], ["EverwireError", "unsupported"], "error");
    ok(error.message.includes(name), error.message);
  });
}

test("constructors are looked up at connect, so that test doubles work", async () => {
  const realm = await frame();
  const { connect } = await realm.load();
  const asked = [];
  realm.WebSocket = class extends realm.WebSocket {
    constructor(...given) {
      super(...given);
      asked.push(given[0]);
    }
  };
  const made = connect(ws("/echo"));
  after(() => made.close());
  await made.opened();
  equal(asked, [ws("/echo")], "asked");
});

/** Overwrites the memory of the frame's one instance: whatever runs in it next meets garbage. */
function ruin({ instances, memories }) {
  equal(instances.length, 1, "instances");
  const [memory] = memories(instances[0]);
  new Uint8Array(memory.buffer).fill(0xff);
}

for (const [name, enter] of /** @type {[string, ((made: any) => unknown) | null][]} */ ([
  ["a send", (made) => made.send("in")],
  ["a message", null],
  ["reconnect()", (made) => made.reconnect()],
  ["close()", (made) => made.close()],
])) {
  test(`a trap at ${name} closes every client with internal, and the next connect works`, async () => {
    const realm = await frame();
    const spied = await realm.loadSpied();
    const options = { heartbeat: { interval: 500 } };
    const made = [
      spied.connect(ws("/chat?room=trap"), options),
      spied.connect(sse("/ticker?name=trap"), { transport: "eventsource" }),
      spied.connect(ws("/chat?room=trap"), { ...options, resume: { id: "eventId" } }),
    ];
    const closes = made.map((one) => {
      const seen = [];
      one.addEventListener("close", (event) => seen.push([event.reason, event.error?.code]));
      return seen;
    });
    await Promise.all(made.map((one) => one.opened()));
    ruin(spied);
    try {
      await enter?.(made[0]);
    } catch (error) {
      equal(error.name, "EverwireError", "what the call threw");
    }
    await waitFor(
      () => made.every((one) => one.state === "closed"),
      () => `all closed: ${made.map((one) => one.state)}`,
    );
    equal(
      closes,
      closes.map(() => [["internal", "internal"]]),
      "close events",
    );
    equal(
      made.map((one) => one.readyState),
      [3, 2, 3],
      "readyState",
    );
    for (const one of made) {
      one.close();
      equal(thrown(() => one.reconnect(), "reconnect()").code, "closed", "reconnect()");
      equal((await one.send("x").catch((error) => error)).status ?? "dropped", "dropped", "a later send");
    }
    await waitFor(async () => (await stats()).connections === 0, "no connection at the server");

    const next = spied.connect(ws("/echo"));
    after(() => next.close());
    const echoed = [];
    next.on((message) => echoed.push(message.data));
    await next.opened();
    await next.send("again");
    await waitFor(() => echoed.length === 1, "the echo");
    equal(spied.instances.length, 2, "instances: a fresh one");
    next.close();
    takeReports();
  });
}

test("a trap ends a drop-in WebSocket with error and close, and the next one works", async () => {
  const realm = await frame();
  const spied = await realm.loadSpied();
  const { WebSocket: DropIn } = await realm.eval('import("/pkg/websocket.js")');
  const open = async () => {
    const socket = new DropIn(ws("/echo"), [], { heartbeat: { interval: 500 }, backoff: false });
    after(() => socket.close());
    await waitFor(() => socket.readyState === 1, "open");
    return socket;
  };
  const socket = await open();
  const seen = [];
  for (const type of ["error", "close"])
    socket.addEventListener(type, ({ code, wasClean }) => seen.push([type, socket.readyState, code, wasClean]));
  ruin(spied);
  socket.send("in");
  await waitFor(() => seen.length === 2, "close");
  equal(
    seen,
    [
      ["error", 3, undefined, undefined],
      ["close", 3, 1006, false],
    ],
    "events",
  );
  await waitFor(async () => (await stats()).connections === 0, "no connection at the server");
  const next = await open();
  const echoed = new Promise((resolve) => {
    next.onmessage = ({ data }) => resolve(data);
  });
  next.send("again");
  equal([await echoed, spied.instances.length], ["again", 2], "the echo, and a fresh instance");
  takeReports();
});

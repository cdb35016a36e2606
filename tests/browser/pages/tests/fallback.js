// From one way to the server to the next: { websocket, sse }.
import { connect } from "/pkg/index.js";
import { Counter, client, noFlaws, quick, watch } from "../client.js";
import { duplex, ledger, numbers, outcomes, requests } from "../duplex.js";
import { equal, test, thrown, waitFor } from "../harness.js";
import { fault, script, sse, toWebSocket, unique, ws } from "../server.js";

const refusing = () => script("ws", [[["status", 426]]]);
const dying = () => script("ws", [[["wait", 50], ["reset"]]]);
const saying = (text) => script("sse", [[["send", `id: 1\ndata: ${text}\n\n`]]]);
const nowhere = { remember: false };

for (const [entry, make] of /** @type {[string, typeof client][]} */ ([
  ["everwire", client],
  ["everwire/duplex", (endpoint) => duplex(endpoint, { fallback: nowhere })],
])) {
  test(`${entry}: a WebSocket that never opens: at the second failure`, async () => {
    const plan = refusing();
    const made = make({ websocket: plan.url, sse: saying("down").url });
    const seen = watch(made);
    await waitFor(() => seen.messages.length, "the message");
    equal(
      [made.transport, made.state, (await plan.log()).length, seen.retries.length, made.readyState],
      ["fetch", "open", 2, 2, 1],
      "transport, state, attempts",
    );
  });
}

test("one that opens and dies early: at the third time; the cursor goes along", async () => {
  const plan = script(
    "ws",
    [1, 2, 3].map((n) => [["send", `{"eventId":"e${n}"}`], ["wait", 50], ["reset"]]),
  );
  const down = script("sse", [[["send", "id: e3\ndata: old\n\nid: e4\ndata: new\n\n"]]]);
  const made = duplex(
    { websocket: plan.url, sse: down.url },
    { resume: { id: "eventId", via: "query" }, fallback: nowhere },
  );
  const seen = watch(made);
  await waitFor(() => seen.data.includes("new"), "the message");
  equal(
    [(await plan.log()).length, made.stats().outcome, seen.data.includes("old")],
    [3, "recovered", false],
    "attempts, outcome, repeats",
  );
  equal((await down.log())[0].query.lastEventId, "e3", "the cursor");
});

test("what waits is sent by the next way", async () => {
  const server = ledger();
  const made = duplex({ websocket: refusing().url, ...server.both }, { outbox: { ack: true }, fallback: nowhere });
  equal([...new Set(await outcomes(numbers(1, 50).map((message) => made.send(message))))], ["acked"], "outcomes");
  equal([await server.report(), made.transport], [[50, 0, 0], "fetch"], "applied");
});

test("a good WebSocket that is lost stays one", async () => {
  const server = ledger();
  const made = duplex(
    { websocket: toWebSocket(server.url), ...server.both },
    { reconnect: { ...quick, stableAfter: 100 }, outbox: { ack: true }, fallback: nowhere },
  );
  const sends = [];
  for (let drop = 0; drop < 4; drop++) {
    await made.opened();
    const since = performance.now();
    await waitFor(() => performance.now() - since > 150, "it is stable");
    sends.push(made.send({ n: drop + 1 }));
    await fault("/fault/drop");
  }
  equal([...new Set(await outcomes(sends))], ["acked"], "outcomes");
  equal(made.transport, "websocket", "transport");
});

test("failures and early are the caller's, and so is the order", async () => {
  const plan = refusing(),
    second = dying();
  const made = duplex({ websocket: plan.url, sse: saying("x").url }, { fallback: { ...nowhere, failures: 1 } });
  const seen = watch(made);
  await waitFor(() => seen.messages.length, "the message");
  equal((await plan.log()).length, 1, "attempts");
  const other = duplex({ websocket: second.url, sse: saying("x").url }, { fallback: { ...nowhere, early: 1 } });
  await waitFor(() => other.transport === "fetch" && other.state === "open", "the other");
  equal((await second.log()).length, 1, "attempts");
  const turned = duplex(
    { websocket: ws("/echo"), sse: sse("/answer?status=503") },
    { fallback: { ...nowhere, order: ["eventsource", "websocket"] } },
  );
  await waitFor(() => turned.transport === "websocket" && turned.state === "open", "the WebSocket");
});

test("false: only the WebSocket", async () => {
  const plan = refusing();
  const made = duplex({ websocket: plan.url, sse: saying("x").url }, { fallback: false });
  await waitFor(async () => (await plan.log()).length === 4, "four attempts");
  equal(made.transport, "websocket", "transport");
});

test("a function gives the target, by the order", async () => {
  const plan = refusing(),
    down = saying("x");
  const made = duplex(({ attempt }) => ({ websocket: `${plan.url}&n=${attempt}`, sse: down.url }), {
    fallback: { ...nowhere, order: ["websocket", "fetch"] },
  });
  await waitFor(() => made.transport === "fetch" && made.state === "open", "the stream");
  equal((await plan.log()).length, 2, "attempts");
});

test("the session remembers the way that worked, by the server", async () => {
  const remember = unique();
  const plan = refusing(),
    server = { websocket: plan.url, sse: saying("x").url };
  const first = duplex(server, { fallback: { remember } });
  await waitFor(() => first.state === "open", "the first");
  first.close();
  const second = duplex(server, { fallback: { remember } });
  await waitFor(() => second.state === "open", "the second");
  equal([second.stats().attempts, second.transport, (await plan.log()).length], [1, "fetch", 2], "attempts");
  const third = duplex({ ...server, websocket: ws("/echo") }, { fallback: { remember: unique() } });
  await waitFor(() => third.state === "open", "another server");
  equal(third.transport, "websocket", "transport");
});

test("the better way is tried again at a natural end, and forgotten to be worse when it works", async () => {
  const remember = unique();
  const plan = script("ws", [[["status", 426]], [["status", 426]], [["echo"]]]);
  const down = script("sse", [[["send", "id: 1\ndata: x\n\n"], ["wait", 300], ["end"]]]);
  const made = duplex(
    { websocket: plan.url, sse: down.url },
    { fallback: { remember }, reconnect: { ...quick, stableAfter: 100 } },
  );
  await waitFor(() => made.transport === "websocket" && made.state === "open", "the WebSocket");
  equal([(await plan.log()).length, (await down.log()).length], [3, 1], "attempts");
  await waitFor(() => sessionStorage.getItem(`everwire-way ${remember}`) === null, "it has held");
  const next = duplex({ websocket: ws("/echo"), sse: saying("x").url }, { fallback: { remember } });
  await next.opened();
  equal(next.transport, "websocket", "the next page");
});

test("failback tries it while the stream delivers: nothing lost, nothing twice", async () => {
  let open = false;
  const counter = new Counter();
  const endpoint = () => ({
    websocket: open ? ws("/count?to=100000&rate=200&overlap=1") : refusing().url,
    sse: sse("/count?to=100000&rate=200&overlap=1"),
  });
  const made = duplex(endpoint, {
    fallback: { ...nowhere, order: ["websocket", "fetch"] },
    resume: { id: "eventId" },
    reconnect: { ...quick, failback: 1_000 },
  });
  made.on("count", ({ data }) => counter.add(data.seq));
  await waitFor(() => made.transport === "fetch" && counter.received > 20, "the stream");
  open = true;
  await waitFor(() => made.transport === "websocket", "the WebSocket");
  const { received } = counter;
  await waitFor(() => counter.received > received + 100, "messages over it");
  equal([counter.flaws, made.state], [noFlaws, "open"], "flaws");
});

test("a runtime without WebSocket begins with the stream", async () => {
  const { WebSocket } = window;
  Object.assign(window, { WebSocket: undefined });
  try {
    for (const make of [connect, duplex]) {
      const made = make({ websocket: ws("/echo"), sse: saying("x").url });
      await made.opened();
      equal([made.transport, made.stats().attempts], ["fetch", 1], "transport");
      made.close();
    }
  } finally {
    window.WebSocket = WebSocket;
  }
});

test("what the browser blocks is no end where there is another way", async () => {
  const { WebSocket } = window;
  const blocked = class {
    constructor() {
      throw new DOMException("blocked", "SecurityError");
    }
  };
  Object.assign(window, { WebSocket: blocked });
  try {
    const made = duplex({ websocket: ws("/echo"), sse: saying("x").url }, { fallback: nowhere });
    await made.opened();
    equal([made.transport, made.stats().attempts], ["fetch", 2], "transport");
  } finally {
    window.WebSocket = WebSocket;
  }
});

test("handshake and resume.frame are the WebSocket's; the stream asks in its own way", async () => {
  const down = saying("x");
  const made = duplex(
    { websocket: refusing().url, sse: down.url },
    { handshake: async () => {}, fallback: nowhere, resume: { id: "eventId", from: "7", frame: () => "resume" } },
  );
  await made.opened();
  const { query, headers } = (await down.log())[0];
  equal(query.lastEventId ?? headers["last-event-id"], "7", "the cursor");
});

test("transport says which one, and then there is no other", async () => {
  for (const transport of ["eventsource", "fetch"]) {
    const key = unique();
    const made = client({ websocket: ws("/echo"), sse: sse(`/answer?status=200&key=${key}`) }, { transport });
    made.addEventListener("close", () => {});
    await waitFor(async () => (await requests(key)).length, "the request");
    equal(made.transport, transport, "transport");
  }
});

test("a stream that is held back is told as buffered, and long polls go on", async () => {
  // The stream is never answered, the HEAD is.
  const plan = script("sse", [
    [["hang"]],
    [["status", 200, "text/event-stream"]],
    [["send", "id: a\ndata: a\n\n"], ["end"]],
    [["send", "id: a\ndata: a\n\nid: b\ndata: b\n\n"], ["end"]],
    [["send", ": wait\n\n"]],
  ]);
  const made = duplex(plan.url, { longPoll: true, openTimeout: 3_000, fallback: nowhere });
  const seen = watch(made);
  await waitFor(() => seen.messages.length === 2, "the messages");
  const [{ failure }] = seen.retries;
  equal(
    [failure.code, failure.class, /longPoll/.test(failure.message)],
    ["buffered", "retriable", true],
    failure.message,
  );
  equal([seen.data, made.state, made.stats().outcome], [["a", "b"], "open", "recovered"], "messages");
  const log = await waitFor(async () => (await plan.log())[4] && plan.log(), "the request after them");
  equal(
    log.map(({ method, query }) => [method, query.poll]),
    [
      ["GET", undefined],
      ["HEAD", undefined],
      ["GET", "0"],
      ["GET", "25000"],
      ["GET", "25000"],
    ],
    "requests",
  );
});

test("without longPoll it is told, and tried again", async () => {
  const plan = script("sse", [[["hang"]], [["status", 200, "text/event-stream"]], [["send", "id: a\ndata: a\n\n"]]]);
  const made = duplex(plan.url, { openTimeout: 3_000 });
  const seen = watch(made);
  await waitFor(() => seen.messages.length, "the message");
  equal(
    seen.retries.map(({ failure }) => failure.code),
    ["buffered"],
    "failures",
  );
});

test("an answer to HEAD that is no stream's proves nothing, nor does one that is slow to begin", async () => {
  const plan = script("sse", [[["hang"]], [["status", 405]], [["send", "id: a\ndata: a\n\n"]]]);
  const made = duplex(plan.url, { openTimeout: 900 });
  const seen = watch(made);
  await waitFor(() => seen.messages.length, "the message");
  equal(
    seen.retries.map(({ failure }) => failure.code),
    ["open-timeout"],
    "failures",
  );
  const slow = script("sse", [
    [
      ["wait", 1_500],
      ["send", "id: a\ndata: a\n\n"],
    ],
    [["status", 200, "text/event-stream"]],
  ]);
  const late = duplex(slow.url, { openTimeout: 10_000 });
  await late.opened();
  equal(late.stats().attempts, 1, "attempts");
});

test("a server that is only slow is not taken for it", async () => {
  const plan = script("sse", [[["hang"]], [["hang"]], [["send", "id: a\ndata: a\n\n"]]]);
  const made = duplex(plan.url, { openTimeout: 900 });
  const seen = watch(made);
  await waitFor(() => seen.messages.length, "the message");
  equal(
    seen.retries.map(({ failure }) => failure.code),
    ["open-timeout"],
    "failures",
  );
});

test("the main entry says which one has an uplink", async () => {
  const error = await thrown(() => connect({ websocket: ws("/echo"), sse: sse("/echo"), uplink: "/up" }));
  equal([error.code, /everwire\/duplex/.test(error.message)], ["invalid-option", true], error.message);
});

test("what cannot be", async () => {
  for (const [name, endpoint, options] of [
    ["fallback", { websocket: ws("/echo"), sse: sse("/count") }, { fallback: "no" }],
    ["fallback.order", { websocket: ws("/echo"), sse: sse("/count") }, { fallback: { order: [] } }],
    [
      "fallback.order",
      { websocket: ws("/echo"), sse: sse("/count") },
      { fallback: { order: ["websocket", "carrier"] } },
    ],
    ["fallback.order", { websocket: ws("/echo"), sse: sse("/count") }, { fallback: { order: ["fetch", "fetch"] } }],
    [
      "fallback.order",
      { websocket: ws("/echo"), sse: sse("/count") },
      { transport: "fetch", fallback: { order: ["fetch"] } },
    ],
    ["fallback.order", [ws("/echo"), ws("/echo")], { fallback: { order: ["websocket"] } }],
    ["fallback.failures", ws("/echo"), { fallback: { failures: 0 } }],
    ["fallback.early", ws("/echo"), { fallback: { early: "3" } }],
    ["fallback.remember", ws("/echo"), { fallback: { remember: 1 } }],
    ["fallback.after", ws("/echo"), { fallback: { after: 1 } }],
  ]) {
    const error = await thrown(() => duplex(endpoint, options), name);
    equal([error.code, error.message.includes(name)], ["invalid-option", true], error.message);
  }
  equal(
    (await thrown(() => duplex({ websocket: ws("/echo") }, { fallback: { order: ["fetch"] } }))).code,
    "invalid-url",
    "an order that the endpoint has no address for",
  );
});

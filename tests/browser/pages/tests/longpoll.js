// An event stream in pieces: each request is answered and ends, and the next one follows.
import { Counter, noFlaws, quick, watch } from "../client.js";
import { duplex, ledger, numbers, outcomes, requests } from "../duplex.js";
import { equal, ok, test, thrown, waitFor } from "../harness.js";
import { fault, script, sse, unique } from "../server.js";

const polls = { order: ["poll"] };
const asked = (records) =>
  records.map(({ query }) => {
    const of = new URLSearchParams(query);
    return [of.get("poll"), of.get("lastEventId") ?? ""];
  });

test("one connection to the app: each message once, in order, state open", async () => {
  const made = duplex(sse("/count?to=1000&overlap=1"), { longPoll: true, fallback: polls });
  const seen = watch(made),
    counter = new Counter();
  made.on(({ lastEventId }) => counter.add(Number(lastEventId)));
  await waitFor(
    () => counter.last === 1_000,
    () => JSON.stringify(counter),
  );
  equal(counter.flaws, noFlaws, "flaws");
  equal(
    [seen.states, made.stats().opens, made.transport, made.stats().outcome],
    [["open"], 1, "fetch", "recovered"],
    "states, opens, outcome",
  );
  // The first answer may have brought nothing, and what came before the second nobody knows.
  equal(
    seen.gaps.filter(({ outcome, after }) => outcome !== "unknown" || after !== ""),
    [],
    "gaps",
  );
});

test("the first is answered at once, the next may wait; each names the cursor", async () => {
  const piece = (id) => [["send", `id: ${id}\ndata: ${id}\n\n`], ["end"]];
  const plan = script("sse", [piece("a"), piece("b"), piece("c"), [["send", ": wait\n\n"]]]);
  const made = duplex(plan.url, { longPoll: { wait: 20_000 }, fallback: polls, resume: { via: "query" } });
  const seen = watch(made);
  await waitFor(async () => (await plan.log()).length === 4, "four requests");
  equal(
    asked((await plan.log()).map(({ query }) => ({ query: new URLSearchParams(query).toString() }))),
    [
      ["0", ""],
      ["20000", "a"],
      ["20000", "b"],
      ["20000", "c"],
    ],
    "requests",
  );
  equal([seen.data, made.state], [["a", "b", "c"], "open"], "messages");
});

test("a replay that begins behind the cursor tells unknown before the next message, a server's gap tells gap", async () => {
  const plan = script("sse", [
    [["send", "id: a\ndata: a\n\n"], ["end"]],
    [["send", "id: c\ndata: c\n\n"], ["end"]],
    [["send", 'data: {"type":"gap"}\n\nid: x\ndata: x\n\n'], ["end"]],
    [["send", ": wait\n\n"]],
  ]);
  const made = duplex(plan.url, { longPoll: true, fallback: polls, resume: { gap: "gap" } });
  const seen = watch(made);
  await waitFor(
    () => seen.messages.length === 3,
    () => JSON.stringify(seen.data),
  );
  equal(
    seen.gaps.map(({ outcome, after, before }) => [outcome, after, before]),
    [
      ["unknown", "a", "c"],
      ["gap", "c", "x"],
    ],
    "gaps",
  );
});

test("answers that bring nothing at once are no storm", async () => {
  const plan = script("sse", [[["send", ": nothing\n\n"], ["end"]]]);
  const made = duplex(plan.url, {
    longPoll: true,
    fallback: polls,
    reconnect: { initialDelay: 200, maxDelay: 400, jitter: "none" },
  });
  const failures = [];
  made.addEventListener("retry", ({ failure }) => failures.push(failure.code));
  await waitFor(() => failures.length === 3, "three retries");
  ok((await plan.log()).length <= 8, "two requests for each");
  equal([...new Set(failures)], ["end"], "failures");
});

test("refusals in the middle go by the table", async () => {
  const piece = [["send", "id: a\ndata: a\n\n"], ["end"]];
  const plan = script("sse", [
    piece,
    [["status", 503, { "retry-after": "0" }]],
    piece,
    [
      ["status", 403, "text/plain"],
      ["send", "go away"],
    ],
  ]);
  const made = duplex(plan.url, { longPoll: true, fallback: polls });
  const seen = watch(made);
  await waitFor(() => seen.closed, "the end");
  equal(
    [
      seen.retries.map(({ failure }) => failure.status),
      seen.closed.reason,
      seen.closed.error.status,
      seen.closed.error.body,
    ],
    [[503], "fatal", 403, "go away"],
    "failures",
  );
});

test("successors that are refused cost the open one nothing", async () => {
  const asks = [],
    stream = (id) => new Response(`id: ${id}\ndata: ${id}\n\n`, { headers: { "content-type": "text/event-stream" } });
  let refused = 0,
    answer;
  const fetch = async (address) => {
    const of = new URL(address).searchParams,
      after = of.get("lastEventId");
    asks.push(`${of.get("poll")} ${after}`);
    if (asks.length === 1) return stream("a");
    if (of.get("poll") === "0") {
      refused++;
      return new Response("", { status: 503 });
    }
    if (after === "b") return stream("c");
    return new Promise((resolve) => {
      if (after === "a") answer = () => resolve(stream("b"));
    });
  };
  const made = duplex("/own", {
    longPoll: { wait: 20_000 },
    fallback: polls,
    resume: { via: "query" },
    reconnect: { ...quick, maxAge: 1_000 },
    http: { fetch },
  });
  const seen = watch(made);
  await waitFor(() => refused > 1 && answer, "two successors that are refused");
  answer();
  await waitFor(
    () => seen.data.includes("c"),
    () => asks.join(),
  );
  equal([seen.data, seen.retries, made.state], [["a", "b", "c"], [], "open"], "messages");
});

test("over drops: once and in order, and what is sent goes up", async () => {
  const key = unique(),
    server = ledger(`&key=${key}`);
  const made = duplex(server.both, { longPoll: true, fallback: polls, outbox: { ack: true } });
  const sends = numbers(1, 100).map((message) => made.send(message));
  await sends[30];
  await fault("/fault/drop");
  sends.push(...numbers(101, 200).map((message) => made.send(message)));
  equal([...new Set(await outcomes(sends))], ["acked"], "outcomes");
  const [applied, , disordered] = await server.report();
  equal([applied, disordered], [200, 0], "applied, disordered");
  const ids = new Set((await requests(key)).map(({ query }) => new URLSearchParams(query).get("connection")));
  ok(ids.size <= made.stats().opens, "one name for all requests of a connection");
});

test("close() calls off the one that is out", async () => {
  const plan = script("sse", [[["send", "id: a\ndata: a\n\n"], ["end"]], [["hang"]]]);
  const made = duplex(plan.url, { longPoll: true, fallback: polls });
  await waitFor(async () => (await plan.log()).length === 2, "the second request");
  made.close();
  equal(made.state, "closed", "state");
});

test("with the heartbeat on, the server is asked to wait less than the interval", async () => {
  const plan = script("sse", [[["send", "id: a\ndata: a\n\n"], ["end"]], [["send", ": wait\n\n"]]]);
  duplex(plan.url, { longPoll: true, fallback: polls, heartbeat: { interval: 10_000 } });
  await waitFor(async () => (await plan.log()).length === 2, "the second request");
  equal((await plan.log())[1].query.poll, "8000", "poll");
});

test("what cannot be", async () => {
  for (const [name, endpoint, options] of [
    ["longPoll", sse("/count"), { longPoll: 5 }],
    ["longPoll.wait", sse("/count"), { longPoll: { wait: 999 } }],
    ["longPoll", sse("/count"), { longPoll: true, http: { method: "POST" } }],
    ["longPoll", sse("/count"), { longPoll: true, resume: { request: () => "/count" } }],
    ["longPoll", () => sse("/count"), { longPoll: true, fallback: polls, resume: { via: "url" } }],
    ["longPoll.wait", sse("/count"), { longPoll: { wait: 9_000 }, heartbeat: { interval: 10_000 } }],
    ["longPoll.name", sse("/count"), { longPoll: { name: "" } }],
    ["longPoll.every", sse("/count"), { longPoll: { every: 1 } }],
    ["longPoll", sse("/count").replace("http", "ws"), { longPoll: true }],
    ["longPoll", sse("/count"), { longPoll: true, transport: "eventsource" }],
    ["longPoll", [sse("/count"), sse("/count")], { longPoll: true }],
    ["longPoll", () => sse("/count"), { longPoll: true }],
    ["fallback.order", sse("/count"), { fallback: polls }],
  ]) {
    const error = await thrown(() => duplex(endpoint, options), name);
    equal([error.code, error.message.includes(name)], ["invalid-option", true], error.message);
  }
  equal(
    duplex(() => sse("/count"), { longPoll: true, fallback: { order: ["fetch", "poll"] }, reconnect: quick }).state,
    "connecting",
    "a function with an order",
  );
});

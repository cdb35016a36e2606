// What becomes of a POST beside an event stream, by its answer.
import { quick } from "../client.js";
import { duplex, ledger, numbers, outcome, outcomes } from "../duplex.js";
import { equal, ok, test, waitFor } from "../harness.js";
import { script, sse, unique } from "../server.js";

const OPEN = [["send", ": hello\n\n"]];
const DONE = [["status", 204]];

/** A stream, and an uplink that answers as it is said. */
async function answering(answers, options = {}, stream = [OPEN]) {
  const plan = script("sse", answers),
    down = script("sse", stream);
  const made = duplex({ sse: down.url, uplink: plan.url }, options);
  const failures = [];
  made.addEventListener("retry", ({ failure }) =>
    failures.push([failure.code, failure.status].filter(Boolean).join(" ")),
  );
  await made.opened();
  return {
    made,
    plan,
    down,
    failures,
    posted: async () => (await plan.log()).map(({ received }) => JSON.parse(received[0])),
  };
}

for (const [status, code] of [
  [400, "refused"],
  [413, "too-big"],
  [415, "refused"],
  [422, "refused"],
]) {
  test(`${status}: the one that it is about is dropped, the others arrive, in order`, async () => {
    const { made, failures, posted } = await answering([[["status", status]], DONE, [["status", status]], DONE]);
    const sends = numbers(1, 3).map((message) => made.send(message));
    equal(await outcomes(sends), ["sent", code, "sent"], "outcomes");
    equal(await posted(), [numbers(1, 3), [{ n: 1 }], [{ n: 2 }], [{ n: 3 }]], "requests");
    equal([failures, made.stats().opens], [[], 1], "the stream stays");
    await outcomes(numbers(4, 5).map((message) => made.send(message)));
    equal((await posted()).at(-1), numbers(4, 5), "together again");
  });
}

for (const [status, headers, least] of /** @type {[number, object, number][]} */ ([
  [429, { "retry-after": "1" }, 1_000],
  [503, { "retry-after": "1" }, 1_000],
  [425, {}, 100],
  [429, {}, 100],
])) {
  test(`${status} ${JSON.stringify(headers)}: waits, then sends the same again; the stream stays`, async () => {
    const { made, plan, failures, posted } = await answering([[["status", status, headers]], DONE]);
    const sends = numbers(1, 2).map((message) => made.send(message));
    equal(await outcomes(sends), ["sent", "sent"], "outcomes");
    equal(await posted(), [numbers(1, 2), numbers(1, 2)], "requests");
    const [first, second] = (await plan.log()).map(({ at }) => at);
    ok(second - first >= least, `${second - first} ms between them`);
    equal([failures, made.stats().opens], [[], 1], "failures, connections");
  });
}

test("500: nobody knows, so it is not repeated; what waits for its ack is", async () => {
  const { made, failures, posted } = await answering([[["status", 500]], DONE], { outbox: { ack: true } });
  const plain = made.send({ n: 1 }, { ack: false });
  made.send({ id: "a", n: 2 });
  equal(await outcome(plain), "unknown", "without an ack");
  await waitFor(async () => (await posted()).length === 2, "the second request");
  equal((await posted())[1], [{ id: "a", n: 2 }], "what goes again");
  equal([failures, made.stats().opens], [["http 500"], 2], "failures, connections");
});

test("no answer: the same, and the server applies each once", async () => {
  const server = ledger(`&cut=2&key=${unique()}`);
  const made = duplex(server.both, { outbox: { ack: true } });
  equal([...new Set(await outcomes(numbers(1, 40).map((message) => made.send(message))))], ["acked"], "outcomes");
  const [applied, repeats, disordered] = await server.report();
  equal([applied, disordered], [40, 0], "applied, disordered");
  ok(repeats > 0, "some came twice");
});

test("uplink.timeout ends what is not answered", async () => {
  const { made, failures } = await answering([[["hang"]], DONE], { uplink: { url: "/none" } });
  made.close();
  const plan = script("sse", [[["hang"]], DONE]);
  const other = duplex(script("sse", [OPEN]).url, { uplink: { url: plan.url, timeout: 200 } });
  other.addEventListener("retry", ({ failure }) => failures.push([failure.code, failure.cause?.code].join(" ")));
  equal(await outcome(other.send({ n: 1 })), "unknown", "outcome");
  await other.opened();
  equal(await outcome(other.send({ n: 2 })), "sent", "the next");
  equal(failures, ["network uplink"], "failures");
});

test("403 and 410 are the end, and what was to go was not sent", async () => {
  for (const status of [403, 410]) {
    const { made } = await answering([[["status", status]]]);
    const closed = new Promise((resolve) => made.addEventListener("close", resolve));
    equal(await outcome(made.send({ n: 1 })), "closed", "outcome");
    const { reason, error } = await closed;
    equal([reason, error.code, error.status], ["fatal", "http", status], "close");
  }
});

test("404 and 409: a new stream, and nothing is lost", async () => {
  for (const status of [404, 409]) {
    const { made, failures, posted } = await answering([[["status", status]], DONE]);
    equal(await outcomes(numbers(1, 2).map((message) => made.send(message))), ["sent", "sent"], "outcomes");
    equal(
      [failures, made.stats().opens, await posted()],
      [[`http ${status}`], 2, [numbers(1, 2), numbers(1, 2)]],
      `${status}`,
    );
  }
});

test("401: the functions are asked once more, with unauthorized", async () => {
  const plan = script("sse", [[["status", 401]], DONE, [["status", 401]], [["status", 401]]]);
  const reasons = [];
  const made = duplex(script("sse", [OPEN]).url, {
    uplink: ({ reason }) => {
      reasons.push(reason);
      return plan.url;
    },
  });
  made.addEventListener("close", () => {});
  equal(await outcome(made.send({ n: 1 })), "sent", "outcome");
  equal(reasons, ["initial", "unauthorized"], "reasons");
  equal(await outcome(made.send({ n: 2 })), "closed", "refused again, it is the end");
  equal([made.state, made.lastFailure.status], ["closed", 401], "state");
});

test("after a 401 the headers' function is asked as ever: it has what takes the refused token's place", async () => {
  const plan = script("sse", [[["status", 401]], DONE]);
  const reasons = [];
  const made = duplex(
    { sse: script("sse", [OPEN]).url, uplink: plan.url },
    {
      http: {
        headers: ({ reason }) => {
          reasons.push(reason);
          return {};
        },
      },
    },
  );
  equal(await outcome(made.send({ n: 1 })), "sent", "outcome");
  await outcome(made.send({ n: 2 }));
  equal(reasons, ["initial", "initial", "unauthorized", "reconnect", "reconnect"], "reasons");
});

test("a redirect is a failure with a sentence, as it would lose the body", async () => {
  const made = duplex({
    sse: script("sse", [OPEN]).url,
    uplink: sse(`/redirect?status=302&to=${encodeURIComponent("/echo?reply=body")}`),
  });
  const failed = new Promise((resolve) => made.addEventListener("retry", resolve, { once: true }));
  equal(await outcome(made.send({ n: 1 })), "unknown", "outcome");
  const { failure } = await failed;
  equal([failure.code, /redirect/.test(failure.cause?.message)], ["network", true], String(failure.cause));
});

test("a function that fails is a failed connection, and loses nothing", async () => {
  let asked = 0;
  const plan = script("sse", [DONE]);
  const made = duplex(script("sse", [OPEN]).url, {
    uplink() {
      if (asked++ === 0) throw new Error('no "token" (today): 1');
      return plan.url;
    },
  });
  const failed = new Promise((resolve) => made.addEventListener("retry", resolve, { once: true }));
  equal(await outcome(made.send({ n: 1 })), "sent", "outcome");
  const { failure } = await failed;
  equal([failure.code, failure.cause?.message], ["provider", 'no "token" (today): 1'], "failure");
  ok(failure.message.includes("uplink or http.headers threw"), failure.message);
});

test("the connection is given up while a request is out", async () => {
  const { made, down, posted } = await answering([[["hang"]], DONE], { outbox: { ack: true } }, [OPEN, OPEN]);
  const plain = made.send({ n: 1 }, { ack: false });
  made.send({ id: "a", n: 2 });
  await waitFor(async () => (await posted()).length === 1, "the request");
  made.send({ id: "b", n: 3 });
  // Not a drop: a browser by itself repeats a POST whose kept connection dies before the answer.
  made.reconnect();
  equal(await outcome(plain), "unknown", "without an ack");
  await waitFor(async () => (await posted()).length === 2, "the second request");
  equal(
    (await posted())[1],
    [
      { id: "a", n: 2 },
      { id: "b", n: 3 },
    ],
    "what goes on the next stream",
  );
  equal((await down.log()).length, 2, "streams");
});

test("an answer that is no JSON, or torn, or of another kind, is no message", async () => {
  for (const [type, body] of [
    ["text/html", "<p>"],
    ["application/json", "{"],
    ["application/json", "5"],
    ["application/json", "null"],
    ["application/json", '{"type":"ack"}'],
  ]) {
    const { made } = await answering(
      [
        [
          ["status", 200, type],
          ["send", body],
        ],
      ],
      { outbox: { ack: true } },
    );
    equal(await outcome(made.send({ n: 1 }, { ack: false })), "sent", `${type} ${body}`);
    equal(made.stats().received, 0, "received");
  }
});

test("an answer of many messages leaves the page its turns, and what ends the client is the last of it", async () => {
  const many = 4_000,
    answer = JSON.stringify(Array(many).fill({ id: "none" }));
  let asked = 0,
    turn = 0,
    sum = 0;
  const match = ({ data }) => {
    for (let n = 0; n < 100_000; n++) sum += n;
    if (asked++ === 0)
      setTimeout(() => {
        turn = asked;
        made.close();
      });
    return data.id;
  };
  const given = async (url, init) =>
    init.method === "POST"
      ? new Response(answer, { headers: { "content-type": "application/json" } })
      : fetch(url, init);
  const { made } = await answering([], { http: { fetch: given }, outbox: { ack: { match } } });
  made.send({ id: "a" });
  await waitFor(() => turn, "the page's turn");
  await new Promise((resolve) => setTimeout(resolve));
  ok(turn < many && asked === turn, `its turn came after ${turn}, the end after ${asked}; ${sum}`);
});

test("429 narrows the rate", async () => {
  const { made, plan } = await answering([[["status", 429]], DONE], { rate: { messages: 4, per: 1_000 } });
  equal([...new Set(await outcomes(numbers(1, 8).map((message) => made.send(message))))], ["sent"], "outcomes");
  const sizes = (await plan.log()).map(({ received }) => JSON.parse(received[0]).length);
  equal([sizes[0], Math.max(...sizes.slice(1)) <= 2], [4, true], `messages in each request: ${sizes}`);
});

test("with confirm, the answer is the confirmation", async () => {
  const { made } = await answering(
    [
      [
        ["wait", 100],
        ["status", 204],
      ],
    ],
    { heartbeat: true },
  );
  equal(await outcome(made.send({ n: 1 }, { confirm: "pong" })), "sent", "outcome");
});

test('onLoss "retry": a request whose POST was not answered is asked again', async () => {
  const plan = script("sse", [
    [["status", 502]],
    [
      ["status", 200, "application/json"],
      ["send", '{"id":"q","ok":true}'],
    ],
  ]);
  const made = duplex(
    { sse: script("sse", [OPEN]).url, uplink: plan.url },
    { requests: { onLoss: "retry" }, reconnect: quick },
  );
  equal((await made.request({ id: "q" })).data.ok, true, "reply");
});

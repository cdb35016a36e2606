// Why a WebSocket did not open: `probe` of everwire/duplex.
import { tokens } from "/pkg/auth.js";
import { connect } from "/pkg/duplex.js";
import { quick, watch } from "../client.js";
import { after, equal, ok, test, thrown, waitFor } from "../harness.js";
import { fault, script, sse, ws } from "../server.js";

function client(endpoint, options) {
  const made = connect(endpoint, { reconnect: quick, ...options });
  after(() => made.close());
  return made;
}
const refused = [["status", 500]];
const stay = [["send", "in"]];
const told = ({ code, status, class: kind, contentType, body }) => [code, status, kind, contentType, body];
/** Refused once, then in. */
const once = () => script("ws", [refused, stay]);
const answer = (status, more = "") => `${sse(`/answer?status=${status}`)}${more}`;

test("401: the functions are asked again with unauthorized", async () => {
  const plan = once(),
    probe = script("sse", [
      [
        ["status", 401, "text/plain"],
        ["send", "expired"],
      ],
    ]);
  const reasons = [];
  const made = client(
    ({ reason }) => {
      reasons.push(reason);
      return plan.url;
    },
    { probe: probe.url },
  );
  const seen = watch(made);
  await made.opened();
  equal(
    seen.retries.map(({ failure }) => told(failure)),
    [["http", 401, "reauth", "text/plain", "expired"]],
    "failure",
  );
  equal([reasons, (await probe.log()).length], [["initial", "unauthorized"], 1], "reasons");
});

test("with a token in both, and the caller's headers", async () => {
  let count = 0;
  const auth = tokens(() => `t${++count}`);
  const plan = once(),
    probe = script("sse", [[["status", 401]]]);
  const made = client(auth.query(plan.url), {
    probe: auth.query(probe.url, "probe_token"),
    http: { headers: auth.put((token) => ({ "x-test": token })) },
  });
  await made.opened();
  const [{ query, headers, method }] = await probe.log();
  equal([query.probe_token, headers["x-test"], method], ["t1", "t1", "GET"], "of the attempt that failed");
  equal(
    (await plan.log()).map((attempt) => attempt.query.access_token),
    ["t1", "t2"],
    "tokens",
  );
});

for (const status of [400, 403, 404, 410]) {
  test(`${status}: fatal`, async () => {
    const plan = once();
    const seen = watch(client(plan.url, { probe: answer(status, "&body=no") }));
    await waitFor(() => seen.closed, "the end");
    equal(
      [seen.closed.reason, ...told(seen.closed.error)],
      ["fatal", "http", status, "fatal", "text/plain", "no"],
      "failure",
    );
    equal((await plan.log()).length, 1, "attempts");
  });
}

test("429 and 503: not before Retry-After", async () => {
  for (const status of [429, 503]) {
    const made = client(once().url, {
      probe: answer(status, "&retry_after=3600"),
      reconnect: { ...quick, maxServerDelay: 2_000_000 },
    });
    const seen = watch(made);
    await waitFor(() => seen.retries.length, "the retry");
    const [{ failure, delay }] = seen.retries;
    equal(
      [failure.code, failure.status, failure.class, made.state],
      ["http", status, "retriable", "waiting"],
      "failure",
    );
    ok(delay >= 2_000_000, `delay ${delay}`);
    made.reconnect();
    await made.opened();
  }
});

for (const [what, probe] of /** @type {[string, () => any][]} */ ([
  ["200", () => answer(200)],
  ["204", () => answer(204)],
  ["426, a WebSocket's own word to a plain request", () => answer(426)],
  ["no answer", () => "http://127.0.0.1:9/"],
  [
    "a function that fails",
    () => () => {
      throw new Error("no luck");
    },
  ],
  ["what is no address", () => async () => "http://["],
])) {
  test(`${what}: an ordinary failure`, async () => {
    const made = client(once().url, { probe: probe() });
    const seen = watch(made);
    await made.opened();
    equal(
      seen.retries.map(({ failure, delay }) => [failure.code, failure.class, failure.status, delay]),
      [["network", "retriable", 0, 100]],
      "failure",
    );
    if (what.startsWith("a function"))
      equal(seen.retries[0].failure.cause.message, "no luck", "its error is the cause");
  });
}

test("a function is told of the attempt", async () => {
  let context;
  const made = client(script("ws", [refused, refused, stay]).url, {
    probe: (given) => {
      context = given;
      return answer(200);
    },
    resume: { from: "7" },
  });
  await made.opened();
  equal(
    [context.reason, context.attempt, context.lastEventId, context.signal instanceof AbortSignal],
    ["reconnect", 1, "7", true],
    "context",
  );
});

test("what opened is not probed, nor a stream", async () => {
  const probe = script("sse", [[["status", 403]]]);
  const made = client(script("ws", [[["send", "a"]], [["close", 1001, ""]], [["send", "b"]]]).url, {
    probe: probe.url,
  });
  await made.opened();
  const streams = ["fetch", "eventsource"].map((transport) =>
    client(script("sse", [refused, [["send", "data: b\n\n"]]]).url, { probe: probe.url, transport }),
  );
  const seen = [made, ...streams].map(watch);
  await waitFor(() => streams.every((stream) => stream.stats().opens), "the streams");
  await fault("/fault/drop");
  await waitFor(() => seen.every(({ data }) => data.includes("b")), "all of them");
  equal(
    [seen[0].retries.map(({ failure }) => failure.code), (await probe.log()).length],
    [["network", "closed"], 0],
    "probes",
  );
});

test("a successor that does not open is probed, and does no harm", async () => {
  const plan = script("ws", [stay, refused, stay]);
  const probe = script("sse", [[["status", 403]]]);
  const made = client(plan.url, { probe: probe.url, reconnect: { ...quick, maxAge: 1_000 } });
  const seen = watch(made);
  await waitFor(() => made.stats().opens === 2, "the third attempt");
  equal([(await probe.log()).length, seen.states, made.lastFailure], [1, ["open"], null], "state");
});

test("close calls it off, and openTimeout", async () => {
  const signals = [];
  const options = () => ({
    http: {
      fetch: (url, init) => {
        signals.push(init.signal);
        return fetch(url, init);
      },
    },
    probe: script("sse", [[["hang"]]]).url,
  });
  const made = client(script("ws", [refused]).url, options());
  const seen = watch(made);
  await waitFor(() => signals.length, "the probe");
  equal([made.state, signals[0].aborted], ["connecting", false], "while it lasts");
  made.close();
  equal([signals[0].aborted, seen.events], [true, ["statechange", "close"]], "closed");
  // Long enough for the refusal to come first on a busy machine.
  const slow = client(once().url, { ...options(), openTimeout: 3_000 });
  const waited = watch(slow);
  await slow.opened();
  equal([waited.retries[0].failure.code, signals[1].aborted], ["open-timeout", true], "given up");
});

test("what cannot be", async () => {
  for (const probe of [5, null, {}, ["/probe"], true]) {
    const error = thrown(() => client(ws("/echo"), { probe }), "probe");
    equal([error.code, error.message.includes("probe")], ["invalid-option", true], error.message);
  }
});

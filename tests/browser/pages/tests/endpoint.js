// An endpoint that is a function: asked before each attempt.
import { client, watch } from "../client.js";
import { equal, ok, test, waitFor } from "../harness.js";
import { fault, script, stats, ws } from "../server.js";

test("is told why, which attempt, and the cursor", async () => {
  const contexts = [];
  const plan = script("ws", [[["send", '{"eventId":"7"}'], ["wait", 20], ["reset"]], []]);
  const made = client(
    async (context) => {
      contexts.push([
        context.reason,
        context.attempt,
        context.lastEventId,
        context.signal.aborted,
        context.signal instanceof AbortSignal,
      ]);
      await null;
      return plan.url;
    },
    { resume: { id: "eventId" } },
  );
  equal(contexts.length, 0, "not asked before connect returns");
  await waitFor(() => made.stats().opens === 2, "the second connection");
  equal(
    contexts,
    [
      ["initial", 0, "", false, true],
      ["reconnect", 1, "7", false, true],
    ],
    "contexts",
  );
  const log = await plan.log();
  equal(log[1].query.lastEventId, "7", "the cursor is added to what it gave");
});

test("may give a URL or an object, at once or later", async () => {
  for (const [what, endpoint] of [
    ["string", () => ws("/echo")],
    ["URL", async () => new URL(ws("/echo"))],
    ["object", async () => ({ websocket: ws("/echo") })],
  ]) {
    const made = client(endpoint, { transport: "websocket" });
    await made.opened().catch((error) => {
      throw new Error(`${what}: ${error.message}`);
    });
    equal(made.url, ws("/echo"), what);
    made.close();
  }
});

test("a throw, a rejection, nonsense: each is a failed attempt, not the end", async () => {
  let call = 0;
  const made = client(
    () => {
      call += 1;
      if (call === 1) throw new Error("thrown");
      if (call === 2) return Promise.reject(new Error("rejected"));
      if (call === 3) return Promise.reject(undefined);
      if (call === 4) return "ftp://nowhere/";
      if (call === 5) return null;
      return ws("/echo");
    },
    { transport: "websocket" },
  );
  const seen = watch(made);
  await made.opened();
  equal(
    seen.retries.map((retry) => retry.failure.class),
    Array(5).fill("retriable"),
    "classes",
  );
  equal(
    seen.retries.slice(0, 3).map((retry) => retry.failure.code),
    Array(3).fill("provider"),
    "codes",
  );
  equal(call, 6, "calls");
});

test("that never answers is given up, and its signal aborted", async () => {
  const signals = [];
  const made = client(
    (context) => {
      signals.push(context.signal);
      return signals.length === 1 ? new Promise(() => {}) : ws("/echo");
    },
    { openTimeout: 1_000, transport: "websocket" },
  );
  const seen = watch(made);
  await made.opened();
  equal([seen.retries[0].failure.code, seen.retries[0].failure.class], ["provider", "retriable"], "failure");
  equal(
    signals.map((signal) => signal.aborted),
    [true, false],
    "signals",
  );
});

test("an answer that comes too late is not used", async () => {
  const answers = [];
  const made = client(() => new Promise((resolve) => answers.push(resolve)), {
    openTimeout: 1_500,
    transport: "websocket",
  });
  await waitFor(() => answers.length === 2, "the second call");
  answers[1](ws("/echo?second"));
  answers[0](ws("/echo?first"));
  await made.opened();
  equal([made.url, made.stats().opens], [ws("/echo?second"), 1], "client");
  equal((await stats()).ws, 1, "connections");
});

test("close while it thinks opens nothing, and aborts its signal", async () => {
  const { opened } = await stats();
  let answer;
  let signal;
  const made = client((context) => {
    ({ signal } = context);
    return new Promise((resolve) => {
      answer = resolve;
    });
  });
  await waitFor(() => answer, "the call");
  const seen = watch(made);
  made.close();
  ok(signal.aborted, "signal");
  answer(ws("/echo"));
  const barrier = client(ws("/echo"));
  await barrier.opened();
  equal((await stats()).opened, opened + 1, "opened at the server");
  equal(seen.events, ["statechange", "close"], "events");
});

test("protocols as a function that fails is a failed attempt too", async () => {
  let call = 0;
  const made = client(script("ws", [[]]).url, {
    protocols: async () => {
      call += 1;
      if (call === 1) throw new Error("no");
      return ["p"];
    },
  });
  const seen = watch(made);
  await made.opened();
  equal([seen.retries[0].failure.code, made.protocol], ["provider", "p"], "failure, protocol");
});

test("is asked again by reconnect()", async () => {
  const reasons = [];
  const made = client(
    (context) => {
      reasons.push(context.reason);
      return ws("/echo");
    },
    { transport: "websocket" },
  );
  await made.opened();
  await fault("/fault/drop");
  await waitFor(() => made.stats().opens === 2, "the second connection");
  made.reconnect();
  await waitFor(() => made.stats().opens === 3, "the third connection");
  equal(reasons, ["initial", "reconnect", "reconnect"], "reasons");
});

// The failure table, as it looks from a page: what ends the client, what is tried again, and how soon.
import { Failure } from "/pkg/index.js";
import { client, watch } from "../client.js";
import { engine, equal, ok, rejection, takeReports, test, waitFor } from "../harness.js";
import { fault, script, sse, ws } from "../server.js";

const closing = (code, reason = "why") => [
  ["send", "hello"],
  ["close", code, reason],
];
const closed = (seen, what = "the close event") => waitFor(() => seen.closed, what);

for (const code of [1008, 4400, 4403, 4404]) {
  test(`close ${code} is fatal`, async () => {
    const plan = script("ws", [closing(code)]);
    const made = client(plan.url);
    const seen = watch(made);
    const { reason, error, code: closeCode } = await closed(seen);
    equal(
      [reason, closeCode, error.code, error.closeCode, error.closeReason, error.class],
      ["fatal", code, "closed", code, "why", "fatal"],
      "close event",
    );
    equal(seen.data, ["hello"], "messages before it");
    equal([made.lastFailure?.closeCode, made.state, made.readyState], [code, "closed", 3], "client");
    equal((await plan.log()).length, 1, "attempts");
    equal((await rejection(made.opened())).code, "closed", "opened()");
  });
}

for (const code of [4001, 4401]) {
  test(`close ${code} asks the provider again, once`, async () => {
    const plan = script("ws", [[["close", code, ""]]]);
    const asked = [];
    const made = client((context) => {
      asked.push(context.reason);
      return plan.url;
    });
    const seen = watch(made);
    const { reason, code: closeCode } = await closed(seen);
    equal([reason, closeCode], ["fatal", code], "close event");
    equal(asked, ["initial", "unauthorized"], "asked");
    equal((await plan.log()).length, 2, "attempts");
  });
}

test("close 4401 is fatal where there is nobody to ask", async () => {
  const seen = watch(client(script("ws", [[["close", 4401, ""]]]).url));
  equal((await closed(seen)).reason, "fatal", "reason");
});

for (const code of [0, 1, 2, 3, 5, 6, 7, 999]) {
  test(`close ${code}, which no server may say, is none of everwire's own reasons`, async () => {
    const plan = script("ws", [[["close", code, ""]], [["send", "in"]]]);
    const seen = watch(client(plan.url));
    await waitFor(() => seen.data.includes("in") || seen.closed, "the message");
    equal([seen.closed, seen.retries.map(({ failure }) => failure.code)], [undefined, ["network"]], "failures");
  });
}

test("a fresh token after 4401 goes on", async () => {
  const plan = script("ws", [[["close", 4401, ""]], [["send", "in"]]]);
  const made = client(async () => plan.url);
  const seen = watch(made);
  await waitFor(() => seen.data.includes("in"), "the message");
  equal(seen.retries[0].failure.class, "reauth", "class");
  equal(made.state, "open", "state");
});

for (const code of [1000, 1001, 1011, 3000, 4000]) {
  test(`close ${code} is tried again`, async () => {
    const plan = script("ws", [closing(code), [["send", "again"]]]);
    const made = client(plan.url);
    const seen = watch(made);
    await waitFor(() => seen.data.includes("again"), "the second connection");
    const [retry] = seen.retries;
    equal(
      [retry.failure.code, retry.failure.closeCode, retry.failure.closeReason, retry.failure.class],
      ["closed", code, "why", "retriable"],
      "failure",
    );
    equal([retry.attempt, retry.delay], [1, 100], "retry");
    ok(Math.abs(retry.retryAt - Date.now()) < 5_000, "retryAt is a time");
    equal(seen.states, ["open", "waiting", "connecting", "open"], "states");
    equal([made.state, made.retryAt, seen.closed], ["open", null, null], "client");
  });
}

for (const code of [1012, 1013]) {
  test(`close ${code} waits, spread, whatever the options say`, async () => {
    const plan = script("ws", [closing(code), [["send", "again"]]]);
    const made = client(plan.url);
    const seen = watch(made);
    await waitFor(() => seen.retries.length >= 1, "the retry");
    const { delay, failure } = seen.retries[0];
    // WebKitGTK takes both codes for a protocol error, and shows 1006: nobody can know that it was told to wait.
    if (engine === "webkit") return equal([failure.code, failure.closeCode, delay], ["network", 0, 100], "retry");
    equal(failure.closeCode, code, "closeCode");
    ok(delay >= 5_000 && delay <= 6_250, `delay ${delay}`);
    ok(made.retryAt > Date.now(), "retryAt");
    equal([made.state, made.readyState], ["waiting", 0], "state");
    made.reconnect();
    await waitFor(() => seen.data.includes("again"), "the second connection");
  });
}

test("a server that closes with 1000 on every ping is not stormed", async () => {
  const plan = script("ws", [[["ping-close", 1000]]]);
  const made = client(plan.url, {
    heartbeat: { interval: 200 },
    reconnect: { initialDelay: 100, maxDelay: 60_000, factor: 2, jitter: "none" },
  });
  const seen = watch(made);
  await waitFor(
    () => seen.retries.length === 5,
    () => `5 retries, have ${seen.retries.length}`,
  );
  equal(
    seen.retries.map((retry) => retry.delay),
    [100, 200, 400, 800, 1600],
    "delays",
  );
  equal(
    seen.retries.map((retry) => retry.attempt),
    [1, 2, 3, 4, 5],
    "attempts",
  );
  equal((await plan.log()).length, 5, "attempts at the server");
});

test("a stable connection starts the backoff anew", async () => {
  const plan = script("ws", [
    [["reset"]],
    [["reset"]],
    [
      ["wait", 1_500],
      ["close", 1000, ""],
    ],
    [],
  ]);
  const made = client(plan.url, { reconnect: { initialDelay: 100, factor: 2, jitter: "none", stableAfter: 500 } });
  const seen = watch(made);
  await waitFor(() => seen.retries.length === 3, "three retries");
  equal(
    seen.retries.map((retry) => retry.delay),
    [100, 200, 100],
    "delays",
  );
});

test("refused upgrades are tried again, with a growing delay", async () => {
  const plan = script("ws", [[["status", 503]], [["status", 401]], [["status", 404]], [["send", "in"]]]);
  const made = client(plan.url, { reconnect: { initialDelay: 100, factor: 2, jitter: "none" } });
  const seen = watch(made);
  await waitFor(() => seen.data.includes("in"), "the fourth attempt");
  equal(
    seen.retries.map((retry) => [retry.failure.code, retry.failure.class, retry.delay]),
    [
      ["network", "retriable", 100],
      ["network", "retriable", 200],
      ["network", "retriable", 400],
    ],
    "failures",
  );
});

test("an EventSource that the browser gave up is made anew", async () => {
  const plan = script("sse", [
    [["status", 503]],
    [["status", 200, "text/html"]],
    [["end"]],
    [["send", "id: 1\ndata: a\n\n"], ["reset"]],
    [["send", "id: 2\ndata: b\n\n"]],
  ]);
  const made = client(plan.url, { transport: "eventsource" });
  const seen = watch(made);
  await waitFor(() => seen.data.includes("b"), "the fifth attempt");
  equal(seen.data, ["a", "b"], "messages");
  equal(
    seen.retries.map((retry) => retry.failure.code),
    ["network", "network", "network", "network"],
    "failures",
  );
  equal((await plan.log()).length, 5, "attempts at the server");
});

for (const kind of ["ws", "sse"]) {
  test(`${kind}: a server that never answers is given up`, async () => {
    const plan = script(kind, [[["hang"]], [["send", kind === "ws" ? "in" : "data: in\n\n"]]]);
    const made = client(plan.url, { transport: kind === "ws" ? "websocket" : "eventsource", openTimeout: 1_000 });
    const seen = watch(made);
    await waitFor(() => seen.data.includes("in"), "the second attempt");
    equal([seen.retries[0].failure.code, seen.retries[0].failure.class], ["open-timeout", "retriable"], "failure");
  });

  test(`${kind}: maxAttempts ends with exhausted`, async () => {
    const plan = script(kind, [[["status", 503]]]);
    const made = client(plan.url, {
      transport: kind === "ws" ? "websocket" : "eventsource",
      reconnect: { initialDelay: 0, jitter: "none", maxAttempts: 3 },
    });
    const seen = watch(made);
    const { reason, error } = await closed(seen);
    equal([reason, error.code], ["exhausted", "network"], "close event");
    equal((await plan.log()).length, 1 + seen.retries.length, "attempts at the server");
    equal(seen.retries.length, 2, "retries");
    equal(
      seen.retries.every((retry) => retry.delay >= 100),
      true,
      "the floor",
    );
  });
}

test("reconnect: false ends with the first loss", async () => {
  const plan = script("ws", [closing(1001)]);
  const seen = watch(client(plan.url, { reconnect: false }));
  const { code, reason } = await closed(seen);
  equal([reason, code], ["exhausted", 1001], "close event");
  equal((await plan.log()).length, 1, "attempts");
});

test("shouldReconnect overrides the table, both ways", async () => {
  const given = [];
  const fatal = script("ws", [closing(4403), [["send", "in"]]]);
  const on = client(fatal.url, {
    shouldReconnect: (failure) => {
      given.push(failure);
      return true;
    },
  });
  const seenOn = watch(on);
  await waitFor(() => seenOn.data.includes("in"), "the second connection");
  equal([given[0].code, given[0].closeCode, given[0].class], ["closed", 4403, "fatal"], "failure given");

  const plain = script("ws", [closing(1001)]);
  const seenOff = watch(client(plain.url, { shouldReconnect: () => false }));
  equal((await closed(seenOff)).reason, "fatal", "reason");

  const left = script("ws", [closing(4404)]);
  const seenLeft = watch(client(left.url, { shouldReconnect: () => undefined }));
  equal((await closed(seenLeft)).reason, "fatal", "undefined leaves it to the table");
});

test("shouldReconnect: a delay of the app's own, whatever the backoff and the server say", async () => {
  const plan = script("sse", [
    [["status", 503, { "retry-after": "60" }]],
    [["status", 403]],
    [["send", "data: in\n\n"]],
  ]);
  const given = [];
  const made = client(plan.url, {
    reconnect: { initialDelay: 60_000, maxDelay: 60_000, jitter: "none" },
    shouldReconnect: ({ status }) => {
      given.push(status);
      return status === 503 ? 120.5 : 0;
    },
  });
  const seen = watch(made);
  await waitFor(() => seen.data.includes("in"), "the third request");
  equal(given, [503, 403], "what it was asked about");
  equal(
    seen.retries.map(({ delay, attempt }) => [attempt, delay]),
    [
      [1, 120],
      [2, 100],
    ],
    "no less than the floor",
  );
});

test("shouldReconnect: what is no answer is told, and the table has it", async () => {
  for (const wrong of [Number.NaN, -1, "5", "unauthorised", {}]) {
    /** @type {any} */
    const shouldReconnect = () => wrong;
    const made = client(script("ws", [closing(4404)]).url, { shouldReconnect });
    equal((await closed(watch(made))).reason, "fatal", `${wrong}`);
    const [error] = takeReports();
    equal(error.code, "invalid-option", "code");
    ok(
      error.message.includes('shouldReconnect must return true, false, undefined, "unauthorized" or a number of ms'),
      "sentence",
    );
  }
});

test("reconnect() drops the connection, or the wait, and tries at once", async () => {
  const made = client(ws("/count?to=100000&rate=200"), {
    resume: { id: "eventId" },
    reconnect: { initialDelay: 60_000, maxDelay: 60_000, jitter: "none" },
  });
  const seen = watch(made);
  await waitFor(() => seen.messages.length > 5, "messages");
  const before = made.stats().opens;
  made.reconnect();
  await waitFor(() => made.stats().opens === before + 1 && made.state === "open", "open again");
  await fault("/fault/drop");
  await waitFor(() => made.state === "waiting", "waiting");
  const { length } = seen.messages;
  made.reconnect();
  await waitFor(() => seen.messages.length > length + 5, "messages again");
  const seqs = seen.data.map((data) => data.seq);
  equal(
    seqs,
    seqs.map((_, index) => index + 1),
    "numbers",
  );
});

test("close() on a closed client does nothing", async () => {
  const made = client(sse("/count?to=1"), { transport: "eventsource" });
  const seen = watch(made);
  await made.opened();
  made.close();
  const { length } = seen.events;
  made.close();
  equal([made.state, seen.events.length], ["closed", length], "state and events");
});

test("a server's close reason is one plain line of the message, and no longer than a frame can hold", async () => {
  // Without U+0000, at which WebKitGTK ends the reason.
  const odd = "a\r\n\u001b[31mb\u0085\u2028c\u202ed\u2066e\u200bf\ufeff  g \u00e4\u{1f600}";
  const seen = watch(client(script("ws", [[["close", 4403, odd]]]).url));
  const { error } = await closed(seen);
  const line = "a [31mb c d e f g \u00e4\u{1f600}";
  ok(error.message.includes(`with code 4403: ${line}; see `), error.message);
  equal([error.closeReason, `${error.stack}`.includes("\u202e")], [odd, false], "as it came, and not in the stack");
  const zero = new Failure("closed", { closeCode: 4000, closeReason: "a\u0000b" });
  ok(zero.message.includes("4000: a b; see "), zero.message);
  // No frame is longer, but a socket of somebody else's may say anything.
  const long = new Failure("closed", {
    closeCode: 4000,
    closeReason: `${"x".repeat(122)}\u{1f600}${"y".repeat(2 ** 20)}`,
  });
  ok(long.message.includes(`: ${"x".repeat(122)} ; see `), "cut, and not in the middle of a character");
  equal(long.closeReason.length, 2 ** 20 + 124, "the reason");
});

// Event streams over fetch: what each answer leads to.
import { client, watch } from "../client.js";
import { equal, ok, test, thrown, waitFor } from "../harness.js";
import { app, fault, script, sse, unique, wire } from "../server.js";

const answer = (query, key = unique()) => `${wire}/answer?key=${key}&${query}`;
const requests = async (url) => (await fetch(`${app}/requests?key=${new URL(url).searchParams.get("key")}`)).json();
const closed = (seen) => waitFor(() => seen.closed, "the close event");

for (const status of [400, 402, 403, 404, 405, 406, 409, 410, 413, 414, 415, 418, 422, 451]) {
  test(`${status} at first is fatal, and says what the server said`, async () => {
    const url = answer(`status=${status}&body=no%20such%20thing`);
    const { reason, error, wasClean } = await closed(watch(client(url)));
    equal(
      [reason, wasClean, error.code, error.status, error.contentType.split(";")[0], error.body, error.closeCode],
      ["fatal", false, "http", status, "text/plain", "no such thing", 0],
      "close event",
    );
    ok(error.message.includes(String(status)), error.message);
    equal((await requests(url)).length, 1, "requests");
  });
}

test("a refusal's body is kept as far as the app asks", async () => {
  const body = "€1 ".repeat(1_000);
  for (const [maxFailureBody, length] of [
    [undefined, 1_024],
    [0, 0],
    [2_999, 2_999],
    [1_048_576, 3_000],
  ]) {
    const url = answer(`status=422&body=${encodeURIComponent(body)}`);
    const { error } = await closed(watch(client(url, { http: { maxFailureBody } })));
    equal(error.body, body.slice(0, length), `with ${maxFailureBody}`);
  }
  for (const maxFailureBody of [-1, 1_048_577, "all"]) {
    const error = thrown(() => client("/live", { http: { maxFailureBody } }), maxFailureBody);
    ok(
      /^everwire: http.maxFailureBody must be a number of characters from 0 to 1048576/.test(error.message),
      error.message,
    );
  }
});

for (const status of [408, 425, 429, 500, 502, 503, 504]) {
  test(`${status} is tried again`, async () => {
    const url = answer(`status=${status}&times=2`);
    const seen = watch(client(url));
    await waitFor(() => seen.messages.length === 1, "the message");
    // Chromium itself repeats a 408 once, when it comes on a connection that was used before.
    ok(seen.retries.length === 2 || (status === 408 && seen.retries.length === 1), `${seen.retries.length} retries`);
    for (const { failure } of seen.retries)
      equal([failure.code, failure.status, failure.class], ["http", status, "retriable"], "failure");
  });
}

test("204 ends it, and is no error", async () => {
  const seen = watch(client(answer("status=204")));
  const { reason, wasClean, error } = await closed(seen);
  equal([reason, wasClean, error], ["ended", true, null], "close event");
});

test("401 asks the providers once more", async () => {
  const asked = [];
  const headers = ({ reason }) => {
    asked.push(reason);
    return {};
  };
  const good = watch(client(answer("status=401&times=1"), { http: { headers } }));
  await waitFor(() => good.messages.length === 1, "the message");
  equal(asked, ["initial", "unauthorized"], "asked");
  const bad = await closed(watch(client(answer("status=401"), { http: { headers } })));
  equal([bad.reason, bad.error.status, asked.length], ["fatal", 401, 4], "close event");
  const nobody = await closed(watch(client(answer("status=401"))));
  equal(nobody.reason, "fatal", "where there is nobody to ask");
});

test("a wrong content type is fatal at first and retriable later", async () => {
  const { reason, error } = await closed(watch(client(answer("status=200&type=text/html&body=<h1>log in</h1>"))));
  equal(
    [reason, error.code, error.status, error.contentType, error.body],
    ["fatal", "content-type", 200, "text/html", "<h1>log in</h1>"],
    "close event",
  );
  const plan = script("sse", [
    [["send", "data: 1\n\n"], ["end"]],
    [["status", 200, "text/html"]],
    [["status", 404]],
    [["send", "data: 2\n\n"]],
  ]);
  const seen = watch(client(plan.url));
  await waitFor(() => seen.data.includes("2"), "the last message");
  equal(
    seen.retries.map(({ failure }) => failure.code),
    ["end", "content-type", "http"],
    "failures",
  );
});

for (const type of ["text/event-stream", "TEXT/Event-Stream; charset=utf-8", "text/event-stream ;x=y"]) {
  test(`the content type ${type} is one`, async () => {
    const seen = watch(client(answer(`status=200&type=${encodeURIComponent(type)}`)));
    await waitFor(() => seen.messages.length === 1, "the message");
  });
}

for (const type of ["text/event-streams", "application/json", "text/plain; text/event-stream"]) {
  test(`the content type ${type} is none`, async () => {
    const { error } = await closed(watch(client(answer(`status=200&type=${encodeURIComponent(type)}`))));
    equal(error.code, "content-type", "code");
  });
}

test("Retry-After in seconds, and as a date, is a lower bound, capped", async () => {
  for (const [query, least, most] of [
    ["retry_after=2", 2_000, 2_000],
    ["date_after=30", 10_000, 40_000],
    ["retry_after=86400", 60_000, 60_000],
    ["retry_after=soon", 100, 100],
  ]) {
    const seen = watch(
      client(answer(`status=503&${query}`), {
        reconnect: { initialDelay: 100, jitter: "none", maxServerDelay: 60_000 },
      }),
    );
    await waitFor(() => seen.retries.length >= 1, "the retry");
    const { delay } = seen.retries[0];
    ok(delay >= least && delay <= most, `${query}: ${delay} ms`);
  }
});

test("CORS: allowed it is read, refused it is a network failure", async () => {
  const allowed = watch(client(`${wire}/cors?allow=1`));
  await waitFor(() => allowed.messages.length === 1, "the message");
  const refused = watch(client(`${wire}/cors?allow=0`, { reconnect: false }));
  const { reason, error } = await closed(refused);
  equal([reason, error.code, error.status], ["exhausted", "network", 0], "close event");
});

test("a body that is cut in mid-event: what is unfinished is dropped, the rest comes again", async () => {
  const plan = script("sse", [
    [["send", "id: 1\ndata: one\n\nid: 2\ndata: tw"], ["wait", 30], ["reset"]],
    [["send", "id: 2\ndata: two\n\n"]],
  ]);
  const seen = watch(client(plan.url));
  await waitFor(() => seen.messages.length === 2, "both messages");
  equal(seen.data, ["one", "two"], "messages");
  equal(seen.retries[0].failure.code, "network", "failure");
  equal((await plan.log())[1].query.lastEventId, "1", "cursor");
});

test("http.flush: an event without its blank line counts at the end", async () => {
  for (const flush of [false, true]) {
    const plan = script("sse", [
      [["send", "id: 1\ndata: one\n\nid: 2\ndata: two"], ["end"]],
      [["send", "data: next\n\n"]],
    ]);
    const seen = watch(client(plan.url, { http: { flush } }));
    await waitFor(() => seen.data.includes("next"), "the next connection");
    equal(seen.data, flush ? ["one", "two", "next"] : ["one", "next"], `messages with flush ${flush}`);
  }
});

test("silence over the heartbeat's interval replaces the stream; a comment is no silence", async () => {
  const beats = Array.from({ length: 6 }, () => [
    ["send", ":\n"],
    ["wait", 400],
  ]).flat();
  const plan = script("sse", [[["send", "id: 1\ndata: a\n\n"], ...beats], [["send", "id: 2\ndata: b\n\n"]]]);
  const made = client(plan.url, { heartbeat: { interval: 1_200, timeout: 400 } });
  const seen = watch(made);
  await waitFor(() => seen.messages.length === 2, "the second message");
  equal(seen.retries[0].failure.code, "half-open", "failure");
  const log = await plan.log();
  ok(log[1].at - log[0].at >= 2_900, `replaced after ${log[1].at - log[0].at} ms`);
});

test("a black hole is noticed, and the stream replaced", async () => {
  const made = client(sse("/count?to=1000000&rate=50"), { heartbeat: { interval: 300, timeout: 200 } });
  const seen = watch(made);
  await waitFor(() => seen.messages.length > 5, "messages");
  await fault("/proxy/black-hole");
  await waitFor(() => seen.retries.some(({ failure }) => failure.code === "half-open"), "the failure");
  await fault("/fault/clear");
  const before = seen.messages.length;
  await waitFor(() => seen.messages.length > before + 5, "more messages");
});

test("a server that never answers is an open timeout", async () => {
  const seen = watch(client(script("sse", [[["hang"]]]).url, { openTimeout: 200 }));
  await waitFor(() => seen.retries.length >= 1, "the retry");
  equal(seen.retries[0].failure.code, "open-timeout", "failure");
});

test("a refusal whose body never ends is told all the same", async () => {
  const { error } = await closed(watch(client(answer(`status=403&body=${"x".repeat(3_000)}`))));
  equal(error.body.length, 1_024, "of the body");
  // It may echo a secret.
  equal([Object.keys(error).includes("body"), JSON.stringify(error).includes(error.body)], [false, false], "shown");
});

test("close before, during and after: nothing comes, nothing is left, no rejection", async () => {
  for (const wait of [0, 1, 5, 20, 60]) {
    const made = client(sse("/count?to=1000000&rate=1000"));
    const seen = watch(made);
    await new Promise((resolve) => setTimeout(resolve, wait));
    made.close();
    const count = seen.messages.length;
    await new Promise((resolve) => setTimeout(resolve, 60));
    equal(seen.messages.length, count, `messages after close at ${wait} ms`);
  }
  await waitFor(async () => (await (await fetch(`${app}/stats`)).json()).sse === 0, "no connection at the server");
});

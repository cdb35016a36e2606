// The server sets the pace, and no fleet comes back as one.
import { EventSource as DropIn } from "/pkg/eventsource.js";
import { client, watch } from "../client.js";
import { after, equal, ok, test, waitFor } from "../harness.js";
import { script } from "../server.js";

const answers = (text, times = 1) => Array.from({ length: times }, () => [["send", text], ["wait", 50], ["end"]]);
/** Delays that would show growth at once, and that no retry field is taken for. */
const slow = { initialDelay: 5_000, maxDelay: 30_000 };

test("a server that ends each answer is asked again at the pace that it tells", async () => {
  for (const resumed of [false, true]) {
    const plan = script("sse", answers("retry: 120\nid: 1\ndata: tick\n\n"));
    const options = resumed && {
      http: { method: "POST", body: "x" },
      resume: { request: ({ id }) => `${plan.url}&after=${id}` },
    };
    const made = client(plan.url, { reconnect: { ...slow, maxAttempts: 1 }, ...options });
    const seen = watch(made);
    await waitFor(
      () => seen.retries.length === 12,
      () => `12 answers, have ${seen.events}`,
    );
    for (const { delay, attempt, failure } of seen.retries) {
      ok(delay >= 120 && delay <= 150, `a delay of ${delay} ms`);
      equal([attempt, failure.code], [1, "end"], "attempt");
    }
    made.close();
  }
});

test("the same over EventSource, whose browser hides the pace: without growth", async () => {
  const plan = script("sse", answers("data: tick\n\n"));
  const made = client(plan.url, { transport: "eventsource", reconnect: { initialDelay: 200, jitter: "none" } });
  const seen = watch(made);
  await waitFor(
    () => seen.retries.length === 8,
    () => `8 answers, have ${seen.events}`,
  );
  equal([...new Set(seen.retries.map(({ delay }) => delay))], [200], "delays");
});

test("the drop-in EventSource comes again as told, too", async () => {
  const plan = script("sse", answers("retry: 120\ndata: tick\n\n"));
  const source = new DropIn(plan.url);
  after(() => source.close());
  let ticks = 0;
  source.onmessage = () => ticks++;
  await waitFor(
    () => ticks === 12,
    () => `12 messages, have ${ticks}`,
  );
});

test("a stream that ends without having delivered anything still grows", async () => {
  for (const text of ["", ": nothing yet\n\n", "retry: 100\n\n"]) {
    const plan = script("sse", answers(text));
    const made = client(plan.url, { reconnect: { initialDelay: 100, jitter: "none", maxDelay: 800 } });
    const seen = watch(made);
    await waitFor(
      () => seen.retries.length === 4,
      () => `4 answers, have ${seen.events}`,
    );
    equal(
      seen.retries.map(({ delay }) => delay),
      [100, 200, 400, 800],
      `after ${JSON.stringify(text)}`,
    );
    made.close();
  }
});

test("what held and ended in good order is spread over the initial delay", async () => {
  const delays = new Set();
  for (const [kind, steps] of [
    ["sse", [["send", "data: a\n\n"], ["wait", 300], ["end"]]],
    [
      "ws",
      [
        ["send", "a"],
        ["wait", 300],
        ["close", 1001],
      ],
    ],
    [
      "ws",
      [
        ["send", "a"],
        ["wait", 300],
        ["close", 1000],
      ],
    ],
  ]) {
    for (let turn = 0; turn < 6; turn++) {
      const made = client(script(kind, [steps]).url, {
        reconnect: { initialDelay: 100_000, maxDelay: 200_000, stableAfter: 100 },
      });
      const seen = watch(made);
      await waitFor(() => seen.retries.length === 1, "the retry");
      const { delay } = seen.retries[0];
      ok(delay >= 100 && delay <= 106_350, `${kind}: ${delay} ms`);
      delays.add(delay);
      made.close();
    }
  }
  ok(delays.size > 15, `${delays.size} different delays`);
});

/** The delay after an answer with these headers. */
async function delayAfter(headers, reconnect = {}) {
  const made = client("/none", {
    http: { fetch: async () => new Response(null, { status: 503, headers }) },
    reconnect: { initialDelay: 100, maxDelay: 100, jitter: "none", ...reconnect },
  });
  const seen = watch(made);
  await waitFor(() => seen.retries.length === 1, "the retry");
  made.close();
  return seen.retries[0].delay;
}

test("Retry-After as a date counts from the answer's own date, whatever the clock here says", async () => {
  const now = Date.parse("2020-02-29T23:59:58Z");
  const date = new Date(now).toUTCString(),
    later = new Date(now + 30_000).toUTCString();
  // The three forms of RFC 9110, 5.6.7.
  for (const value of [later, "Sunday, 01-Mar-20 00:00:28 GMT", "Sun Mar  1 00:00:28 2020"])
    equal(await delayAfter({ date, "retry-after": value }), 30_000, value);
  // A date that is over, and no date to count from.
  equal(await delayAfter({ date: later, "retry-after": date }), 100, "in the past");
  const soon = await delayAfter({ "retry-after": new Date(Date.now() + 30_000).toUTCString() });
  ok(soon > 25_000 && soon <= 31_000, `without a date: ${soon}`);
  ok((await delayAfter({ date: "yesterday", "retry-after": later })) === 100, "a date that is none");
});

test("Retry-After that came several times counts, and what is none does not", async () => {
  const date = "Sun, 01 Mar 2020 00:00:00 GMT",
    at = (seconds) => `Sun, 01 Mar 2020 00:00:0${seconds} GMT`;
  for (const [value, delay] of [
    ["2, 2", 2_000],
    ["2,5", 5_000],
    ["5 , 2", 5_000],
    ["2, soon", 2_000],
    [`${at(3)}, ${at(3)}`, 3_000],
    [`${at(3)}, 7`, 7_000],
    ["12, 15", 15_000],
    ["-3", 100],
    ["2.5", 100],
    ["", 100],
    [",", 100],
    ["Soon", 100],
    ["99999999999999999999999", 300_000],
  ])
    equal(await delayAfter({ date, "retry-after": value }), delay, JSON.stringify(value));
});

test("a cap is a cap, with its spread", async () => {
  for (let turn = 0; turn < 10; turn++) {
    const delay = await delayAfter({ "retry-after": "86400" }, { jitter: "full", maxServerDelay: 60_000 });
    ok(delay >= 48_000 && delay <= 60_000, `${delay} ms`);
  }
});

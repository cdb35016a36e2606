// Corners of a planned change, of numbers, and of a gap that the server tells.
import { client, watch } from "../client.js";
import { equal, test, waitFor } from "../harness.js";
import { echoBarrier, script, sse, ws } from "../server.js";

const json = (value) => ["send", JSON.stringify(value)];

/** A server of event streams in the page: `serve(lastEventId, say, nth)`. */
function inPage(serve) {
  const made = [];
  const fetch = async (url, init) => {
    const stream = { cancelled: false, url, init };
    const id = new URL(url).searchParams.get("lastEventId") ?? init.headers.get("last-event-id") ?? "";
    const body = new ReadableStream({
      start(controller) {
        stream.say = (text) => {
          try {
            controller.enqueue(new TextEncoder().encode(text));
          } catch {}
        };
      },
      cancel() {
        stream.cancelled = true;
      },
    });
    made.push(stream);
    serve?.(id, stream.say, made.length, init);
    return { status: 200, headers: new Headers({ "content-type": "text/event-stream" }), body, url };
  };
  return { fetch, made };
}

test("a notice with a number is no gap", async () => {
  const plan = script("ws", [[json({ seq: 1 }), json({ type: "goodbye", seq: 2 }), json({ seq: 3 }), ["wait", 5000]]]);
  const made = client(plan.url, { resume: { seq: "seq" }, reconnect: { notice: "goodbye" } });
  const seen = watch(made);
  await waitFor(() => seen.data.at(-1)?.seq === 3, "3");
  made.close();
  equal(
    seen.gaps.map(({ missing }) => missing),
    [],
    "gaps",
  );
});

test("outcome that closes: the answer is not read", async () => {
  const server = inPage();
  let made;
  const { fetch } = server;
  made = client("/own", {
    http: { fetch },
    resume: {
      from: "5",
      outcome: () => {
        made.close();
      },
    },
  });
  await waitFor(() => made.state === "closed", "closed");
  await waitFor(() => server.made[0].cancelled, "the answer to be let go of");
  equal(server.made.length, 1, "requests");
});

test("an abort listener that closes the client in mid-change leaves nothing behind", async () => {
  let made;
  const server = inPage((_id, say, nth, { signal }) => {
    say(`id: ${nth}\ndata: ${nth}\n\n`);
    if (nth === 1) signal.addEventListener("abort", () => made.close());
  });
  made = client("/own", { http: { fetch: server.fetch }, reconnect: { maxAge: 1000 } });
  await waitFor(() => made.state === "closed", "closed");
  await waitFor(
    () => server.made.every(({ cancelled, init }) => cancelled && init.signal.aborted),
    "both answers to be let go of",
  );
  equal(server.made.length, 2, "requests");
});

test("the largest numbers", async () => {
  const numbers = [2 ** 32 - 2, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 32 + 1, 2 ** 33 + 5, 2 ** 53 - 2, 2 ** 53 - 1];
  const plan = script("ws", [
    [
      ...numbers.map((seq) => json({ seq })),
      json({ seq: 2 ** 53 - 1 }),
      json({ seq: 1 }),
      json({ end: true }),
      ["wait", 5000],
    ],
  ]);
  const seen = watch(client(plan.url, { resume: { seq: "seq" } }));
  await waitFor(() => seen.data.at(-1)?.end, "the end");
  equal(
    seen.data.slice(0, -1).map(({ seq }) => seq),
    // No replay is as long as what would lie before it: it is another count.
    [...new Set(numbers), 1],
    "numbers",
  );
  equal(
    seen.gaps.map(({ missing }) => missing),
    [{ from: 2 ** 32 + 2, to: 2 ** 33 + 4 }, { from: 2 ** 33 + 6, to: 2 ** 53 - 3 }, undefined],
    "gaps",
  );
});

test("the signal of an address that was used is not aborted", async () => {
  const signals = [];
  const made = client(
    ({ signal }) => {
      signals.push(signal);
      return ws("/echo");
    },
    { reconnect: { maxAge: 1000 } },
  );
  await waitFor(() => made.stats().opens === 2, "the successor");
  made.close();
  equal(
    signals.map(({ aborted }) => aborted),
    [false, false],
    "aborted",
  );
});

test("frame that closes", async () => {
  let made,
    n = 0;
  const plan = script("ws", [[["wait", 60000]]]);
  made = client(plan.url, {
    resume: {
      frame: () => {
        if (++n === 2) made.close();
        return "x";
      },
    },
    reconnect: { maxAge: 1000 },
  });
  const seen = watch(made);
  await waitFor(() => n === 2, "the successor's frame");
  const events = seen.events.length;
  await echoBarrier();
  equal([seen.events.length, made.state, made.stats().opens], [events, "closed", 1], "after close");
});

test("a gap told in mid-connection, ids anew, a reconnect", async () => {
  const say = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => json({ id: `${from + i}` }));
  const plan = script("ws", [
    [...say(1, 10), json({ type: "lost" }), ...say(1, 3), ["close", 1001]],
    [...say(4, 12), ["wait", 5000]],
  ]);
  const seen = watch(client(plan.url, { resume: { id: "id", gap: "lost" } }));
  await waitFor(() => seen.data.at(-1)?.id === "12", "12");
  equal(
    seen.data.map(({ id }) => Number(id)),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
    "messages",
  );
});

test("EventSource that reconnects by itself: the server says that it counts anew", async () => {
  const say = (from, to) => [
    "send",
    Array.from({ length: to - from + 1 }, (_, i) => `id: ${from + i}\ndata: ${from + i}\n\n`).join(""),
  ];
  const plan = script("sse", [
    [["send", "retry: 100\n\n"], say(1, 10), ["wait", 100], ["end"]],
    [["send", "event: lost\ndata: x\n\n"], say(1, 12), ["wait", 5000]],
  ]);
  const seen = watch(client(plan.url, { transport: "eventsource", resume: { via: "header", gap: "lost" } }));
  await waitFor(
    () => seen.data.at(-1) === "12",
    () => `12 ${seen.data} ${seen.events}`,
  );
  equal(seen.data.map(Number), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], "messages");
});

test("a refused successor is not the cause of a later failure", async () => {
  let n = 0;
  const plan = script("ws", [
    [
      ["wait", 2500],
      ["close", 1001],
    ],
    [["wait", 60000]],
    [["wait", 60000]],
  ]);
  const made = client(plan.url, {
    resume: {
      frame: () => {
        if (++n === 2) throw new Error("of the successor's frame");
        return "x";
      },
    },
    reconnect: { maxAge: 1000, initialDelay: 20000, maxDelay: 20000, jitter: "none" },
  });
  await waitFor(() => made.state === "waiting", "the loss");
  equal(
    [made.lastFailure.code, made.lastFailure.closeCode, String(made.lastFailure.cause)],
    ["closed", 1001, "undefined"],
    "failure",
  );
});

test("POST, then GETs by plan", async () => {
  const server = inPage();
  const made = client("/own", {
    http: { method: "POST", body: "x", fetch: server.fetch },
    resume: { request: ({ id }) => ({ url: `/own/${id}` }) },
    reconnect: { maxAge: 1000 },
  });
  const seen = watch(made);
  await waitFor(() => server.made.length === 1, "the POST");
  const beside = client(sse("/count?rate=10"), { reconnect: { maxAge: 1000 } });
  await waitFor(() => beside.stats().opens === 3, "two changes of a GET");
  equal(server.made.length, 1, "nothing before the first message");
  server.made[0].say("id: 1\ndata: a\n\n");
  await waitFor(
    () => server.made.length === 4,
    () => `GETs ${server.made.length}`,
  );
  equal(
    server.made.map(({ url, init }) => `${init.method} ${new URL(url).pathname}`),
    ["POST /own", "undefined /own/1", "undefined /own/1", "undefined /own/1"],
    "requests",
  );
  equal(seen.states.length, 1, "states");
});

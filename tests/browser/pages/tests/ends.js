// The end of a stream is an end: with and without storage, whole and truncated.
import { client, watch } from "../client.js";
import { after, equal, ok, test, waitFor } from "../harness.js";
import { page, script } from "../server.js";

const until = ({ data }) => data === "[DONE]";
const post = { method: "POST", body: "{}" };
const closed = (seen) =>
  waitFor(
    () => seen.closed,
    () => `the close event, have ${seen.events.slice(0, 20)}`,
  );

/** Of a server that gives these answers, in turn: texts of an event stream (`null` at the end: it breaks off), or a status. */
function server(...answers) {
  const asked = [];
  return {
    asked,
    fetch: async (url, { method = "GET" }) => {
      asked.push(`${method} ${new URL(url).pathname}`);
      const answer = answers[Math.min(asked.length, answers.length) - 1];
      if (typeof answer === "number") return new Response(null, { status: answer });
      const body = new ReadableStream({
        start(stream) {
          for (const text of answer) {
            if (text === null) return void setTimeout(() => stream.error(new TypeError("cut")), 20);
            stream.enqueue(new TextEncoder().encode(text));
          }
          stream.close();
        },
      });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    },
  };
}

const event = (data, id) => `${id ? `id: ${id}\n` : ""}data: ${data}\n\n`;

/** As `sessionStorage`, but a test's own.
 * @type {() => any} */
function memory() {
  const values = new Map();
  return {
    values,
    getItem: (key) => values.get(key) ?? null,
    setItem: (key, value) => values.set(key, value),
  };
}

/** What another page finds. */
function reloaded(storage) {
  const later = memory();
  for (const [key, text] of storage.values) {
    const entry = JSON.parse(text);
    if (typeof entry[4] === "number") entry[4]--;
    if (entry.length) later.setItem(key, JSON.stringify(entry));
  }
  return later;
}

/** @type {(served: any, options?: any) => any[]} */
const ask = (served, { storage, request = ({ id }) => `/chat/${id}`, ...rest } = {}) => {
  const made = client("/chat", {
    http: { ...post, fetch: served.fetch },
    until,
    ...rest,
    resume: { ...(request && { request }), ...(storage && { storage, key: "ann" }), ...rest.resume },
  });
  return [made, watch(made)];
};

/** The entry of its one place, and what it says of that. */
const stored = (storage) => JSON.parse([...storage.values.values()][0] ?? "[]");
function leftOf(storage) {
  const entry = stored(storage);
  if (!entry.length) return "gone";
  return typeof entry[4] === "number" ? "over" : "kept";
}

test("ends: resume.request may say that there is nothing to go on with", async () => {
  for (const nothing of [undefined, null]) {
    const served = server([event("half"), null]);
    const [, seen] = ask(served, { request: ({ id }) => (id ? `/chat/${id}` : nothing) });
    const { reason, error } = await closed(seen);
    equal([reason, error.code, error.class], ["fatal", "not-resumable", "fatal"], "close event");
    equal(served.asked, ["POST /chat"], "requests");
  }
});

test("ends: in good order, but before the last message, is truncated", async () => {
  for (const request of [null, ({ id }) => (id ? `/chat/${id}` : undefined)]) {
    const served = server([event("half")]);
    const [made, seen] = ask(served, { request });
    const { reason, error } = await closed(seen);
    equal([reason, error.code], ["fatal", "truncated"], "close event");
    equal(made.lastFailure, error, "the last failure");
    equal(served.asked, ["POST /chat"], "requests");
  }
  // Where it can go on it does.
  const served = server([event("half", "a")], [event("half", "a"), event("[DONE]", "b")]);
  const [made, seen] = ask(served);
  equal((await closed(seen)).reason, "ended", "reason");
  equal([seen.retries[0].failure.code, seen.closed.error, made.lastFailure], ["truncated", null, null], "failures");
  equal(served.asked, ["POST /chat", "GET /chat/a"], "requests");
});

test("ends: a resume that finds nothing is not the end of a whole answer", async () => {
  const [, half] = ask(server([event("half", "a"), null], 204));
  const { reason, error } = await closed(half);
  equal([reason, error.code], ["fatal", "truncated"], "close event");
  // Without `until` it is the server's word; but what broke off may miss something.
  const [, plain] = ask(server([event("half", "a"), null], 204), { until: undefined });
  await closed(plain);
  equal(
    [plain.closed.reason, plain.closed.error, plain.gaps.map(({ outcome, after, before }) => [outcome, after, before])],
    ["ended", null, [["unknown", "a", ""]]],
    "close event",
  );
  ok(plain.events.indexOf("gap") < plain.events.indexOf("close"), "the gap first");
});

test("ends: after the last message the next page does not ask, and this one asks anew", async () => {
  for (const [id, other] of [["a", "b"], []].map((ids) => [ids[0], ids[1]])) {
    const storage = memory();
    const whole = () => server([event("one", id), event("[DONE]", other)]);
    const first = whole();
    const [, seen] = ask(first, { storage });
    equal((await closed(seen)).reason, "ended", "reason");
    // A reload, and another.
    let later = storage;
    for (let page = 0; page < 2; page++) {
      later = reloaded(later);
      const served = whole();
      const [made, again] = ask(served, { storage: later });
      const { reason, error } = await closed(again);
      equal([reason, error, made.lastFailure, made.lastEventId], ["ended", null, null, other ?? ""], "close event");
      equal([served.asked, again.messages], [[], []], "what the later page asked, and got");
    }
    // The next question of a page is a new one, whose ids may start anew.
    for (const where of [storage, later]) {
      const served = whole();
      const [, next] = ask(served, { storage: where });
      await closed(next);
      equal([served.asked, next.data, next.gaps], [["POST /chat"], ["one", "[DONE]"], []], "the next question");
    }
  }
});

test("ends: the table of what is left of a stored place", async () => {
  const cut = [event("one", "a"), null],
    loop = [event("one", "a")];
  const close = (made) => made.close(),
    cancel = (made) => made.cancel();
  /** @type {any[][]} */
  const table = [
    ["until", [[event("[DONE]", "a")]], {}, null, "over"],
    ["a whole POST", [loop], { request: null, until: undefined }, null, "over"],
    ["204, an answer", [cut, 204], { until: undefined }, null, "over"],
    ["204, a stream", [cut, 204], { until: undefined, request: null, http: {} }, null, "kept"],
    [
      "a stream that is not to come again",
      [loop],
      { until: undefined, request: null, http: {}, reconnect: false },
      null,
      "kept",
    ],
    ["204, truncated", [cut, 204], {}, null, "gone"],
    ["truncated", [loop], { request: null }, null, "gone"],
    ["410", [cut, 410], {}, null, "gone"],
    ["400", [cut, 400], {}, null, "gone"],
    ["401", [cut, 401], {}, null, "kept"],
    ["403", [cut, 403], {}, null, "kept"],
    ["nothing to go on with", [cut], { request: () => undefined }, null, "gone"],
    ["a POST that broke off", [cut], { request: null }, null, "kept"],
    ["exhausted", [cut, 500], { reconnect: { initialDelay: 0, maxDelay: 100, maxAttempts: 2 } }, null, "kept"],
    ["close()", [cut, 500], {}, close, "kept"],
    ["cancel()", [cut, 500], {}, cancel, "gone"],
  ];
  for (const [name, answers, options, act, left] of table) {
    const storage = memory(),
      served = server(...answers);
    const { http, ...rest } = options;
    const [made, seen] = ask(served, { storage, ...rest, ...(http && { http: { ...http, fetch: served.fetch } }) });
    if (act) {
      await waitFor(() => seen.retries.length > 0, `${name}: a retry`);
      await act(made);
    }
    await closed(seen);
    equal(leftOf(storage), left, name);
    // What the next page does: nothing, go on, or start.
    const next = server([event("two", "b"), event("[DONE]", "c")]);
    const [, again] = ask(next, { storage: reloaded(storage), request: ({ id }) => `/chat/${id}` });
    await closed(again);
    equal(next.asked, { over: [], kept: ["GET /chat/a"], gone: ["POST /chat"] }[left], `${name}: the next page`);
  }
});

test("ends: what a loop has not pulled, or nobody committed, is not over", async () => {
  for (const commit of ["auto", "manual"]) {
    const storage = memory(),
      served = server([event("one", "a"), event("[DONE]", "b")]);
    const [made, seen] = ask(served, { storage, resume: { commit } });
    const loop = made[Symbol.asyncIterator]();
    await closed(seen);
    equal(leftOf(storage), "gone", "nothing yet");
    const done = async () => {
      const { value } = await loop.next();
      if (commit === "manual") made.commit(value);
    };
    await done();
    equal([leftOf(storage), stored(storage)[0]], ["kept", "a"], "after the first");
    await done();
    equal([leftOf(storage), stored(storage)[0]], ["over", "b"], "after the last");
  }
});

test("ends: cancel() of what is over keeps the end", async () => {
  const storage = memory();
  const [made, seen] = ask(server([event("[DONE]", "a")]), { storage });
  await closed(seen);
  await made.cancel();
  equal(leftOf(storage), "over", "still over");
});

test("ends: a 401 that nothing could mend is asked once", async () => {
  for (const [headers, requests] of [
    [undefined, 1],
    [{ authorization: "old" }, 1],
    [() => ({}), 2],
  ]) {
    const served = server(401);
    const { reason, error } = await closed(
      watch(
        client("/chat", {
          http: { ...post, headers, fetch: served.fetch },
          resume: { request: ({ id }) => `/chat/${id}` },
        }),
      ),
    );
    equal([reason, error.status, served.asked.length], ["fatal", 401, requests], String(headers));
  }
});

test("ends: the last failure stays the one that it was", async () => {
  const served = server(503, [event("one", "a")]);
  const [made, seen] = ask(served, { until: undefined, http: { fetch: served.fetch } });
  await waitFor(() => seen.messages.length > 0, "the message");
  const { failure } = seen.retries[0];
  made.close();
  ok(made.lastFailure === failure || made.lastFailure.code === "end", "not made anew");
  equal([failure.code, failure.status], ["http", 503], "failure");
});

test("frozen: an answer that nothing can resume is kept, and told by name when the browser cut it", async () => {
  const freeze = (type) => document.dispatchEvent(new Event(type));
  for (const request of [null, ({ id }) => (id ? `/chat/${id}` : undefined)]) {
    let stream;
    const body = new ReadableStream({
      start(controller) {
        stream = controller;
      },
    });
    const send = (text) => stream.enqueue(new TextEncoder().encode(text));
    const served = { fetch: async () => new Response(body, { headers: { "content-type": "text/event-stream" } }) };
    const [made, seen] = ask(served, { request });
    await made.opened();
    send(event("one"));
    await waitFor(() => seen.messages.length === 1, "the first message");
    freeze("freeze");
    send(event("two"));
    await waitFor(() => seen.messages.length === 2, "the second message");
    freeze("resume");
    equal([made.state, seen.states], ["open", ["open"]], "states");
    stream.error(new TypeError("cut"));
    const { reason, error } = await closed(seen);
    equal([reason, error.code], ["fatal", request ? "not-resumable" : "frozen"], "close event");
  }
});

test("left: a page that goes tells no failure", async () => {
  /** @type {any} */
  const frame = document.createElement("iframe");
  after(() => frame.remove());
  const told = [];
  window.leaving = (line) => told.push(line);
  const plan = script("sse", [
    [
      ["send", "data: a\n\n"],
      ["wait", 60_000],
    ],
  ]);
  const socket = script("ws", [
    [
      ["send", "a"],
      ["wait", 60_000],
    ],
  ]);
  frame.srcdoc = `<script type="module">
    import { connect } from "${page}/pkg/index.js";
    const watch = (name, url, options) => {
      const made = connect(url, options);
      made.on(() => parent.leaving(name + " open"));
      made.addEventListener("retry", ({ failure }) => parent.leaving(name + " retry " + failure.code));
      made.addEventListener("close", ({ reason, error }) => parent.leaving(name + " close " + reason + " " + error?.message));
    };
    watch("get", ${JSON.stringify(plan.url)}, {});
    watch("post", ${JSON.stringify(plan.url)}, { http: { method: "POST", body: "x" } });
    watch("socket", ${JSON.stringify(socket.url)}, {});
  </script>`;
  document.body.append(frame);
  await waitFor(
    () => told.length === 3,
    () => `three that are open, have ${told}`,
  );
  const gone = new Promise((resolve) => {
    frame.contentWindow.addEventListener("pagehide", () => {
      told.push("pagehide");
      setTimeout(resolve, 300);
    });
  });
  frame.contentWindow.location.href = `${page}/away.html`;
  await gone;
  await waitFor(() => frame.contentDocument?.title === "Away", "the next page");
  // That its window has gone is the end of a frame's client, and no failure.
  const failures = told.slice(3).filter((line) => !line.endsWith(" close unloaded undefined"));
  equal(failures, ["pagehide"], "told while it goes");
});

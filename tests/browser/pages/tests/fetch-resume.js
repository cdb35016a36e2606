// Event streams over fetch: start, resume, end, cancel.
import { tokens } from "/pkg/auth.js";
import { client, watch } from "../client.js";
import { duplex } from "../duplex.js";
import { engine, equal, ok, takeReports, test, thrown, waitFor } from "../harness.js";
import { app, page, script, sse, unique, wire } from "../server.js";

const cutAfter = (text) => [["send", text], ["wait", 30], ["reset"]];
const closed = (seen) => waitFor(() => seen.closed, "the close event");

test("ids of any script are resumed byte-exact, in the query and in the header", async () => {
  for (const id of ["äöü", "日本語", "😀 a+b&c=d%20", "a\tb", "€"]) {
    for (const via of ["query", "header", undefined]) {
      const plan = script("sse", [cutAfter(`id: ${id}\ndata: a\n\n`), [["send", "data: b\n\n"]]]);
      const made = client(plan.url, { resume: { via } });
      const seen = watch(made);
      await waitFor(
        () => seen.data.includes("b"),
        () => `the second connection: ${id} via ${via}, ${seen.events}`,
      );
      const { query, headers } = (await plan.log())[1];
      // WebKitGTK takes a header's bytes for characters, and encodes them once more.
      const twice = String.fromCharCode(...new TextEncoder().encode(id));
      equal(
        via === "header" ? headers["last-event-id"] : query.lastEventId,
        via === "header" && engine === "webkit" ? twice : id,
        `id via ${via}`,
      );
      equal(via === "header" ? query.lastEventId : headers["last-event-id"], undefined, `nothing else via ${via}`);
      made.close(); // A browser has six connections to a host.
    }
  }
});

test("an id that no header can carry goes in the query", async () => {
  for (const id of [" a", "a ", "a\u0001b", "a\u007f"]) {
    const plan = script("sse", [cutAfter(`id: ${id}\ndata: a\n\n`), [["send", "data: b\n\n"]]]);
    const seen = watch(client(plan.url, { resume: { via: "header" } }));
    await waitFor(() => seen.data.includes("b"), "the second connection");
    equal((await plan.log())[1].query.lastEventId, id, "cursor");
  }
});

test("to its own origin the cursor goes in the header", async () => {
  // In a frame of the app's own origin there would be a page; here the page fetches itself through a script of its own.
  const seen = [];
  const made = client("/own", {
    http: {
      fetch: async (url, init) => {
        seen.push([new URL(url).search, init.headers.get("last-event-id")]);
        return fetch(`${wire}/answer?status=200&type=text/event-stream`, { signal: init.signal });
      },
    },
    resume: { from: "41" },
  });
  await made.opened();
  equal(seen, [["", "41"]], "request");
  ok(page === location.origin, "the page's origin");
});

test("resume on the second reconnect after events without ids", async () => {
  const plan = script("sse", [
    cutAfter("id: 7\ndata: a\n\n"),
    cutAfter("data: b\n\ndata: c\n\n"),
    [["send", "data: d\n\n"]],
  ]);
  const seen = watch(client(plan.url));
  await waitFor(() => seen.data.includes("d"), "the third connection");
  equal(
    (await plan.log()).map(({ query }) => query.lastEventId),
    [undefined, "7", "7"],
    "cursors",
  );
  equal(seen.data, ["a", "b", "c", "d"], "messages");
});

test("a block with only an id moves the cursor", async () => {
  const plan = script("sse", [cutAfter("id: 1\ndata: a\n\nid: 2\n\n"), [["send", "data: b\n\n"]]]);
  const seen = watch(client(plan.url));
  await waitFor(() => seen.data.includes("b"), "the second connection");
  equal((await plan.log())[1].query.lastEventId, "2", "cursor");
});

test("the retry field is a lower bound", async () => {
  const plan = script("sse", [cutAfter("retry: 700\ndata: a\n\n"), [["send", "data: b\n\n"]]]);
  const seen = watch(client(plan.url));
  await waitFor(() => seen.data.includes("b"), "the second connection");
  ok(seen.retries[0].delay >= 700 && seen.retries[0].delay <= 875, `${seen.retries[0].delay} ms`);
});

test("a POST is repeated only where the server did not act on it", async () => {
  const post = { method: "POST", body: "x" };
  for (const [steps, http, expected] of [
    [[["status", 500]], post, 1],
    [[["status", 503]], post, 1],
    [[["status", 503, { "retry-after": "0" }]], post, 2],
    [[["status", 429]], post, 2],
    [[["status", 425]], post, 2],
    [[["status", 401]], { ...post, headers: () => ({}) }, 2],
    [[["reset"]], post, 1],
    [cutAfter("data: a\n\n"), post, 1],
    [cutAfter(""), post, 1],
    [[["status", 500]], { ...post, retry: true }, 2],
    [cutAfter("data: a\n\n"), { ...post, retry: true }, 2],
    [[["status", 500]], { ...post, method: "PATCH" }, 1],
    [[["status", 500]], { ...post, method: "PUT" }, 2],
  ]) {
    const plan = script("sse", [steps, [["send", "data: again\n\n"]]]);
    const made = client(plan.url, { http });
    const seen = watch(made);
    if (expected === 1) {
      await waitFor(
        () => seen.closed,
        () => `the close event after ${JSON.stringify(steps)}, have ${seen.events} ${seen.data}`,
      );
      equal(seen.closed.reason, "fatal", `reason after ${JSON.stringify(steps)}`);
    } else await waitFor(() => seen.data.includes("again"), `the second request after ${JSON.stringify(steps)}`);
    await new Promise((resolve) => setTimeout(resolve, 150));
    equal((await plan.log()).length, expected, `requests after ${JSON.stringify(steps)}`);
    made.close();
  }
});

test("a POST whose answer ends has ended", async () => {
  const plan = script("sse", [[["send", "data: a\n\n"], ["end"]]]);
  const made = client(plan.url, { http: { method: "POST", body: "x" } });
  const seen = watch(made);
  const data = [];
  for await (const message of made) data.push(message.data);
  equal(
    [data, seen.closed.reason, seen.closed.error, seen.closed.wasClean],
    [["a"], "ended", null, true],
    "close event",
  );
  equal((await plan.log()).length, 1, "requests");
});

test("until ends it after the message that says so", async () => {
  const plan = script("sse", [[["send", "data: a\n\ndata: [DONE]\n\ndata: b\n\n"]]]);
  const made = client(plan.url, { until: (message) => message.data === "[DONE]" });
  const seen = watch(made);
  const { reason, wasClean, error } = await closed(seen);
  equal([reason, wasClean, error, seen.data], ["ended", true, null, ["a", "[DONE]"]], "close event");
  equal((await plan.log()).length, 1, "requests");
});

test("until works on a WebSocket as well", async () => {
  const seen = watch(
    client(
      script("ws", [
        [
          ["send", '{"progress":50}'],
          ["send", '{"progress":100}'],
          ["send", "x"],
        ],
      ]).url,
      { until: ({ data }) => data.progress === 100 },
    ),
  );
  equal([(await closed(seen)).reason, seen.messages.length], ["ended", 2], "close event");
});

test("a cursor from anywhere in the data", async () => {
  const plan = script("sse", [cutAfter('data: {"response":"r1","n":4}\n\n'), [["send", "data: b\n\n"]]]);
  const seen = watch(client(plan.url, { resume: { id: ({ data }) => data.response && `${data.response}/${data.n}` } }));
  await waitFor(() => seen.data.includes("b"), "the second connection");
  equal((await plan.log())[1].query.lastEventId, "r1/4", "cursor");
});

test("resume.request gives every request after the first that delivered something", async () => {
  const key = unique();
  const start = script("sse", [[["status", 429]], cutAfter("id: j:1\ndata: a\n\n")]);
  const again = script("sse", [cutAfter("id: j:2\ndata: b\n\n"), [["send", "id: j:3\ndata: c\n\ndata: [DONE]\n\n"]]]);
  const cursors = [];
  const made = client(start.url, {
    http: { method: "POST", headers: { "x-test": key }, body: "prompt" },
    resume: {
      request: ({ id }) => {
        cursors.push(id);
        return { url: again.url };
      },
    },
    until: ({ data }) => data === "[DONE]",
  });
  const seen = watch(made);
  equal((await closed(seen)).reason, "ended", "reason");
  equal(seen.data, ["a", "b", "c", "[DONE]"], "messages");
  equal(cursors, ["j:1", "j:2"], "cursors");
  equal(
    (await start.log()).map(({ method }) => method),
    ["POST", "POST"],
    "starts",
  );
  const log = await again.log();
  equal(
    log.map(({ method, headers, received }) => [method, headers["x-test"], received]),
    [
      ["GET", key, []],
      ["GET", key, []],
    ],
    "resumes",
  );
});

test("a resume.request that gives nothing useful is a failed attempt, not a second start", async () => {
  const plan = script("sse", [cutAfter("id: 1\ndata: a\n\n")]);
  const seen = watch(client(plan.url, { http: { method: "POST", body: "x" }, resume: { request: () => 7 } }));
  await waitFor(() => seen.retries.length >= 3, "retries");
  equal(
    seen.retries.slice(1, 3).map(({ failure }) => failure.code),
    ["provider", "provider"],
    "failures",
  );
  equal((await plan.log()).length, 1, "requests");
});

/** What the server says in the head of each answer: `run` names it. */
const named = (run) => async (url, init) => {
  const { body, status } = await fetch(url, init);
  return new Response(body, { status, headers: { "content-type": "text/event-stream", "x-run-id": run } });
};

test("the head of the answer: on the open event, to resume.request and to cancel, also before the first event", async () => {
  const start = script("sse", [[["send", ": working\n\n"], ["wait", 30], ["reset"]]]);
  const again = script("sse", [[["send", "id: 1\ndata: a\n\n"]]]);
  const opened = [],
    asked = [];
  const of = ({ status, headers, id }) => [status, headers?.get("x-run-id"), id];
  const made = client(start.url, {
    http: {
      method: "POST",
      body: "prompt",
      fetch: named("run 7"),
      cancel: (at) => {
        asked.push(["cancel", ...of(at)]);
        return undefined;
      },
    },
    resume: {
      request: (at) => {
        asked.push(["resume", ...of(at)]);
        return again.url;
      },
    },
  });
  made.addEventListener("open", (event) => opened.push(of(event)));
  const seen = watch(made);
  await waitFor(() => seen.data.includes("a"), "the rest");
  equal(opened, Array(2).fill([200, "run 7", undefined]), "open");
  ok(await made.cancel(), "told");
  equal(
    asked,
    [
      ["resume", 200, "run 7", ""],
      ["cancel", 200, "run 7", "1"],
    ],
    "asked",
  );
  equal([(await start.log()).length, (await again.log()).length], [1, 1], "requests");
});

test("the head of an answer of another origin: what the server exposes; over a WebSocket none", async () => {
  const heads = [];
  for (const plan of [script("sse", [[["send", "data: a\n\n"]]]), script("ws", [[]])]) {
    const made = client(plan.url);
    made.addEventListener("open", ({ status, headers }) => heads.push([status, headers?.get("content-type") ?? null]));
    await made.opened();
  }
  equal(
    heads,
    [
      [200, "text/event-stream"],
      [0, null],
    ],
    "heads",
  );
});

test("before the first event: without another request a POST is not made again, and a GET is", async () => {
  /** @type {[any, string | undefined, number][]} */
  const starts = [
    [{ http: { method: "POST", body: "x" } }, "not-resumable", 1],
    [{}, undefined, 2],
  ];
  for (const [how, code, requests] of starts) {
    const plan = script("sse", [
      [["send", ": working\n\n"], ["wait", 30], ["reset"]],
      [["send", "data: a\n\ndata: [DONE]\n\n"]],
    ]);
    const made = client(plan.url, {
      ...how,
      resume: { request: () => undefined },
      until: ({ data }) => data === "[DONE]",
    });
    const { reason, error } = await closed(watch(made));
    equal([reason, error?.code], [code ? "fatal" : "ended", code], "the end");
    equal((await plan.log()).length, requests, "requests");
  }
});

test("an answer cut five times: one POST, GETs, the text byte-equal, one cancel", async () => {
  const run = async (stop) => {
    let job;
    const made = client(`${wire}/llm?delay=5&tokens=120&cut=20`, {
      http: {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: '{"prompt":"hi"}',
        cancel: () => ({ url: `${wire}/llm/${job}`, method: "DELETE" }),
      },
      resume: { request: ({ id }) => `${wire}/llm/${job}?lastEventId=${id}` },
      until: ({ data }) => data === "[DONE]",
    });
    let text = "";
    made.on("job", ({ data }) => {
      job = data.id;
    });
    made.on("message", ({ data }) => {
      if (data !== "[DONE]") text += data;
    });
    const seen = watch(made);
    if (stop) {
      await waitFor(() => seen.messages.length > 30, "tokens");
      equal(await made.cancel(), true, "told");
      equal(await made.cancel(), true, "told, and not again");
    }
    const { reason } = await closed(seen);
    const stats = await (await fetch(`${app}/llm/${job}/stats`)).json();
    return {
      reason,
      text,
      stats,
      gaps: seen.gaps.length,
      told: await (await fetch(`${app}/llm/${job}/text`)).text(),
      cuts: seen.retries.length,
    };
  };
  const whole = await run(false);
  equal(whole.text, whole.told, "text");
  ok(whole.text.length > 200, `${whole.text.length} characters`);
  ok(whole.cuts >= 5, `${whole.cuts} cuts`);
  equal(
    [whole.reason, whole.stats.starts, whole.stats.resumes, whole.stats.cancels],
    ["ended", 1, whole.cuts, 0],
    "whole",
  );
  const stopped = await run(true);
  equal([stopped.reason, stopped.stats.starts, stopped.stats.cancels], ["app", 1, 1], "stopped");
});

test("cancel with listen: what the server still says comes, and its end is the end", async () => {
  const listening = async (stop, query = "delay=5&tokens=1000") => {
    let job;
    const made = client(`${wire}/llm?${query}`, {
      http: {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: '{"prompt":"hi"}',
        cancel: () => ({ url: `${wire}/llm/${stop ?? job}`, method: "DELETE" }),
      },
      resume: { request: ({ id }) => `${wire}/llm/${job}?lastEventId=${id}` },
      until: ({ data }) => data === "[DONE]",
    });
    made.on("job", ({ data }) => {
      job = data.id;
    });
    const seen = watch(made);
    await waitFor(() => seen.messages.length > 5, "tokens");
    return { made, seen, told: made.cancel({ listen: true }) };
  };
  // Also when a connection breaks before the server has heard of it.
  for (const query of [undefined, "delay=5&tokens=1000&cut=7"]) {
    const { made, seen, told } = await listening(undefined, query);
    equal(await told, true, "told");
    const { reason, error } = await closed(seen);
    equal([reason, error], ["ended", null], `the end, ${query}`);
    equal(await made.cancel(), true, "once for all");
  }
  // The server was not told, so nothing has changed.
  const { made, seen, told } = await listening("nobody's");
  equal([await told, made.lastFailure.status, made.state], [false, 404, "open"], "not told");
  const before = seen.messages.length;
  await waitFor(() => seen.messages.length > before, "more of them");
  equal(await made.cancel({ listen: true }), false, "it may be asked again");
  equal(await made.cancel(), false, "a later call");
  equal((await closed(seen)).reason, "app", "the end");
  equal(await made.cancel({ listen: true }), false, "of a closed one");
  for (const wrong of [{ listen: 1 }, { listens: true }, null])
    equal(thrown(() => made.cancel(wrong)).code, "invalid-option", JSON.stringify(wrong));
});

test("cancel: an address gets a POST; after the end there is nothing to cancel", async () => {
  const plan = script("sse", [[["send", "data: a\n\n"]]]);
  const stop = script("sse", [[["status", 204]]]);
  const made = client(plan.url, { http: { cancel: stop.url, headers: { "x-test": "1" } } });
  await made.opened();
  equal(await made.cancel(), true, "told");
  equal(made.state, "closed", "state");
  equal(
    (await stop.log()).map(({ method, headers }) => [method, headers["x-test"]]),
    [["POST", "1"]],
    "requests",
  );
  const ended = client(plan.url, { http: { cancel: stop.url }, until: () => true });
  await closed(watch(ended));
  equal([await ended.cancel(), (await stop.log()).length], [false, 1], "after the end");
});

/** A client whose stream has begun, and what its stop request leads to. */
async function begun(http, options) {
  const made = client(script("sse", [[["send", "data: a\n\n"]]]).url, {
    http: { method: "POST", body: "{}", ...http },
    ...options,
  });
  await made.opened();
  return made;
}
const bodyHeaders = {
  "content-type": "application/json",
  "content-encoding": "identity",
  "content-language": "en",
  "content-location": "/x",
};

test("cancel: without a body no header is about one, with one they all go", async () => {
  for (const [method, body] of [["POST"], ["DELETE"], ["POST", '{"stop":1}']]) {
    const stop = script("sse", [[["status", 204]]]);
    const made = await begun({
      headers: { ...bodyHeaders, "x-test": "1" },
      cancel: () => ({ url: stop.url, method, body }),
    });
    equal(await made.cancel(), true, "told");
    const [{ headers, received }] = await stop.log();
    equal(
      Object.keys(bodyHeaders).map((name) => headers[name]),
      body ? Object.values(bodyHeaders) : [undefined, undefined, undefined, undefined],
      `headers of a ${method} with ${body}`,
    );
    equal([headers["x-test"], received], ["1", body ? [body] : []], "the rest");
  }
});

test("cancel: after a 401 the functions are asked again, once; what cannot differ is not repeated", async () => {
  const stop = script("sse", [[["status", 401]], [["status", 200]]]);
  const asked = [];
  const headers = ({ reason }) => {
    asked.push(reason);
    return {};
  };
  const made = await begun({ headers, cancel: stop.url });
  equal([await made.cancel(), asked], [true, ["initial", "reconnect", "unauthorized"]], "told");
  const never = script("sse", [
    [
      ["status", 401, "text/plain"],
      ["send", "no"],
    ],
  ]);
  const refused = await begun({ headers, cancel: never.url });
  equal(await refused.cancel(), false, "refused");
  const { code, status, body } = refused.lastFailure;
  equal([code, status, body, (await never.log()).length], ["http", 401, "no", 2], "why not");
  const fixed = script("sse", [[["status", 401]]]);
  equal(
    [await (await begun({ cancel: fixed.url })).cancel(), (await fixed.log()).length],
    [false, 1],
    "nothing to ask",
  );
});

test("cancel: it says why not, in time, whatever a function or the server does", async () => {
  const hang = script("sse", [[["hang"]]]);
  for (const [cancel, expected] of [
    [hang.url, "open-timeout"],
    [() => new Promise(() => {}), "open-timeout"],
    [() => ({ url: script("sse", [[["status", 503]]]).url }), "http"],
    [script("sse", [[["cut"]]]).url, "network"],
    [() => Promise.reject(new Error("mine")), "provider"],
    [() => 5, "provider"],
    [() => "http://user:password@localhost/", "provider"],
    [() => ({ url: hang.url, headers: { "no name": "1" } }), "provider"],
    // Fetch would send "[object Object]".
    [() => /** @type {any} */ ({ url: hang.url, body: { stop: 1 } }), "provider"],
  ]) {
    const made = await begun({ cancel }, { openTimeout: 1_000 });
    equal([await made.cancel(), made.lastFailure?.code], [false, expected], "told, and why not");
    equal(String(made.lastFailure.cause?.message ?? "").includes("mine"), /mine/.test(cancel), "cause");
    takeReports();
  }
});

/** What a server may put into an id, in an address that an app makes of it. */
const steering = [
  "/chat/../account/7?really=yes",
  "/chat/..",
  "/chat/.",
  "/chat/%2e%2E/account",
  "/chat/.%2e?x",
  "/chat/..#:1",
  "/chat/..\\account",
  "/chat/.\t./account",
  " ../account",
  "..",
  "%2e./account",
  "//localhost/account",
  "/\\localhost/account",
  "\u0001/\t/localhost/account",
  "\\\\localhost\\account",
  "/chat/%\n2e./account",
  "https:localhost/account",
  "HTTP:account",
  "http:/account",
  "http:///localhost/account",
  "http:\\/localhost/account",
  "ht\ttp:/\\localhost/account",
  "ws:localhost/account",
];

test("an id that leads an address elsewhere: refused in cancel, and no error of the app's", async () => {
  const asked = [];
  const fetch = (url, init) => {
    if (init.method === "DELETE") asked.push(String(url));
    return globalThis.fetch(url, init);
  };
  for (const address of [...steering, `${wire}/chat/../account`])
    for (const given of [address, { url: address, method: "DELETE" }]) {
      const made = await begun({ fetch, cancel: () => given });
      equal(await made.cancel(), false, `told ${address}`);
      const { code, cause } = made.lastFailure;
      equal([code, cause?.code], ["provider", "invalid-option"], `why not ${address}`);
      ok(!cause.message.includes("account"), cause.message);
      equal(takeReports().length, 0, "reports");
    }
  equal(asked, [], "requests");
  const stop = script("sse", [[["status", 204]]]);
  for (const given of [
    new URL(stop.url.replace(/\/(?=[^/]*$)/, "/a/../")),
    { url: new URL(stop.url.replace(/\/(?=[^/]*$)/, "/./")) },
    `${stop.url}&x=/../${encodeURIComponent("../y")}#/..`,
    `${stop.url}&x=a...b`,
  ])
    equal(await (await begun({ cancel: () => given })).cancel(), true, `${given}`);
  equal((await stop.log()).length, 4, "told");
});

test("an id that leads an address elsewhere: refused of each function, and what is fixed may lead anywhere", async () => {
  const auth = tokens(() => "T");
  const socket = "ws://localhost:1023/";
  const cause = (made) => [made.lastFailure.code, made.lastFailure.cause?.code];
  for (const address of [...steering, `${wire}/chat/../account`]) {
    const asked = [];
    const fetch = (url, init) => {
      asked.push(`${url}`);
      return globalThis.fetch(url, init);
    };
    for (const [what, endpoint, options] of [
      ["endpoint", () => address],
      ["endpoint of a kind", async () => ({ sse: address })],
      ["query", auth.query(() => address)],
      ["query of a kind", auth.query(() => ({ sse: address }))],
      ["probe", socket, { probe: () => address }],
    ]) {
      const made = duplex(endpoint, { ...options, http: { fetch } });
      await waitFor(() => made.lastFailure, `${what} ${address}`);
      // What asks why has its failure for a cause.
      equal(made.lastFailure.code, what === "probe" ? "network" : "provider", `${what} ${address}`);
      equal([made.lastFailure.cause?.code, asked], ["invalid-option", []], `${what} ${address}`);
      made.close();
    }
    for (const uplink of [() => address, async () => address]) {
      const stream = script("sse", [[["send", "data: 1\n\n"]]]).url;
      const made = duplex({ sse: stream, uplink }, {});
      await made.opened();
      made.send("x");
      await waitFor(() => made.lastFailure, `uplink ${address}`);
      equal(cause(made), ["provider", "invalid-option"], `uplink ${address}`);
      made.close();
    }
  }
  const dotted = (url) => url.replace(/\/(?=[^/]*$)/, "/a/../");
  for (const endpoint of [
    dotted(sse("/ticker")),
    () => new URL(dotted(sse("/ticker"))),
    auth.query(dotted(sse("/ticker"))),
  ]) {
    const made = duplex(endpoint, {});
    await made.opened();
    made.close();
  }
  const up = script("sse", [[["status", 200]]]);
  const made = duplex({ sse: dotted(sse("/ticker")), uplink: dotted(up.url) }, { http: { headers: { "x-a": "1" } } });
  await made.opened();
  equal((await made.send("x")).status, "sent", "a fixed uplink");
});

test("an id that leads an address elsewhere: refused in resume.request", async () => {
  for (const address of steering) {
    const plan = script("sse", [cutAfter("id: 1\ndata: a\n\n")]);
    const seen = watch(client(plan.url, { http: { method: "POST", body: "x" }, resume: { request: () => address } }));
    await waitFor(() => seen.retries.length >= 2, `retries of ${address}`);
    const { code, message } = seen.retries[1].failure;
    equal(
      [code, message.includes("encodeURIComponent"), message.includes("account")],
      ["provider", true, false],
      message,
    );
    equal((await plan.log()).length, 1, "requests");
  }
  const plan = script("sse", [cutAfter("id: 1\ndata: a\n\n")]);
  const again = script("sse", [[["send", "id: 2\ndata: b\n\n"]]]);
  const url = new URL(again.url.replace(/\/(?=[^/]*$)/, "/a/../"));
  const seen = watch(client(plan.url, { resume: { request: () => url } }));
  await waitFor(() => seen.messages.length === 2, "both");
  ok((await again.log()).length >= 1, "a URL object");
});

test("cancel: keepalive when the page goes and the body fits, and only then", async () => {
  const asked = [];
  let answer;
  const stop = (url, { keepalive, method }) => {
    asked.push([String(url), method, keepalive]);
    return new Promise((resolve) => {
      answer ??= () => resolve(new Response(null, { status: 204 }));
    });
  };
  for (const [body, kept] of [
    [undefined, true],
    ["x".repeat(70_000), false],
  ]) {
    answer = undefined;
    const plan = script("sse", [[["send", "data: a\n\n"]]]);
    const fetch = (url, init) => (url === "/stop" ? stop(url, init) : window.fetch(url, init));
    const staying = client(plan.url, { http: { fetch, cancel: () => ({ url: "/stop", body }) } });
    await staying.opened();
    const told = staying.cancel();
    await waitFor(() => asked.length > 0, "the request");
    equal(asked.splice(0), [["/stop", "POST", false]], "a page that stays");
    // The page goes while the answer is out.
    dispatchEvent(new PageTransitionEvent("pagehide"));
    equal(asked.splice(0), kept ? [["/stop", "POST", true]] : [], "when it goes meanwhile");
    answer();
    equal(await told, true, "told");
    const going = client(plan.url, { http: { fetch, cancel: () => ({ url: "/stop", body }) } });
    await going.opened();
    addEventListener("pagehide", () => going.cancel(), { once: true });
    dispatchEvent(new PageTransitionEvent("pagehide"));
    await waitFor(() => asked.length > 0, "the request in leaving");
    equal(asked.splice(0), [["/stop", "POST", kept]], "told in leaving");
  }
});

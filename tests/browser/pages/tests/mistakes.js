// What everybody does wrong once: it is told, where it can be told at once, and else in the console, once.
import { ClosedEvent, connect, EverwireError, Failure, GapEvent, RetryEvent } from "/pkg/index.js";
import { connect as duplex } from "/pkg/duplex.js";
import { client, quick, watch } from "../client.js";
import { after, equal, ok, rejection, takeReports, test, thrown, waitFor, warnings } from "../harness.js";
import { echoBarrier, fault, script, sse, ws } from "../server.js";

// A sentence comes once a page, so each test of warnings has sentences of its own.
const refused = (endpoint, options) => {
  const error = thrown(() => {
    const made = connect(endpoint, options);
    after(() => made.close());
  }, JSON.stringify(options));
  equal([error.name, error.code], ["EverwireError", "invalid-option"], error.message);
  return error.message;
};

test("what is no event of the client is told once by name, and the listener is there all the same", async () => {
  const told = warnings();
  const made = client(ws("/echo"));
  let heard = 0;
  for (const name of ["message", "error", "disconnect", "message"]) made.addEventListener(name, () => heard++);
  equal(told.length, 3, told.join("\n"));
  for (const [at, name] of ["message", "error", "disconnect"].entries())
    ok(
      told[at].startsWith(`everwire: addEventListener("${name}") gets nothing`) && told[at].includes("statechange"),
      told[at],
    );
  made.dispatchEvent(new Event("disconnect"));
  equal(heard, 1, "an event of the app's own");
  for (const name of ["open", "statechange", "retry", "gap", "close"]) made.addEventListener(name, () => {});
  equal(told.length, 3, "its events");
});

test("a handler as on a WebSocket is told", async () => {
  const told = warnings();
  const made = /** @type {any} */ (client(ws("/echo")));
  for (const name of ["onmessage", "onopen", "onclose", "onerror"]) made[name] = () => {};
  equal(told.length, 4, told.join("\n"));
  ok(told[0].startsWith("everwire: .onmessage gets nothing"), told[0]);
});

test("on() with an event's name is told when that event comes, unless somebody listens to it", async () => {
  const told = warnings();
  const made = client(script("ws", [[["send", '{"type":"statechange"}']]]).url);
  const messages = [];
  for (const name of ["open", "close", "retry"]) made.on(name, (message) => messages.push(message));
  made.on("statechange", (message) => messages.push(message));
  made.addEventListener("statechange", () => {});
  await waitFor(() => messages.length, "the message of that name");
  equal([told.length, told[0]?.includes('on("open")')], [1, true], told.join("\n"));
  made.close();
  equal([told.length, told[1]?.includes('on("close")')], [2, true], told.join("\n"));
});

test("on() with an event's name is not told when it was taken off, nor on a topic", async () => {
  const told = warnings();
  const made = duplex(ws("/echo"));
  after(() => made.close());
  made.on("statechange", () => {})();
  made.subscribe("a").on("statechange", () => {});
  await made.opened();
  made.close();
  equal(told, [], "told");
});

test("a server may say what sounds like an event", async () => {
  const told = warnings();
  const made = client(
    script("ws", [
      [
        ["send", '{"type":"gap"}'],
        ["send", '{"type":"close"}'],
        ["send", '{"type":"error"}'],
      ],
    ]).url,
  );
  const types = [];
  for (const name of ["gap", "close", "error"]) made.on(name, ({ type }) => types.push(type));
  await waitFor(() => types.length === 3, "all three");
  made.close();
  equal([types, told], [["gap", "close", "error"], []], "messages, and what was told");
});

test("an option that has no effect over the endpoint's transport is told, with what it is for", async () => {
  for (const [name, options, kinds] of [
    ["http.headers", { http: { headers: { a: "b" } } }, "fetch"],
    ["http.method", { http: { method: "POST" } }, "fetch"],
    ["http.onComment", { http: { onComment() {} } }, "fetch"],
    ["maxEventBytes", { maxEventBytes: 5 }, "fetch"],
    ["resume.outcome", { resume: { outcome() {} } }, "fetch"],
    ["resume.request", { resume: { request: () => "/" } }, "fetch"],
    ["events", { events: ["tick"] }, "EventSource"],
    ["withCredentials", { withCredentials: true }, "EventSource and fetch"],
  ])
    ok(refused(ws("/echo"), options).includes(`${name} is for ${kinds} only`), name);
  const socket = [
    ["protocols", { protocols: "a" }],
    ["binaryType", { binaryType: "blob" }],
    ["handshake", { handshake() {} }],
    ["resume.frame", { resume: { frame() {} } }],
    ["heartbeat.ping", { heartbeat: { ping: "ping" } }],
    ["heartbeat.isPong", { heartbeat: { isPong() {} } }],
  ];
  for (const transport of ["fetch", "eventsource"])
    for (const [name, options] of /** @type {[string, object][]} */ (socket))
      ok(refused(sse("/ticker"), { transport, ...options }).includes(`${name} is for WebSocket only`), name);
  ok(refused(sse("/ticker"), { transport: "fetch", events: ["tick"] }).includes("events is for EventSource"), "events");
  ok(refused(sse("/ticker"), { transport: "eventsource", http: { retry: true } }).includes("http.retry"), "http.retry");
});

test("an option that some endpoint can use, or none can be known to lack, is not told", async () => {
  const both = { protocols: "a", http: { headers: { a: "b" } } };
  for (const endpoint of [
    [ws("/echo"), sse("/ticker")],
    { websocket: ws("/echo"), sse: sse("/ticker") },
    () => ws("/echo"),
    [ws("/echo"), () => sse("/ticker")],
  ])
    client(endpoint, both).close();
  // Off is off everywhere, and cancel() takes what http has.
  client(ws("/echo"), { withCredentials: false, http: { retry: false } }).close();
  client(ws("/echo"), { http: { cancel: "/stop", headers: { a: "b" } } }).close();
  client(sse("/ticker"), { heartbeat: { ping: false } }).close();
});

test("an option of another place is told with its place", async () => {
  for (const name of ["rate", "probe", "uplink", "requests", "subscriptions", "fallback", "longPoll"])
    ok(refused(ws("/echo"), { [name]: {} }).includes(`${name} is an option of everwire/duplex`), name);
  const persist = refused(ws("/echo"), { outbox: { ack: true, persist: { key: "k" } } });
  ok(persist.includes("outbox.persist is an option of everwire/duplex"), persist);
  for (const [name, home] of [
    ["headers", "http.headers"],
    ["initialDelay", "reconnect.initialDelay"],
    ["interval", "heartbeat.interval"],
    ["overflow", "outbox.overflow"],
  ])
    ok(refused(ws("/echo"), { [name]: 1 }).includes(`${name} is not an option; use ${home};`), name);
  const misspelt = refused(ws("/echo"), { reconnect: { initialdelay: 5 } });
  ok(/reconnect\.initialdelay is not an option; use one of .*initialDelay/.test(misspelt), misspelt);
});

test("of subprotocols it is told which one is wrong, and how, but not what it is", async () => {
  for (const [protocols, at] of [
    ["bearer.secret=", 0],
    [["a b"], 0],
    [["a", "bearer.secret/"], 1],
    [["a", "b", "a"], 2],
    [["a", ""], 1],
    [["a", 5], 1],
    [5, 0],
  ]) {
    const message = refused(ws("/echo"), { protocols });
    ok(message.includes(`protocols[${at}] must be a unique token`), message);
    ok(!/secret|array/.test(message), message);
  }
  const made = client(() => ws("/echo"), { protocols: () => ["a", "secret b"] });
  const seen = watch(made);
  await waitFor(() => seen.retries.length, "the failed attempt");
  const { message, cause } = seen.retries[0].failure;
  ok(message.includes("protocols[1] must be a unique token") && !message.includes("secret"), message);
  ok(!cause.message.includes("secret"), cause.message);
});

test("half-open where no ping was ever answered says what the server must answer", async () => {
  const plan = script("ws", [[["wait", 60_000]]]);
  const seen = watch(client(plan.url, { heartbeat: { interval: 200, timeout: 200 } }));
  await waitFor(() => seen.retries.length, "the retry");
  const { code, message } = seen.retries[0].failure;
  equal(code, "half-open", "code");
  ok(/the server answered no ping.*"pong".*heartbeat\.ping and isPong/.test(message), message);
});

test("half-open after answers, and of a stream, says no such thing", async () => {
  const plan = script("ws", [[["echo"]]]);
  const made = client(plan.url, { heartbeat: { interval: 1_000, timeout: 500 } });
  const seen = watch(made);
  await waitFor(() => made.stats().roundTrip !== null, "an answer");
  await fault("/fault/stall?ms=0");
  await waitFor(() => seen.retries.length, "the retry");
  await fault("/fault/clear");
  const stream = watch(
    client(
      script("sse", [
        [
          ["send", "data: a\n\n"],
          ["wait", 60_000],
        ],
      ]).url,
      { heartbeat: { interval: 200, timeout: 200 } },
    ),
  );
  await waitFor(() => stream.retries.length, "the stream's retry");
  for (const { code, message } of [seen.retries[0].failure, stream.retries[0].failure])
    equal([code, message.includes("ping")], ["half-open", false], message);
});

// Before the next one, as a sentence is told once a page.
test("messages of topics have no part in what resume names", async () => {
  const told = warnings();
  const chat = ["send", '{"topic":"a","type":"chat","seq":1}'];
  const made = duplex(script("ws", [[["send", '{"topic":"a","type":"joined"}'], chat, ["close", 1000, ""]], []]).url, {
    reconnect: quick,
    resume: { id: "none", seq: "none" },
  });
  after(() => made.close());
  const heard = [];
  made.subscribe("a").on("chat", (message) => heard.push(message));
  await waitFor(() => made.stats().opens === 2, "the second connection");
  equal([heard.length, told], [1, []], "told");
});

test("a key of resume that no message has is told at the first reconnect", async () => {
  const told = warnings();
  const message = '{"type":"a","eventId":1,"n":{"seq":1}}';
  const plan = script("ws", [
    [
      ["send", message],
      ["close", 1000, ""],
    ],
    [["send", message]],
  ]);
  const made = client(plan.url, { resume: { id: "id" } });
  await waitFor(() => made.stats().opens === 2, "the second connection");
  equal([told.length, told[0]?.includes("resume.id")], [1, true], told.join("\n"));
  const numbered = client(
    script("ws", [
      [
        ["send", message],
        ["close", 1000, ""],
      ],
      [],
    ]).url,
    {
      resume: { id: "eventId", seq: "seq" },
    },
  );
  await waitFor(() => numbered.stats().opens === 2, "the second connection");
  equal([told.length, told[1]?.includes("resume.seq")], [2, true], told.join("\n"));
  const right = client(
    script("ws", [
      [
        ["send", message],
        ["close", 1000, ""],
      ],
      [],
    ]).url,
    {
      resume: { id: "eventId", seq: "n.seq" },
    },
  );
  await waitFor(() => right.stats().opens === 2, "the second connection");
  equal(told.length, 2, told.join("\n"));
});

test("a failure of the app's functions says which, and whether it threw, was late, or gave what", async () => {
  const own = new Error("own");
  const fails = () => {
    throw own;
  };
  const never = () => new Promise(() => {});
  const good = () => sse("/ticker");
  for (const [endpoint, options, expected, cause] of [
    [fails, {}, "the endpoint function threw or rejected", own],
    [async () => fails(), {}, "the endpoint function threw or rejected", own],
    [good, { http: { headers: fails } }, "http.headers threw or rejected", own],
    [good, { http: { method: "POST", body: fails } }, "http.body threw or rejected", own],
    [good, { resume: { from: "1", request: fails } }, "resume.request threw or rejected", own],
    [() => ws("/echo"), { protocols: fails }, "protocols threw or rejected", own],
    [() => ws("/echo"), { handshake: fails }, "handshake threw or rejected", own],
    [ws("/echo"), { resume: { frame: fails } }, "resume.frame threw or rejected", own],
    [never, {}, "the endpoint function did not answer within openTimeout"],
    [good, { http: { headers: never } }, "http.headers did not answer within openTimeout"],
    [
      () => "ftp://user:secret@x/secret?token=secret",
      {},
      "the endpoint function gave ftp://x, which must have the scheme",
    ],
    [
      () => ws("/echo?token=secret"),
      { transport: "fetch" },
      `the endpoint function gave ${new URL(ws("/")).origin}, which is for a WebSocket`,
    ],
    [() => "ws://[secret", {}, "the endpoint function gave an address, which is no URL"],
    [() => 5, {}, "an endpoint must be, or give, a string"],
    [
      good,
      { http: { headers: () => ({ "no name": "secret" }) } },
      "fetch cannot take what http or resume.request gave",
    ],
  ]) {
    const seen = watch(client(endpoint, { openTimeout: 500, ...options }));
    await waitFor(() => seen.retries.length, expected);
    const { failure } = seen.retries[0];
    equal(failure.code, "provider", expected);
    ok(failure.message.startsWith(`everwire: ${expected}`), failure.message);
    ok(!`${failure.message} ${failure.cause?.message}`.includes("secret"), failure.message);
    if (cause) equal(failure.cause === cause, true, `${expected}: cause`);
    if (expected.includes("did not answer")) equal("cause" in failure, false, `${expected}: no cause`);
  }
});

test("a failure has its own cause, or none: never that of the one before it", async () => {
  let calls = 0;
  const made = client(
    () => {
      calls += 1;
      if (calls === 1) throw new Error("first");
      if (calls === 2) return new Promise(() => {});
      if (calls === 3) return script("sse", [[["reset"]]]).url;
      if (calls === 4) return new Promise(() => {});
      return script("sse", [[["status", 503]]]).url;
    },
    { openTimeout: 1_500, transport: "fetch" },
  );
  const seen = watch(made);
  await waitFor(() => seen.retries.length >= 5, "five failures", 30_000);
  equal(
    seen.retries.slice(0, 5).map(({ failure }) => [failure.code, failure.cause?.name]),
    [
      ["provider", "Error"],
      ["provider", undefined],
      ["network", "TypeError"],
      ["provider", undefined],
      ["http", undefined],
    ],
    "causes",
  );
});

test("lastFailure stays as it was when the app closes", async () => {
  const made = client(() => {
    throw new Error("own");
  });
  const seen = watch(made);
  await waitFor(() => seen.retries.length, "the retry");
  const { failure } = seen.retries[0];
  made.close();
  equal(made.lastFailure === failure, true, "the same");
});

test("the server's reason for a close stands in the failure's sentence", async () => {
  const seen = watch(client(script("ws", [[["close", 4403, "no seat left"]]]).url));
  await waitFor(() => seen.closed, "the end");
  ok(seen.closed.error.message.includes("with code 4403: no seat left; see "), seen.closed.error.message);
});

test("a fatal close that nobody listens to is reported once", async () => {
  const plan = () =>
    script("ws", [
      [
        ["send", "a"],
        ["close", 4403, "why"],
      ],
    ]).url;
  const silent = client(plan());
  await waitFor(() => silent.state === "closed", "the end");
  const [error, ...others] = takeReports();
  equal([error?.name, error?.code, error?.closeCode, others.length], ["EverwireError", "closed", 4403, 0], "reported");
  equal(error === silent.lastFailure, true, "the failure itself");

  const used = client(script("ws", [[["status", 503]]]).url, { reconnect: { ...quick, maxAttempts: 1 } });
  await waitFor(() => used.state === "closed", "the end of the second");
  equal(
    takeReports().map(({ code }) => code),
    ["network"],
    "reported: attempts used up",
  );

  // Told by other means.
  const listening = client(plan());
  listening.addEventListener("close", () => {});
  await waitFor(() => listening.state === "closed", "the listener's");
  const looping = client(plan());
  await rejection(
    (async () => {
      for await (const _ of looping);
    })(),
    "the loop",
  );
  await rejection(client(script("sse", [[["status", 403]]]).url).opened(), "opened()");
  // No failure.
  for (const end of [(made) => made.close(), undefined]) {
    const made = client(end ? ws("/echo") : script("ws", [[["close", 1000, ""]]]).url, { reconnect: !!end });
    if (end) await made.opened();
    end?.(made);
    await waitFor(() => made.state === "closed", "an end in good order");
  }
  const abort = new AbortController();
  client(ws("/echo"), { signal: abort.signal });
  abort.abort();
  await echoBarrier();
  equal(takeReports(), [], "nothing else");
});

test("reconnect() on a closed client is a typed error", async () => {
  const made = client(ws("/echo"));
  made.close();
  const error = thrown(() => made.reconnect(), "reconnect()");
  equal([error instanceof EverwireError, error.code], [true, "closed"], "error");
});

test("a client shows its state, transport, attempt and address, without its query", async () => {
  const made = client(`${ws("/echo")}?token=secret`);
  const shown = () => Object.getOwnPropertySymbols(made).map((symbol) => made[symbol]);
  const expected = (state) => ({ state, transport: "websocket", attempt: 0, url: ws("/echo") });
  equal(JSON.parse(JSON.stringify(made)), expected("connecting"), "before it opens");
  await made.opened();
  equal(JSON.parse(JSON.stringify(made)), expected("open"), "open");
  ok(shown().includes(JSON.stringify(made)), "in a console");
  equal(made[Symbol.for("nodejs.util.inspect.custom")](), expected("open"), "in Node");
  made.close();
  equal(JSON.parse(JSON.stringify(made)), expected("closed"), "closed");
  ok(shown().includes(JSON.stringify(made)), "in a console, closed");
});

test("an app's tests make failures and events of their own", async () => {
  const failure = new Failure("closed", { class: "fatal", closeCode: 4403, closeReason: "why", cause: 5 });
  equal(
    [
      failure instanceof EverwireError,
      failure.code,
      failure.class,
      failure.closeCode,
      failure.closeReason,
      failure.cause,
    ],
    [true, "closed", "fatal", 4403, "why", 5],
    "Failure",
  );
  const plain = new Failure("half-open");
  equal(
    [plain.class, plain.closeCode, plain.closeReason, plain.status, plain.contentType, plain.body, "cause" in plain],
    ["retriable", 0, "", 0, "", "", false],
    "its defaults",
  );
  ok(plain.message.length > 20, plain.message);
  const { message } = new Failure("http", { status: 503, message: "words" });
  ok(/^everwire: words with status 503; see \S*docs\/guide\/errors\.md#http$/.test(message), message);
  const retry = new RetryEvent("retry", { attempt: 2, delay: 5, retryAt: 7, failure });
  equal(
    [retry.type, retry.attempt, retry.delay, retry.retryAt, retry.failure === failure],
    ["retry", 2, 5, 7, true],
    "retry",
  );
  const gap = new GapEvent("gap", { outcome: "gap", after: "3", before: "9", missing: { from: 4, to: 8 } });
  equal(
    [gap.type, gap.outcome, gap.after, gap.before, gap.missing],
    ["gap", "gap", "3", "9", { from: 4, to: 8 }],
    "gap",
  );
  const closed = new ClosedEvent("close", { reason: "fatal", code: 4403, error: failure });
  equal(
    [closed.type, closed.reason, closed.code, closed.wasClean, closed.error === failure],
    ["close", "fatal", 4403, false, true],
    "close",
  );
  equal([new GapEvent("gap").outcome, new ClosedEvent("close").reason], ["unknown", "app"], "defaults");
  const target = new EventTarget();
  let heard;
  target.addEventListener("retry", (event) => {
    heard = event;
  });
  target.dispatchEvent(retry);
  equal(heard === retry && heard instanceof Event, true, "dispatched");
});

test("send: confirm and ack exclude one another", async () => {
  const made = client(ws("/echo"), { heartbeat: true, outbox: { ack: true } });
  await made.opened();
  const error = await rejection(made.send({ a: 1 }, { confirm: "pong", ack: true }), "both");
  equal(
    [error.code, error.message.includes("send.ack excludes send.confirm")],
    ["invalid-option", true],
    error.message,
  );
  equal(
    (await made.send({ type: "b" }, { confirm: "pong" })).status,
    "sent",
    "confirm alone, where acks are the default",
  );
});

test("a function that must answer at once and gives a promise is told once by name, and counts as silent", async () => {
  takeReports();
  const later = async () => true;
  const typed = '{"type":"a","id":1,"topic":"x"}';
  const plan = () => script("ws", [[["send", typed], ["send", typed], ["echo"]]]).url;
  for (const [name, options] of /** @type {[string, object][]} */ ([
    ["until", { until: later }],
    ["heartbeat.isPong", { heartbeat: { isPong: later } }],
    ["resume.id", { resume: { id: later } }],
    ["resume.seq", { resume: { seq: later } }],
    ["outbox.ack.match", { outbox: { ack: { match: later } } }],
    ["outbox.ack.refused", { outbox: { ack: { refused: later } } }],
    ["rate.slow", { rate: { messages: 9, per: 1_000, slow: later } }],
  ])) {
    const made = (name.startsWith("rate") ? duplex : connect)(plan(), { reconnect: quick, ...options });
    after(() => made.close());
    const seen = watch(made);
    await waitFor(() => seen.messages.length === 2, `the messages, with ${name}`);
    equal([made.state, made.stats().opens], ["open", 1], name);
    equal(
      takeReports().map(({ code, message }) => [code, message.split("; see ")[0]]),
      [["invalid-option", `everwire: ${name} must not be async`]],
      name,
    );
  }
  const made = client(script("ws", [[["close", 4403, ""]], []]).url, { shouldReconnect: later });
  const seen = watch(made);
  await waitFor(() => seen.closed, "the close, by the table");
  ok(takeReports()[0].message.includes("shouldReconnect must not be async"), "shouldReconnect");
  const encoding = client(ws("/echo"), { codec: { decode: String, encode: later } });
  equal((await rejection(encoding.send({ a: 1 }), "codec.encode")).code, "encode", "codec.encode");
  const naming = client(ws("/echo"), { outbox: { ack: { id: later } } });
  equal((await rejection(naming.send({ a: 1 }), "outbox.ack.id")).code, "encode", "outbox.ack.id");
  equal(
    takeReports().map(({ message }) => message.split("; see ")[0]),
    ["everwire: outbox.ack.id must not be async"],
    "told",
  );
});

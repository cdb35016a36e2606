// Tokens: `everwire/auth`, in the four places, with expiry.
import { held } from "../spies.js";
import { connect } from "/pkg/duplex.js";
import { forget, tokens } from "/pkg/auth.js";
import { client, watch } from "../client.js";
import { after, engine, equal, ok, takeReports, test, thrown, waitFor } from "../harness.js";
import { script, sse, unique, ws } from "../server.js";

const hour = 3_600_000;
const soon = () => Date.now() + hour;

/** Tokens t1, t2, …, and why each was asked for. */
function counted(expiresAt = soon, options = undefined) {
  const reasons = [];
  const auth = tokens(async ({ reason }) => ({ token: `t${reasons.push(reason)}`, expiresAt: expiresAt() }), options);
  return { auth, reasons };
}
const log = (plan, of) => plan.log().then((attempts) => attempts.map(of));
const inQuery = ({ query }) => query.access_token;
const stay = [["send", "in"]];

test("in the query, of each kind of endpoint", async () => {
  const { auth, reasons } = counted();
  const plan = script("ws", [[]]);
  const given = [
    [plan.url],
    [new URL(plan.url), "t"],
    [{ websocket: plan.url }],
    [async ({ reason }) => `${plan.url}&why=${reason}`],
    [`${plan.url}&access_token=old`],
  ];
  for (const how of given) await client(auth.query(...how)).opened();
  const queries = await log(plan, ({ query: { access_token, t, why } }) => [access_token, t, why]);
  equal(
    queries,
    [["t1"], ["", "t1"], ["t1"], ["t1", "", "initial"], ["t1"]].map(([a, b, c]) => [a || null, b || null, c || null]),
    "queries",
  );
  equal(reasons, ["initial"], "asked once for all");
});

test("in the header of a fetch", async () => {
  const { auth } = counted();
  const plan = script("sse", [[["send", "data: in\n\n"]]]);
  await client(plan.url, { http: { headers: auth.header() } }).opened();
  equal(await log(plan, ({ headers }) => headers.authorization), ["Bearer t1"], "headers");
});

test("as a subprotocol", async () => {
  const { auth } = counted();
  const plan = script("ws", [[]]);
  const made = client(plan.url, { protocols: auth.protocol("bearer.", "app.v1") });
  await made.opened();
  equal(
    [await log(plan, ({ protocols }) => protocols), made.protocol],
    [[["app.v1", "bearer.t1"]], "app.v1"],
    "protocols",
  );
});

test("in the first frame, and in any form", async () => {
  const { auth } = counted();
  for (const [handshake, frame] of [
    [auth.frame(), '{"type":"auth","token":"t1"}'],
    [auth.frame((token) => `login ${token}`), "login t1"],
    [
      auth.put(async (token, { send, receive }) => {
        send(token);
        await receive();
      }),
      "t1",
    ],
  ]) {
    const plan = script("ws", [[["echo"]]]);
    const made = client(plan.url, { handshake });
    const sent = made.send("first message");
    await sent;
    await waitFor(async () => (await plan.log())[0].received.length === 2, "two frames");
    equal(await log(plan, ({ received }) => received), [[frame, "first message"]], "frames");
  }
});

test("one question for clients that ask at the same time", async () => {
  let asked = 0,
    answer;
  const auth = tokens(() => {
    asked++;
    return new Promise((resolve) => {
      answer = resolve;
    });
  });
  const plan = script("ws", [[]]);
  const clients = [1, 2, 3].map(() => client(auth.query(plan.url)));
  await waitFor(() => answer, "the question");
  answer("plain");
  await Promise.all(clients.map((made) => made.opened()));
  equal([asked, await log(plan, inQuery)], [1, ["plain", "plain", "plain"]], "tokens");
});

for (const [what, expiresAt, options, expected] of /** @type {any[][]} */ ([
  ["far from its end is used again", soon, undefined, ["t1", "t1"]],
  ["without an end is used until it is refused", () => undefined, undefined, ["t1", "t1"]],
  ["over: by a Date", () => new Date(Date.now() - 1), undefined, ["t1", "t2"]],
  ["in seconds, as a JWT has it", () => Math.floor(soon() / 1000), undefined, ["t1", "t1"]],
  ["in seconds, and over", () => Math.floor(Date.now() / 1000) - 1, undefined, ["t1", "t2"]],
])) {
  test(`a token ${what}`, async () => {
    const { auth, reasons } = counted(expiresAt, options);
    const plan = script("ws", [stay]);
    const made = client(auth.query(plan.url));
    await made.opened();
    made.reconnect();
    await waitFor(() => made.stats().opens === 2, "the second connection");
    equal([await log(plan, inQuery), reasons.length], [expected, new Set(expected).size], "tokens");
  });
}

for (const [what, life, options, kept, gone] of /** @type {[string, number, any, number, number][]} */ ([
  ["by default a minute before", hour, undefined, hour - 61_000, hour - 59_000],
  ["refreshAhead before", hour, { refreshAhead: 1_000_000 }, hour - 1_001_000, hour - 999_000],
  ["after half of its life at the latest", 10_000, { refreshAhead: hour }, 4_000, 6_000],
  ["at its end", hour, { refreshAhead: 0 }, hour - 1_000, hour + 1_000],
])) {
  test(`a token is replaced ${what}`, async () => {
    const { now } = Date;
    let passed = 0;
    after(() => {
      Date.now = now;
    });
    Date.now = () => now() + passed;
    const { auth, reasons } = counted(() => Date.now() + life, options);
    const plan = script("ws", [stay]);
    const made = client(auth.query(plan.url), { pageLifecycle: false });
    await made.opened();
    for (passed of [kept, gone]) {
      const { opens } = made.stats();
      made.reconnect();
      await waitFor(() => made.stats().opens === opens + 1, "the next connection");
    }
    equal(
      [await log(plan, inQuery), reasons],
      [
        ["t1", "t1", "t2"],
        ["initial", "reconnect"],
      ],
      "tokens",
    );
  });
}

for (const [kind, refusal, end] of [
  ["ws", [["close", 4401, ""]], 4401],
  ["ws", [["close", 4001, ""]], 4001],
  ["sse", [["status", 401]], 401],
]) {
  const of = (auth, plan) =>
    kind === "ws" ? client(auth.query(plan.url)) : client(plan.url, { http: { headers: auth.header() } });
  const token = ({ query, headers }) => query.access_token ?? headers.authorization.slice(7);

  test(`${end}: asked once more, with the reason unauthorized`, async () => {
    const { auth, reasons } = counted();
    const plan = script(kind, [refusal, [["send", "data: in\n\n"]]]);
    const made = of(auth, plan);
    const seen = watch(made);
    await waitFor(() => seen.messages.length, "a message");
    equal(
      [await log(plan, token), reasons],
      [
        ["t1", "t2"],
        ["initial", "unauthorized"],
      ],
      "tokens",
    );
  });

  test(`${end} again: fatal`, async () => {
    const { auth, reasons } = counted();
    const plan = script(kind, [refusal]);
    const seen = watch(of(auth, plan));
    await waitFor(() => seen.closed, "the end");
    equal(
      [await log(plan, token), reasons, seen.closed.reason],
      [["t1", "t2"], ["initial", "unauthorized"], "fatal"],
      "tokens",
    );
  });
}

const expired = { close: (code, reason = "") => [["close", code, reason]], status: (code) => [["status", code]] };
/** @type {[string, any[], (failure: any) => boolean][]} */
const refusals = [
  ["ws", expired.close(3000), ({ closeCode }) => closeCode === 3000],
  ["ws", expired.close(1008), ({ closeCode }) => closeCode === 1008],
  ["ws", expired.close(4403), ({ closeCode }) => closeCode === 4403],
  ["ws", expired.close(1000, "token expired"), ({ closeReason }) => closeReason === "token expired"],
  ["sse", expired.status(403), ({ status }) => status === 403],
];
for (const [kind, refusal, isExpired] of refusals) {
  const [[, code]] = refusal;
  const connected = (auth, plan, shouldReconnect) =>
    kind === "ws"
      ? client(plan.url, { protocols: auth.protocol("bearer.", "app.v1"), shouldReconnect })
      : client(plan.url, { http: { headers: auth.header() }, shouldReconnect });
  const token = ({ protocols, headers }) => (kind === "ws" ? protocols[1] : headers.authorization).slice(7);
  const rule = (failure) => (isExpired(failure) ? "unauthorized" : undefined);

  test(`${code}, which the app calls unauthorized: the token is dropped, and another one asked for`, async () => {
    const { auth, reasons } = counted();
    const plan = script(kind, [refusal, [["send", "data: in\n\n"]]]);
    const seen = watch(connected(auth, plan, rule));
    await waitFor(() => seen.messages.length, "a message");
    equal(
      [await log(plan, token), reasons],
      [
        ["t1", "t2"],
        ["initial", "unauthorized"],
      ],
      "tokens",
    );
  });

  test(`${code}, which the app calls unauthorized, again: fatal`, async () => {
    const { auth, reasons } = counted();
    const plan = script(kind, [refusal]);
    const seen = watch(connected(auth, plan, rule));
    await waitFor(() => seen.closed, "the end");
    equal(
      [await log(plan, token), reasons, seen.closed.reason],
      [["t1", "t2"], ["initial", "unauthorized"], "fatal"],
      "tokens",
    );
  });
}

test("a token that one client has replaced is not thrown away by the other", async () => {
  const { auth, reasons } = counted();
  const plans = [1, 2].map(() => script("ws", [[["ping-close", 4401]], [["echo"]]]));
  const [first, second] = plans.map((plan) => client(auth.query(plan.url)));
  await Promise.all([first.opened(), second.opened()]);
  first.send("go");
  await waitFor(() => first.stats().opens === 2, "the first with a new one");
  second.send("go");
  await waitFor(() => second.stats().opens === 2, "the second with the same");
  equal(
    [reasons, ...(await Promise.all(plans.map((plan) => log(plan, inQuery))))],
    [
      ["initial", "unauthorized"],
      ["t1", "t2"],
      ["t1", "t2"],
    ],
    "tokens",
  );
});

test("a function that fails is a failed attempt, with its error, and asked again", async () => {
  let asked = 0;
  const auth = tokens(() => {
    if (++asked === 1) throw new Error("no luck");
    return `t${asked}`;
  });
  const plan = script("ws", [[]]);
  const made = client(auth.query(plan.url));
  const seen = watch(made);
  await made.opened();
  equal(
    [seen.retries.map(({ failure }) => [failure.code, failure.cause.message]), await log(plan, inQuery)],
    [[["provider", "no luck"]], ["t2"]],
    "retries",
  );
});

test("after a refusal it is asked with unauthorized until it answers, and not again when the attempt fails of something else", async () => {
  const reasons = [];
  const auth = tokens(({ reason }) => {
    if (reasons.push(reason) === 2) throw new Error("no luck");
    return `t${reasons.length}`;
  });
  const plan = script("ws", [[["close", 4401, ""]], [["status", 503]], [["status", 503]], stay]);
  const made = client(auth.query(plan.url));
  const seen = watch(made);
  await waitFor(() => seen.messages.length, "a message");
  equal(
    [reasons, await log(plan, inQuery)],
    [
      ["initial", "unauthorized", "unauthorized"],
      ["t1", "t3", "t3", "t3"],
    ],
    "tokens",
  );
});

test("an old token that is still good does where the function fails", async () => {
  let asked = 0;
  const auth = tokens(
    () => {
      if (++asked > 1) throw new Error("no luck");
      return { token: "t1", expiresAt: Date.now() + 60_000 };
    },
    { refreshAhead: hour },
  );
  const plan = script("ws", [stay]);
  const made = client(auth.query(plan.url));
  const seen = watch(made);
  await made.opened();
  const now = Date.now;
  after(() => {
    Date.now = now;
  });
  Date.now = () => now() + 31_000;
  made.reconnect();
  await waitFor(() => made.stats().opens === 2, "the second connection");
  made.reconnect();
  await waitFor(() => made.stats().opens === 3, "the third, without a new question");
  Date.now = () => now() + 61_000;
  made.reconnect();
  await waitFor(() => seen.retries.length, "a failed attempt");
  Date.now = now;
  equal(
    [asked, await log(plan, inQuery), seen.retries[0].failure.cause.message],
    [3, ["t1", "t1", "t1"], "no luck"],
    "asked",
  );
});

test("closing calls the question off, unless another client waits", async () => {
  const signals = [];
  let answer;
  const auth = tokens(({ signal }) => {
    signals.push(signal);
    return new Promise((resolve) => {
      answer = resolve;
    });
  });
  const plan = script("ws", [[]]);
  const [first, second] = [client(auth.query(plan.url)), client(auth.query(plan.url))];
  await waitFor(() => answer, "the question");
  first.close();
  equal(signals[0].aborted, false, "one still waits");
  second.close();
  equal(signals[0].aborted, true, "nobody does");
  const third = client(auth.query(plan.url));
  await waitFor(() => signals.length === 2, "a new question");
  answer("late");
  await third.opened();
  equal(await log(plan, inQuery), ["late"], "tokens");
});

test(
  "keepFresh: replaced while the connection is open, which is told; nothing is left after the end",
  async () => {
    const before = held();
    const { auth, reasons } = counted(() => Date.now() + 2_000);
    const plan = script("ws", [[["mute"]]]);
    const made = client(auth.query(plan.url));
    const fresh = [];
    const idle = client(ws("/echo"));
    auth.keepFresh(idle);
    const end = auth.keepFresh(made, (token) => {
      made.send(token);
      if (fresh.push(token) === 1) throw new Error("the app's");
      end();
      idle.close();
    });
    await waitFor(() => fresh.length === 2, "two new tokens");
    equal(
      [fresh, reasons],
      [
        ["t2", "t3"],
        ["initial", "refresh", "refresh"],
      ],
      "tokens",
    );
    equal(
      takeReports().map((error) => error.message),
      ["the app's"],
      "a handler that throws",
    );
    await waitFor(async () => (await plan.log())[0].received.length === 2, "both at the server");
    made.close();
    equal(auth.keepFresh(made)(), undefined, "of a closed client there is nothing to keep");
    await waitFor(
      () => held().timers <= before.timers,
      () => `timers ${held().timers}`,
    );
    equal(
      held().listeners.filter((key) => !before.listeners.includes(key)),
      [],
      "listeners",
    );
  },
  { seconds: 20 },
);

test(
  "keepFresh: one that fails is tried again, and is no failed attempt",
  async () => {
    let asked = 0;
    const auth = tokens(() => {
      if (++asked === 2) throw new Error("no luck");
      return { token: `t${asked}`, expiresAt: Date.now() + (asked === 1 ? 6_000 : hour) };
    });
    const made = client(auth.query(script("ws", [[]]).url));
    const seen = watch(made);
    let fresh;
    auth.keepFresh(made, (token) => {
      fresh = token;
    });
    await waitFor(() => fresh, "the new token", 12_000);
    equal([fresh, seen.events], ["t3", ["statechange", "open"]], "and nothing else");
  },
  { seconds: 20 },
);

test("keepFresh asks for nothing while a token has no end, or has ended on arrival", async () => {
  for (const expiresAt of /** @type {any[]} */ ([() => undefined, () => Date.now() - hour])) {
    const before = held().timers;
    const { auth, reasons } = counted(expiresAt);
    const made = client(auth.query(ws("/echo")), { pageLifecycle: false });
    await made.opened();
    const timers = held().timers;
    auth.keepFresh(made);
    equal([held().timers, reasons.length], [timers, 1], "timers");
    made.close();
    await waitFor(() => held().timers <= before, "the client's own");
  }
});

test("what the token function gives must be a token", async () => {
  for (const [given, says] of [
    ["", "token"],
    [undefined, "token"],
    [null, "token"],
    [{ token: 5 }, "token"],
    [{ access_token: "x" }, "token"],
    [{ token: "secret", expiresAt: "2030-01-01" }, "expiresAt"],
    [{ token: "secret", expiresAt: NaN }, "expiresAt"],
    [{ token: "secret", expiresAt: new Date("no") }, "expiresAt"],
  ]) {
    const made = client(tokens(() => given).query(ws("/echo")));
    const seen = watch(made);
    await waitFor(() => seen.retries.length, "a failed attempt");
    const { code, cause } = seen.retries[0].failure;
    equal(
      [code, cause.code, cause.message.includes(says), cause.message.includes("secret")],
      ["provider", "invalid-option", true, false],
      cause.message,
    );
    made.close();
  }
});

test("what cannot be is said at once, by name", async () => {
  const auth = tokens(() => "t");
  for (const [name, make] of /** @type {[string, () => any][]} */ ([
    ["tokens", () => tokens("t")],
    ["tokens", () => tokens(() => "t", 5)],
    ["tokens.refreshAhead", () => tokens(() => "t", { refreshAhead: -1 })],
    ["tokens.refreshAhead", () => tokens(() => "t", { refreshAhead: "1m" })],
    ["tokens.ahead", () => tokens(() => "t", { ahead: 1 })],
    ["query", () => auth.query()],
    ["query", () => auth.query(null)],
    ["query", () => auth.query("/live", "")],
    ["query", () => auth.query("/live", 5)],
    ["protocol", () => auth.protocol("not a token ")],
    ["protocol", () => auth.protocol("bearer.", "a", "a")],
    ["frame", () => auth.frame({ type: "auth" })],
    ["put", () => auth.put("query")],
    ["keepFresh", () => auth.keepFresh()],
    ["keepFresh", () => auth.keepFresh(new EventTarget(), "refresh")],
  ])) {
    const error = thrown(make, name);
    equal([error.code, error.message.includes(name)], ["invalid-option", true], error.message);
  }
});

/** Whatever can be reached from it, as text. But for the URL, which is documented to hold what the endpoint holds. */
function text(value, seen = new Set()) {
  if (typeof value === "string") return value;
  if (value === null || typeof value !== "object" || seen.has(value)) return "";
  seen.add(value);
  const keys = new Set();
  for (let of = value; of && of !== Object.prototype; of = Object.getPrototypeOf(of))
    for (const key of Object.getOwnPropertyNames(of)) keys.add(key);
  return [...keys]
    .map((key) => {
      if (key === "url" || value[key] === window) return "";
      return `${key} ${text(value[key], seen)}`;
    })
    .join("\n");
}

test(
  "no token is in an error, an event, a log, or in what a client shows but for its URL",
  async () => {
    const secret = "s3cr3t+/=",
      word = "s3cr3t";
    const logged = [];
    for (const name of ["log", "info", "warn", "error", "debug"]) {
      const own = console[name];
      after(() => {
        console[name] = own;
      });
      console[name] = (...given) => logged.push(text(given));
    }
    const auth = tokens(() => ({ token: secret, expiresAt: soon() }));
    const endings = [[["status", 503]], [["close", 4401, "no"]], [["close", 1008, "no"]], [["reset"]]];
    const wires = [];
    for (const ending of endings) {
      const { url } = script("ws", [ending]);
      wires.push(
        client(auth.query(url), { reconnect: { initialDelay: 0, jitter: "none", maxAttempts: 2 } }),
        client(url, { handshake: auth.frame() }),
        client(url, { protocols: auth.protocol() }),
      );
    }
    for (const [status, type] of [
      [401, "text/plain"],
      [403, "text/plain"],
      [503, "text/plain"],
      [200, "text/html"],
    ]) {
      const { url } = script("sse", [[["status", status, type]]]);
      wires.push(
        client(url, { http: { headers: auth.header() } }),
        client(auth.query(url)),
        client(auth.query(url), { transport: "eventsource" }),
      );
    }
    // Refused by the browser: a blocked port, what no header and no subprotocol can carry.
    wires.push(
      client(auth.query("ws://127.0.0.1:25/"), { openTimeout: 500 }),
      client(auth.query("http://127.0.0.1:25/")),
      client(auth.query("http://[")),
      client(auth.query(sse("/count").replace("//", "//user:word@"))),
    );
    wires.push(
      client(sse("/count"), { http: { headers: auth.put((token) => ({ "x y": token })) } }),
      client(ws("/echo"), { protocols: auth.put((token) => `a b ${token}`) }),
    );
    const seen = wires.map(watch);
    await waitFor(
      () => seen.every(({ closed, retries }) => closed || retries.length),
      () => `each to fail: ${wires.map(({ state }) => state)}`,
    );
    for (const wire of wires) wire.close();
    const shown = wires.map((wire, at) =>
      [
        text(wire),
        text(wire.stats()),
        text(wire.lastFailure),
        ...seen[at].retries.map((event) => text(event)),
        text(seen[at].closed),
      ].join("\n"),
    );
    for (const [at, all] of shown.entries()) {
      const found = all.split("\n").filter((line) => line.includes(word));
      equal(found, [], `client ${at} in ${engine}`);
      ok(/the |browser|server|function/.test(all), "it did look");
    }
    equal(
      logged.filter((line) => line.includes(word)),
      [],
      "console",
    );
  },
  { seconds: 30 },
);

test("forget: nothing of a user stays, and all of the others' does", async () => {
  const { auth, reasons } = counted();
  const [ann, bob] = [unique(), unique()];
  const stand = (key) => ({ id: "id", storage: true, key });
  const outbox = (key) => ({ ack: { match: ({ data }) => data.ack }, persist: { key } });
  const left = (key) =>
    [sessionStorage, localStorage].flatMap((storage) => Object.keys(storage).filter((name) => name.includes(key)));
  for (const key of [ann, `${ann} x`, bob]) {
    const plan = script("ws", [[["send", '{"id":"1"}']]]);
    const made = connect(auth.query(plan.url), { resume: stand(key), outbox: outbox(key) });
    after(() => made.close());
    made.on(() => {});
    await waitFor(() => made.lastEventId === "1", "a message");
    made.close();
    localStorage.setItem(`everwire-outbox ${key.replace(" ", "%20")}\ntab\n1`, "{}");
  }
  forget(ann);
  equal([left(ann).length, left(bob).length], [2, 2], "left, of another key that begins so, and of another user");
  ok(
    left(ann).every((name) => name.includes("%20x")),
    "the other key's",
  );
  auth.forget();
  await client(auth.query(script("ws", [[]]).url)).opened();
  equal(reasons, ["initial", "initial"], "asked again");
  const values = new Map([[`everwire-outbox ${ann}\ntab\n1`, "{}"]]);
  const own = {
    get length() {
      return values.size;
    },
    key: (at) => [...values.keys()][at],
    getItem: (name) => values.get(name),
    setItem() {},
    removeItem: (name) => values.delete(name),
  };
  forget(ann, own);
  equal(values.size, 0, "in a storage of the app's");
  forget(`${ann} x`);
  forget(bob);
  for (const wrong of [() => forget(5), () => forget("a", {})])
    equal(thrown(wrong).code, "invalid-option", "what it takes");
});

test("forget: a token that is still being asked for is sent to nobody, whatever comes of the question", async () => {
  let answer;
  const auth = tokens(
    () =>
      new Promise((resolve) => {
        answer = resolve;
      }),
  );
  const plan = script("sse", [[["send", "data: a\n\n"]]]);
  const made = client(plan.url, { http: { headers: auth.header() } });
  await waitFor(() => answer, "the question");
  const late = answer;
  answer = undefined;
  auth.forget();
  late("OLD");
  await waitFor(() => answer, "the next question");
  answer("NEW");
  await made.opened();
  equal(await log(plan, ({ headers }) => headers.authorization), ["Bearer NEW"], "what the server got");
});

// A marked secret goes in through every address, header and option, and through every failure; nothing that comes out holds it:
// no message, cause or stack, no event, no statistic, nothing in the console, no unhandled error.
import * as duplex from "/pkg/duplex.js";
import { tokens } from "/pkg/auth.js";
import { EventSource } from "/pkg/eventsource.js";
import { mercure, nchan } from "/pkg/presets.js";
import { WebSocket } from "/pkg/websocket.js";
import { client, quick } from "../client.js";
import { after, equal, ok, takeReports, test, waitFor } from "../harness.js";
import { page, script, sse, ws } from "../server.js";

const SECRET = "S3CR3T";
const query = `token=${SECRET}`;
const headers = { authorization: `Bearer ${SECRET}` };
const BAD_VALUE = { authorization: `${SECRET}\n${SECRET}` },
  BAD_NAME = { [`${SECRET} x`]: "1" };
/** No header's characters are beyond a byte: engines name the value, or where in it. */
const WIDE = { authorization: `${SECRET} \u20ac` };
/** Nobody listens there. */
const DEAD = "http://localhost:1023/";
const WITH_PASSWORD = `http://user:${SECRET}@localhost/`;
/** What the server gave, and what the app asked for by its name: README, "Messages, events, states". */
const OWN =
  /^(url|protocol|body|reply|data|lastEventId|after|before|topic|raw|target|currentTarget|srcElement|source|view)$/;

/** Everything that can be seen of a value, and in it: own and inherited, also what no loop shows. */
function texts(value, seen = new Set()) {
  if (typeof value === "string") return [value];
  if (typeof value === "function" || value === null || typeof value !== "object" || seen.has(value)) return [];
  seen.add(value);
  const found = [];
  for (let at = value; at && at !== Object.prototype && at !== EventTarget.prototype; at = Object.getPrototypeOf(at))
    for (const name of Reflect.ownKeys(at)) {
      found.push(String(name));
      if (OWN.test(String(name)) || name === "__proto__") continue;
      try {
        found.push(...texts(value[name], seen));
      } catch {}
    }
  try {
    found.push(String(value), JSON.stringify(value, (key, part) => (OWN.test(key) ? undefined : part)) ?? "");
  } catch {}
  return found;
}

/** Collects what comes out while a test runs. */
function collect() {
  const out = [];
  const note = (what, value) => {
    for (const text of texts(value)) out.push([what, text]);
    if (!(value instanceof Error)) return;
    // What another window gets.
    try {
      for (const text of texts(structuredClone(value))) out.push([`${what}, cloned`, text]);
    } catch {}
  };
  for (const name of ["log", "warn", "error", "info", "debug"]) {
    const original = console[name];
    console[name] = (...given) => note("console", given);
    after(() => {
      console[name] = original;
    });
  }
  /** What `make` gives, or nothing where it throws. */
  const made = (what, make) => {
    try {
      return make();
    } catch (error) {
      note(what, error);
    }
  };
  return {
    note,
    made,
    /** What a client says, until its end is known. */
    async follow(what, make, until = (client, told) => client.state === "open" || told > 0) {
      const client = made(what, make);
      let told = 0;
      if (!client) return undefined;
      note(what, [JSON.stringify(client), `${Object.keys(sessionStorage)}`]);
      for (const type of ["statechange", "open", "retry", "gap", "close"])
        client.addEventListener(type, (event) => {
          if (/retry|close/.test(type)) told++;
          note(what, event);
          note(what, event.failure ?? event.error);
        });
      client.opened?.().catch((error) => note(what, error));
      await waitFor(
        () => until(client, told),
        () => `${what}: something to come of it, is ${client.state}`,
      );
      note(what, client.lastFailure);
      note(what, client.stats());
      note(what, client.toJSON());
      note(what, JSON.stringify(client));
      client.close();
      note(what, client);
      return client;
    },
    check(least) {
      for (const error of takeReports()) note("report", error);
      ok(out.length > least, `${out.length} texts`);
      equal(
        out.filter(([, text]) => text.includes(SECRET)).map(([what, text]) => `${what}: ${text}`),
        [],
        "texts with the secret",
      );
    },
  };
}

const both = (connect) => (endpoint, options) => () => {
  const made = connect(endpoint, { reconnect: quick, openTimeout: 2_000, ...options });
  after(() => made.close());
  return made;
};
const main = both(client),
  two = both(duplex.connect);
/** As an app has one that only looks on. */
const passing = (url, init) => fetch(url, init);

test("addresses, headers, bodies and protocols of a connection", async () => {
  const { follow, check } = collect();
  const resume = { from: SECRET },
    post = { method: "POST", headers, body: SECRET };
  for (const fetch of [undefined, passing])
    for (const [endpoint, options = {}] of /** @type {[any, any?][]} */ ([
      [WITH_PASSWORD],
      [() => WITH_PASSWORD],
      [() => `wss://user:${SECRET}@localhost/`],
      [`nothing://${SECRET}`],
      [() => `nothing://x/?${query}`],
      [() => `http://[${SECRET}`],
      [() => `${SECRET}://[`],
      [() => ({ sse: `http://[${SECRET}` })],
      [() => ({ [SECRET]: SECRET })],
      [`http://localhost:6000/?${query}`, { http: { headers } }],
      [`ws://localhost:6000/?${query}`, { protocols: [SECRET] }],
      [`${DEAD}?${query}`, { http: post, resume }],
      [`${DEAD}?${query}`, { transport: "eventsource", resume }],
      [`ws://localhost:1023/?${query}`, { protocols: [SECRET], resume }],
      [sse(`/answer?status=403&${query}`), { http: { headers }, resume }],
      [sse(`/answer?status=500&${query}`), { http: post, resume }],
      [sse(`/answer?status=200&type=text/html&${query}`), { http: { headers } }],
      [`${page}/redirect?${new URLSearchParams({ to: WITH_PASSWORD })}`, { http: { headers } }],
      [`${page}/redirect?${new URLSearchParams({ to: `${DEAD}?${query}` })}`, { http: { headers } }],
      [() => sse("/ticker"), { http: { headers: () => BAD_VALUE } }],
      [() => sse("/ticker"), { http: { headers: () => BAD_NAME } }],
      [() => sse("/ticker"), { http: { method: "POST", body: () => ({ token: SECRET }) } }],
      [() => ws("/echo"), { protocols: () => [`${SECRET} x`] }],
      [ws("/echo"), { protocols: [`${SECRET} x`] }],
      [ws("/echo"), { protocols: [SECRET] }],
      [() => ws("/echo"), { protocols: () => [SECRET, SECRET] }],
      [() => ws("/echo"), { protocols: () => [`${SECRET}\u20ac`] }],
      // URL parsers skip blanks, what looks for the query may not.
      [`${sse("/ticker")}?token=\n${SECRET}`],
      [`${ws("/echo")}#\n${SECRET}`],
      [`${sse("/ticker")}?token=\n${SECRET}`, { resume: { storage: true, key: "blank" } }],
      [() => sse("/ticker"), { http: { headers: () => WIDE } }],
      [() => sse("/ticker"), { http: { headers: () => ({ [`${SECRET}\u20ac`]: "1" }) } }],
      [sse("/ticker"), { http: { headers: WIDE } }],
      [sse("/ticker"), { http: { headers: [[SECRET]] } }],
      [sse("/ticker"), { http: { headers: BAD_VALUE } }],
      [sse("/ticker"), { http: { headers: BAD_NAME } }],
      [sse("/ticker"), { http: { method: SECRET.concat(" ") } }],
      [sse("/cors?allow=0"), { http: { headers }, resume }],
    ])) {
      if (fetch && /^ws|eventsource/.test(`${endpoint} ${options.transport}`)) continue;
      const http = fetch ? { ...options.http, fetch } : options.http;
      await follow(
        `${endpoint} ${Object.keys(options)} ${!!fetch}`,
        main(endpoint, { ...options, ...(http && { http }) }),
      );
    }
  check(500);
});

test("what a fetch throws, with secrets at every depth, wherever there is one", async () => {
  const { follow, note, check } = collect();
  const address = `http://localhost/?${query}`;
  const coded = (message, more) => Object.assign(new Error(message), more);
  const errors = [
    // As engines word them.
    () => new TypeError(`Failed to parse URL from ${address}`),
    () => new TypeError(`Header 'authorization' has invalid value: '${SECRET}'`),
    () => new TypeError("fetch failed", { cause: new TypeError(`Invalid URL: ${address}`) }),
    // Node's: what came, or was given, stands beside the words.
    () =>
      new TypeError("fetch failed", {
        cause: coded("Response does not match the HTTP/1.1 protocol", { code: "HPE_INVALID_VERSION", data: SECRET }),
      }),
    () => new TypeError("fetch failed", { cause: coded("Invalid URL", { code: "ERR_INVALID_URL", input: address }) }),
    () => new TypeError("terminated", { cause: new Error("a", { cause: new Error("b", { cause: address }) }) }),
    // A fetch that somebody patched, or a client of its own: what was given stands in fields of any name, at any depth.
    () =>
      coded("Request failed", {
        code: "ERR_NETWORK",
        config: { headers, input: address },
        toJSON: () => ({ headers }),
        cause: coded("inner", { request: { headers }, cause: coded("deeper", { code: `${SECRET} x`, headers }) }),
      }),
    () => coded("plain", { name: `Error of ${SECRET}`, secret: SECRET, [SECRET]: 1 }),
    () => address,
    () => {
      const round = new TypeError("round");
      round.cause = new Error(address, { cause: round });
      return round;
    },
  ];
  const original = globalThis.fetch;
  after(() => {
    globalThis.fetch = original;
  });
  const failed = (made, told) => told || made.lastFailure || made.state === "closed";
  for (const [at, make] of errors.entries())
    for (const own of [false, true]) {
      // The bearer of a header's words is the engine alone: an own fetch has its own.
      if (own && at === 1) continue;
      /** Throws for what `hit` is true of. */
      const http = (hit, more = {}) => {
        const thrower = async (url, init) => {
          if (hit(String(url), init ?? {})) throw make();
          return original(url, init);
        };
        globalThis.fetch = own ? original : thrower;
        return { headers, ...more, ...(own && { fetch: thrower }) };
      };
      const what = (where) => `${where}, error ${at}, own ${own}`;
      await follow(what("connection"), main(sse("/ticker"), { http: http(() => true) }), failed);
      await follow(
        what("POST"),
        main(sse("/ticker"), { http: http(() => true, { method: "POST", body: "x" }) }),
        failed,
      );
      const once = script("sse", [[["send", "id: 1\ndata: 1\n\n"], ["end"]]]).url;
      await follow(
        what("resume.request"),
        main(once, {
          http: http((url) => url.includes("again")),
          resume: { request: () => sse("/ticker?again=1") },
        }),
        (made) => made.lastFailure?.code === "network" || made.state === "closed",
      );
      const made = main(sse("/ticker"), {
        http: http((_url, { method }) => method === "DELETE", {
          cancel: () => ({ url: sse("/answer?status=204"), method: "DELETE" }),
        }),
      })();
      await made.opened();
      note(what("cancel"), [await made.cancel(), made.lastFailure]);
      await follow(
        what("long poll"),
        two(sse("/ticker"), {
          longPoll: true,
          fallback: { order: ["poll"] },
          http: http((url) => url.includes("poll")),
        }),
        failed,
      );
      await follow(
        what("probe"),
        two("ws://localhost:1023/", { probe: sse("/echo"), http: http((url) => url.includes("echo")) }),
        failed,
      );
      let settled;
      await follow(
        what("uplink"),
        () => {
          const made = two(
            { sse: sse("/ticker"), uplink: sse("/echo") },
            { http: http((_url, { method }) => method === "POST") },
          )();
          made.opened().then(() => made.send({ token: SECRET }).then((result) => note("uplink", (settled = result))));
          return made;
        },
        (made) => settled || failed(made, 0),
      );
      if (own) {
        const source = new EventSource(sse("/ticker"), { headers, fetch: http(() => true).fetch });
        after(() => source.close());
        await new Promise((resolve) => {
          source.onerror = (event) => resolve(note(what("EventSource"), event));
        });
        source.close();
      }
    }
  check(500);
});

test("what takes too long", async () => {
  const { follow, note, check } = collect();
  const never = () => new Promise(() => {});
  const short = { openTimeout: 100 };
  const told = (_made, told) => told > 0;
  for (const [endpoint, options] of /** @type {[any, any][]} */ ([
    [never, {}],
    [sse(`/ticker?${query}`), { http: { headers: never } }],
    [sse(`/ticker?${query}`), { http: { method: "POST", body: never, headers } }],
    [sse(`/ticker?${query}`), { http: { fetch: never, headers } }],
    [ws(`/echo?${query}`), { protocols: never }],
    [ws(`/echo?${query}`), { handshake: never, protocols: [SECRET] }],
    [script("sse", [[["wait", 60_000]]]).url, { http: { headers } }],
    [script("ws", [[["wait", 60_000]]]).url, { protocols: [SECRET] }],
  ]))
    await follow(`late ${endpoint} ${Object.keys(options)}`, main(endpoint, { ...options, ...short }), (made, count) =>
      made.state === "open" ? true : count > 0,
    );
  for (const cancel of [never, `${sse("/answer")}?${query}`]) {
    const made = main(sse("/ticker"), {
      ...short,
      http: { headers, cancel, fetch: (url, init) => (init.method === "POST" ? never() : fetch(url, init)) },
    })();
    await made.opened();
    note("late cancel", [await made.cancel(), made.lastFailure]);
  }
  await follow("late probe", two("ws://localhost:1023/", { ...short, probe: never, http: { headers } }), told);
  check(100);
});

test("what goes on: resume.request, its frame, the stored place, cancel(), a handshake, what is sent", async () => {
  const { follow, note, made: attempt, check } = collect();
  const once = () => script("sse", [[["send", `id: ${SECRET}\ndata: 1\n\n`], ["end"]]]).url;
  const over = (made) => made.stats().received > 0 && (made.state === "closed" || made.lastFailure);
  for (const again of [
    () => WITH_PASSWORD,
    () => `http://[${SECRET}`,
    () => `${DEAD}?${query}`,
    () => ({ url: sse("/ticker"), headers: BAD_VALUE }),
    () => ({ url: sse("/ticker"), headers: WIDE }),
    () => `/chat/../${SECRET}`,
    () => `//${SECRET}/`,
    () => ({ url: sse("/ticker"), method: `${SECRET} ` }),
    () => ({ url: sse("/ticker"), method: "POST", body: { token: SECRET } }),
    () => [SECRET],
    () => undefined,
  ])
    await follow(`resume.request ${again}`, main(once(), { resume: { request: again } }), over);
  for (const frame of [() => ({ token: SECRET }), () => 5])
    await follow(`resume.frame ${frame}`, main(ws("/echo"), { resume: { frame, id: "id" } }));
  await follow(
    "resume.outcome",
    main(once(), { resume: { from: SECRET, outcome: () => SECRET } }),
    (made) => made.stats().received,
  );
  const quota = (key) => {
    // As Chromium has it.
    throw new DOMException(`Setting the value of '${key}' exceeded the quota.`, "QuotaExceededError");
  };
  const getItem = () => null,
    setItem = quota;
  for (const storage of [
    { getItem, setItem },
    { getItem: quota, setItem },
    { getItem: () => 5, setItem },
  ])
    await follow("resume.storage", main(once(), { resume: { storage, key: SECRET } }), (made) => made.stats().received);
  const holder = main(once(), { resume: { storage: true, key: SECRET } })();
  await follow("resume.key", main(once(), { resume: { storage: true, key: SECRET } }));
  holder.close();
  await follow("a manual commit", () => {
    const made = main(once(), { resume: { storage: true, key: SECRET, commit: "manual" } })();
    try {
      made.commit({ data: SECRET });
    } catch (error) {
      note("commit", error);
    }
    return made;
  });
  for (const cancel of [
    `${DEAD}?${query}`,
    WITH_PASSWORD,
    () => WITH_PASSWORD,
    `http://[${SECRET}`,
    () => `http://[${SECRET}`,
    sse(`/answer?status=403&${query}`),
    () => ({ url: sse("/answer?status=204"), headers: BAD_VALUE }),
    () => ({ url: sse("/answer?status=204"), headers: WIDE }),
    () => ({ url: sse("/answer?status=204"), method: `${SECRET} ` }),
    () => `/chat/../${SECRET}`,
    () => `https:${SECRET}`,
    () => ({ url: sse("/answer?status=204"), body: { token: SECRET } }),
    () => SECRET.split(""),
  ])
    for (const fetch of [undefined, passing]) {
      const how = { http: { headers: () => headers, cancel, ...(fetch && { fetch }) } };
      const stops = attempt(`cancel ${cancel}`, main(sse("/ticker"), how));
      if (!stops) continue;
      await stops.opened();
      note(`cancel ${cancel}`, await stops.cancel());
      note(`cancel ${cancel}`, stops.lastFailure);
    }
  const bad = main(sse("/ticker"), {
    http: { headers: ({ reason }) => (reason === "initial" ? headers : BAD_VALUE), cancel: sse("/echo") },
  })();
  await bad.opened();
  note("cancel's headers", [await bad.cancel(), bad.lastFailure]);
  for (const say of [(send) => send({ token: 1n, [SECRET]: SECRET }), (send) => send(Symbol(SECRET))])
    await follow("handshake", main(ws("/echo"), { handshake: ({ send }) => say(send) }));
  await follow(
    "heartbeat.ping",
    main(ws("/echo"), { heartbeat: { interval: 100, ping: () => ({ token: SECRET }) } }),
    (_made, told) => told,
  );
  const made = main(ws(`/echo?${query}`), { outbox: { ack: true, maxBytes: 2_000 } })();
  for (const message of [
    { id: SECRET },
    { id: SECRET, again: 1 },
    { id: SECRET.repeat(999) },
    { n: 1n, id: SECRET },
    [SECRET],
    SECRET,
  ])
    made.send(message).then(
      (result) => note("send", result),
      (error) => note("send", error),
    );
  for (const given of [{ ttl: SECRET }, { signal: SECRET }, { [SECRET.toLowerCase()]: 1 }])
    made.send("", given).catch((error) => note("send", error));
  for (const given of /** @type {any[]} */ ([[SECRET], [1000, SECRET.repeat(99)]]))
    try {
      made.close(...given);
    } catch (error) {
      note("close", error);
    }
  await made.opened();
  const signal = AbortSignal.abort(new Error(SECRET));
  await follow("signal", main(ws("/echo"), { signal }), (made) => made.state === "closed");
  made.close(4_000, SECRET);
  note("closed", made);
  check(500);
});

test("every option, given as what it is not", async () => {
  const { follow, check } = collect();
  const paths =
    "transport shuffle heartbeat heartbeat.interval heartbeat.timeout heartbeat.ping heartbeat.isPong reconnect reconnect.initialDelay reconnect.maxDelay reconnect.factor reconnect.jitter reconnect.maxAttempts reconnect.stableAfter reconnect.maxServerDelay reconnect.maxAge reconnect.notice reconnect.failback resume resume.id resume.seq resume.storage resume.key resume.commit resume.gap resume.name resume.frame resume.outcome resume.from resume.via resume.request http http.method http.headers http.body http.credentials http.mode http.redirect http.retry http.cancel http.flush http.onComment http.fetch http.contentType until maxEventBytes outbox outbox.maxMessages outbox.maxBytes outbox.overflow outbox.ack outbox.ack.id outbox.ack.match outbox.inFlight outbox.maxAttempts outbox.highWaterMark outbox.persist outbox.persist.key outbox.persist.storage outbox.persist.restored codec openTimeout protocols binaryType withCredentials events handshake shouldReconnect pageLifecycle signal requests requests.id requests.replyId requests.error requests.timeout requests.onLoss subscriptions subscriptions.topic subscriptions.joined subscriptions.timeout uplink uplink.url uplink.name uplink.timeout fallback fallback.order fallback.failures fallback.remember longPoll longPoll.wait longPoll.name probe rate rate.messages rate.per rate.slow";
  for (const path of paths.split(" "))
    for (const wrong of [SECRET, [SECRET], { token: SECRET }, [[SECRET]], () => SECRET]) {
      const options = {};
      const keys = path.split("."),
        last = /** @type {string} */ (keys.pop());
      let at = options;
      for (const key of keys) at = at[key] = {};
      at[last] = wrong;
      // Some are right: what they are of is beside the point here.
      for (const connect of [main, two]) await follow(path, connect(sse("/ticker"), options), () => true);
    }
  check(500);
});

test("everwire/duplex: uplinks, requests, topics, a kept outbox, probes, ways and polls", async () => {
  const { follow, note, check } = collect();
  const stream = sse(`/ticker?${query}`);
  /** Sends something over an uplink, and looks until the connection has failed, or it has settled. */
  const sends = async (what, uplink, options = {}) => {
    let settled;
    await follow(
      what,
      () => {
        const made = two({ sse: stream, uplink }, options)();
        made.opened().then(() => {
          const sent = [made.send({ token: SECRET }), made.send(SECRET)];
          Promise.allSettled(sent).then((results) => note(what, (settled = results)));
        });
        return made;
      },
      (made) => settled || made.lastFailure || made.state === "closed",
    );
  };
  for (const fetch of [undefined, passing])
    for (const url of [
      `${DEAD}?${query}`,
      `http://localhost:6000/?${query}`,
      WITH_PASSWORD,
      `http://[${SECRET}`,
      sse(`/answer?status=401&${query}`),
      sse(`/answer?status=403&${query}`),
      sse(`/answer?status=422&${query}`),
      sse(`/answer?status=500&${query}`),
      `${page}/redirect?${new URLSearchParams({ to: `${DEAD}?${query}` })}`,
    ]) {
      const http = { headers, ...(fetch && { fetch }) };
      await sends(`uplink ${url} ${!!fetch}`, url, { http });
      await sends(`uplink function ${url} ${!!fetch}`, () => url, { http });
      for (const bad of [BAD_VALUE, BAD_NAME, WIDE]) {
        let asked = 0;
        await sends("the uplink's headers", sse("/echo"), {
          http: { ...http, headers: () => (asked++ ? bad : headers) },
        });
      }
    }
  await sends("uplink's late function", () => new Promise(() => {}), { uplink: { timeout: 50 } });

  const quota = (name) => {
    throw new DOMException(`Setting the value of '${name}' exceeded the quota.`, "QuotaExceededError");
  };
  const ack = true;
  for (const storage of [
    { length: 0, key: () => null, getItem: () => null, setItem: quota, removeItem: quota },
    { length: 1, key: () => `everwire-outbox ${SECRET}\ntab\n1`, getItem: quota, setItem: quota, removeItem: quota },
  ]) {
    const made = two(ws("/echo"), { outbox: { ack, persist: { key: SECRET, storage } } })();
    made.send({ id: SECRET }).then((result) => note("persist", result));
    made.send(Uint8Array.of(1)).catch((error) => note("persist", error));
    made.send({ n: 1n, id: SECRET }).catch((error) => note("persist", error));
    await follow(
      "persist",
      () => made,
      (made) => made.state === "open",
    );
  }

  const plan = script("ws", [
    [
      ["send", `{"id":"${SECRET}","error":"${SECRET}"}`],
      ["send", `{"type":"refused","topic":"${SECRET}"}`],
      ["wait", 300],
      ["close", 4_400],
    ],
  ]);
  const made = two(plan.url, {})();
  const asks = [
    made.request({ id: SECRET }),
    made.request({ id: SECRET }),
    made.request({ id: `${SECRET}2` }, { timeout: 10 }),
    made.request({ id: `${SECRET}3` }),
    made.request({ n: 1n }),
    made.request(SECRET),
    made.subscribe(SECRET).ready(),
    made.subscribe(`${SECRET}2`).ready(),
    made.subscribe(`${SECRET}3`, { join: () => 1n }).ready(),
    made.subscribe(`${SECRET}4`, { lastEventId: SECRET }).ready(),
  ];
  for (const asked of asks) asked.catch((error) => note("request", error));
  await follow(
    "requests and topics",
    () => made,
    (made) => made.state === "closed",
  );

  for (const bad of [BAD_VALUE, BAD_NAME, WIDE])
    for (const fetch of [undefined, passing])
      await follow(
        "the probe's headers",
        two(`ws://localhost:1023/?${query}`, {
          probe: sse("/echo"),
          http: { headers: () => bad, ...(fetch && { fetch }) },
        }),
        (_made, told) => told > 0,
      );
  for (const probe of [
    `${DEAD}?${query}`,
    WITH_PASSWORD,
    `http://[${SECRET}`,
    sse(`/answer?status=403&${query}`),
    () => `${DEAD}?${query}`,
    () => WITH_PASSWORD,
    () => ({ token: SECRET }),
  ])
    for (const fetch of [undefined, passing])
      await follow(
        `probe ${probe}`,
        two(`ws://localhost:1023/?${query}`, { probe, http: { headers, ...(fetch && { fetch }) } }),
        (_made, told) => told > 0,
      );
  await follow(
    "ways",
    two(
      { websocket: `ws://localhost:1023/?${query}`, sse: `${DEAD}?${query}` },
      { longPoll: true, fallback: { remember: SECRET } },
    ),
    (_made, told) => told > 4,
  );
  check(500);
});

test("everwire/auth: every place, and what is wrong with a token", async () => {
  const { follow, note, check } = collect();
  for (const token of [
    SECRET,
    `${SECRET}\n${SECRET}`,
    `${SECRET}\u20ac`,
    `${SECRET} ,`,
    { token: 5, [SECRET]: SECRET },
    { token: SECRET, expiresAt: SECRET },
    [SECRET],
    { token: SECRET, expiresAt: 1 },
  ]) {
    const auth = tokens(() => /** @type {any} */ (token));
    const what = `auth ${JSON.stringify(token)}`;
    for (const address of [sse("/answer?status=401"), sse("/answer?status=403"), DEAD, sse("/ticker")]) {
      await follow(what, main(address, { http: { headers: auth.header() } }));
      await follow(what, main(auth.query(address)));
      await follow(what, main(auth.query(() => address)));
    }
    await follow(what, main(ws("/echo"), { protocols: auth.protocol() }));
    await follow(what, main(ws("/echo"), { handshake: auth.frame() }));
    await follow(what, main(ws("/echo"), { handshake: auth.frame((given) => ({ given: 1n, token: given })) }));
    await follow(what, two(auth.query("ws://localhost:1023/"), { probe: auth.query(sse("/answer?status=401")) }));
    await follow(
      what,
      two({ sse: sse("/ticker"), uplink: sse("/answer?status=401") }, { http: { headers: auth.header() } }),
    );
  }
  const auth = tokens(() => SECRET);
  for (const target of [`http://[${SECRET}`, WITH_PASSWORD, { sse: `http://[${SECRET}` }, `nothing://${SECRET}`]) {
    for (const given of [target, () => target]) {
      let endpoint;
      try {
        endpoint = auth.query(/** @type {any} */ (given));
      } catch (error) {
        note("query", error);
        continue;
      }
      await follow(`query ${JSON.stringify(target)}`, main(endpoint));
    }
  }
  for (const wrong of /** @type {any[]} */ ([
    () => tokens(SECRET),
    () => tokens(() => SECRET, { [SECRET.toLowerCase()]: 1 }),
    () => auth.put(SECRET),
    () => auth.query(5, SECRET),
    () => auth.query("", ""),
    () => auth.protocol(`${SECRET} `),
    () => auth.frame(SECRET),
    () => auth.keepFresh(SECRET),
  ]))
    try {
      wrong();
    } catch (error) {
      note("auth", error);
    }
  note("auth", [auth, JSON.stringify(auth)]);
  check(500);
});

test("presets", async () => {
  const { follow, note, check } = collect();
  for (const preset of [nchan, mercure]) {
    for (const options of [{}, { http: { headers } }, { resume: { from: SECRET } }])
      for (const address of [`${DEAD}?${query}`, sse(`/answer?status=403&${query}`), () => `http://[${SECRET}`])
        await follow(preset.name, main(address, preset(options)));
    for (const options of /** @type {any[]} */ ([
      SECRET,
      { codec: SECRET },
      { protocols: SECRET },
      { resume: { id: SECRET } },
      { resume: SECRET },
      { binaryType: "blob", token: SECRET },
    ]))
      try {
        note(preset.name, JSON.stringify(Object.keys(preset(options))));
      } catch (error) {
        note(preset.name, error);
      }
  }
  await follow("nchan", main(`ws://localhost:1023/?${query}`, nchan()));
  check(100);
});

test("the drop-in classes", async () => {
  const { note, made, check } = collect();
  const listen = async (what, make, ...names) => {
    const socket = made(what, make);
    let told = 0;
    if (!socket) return undefined;
    after(() => socket.close());
    for (const name of names)
      socket.addEventListener(name, (event) => {
        told++;
        note(what, event);
      });
    await waitFor(() => told > 0, `${what}: an event`);
    for (const name of ["readyState", "protocol", "extensions", "binaryType", "bufferedAmount"])
      note(what, socket[name]);
    note(what, [String(socket), JSON.stringify(socket)]);
    return socket;
  };
  for (const address of [
    WITH_PASSWORD,
    `http://[${SECRET}`,
    `nothing://${SECRET}`,
    `${DEAD}?${query}`,
    `http://localhost:6000/?${query}`,
    sse(`/answer?status=403&${query}`),
    sse(`/answer?status=200&type=text/html&${query}`),
    sse(`/cors?allow=0&${query}`),
    `${page}/redirect?${new URLSearchParams({ to: `${DEAD}?${query}` })}`,
  ])
    for (const options of [
      {},
      { headers },
      { headers: BAD_VALUE },
      { headers: WIDE },
      { headers: () => BAD_VALUE },
      { headers: () => WIDE },
      { headers, fetch: passing },
      { method: "POST", body: SECRET },
      { reconnect: SECRET },
    ])
      await listen(
        `EventSource ${address} ${Object.keys(options)}`,
        () => new EventSource(address, options),
        "open",
        "error",
      );
  for (const address of [
    `ws://user:${SECRET}@localhost:1023/`,
    `ws://[${SECRET}`,
    `nothing://${SECRET}`,
    `ws://localhost:1023/?${query}`,
    `ws://localhost:6000/?${query}`,
    `ws://localhost:1023/#${SECRET}`,
  ])
    for (const protocols of [[], SECRET, [`${SECRET} x`], [`${SECRET}\u20ac`], [SECRET, SECRET]])
      for (const more of [
        undefined,
        { headers, [`x${SECRET.length}`]: SECRET },
        { heartbeat: SECRET },
        { backoff: { token: SECRET } },
      ])
        await listen(
          `WebSocket ${address} ${protocols}`,
          () => new WebSocket(address, protocols, more),
          "open",
          "error",
          "close",
        );
  const socket = await listen("WebSocket", () => new WebSocket(ws(`/echo?${query}`)), "open");
  for (const wrong of [
    () => socket.send(Symbol(SECRET)),
    () => socket.close(SECRET),
    () => socket.close(1000, SECRET.repeat(99)),
  ])
    try {
      wrong();
    } catch (error) {
      note("WebSocket", error);
    }
  check(500);
});

// Runs rounds, each made from the seed and its number: a client of the package, a server that says odd things to it and then
// something in order, and what must hold. Started by ../fuzz.mjs, which it tells how it goes.
import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { WebSocket } from "ws";
import { packed } from "../../browser/node/environment.mjs";
import { serve, text } from "./server.mjs";
import { answers, bareWord, close, frame, head, kept, lines, place, random, word } from "./words.mjs";

const { seed, from, to, seconds, together } = JSON.parse(process.argv[2]);
const entry = (name) => import(pathToFileURL(join(packed, `${name}.js`)).href);
const [{ connect }, { mercure, nchan }, { EventSource }, auth] = await Promise.all(
  ["duplex", "presets", "eventsource", "auth"].map(entry),
);

/** What a page has and this runtime has not. `navigator.locks`: whoever asks for a name that is held waits. */
const held = new Map();
const locks = {
  async request(name, how, run) {
    if (how.ifAvailable && held.has(name)) return run(null);
    while (held.has(name)) {
      await held.get(name);
      how.signal?.throwIfAborted();
    }
    const over = Promise.resolve(run({ name })).finally(() => held.delete(name));
    held.set(
      name,
      over.catch(() => {}),
    );
    return over;
  },
};
Object.defineProperty(globalThis, "navigator", { value: { locks, onLine: true } });
/** @type {any} */
const session = storageOf(new Map());
Object.assign(globalThis, { WebSocket, EventSource, sessionStorage: session });

function storageOf(entries) {
  return {
    getItem: (name) => entries.get(name) ?? null,
    setItem: (name, value) => void entries.set(name, `${value}`),
    removeItem: (name) => void entries.delete(name),
    key: (at) => [...entries.keys()][at] ?? null,
    get length() {
      return entries.size;
    },
  };
}

const plans = new Map();
const { port, stop } = await serve(plans);
/** The rounds that are under way: what ends the process is of one of them. */
const running = new Set();
const tell = (what) => process.send?.({ ...what, running: [...running] });
/** The number of the round that something belongs to, as far as the runtime knows. */
const within = new AsyncLocalStorage();
process.on("uncaughtException", (error) => failed(within.getStore(), error));
process.on("unhandledRejection", (error) => failed(within.getStore(), error));

const warnings = new Map();
let told = 0;
for (const name of ["log", "info", "error", "warn", "debug"])
  console[name] = (...words) => {
    const sentence = words.join(" "),
      number = within.getStore(),
      count = (warnings.get(number) ?? 0) + 1;
    warnings.set(number, count);
    told++;
    // Each kind once a client, and some once a page.
    if (name !== "warn" || !sentence.startsWith("everwire: ") || sentence.length > 300 || count > 10)
      failed(number, new Error(`console.${name}, number ${count}: ${sentence.slice(0, 400)}`));
  };

function failed(round, error) {
  tell({
    failed: round ?? null,
    error: String(error?.stack ?? error).slice(0, 3_000),
    plan: describe(plans.get(round)),
  });
  process.exit(1);
}

/** What is to be seen of a plan. */
const describe = (plan) =>
  plan &&
  [
    plan.how,
    ...plan.steps.flatMap(({ head = "", parts = [], end }) => [head.toString(), ...parts.map(String), `end: ${end}`]),
  ]
    .map((part) => JSON.stringify(part).slice(0, 300))
    .join("\n")
    .slice(0, 6_000);

const PROTOTYPES = [Object, Array, Function, String, Number, Map, Promise].map((one) => one.prototype);
const shape = () =>
  PROTOTYPES.map((one) => Reflect.ownKeys(one).map(String).join(" ")).join("\n") + Object.keys(globalThis).join(" ");
const shaped = shape();

const GOOD = Buffer.from("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-store");
const CODES =
  "network closed open-timeout half-open provider blocked http content-type end too-big buffered truncated not-resumable frozen long-id cursor redirect".split(
    " ",
  );

/** @param {number} number */
function make(number) {
  const r = random(seed, number);
  const how = r.pick("ws ws ws ws sse sse sse sse poll post nchan mercure eventsource".split(" "));
  const socket = how === "ws" || how === "nchan";
  const posts = how === "sse" && r.chance(0.4);
  const valid = { count: 0 };
  const wrap = (data) =>
    socket
      ? text(how === "nchan" ? `id: n${valid.count}\ncontent-type: x\n\n${data}` : data)
      : Buffer.from(`data: ${data}\n\n`);
  const ordinary = () => {
    const at = ++valid.count;
    return wrap(JSON.stringify({ type: "valid", n: at, eventId: `v${number}-${at}`, seq: at, e: "e" }));
  };
  /** What is told once is told once, however often it comes. */
  const many = (parts) => (parts.length && r.chance(0.1) ? [...parts, ...Array(50).fill(r.pick(parts))] : parts);
  const odds = (most, closes) =>
    many(socket ? r.some(most, () => (closes && r.chance(0.03) ? close(r) : frame(r))) : r.some(most, () => lines(r)));
  /** Parts come in whatever pieces. */
  const cut = (parts) =>
    r.chance(0.7)
      ? parts
      : parts.flatMap((part) => {
          const at = r.below(part.length + 1);
          return [part.subarray(0, at), part.subarray(at)];
        });
  const steps = r.some(3, () =>
    r.chance(0.35)
      ? { refuses: true, head: head(r), parts: socket ? [] : odds(2), end: r.pick(["end", "reset"]), slow: false }
      : {
          head: socket || r.chance(0.6) ? GOOD : head(r, true),
          parts: cut([...r.some(3, ordinary), ...odds(8, true), ...r.some(1, ordinary)]),
          end: r.pick(["end", "end", "reset"]),
          answers: r.chance(0.5),
          slow: r.chance(0.5),
        },
  );
  const before = r.some(3, ordinary),
    // No frame that ends the connection.
    middle = socket ? many(r.some(12, () => text(r.chance(0.9) ? word(r) : bareWord(r)))) : odds(12);
  const first = valid.count + 1;
  const order = [...(socket ? [] : [Buffer.from("\n\n\n")]), ordinary(), ordinary(), wrap('{"type":"end"}')];
  const last = {
    head: GOOD,
    parts: [...cut([...before, ...middle]), ...order],
    end: how === "poll" ? "end" : undefined,
    answers: true,
    slow: r.chance(0.5),
  };
  return {
    r,
    how,
    socket,
    unheard: unheard([...steps, last].flatMap(({ parts }) => parts).filter((part) => !order.includes(part))),
    first,
    last: valid.count,
    // It may have said that it closes; whoever comes after that finds a server in order.
    steps: [...steps, last, { ...last, parts: order }],
    posts: posts ? r.some(3, () => ({ head: head(r, r.chance(0.6)), body: Buffer.from(answers(r)) })) : [],
    uplink: posts,
    json: true,
    stored: false,
    asked: 0,
    sockets: new Set(),
  };
}

/** The numbers of what may count without reaching a handler: a notice, an ack and their like. */
const unheard = (parts) =>
  parts
    .map(String)
    .filter((part) => /goodbye|slow-down|\back\b|joined|refused|pong/.test(part))
    .flatMap((part) => [...part.matchAll(/"seq":\[?"?(\d+)/g)].map(([, digits]) => Number(digits)));

const dataOf = (message) => {
  try {
    return typeof message.data === "string"
      ? JSON.parse(message.data)
      : message.data instanceof ArrayBuffer
        ? JSON.parse(Buffer.from(message.data).toString())
        : message.data;
  } catch {
    return message.data;
  }
};

function options(plan, number, entries) {
  const { r, how, socket } = plan;
  const json = (plan.json = how === "nchan" || r.chance(0.9));
  const ids =
    how === "nchan"
      ? undefined
      : r.pick([undefined, json ? "eventId" : undefined, (message) => dataOf(message)?.eventId]);
  const seq = r.pick([
    undefined,
    undefined,
    json ? "seq" : undefined,
    (message) => dataOf(message)?.seq,
    (message) => [dataOf(message)?.e, dataOf(message)?.seq],
    (message) => (dataOf(message)?.e === undefined ? undefined : [dataOf(message).e, dataOf(message).seq]),
  ]);
  const storage = r.chance(0.3) ? { getItem: () => (r.chance(0.9) ? place(r) : null), setItem() {} } : undefined;
  plan.stored = storage !== undefined;
  const acks = r.pick([undefined, true, { match: ({ data, type }) => (type === "ack" ? data.id : data?.ids) }]);
  const persist =
    acks && r.chance(0.3)
      ? { key: `k ${number}`, storage: storageOf(entries), restored: (_, sent) => sent.catch(() => {}) }
      : undefined;
  const heartbeat = r.chance(0.2)
    ? { interval: 3_000, timeout: 3_000, ...(how === "nchan" && { ping: false }) }
    : undefined;
  const chosen = {
    reconnect: {
      initialDelay: 0,
      maxDelay: 100,
      jitter: "none",
      maxServerDelay: how === "poll" ? 50 : r.pick([0, 50, 300_000]),
      ...(how !== "nchan" && { notice: "goodbye" }),
    },
    openTimeout: 5_000,
    codec: json ? undefined : "text",
    maxEventBytes: socket || how === "eventsource" ? undefined : r.pick([undefined, undefined, 200_000]),
    heartbeat,
    until: r.chance(0.05) ? ({ type }) => type === "close" : undefined,
    resume: {
      ...(ids && { id: ids }),
      ...(seq && { seq }),
      ...(r.chance(0.5) && { gap: "gap" }),
      ...(storage && { storage, key: `${number}` }),
      ...(/sse|post/.test(how) && r.chance(0.4) && { outcome: (headers) => headers.get("x-outcome") ?? undefined }),
      ...(how === "post" && {
        request: ({ lastEventId }) => ({ url: `${plan.url}?${new URLSearchParams({ after: lastEventId })}` }),
      }),
    },
    outbox: { ...(json && { ack: acks }), ...(json && persist && { persist }) },
    server: true,
    requests: { error: "error", timeout: 4_000 },
    subscriptions: { ...(ids && { id: "eventId" }), ...(seq && { seq: "seq" }), timeout: 4_000 },
    ...(r.chance(0.2) && { rate: { messages: 50, per: 1_000, slow: "slow-down" } }),
    ...(plan.uplink && { uplink: `${plan.url}?up` }),
    ...(how === "poll" && { longPoll: { wait: 1_000 }, fallback: { order: ["poll"], remember: `${number}` } }),
    ...(how === "eventsource" && { transport: "eventsource", events: ["chat", "valid"] }),
    ...(how === "post" && { http: { method: "POST", body: "{}" } }),
    ...(how === "sse" &&
      r.chance(0.3) && { http: { contentType: r.pick(["any", "optional"]), onComment() {}, flush: r.chance(0.5) } }),
  };
  if (how === "nchan") return nchan(chosen);
  return how === "mercure" ? mercure(chosen) : chosen;
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
async function until(met, what, ms = 30_000) {
  for (const end = performance.now() + ms; !met(); await pause(10))
    assert.ok(performance.now() < end, `never: ${what()}`);
}

async function round(number) {
  const plan = make(number);
  plans.set(number, plan);
  const { r, how, socket } = plan;
  plan.url = `http://127.0.0.1:${port}/${number}`;
  const entries = new Map(
    r.some(6, () => [
      r.pick([`everwire-outbox k%20${number}\n${r.pick(["tab", "", "a\nb"])}\n${r.below(9)}`, bareWord(r)]),
      kept(r),
    ]),
  );
  if (how === "poll")
    session.setItem(`everwire-way ${number}`, r.pick(["poll", "websocket", "__proto__", bareWord(r)]));
  const endpoint = socket ? plan.url.replace("http", "ws") : plan.url;
  /** @type {any} */
  const wire = connect(endpoint, options(plan, number, entries));
  const got = new Set(),
    waited = [];
  let ended = false,
    topical = false,
    gaps = 0,
    closed;
  const wait = (what, promise) => {
    const entry = { what, over: false };
    waited.push(entry);
    const over = (error) => {
      entry.over = true;
      if (error?.stack) assert.match(String(error.code), /^[a-z-]+$/, `${what}: ${error.stack}`);
    };
    promise.then(() => over(), over).catch((error) => failed(number, error));
  };
  const numbers = new Set(plan.unheard);
  const hear = (message) => {
    for (const key of ["type", "lastEventId", "transport", "origin"])
      if (typeof message[key] !== "string") failed(number, new Error(`${key} is ${typeof message[key]}`));
    const data = dataOf(message);
    if (/^(number|string)$/.test(typeof data?.seq)) numbers.add(Number(data.seq));
    if (data?.type === "valid") got.add(data.n);
    if (data?.type === "end") ended = true;
  };
  wire.addEventListener("close", (event) => (closed = event));
  wire.addEventListener("gap", (event) => {
    gaps++;
    if (!/^(gap|unknown)$/.test(event.outcome)) failed(number, new Error(`outcome ${event.outcome}`));
  });
  wire.addEventListener("retry", ({ delay, failure }) => {
    if (!(delay >= 0 && delay <= 375_000) || !CODES.includes(failure.code))
      failed(number, new Error(`retry ${delay} ${failure}`));
  });
  if (r.chance(0.2))
    wait(
      "the loop",
      (async () => {
        for await (const message of wire) hear(message);
      })(),
    );
  else wire.on(hear);
  wait("opened()", wire.opened());
  const topic = wire.subscribe("t");
  topic.on(({ type }) => {
    topical ||= type === "topic-end";
  });
  wait("ready()", topic.ready());
  for (let left = r.below(4); left > 0; left--)
    wait("send()", wire.send({ type: "chat", text: "hi", ...(r.chance(0.5) && { id: `a${left}` }) }));
  if (r.chance(0.5)) wait("request()", wire.request({ type: "ask" }));

  const cause = () => wire.lastFailure?.cause;
  const state = () =>
    `${how}, ${wire.state}, the end ${ended}, asked ${plan.asked} of ${plan.steps.length}, ${gaps} gaps, ${wire.lastFailure} (${cause()}), got ${[...got]}`;
  // Told to wait for minutes, it may.
  const over = () => {
    if (wire.state === "waiting" && wire.retryAt > Date.now() + 150) wire.reconnect();
    return closed;
  };
  await until(() => over() || ended, state);
  if (!closed) {
    // What is not above a number that came, or was stored, is taken for what came, too.
    const held = (n) => plan.stored || [...numbers].some((other) => other >= n);
    await until(() => over() || gaps || [plan.first, plan.last].every((n) => got.has(n) || held(n)), state);
    // Whoever is not refused is joined, over what can send.
    if (how === "ws" && plan.json)
      await until(
        () => over() || topical || topic.state === "left",
        () => `the topic's end, ${state()}`,
      );
  }
  wire.close();
  wire.close();
  assert.equal(wire.state, "closed");
  const { reason, error } = closed;
  if (!/^(app|ended)$/.test(reason)) {
    assert.match(reason, /^(fatal|exhausted)$/, `${error?.stack} ${error?.cause?.stack}`);
    assert.ok(error instanceof Error && CODES.includes(/** @type {any} */ (error).code), `${error}`);
  }
  await until(
    () => waited.every(({ over }) => over),
    () => `${waited.filter(({ over }) => !over).map(({ what }) => what)} settled`,
  );
  await until(
    () => !plan.sockets.size,
    () => `${[...plan.sockets].map(({ asked }) => asked)} closed, ${state()}`,
  );
  assert.equal(shape(), shaped, "the prototypes and the global object");
  auth.forget(`k ${number}`, storageOf(entries));
  plans.delete(number);
  warnings.delete(number);
}

const memory = () => {
  /** @type {any} */ (globalThis).gc();
  const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
  // The wasm's memory does not shrink while it has clients, as it always has here: it has room for the largest that came.
  return { held: heapUsed + arrayBuffers, wasm: external - arrayBuffers, rss };
};

let next = from,
  done = 0,
  early;
const end = performance.now() + seconds * 1_000;
async function lane() {
  while (next < to && performance.now() < end) {
    const number = next++;
    running.add(number);
    try {
      await within.run(number, round, number);
    } catch (error) {
      failed(number, error);
    }
    running.delete(number);
    done++;
  }
}
const alive = setInterval(() => {
  tell({ done });
  // When each kind has been there once.
  if (!early && performance.now() > end - seconds * 750) early = memory();
}, 500);
await Promise.all(Array.from({ length: together }, lane));
clearInterval(alive);
// What was closed is let go of in the turns that follow.
await pause(500);
const late = memory();
const grown = early ? (late.held - early.held) / 2 ** 20 : 0;
// Two streams may take three times their 16 MiB at once: see SECURITY.md.
if (grown > 24 || late.wasm > 2 * 3 * 2 ** 24 || late.rss > 2 ** 30)
  failed(
    undefined,
    new Error(
      `memory: ${grown.toFixed(1)} MiB more than after a quarter of the time, the wasm ${late.wasm >> 20} MiB, ${late.rss >> 20} MiB in all`,
    ),
  );
tell({ done, over: true, grown, rss: late.rss, told });
stop();
process.exit(0);

// What connect, close and send refuse, and that they say why.
import { connect } from "/pkg/index.js";
import { client, watch } from "../client.js";
import { after, equal, ok, rejection, test, thrown, waitFor } from "../harness.js";
import { sse, stats, ws } from "../server.js";

const address = ws("/echo");
const max = 2 ** 31;

const options = [
  ["transport", { transport: "pigeon" }],
  ["protocols", { protocols: ["a", "a"] }],
  ["protocols", { protocols: ["not a token"] }],
  ["protocols", { protocols: 5 }],
  ["binaryType", { binaryType: "text" }],
  ["withCredentials", { withCredentials: "yes" }],
  ["events", { events: "tick" }],
  ["events", { events: [5] }],
  ["heartbeat", { heartbeat: 30_000 }],
  ["heartbeat.interval", { heartbeat: { interval: 99 } }],
  ["heartbeat.interval", { heartbeat: { interval: max } }],
  ["heartbeat.interval", { heartbeat: { interval: "1000" } }],
  ["heartbeat.interval", { heartbeat: { interval: NaN } }],
  ["heartbeat.timeout", { heartbeat: { timeout: 49 } }],
  ["heartbeat.timeout", { heartbeat: { timeout: Infinity } }],
  ["heartbeat.timeout", { heartbeat: { interval: 1_000, timeout: 1_001 } }],
  ["heartbeat.ping", { heartbeat: { ping: 7 } }],
  ["heartbeat.isPong", { heartbeat: { isPong: "pong" } }],
  ["reconnect", { reconnect: "yes" }],
  ["reconnect.initialDelay", { reconnect: { initialDelay: -1 } }],
  ["reconnect.initialDelay", { reconnect: { initialDelay: max } }],
  ["reconnect.maxDelay", { reconnect: { maxDelay: 99 } }],
  ["reconnect.factor", { reconnect: { factor: 0.5 } }],
  ["reconnect.factor", { reconnect: { factor: 101 } }],
  ["reconnect.jitter", { reconnect: { jitter: "some" } }],
  ["reconnect.maxAttempts", { reconnect: { maxAttempts: -1 } }],
  ["reconnect.maxAttempts", { reconnect: { maxAttempts: "3" } }],
  ["reconnect.stableAfter", { reconnect: { stableAfter: -1 } }],
  ["reconnect.maxServerDelay", { reconnect: { maxServerDelay: NaN } }],
  ["resume", { resume: "eventId" }],
  ["resume.id", { resume: { id: 5 } }],
  ["resume.via", { resume: { via: "cookie" } }],
  ["resume.via", { resume: { via: "header" } }],
  ["resume.id", { resume: { id: "eventId" }, codec: "text" }],
  ["resume.name", { resume: { name: 5 } }],
  ["resume.from", { resume: { from: {} } }],
  ["resume.gap", { resume: { gap: 1 } }],
  ["resume.seq", { resume: { seq: 1 } }],
  ["resume.seq", { resume: { seq: "seq" }, codec: "text" }],
  ["resume.storage", { resume: { storage: {} } }],
  ["resume.storage", { resume: { storage: "session", key: "" } }],
  ["resume.key", { resume: { storage: true } }],
  ["resume.key", { resume: { storage: true, key: 5 } }],
  ["resume.commit", { resume: { storage: true, key: "", commit: "later" } }],
  ["resume.commit", { resume: { commit: "manual" } }],
  ["resume.key", { resume: { key: "ann" } }],
  ["resume.request", { resume: { request: "/again" } }],
  ["http", { http: "POST" }],
  ["http.method", { http: { method: "GET /" } }],
  ["http.method", { http: { method: 5 } }],
  ["http.method", { http: { method: "trace" } }],
  ["http.headers", { http: { headers: { "not a name": "x" } } }],
  ["http.headers", { http: { headers: { name: "two\nlines" } } }],
  ["http.headers", { http: { headers: "Authorization: x" } }],
  ["http.body", { http: { method: "POST", body: { prompt: "hi" } } }],
  ["http.body", { http: { method: "POST", body: 5 } }],
  ["http.body", { http: { body: "a GET has none" } }],
  ["http.credentials", { http: { credentials: true } }],
  ["http.mode", { http: { mode: "no-cors" } }],
  ["http.retry", { http: { retry: 3 } }],
  ["http.fetch", { http: { fetch: "fetch" } }],
  ["http.cancel", { http: { cancel: {} } }],
  ["http.cancel", { http: { cancel: "http://[" } }],
  ["http.cancel", { http: { cancel: "ws://localhost/" } }],
  ["http.flush", { http: { flush: "yes" } }],
  ["http.onComment", { http: { onComment: true } }],
  ["http.header", { http: { header: {} } }],
  ["until", { until: "[DONE]" }],
  ["maxEventBytes", { maxEventBytes: -1 }],
  ["maxEventBytes", { maxEventBytes: "16 MB" }],
  ["outbox", { outbox: 5 }],
  ["outbox.maxMessages", { outbox: { maxMessages: -1 } }],
  ["outbox.maxBytes", { outbox: { maxBytes: "1k" } }],
  ["handshake", { handshake: "hello" }],
  ["outbox.overflow", { outbox: { overflow: "wait" } }],
  ["outbox.ack", { outbox: { ack: "id" } }],
  ["outbox.ack.id", { outbox: { ack: { id: 5 } } }],
  ["outbox.ack.id", { outbox: { ack: { id: "" } } }],
  ["outbox.ack.match", { outbox: { ack: { match: "" } } }],
  ["outbox.ack.field", { outbox: { ack: { field: "id" } } }],
  ["outbox.ack", { codec: "text", outbox: { ack: true } }],
  ["outbox.ack", { codec: "binary", outbox: { ack: { id: () => 1 } } }],
  ["outbox.inFlight", { outbox: { inFlight: 0 } }],
  ["outbox.maxAttempts", { outbox: { maxAttempts: 0 } }],
  ["outbox.highWaterMark", { outbox: { highWaterMark: 0 } }],
  ["codec", { codec: "xml" }],
  ["codec", { codec: {} }],
  ["openTimeout", { openTimeout: -1 }],
  ["openTimeout", { openTimeout: "5" }],
  ["shouldReconnect", { shouldReconnect: true }],
  ["pageLifecycle", { pageLifecycle: 1 }],
  ["signal", { signal: new AbortController() }],
];

for (const [name, given] of options) {
  test(`option ${name}: ${describe(given)}`, async () => {
    const error = thrown(() => after(closer(connect(address, given))), "connect");
    equal([error.name, error.code], ["EverwireError", "invalid-option"], "error");
    ok(error instanceof Error, "an Error");
    ok(error.message.includes(name), `the message names ${name}: ${error.message}`);
  });
}

test("options must be an object", async () => {
  for (const given of ["fast", 5, true, []]) {
    const error = thrown(() => after(closer(connect(address, given))), `connect with ${given}`);
    equal([error.name, error.code], ["EverwireError", "invalid-option"], "error");
  }
});

const urls = [
  ["ws://", {}],
  ["ws://[::1", {}],
  ["ftp://127.0.0.1/", {}],
  ["mailto:a@b.c", {}],
  ["javascript:alert(1)", { transport: "websocket" }],
  ["wss://host:99999/", {}],
  [ws("/echo"), { transport: "eventsource" }],
  [ws("/echo"), { transport: "fetch" }],
  [{ sse: sse("/ticker") }, { transport: "websocket" }],
  [{ websocket: ws("/echo") }, { transport: "eventsource" }],
  [{}, {}],
  [undefined, {}],
  [null, {}],
  [5, {}],
];

for (const [url, given] of urls) {
  test(`address ${JSON.stringify(url)} ${describe(given)}`, async () => {
    const error = thrown(() => after(closer(connect(url, given))), "connect");
    equal(error.name, "EverwireError", "name");
    ok(error.code === "invalid-url" || error.code === "invalid-option", `code ${error.code}`);
    if (typeof url === "string") equal(error.code, "invalid-url", "code");
    ok(error.message.length > 20, `a sentence: ${error.message}`);
    ok(!error.message.includes("secret"), "no part of the address that may be secret");
  });
}

test("an error does not repeat a token", async () => {
  const error = thrown(() => connect("ftp://127.0.0.1/?token=secret-1"), "connect");
  ok(!error.message.includes("secret-1") && !String(error.stack).includes("secret-1"), error.message);
});

test("http takes fetch, ws takes a WebSocket", async () => {
  for (const [given, transport] of [
    [sse("/ticker"), "fetch"],
    ["/ticker", "fetch"],
    [address, "websocket"],
  ]) {
    const made = client(given);
    equal(made.transport, transport, given);
    made.close(); // In the same task: nothing is opened.
  }
});

test("nothing refused has opened anything", async () => {
  equal((await stats()).connections, 0, "connections");
});

test("close refuses codes and reasons that the browser would, and stays open", async () => {
  const made = client(address);
  const seen = watch(made);
  await made.opened();
  for (const [code, reason] of [
    [999],
    [1001],
    [2999],
    [5000],
    [1000.5],
    ["x"],
    [NaN],
    [-1],
    [1000, "é".repeat(62)],
    [3000, 5],
  ]) {
    const error = thrown(() => made.close(code, reason), `close(${code}, ${reason})`);
    equal([error.name, error.code], ["EverwireError", "invalid-option"], `close(${code}, ${reason})`);
  }
  equal([made.state, seen.closed], ["open", null], "still open");
  made.close(4999, "é".repeat(61));
  equal([made.state, seen.closed.reason], ["closed", "app"], "closed");
  made.close(1000);
  equal(seen.events.filter((type) => type === "close").length, 1, "close events");
});

test("close takes 1000 and 3000", async () => {
  for (const code of [1000, 3000, undefined]) {
    const made = client(address);
    await made.opened();
    made.close(code, code && "bye");
    equal(made.state, "closed", `close(${code})`);
  }
  await waitFor(async () => (await stats()).connections === 0, "no connection at the server");
});

test("send rejects what it cannot encode, on refuses what is no handler", async () => {
  const made = client(address);
  await made.opened();
  const circular = {};
  circular.self = circular;
  for (const value of [circular, 5n, undefined, () => {}, Symbol("x")]) {
    const error = await rejection(made.send(value), `send(${typeof value})`);
    equal([error.name, error.code], ["EverwireError", "encode"], `send(${typeof value})`);
  }
  equal((await made.send("still")).status, "sent", "afterwards");
  for (const given of [undefined, 5, "x"]) {
    const error = thrown(() => made.on("type", given), `on("type", ${given})`);
    equal(error.name === "EverwireError" || error.name === "TypeError", true, `on("type", ${given}): ${error.name}`);
  }
});

function closer(made) {
  return () => made?.close();
}

function describe(given) {
  return JSON.stringify(given, (_, value) => (typeof value === "number" ? String(value) : value));
}

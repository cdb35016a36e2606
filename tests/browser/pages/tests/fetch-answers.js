// Event streams over fetch: which answers are one, by the Fetch standard, and as the engine's own EventSource has it.
import { client, watch } from "../client.js";
import { after, engine, equal, test, waitFor } from "../harness.js";
import { page, script, unique, wire } from "../server.js";

const closed = (seen) => waitFor(() => seen.closed, "the close event");
/**
 * @param {Record<string, any>} query
 * @param {any[][][]} [attempts]
 */
const dressed = (query, attempts = [[["send", "data: a\n\n"]]]) => {
  const plan = script("sse", attempts);
  return { ...plan, url: `${plan.url}&${new URLSearchParams(query)}` };
};

/** Whether the engine's own class opens it. */
function native(url) {
  const source = new EventSource(url);
  after(() => source.close());
  return new Promise((resolve) => {
    source.onmessage = () => resolve(true);
    source.onerror = () => resolve(false);
  }).finally(() => source.close());
}

/**
 * `[value, whether it is an event stream's]`: a line for each header.
 * @type {[string, boolean][]}
 */
const TYPES = [
  ["text/event-stream", true],
  ["TEXT/Event-Stream", true],
  ["text/event-stream;charset=utf-8", true],
  ['text/event-stream; charset="utf-8"', true],
  ["text/event-stream ;x=y", true],
  ["text/event-stream;", true],
  ["text/event-stream;;=", true],
  ["\ttext/event-stream\t", true],
  ["text/event-stream,", true],
  [", text/event-stream", true],
  ["text/event-stream, text/event-stream", true],
  ["text/event-stream\ntext/event-stream", true],
  ["text/plain, text/event-stream", true],
  ["text/html\ntext/event-stream", true],
  ["text/event-stream, */*", true],
  ["text/event-stream\n*/*;q=1", true],
  ["*/*, text/event-stream", true],
  ["text/event-stream, none", true],
  ["text/event-stream, text/", true],
  ["text/event-stream, /plain", true],
  ["text/event-stream, te xt/plain", true],
  ['text/event-stream;x="a,b/c"', true],
  ['text/event-stream;x="a\\",text/plain"', true],
  ['text/event-stream;x=", text/plain', true],
  ["text/event-stream, text/plain", false],
  ["text/event-stream\ntext/plain", false],
  ['text/plain;x=", text/event-stream;"', false],
  ['text/plain;x="\\", text/event-stream', false],
  // By the standard it is none.
  ["text/event-stream text/plain", true],
  ["text/event-stream, text/plain x", true],
  ["text/plain, text/event-stream x", true],
  ["text/event-streams", false],
  ["text /event-stream", false],
  ["text/ event-stream", false],
  ["text;event-stream", false],
  ["application/json", false],
  ["*/*", false],
  ["", false],
];

test("the content type is read as the Fetch standard has it; what the native EventSource opens opens here", async () => {
  const wrong = [];
  for (const [type, expected] of TYPES) {
    // To its end, as Chromium looks into what may be text/plain before it says anything.
    const { url } = dressed({ type }, [[["send", "data: a\n\n"], ["end"]]]);
    const made = client(url);
    const seen = watch(made);
    await waitFor(() => seen.closed || seen.messages.length > 0, type);
    const opened = seen.messages.length > 0;
    made.close();
    const browser = await native(url);
    // WebKitGTK (2.50) takes the first of several headers, and not the last.
    const first = engine === "webkit" && /^text\/event-stream(, |\n)text\/plain$/.test(type);
    if (opened !== expected || (browser && !opened && !first))
      wrong.push([type, `expected ${expected}, everwire ${opened}, native ${browser}`]);
  }
  equal(wrong, [], "content types");
});

test("a content type of any length is read in no time", async () => {
  const many = ",text/event-stream".repeat(28_000);
  for (const [type, opens] of /** @type {[string, boolean][]} */ ([
    [`${many},a/b${",".repeat(500_000)}`, false],
    [`${many},a/b${`,${" ".repeat(999)}`.repeat(500)}`, false],
    [`${many}${",".repeat(500_000)}`, true],
    [`text/event-stream;a="${'\\"'.repeat(250_000)}`, true],
  ])) {
    const fetch = async () => new Response("data: a\n\n", { headers: { "content-type": type } });
    const seen = watch(client("/", { reconnect: false, http: { fetch } }));
    await closed(seen);
    equal([seen.messages.length > 0, seen.closed.error?.code === "content-type"], [opens, !opens], type.slice(-9));
  }
});

test("http.contentType takes a stream without a content type, or with any", async () => {
  for (const [contentType, type, opens] of [
    ["required", "", false],
    ["optional", "", true],
    ["optional", "text/plain", false],
    ["any", "", true],
    ["any", "text/plain", true],
  ]) {
    const seen = watch(client(dressed({ type }).url, { http: { contentType } }));
    await waitFor(() => seen.closed || seen.messages.length > 0, `${contentType} ${type}`);
    equal(seen.messages.length > 0, opens, `${contentType} and "${type}"`);
    if (!opens) equal([seen.closed.reason, seen.closed.error.code], ["fatal", "content-type"], "close event");
  }
});

for (const status of [200, 201, 202, 203, 206, 226, 299]) {
  test(`an event stream that answers a POST with ${status}`, async () => {
    const plan = dressed({ status }, [[["send", "data: hello\n\ndata: [DONE]\n\n"]]]);
    const post = watch(
      client(plan.url, { http: { method: "POST", body: "{}" }, until: ({ data }) => data === "[DONE]" }),
    );
    equal([(await closed(post)).reason, post.data], ["ended", ["hello", "[DONE]"]], "by POST");
    const get = watch(client(plan.url, { until: ({ data }) => data === "[DONE]" }));
    const { reason, error } = await closed(get);
    // The standard, and each engine's EventSource: 200 alone.
    equal([reason, error?.status], status === 200 ? ["ended", undefined] : ["fatal", status], "by GET");
    equal(await native(dressed({ status }).url), status === 200, "natively");
  });
}

test("a POST's 204 is the end, 205 and another type are none", async () => {
  const post = { http: { method: "POST", body: "{}" } };
  equal((await closed(watch(client(dressed({ status: 204 }).url, post)))).reason, "ended", "204");
  const reset = await closed(watch(client(script("sse", [[["status", 205, "text/event-stream"]]]).url, post)));
  equal([reset.reason, reset.error.code, reset.error.status], ["fatal", "http", 205], "205");
  const json = await closed(watch(client(dressed({ status: 201, type: "application/json" }).url, post)));
  equal([json.error.code, json.error.status], ["content-type", 201], "JSON");
});

for (const status of [301, 302, 303, 307, 308]) {
  test(`a stream behind a ${status}, to another origin that answers no preflight, comes back after a loss with its cursor`, async () => {
    for (const base of [page, wire]) {
      const plan = dressed({ preflight: "0" }, [
        [["send", "id: 1\ndata: a\n\n"], ["wait", 30], ["reset"]],
        [["send", "id: 1\ndata: a\n\nid: 2\ndata: b\n\n"], ["end"]],
      ]);
      const made = client(`${base}/redirect?${new URLSearchParams({ status: `${status}`, to: plan.url })}`);
      const seen = watch(made);
      await waitFor(() => seen.data.includes("b"), `the second connection from ${base}`);
      equal([seen.data, seen.retries[0].failure.code], [["a", "b"], "network"], "messages, and the loss");
      made.close();
      equal([(await plan.log()).length, made.stats().outcome], [2, "recovered"], "requests");
    }
  });
}

test("resume.request: its address gets nothing added; the page's own origin gets the header", async () => {
  for (const resume of [{}, { name: "after" }]) {
    const key = unique();
    const start = script("sse", [[["send", "id: j:1\ndata: a\n\n"], ["end"]]]);
    const again = script("sse", [[["send", "id: j:2\ndata: b\n\n"]]]);
    const seen = watch(
      client(start.url, {
        http: { method: "POST", headers: { "content-type": "application/json", "x-test": key }, body: "{}" },
        resume: { ...resume, request: () => again.url },
      }),
    );
    await waitFor(() => seen.data.includes("b"), "the second request");
    const [{ method, query, headers }] = await again.log();
    equal([method, Object.keys(query)], ["GET", ["key"]], "nothing in the address");
    equal(
      [headers["last-event-id"], headers["content-type"], headers["x-test"]],
      [undefined, undefined, key],
      "headers",
    );
    equal(
      seen.gaps.map(({ outcome }) => outcome),
      ["unknown"],
      "gaps",
    );
  }
});

// Several endpoints: the next one when one fails, with the cursor; back when it is asked for.
import { client, Counter, noFlaws, watch } from "../client.js";
import { equal, ok, test, thrown, waitFor } from "../harness.js";
import { app, fault, script, sse, toWebSocket, unique, ws } from "../server.js";

/** @type {[string, (path: string) => string, (path: string) => string, any][]} */
const transports = [
  ["websocket", ws, (path) => toWebSocket(app + path), { resume: { id: "eventId", seq: "seq" } }],
  ["fetch", sse, (path) => app + path, { resume: { seq: "seq" } }],
  ["eventsource", sse, (path) => app + path, { transport: "eventsource" }],
];

for (const [name, first, second, options] of transports) {
  test(`${name}: goes on at the next endpoint, nothing missing and nothing twice`, async () => {
    const path = "/count?to=100000&rate=500";
    const made = client([first(path), second(path)], options);
    const counter = new Counter();
    made.on((message) => counter.add(message.data.seq));
    await waitFor(() => counter.received > 100, "the first messages");
    ok(made.url.startsWith(first(path)), made.url);
    await fault("/fault/refuse?ms=0");
    const before = counter.received;
    await waitFor(() => counter.received > before + 200, "messages from the second endpoint");
    ok(made.url.startsWith(second(path)), made.url);
    await fault("/fault/clear");
    made.reconnect();
    await waitFor(
      () => made.state === "open" && made.url.startsWith(first(path)),
      () => `the first endpoint, at ${made.url}`,
    );
    const again = counter.received;
    await waitFor(() => counter.received > again + 100, "messages from the first one again");
    equal([counter.first, counter.flaws], [1, noFlaws], "received");
  });
}

test("endpoints of several kinds, functions too; each is checked at once", async () => {
  const asked = [];
  const made = client([
    () => {
      asked.push(1);
      throw new Error("no address today");
    },
    { sse: sse("/count?to=3") },
  ]);
  made.on(() => {});
  await waitFor(() => made.lastEventId === "3", "message 3");
  equal([asked.length, made.transport], [1, "fetch"], "asked");
  equal(thrown(() => client([ws("/echo"), "ftp://example.com"])).code, "invalid-url", "the second one");
  equal(thrown(() => client([])).code, "invalid-url", "none");
});

test("shuffle: each of them is first for some", async () => {
  // Frozen: the caller's array is left alone.
  const urls = Object.freeze(["/a", "/b", "/c"].map((path) => sse(path)));
  const first = new Set();
  for (let n = 0; n < 100; n++) {
    const fetch = (url) => {
      first.add(url);
      return new Promise(() => {});
    };
    const made = client(urls, { shuffle: true, http: { fetch } });
    // The first attempt starts in a microtask.
    await new Promise((resolve) => setTimeout(resolve));
    made.close();
  }
  equal([...first].sort(), urls, "first");
});

const FAST = { reconnect: { initialDelay: 100 } };
const answer = (query) => sse(`/answer?key=${unique()}&${query}`);
const refusing = (code) => script("ws", [[["close", code, "not here"]]]);
/** @type {[string, () => string, (path: string) => string][]} */
const refusals = [["a login page", () => answer("type=text/html&body=log%20in"), sse]];
for (const status of [400, 403, 404, 405, 410]) refusals.push([`${status}`, () => answer(`status=${status}`), sse]);
for (const code of [1008, 4400, 4403, 4404]) refusals.push([`${code}`, () => refusing(code).url, ws]);
for (const [name, refuse, kind] of refusals)
  test(`what one endpoint refuses is asked of the next one: ${name}`, async () => {
    const seen = watch(client([refuse(), kind("/count?to=3")], FAST));
    await waitFor(() => seen.messages.length === 3, "messages from the second endpoint");
    equal([seen.retries.length, seen.retries[0].failure.class, seen.closed], [1, "fatal", null], "told");
  });

test("when all have refused it is the end, and the last one says why", async () => {
  const plans = [refusing(4403), refusing(4404)];
  const seen = watch(client([...plans.map(({ url }) => url), answer("status=403")], FAST));
  const { reason, error } = await waitFor(() => seen.closed, "the end");
  equal([reason, error.code, error.status], ["fatal", "http", 403], "close event");
  for (const plan of plans) equal((await plan.log()).length, 1, "attempts");
});

test("what is about the request is the end, whatever other endpoints there are", async () => {
  for (const status of [413, 414, 415, 422]) {
    const other = script("sse", [[["send", "data: in\n\n"]]]);
    const seen = watch(client([answer(`status=${status}`), other.url], FAST));
    const { reason, error } = await waitFor(() => seen.closed, "the end");
    equal(
      [reason, error.status, (await other.log()).length],
      ["fatal", status, 0],
      "close event, attempts at the other",
    );
  }
});

// Several endpoints: the next one when one fails, with the cursor; back when it is asked for.
import { client, Counter, noFlaws } from "../client.js";
import { equal, ok, test, thrown, waitFor } from "../harness.js";
import { app, fault, sse, toWebSocket, ws } from "../server.js";

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

// A burst of messages: what it leaves the page.
import { client } from "../client.js";
import { equal, ok, test, waitFor } from "../harness.js";
import { fault, script, sse } from "../server.js";

const numbers = (from, to) => Array.from({ length: to - from + 1 }, (_, at) => from + at);

/** @type {[string, any][]} */
const transports = [
  ["fetch", {}],
  ["eventsource", { transport: "eventsource" }],
];

for (const [name, options] of transports) {
  test(`${name}: a burst leaves the page its turns, and close() is the last of it`, async () => {
    const path = (to) => sse(`/count?to=${to}&rate=1000000`);
    const made = client(path(1000), options);
    const seen = [];
    let turns = 0,
      sum = 0;
    const turn = () => {
      turns++;
      if (made.state !== "closed") setTimeout(turn);
    };
    made.on(({ data }) => {
      for (let n = 0; n < 800_000; n++) sum += n;
      if (seen.push(data.seq) === 1) setTimeout(turn);
      if (data.seq === 500) fault("/proxy/reset");
    });
    await waitFor(() => seen.at(-1) === 1000, "message 1 000");
    equal(seen, numbers(1, 1000), "messages");
    ok(turns > 4, `${turns} turns in between, ${sum}`);
    // Firefox lets a timer of the page's wait for many slices.
    const other = client(path(5000), options);
    const got = [];
    other.on(({ data }) => {
      for (let n = 0; n < 800_000; n++) sum += n;
      if (got.push(data.seq) === 1) {
        // A task of the page's own, between two slices.
        setTimeout(() => {
          got.push("closed");
          other.close();
        });
      }
    });
    await waitFor(() => other.state === "closed", "close");
    await waitFor(() => turns, "a turn");
    ok(got.length < 5000 && got.at(-1) === "closed", `${got.length} messages, the last ${got.at(-1)}`);
  });
}

for (const [name, options] of transports) {
  test(`${name}: messages one at a time ask for no frame`, async () => {
    const { requestAnimationFrame } = globalThis;
    let asked = 0;
    globalThis.requestAnimationFrame = (callback) => {
      asked++;
      return requestAnimationFrame(callback);
    };
    try {
      const seen = [];
      client(sse("/count?to=40&rate=50"), options).on(({ data }) => seen.push(data.seq));
      await waitFor(() => seen.at(-1) === 40, "message 40");
      ok(asked < 10, `${asked} frames`);
    } finally {
      globalThis.requestAnimationFrame = requestAnimationFrame;
    }
  });
}

/** @type {[string, string, any, any][]} */
const losses = [
  ["fetch", "sse", ["end"], {}],
  ["eventsource", "sse", ["end"], { transport: "eventsource" }],
  ["websocket", "ws", ["close", 1011], {}],
];
for (const [name, kind, last, options] of losses) {
  test(`${name}: a loss is told after the messages before it`, async () => {
    const text = (n) => (kind === "ws" ? `${n}` : `data: ${n}\n\n`);
    const sends =
      kind === "ws" ? numbers(1, 30).map((n) => ["send", text(n)]) : [["send", numbers(1, 30).map(text).join("")]];
    const made = client(script(kind, [[...sends, last], []]).url, options);
    const seen = [];
    let sum = 0;
    made.on(({ data }) => {
      // Some ms of work, so that they do not fit into one slice.
      for (let n = 0; n < 1_000_000; n++) sum += n;
      seen.push(data);
    });
    made.addEventListener("retry", () => seen.push("retry"));
    await waitFor(
      () => seen.includes("retry"),
      () => `the loss, ${sum}`,
    );
    equal(seen, [...numbers(1, 30).map(String), "retry"], "order");
  });
}

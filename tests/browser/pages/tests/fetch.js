// Event streams over fetch, when nothing goes wrong: what EventSource does, and what it cannot.
import { client, watch } from "../client.js";
import { after, engine, equal, ok, test, waitFor } from "../harness.js";
import { app, script, sse, wire, ws } from "../server.js";

const stream = (...chunks) => script("sse", [chunks.map((chunk) => ["send", chunk])]);
const bytesOf = (text) => [...new TextEncoder().encode(text)];
/** Each byte is a chunk of its own on the wire. */
const byteByByte = (text) =>
  script("sse", [
    bytesOf(text).flatMap((byte) => [
      ["bytes", [byte]],
      ["wait", 1],
    ]),
  ]);

test("opens, tells, and closes in order", async () => {
  // Firefox shows an answer only when its first byte has come, the others when its headers have.
  const made = client(script("sse", [engine === "firefox" ? [["send", ":\n"]] : []]).url);
  equal([made.state, made.readyState], ["connecting", 0], "at once");
  const seen = watch(made);
  await made.opened();
  equal([made.state, made.readyState, made.transport], ["open", 1, "fetch"], "open");
  made.close();
  equal([made.state, made.readyState], ["closed", 2], "closed");
  equal(seen.events, ["statechange", "open", "statechange", "close"], "events");
  equal([seen.closed.reason, seen.closed.code, seen.closed.error], ["app", 0, null], "close event");
});

test("events of any name, without being asked for", async () => {
  const plan = stream(
    "id: 1\ndata: plain\n\n",
    'id: 2\nevent: price\ndata: {"p":1}\n\n',
    "id: 3\nevent: error\ndata: bad\n\n",
    "id: 4\nevent: open\ndata: gate\n\nevent: never heard of\ndata: x\n\n",
    'id: 5\ndata: {"type":"inner","v":2}\n\n',
    "id: 6\ndata: one\ndata: two\n\ndata\n\n",
  );
  const made = client(plan.url);
  const heard = [];
  made.on("error", (message) => heard.push(message.data));
  const seen = watch(made);
  await waitFor(
    () => seen.messages.length === 8,
    () => `8 messages, have ${JSON.stringify(seen.messages)}`,
  );
  equal(
    seen.messages.map((message) => message.type),
    ["message", "price", "error", "open", "never heard of", "inner", "message", "message"],
    "types",
  );
  equal(seen.data, ["plain", { p: 1 }, "bad", "gate", "x", { type: "inner", v: 2 }, "one\ntwo", ""], "data");
  equal(
    seen.messages.map((message) => message.lastEventId),
    ["1", "2", "3", "4", "4", "5", "6", "6"],
    "ids",
  );
  equal([seen.messages[0].transport, seen.messages[0].origin], ["fetch", wire], "message");
  equal(heard, ["bad"], "on(error)");
});

test("any chunking: byte by byte, with a BOM, CRs, and characters of each length", async () => {
  const text = "\ufeffid: ä1\r\nevent: é\rdata: 日本😀\ndata: x\r\n\r\n: comment\r\rdata: y\n\n";
  const seen = watch(client(byteByByte(text).url));
  await waitFor(
    () => seen.messages.length === 2,
    () => `2 messages, have ${JSON.stringify(seen.messages)}`,
  );
  equal(
    seen.messages.map(({ data, type, lastEventId }) => [data, type, lastEventId]),
    [
      ["日本😀\nx", "é", "ä1"],
      ["y", "message", "ä1"],
    ],
    "messages",
  );
});

test("malformed UTF-8 becomes U+FFFD, and what follows is in its place", async () => {
  const bytes = [
    ...bytesOf("data: a"),
    0xf0,
    0x9f,
    ...bytesOf("b"),
    0x80,
    ...bytesOf("\nid: ö"),
    0xff,
    ...bytesOf("\n\ndata: €\n\n"),
  ];
  const seen = watch(client(script("sse", [[["bytes", bytes]]]).url));
  await waitFor(() => seen.messages.length === 2, "2 messages");
  equal(
    seen.messages.map(({ data, lastEventId }) => [data, lastEventId]),
    [
      ["a\ufffdb\ufffd", "ö\ufffd"],
      ["€", "ö\ufffd"],
    ],
    "messages",
  );
});

test("the request: method, headers, body, cache and accept", async () => {
  const plan = stream("data: x\n\n");
  const made = client(plan.url, {
    http: { method: "post", headers: { "x-test": "1", authorization: "Bearer t" }, body: '{"a":1}' },
  });
  const seen = watch(made);
  await waitFor(() => seen.messages.length === 1, "the message");
  const [{ method, headers, received }] = await plan.log();
  equal(
    [method, headers.accept, headers["x-test"], headers.authorization, received],
    ["POST", "text/event-stream", "1", "Bearer t", ['{"a":1}']],
    "request",
  );
  ok(/no-cache|no-store/.test(headers["cache-control"] ?? "no-store"), `cache-control ${headers["cache-control"]}`);
});

test("headers and body are asked for each attempt, with its context", async () => {
  const plan = script("sse", [
    [["status", 401]],
    [["send", "id: 1\ndata: a\n\n"], ["wait", 30], ["end"]],
    [["send", "id: 2\ndata: b\n\n"]],
  ]);
  const asked = [];
  const made = client(plan.url, {
    http: {
      method: "PUT",
      headers: async ({ reason, lastEventId }) => {
        asked.push([reason, lastEventId]);
        return { "x-test": reason };
      },
      body: ({ attempt }) => `attempt ${attempt}`,
    },
  });
  const seen = watch(made);
  await waitFor(() => seen.messages.length === 2, "2 messages");
  equal(
    asked,
    [
      ["initial", ""],
      ["unauthorized", ""],
      ["reconnect", "1"],
    ],
    "asked",
  );
  const log = await plan.log();
  equal(
    log.map(({ headers }) => headers["x-test"]),
    ["initial", "unauthorized", "reconnect"],
    "headers",
  );
  equal(log.map(({ received }) => received[0]).length, 3, "bodies");
});

test("a headers function that fails is one failed attempt", async () => {
  const plan = stream("data: x\n\n");
  let calls = 0;
  const made = client(plan.url, {
    http: {
      headers: () => {
        if (calls++ === 0) throw new Error("no token");
        return {};
      },
    },
  });
  const seen = watch(made);
  await waitFor(() => seen.messages.length === 1, "the message");
  equal(
    [seen.retries.length, seen.retries[0].failure.code, seen.retries[0].failure.cause.message],
    [1, "provider", "no token"],
    "failure",
  );
});

test("withCredentials sends the cookie, and only then", async () => {
  document.cookie = "everwire=yes; path=/";
  after(() => {
    document.cookie = "everwire=; path=/; max-age=0";
  });
  for (const withCredentials of [true, false]) {
    const plan = stream("data: x\n\n");
    await client(plan.url, { withCredentials }).opened();
    const [entry] = await plan.log();
    equal((entry.headers.cookie ?? "").includes("everwire=yes"), withCredentials, `cookie with ${withCredentials}`);
  }
});

test("a fetch of the caller's own", async () => {
  const calls = [];
  const made = client(stream("data: x\n\n").url, {
    http: {
      fetch: (url, init) => {
        calls.push([typeof url, init.signal instanceof AbortSignal]);
        return fetch(url, init);
      },
    },
  });
  await made.opened();
  equal(calls, [["string", true]], "calls");
});

test("comments reach who asks for them, and no one else", async () => {
  const heard = [];
  const made = client(stream(": one\n", ":two\n\n", "data: x\n: three\n\n").url, {
    http: { onComment: (text) => heard.push(text) },
  });
  const seen = watch(made);
  await waitFor(() => seen.messages.length === 1, "the message");
  equal(heard, ["one", "two", "three"], "comments");
  equal(seen.data, ["x"], "messages");
});

test("codec text, own codec, for await", async () => {
  const text = client(stream('data: {"a":1}\n\n').url, { codec: "text" });
  for await (const message of text) {
    equal(message.data, '{"a":1}', "text");
    break;
  }
  const own = client(stream("data: x\n\n").url, { codec: { decode: (data) => [data], encode: String } });
  for await (const message of own) {
    equal(message.data, ["x"], "own codec");
    break;
  }
});

test("for await: a slow loop stops the reading, and nothing is lost", async () => {
  const made = client(`${app}/count?to=5000&rate=1000000`, { heartbeat: { interval: 1_000, timeout: 500 } });
  const seen = [];
  let most = 0;
  for await (const message of made) {
    seen.push(message.data.n ?? message.data.seq ?? message.data);
    if (seen.length === 10) {
      // Longer than the heartbeat's patience: nobody reads, so nobody may call it dead.
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      most = made.stats().delivered;
    }
    if (seen.length === 5000) break;
  }
  equal(seen.length, 5000, "messages");
  ok(most <= 1100, `delivered ${most} while nobody read`);
  equal(made.stats().opens, 1, "connections");
});

test("the origin is that of the address after a redirect", async () => {
  const there = stream("data: x\n\n").url.replace(wire, app);
  const made = client(`${wire}/redirect?status=302&to=${encodeURIComponent(there)}`);
  const seen = watch(made);
  await waitFor(() => seen.messages.length === 1, "the message");
  equal(seen.messages[0].origin, app, "origin");
  ok(made.url.startsWith(wire), `url ${made.url}`);
});

for (const status of [301, 302, 303, 307, 308]) {
  test(`redirect ${status} is followed`, async () => {
    const plan = stream("data: x\n\n");
    const made = client(`${wire}/redirect?status=${status}&to=${encodeURIComponent(plan.url)}`);
    const seen = watch(made);
    await waitFor(() => seen.messages.length === 1, "the message");
  });
}

test(
  "an event of 7 MB and one of 14 MB",
  async () => {
    for (const bytes of [7_000_000, 14_000_000]) {
      const made = client(sse(`/big?bytes=${bytes}`), { codec: "text" });
      const seen = watch(made);
      await waitFor(
        () => seen.messages.at(-1)?.data.length === bytes,
        () => `${bytes} bytes, have ${seen.messages.map(({ data }) => data.length)}`,
        30_000,
      );
      const { data } = seen.messages.at(-1);
      equal(
        [data.slice(0, 28), data.charCodeAt(bytes - 1)],
        ["abcdefghijklmnopqrstuvwxyzab", 97 + ((bytes - 1) % 26)],
        "its text",
      );
      made.close();
    }
  },
  { seconds: 180 },
);

test("an event above maxEventBytes is a typed error, after those before it", async () => {
  const plan = stream(`id: 1\ndata: ok\n\ndata: ${"x".repeat(300)}\n\ndata: never\n\n`);
  const seen = watch(client(plan.url, { maxEventBytes: 200 }));
  await waitFor(() => seen.closed, "close");
  equal([seen.closed.reason, seen.closed.error.code, seen.data], ["fatal", "too-big", ["ok"]], "close event");
});

test("close inside a handler is the last of a chunk", async () => {
  const made = client(stream("data: 1\n\ndata: 2\n\ndata: 3\n\n").url);
  const seen = watch(made);
  made.on((message) => {
    if (message.data === "2") made.close();
  });
  await waitFor(() => seen.closed, "close");
  await new Promise((resolve) => setTimeout(resolve, 50));
  equal(seen.data, ["1", "2"], "messages");
});

test("reconnect inside a handler: the rest of the chunk comes with the next connection", async () => {
  const plan = script("sse", [
    [["send", "id: 1\ndata: 1\n\nid: 2\ndata: 2\n\nid: 3\ndata: 3\n\n"]],
    [["send", "id: 3\ndata: 3\n\nid: 4\ndata: 4\n\n"]],
  ]);
  const made = client(plan.url);
  const seen = watch(made);
  made.on((message) => {
    if (message.data === "2") made.reconnect();
  });
  await waitFor(
    () => seen.messages.length === 4,
    () => `4 messages, have ${seen.data}`,
  );
  equal(seen.data, ["1", "2", "3", "4"], "messages");
});

test("in a dedicated worker", async () => {
  const worker = new Worker("/worker.js", { type: "module" });
  after(() => worker.terminate());
  const answer = new Promise((resolve) => {
    worker.onmessage = ({ data }) => resolve(data);
  });
  worker.postMessage(stream("id: 1\ndata: from a worker\n\n").url);
  equal(await answer, { data: "from a worker", lastEventId: "1", transport: "fetch" }, "message");
});

test("an event of short lines takes no more memory than one of long ones, and ends its own client only", async () => {
  const { Instance } = WebAssembly;
  const memories = [];
  WebAssembly.Instance = class extends Instance {
    constructor(module, imports) {
      super(module, imports);
      memories.push(this.exports.memory);
    }
  };
  after(() => {
    WebAssembly.Instance = Instance;
  });
  const megabytes = () => memories[0].buffer.byteLength / 2 ** 20;
  // The page's instance may be an old one.
  const old = client(sse("/big?bytes=8000000"), { codec: "text" });
  await new Promise((resolve) => old.on(resolve));
  old.close();
  // A client is let go of by a task of its own, as its handlers may still run.
  const task = () => new Promise((resolve) => setTimeout(resolve));
  await task();
  memories.length = 0;

  const other = client(ws("/echo"));
  await other.opened();
  equal(memories.length, 1, "a new instance, as the old one had become large");
  const before = megabytes();
  for (const line of ["id\n", "data\n", "event: e\n", "data: x\r\n", "data: 0123456789\n"]) {
    let left = 4_000_000 / line.length;
    const body = () =>
      new ReadableStream({
        pull(controller) {
          controller.enqueue(new TextEncoder().encode(left > 0 ? line.repeat(10_000) : "\n\n"));
          if (left < 0) controller.close();
          left -= 10_000;
        },
      });
    const made = client("/short", {
      maxEventBytes: 5_000_000,
      reconnect: false,
      http: { fetch: async () => new Response(body(), { headers: { "content-type": "text/event-stream" } }) },
    });
    const seen = watch(made);
    await waitFor(
      () => seen.messages.length > 0 || seen.closed,
      () => `${JSON.stringify(line)}: the end`,
    );
    equal(made.lastFailure?.code, line.length > 10 ? undefined : "too-big", JSON.stringify(line));
    made.close();
  }
  equal(other.state, "open", "the other client");
  ok(megabytes() - before < 25, `${megabytes()} MB, from ${before}`);
  other.close();
  await task();
  await client(ws("/echo")).opened();
  equal(memories.length, 2, "what it took is given back");
});

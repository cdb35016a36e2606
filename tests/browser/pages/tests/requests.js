// Questions and answers: `everwire/duplex`.
import { connect, RequestError } from "/pkg/duplex.js";
import { quick } from "../client.js";
import { after, equal, ok, rejection, test, thrown, waitFor } from "../harness.js";
import { fault, script, sse, unique, ws } from "../server.js";

function client(endpoint, options = {}) {
  const made = connect(endpoint, { reconnect: quick, ...options });
  after(() => made.close());
  return made;
}
const failure = async (promise) => {
  const error = await rejection(promise);
  ok(error instanceof RequestError, `${error}`);
  return error.code;
};
const received = async (plan) => (await plan.log()).map((attempt) => attempt.received);

test("each gets the reply with its id, and no handler does", async () => {
  const made = client(ws("/echo"));
  const seen = [];
  made.on((message) => seen.push(message.data));
  const replies = await Promise.all(Array.from({ length: 500 }, (_, n) => made.request({ n })));
  equal(
    replies.map(({ data }) => data.n),
    Array.from({ length: 500 }, (_, n) => n),
    "replies",
  );
  equal((await made.request({ id: "mine", n: 1 })).data, { id: "mine", n: 1 }, "an id of the caller's");
  equal((await made.request({ id: 7 })).data, { id: 7 }, "a number");
  made.send({ id: "other" });
  await waitFor(() => seen.length, "what is no reply");
  equal(seen, [{ id: "other" }], "messages");
});

test("names of the server's own", async () => {
  const plan = script("ws", [
    [["send", '{"re":"q","fault":null,"value":1}'], ["send", '{"re":"r","fault":"no"}'], ["mute"]],
  ]);
  const made = client(plan.url, { requests: { id: "rid", replyId: "re", error: "fault" } });
  const [first, second] = [made.request({ rid: "q" }), rejection(made.request({ rid: "r" }))];
  equal((await first).data.value, 1, "reply");
  equal([(await second).code, (await second).reply.data.fault], ["refused", "no"], "error");
});

test("the server's error", async () => {
  const made = client(ws("/echo"));
  const error = await rejection(made.request({ error: { why: "full" } }));
  equal(
    [error.name, error.code, error.reply.data.error.why, error.message.includes("full")],
    ["EverwireError", "refused", "full", false],
    "error",
  );
});

test("timeout, abort, close", async () => {
  const plan = script("ws", [[["mute"]]]);
  const made = client(plan.url, { requests: { timeout: 100 } });
  await made.opened();
  const abort = new AbortController();
  const asked = [
    made.request({ n: 1 }),
    made.request({ n: 2 }, { signal: abort.signal, timeout: 60_000 }),
    made.request({ n: 3 }, { timeout: 60_000 }),
    made.request({ n: 4 }, { signal: AbortSignal.abort() }),
  ].map(failure);
  abort.abort();
  equal(await asked[0], "timeout", "the default");
  made.close();
  equal(await Promise.all(asked), ["timeout", "aborted", "closed", "aborted"], "codes");
  equal(await failure(made.request({})), "closed", "afterwards");
});

test("what waits in the outbox when its time is over is not sent", async () => {
  const plan = script("ws", [[["echo"]]]);
  const made = client(plan.url, { reconnect: { initialDelay: 60_000, maxDelay: 60_000, jitter: "none" } });
  await made.opened();
  await fault("/fault/drop");
  await waitFor(() => made.state === "waiting", "waiting");
  equal(await failure(made.request({ n: 1 }, { timeout: 100 })), "timeout", "code");
  equal(made.stats().queued, 0, "queued");
  const later = made.request({ n: 2 });
  made.reconnect();
  equal((await later).data.n, 2, "the next one");
});

test("the connection is lost before the reply", async () => {
  const plan = script("ws", [[["mute"]], [["echo"]]]);
  const made = client(plan.url);
  await made.opened();
  const asked = failure(made.request({ n: 1 }));
  await waitFor(async () => (await received(plan))[0].length === 1, "the request at the server");
  await fault("/fault/drop");
  equal(await asked, "unknown", "code");
  equal((await made.request({ n: 2 })).data.n, 2, "on the next one");
});

test("or replaced by plan", async () => {
  const plan = script("ws", [[["mute"]], [["echo"]]]);
  const made = client(plan.url, { reconnect: { maxAge: 1_000 } });
  await made.opened();
  equal(await failure(made.request({ n: 1 })), "unknown", "code");
  equal(made.state, "open", "state");
});

test('onLoss "retry": asked again with the same id', async () => {
  const plan = script("ws", [[["mute"]], [["mute"]], [["echo"]]]);
  const made = client(plan.url, { requests: { onLoss: "retry" } });
  const asked = made.request({ id: unique(), n: 1 });
  for (const at of [0, 1]) {
    await waitFor(async () => (await received(plan))[at]?.length === 1, `the request at connection ${at}`);
    await fault("/fault/drop");
  }
  equal((await asked).data.n, 1, "reply");
  equal(new Set((await received(plan)).flat()).size, 1, "one and the same message");
});

test("a reply that comes late reaches nobody", async () => {
  const made = client(ws("/echo"));
  await made.opened();
  const seen = [];
  made.on(({ data }) => seen.push(data));
  await fault("/proxy/black-hole?direction=down");
  equal(await failure(made.request({ n: 1 }, { timeout: 50 })), "timeout", "code");
  await fault("/fault/clear");
  made.send("after it");
  await waitFor(() => seen.length, "what follows");
  equal(seen, ["after it"], "messages");
});

test("only its own late reply is hidden, by its whole id and once", async () => {
  const made = client(ws("/echo"));
  const seen = [];
  made.on(({ data }) => seen.push(data.text));
  const { id } = (await made.request({ n: 1 })).data;
  await fault("/proxy/black-hole?direction=down");
  equal(await failure(made.request({ n: 2 }, { timeout: 50 })), "timeout", "code");
  await fault("/fault/clear");
  const begin = id.slice(0, id.lastIndexOf("-") + 1);
  // Others, who have seen an id, say these.
  for (const [text, like] of Object.entries({
    same: id,
    begin: `${begin}999`,
    longer: `${id}1`,
    shorter: id.slice(0, -1),
  }))
    made.send({ id: like, text });
  await waitFor(() => seen.length >= 4, "all of them");
  equal(seen, ["same", "begin", "longer", "shorter"], "messages");
});

test("an id tells nothing of the next one", async () => {
  const ids = [];
  for (const made of [client(ws("/echo")), client(ws("/echo"))])
    for (let n = 0; n < 3; n++) ids.push((await made.request({ n })).data.id);
  const plan = script("ws", [[["mute"]]]);
  const made = client(plan.url, { outbox: { ack: true } });
  for (let n = 0; n < 3; n++) made.send({ n });
  await waitFor(async () => (await received(plan))[0]?.length === 3, "the messages");
  for (const text of (await received(plan))[0]) ids.push(JSON.parse(text).id);
  equal(new Set(ids.flatMap((id) => id.split("-"))).size, 4 * ids.length, `parts of ${ids}`);
});

test("beside acks", async () => {
  const made = client(ws("/echo"), { outbox: { ack: { id: "key", match: ({ data }) => data.key } } });
  const [sent, reply] = await Promise.all([made.send({ n: 1 }), made.request({ n: 2 })]);
  equal([sent.status, reply.data.n], ["acked", 2], "both");
});

test("what cannot be", async () => {
  for (const [name, options] of [
    ["requests", 5],
    ["requests.id", { id: "" }],
    ["requests.replyId", { replyId: 5 }],
    ["requests.error", { error: 5 }],
    ["requests.timeout", { timeout: 0 }],
    ["requests.onLoss", { onLoss: "again" }],
    ["requests.retry", { retry: true }],
  ]) {
    const error = await thrown(() => client(ws("/echo"), { requests: options }), name);
    equal([error.code, error.message.includes(name)], ["invalid-option", true], error.message);
  }
  equal(
    (await rejection(client(ws("/echo"), { codec: "text" }).request({}))).code,
    "invalid-option",
    "a codec without keys",
  );
  const made = client(ws("/echo"));
  for (const [message, options, code] of [
    ["text", {}, "encode"],
    [[1], {}, "encode"],
    [{ id: {} }, {}, "encode"],
    [{ big: 1n }, {}, "encode"],
    [{ id: 2 ** 53 }, {}, "encode"],
    [Promise.resolve({}), {}, "encode"],
    [{}, { timeout: -1 }, "invalid-option"],
    [{}, { signal: 1 }, "invalid-option"],
    [{}, { ttl: 1 }, "invalid-option"],
    [{}, 5, "invalid-option"],
  ])
    equal((await rejection(made.request(message, options))).code, code, `request(${typeof message})`);
  const twice = [made.request({ id: 1 }), rejection(made.request({ id: 1 }))];
  equal([(await twice[0]).data.id, (await twice[1]).code], [1, "encode"], "one id twice");
  const stream = client(sse("/count"));
  await stream.opened();
  equal(await failure(stream.request({})), "no-uplink", "over SSE");
});

test("an ack is no reply, whatever its id, and neither is a refusal", async () => {
  const plan = script("ws", [
    [
      ["send", '{"type":"ack","id":"a"}'],
      ["send", '{"type":"nack","id":"a"}'],
      ["send", '{"type":"price","id":"a","price":7}'],
      ["mute"],
    ],
  ]);
  const made = client(plan.url, { outbox: { ack: { refused: "nack" } } });
  const seen = [];
  made.on((message) => seen.push(message.data));
  equal((await made.request({ id: "a" })).data.price, 7, "reply");
  equal(seen, [], "messages");
});

test("what comes after the reply reaches the handlers", async () => {
  const sends = ["result", "event", "event"].map((type) => ["send", JSON.stringify({ type, id: "a" })]);
  const made = client(script("ws", [[...sends, ["mute"]]]).url);
  const seen = [];
  made.on(({ type }) => seen.push(type));
  equal((await made.request({ id: "a" })).type, "result", "reply");
  await waitFor(() => seen.length === 2, "the events");
  equal(seen, ["event", "event"], "messages");
});

test("who knows the id of a request that was not sent yet cannot answer it", async () => {
  const made = client(ws("/echo"), { rate: { messages: 1, per: 500 } });
  const seen = [];
  made.on(({ data }) => seen.push(data.text ?? data));
  await made.opened();
  // Echoed, while the request waits.
  made.send({ id: "a", text: "forged" });
  const asked = made.request({ id: "a", text: "real" });
  equal([(await asked).data.text, seen], ["real", ["forged"]], "reply, and messages");
});

test("numbers that no double holds are told apart as the server wrote them, or answer nobody", async () => {
  const plan = script("ws", [
    [["send", '{"id":9007199254740993,"of":"a neighbour"}'], ["send", '{"id":"9007199254740992","of":"it"}'], ["mute"]],
  ]);
  const made = client(plan.url);
  equal((await made.request({ id: "9007199254740992" })).data.of, "it", "reply");
});

test("what an error is: a key, whatever stands under it but null; or what a function says", async () => {
  const values = [false, 0, "", [], null, undefined];
  const made = client(ws("/echo"));
  const outcomes = (asked) =>
    Promise.all(
      asked.map((one) =>
        one.then(
          () => "ok",
          ({ code }) => code,
        ),
      ),
    );
  equal(
    await outcomes(values.map((error) => made.request({ error }))),
    ["refused", "refused", "refused", "refused", "ok", "ok"],
    "a key",
  );
  const own = client(ws("/echo"), { requests: { error: ({ data, type }) => type === "no" && data.why !== undefined } });
  equal(
    await outcomes([{ type: "no", why: 0 }, { type: "no" }, { error: 1 }].map((message) => own.request(message))),
    ["refused", "ok", "ok"],
    "a function",
  );
});

test("a request goes up as a message does, and the id", async () => {
  class Order {
    #article = 7;
    toJSON() {
      return { article: this.#article };
    }
  }
  const made = client(ws("/echo"));
  const { id, ...rest } = (await made.request(new Order())).data;
  equal([typeof id, rest], ["string", { article: 7 }], "what came back");
});

test("requests are no part of the window, and of drained() they are", async () => {
  const plan = script("ws", [[["mute"]]]);
  const made = client(plan.url, { outbox: { ack: true, inFlight: 1 } });
  await made.opened();
  const asked = [1, 2, 3].map((n) => failure(made.request({ n }, { timeout: 300 })));
  made.send({ n: 4 });
  await waitFor(async () => (await received(plan))[0].length === 4, "all of them at the server");
  equal(await Promise.all(asked), ["timeout", "timeout", "timeout"], "codes");
  made.close();
  await made.drained();
});

test("the id at a path, put in beside what is there", async () => {
  const made = client(ws("/echo"), { requests: { id: "meta.call.id" } });
  const reply = await made.request({ a: 1, meta: { trace: "t" } });
  equal([reply.data.a, reply.data.meta.trace, typeof reply.data.meta.call.id], [1, "t", "string"], "beside");
  equal((await made.request({ meta: { call: { id: 7 } } })).data, { meta: { call: { id: 7 } } }, "its own");
  const given = { n: 1 };
  equal((await made.request(given)).data.n, 1, "nothing there");
  equal(given, { n: 1 }, "the app's object");
  for (const wrong of [
    { meta: "text" },
    { meta: [] },
    { meta: { call: 5 } },
    { meta: { call: { id: {} } } },
    [1],
    "text",
    null,
  ])
    equal((await rejection(made.request(wrong))).code, "encode", JSON.stringify(wrong));
  // Of the codec's own objects, which JSON would make something else of.
  class Meta {
    id;
  }
  const own = client(ws("/echo"), {
    requests: { id: "meta.id" },
    codec: { decode: JSON.parse, encode: (value) => JSON.stringify({ ...value, kind: value.meta.constructor.name }) },
  });
  equal((await own.request({ meta: new Meta() })).data.kind, "Meta", "its class");
  equal((await rejection(own.request({ toJSON: () => 1 }))).code, "encode", "of what makes its own JSON");
});

test("ids by functions, also in text", async () => {
  const plan = script("ws", [
    [
      ["send", '[8,"a"]'],
      ["send", '[4,"a","no"]'],
      ["send", '[3,"b",{"n":1}]'],
    ],
  ]);
  const requests = {
    id: (message) => message[1],
    replyId: ({ data }) => (data[0] === 3 || data[0] === 4 ? data[1] : null),
    error: ({ data }) => data[0] === 4,
  };
  const made = client(plan.url, { requests });
  const seen = [];
  made.on(({ data }) => seen.push(data));
  const [a, b] = [rejection(made.request([2, "a"])), made.request([2, "b"])];
  equal([(await a).code, (await a).reply.data[2], (await b).data[2]], ["refused", "no", { n: 1 }], "replies");
  equal(seen, [[8, "a"]], "what is none");
  equal((await rejection(made.request([2]))).code, "encode", "without an id");
  const text = client(ws("/echo"), {
    codec: "text",
    requests: { id: (line) => line.split(" ")[0], replyId: ({ data }) => data.split(" ")[0] },
  });
  equal((await text.request("7 price ACME")).data, "7 price ACME", "a text");
  for (const wrong of [{ id: () => "a" }, { id: 5 }, { replyId: "" }])
    equal(thrown(() => connect(ws("/echo"), { requests: wrong }))?.code, "invalid-option", Object.keys(wrong)[0]);
});

// An outbox that outlives its page: `outbox.persist` of everwire/duplex.
import { connect } from "/pkg/duplex.js";
import { quick } from "../client.js";
import { after, equal, ok, rejection, takeReports, test, thrown, waitFor } from "../harness.js";
import { script, unique, ws } from "../server.js";

const ack = { match: ({ data }) => data.id };
const outbox = (persist) => ({ ack, persist });

function client(endpoint, persist, options = {}) {
  const made = connect(endpoint, { reconnect: quick, outbox: outbox(persist), ...options });
  after(() => made.close());
  return made;
}

const kept = (key) => Object.keys(localStorage).filter((name) => name.startsWith(`everwire-outbox ${key}\n`));
const received = async (plan) => (await plan.log()).map((attempt) => attempt.received.map((text) => JSON.parse(text)));

/** A page of its own that sends, and then is killed. `sends` is code for its `wire`. */
async function page(url, key, sends) {
  const frame = document.createElement("iframe");
  const name = unique();
  const sent = new Promise((resolve) =>
    addEventListener("message", function hear({ data }) {
      if (data !== name) return;
      removeEventListener("message", hear);
      resolve(undefined);
    }),
  );
  frame.srcdoc = `<script type="module">
    import { connect } from "/pkg/duplex.js";
    const wire = connect(${JSON.stringify(url)}, { outbox: { ack: { match: ({ data }) => data.id }, persist: { key: ${JSON.stringify(key)} } } });
    await wire.opened();
    ${sends}
    parent.postMessage(${JSON.stringify(name)}, "*");
  </script>`;
  document.body.append(frame);
  after(() => frame.remove());
  await sent;
  return frame;
}

test("what a page left unacked is sent by the next one, with its ids, in order, before its own", async () => {
  const key = unique();
  const plan = script("ws", [[["mute"]], [["echo"]]]);
  const gone = await page(plan.url, key, "for (let n = 1; n <= 20; n++) wire.send({ n });");
  await waitFor(async () => (await received(plan))[0].length === 16, "the window, at the server");
  equal(kept(key).length, 20, "kept");
  gone.remove();

  const outcomes = [];
  const made = client(plan.url, { key, restored: (message, outcome) => outcomes.push([message.n, outcome]) });
  const own = made.send({ id: "own", n: 21 });
  equal((await own).status, "acked", "its own");
  const [first, second] = await received(plan);
  equal(
    second.map(({ n }) => n),
    Array.from({ length: 21 }, (_, at) => at + 1),
    "order",
  );
  equal(
    second.slice(0, 16).map(({ id }) => id),
    first.map(({ id }) => id),
    "ids",
  );
  equal(new Set(second.map(({ id }) => id)).size, 21, "different ids");
  equal(
    outcomes.map(([n]) => n),
    Array.from({ length: 20 }, (_, at) => at + 1),
    "told",
  );
  equal(
    new Set((await Promise.all(outcomes.map(([, outcome]) => outcome))).map(({ status }) => status)),
    new Set(["acked"]),
    "outcomes",
  );
  await waitFor(
    () => kept(key).length === 0,
    () => `nothing kept, have ${kept(key)}`,
  );
});

test("a tab that is open sends what another one left, when it is gone, and not before", async () => {
  const key = unique();
  const plan = script("ws", [[["mute"]]]),
    mine = script("ws", [[["echo"]]]);
  const restored = [];
  const made = client(mine.url, { key, restored: (message) => restored.push(message.n) });
  await made.opened();
  const other = await page(plan.url, key, "wire.send({ n: 1 }); wire.send({ n: 2 });");
  equal((await made.send({ n: 0 })).status, "acked", "its own meanwhile");
  equal((await received(mine))[0].length, 1, "while the other one lives");
  other.remove();
  await waitFor(
    () => kept(key).length === 0,
    () => `all acked, have ${kept(key)}`,
  );
  equal(
    [restored, (await received(mine))[0].map(({ n }) => n)],
    [
      [1, 2],
      [0, 1, 2],
    ],
    "taken over",
  );
});

test("what is settled is kept no longer: acked, given up, closed", async () => {
  const key = unique();
  const abort = new AbortController();
  const made = client(script("ws", [[["echo"]]]).url, { key });
  const acked = made.send({ n: 1 });
  equal(kept(key).length, 1, "kept at once");
  equal((await acked).status, "acked", "acked");
  equal(kept(key), [], "after the ack");
  const mute = client(script("ws", [[["mute"]]]).url, { key });
  await mute.opened();
  const sends = [mute.send({ n: 2 }, { signal: abort.signal }), mute.send({ n: 3 })];
  equal(kept(key).length, 2, "kept");
  abort.abort();
  equal((await sends[0]).status, "unknown", "given up");
  mute.close();
  equal((await sends[1]).status, "unknown", "closed");
  equal(kept(key), [], "after close");
  equal((await mute.send({ n: 4 })).status, "dropped", "on a closed client");
  equal(kept(key), [], "and after that");
});

test("what is not acked is not kept: volatile, ack false", async () => {
  const key = unique();
  const plan = script("ws", [[["mute"]]]);
  const made = client(plan.url, { key });
  await made.opened();
  made.send({ n: 1 }, { volatile: true });
  made.send({ n: 2 }, { ack: false });
  made.send(new Uint8Array([1]), { ack: false });
  equal(kept(key), [], "kept");
  await waitFor(async () => (await plan.log())[0].received.length === 3, "the three");
});

test("a ttl goes on over the reload, and so does priority", async () => {
  const key = unique();
  const gone = await page(
    script("ws", [[["mute"]]]).url,
    key,
    `
    for (let n = 1; n <= 16; n++) wire.send({ n });
    wire.send({ n: 17 }, { ttl: 1 });
    wire.send({ n: 18 }, { ttl: 60_000 });
    wire.send({ n: 19 }, { priority: true, ttl: 60_000 });
    // Not over its own timer, which would forget it.
    const end = performance.now() + 20;
    while (performance.now() < end);`,
  );
  gone.remove();
  const statuses = {};
  const plan = script("ws", [[["echo"]]]);
  let all;
  const restored = new Promise((resolve) => {
    all = resolve;
  });
  client(() => restored, {
    key,
    restored: async (message, outcome) => {
      if (message.n === 19) all(plan.url);
      statuses[message.n] = (await outcome).code ?? (await outcome).status;
    },
  });
  await waitFor(
    () => [16, 18, 19].every((n) => statuses[n] === "acked"),
    () => JSON.stringify(statuses),
  );
  ok(statuses[17] === "expired" || statuses[17] === undefined, `the expired one: ${statuses[17]}`);
  const [numbers] = await received(plan);
  equal(numbers[0].n, 19, "priority first");
  ok(!numbers.some(({ n }) => n === 17), "nothing expired");
});

test("keys are apart, and what is torn is passed over", async () => {
  const key = unique();
  const gone = await page(script("ws", [[["mute"]]]).url, key, "wire.send({ n: 1 });");
  gone.remove();
  const [name] = kept(key);
  const torn = ["", "{", "null", "5", "[]", "{}", '"message"'];
  for (const odd of ['"5"', "null", "{}", "[1]", "true", "1e999"]) torn.push(`{"message":{"n":2},"expires":${odd}}`);
  for (const odd of ['"1"', "null", "{}", "1"]) torn.push(`{"message":{"n":3},"priority":${odd}}`);
  for (const [at, text] of torn.entries())
    localStorage.setItem(name.replace(/\d+$/, `9${`${at}`.padStart(2, "0")}`), text);
  const apart = script("ws", [[["echo"]]]);
  const other = client(apart.url, { key: `${key} ` });
  equal((await other.send({ n: 0 })).status, "acked", "another key");
  equal(
    (await received(apart))[0].map(({ n }) => n),
    [0],
    "what it sent",
  );
  const restored = [];
  client(script("ws", [[["echo"]]]).url, { key, restored: (message) => restored.push(message.n) });
  await waitFor(
    () => kept(key).length === 0,
    () => `nothing kept, have ${kept(key)}`,
  );
  equal(restored, [1], "restored");
});

test("a key with a newline, or with what stands for one, is none of another's", async () => {
  const key = unique();
  for (const other of [`${key}\ntab`, `${key}%0Atab`]) {
    const gone = await page(script("ws", [[["mute"]]]).url, other, "wire.send({ n: 1 });");
    gone.remove();
  }
  const restored = [];
  const made = client(script("ws", [[["echo"]]]).url, { key, restored: (message) => restored.push(message) });
  equal((await made.send({ n: 0 })).status, "acked", "its own");
  for (const other of [`${key}\ntab`, `${key}%0Atab`]) {
    const mine = new Promise((resolve) => {
      client(script("ws", [[["echo"]]]).url, { key: other, restored: ({ n }, outcome) => resolve([n, outcome]) });
    });
    const [n, outcome] = await mine;
    equal([n, (await outcome).status], [1, "acked"], "who left it");
  }
  equal(restored, [], "of others");
});

test("what expired in the storage is not sent, by a tab that is open neither; what is of use for years is", async () => {
  const key = unique();
  const plan = script("ws", [[["echo"]]]);
  const outcomes = {};
  const restored = async ({ id }, outcome) => {
    outcomes[id] = (await outcome).code ?? (await outcome).status;
  };
  const leave = (tab, id, expires) => {
    const name = `everwire-outbox ${key}\n${tab}\n1`;
    localStorage.setItem(name, JSON.stringify({ message: { id }, expires }));
    return new StorageEvent("storage", { key: name });
  };
  leave("gone", "past", Date.now() - 60_000);
  leave("lost", "years", Date.now() + 2 ** 40);
  const made = client(plan.url, { key, restored });
  await made.opened();
  for (const [at, expires] of [Date.now() - 60_000, Date.now(), Date.now() + 60_000].entries())
    dispatchEvent(leave(`later${at}`, `later${at}`, expires));
  await waitFor(
    () => Object.keys(outcomes).length === 5,
    () => JSON.stringify(outcomes),
  );
  const ends = ["past", "years", "later0", "later1", "later2"].map((id) => outcomes[id]);
  equal(ends, ["expired", "acked", "expired", "expired", "acked"], "outcomes");
  equal(
    (await received(plan))[0].map(({ id }) => id),
    ["years", "later2"],
    "at the server",
  );
  equal(kept(key), [], "kept");
});

test("what 900 tabs left is looked through a few times, not once for each", async () => {
  const key = unique();
  const values = new Map();
  let looks = 0;
  const storage = {
    get length() {
      return values.size;
    },
    key(at) {
      looks++;
      return [...values.keys()][at];
    },
    getItem: (name) => values.get(name) ?? null,
    setItem: (name, value) => void values.set(name, value),
    removeItem: (name) => void values.delete(name),
  };
  for (let n = 0; n < 900; n++)
    values.set(`everwire-outbox ${key}\ntab${n}\n1`, JSON.stringify({ message: { id: n } }));
  let count = 0;
  client(script("ws", [[["echo"]]]).url, { key, storage, restored: () => count++ });
  await waitFor(
    () => count === 900 && !values.size,
    () => `all sent, have ${count}, ${values.size} are left`,
  );
  ok(looks < 5_000, `${looks} names were looked at`);
});

test("a storage that throws is told once, and everything is sent all the same", async () => {
  const refuse = () => {
    throw new Error("full");
  };
  const made = client(script("ws", [[["echo"]]]).url, {
    key: "",
    storage: { length: 0, key: () => null, getItem: () => null, setItem: refuse, removeItem: refuse },
  });
  equal(
    (await Promise.all([made.send({ n: 1 }), made.send({ n: 2 })])).map(({ status }) => status),
    ["acked", "acked"],
    "outcomes",
  );
  equal(
    takeReports().map(({ message }) => message),
    ["full"],
    "reports",
  );
});

test("a restored that throws is told, and the rest goes on", async () => {
  const key = unique();
  (await page(script("ws", [[["mute"]]]).url, key, "wire.send({ n: 1 }); wire.send({ n: 2 });")).remove();
  client(script("ws", [[["echo"]]]).url, {
    key,
    restored: ({ n }) => {
      throw new Error(`at ${n}`);
    },
  });
  await waitFor(
    () => kept(key).length === 0,
    () => `nothing kept, have ${kept(key)}`,
  );
  equal(
    takeReports().map(({ message }) => message),
    ["at 1", "at 2"],
    "reports",
  );
});

test("what cannot be is told by name", async () => {
  for (const [named, given] of [
    ["outbox.persist", { ack, persist: true }],
    ["outbox.persist.key", { ack, persist: {} }],
    ["outbox.persist.key", { ack, persist: { key: 5 } }],
    ["outbox.persist.storage", { ack, persist: { key: "", storage: { getItem() {}, setItem() {} } } }],
    ["outbox.persist.restored", { ack, persist: { key: "", restored: true } }],
    ["outbox.persist.keys", { ack, persist: { keys: "" } }],
    ["outbox.ack", { persist: { key: "" } }],
    ["outbox.perist", { ack, perist: { key: "" } }],
  ]) {
    const error = thrown(() => connect(ws("/echo"), { outbox: given }), named);
    equal([error.code, error.message.includes(named)], ["invalid-option", true], error.message);
  }
  const made = client(ws("/echo"), { key: unique() });
  for (const bytes of [new Uint8Array(1), new ArrayBuffer(1), new Blob(["x"])])
    equal((await rejection(made.send(bytes))).code, "encode", "bytes");
  equal((await rejection(made.send({ n: 1n }))).code, "encode", "a BigInt");
  equal((await rejection(made.send("text"))).code, "encode", "a text, which can have no id");
  equal((await rejection(made.send({}, { ttl: "1s" }))).code, "invalid-option", "an option of the send");
  equal((await rejection(made.send({}, 5))).code, "invalid-option", "no options");

  Object.defineProperty(navigator, "locks", { value: undefined, configurable: true });
  after(() => Reflect.deleteProperty(navigator, "locks"));
  const error = thrown(() => connect(ws("/echo"), { outbox: outbox({ key: "" }) }), "without locks");
  equal([error.code, error.message.includes("https")], ["unsupported", true], error.message);
});

test("what the server refuses, and what it never acks, is kept no longer than its send", async () => {
  const key = unique();
  const ack = { match: () => undefined, refused: "nack", timeout: 100 };
  const made = client(ws("/echo"), undefined, { outbox: { ack, maxAttempts: 1, persist: { key } } });
  const sends = [made.send({ type: "nack" }), made.send({ type: "bad" })];
  equal(kept(key).length, 2, "kept");
  equal(await Promise.all(sends), [{ status: "dropped", code: "refused" }, { status: "unknown" }], "outcomes");
  await waitFor(() => kept(key).length === 0, "the storage to be empty");
});

// Across a reload: what was delivered does not come again, what was not does.
import { forget } from "/pkg/auth.js";
import { client, watch } from "../client.js";
import { after, equal, ok, takeReports, test, thrown, waitFor } from "../harness.js";
import { script, sse, unique, ws } from "../server.js";

/** A storage that shows what was written. */
function memory() {
  const values = new Map(),
    writes = [];
  return {
    writes,
    getItem: (key) => values.get(key) ?? null,
    setItem(key, value) {
      values.set(key, value);
      writes.push(JSON.parse(value).slice(0, 3));
    },
    get keys() {
      return [...values.keys()];
    },
  };
}

const lines = (from, to) =>
  Array.from({ length: to - from + 1 }, (_, at) => ["send", JSON.stringify({ id: `m${from + at}`, seq: from + at })]);

test("storage: a later client of the same key goes on where the earlier one was", async () => {
  for (const [address, options] of /** @type {[typeof ws, any][]} */ ([
    [ws, { resume: { id: "eventId", seq: "seq" } }],
    [sse, {}],
    [sse, { transport: "eventsource" }],
  ])) {
    const storage = memory();
    const open = (to) =>
      client(address(`/count?to=${to}`), { ...options, resume: { ...options.resume, storage, key: "ann" } });
    const first = open(20);
    const seen = watch(first);
    await waitFor(() => seen.messages.length === 20, "20 messages");
    first.close();
    equal(storage.writes.at(-1)[0], "20", "what close() left behind");
    const second = open(25);
    const again = watch(second);
    equal(second.lastEventId, "20", "where the second starts");
    await waitFor(() => again.messages.at(-1)?.data.seq === 25, "message 25");
    equal(
      again.data.map(({ seq }) => seq),
      [21, 22, 23, 24, 25],
      "the second",
    );
    second.close();
  }
});

test("storage: a server that counted anew meanwhile: its message of the stored id is new", async () => {
  const storage = memory();
  const message = (run, id) => ["send", JSON.stringify({ id: `${id}`, run })];
  const run = (number, to) => Array.from({ length: to }, (_, at) => message(number, at + 1));
  const { url } = script("ws", [run(1, 3), run(2, 4)]);
  const open = () => client(url, { resume: { id: "id", storage, key: "ann" } });
  const first = open();
  const seen = watch(first);
  await waitFor(() => seen.messages.length === 3, "the first server's");
  first.close();
  const again = watch(open());
  await waitFor(() => again.messages.at(-1)?.lastEventId === "4", "the last one");
  equal(
    again.messages.map(({ lastEventId }) => lastEventId),
    ["1", "2", "3", "4"],
    "the second server's",
  );
});

test("storage: another key, and another endpoint, start anew", async () => {
  const storage = memory();
  const first = client(sse("/count?to=3&token=secret"), { resume: { storage, key: "ann" } });
  first.on(() => {});
  await waitFor(() => first.lastEventId === "3", "message 3");
  first.close();
  ok(!storage.keys.join().includes("secret"), "no query in the key");
  for (const [path, key] of [
    ["/count?to=3", "bob"],
    ["/ticker?to=3", "ann"],
  ]) {
    const other = client(sse(path), { resume: { storage, key } });
    equal(other.lastEventId, "", `${path} of ${key}`);
    other.close();
  }
  const same = client(sse("/count?to=3&token=other"), { resume: { storage, key: "ann" } });
  equal(same.lastEventId, "3", "another token");
});

test("storage: written at most every 250 ms, never before the handlers returned", async () => {
  const storage = memory();
  const made = client(ws("/count?to=2000&rate=2000"), { resume: { id: "eventId", storage, key: "" } });
  let last = 0,
    early = 0;
  made.on(({ data }) => {
    early += storage.writes.some(([id]) => Number(id) >= data.seq) ? 1 : 0;
    last = data.seq;
  });
  const start = performance.now();
  await waitFor(
    () => last === 2_000,
    () => `message 2 000, have ${last}`,
  );
  await waitFor(() => storage.writes.at(-1)?.[0] === "2000", "the last write");
  equal(early, 0, "writes before the handlers returned");
  const most = Math.ceil((performance.now() - start) / 250) + 1;
  ok(storage.writes.length <= most, `${storage.writes.length} writes, at most ${most}`);
});

test("storage: with for await, a message counts when it was pulled", async () => {
  const storage = memory();
  const plan = script("ws", [lines(1, 5)]);
  const made = client(plan.url, { resume: { id: "id", seq: "seq", storage, key: "" } });
  const messages = made[Symbol.asyncIterator]();
  await messages.next();
  await messages.next();
  await waitFor(() => made.stats().delivered === 5, "5 messages");
  await waitFor(() => storage.writes.length > 0, "a write");
  equal(storage.writes.at(-1), ["m2", 2, null], "after two of five");
  // What the loop leaves is not seen; it does not hold up what comes after either.
  await messages.return();
  made.close();
  equal(storage.writes.at(-1), ["m2", 2, null], "after the loop was left");
});

test("storage: committed by hand, in any order", async () => {
  const storage = memory();
  const plan = script("ws", [lines(1, 4), lines(3, 6)]);
  const resume = { id: "id", seq: "seq", storage, key: "", commit: "manual" };
  const made = client(plan.url, { resume });
  const seen = watch(made);
  await waitFor(() => seen.messages.length === 4, "4 messages");
  made.commit(seen.messages[1]);
  made.commit(seen.messages[0]);
  equal(thrown(() => made.commit({ ...seen.messages[3] })).code, "invalid-option", "a message of nobody");
  made.close();
  equal(storage.writes, [["m2", 2, null]], "writes");
  const again = client(plan.url, { resume });
  const more = watch(again);
  await waitFor(() => more.messages.length === 4, "4 messages again");
  equal(
    more.data.map(({ seq }) => seq),
    [3, 4, 5, 6],
    "from the first that was not committed",
  );
  again.commit(more.messages[3]);
  again.close();
  equal(storage.writes.at(-1), ["m6", 6, null], "a commit before close");
});

test("storage: after a logout nothing is written by what is left of a client", async () => {
  for (const commits of [[], [0]]) {
    const key = unique();
    const plan = script("ws", [[...lines(1, 2), ["close", 4403]]]);
    const resume = { id: "id", storage: true, key };
    const kept = () => Object.keys(sessionStorage).filter((name) => name.startsWith(`everwire ${key} `));
    const made = client(plan.url, { resume: { ...resume, commit: "manual" } });
    const seen = watch(made);
    await waitFor(() => seen.closed, "the end");
    for (const at of commits) made.commit(seen.messages[at]);
    forget(key);
    made.commit(seen.messages[1]);
    equal(kept(), [], `${commits.length} committed`);
    // A loop that goes on after the end.
    const loop = client(script("ws", [[...lines(1, 3), ["close", 4403]]]).url, { resume });
    const messages = loop[Symbol.asyncIterator]();
    await waitFor(() => loop.state === "closed", "the end");
    for (const _ of commits) await messages.next();
    forget(key);
    await messages.next();
    equal(kept(), [], `${commits.length} pulled`);
  }
});

test("storage: an epoch survives, too", async () => {
  const storage = memory();
  const line = (epoch, seq) => ["send", JSON.stringify({ epoch, seq })];
  const plan = script("ws", [[line("a", 1), line("a", 2)], [line("b", 1)]]);
  const resume = { seq: ({ data }) => [data.epoch, data.seq], storage, key: "" };
  const first = client(plan.url, { resume });
  first.on(() => {});
  await waitFor(() => first.stats().delivered === 2, "2 messages");
  first.close();
  const order = [];
  const second = client(plan.url, { resume });
  second.addEventListener("gap", ({ outcome }) => order.push(outcome));
  second.on(({ data }) => order.push(data.epoch));
  await waitFor(
    () => order.length === 2,
    () => `two things, have ${order}`,
  );
  equal(order, ["gap", "b"], "order");
});

test("storage: what is torn starts anew; one that throws is told once, and the stream goes on", async () => {
  for (const torn of ["", "{", "[5]", "null", '["x"']) {
    const made = client(sse("/count?to=2"), { resume: { storage: { getItem: () => torn, setItem() {} }, key: "" } });
    equal(made.lastEventId, "", JSON.stringify(torn));
    made.close();
  }
  const refuse = () => {
    throw new Error("full");
  };
  const made = client(sse("/count?to=5"), { resume: { storage: { getItem: () => null, setItem: refuse }, key: "" } });
  const seen = watch(made);
  await waitFor(() => seen.messages.length === 5, "5 messages");
  made.close();
  equal(
    takeReports().map(({ message }) => message),
    ["full"],
    "reports",
  );
});

/** A page of its own, in a frame, with a client on sessionStorage. */
async function page(url, key, before = "") {
  const frame = document.createElement("iframe");
  const name = unique();
  const ready = new Promise((resolve) =>
    addEventListener("message", function hear({ data }) {
      if (data.name !== name) return;
      removeEventListener("message", hear);
      resolve(data.seen);
    }),
  );
  frame.srcdoc = `<script>${before}</script><script type="module">
    import { connect } from "/pkg/index.js";
    const seen = [];
    const wire = connect(${JSON.stringify(url)}, { resume: { id: "id", seq: "seq", storage: true, key: ${JSON.stringify(key)} } });
    wire.on(({ data }) => {
      seen.push(data.seq);
      // Within the 250 ms in which nothing is written yet.
      if (seen.length === 3) parent.postMessage({ name: ${JSON.stringify(name)}, seen }, "*");
    });
  </script>`;
  document.body.append(frame);
  const seen = await ready;
  frame.remove();
  return seen;
}

test("storage: a page that was left does not get its messages again, one that was killed does", async () => {
  const left = script("ws", [lines(1, 3), lines(2, 7)]);
  equal(await page(left.url, "left"), [1, 2, 3], "the page");
  equal(await page(left.url, "left"), [4, 5, 6], "the page after it");
  const killed = script("ws", [lines(1, 3), lines(1, 3)]);
  // What a killed page never sees; and however slow this page is, that one dies within its first 250 ms.
  const kill =
    'const set = setTimeout; window.setTimeout = (run, ms, ...rest) => (ms > 200 && ms <= 250 ? 0 : set(run, ms, ...rest)); for (const type of ["pagehide", "visibilitychange"]) addEventListener(type, (event) => event.stopImmediatePropagation(), true);';
  equal(await page(killed.url, "killed", kill), [1, 2, 3], "the page that is killed");
  equal(await page(killed.url, "killed"), [1, 2, 3], "the page after it");
});

test("storage: a handler commits its own message", async () => {
  const storage = memory();
  const plan = script("ws", [lines(1, 3)]);
  const made = client(plan.url, { resume: { id: "id", seq: "seq", storage, key: "", commit: "manual" } });
  made.on((message) => message.data.seq < 3 && made.commit(message));
  await waitFor(() => made.stats().delivered === 3, "3 messages");
  made.close();
  equal(storage.writes, [["m2", 2, null]], "writes");
});

test("storage: two clients at one place would go on from each other's, so the second one is refused", async () => {
  const storage = memory();
  const open = (channel, key) => client(sse(`/count?to=3&channel=${channel}`), { resume: { storage, key } });
  const first = open("a", "ann");
  const error = thrown(() => open("b", "ann"));
  equal(error.code, "invalid-option", "code");
  ok(error.message.includes("resume.key"), error.message);
  open("b", "ann b").close();
  first.close();
  open("b", "ann").close();
});

test("storage: a client of a frame leaves the place of one that lives alone, says so, and goes on", async () => {
  const key = unique();
  const own = script("ws", [lines(1, 3)]);
  const first = client(own.url, { resume: { id: "id", seq: "seq", storage: true, key } });
  first.on(() => {});
  const nameOf = () => Object.keys(sessionStorage).find((name) => name.includes(key)) ?? "";
  await waitFor(() => sessionStorage.getItem(nameOf())?.includes('"m3"'), "the third");
  const name = nameOf();
  const place = sessionStorage.getItem(name);
  const frame = document.createElement("iframe");
  const seen = [];
  const hear = ({ data }) => data.frame === key && seen.push(data);
  addEventListener("message", hear);
  frame.srcdoc = `<script type="module">
    import { connect } from "/pkg/index.js";
    const tell = (data) => parent.postMessage({ frame: ${JSON.stringify(key)}, ...data }, "*");
    addEventListener("error", (event) => {
      event.preventDefault();
      tell({ code: event.error?.code, text: event.message });
    });
    connect(${JSON.stringify(own.url)}, { resume: { id: "id", seq: "seq", storage: true, key: ${JSON.stringify(key)} } }).on(
      ({ data }) => tell({ seq: data.seq }),
    );
  </script>`;
  document.body.append(frame);
  await waitFor(
    () => seen.some(({ code }) => code),
    () => JSON.stringify(seen),
  );
  equal(seen.find(({ code }) => code)?.code, "invalid-option", "the error");
  ok(seen.find(({ code }) => code)?.text.includes("resume.key"), "it names the option");
  equal(sessionStorage.getItem(name), place, "the place is the first one's");
  frame.remove();
  removeEventListener("message", hear);
  first.close();
  equal(sessionStorage.getItem(name), place, "and after the frame");
});

test("storage: a page that had let go of its place and came back has it, and the frame that came meanwhile does not", async () => {
  const key = unique();
  const open = (plan) =>
    client(() => plan.url, { resume: { id: "id", seq: "seq", storage: true, key }, reconnect: false });
  const name = () => Object.keys(sessionStorage).find((name) => name.includes(key)) ?? "";
  const first = open(script("ws", [lines(1, 3)]));
  first.on(() => {});
  await waitFor(() => first.lastEventId === "m3", "the third");
  first.close();
  // A frame finds it, may have it, and has nothing to write yet.
  const frame = document.createElement("iframe");
  const told = [];
  const hear = ({ data }) => data.frame === key && told.push(data);
  addEventListener("message", hear);
  frame.srcdoc = `<script type="module">
    import { connect } from "/pkg/index.js";
    const tell = (data) => parent.postMessage({ frame: ${JSON.stringify(key)}, ...data }, "*");
    addEventListener("error", (event) => {
      event.preventDefault();
      tell({ code: event.error?.code });
    });
    const go = new Promise((resolve) => addEventListener("message", resolve));
    const url = () => go.then(() => ${JSON.stringify(script("ws", [lines(4, 4)]).url)});
    connect(url, { resume: { id: "id", seq: "seq", storage: true, key: ${JSON.stringify(key)} } }).on(({ data }) =>
      tell({ seq: data.seq }),
    );
    const idle = async () => {
      const { held, pending } = await navigator.locks.query();
      return held.length === 1 && !pending.length;
    };
    while (!(await idle())) await new Promise((resolve) => setTimeout(resolve, 10));
    tell({ ready: true });
  </script>`;
  document.body.append(frame);
  await waitFor(() => told.some(({ ready }) => ready), "the frame");
  const second = open(script("ws", [lines(4, 6)]));
  second.on(() => {});
  await waitFor(() => sessionStorage.getItem(name())?.includes('"m6"'), "the sixth");
  frame.contentWindow?.postMessage("go", "*");
  await waitFor(
    () => told.some(({ code }) => code),
    () => JSON.stringify([told, { ...sessionStorage }]),
  );
  equal([told.some(({ seq }) => seq === 4), told.at(-1).code], [true, "invalid-option"], "what the frame was told");
  ok(sessionStorage.getItem(name())?.includes('"m6"'), "the place is the second client's");
  frame.remove();
  removeEventListener("message", hear);
  second.close();
});

test("storage: when a page has gone, the next one has its place and writes there", async () => {
  const key = unique();
  const left = script("ws", [lines(1, 3), lines(4, 7)]);
  equal(await page(left.url, key), [1, 2, 3], "a frame that was removed");
  const made = client(left.url, { resume: { id: "id", seq: "seq", storage: true, key } });
  made.on(() => {});
  const written = () =>
    Object.keys(sessionStorage).some(
      (name) => name.includes(key) && /** @type {string} */ (sessionStorage.getItem(name)).includes('"m7"'),
    );
  await waitFor(written, () => JSON.stringify({ ...sessionStorage }));
  made.close();
});

test("storage: a client that is closed at once, or later, holds no lock", async () => {
  const locks = async () => {
    const { held = [], pending = [] } = await navigator.locks.query();
    return [...held, ...pending].length;
  };
  await waitFor(async () => (await locks()) === 0, "none before");
  for (const close of [() => {}, () => waitFor(async () => (await locks()) === 1, "the lock")]) {
    const made = client(sse("/count?to=3"), { resume: { storage: memory(), key: "" } });
    await close();
    made.close();
    await waitFor(
      async () => (await locks()) === 0,
      async () => JSON.stringify(await navigator.locks.query()),
    );
  }
});

test("storage: no token of the address in the key", async () => {
  const storage = memory();
  const made = client(sse("/count?to=3&token=secret"), { resume: { storage, key: "" } });
  made.on(() => {});
  await waitFor(() => made.lastEventId === "3", "message 3");
  made.close();
  ok(storage.keys.length === 1 && !storage.keys.join().includes("secret"), storage.keys.join());
});

test("storage: a message after a large one, or after a long id, costs what it did before", async () => {
  const { charCodeAt } = String.prototype;
  after(() => {
    String.prototype.charCodeAt = charCodeAt;
  });
  const size = 100_000,
    small = "data: small\n\n".repeat(100);
  for (const large of [`id: ${"i".repeat(size)}\ndata: x\n\n`, `id: 1\ndata: ${"x".repeat(size)}\n\n`]) {
    let read = 0;
    const made = client("http://localhost:3999/", {
      resume: { storage: memory(), key: "" },
      http: {
        fetch: async () =>
          new Response(`${large}${small}data: end\n\n`, { headers: { "content-type": "text/event-stream" } }),
      },
    });
    String.prototype.charCodeAt = function (at) {
      read++;
      return charCodeAt.call(this, at);
    };
    await new Promise((resolve) => made.on(({ data }) => data === "end" && resolve(undefined)));
    String.prototype.charCodeAt = charCodeAt;
    made.close();
    ok(read < 10 * size, `${read} characters were read`);
  }
});

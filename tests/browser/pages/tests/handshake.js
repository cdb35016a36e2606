// What comes between a WebSocket's open and the client's.
import { client, watch } from "../client.js";
import { equal, ok, test, thrown, waitFor } from "../harness.js";
import { fault, script, sse, ws } from "../server.js";

const received = async (plan) => (await plan.log()).map((attempt) => attempt.received);

test("nothing goes before it, the state is open after it", async () => {
  const plan = script("ws", [[["send", '{"type":"challenge","n":7}'], ["echo"]]]);
  let context, made;
  const states = [];
  made = client(plan.url, {
    protocols: [],
    resume: { frame: ({ id }) => `resume ${id}`, from: "5" },
    handshake: async (conn) => {
      context = conn;
      states.push(made.state);
      const { data, type } = await conn.receive();
      conn.send({ answer: data.n + 1, type });
      conn.send("text");
      await conn.receive();
      states.push(made.state, (await conn.receive()).data);
    },
  });
  const seen = watch(made);
  const early = made.send("queued");
  await made.opened();
  equal((await early).status, "sent", "what waited");
  equal(states, ["connecting", "connecting", "text"], "while it lasted");
  await waitFor(() => seen.messages.length === 2, "the echoes of the rest");
  equal(seen.data, ["resume 5", "queued"], "messages");
  equal(await received(plan), [['{"answer":8,"type":"challenge"}', "text", "resume 5", "queued"]], "frames");
  equal(
    [context.id, context.url === plan.url || context.url.startsWith(plan.url), context.protocol],
    ["5", true, ""],
    "context",
  );
});

test("what it does not receive is the app's, in order, after open", async () => {
  const plan = script("ws", [
    [
      ["send", "1"],
      ["send", "2"],
      ["send", "3"],
      ["wait", 100],
      ["send", "4"],
    ],
  ]);
  const made = client(plan.url, {
    handshake: async ({ receive }) => {
      await receive();
      await new Promise((done) => setTimeout(done, 30));
    },
  });
  const seen = watch(made);
  await waitFor(
    () => seen.messages.length === 3,
    () => `three, have ${seen.data}`,
  );
  equal(seen.data, ["2", "3", "4"], "messages");
  equal(seen.events.slice(0, 2), ["statechange", "open"], "and before them");
});

test("it runs on each connection, and one that fails is a failed attempt with the cause", async () => {
  const plan = script("ws", [[["echo"]], [["echo"]], [["echo"]]]);
  let runs = 0;
  const made = client(plan.url, {
    handshake: async ({ send, receive }) => {
      send(`run ${++runs}`);
      await receive();
      if (runs === 1) throw new Error("not today");
    },
  });
  const seen = watch(made);
  await made.opened();
  equal(
    [seen.retries.length, seen.retries[0].failure.code, seen.retries[0].failure.cause.message],
    [1, "provider", "not today"],
    "the first",
  );
  await fault("/fault/drop");
  await waitFor(() => made.stats().opens === 2, "the third");
  equal([runs, await received(plan)], [3, [["run 1"], ["run 2"], ["run 3"]]], "runs");
});

test("after 4401 it runs once more as unauthorized", async () => {
  const plan = script("ws", [[["close", 4401]], [["close", 4401]], [["echo"]]]);
  const reasons = [];
  const made = client(plan.url, {
    handshake: ({ reason }) => {
      reasons.push(reason);
    },
  });
  const seen = watch(made);
  await waitFor(() => seen.closed, "the end");
  equal([reasons, seen.closed.reason, seen.closed.code], [["initial", "unauthorized"], "fatal", 4401], "reasons");
});

test("one that takes too long is a failed attempt, and learns it", async () => {
  let signal, rejected;
  const made = client(ws("/echo"), {
    openTimeout: 1_500,
    shouldReconnect: () => false,
    handshake: (conn) => {
      signal = conn.signal;
      return conn.receive().catch((error) => {
        rejected = error;
        throw error;
      });
    },
  });
  const seen = watch(made);
  await waitFor(() => seen.closed, "the end");
  equal([seen.closed.error.code, signal.aborted], ["open-timeout", true], "failure");
  await waitFor(() => rejected, "its receive to end");
});

test("close in its middle opens nothing, and it learns it", async () => {
  let signal;
  const made = client(ws("/echo"), {
    handshake: (conn) => {
      signal = conn.signal;
      return new Promise(() => {});
    },
  });
  const seen = watch(made);
  await waitFor(() => signal, "the handshake");
  made.close();
  equal([seen.closed.reason, signal.aborted, made.stats().opens], ["app", true, 0], "closed");
});

test("what it kept learns of the end: its signal is aborted, and a receive that waits rejects", async () => {
  for (const end of ["close", "loss"]) {
    let kept, rejected;
    const plan = script("ws", [[["send", "welcome"], ["wait", end === "loss" ? 200 : 60_000], ["reset"]]]);
    const made = client(plan.url, {
      shouldReconnect: () => false,
      handshake: async (conn) => {
        await conn.receive();
        kept = conn.signal;
        conn.receive().catch((error) => {
          rejected = error;
        });
      },
    });
    // Else a fatal end is reported.
    watch(made);
    await made.opened();
    equal(kept.aborted, false, `${end}: before`);
    if (end === "close") made.close();
    await waitFor(() => rejected, `${end}: its receive to end`);
    equal(kept.aborted, true, `${end}: after`);
  }
});

test("what comes meanwhile is held within a bound", async () => {
  const made = client(ws("/count?to=5000"), {
    resume: { id: "eventId" },
    shouldReconnect: () => false,
    handshake: () => new Promise(() => {}),
  });
  const seen = watch(made);
  await waitFor(() => seen.closed, "the end");
  equal(
    [seen.closed.error.code, /too much came/.test(seen.closed.error.cause?.message)],
    ["provider", true],
    "failure",
  );
});

test("what comes meanwhile is held up to 16 MB, without what it has received", async () => {
  const text = "x".repeat(2 ** 20);
  for (const [receives, code] of [
    [false, "provider"],
    [true, undefined],
  ]) {
    const made = client(ws("/echo"), {
      shouldReconnect: () => false,
      handshake: async ({ send, receive }) => {
        for (let left = 20; left; left--) {
          send(text);
          if (receives) await receive();
        }
        if (!receives) await new Promise(() => {});
      },
    });
    made.addEventListener("close", () => {});
    await waitFor(() => /open|closed/.test(made.state), "its end");
    equal(made.lastFailure?.code, code, `received: ${receives}`);
    if (code) ok(/too much came/.test(made.lastFailure.cause.message), made.lastFailure.cause.message);
    made.close();
  }
});

test("a successor has its own, while the old connection delivers", async () => {
  let runs = 0;
  const made = client(ws(`/count?to=1000000&rate=500&begin=${Date.now()}`), {
    resume: { id: "eventId", seq: "seq" },
    reconnect: { maxAge: 1_000 },
    handshake: async () => {
      runs++;
      // Messages of the new connection wait, those of the old one do not.
      await new Promise((done) => setTimeout(done, 200));
    },
  });
  const seen = watch(made);
  await waitFor(() => made.stats().opens === 3, "the third connection");
  const numbers = seen.data.map(({ seq }) => seq);
  equal(
    [runs, seen.states, numbers.every((seq, at) => !at || seq === numbers[at - 1] + 1)],
    [3, ["open"], true],
    "once, in order, open",
  );
});

test("it is for WebSockets, and a function", async () => {
  for (const [name, endpoint, handshake] of [
    ["handshake", sse("/count"), () => {}],
    ["handshake", ws("/echo"), {}],
  ]) {
    const error = await thrown(() => client(endpoint, { handshake }), name);
    equal([error.code, error.message.includes(name)], ["invalid-option", true], error.message);
  }
});

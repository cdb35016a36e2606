// close(), reconnect() or a throw inside every kind of handler.
import { client, watch } from "../client.js";
import { equal, ok, takeReports, test, waitFor } from "../harness.js";
import { fault, script, stats, ws } from "../server.js";

/** Each connection: a message, a gap, a message, then it is lost. */
const turns = {
  websocket: [
    "ws",
    [
      ["send", '{"eventId":"1"}'],
      ["send", '{"type":"gap"}'],
      ["send", '{"eventId":"2"}'],
      ["wait", 20],
      ["close", 1001, ""],
    ],
  ],
  eventsource: [
    "sse",
    [
      ["send", "id: 1\ndata: {}\n\n"],
      ["send", 'event: gap\ndata: {"type":"gap"}\n\n'],
      ["send", "id: 2\ndata: {}\n\n"],
      ["wait", 20],
      ["end"],
    ],
  ],
};

/** Runs `act` in the named place, the first time it is reached there. */
function arm(place, act, transport) {
  const [kind, turn] = turns[transport];
  const plan = script(kind, [turn]);
  /** @type {any} */
  let made = null;
  let times = 0;
  const fire = () => {
    times += 1;
    if (times === 1) act(made);
  };
  const at = (where) => () => {
    if (where === place) fire();
  };
  const options = {
    transport,
    resume: { id: "eventId", gap: "gap" },
    shouldReconnect: () => {
      at("shouldReconnect")();
      return undefined;
    },
    codec: {
      decode: (data) => {
        at("decode")();
        return JSON.parse(data);
      },
      encode: String,
    },
  };
  if (transport === "eventsource") Reflect.deleteProperty(options.resume, "id");
  made = client(() => {
    if (made) at("endpoint")();
    return plan.url;
  }, options);
  for (const type of ["open", "statechange", "retry", "gap", "close"]) made.addEventListener(type, at(type));
  // Watched last: after close() the other listeners of the same event see nothing more of it.
  const seen = watch(made);
  made.on(at("message"));
  made.on("message", at("typed message"));
  return { made, seen, fired: () => times > 0 };
}

const places = [
  "open",
  "statechange",
  "retry",
  "gap",
  "message",
  "typed message",
  "decode",
  "shouldReconnect",
  "endpoint",
  "close",
];

for (const transport of Object.keys(turns)) {
  for (const place of places) {
    test(`${transport}: close() in ${place}`, async () => {
      const { made, seen, fired } = arm(place, (target) => target.close(), transport);
      if (place === "close") {
        await made.opened();
        made.close();
      }
      await waitFor(() => fired() && made.state === "closed", "closed by the handler");
      equal(seen.events.at(-1), "close", "the last event");
      equal(seen.events.filter((type) => type === "close").length, 1, "close events");
      equal(seen.closed.reason, "app", "reason");
      const counts = [seen.events.length, seen.messages.length];
      await waitFor(async () => (await stats()).connections === 0, "no connection at the server");
      equal([seen.events.length, seen.messages.length], counts, "events and messages after close");
    });

    if (place !== "close") {
      test(`${transport}: reconnect() in ${place}`, async () => {
        const { made, fired } = arm(place, (target) => target.reconnect(), transport);
        await waitFor(
          () => fired() && made.stats().opens >= 2,
          () => `fired ${fired()}, ${made.state}, ${made.stats().opens} opens`,
        );
        await waitFor(async () => (await stats()).connections <= 1, "one connection at most");
        made.close();
        await waitFor(async () => (await stats()).connections === 0, "no connection at the server");
      });
    }

    test(`${transport}: a throw in ${place}`, async () => {
      const { made, fired } = arm(
        place,
        () => {
          throw new Error("thrown by the test");
        },
        transport,
      );
      if (place === "close") {
        await made.opened();
        made.close();
        ok(fired(), "fired");
      } else {
        await waitFor(
          () => fired() && made.stats().opens >= 2,
          () => `fired ${fired()}, ${made.state}, ${made.stats().opens} opens`,
        );
        made.close();
      }
      const reports = takeReports();
      // A function that is asked for an answer may answer by a throw; a handler's throw is the app's own error.
      if (!["endpoint", "shouldReconnect", "decode"].includes(place)) {
        await waitFor(() => {
          reports.push(...takeReports());
          return reports.length > 0;
        }, "the report");
      }
      ok(
        reports.every((report) => report?.message === "thrown by the test"),
        `reports: ${reports.join()}`,
      );
    });
  }
}

test("a throw does not keep the other handlers from a message, nor the next message from them", async () => {
  const made = client(
    script("ws", [
      [
        ["send", "1"],
        ["send", "2"],
      ],
    ]).url,
  );
  const heard = [];
  made.on(() => {
    throw new Error("thrown by the test");
  });
  made.on((message) => heard.push(message.data));
  await waitFor(() => heard.length === 2, "both messages");
  equal(heard, ["1", "2"], "heard");
  await waitFor(() => takeReports().length > 0, "the report");
  equal(made.state, "open", "state");
});

test("handlers may add and remove handlers, send, and connect", async () => {
  const plan = script("ws", [[["send", "go"], ["echo"]]]);
  const made = client(plan.url);
  const heard = [];
  const off = made.on(() => {
    off();
    made.on((message) => heard.push(message.data));
    made.send("from inside");
    const other = client(plan.url);
    other.on((message) => {
      heard.push(`other ${message.data}`);
      other.close();
    });
  });
  await waitFor(
    () => heard.includes("from inside") && heard.includes("other go"),
    () => `both, have ${heard}`,
  );
});

/** Numbers from 1 on, and what was delivered of them. */
function counting(options) {
  const made = client(ws("/count?to=300&rate=300"), { resume: { id: "eventId" }, ...options });
  const numbers = [];
  made.on("count", ({ data }) => numbers.push(data.seq));
  return { made, numbers };
}

const all = Array.from({ length: 300 }, (_, i) => i + 1);

test("reconnect() in a gap handler loses and repeats nothing", async () => {
  const { made, numbers } = counting();
  let times = 0;
  made.addEventListener("gap", () => {
    if (++times === 1) made.reconnect();
  });
  await waitFor(() => numbers.length > 20, "numbers");
  await fault("/fault/drop");
  await waitFor(() => numbers.at(-1) === 300, "the last number");
  ok(times >= 1, "a gap");
  equal(numbers, all, "numbers");
});

test("close() in a gap handler leaves the cursor at what was delivered", async () => {
  const { made, numbers } = counting();
  made.addEventListener("gap", () => made.close());
  await waitFor(() => numbers.length > 20, "numbers");
  await fault("/fault/drop");
  await waitFor(() => made.state === "closed", "closed");
  equal(made.lastEventId, String(numbers.at(-1)), "lastEventId");
});

for (const place of ["decode", "id"]) {
  test(`reconnect() in ${place} loses and repeats nothing`, async () => {
    let made;
    let calls = 0;
    const reached = () => {
      if (++calls === 20) made.reconnect();
    };
    const decode = (data) => {
      if (place === "decode") reached();
      return JSON.parse(data);
    };
    const id = ({ data }) => {
      if (place === "id") reached();
      return data.eventId;
    };
    const counted = counting({ codec: { decode, encode: String }, resume: { id } });
    made = counted.made;
    await waitFor(() => counted.numbers.at(-1) === 300, "the last number");
    ok(made.stats().opens >= 2, "it reconnected");
    equal(counted.numbers, all, "numbers");
  });
}

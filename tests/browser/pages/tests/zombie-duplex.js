// After close() of what `everwire/duplex` adds nothing is left either, whatever was under way.
import { held } from "../spies.js";
import { connect } from "/pkg/duplex.js";
import { equal, test, waitFor } from "../harness.js";
import { script, sse, stats, unique, ws } from "../server.js";

const nothing = { timers: 0, listeners: [] };
const quick = { reconnect: { initialDelay: 100 }, fallback: { remember: false } };
const open = [["send", ": hello\n\n"]];

const cases = {
  "a POST is out": async () => {
    const plan = script("sse", [[["hang"]]]);
    const made = connect({ sse: script("sse", [open]).url, uplink: plan.url }, quick);
    await made.opened();
    made.send({ n: 1 });
    made.send({ n: 2 });
    await waitFor(async () => (await plan.log()).length === 1, "the request");
    return made;
  },
  "an uplink's function has not answered": async () => {
    const made = connect(script("sse", [open]).url, { ...quick, uplink: () => new Promise(() => {}) });
    await made.opened();
    made.send({ n: 1 });
    await null;
    return made;
  },
  "the server said not now": async () => {
    const plan = script("sse", [[["status", 429, { "retry-after": "60" }]]]);
    const made = connect({ sse: script("sse", [open]).url, uplink: plan.url }, quick);
    await made.opened();
    made.send({ n: 1 });
    await waitFor(async () => (await plan.log()).length === 1, "the request");
    return made;
  },
  "a long poll waits": async () => {
    const plan = script("sse", [[["send", "id: a\ndata: a\n\n"], ["end"]], [["hang"]]]);
    const made = connect(plan.url, { ...quick, longPoll: true, fallback: { order: ["poll"], remember: false } });
    await waitFor(async () => (await plan.log()).length === 2, "the second request");
    return made;
  },
  "between two long polls": async () => {
    const made = connect(sse("/count?to=1000000&overlap=1"), {
      ...quick,
      longPoll: true,
      fallback: { order: ["poll"], remember: false },
    });
    await new Promise((resolve) => made.on(resolve, { once: true }));
    return made;
  },
  "a stream does not open, and is asked for": async () => {
    const plan = script("sse", [[["hang"]], [["hang"]]]);
    const made = connect(plan.url, { ...quick, openTimeout: 3_000 });
    await waitFor(async () => (await plan.log()).length === 2, "the HEAD");
    return made;
  },
  "topics are joining": async () => {
    const made = connect(ws(`/rooms?name=${unique()}`), { ...quick });
    made.subscribe("one");
    await made.opened();
    made.subscribe("two");
    return made;
  },
};

for (const [name, make] of Object.entries(cases)) {
  test(name, async () => {
    const made = await make();
    made.close();
    equal(held(), nothing, "held");
    await waitFor(async () => (await stats()).connections === 0, "the server to count 0 connections");
  });
}

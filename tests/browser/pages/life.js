// Two clients that count, for tests/browser/page-life.mjs. window.life() tells how they fare.
import { connect } from "/pkg/index.js";
import { Counter } from "./counter.js";

const { wire } = await (await fetch("/config.json")).json();
const path = "/count?to=1000000&rate=100";
const options = { reconnect: { initialDelay: 100, maxDelay: 500 }, heartbeat: { interval: 2_000, timeout: 500 } };
/** @type {{ type: string, at: number, persisted: boolean }[]} */
const returns = [];

const wires = {
  websocket: connect(wire.replace("http", "ws") + path, { ...options, resume: { id: "eventId" } }),
  eventsource: connect(wire + path, { ...options, transport: "eventsource" }),
};

const states = Object.entries(wires).map(([name, made]) => {
  /** @type {any} */
  const state = { name, made, counter: new Counter(), retries: 0, states: [], after: {}, closed: null };
  made.addEventListener("retry", () => {
    state.retries += 1;
  });
  made.addEventListener("statechange", () => state.states.push(made.state));
  made.addEventListener("close", (event) => {
    state.closed = event.reason;
  });
  made.on((message) => {
    state.counter.add(message.data.seq);
    for (const { type, at } of returns) state.after[type] ??= performance.now() - at;
  });
  return state;
});

for (const [target, type] of /** @type {[EventTarget, string][]} */ ([
  [window, "pageshow"],
  [document, "resume"],
  [window, "online"],
])) {
  target.addEventListener(type, (/** @type {any} */ event) => {
    if (type !== "pageshow" || event.persisted)
      returns.push({ type, at: performance.now(), persisted: event.persisted });
  });
}

window.life = () => ({
  returns,
  ...Object.fromEntries(
    states.map(({ name, made, counter, retries, states, after, closed }) => [
      name,
      {
        state: made.state,
        states,
        retries,
        after,
        closed,
        received: counter.received,
        missing: counter.missing,
        duplicates: counter.duplicates,
        stats: made.stats(),
      },
    ]),
  ),
});

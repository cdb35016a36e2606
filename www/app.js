/** All connections through the same client API: two at once, and three at the press of a button. */
import { byId } from "./dom.js";
import { connect } from "everwire";
import { connect as connectDuplex } from "everwire/duplex";
import { Chat } from "./chat.js";
import { Counter } from "./counter.js";
import { setUpExport } from "./export.js";
import { Llm } from "./llm.js";
import { Logs } from "./logs.js";
import { ownName } from "./name.js";
import { Panel } from "./panel.js";
import { Strip } from "./strip.js";
import { Task } from "./task.js";
import { Ticker } from "./ticker.js";
import { setUpTrouble } from "./trouble.js";
import { Verdict } from "./verdict.js";

const { wire: server } = await (await fetch("/config.json")).json();
// One room for everyone, so that two tabs talk to each other; `?room=` makes another. The server takes no other letters.
const asked = new URLSearchParams(location.search).get("room") ?? "";
const room =
  asked
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 32) || "lobby";
const name = ownName();

// Shorter than one would in earnest, so that a stall shows in seconds.
const patience = {
  heartbeat: { interval: 2_000, timeout: 1_000 },
  reconnect: { initialDelay: 1_000, maxDelay: 4_000 },
  openTimeout: 3_000,
};

function connectBoth() {
  return {
    chat: connectDuplex(`${server.replace(/^http/, "ws")}/rooms?bot=1&name=${encodeURIComponent(name)}`, {
      ...patience,
      outbox: { ack: true },
      // Who reads tells the id of what was said; it is not an id of its own.
      subscriptions: { id: ({ type, data }) => (type === "chat" ? data.eventId : undefined) },
    }),
    ticker: connect(`${server}/ticker?name=${asked ? room : "EVER"}&history=1&overlap=1`, {
      ...patience,
      transport: "eventsource",
      resume: { gap: "gap" },
    }),
  };
}

let wires;
try {
  wires = connectBoth();
} catch (error) {
  byId("boot").textContent = /** @type {Error} */ (error).message; // no WebAssembly, say: it tells what to do
  throw error;
}

const strip = new Strip(byId("strip"), Object.keys(wires));
const verdict = new Verdict(byId("verdict"));
const chat = new Chat(wires.chat, [room, "cables", "tea"], name, () => strip.messages("chat", 1, 0));
const ticks = new Counter();
wires.ticker.on("tick", ({ data }) => {
  ticks.add(data.seq);
  strip.messages("ticker", 1, 0);
});
const counters = {
  chat: () => ({ ...chat.counts, suppressed: wires.chat.stats().suppressed }),
  ticker: () => ({
    received: ticks.received,
    missing: ticks.missing,
    duplicate: ticks.duplicate,
    suppressed: wires.ticker.stats().suppressed,
  }),
};
const parts = [];

/** What there is to say of a state: why it waits or ended, and which attempt it is. */
function noteOf({ state, lastFailure, attempt }) {
  if (state === "connecting") return attempt > 1 ? `attempt ${attempt}` : "";
  return state === "open" ? "" : (lastFailure?.code ?? "");
}

for (const [name, wire] of Object.entries(wires)) {
  let suppressed = 0;
  let before = wire.state;
  strip.state(name, before);
  wire.addEventListener("statechange", () => {
    if (before === "open") verdict.breaks++;
    before = wire.state;
    strip.state(name, before, noteOf(wire));
  });
  wire.addEventListener("gap", () => strip.gap(name));
  // The chat's rooms have a place each.
  parts.push(new Panel(name, wire, counters[name], name === "chat" ? () => chat.progress : undefined), {
    refresh() {
      const now = wire.stats().suppressed;
      if (now > suppressed) strip.messages(name, 0, now - suppressed);
      suppressed = now;
    },
  });
}

parts.push(chat, new Ticker(wires.ticker), {
  refresh: () => verdict.refresh(Object.values(counters).map((read) => read())),
});
// Each room is resumed by itself, and so is the ticker.
setUpTrouble(strip, () => chat.size + 1);
setUpExport(strip);

// Not before they are asked for: a browser has six connections to a server, for all its tabs together.
const streams = { llm: new Llm(server, patience), logs: new Logs(server, patience), task: new Task(server, patience) };
parts.push(...Object.values(streams));

setInterval(() => {
  for (const part of parts) part.refresh();
}, 100);

// The strip runs smoothly, or steps once a second for those who asked for less motion.
const calm = matchMedia("(prefers-reduced-motion: reduce)");
let drawn = -Infinity;
requestAnimationFrame(function frame(now) {
  if (now - drawn >= (calm.matches ? 1_000 : 30)) {
    strip.draw();
    drawn = now;
  }
  requestAnimationFrame(frame);
});

/** For the tests, and for you in the console. */
window.demo = {
  ...wires,
  streams,
  name,
  get counters() {
    return { chat: counters.chat(), ticker: counters.ticker() };
  },
};

// Clients behind the proxy, at /live/ of this page's own origin. See tests/proxies/checks.mjs, which calls these.
import { connect } from "/pkg/index.js";

const wires = [];
const address = (path, transport) =>
  new URL(`/live${path}`, transport === "websocket" ? location.origin.replace(/^http/, "ws") : location.origin).href;

function open(endpoint, transport, options) {
  const wire = connect(endpoint, {
    transport,
    reconnect: { initialDelay: 100, maxDelay: 1_000, stableAfter: 500 },
    ...options,
  });
  /** @type {{ opens: number, failures: string[], state: () => string }} */
  const seen = { opens: 0, failures: [], state: () => wire.state };
  wire.addEventListener("open", () => seen.opens++);
  wire.addEventListener("retry", ({ failure }) =>
    seen.failures.push([failure.code, failure.closeCode].filter(Boolean).join(" ")),
  );
  wires.push(wire);
  return { wire, seen };
}

/** When each message of a script came, in ms since the request. */
function timed(transport, script) {
  const query = new URLSearchParams({ s: JSON.stringify([script]), key: crypto.randomUUID() });
  const began = Date.now(),
    times = [];
  const { wire } = open(address(`/script/sse?${query}`, transport), transport, { reconnect: false });
  wire.on(() => times.push(Date.now() - began));
  return new Promise((resolve) => wire.addEventListener("close", () => resolve({ times, end: Date.now() - began })));
}

/** What came back of what was sent. */
async function echo(texts) {
  const { wire } = open(address("/echo", "websocket"), "websocket");
  const back = [];
  const all = new Promise((resolve) =>
    wire.on(({ data }) => {
      if (back.push(data) === texts.length) resolve(back);
    }),
  );
  for (const text of texts) wire.send(text);
  return all;
}

/** Counts numbered messages, by the numbers alone. `limits` are how far the first attempts go; the last one holds on. */
function count(name, transport, { begin = Date.now(), rate, limits = [1e12] }) {
  /** @type {any} */
  const tally = { last: null, received: 0, missing: 0, duplicates: 0, gaps: 0 };
  let attempt = 0;
  const endpoint = () => {
    const to = limits[Math.min(attempt++, limits.length - 1)];
    return address(`/count?${new URLSearchParams({ begin: String(begin), rate, to: String(to) })}`, transport);
  };
  const { wire, seen } = open(endpoint, transport, {
    heartbeat: transport === "websocket" && { interval: 1_000, timeout: 1_000 },
    resume: { id: transport === "websocket" ? "eventId" : undefined, seq: "seq" },
  });
  wire.addEventListener("gap", () => tally.gaps++);
  wire.on(({ data: { seq } }) => {
    tally.received++;
    if (tally.last !== null && seq <= tally.last) tally.duplicates++;
    else if (tally.last !== null) tally.missing += seq - tally.last - 1;
    tally.last = Math.max(tally.last, seq);
  });
  tallies[name] = () => ({ ...tally, opens: seen.opens, failures: seen.failures, state: seen.state() });
}

const tallies = {};

window.live = {
  timed,
  echo,
  count,
  tallies: () => Object.fromEntries(Object.entries(tallies).map(([name, tally]) => [name, tally()])),
  closeAll() {
    for (const wire of wires.splice(0)) wire.close();
    for (const name of Object.keys(tallies)) delete tallies[name];
  },
  /** Of a request that has ended: a stream's entry comes at its end only. */
  async protocol() {
    await (await fetch("/live/health")).text();
    const entries = /** @type {PerformanceResourceTiming[]} */ (performance.getEntriesByType("resource"));
    return entries.findLast(({ name }) => name.endsWith("/live/health"))?.nextHopProtocol;
  },
};

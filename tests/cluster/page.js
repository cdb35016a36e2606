// One client on each transport, and what each has got. See run.mjs.
import { connect } from "everwire";
import { nchan } from "everwire/presets";

const { nodes, channel, resume } = Object.fromEntries(new URLSearchParams(location.search));
const addresses = nodes.split(",").map((node) => `${node}/live?channel=${channel}`);

class Tally {
  first = null;
  /** @type {any} */
  last = null;
  received = 0;
  duplicates = 0;
  misordered = 0;
  /** Missing, and no gap said so; and named by a gap. */
  untold = 0;
  told = 0;
  gaps = 0;
  opens = 0;
  failures = {};
  /** @type {string | null} */
  closed = null;
  /** The longest silence between two messages. */
  silence = 0;
  heard = 0;
  seen = new Set();

  add(seq, missing) {
    const now = performance.now();
    if (this.heard) this.silence = Math.max(this.silence, Math.round(now - this.heard));
    this.heard = now;
    this.received++;
    this.first ??= seq;
    if (this.seen.has(seq)) this.duplicates++;
    else if (this.last !== null && seq < this.last) this.misordered++;
    this.seen.add(seq);
    // By the numbers alone: everwire's own opinion is what is on trial.
    const skipped = this.last === null ? 0 : seq - this.last - 1;
    if (skipped > 0) {
      const named = missing?.from === this.last + 1 && missing.to === seq - 1;
      if (named) this.told += skipped;
      else this.untold += skipped;
    }
    this.last = Math.max(this.last, seq);
  }
}

const wires = {};
const tallies = {};

for (const transport of /** @type {import("everwire").Transport[]} */ (["fetch", "eventsource", "websocket"])) {
  const tally = (tallies[transport] = new Tally());
  /** @type {any} */
  let missing;
  const wire = (wires[transport] = connect(
    addresses,
    nchan({
      transport,
      // No ping: the channel itself has to speak (see nginx.conf).
      heartbeat: { interval: 1_500, timeout: 500, ping: false },
      reconnect: { initialDelay: 100, maxDelay: 1_000, stableAfter: 500 },
      openTimeout: 3_000,
      // "off" shows that the test can fail: no cursor goes up, as nchan does not know that name; and nothing is held back.
      resume: resume === "off" ? { name: "unused" } : { seq: "seq" },
    }),
  ));
  wire.addEventListener("open", () => tally.opens++);
  wire.addEventListener("retry", ({ failure: { code, status, closeCode } }) => {
    const name = [code, status || closeCode || ""].join(" ").trim();
    tally.failures[name] = (tally.failures[name] ?? 0) + 1;
  });
  wire.addEventListener("close", ({ reason, error }) => {
    tally.closed = `${reason}: ${error?.message}`;
  });
  wire.addEventListener("gap", (event) => {
    tally.gaps++;
    missing = event.missing;
  });
  wire.on("message", ({ data: { seq } }) => {
    tally.add(seq, missing);
    missing = undefined;
  });
}

/** For run.mjs: what there is now. */
window.look = () =>
  Object.fromEntries(
    Object.entries(tallies).map(([transport, { seen, ...tally }]) => [
      transport,
      {
        ...tally,
        state: wires[transport].state,
        node: wires[transport].url && new URL(wires[transport].url).port,
        suppressed: wires[transport].stats().suppressed,
      },
    ]),
  );

/** Back to the first node. */
window.home = (node) => {
  for (const wire of Object.values(wires)) if (new URL(wire.url).port !== node) wire.reconnect();
};

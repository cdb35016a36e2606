// What clients have got, over all reloads of the page. By the numbers alone: a client's own opinion is what is on trial.
const query = new URLSearchParams(location.search);
export const begin = Number(query.get("begin")),
  rate = Number(query.get("rate"));
/** The addresses of the fault proxies. */
export const endpoints = query.getAll("endpoint");
export const option = (name) => query.get(name);

/** The last number that is due. */
export const published = () => Math.floor(((Date.now() - begin) * rate) / 1_000);

const tallies = JSON.parse(sessionStorage.getItem("tallies") ?? "{}");
const leaving = [];
/** Called before the tallies are kept for the next page. */
export const onLeave = (leave) => leaving.push(leave);
addEventListener("pagehide", () => {
  for (const leave of leaving) leave();
  sessionStorage.setItem("tallies", JSON.stringify(tallies));
});
// Read by tests/chaos/script.mjs.
window.tallies = tallies;
/** Ends the run. */
export const fail = (why) => {
  window.failure ??= why;
};
window.addEventListener("error", ({ message }) => fail(message));
window.addEventListener("unhandledrejection", ({ reason }) => fail(String(reason)));

/** How often something was, over all reloads. */
window.noted = JSON.parse(sessionStorage.getItem("noted") ?? "{}");
export const note = (what) => {
  window.noted[what] = (window.noted[what] ?? 0) + 1;
};
onLeave(() => sessionStorage.setItem("noted", JSON.stringify(window.noted)));

/** For the next page. */
export const keep = (name, value) => sessionStorage.setItem(name, value);
export const kept = (name) => sessionStorage.getItem(name);

const empty = {
  first: null,
  /** The first one on this page. */
  page: null,
  last: null,
  received: 0,
  duplicates: 0,
  misordered: 0,
  holes: [],
  overReloads: 0,
  told: 0,
  gaps: 0,
  wrongGaps: 0,
  opens: 0,
  rollovers: 0,
  switches: 0,
  endpoint: 0,
  lastAt: null,
  silence: 0,
};

/** Takes the number out of the holes; false if it is in none. */
function fill(holes, seq) {
  const at = holes.findIndex(([from, to]) => from <= seq && seq <= to);
  if (at < 0) return false;
  const [from, to] = holes[at];
  holes.splice(
    at,
    1,
    ...[
      [from, seq - 1],
      [seq + 1, to],
    ].filter(([from, to]) => from <= to),
  );
  return true;
}

export function tallyOf(name) {
  const tally = (tallies[name] ??= structuredClone(empty));
  tally.page = null;
  /** @type {any} */
  let told = null;
  /** @type {number | null} */
  let endpoint = null;
  return {
    open(url, rolledOver = false) {
      tally.opens++;
      if (rolledOver) tally.rollovers++;
      const now = endpoints.findIndex((address) => new URL(address).host === new URL(url).host);
      if (endpoint !== null && now !== endpoint) tally.switches++;
      tally.endpoint = endpoint = now;
    },
    /** With numbers none may be without `from` and `to`: such a one fits nothing. */
    gap(from, to) {
      tally.gaps++;
      told = { from, to };
      if (from !== undefined) tally.told += to - from + 1;
    },
    message(seq) {
      const now = Date.now();
      if (tally.lastAt) tally.silence = Math.max(tally.silence, now - tally.lastAt);
      tally.lastAt = now;
      tally.received++;
      tally.first ??= seq;
      tally.page ??= seq;
      if (tally.last !== null) {
        const skipped = seq - tally.last - 1;
        if (skipped < 0) tally[fill(tally.holes, seq) ? "misordered" : "duplicates"]++;
        else if (skipped > 0 && !(told?.from === tally.last + 1 && told.to === seq - 1))
          tally.holes.push([tally.last + 1, seq - 1]);
        else if (skipped === 0 && told) tally.wrongGaps++;
      }
      told = null;
      tally.last = Math.max(tally.last, seq);
    },
    /**
     * For a client that forgets over a reload: what is due from now on is its own, until the page is left. What it has
     * not got by then is the reload's, as it might have come, unless the client `gaveUp` before.
     */
    startAfter(number, gaveUp = () => false) {
      if (tally.last === null) tally.first = number + 1;
      else tally.overReloads += number - tally.last;
      tally.last = number;
      onLeave(() => {
        const due = published();
        if (!gaveUp() || due <= tally.last) return;
        tally.holes.push([tally.last + 1, due]);
        tally.last = due;
      });
    },
  };
}

// The live demo of the front page, without its looks: everwire as it is packed, against the Service Worker in docs/public/live/worker.js.
// It counts for itself what came and what did not, so that a reader need not believe the client.
/** @import { Client } from "everwire" */

/** So many messages are drawn. */
export const CELLS = 40;
/** So many clients are there when the server restarts. */
export const FLEET = 50;
/** The histogram: ms in one bar, and how many bars. */
export const BAR = 250;
export const BARS = 36;
const LINES = 100;
/** Of a demo, whose reader does not wait for long; the defaults are 30 s and 5 s. */
const RECONNECT = { maxDelay: 4_000, stableAfter: 1_000 };
/** A message that came so many ms after its time came by replay. */
const LATE = 400;

/** What is shown. `Live.vue` makes it reactive. */
export const empty = () => ({
  /** "" until the demo is there; "none" where it cannot be. */
  phase: "",
  /** Why not. */
  why: "",
  state: "",
  retryAt: 0,
  now: 0,
  received: 0,
  missing: 0,
  twice: 0,
  told: 0,
  token: 0,
  queued: 0,
  acked: 0,
  unsettled: 0,
  stored: 0,
  /** @type {{ n: number, kind: "fresh" | "replayed" | "gone" }[]} */
  cells: [],
  /** @type {{ key: number, at: string, text: string }[]} */
  lines: [],
  fleet: fleet(),
});

const fleet = () => ({
  phase: "",
  open: 0,
  /** Attempts in each bar: those that the server refused, and those that opened. */
  refused: Array(BARS).fill(0),
  opened: Array(BARS).fill(0),
  most: 0,
  lastBack: 0,
});

/** @typedef {ReturnType<typeof empty>} View */

/** An error's sentence, without what stands around it. */
const sentence = ({ message }) => message.replace(/^everwire: |; see \S+$/g, "");

const one = (target, type) => new Promise((resolve) => target.addEventListener(type, resolve, { once: true }));

/** A `fetch` whose requests the Service Worker answers: that of an empty frame in the worker's folder. */
async function serve(folder, signal) {
  if (!globalThis.isSecureContext)
    throw new Error("a page that does not come over HTTPS gets no Service Worker, which would play the server");
  let worker;
  try {
    // Without one, and where the user blocks storage, this throws.
    const { installing, waiting, active } = await navigator.serviceWorker.register(`${folder}worker.js`, {
      scope: folder,
    });
    worker = active ?? waiting ?? installing;
    while (worker && worker.state !== "activated") {
      if (worker.state === "redundant") throw new Error("redundant");
      await one(worker, "statechange");
    }
  } catch {
    throw new Error("this browser gives the page no Service Worker, which would play the server");
  }
  signal.throwIfAborted();
  const frame = document.createElement("iframe");
  frame.style.display = "none";
  frame.title = "The server of the live demo";
  frame.src = `${folder}frame.html`;
  signal.addEventListener("abort", () => frame.remove());
  const loaded = one(frame, "load");
  document.body.append(frame);
  await loaded;
  const inside = frame.contentWindow;
  if (!inside?.navigator.serviceWorker?.controller)
    throw new Error("the Service Worker that plays the server does not answer");
  return /** @type {typeof fetch} */ ((input, init) => inside.fetch(input, init));
}

/**
 * Starts the demo, and keeps `view` up to date until the signal is aborted. `base` is the path of the site.
 * @param {string} base
 * @param {View} view
 * @param {AbortSignal} signal
 */
export async function start(base, view, signal) {
  const folder = new URL(`${base}live/`, location.href).href;
  try {
    const [fetched, duplex, auth] = await Promise.all([
      serve(folder, signal),
      import("everwire/duplex"),
      import("everwire/auth"),
    ]);
    if (!signal.aborted) return run(folder, view, signal, fetched, duplex, auth);
  } catch (error) {
    if (signal.aborted) return;
    view.phase = "none";
    // Else a file that did not come, or everwire's own sentence, as where WebAssembly is off.
    view.why = error instanceof Error ? sentence(error) : String(error);
  }
}

/** @param {View} view @param {AbortSignal} signal @param {typeof fetch} fetched */
function run(folder, view, signal, fetched, { connect }, { tokens }) {
  const room = String(Date.now());
  const at = (path, more = "") => `${folder}${path}?room=${room}${more}`;
  const ask = (path, more = "") => fetched(at(path, more), { method: "POST" });
  let key = 0;
  const say = (text) => {
    view.lines.push({ key: key++, at: new Date().toLocaleTimeString("en", { hour12: false }), text });
    if (view.lines.length > LINES) view.lines.shift();
  };

  const auth = tokens(async () => {
    const { token } = await (await ask("token")).json();
    view.token = Number(token.split(".")[1]);
    if (view.token > 1) say("A new token came.");
    return token;
  });
  /** @type {Client} */
  const wire = connect(
    { sse: at("stream"), uplink: at("stream") },
    {
      http: { fetch: fetched, headers: auth.header() },
      reconnect: RECONNECT,
      heartbeat: { interval: 2_000, timeout: 1_000 },
      resume: { gap: "gap", seq: "n" },
      outbox: { ack: true },
      signal,
    },
  );

  // What the page sees by itself: the numbers that came.
  let next = 1;
  let gap = false;
  const cell = (n, kind) => {
    view.cells.push({ n, kind });
    if (view.cells.length > CELLS) view.cells.shift();
  };
  wire.on("price", ({ data }) => {
    view.received += 1;
    if (data.n < next) {
      view.twice += 1;
      return;
    }
    const gone = data.n - next;
    if (gap) view.told += gone;
    else view.missing += gone;
    for (let n = Math.max(next, data.n - CELLS); n < data.n; n++) cell(n, "gone");
    gap = false;
    next = data.n + 1;
    cell(data.n, Date.now() - data.at > LATE ? "replayed" : "fresh");
  });
  wire.addEventListener("gap", ({ missing, after }) => {
    gap = true;
    say(
      missing ? `Gap: ${missing.from} to ${missing.to} are missing.` : `Gap: something may be missing after ${after}.`,
    );
  });

  /** @type {ReturnType<typeof setInterval> | undefined} */
  let clock;
  const follow = () => {
    view.state = wire.state;
    view.retryAt = wire.retryAt ?? 0;
    view.now = Date.now();
    clearInterval(clock);
    if (wire.state === "waiting") clock = setInterval(() => (view.now = Date.now()), 100);
  };
  wire.addEventListener("statechange", follow);
  wire.addEventListener("open", () => say("Open."));
  wire.addEventListener("retry", ({ failure, delay, attempt }) => {
    const why = sentence(failure);
    say(`${why[0].toUpperCase()}${why.slice(1)}. Attempt ${attempt} in ${(delay / 1_000).toFixed(1)} s.`);
  });
  wire.addEventListener("close", ({ error }) => error && say(`Closed: ${sentence(error)}.`));
  signal.addEventListener("abort", () => clearInterval(clock));
  follow();
  view.phase = "live";

  let notes = 0;
  const count = async () => {
    view.stored = (await (await fetched(at("stored"))).json()).stored;
  };
  return {
    /** One of the worker's `faults`. */
    async fault(kind, text) {
      say(text);
      await ask("fault", `&kind=${kind}`);
    },
    async send(many) {
      say(`${many} messages are sent.`);
      for (let i = 0; i < many; i++) {
        view.unsettled += 1;
        wire.send({ type: "note", text: `note ${++notes}` }).then(({ status }) => {
          view.unsettled -= 1;
          if (status === "acked") view.acked += 1;
        });
      }
      await wire.drained();
      if (signal.aborted) return;
      say("The outbox is empty.");
      await count();
    },
    async restart() {
      view.fleet = { ...fleet(), phase: "opening" };
      const seen = view.fleet;
      const own = new AbortController();
      signal.addEventListener("abort", () => own.abort(), { signal: own.signal });
      const clients = Array.from({ length: FLEET }, (_, i) =>
        connect(at("fleet", `&client=${i}`), { http: { fetch: fetched }, reconnect: RECONNECT, signal: own.signal }),
      );
      await Promise.all(clients.map((client) => client.opened().then(() => (seen.open += 1))));
      const begun = Date.now();
      /** Into which bar an attempt of that time goes. */
      const bar = (time) => Math.min(BARS - 1, Math.max(0, Math.floor((time - begun) / BAR)));
      const draw = (bars, time) => {
        bars[bar(time)] += 1;
        seen.most = Math.max(...seen.refused.map((count, i) => count + seen.opened[i]));
      };
      const back = clients.map(
        (client) =>
          new Promise((resolve) => {
            let tried = 0;
            client.addEventListener("retry", ({ retryAt }) => {
              // What was tried before this retry was refused.
              if (tried) draw(seen.refused, tried);
              tried = retryAt;
            });
            client.addEventListener("open", () => {
              draw(seen.opened, tried);
              seen.open += 1;
              seen.lastBack = Date.now() - begun;
              resolve(undefined);
            });
            client.addEventListener("close", resolve);
          }),
      );
      seen.open = 0;
      seen.phase = "restarting";
      say(`The server of ${FLEET} clients restarts.`);
      await ask("fault", "&kind=restart");
      await Promise.all(back);
      own.abort();
      if (signal.aborted) return;
      seen.phase = "back";
      say(`All ${FLEET} clients are back.`);
    },
  };
}

// Clients behind the proxy, in both directions. See tests/fallback/checks.mjs, which calls these.
import { connect } from "/pkg/duplex.js";

// What a client does not tell: whether a fetch is a long poll, of which connection, and how many WebSockets were tried.
const asked = {},
  sockets = {};
const { fetch, WebSocket } = globalThis;
globalThis.fetch = (url, init) => {
  const { pathname, searchParams } = new URL(url, location.href);
  if (init?.method !== "POST" && init?.method !== "HEAD") {
    asked[pathname] = { way: searchParams.has("poll") ? "poll" : "fetch", connection: searchParams.get("connection") };
  }
  return fetch(url, init);
};
globalThis.WebSocket = class extends WebSocket {
  constructor(url, protocols) {
    super(url, protocols);
    const { pathname } = new URL(url);
    sockets[pathname] = (sockets[pathname] ?? 0) + 1;
  }
};

const wires = [],
  tallies = {};
let failure,
  sending = true;
addEventListener("error", ({ message }) => {
  failure ??= message;
});
addEventListener("unhandledrejection", ({ reason }) => {
  failure ??= String(reason);
});

const unique = () => crypto.getRandomValues(new Uint32Array(2)).join("-");

/** A client with what it has seen. Times are in ms since it was made. */
function open(name, path, options) {
  const { pathname, href } = new URL(path, location.href),
    began = performance.now(),
    now = () => Math.round(performance.now() - began);
  /** @type {any} */
  const tally = (tallies[name] = {
    name,
    ways: [],
    failures: [],
    first: {},
    received: 0,
    last: 0,
    missing: 0,
    duplicates: 0,
    gaps: 0,
    silence: 0,
    sent: 0,
    statuses: {},
  });
  const up = pathname === "/count" ? {} : { uplink: href };
  const wire = connect(
    { websocket: href.replace("http", "ws"), sse: href, ...up },
    {
      // What is sent while there is no way.
      outbox: { ack: true, maxMessages: 1e4, maxBytes: 1e7 },
      ...options,
    },
  );
  wires.push(wire);
  const way = () => (wire.transport === "fetch" ? asked[pathname].way : wire.transport);
  let spoke = 0;
  /** Something came, or was acked, by the way of now. */
  const note = () => {
    tally.first[way()] ??= now();
    tally.silence = Math.max(tally.silence, now() - spoke);
    spoke = now();
  };
  wire.addEventListener("open", () => tally.ways.push([way(), now()]));
  wire.addEventListener("retry", ({ failure: { code, closeCode } }) =>
    tally.failures.push([code === "closed" ? `closed ${closeCode}` : code, now()]),
  );
  // What came before the first message nobody knows, where the first poll brought nothing.
  wire.addEventListener("gap", ({ after }) => {
    if (after || tally.received) tally.gaps++;
  });
  wire.addEventListener("close", ({ reason, error }) => {
    failure ??= `${name} closed: ${reason} ${error?.message}`;
  });
  tally.look = () => ({
    state: wire.state,
    url: href,
    sockets: sockets[pathname] ?? 0,
    connection: asked[pathname]?.connection,
    now: now(),
  });
  return {
    wire,
    tally,
    note,
    /** Numbers from 1 on. */
    take(n) {
      note();
      tally.received++;
      if (n <= tally.last) tally.duplicates++;
      else tally.missing += n - tally.last - 1;
      tally.last = Math.max(tally.last, n);
    },
    /** Sends numbers from 1 on, so often. */
    send(ms, toMessage) {
      const timer = setInterval(() => {
        if (!sending) return clearInterval(timer);
        wire.send(toMessage(++tally.sent)).then(({ status, code }) => {
          tally.statuses[code ?? status] = (tally.statuses[code ?? status] ?? 0) + 1;
          if (status === "acked") note();
        });
      }, ms);
    },
  };
}

/** Down only: numbers by the clock. */
function numbers(options, query) {
  const path = `/count?${new URLSearchParams({ begin: String(Date.now()), rate: "50" })}${query}`;
  const { wire, take } = open("numbers", path, { ...options, resume: { id: "eventId", seq: "seq" } });
  wire.on(({ data }) => take(data.seq));
}

/** Up only, but for the acks. */
function ledger(options) {
  open("ledger", `/ledger?client=${unique()}`, options).send(10, (n) => ({ n }));
}

/** Both: what it says in a room comes back to it, with the room's own number. */
function room(options) {
  const topic = `r${unique()}`;
  const { wire, take, send, tally } = open("room", "/rooms?name=page", {
    ...options,
    subscriptions: { id: "eventId", seq: "seq" },
  });
  const handle = wire.subscribe(topic);
  handle.on("chat", ({ data: { seq, text } }) => {
    take(seq);
    if (text !== `${seq}`) failure ??= `room: ${seq} is the text ${text}`;
  });
  handle.on("gap", () => tally.gaps++);
  // Of what it says the server knows the last 1 000.
  send(50, (n) => ({ type: "chat", topic, from: "page", text: `${n}` }));
}

const makers = { numbers, ledger, room };

window.live = {
  start(names, options, query) {
    for (const name of names) makers[name](options, query ?? "");
  },
  stop() {
    sending = false;
  },
  look: () => ({ failure, tallies: Object.values(tallies).map(({ look, ...tally }) => ({ ...tally, ...look() })) }),
  closeAll() {
    failure ??= "closed by the test";
    sending = false;
    for (const wire of wires.splice(0)) wire.close();
  },
};

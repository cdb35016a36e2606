// What runs in each place, a window or any worker: it asks the app for all that a client does there, and counts what is left.
import { held } from "/spies.js";

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const transports = ["websocket", "fetch", "eventsource"];

/** The addresses of the server and its proxy, and of numbered messages on one transport. */
async function server() {
  const { page, wire } = await (await fetch("/config.json")).json();
  const count = (transport) =>
    `${transport === "websocket" ? wire.replace(/^http/, "ws") : wire}/count?rate=50&to=1000000`;
  return { page, count };
}

/** Each transport by itself: what the app says of it. */
async function tour({ follow }) {
  const { page, count } = await server();
  const cut = () => {
    fetch(`${page}/proxy/reset`, { method: "POST" });
  };
  const told = {};
  const left = await leaves(async () => {
    for (const transport of transports) told[transport] = await follow(transport, count(transport), cut);
  });
  return { told, ...left };
}

/** The timers and listeners before it, and those after it. */
async function leaves(run) {
  const before = JSON.stringify(held());
  await run();
  const end = performance.now() + 10_000;
  while (JSON.stringify(held()) !== before && performance.now() < end) await pause(10);
  return { before, after: JSON.stringify(held()) };
}

/** How many messages came to the clients that nobody closes. */
const counts = {};
/** @type {any} */
let failure;
const deeds = {
  tour,
  /** A hundred clients on each transport. */
  cycles: async ({ cycles }) => {
    const { count } = await server();
    return leaves(() => cycles(count("websocket"), count("fetch")));
  },
  stay: async ({ stay }) => {
    const { count } = await server();
    for (const transport of transports) {
      if (transport in counts) continue;
      counts[transport] = 0;
      stay(transport, count(transport), (all) => {
        counts[transport] = all;
      }).catch((error) => {
        failure = error;
      });
    }
    while (deeds.least() < 3) await pause(10);
  },
  /** Of the one that has least; 0 where none was made. */
  least: () => {
    if (failure) throw failure;
    return Math.min(...transports.map((transport) => counts[transport] ?? 0));
  },
  refused: async ({ refused }) => {
    const { count } = await server();
    return Promise.all(transports.map((transport) => refused(transport, count(transport))));
  },
  /** The answer is under way first. */
  close: () => void setTimeout(close),
};

/** `load` gives the app. Who asks has a port: the answer goes there. */
export function serve(load) {
  let app;
  const answer = async (deed) => {
    try {
      return { value: await deeds[deed]((app ??= await load())) };
    } catch (error) {
      return { error: String(error?.stack ?? error) };
    }
  };
  /** @type {any} */
  const self = globalThis;
  const listen = (target) => {
    target.onmessage = (event) => {
      const answered = answer(event.data).then((told) => event.ports[0].postMessage(told));
      // A service worker is stopped when nothing is waited for.
      event.waitUntil?.(answered);
    };
  };
  if ("document" in globalThis) self.answer = answer;
  else if ("onconnect" in globalThis) self.onconnect = ({ ports: [port] }) => listen(port);
  else listen(self);
}

// What runs in each place, a window or any worker: it asks the app for all that a client does there, and counts what is left.
import { held } from "/spies.js";

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

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
  const before = JSON.stringify(held());
  const told = {};
  for (const transport of ["websocket", "fetch", "eventsource"])
    told[transport] = await follow(transport, count(transport), cut);
  const end = performance.now() + 10_000;
  while (JSON.stringify(held()) !== before && performance.now() < end) await pause(10);
  return { told, before, after: JSON.stringify(held()) };
}

let last = 0;
const deeds = {
  tour,
  /** A client that nobody closes. */
  stay: async ({ stay }) => {
    if (last > 0) return;
    const { count } = await server();
    stay(count("websocket"), (seq) => {
      last = seq;
    });
    while (last < 3) await pause(10);
  },
  last: () => last,
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

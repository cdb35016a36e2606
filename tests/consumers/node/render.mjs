// While a page is rendered nothing is opened, stored or kept running, and nothing throws that would do on the page.
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { connect } from "everwire";
import * as duplex from "everwire/duplex";
import { EventSource } from "everwire/eventsource";

const asked = [];
/** @type {any} */
const spy = (address) => {
  asked.push(`${address}`);
  return new Promise(() => {});
};
globalThis.fetch = spy;
Reflect.deleteProperty(globalThis, "WebSocket"); // newer versions of Node have one
const warned = [];
console.warn = (...words) => warned.push(words.join(" "));

const made = [
  connect("/live"),
  connect("https://example.com/live", { resume: { storage: true, key: "user" } }),
  connect("wss://example.com/live", { handshake: () => {}, reconnect: { maxAge: 60_000 } }),
  connect({ websocket: "/live", sse: "/events" }),
  connect(["/a", "/b"], { shuffle: true, http: { headers: { authorization: "Bearer t" }, cancel: "/stop" } }),
  connect(
    () => {
      throw new Error("asked for the address");
    },
    { resume: { via: "url" } },
  ),
  duplex.connect("/live", { uplink: "/send", probe: "/probe", longPoll: true }),
  duplex.connect({ sse: "/live", uplink: "/send" }, { outbox: { ack: true, persist: { key: "user" } } }),
];
for (const wire of made) {
  wire.on("price", () => {});
  wire.addEventListener("statechange", () => {});
}
const [first, , , , , , talking] = made;
const sent = first.send({ n: 1 }, { ttl: 60_000 });
void first.opened();
const asks = /** @type {any} */ (talking).request({ n: 1 }, { timeout: 60_000 });
/** @type {any} */ (talking).subscribe("room");
await pause(300);
assert.deepEqual(new Set(made.map(({ state }) => state)), new Set(["suspended"]));
assert.deepEqual(asked, []);
assert.equal(warned.length, 1, `${warned}`);
assert.match(warned[0], /server is true/);

// A mistake is one on the page, too.
assert.throws(() => connect("/live", { heartbeat: { interval: -1 } }), { code: "invalid-option" });

first.close();
assert.deepEqual([first.state, await sent], ["closed", { status: "dropped", code: "closed" }]);
asks.catch(() => {});

// Asked for.
const own = connect("https://example.com/own", { server: true });
made[1].resume();
const standard = new EventSource("https://example.com/standard");
await pause(100);
assert.deepEqual(asked.sort(), ["/live", "/own", "/standard"].map((path) => `https://example.com${path}`).sort());
own.close();
standard.close();
made[1].close();
// The others stay as they are, with a send and a request that have a time: the process ends all the same.

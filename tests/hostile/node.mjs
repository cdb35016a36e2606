// What a server says ends no process: without reportError, what is reported there would (Node 20 has none).
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { packed } from "../browser/node/environment.mjs";
import { ODD } from "./pages/odd.js";

const { connect } = await import(pathToFileURL(join(packed, "duplex.js")).href);

const words = ODD.flatMap((odd) => [
  `{"id":${odd},"seq":${odd}}`,
  `{"type":"ack","id":${odd}}`,
  `{"topic":"t","seq":${odd}}`,
  `{"type":"joined","topic":${odd}}`,
]);
const server = createServer((request, answer) => {
  if (request.url === "/refused") return answer.writeHead(403).end();
  answer.writeHead(200, { "content-type": "text/event-stream" });
  for (const word of [...words, "end"]) answer.write(`data: ${word}\n\n`);
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());

const told = [];
console.warn = (...given) => told.push(given.join(" "));
const fail = () => Promise.reject(new Error("later"));
/** @type {any[]} */
const storages = [
  { getItem: () => '["7",3,{"toString":1}]', setItem() {} },
  { getItem: fail, setItem: fail },
];
for (const storage of storages)
  for (const seq of [({ data }) => data?.seq, ({ data }) => [data?.seq, data?.seq]]) {
    const wire = connect(`http://127.0.0.1:${port}/`, {
      server: true,
      outbox: { ack: true },
      resume: { id: ({ data }) => data?.id, seq, storage, key: "" },
      subscriptions: { seq: ({ data }) => data?.seq },
    });
    wire
      .subscribe("t")
      .ready()
      .catch(() => {});
    await new Promise((resolve) => wire.on(({ data }) => data === "end" && resolve(undefined)));
    wire.close();
    // What would be thrown by a timer has been by then.
    await new Promise((resolve) => setTimeout(resolve));
  }
assert.ok(told.length > 0 && told.length <= 4 * 3 + 2, told.join("\n"));

// What a server's word made throw in the app's functions is told, and the process lives; so is a refusal that nobody hears of.
assert.equal(typeof globalThis.reportError, "undefined");
const errors = [];
console.error = (error) => errors.push(error);
const deep = ({ data }) => data.none.deeper;
const strict = (data) => (data === "end" ? data : JSON.parse(`${data}}`));
for (const options of [
  { codec: { decode: strict, encode: JSON.stringify } },
  { resume: { seq: deep } },
  { resume: { id: deep } },
  { outbox: { ack: { id: "id", match: deep } } },
  { rate: { messages: 5, per: 100, slow: deep } },
  { subscriptions: { topic: deep } },
  { until: deep },
]) {
  errors.length = 0;
  const wire = connect(`http://127.0.0.1:${port}/`, { server: true, ...options });
  if (options.subscriptions) wire.subscribe("t");
  await new Promise((resolve) => wire.on(({ data }) => data === "end" && resolve(undefined)));
  wire.close();
  await new Promise((resolve) => setTimeout(resolve));
  assert.ok(errors.length >= words.length, `${Object.keys(options)}: ${errors.length}`);
  assert.ok(errors.every((error) => error instanceof Error));
}
errors.length = 0;
const refused = connect(`http://127.0.0.1:${port}/refused`, { server: true });
await new Promise((resolve) => {
  console.error = (error) => resolve(errors.push(error));
});
await new Promise((resolve) => setTimeout(resolve));
assert.deepEqual([refused.state, errors.map(({ code, status }) => [code, status])], ["closed", [["http", 403]]]);

// What the app asks for and does not await: that it rejects, as the server refuses, ends no process.
for (const ask of [
  (wire) => wire.opened(),
  (wire) => wire[Symbol.asyncIterator]().next(),
  (wire) => wire.request({ n: 1 }, { timeout: 1 }),
]) {
  const wire = connect(`http://127.0.0.1:${port}/refused`, { server: true });
  const asked = ask(wire);
  await new Promise((resolve) => wire.addEventListener("close", resolve));
  await new Promise((resolve) => setTimeout(resolve));
  await assert.rejects(asked);
  await assert.rejects(Promise.resolve(wire.opened()));
}

// What a handshake waits for, and nobody awaits, ends with the connection: no rejection of it ends the process.
class Closing extends EventTarget {
  readyState = 0;
  constructor() {
    super();
    setTimeout(() => {
      this.readyState = 1;
      this.dispatchEvent(new Event("open"));
      this.readyState = 3;
      this.dispatchEvent(Object.assign(new Event("close"), { code: 4403, reason: "" }));
    });
  }
  close() {}
}
globalThis.WebSocket = /** @type {any} */ (Closing);
let asked;
const shaking = connect("ws://127.0.0.1/", {
  server: true,
  handshake: ({ receive }) => {
    asked = receive();
    return new Promise(() => {});
  },
});
await new Promise((resolve) => shaking.addEventListener("close", resolve));
await new Promise((resolve) => setTimeout(resolve));
await assert.rejects(asked);

// A handler's own throw is an uncaught exception, as that of any listener.
const own = connect(`http://127.0.0.1:${port}/`, { server: true });
const thrown = new Promise((resolve) => process.once("uncaughtException", resolve));
own.on(
  () => {
    throw new Error("the app's");
  },
  { once: true },
);
assert.equal((await thrown).message, "the app's");
own.close();
server.close();
server.closeAllConnections();

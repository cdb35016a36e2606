// The drop-in with `ws`, also in its place on globalThis; Node 20 has no CloseEvent. Nothing keeps Node running at the end.
import assert from "node:assert/strict";
import { WebSocket } from "everwire/websocket";
import * as ws from "ws";

Reflect.deleteProperty(globalThis, "WebSocket"); // newer versions of Node have one
assert.throws(() => new WebSocket("ws://127.0.0.1:9/"), { name: "EverwireError", code: "unsupported" });
assert.throws(() => new WebSocket("/relative"), { name: "SyntaxError" });

for (const CloseEvent of [globalThis.CloseEvent, undefined]) {
  Object.assign(globalThis, { CloseEvent });
  // First `ws` itself, then everwire's over it.
  Object.assign(globalThis, { WebSocket: globalThis.WebSocket ? WebSocket : ws.WebSocket });
  const socket = new WebSocket(`${process.env.WIRE}/echo?${Math.random()}`, [], {
    heartbeat: { interval: 500, ping: "tick", isPong: (data) => data === "tick" },
  });
  socket.binaryType = "arraybuffer";
  await new Promise((resolve) => {
    socket.onopen = resolve;
  });
  const heard = [];
  const both = new Promise((resolve) => {
    socket.onmessage = ({ data }) => heard.push(data) === 2 && resolve(undefined);
  });
  socket.send("hi");
  socket.send(new Uint8Array([1, 2]));
  await both;
  assert.equal(heard[0], "hi");
  assert.deepEqual([...new Uint8Array(heard[1])], [1, 2]);
  const closed = new Promise((resolve) => {
    socket.onclose = resolve;
  });
  socket.close(4000, "bye");
  const { type, code, reason, wasClean } = await closed;
  assert.deepEqual([type, code, reason, wasClean, socket.readyState], ["close", 4000, "bye", true, 3]);
}

const refused = new WebSocket("ws://127.0.0.1:9/");
const seen = [];
await new Promise((resolve) => {
  refused.onerror = ({ type }) => seen.push(type);
  refused.onclose = ({ code, wasClean }) => resolve(seen.push(code, wasClean));
});
assert.deepEqual(seen, ["error", 1006, false]);

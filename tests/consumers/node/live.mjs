// With a WebSocket put on globalThis, Node is as good as a browser, and close() leaves nothing that keeps it running.
import assert from "node:assert/strict";
import { connect } from "everwire";
import { WebSocket } from "ws";

Object.assign(globalThis, { WebSocket });
const wire = connect(`${process.env.WIRE}/echo`, { server: true });
const received = new Promise((resolve) => wire.on("hello", resolve));
assert.equal((await wire.send({ type: "hello", text: "hi" })).status, "sent");
assert.equal((await received).data.text, "hi");
wire.close();

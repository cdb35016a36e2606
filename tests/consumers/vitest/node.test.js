import { connect, version } from "everwire";
import { expect, test } from "vitest";
import { WebSocket } from "ws";

test("imports in the node environment", () => {
  expect(connect).toBeTypeOf("function");
  expect(version).toMatch(/^\d+\.\d+\.\d+/);
});

test("is live with a WebSocket from ws", async () => {
  Object.assign(globalThis, { WebSocket });
  const wire = connect(`${process.env.WIRE}/echo`, { server: true });
  const received = new Promise((resolve) => wire.on("hello", resolve));
  expect(await wire.send({ type: "hello", text: "hi" })).toMatchObject({ status: "sent" });
  expect((await received).data.text).toBe("hi");
  wire.close();
  expect(wire.state).toBe("closed");
});

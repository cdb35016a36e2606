// Importing does nothing to see; connect tells that this runtime has no WebSocket.
import assert from "node:assert/strict";
import { inspect } from "node:util";

Reflect.deleteProperty(globalThis, "WebSocket"); // newer versions of Node have one
const before = Reflect.ownKeys(globalThis);
const compiled = ["Module", "Instance", "compile", "instantiate"].filter((name) => {
  const original = WebAssembly[name];
  // biome-ignore lint/complexity/useArrowFunction: it stands for constructors, too.
  WebAssembly[name] = function () {
    assert.fail(`WebAssembly.${name} was used by the import`);
  };
  WebAssembly[name].original = original;
  return true;
});
const { connect, EverwireError } = await import("everwire");
for (const name of compiled) WebAssembly[name] = WebAssembly[name].original;

assert.deepEqual(Reflect.ownKeys(globalThis), before, "the import defines no global");
assert.deepEqual(
  process.getActiveResourcesInfo().filter((name) => name === "Timeout"),
  [],
  "the import starts no timer",
);
assert.throws(
  () => connect("ws://127.0.0.1:9/", { server: true }),
  (error) => {
    assert.ok(error instanceof EverwireError, `not an EverwireError: ${error}`);
    assert.equal(error.code, "unsupported");
    assert.match(error.message, /WebSocket/);
    return true;
  },
);
assert.throws(() => connect("/live", { server: true }), { code: "invalid-url", message: /outside of a page/ });

globalThis.WebSocket = /** @type {any} */ (
  class extends EventTarget {
    close() {}
  }
);
const wire = connect("ws://127.0.0.1:9/live?token=secret", { server: true });
assert.equal(
  inspect(wire),
  inspect({ state: "connecting", transport: "websocket", attempt: 0, url: "ws://127.0.0.1:9/live" }),
);
wire.close();

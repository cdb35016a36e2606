// The npm package as it is packed, with the suite in place of its wasm: what the wasm would import is asked by `host`, and what it
// would export is `call`.
import { connect } from "/pkg/index.js";

let imports;

/** A client of the package's, which tells the suite all that it tells the wasm. */
export function open(memory, call, address, transport, deliver) {
  const { WebAssembly } = globalThis;
  // As an export takes its numbers.
  const exported = (...given) => call(...[0, 1, 2, 3, 4, 5].map((place) => given[place] >>> 0));
  globalThis.WebAssembly = {
    Module: class {},
    Instance: class {
      exports = { memory, call: exported };

      constructor(_, given) {
        imports = given.i;
      }
    },
  };
  try {
    const client = connect(address, { transport });
    client.on(({ data, type, lastEventId }) =>
      deliver(data instanceof ArrayBuffer ? new Uint8Array(data) : data, type, lastEventId),
    );
    return client;
  } finally {
    globalThis.WebAssembly = WebAssembly;
  }
}

export const host = (client, kind, a, b, c) => +imports.h(client, kind, a, b, c);
export const monotonic = () => imports.m();
export const wall = () => imports.w();
export const random = () => imports.r();

import { eventsource, fetched, websocket } from "./links/dials.ts";
import { instance } from "./wasm.js";
import { wasm } from "#wasm/everwire.js";
import { readOptions } from "./options.js";
import { Client } from "./client.js";

export { batch } from "./batch.js";
export { EverwireError, Failure } from "./errors.js";
export { ClosedEvent, GapEvent, OpenEvent, RetryEvent } from "./events.js";

/** Set by the build from Cargo.toml. */
export const version = EVERWIRE_VERSION;

const LINKS = [undefined, websocket, eventsource, fetched];

export function connect(endpoint, options = {}) {
  const endpoints = [].concat(endpoint);
  return new Client(endpoints, readOptions(options, endpoints), instance(wasm), LINKS);
}

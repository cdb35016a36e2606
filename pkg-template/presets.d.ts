import type { Options } from "./index.js";

/**
 * The options for a server with nchan: the name of its query parameter, and over WebSocket its subprotocol
 * `ws+meta.nchan`, which must be the only one offered, with the ids that it puts before each message. `binaryType`
 * must be `arraybuffer` there. A heartbeat that pings over a WebSocket is a typed error: nchan takes what a subscriber
 * sends for a message, or closes with 1008.
 */
export function nchan(options?: Omit<Options, "protocols" | "binaryType"> & { binaryType?: "arraybuffer" }): Options;

/**
 * The options for a Mercure hub: the names of its query parameter, old and new, and what the hub says in
 * `Last-Event-ID` or `Mercure-Last-Event-ID` of its answer: whether it goes on from the cursor, or there is a gap.
 * Across origins the hub must expose that header (`Access-Control-Expose-Headers`). Only with `transport: "fetch"`,
 * the default: an EventSource shows no headers.
 */
export function mercure(options?: Options): Options;

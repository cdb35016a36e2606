// Where a connection goes, and what carries the cursor there.
import type { Destination, Request } from "../links/link.ts";
import { REFUSED, fitsHeader, isBadPort, isLoopback, resolve, setParameter } from "./address.ts";
import type { Port } from "./port.ts";

// <calls.rs>
const GOES_UP = 14,
  LOST_BLOCKED = 6,
  LOST_NETWORK = 1006,
  TRANSPORT_WEBSOCKET = 1,
  CARRY_PLAIN = 4,
  CARRY_FITS = 8,
  CARRY_PLACED = 16,
  CARRY_NOTHING = 1,
  CARRY_HEADER = 2,
  CARRY_QUERY = 3,
  CARRY_TOO_LONG = 4;
// </calls.rs>
/** By their numbers. */
const TRANSPORTS = ["", "websocket", "eventsource", "fetch"] as const;
/** From `VIA_QUERY` on. */
const VIAS = [undefined, "query", "header", "frame", "url"];

/** The address, and the headers of a fetch, that ask for what comes after the cursor. Throws where the browser would refuse it. */
export function aim(port: Port, request: Request): Destination {
  const { attempt, transport, address, placed, init } = request,
    { via, cursorNames, native } = port,
    { cursor } = port;
  const target = resolve(address),
    headers = new Headers(init.headers);
  // A fragment never leaves the browser, and older WebSockets throw on it.
  target.hash = "";
  if (transport === TRANSPORT_WEBSOCKET) target.protocol = target.protocol.replace("http", "ws");
  // Across origins, also behind a redirect, a header of ours costs a preflight, which a server may not be ready for; and
  // WebKitGTK encodes what is not ASCII a second time (2.50, 2026).
  const plain =
    target.origin === (globalThis.origin ?? target.origin) && target.origin !== port.away && /^[ -~]*$/.test(cursor);
  if (!headers.has("accept")) headers.set("accept", "text/event-stream");
  const encoded = `${new URLSearchParams({ "": cursor })}`.slice(1);
  // A header's characters are bytes: those of the id in UTF-8.
  const bytes = unescape(encoded.replace(/\+/g, " "));
  const carrier = port.call(
    GOES_UP,
    transport | (plain ? CARRY_PLAIN : 0) | (fitsHeader(cursor) ? CARRY_FITS : 0) | (placed ? CARRY_PLACED : 0),
    bytes.length,
    encoded.length,
    VIAS.indexOf(via),
  );
  if (carrier === CARRY_TOO_LONG) throw new RangeError("everwire: the id is too long");
  if (carrier === CARRY_HEADER) (placed && headers.has("last-event-id")) || headers.set("last-event-id", bytes);
  if (carrier === CARRY_QUERY) for (const name of cursorNames) setParameter(target, name, cursor);
  const { origin } = target;
  // The standard's own class is the browser's to refuse.
  if (target.port && !native && isBadPort(+target.port)) throw new Error(`${REFUSED} for its port ${target.port}`);
  // Mixed content; a policy may also have it upgraded.
  port.network =
    !isLoopback(target.hostname) && /^https:/.test(globalThis.origin) && /^(ws|http):/.test(target.protocol)
      ? LOST_BLOCKED
      : LOST_NETWORK;
  return {
    attempt,
    transport: TRANSPORTS[transport],
    request,
    url: target.href,
    origin,
    headers,
    asked: carrier === CARRY_NOTHING ? "" : cursor,
  };
}

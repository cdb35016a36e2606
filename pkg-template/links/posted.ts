// A stream whose way up are POSTs. What the core (src/core/uplink.rs) has gathered is encoded, and goes as one; the core says what
// becomes of each message by the answer.
import { byteLength, freshId, snapshot } from "../encode.js";
import { resolve, setParameter } from "../port/address.ts";
import type { Value } from "../port/message.ts";
import type { Port } from "../port/port.ts";
import { Around, type Dial, type Link } from "./link.ts";
import { type Uplink, alive, post } from "./post.ts";

// <calls.rs>
const PAGE_LEAVES = 53,
  POST = 51,
  TAKEN_UNSENDABLE = 2,
  TAKEN_CARRIED = 4;
// </calls.rs>
/** Requests are known by their serials. */
let serials = 0;

/** A text that is no JSON goes as a JSON string: who reads it by the codec's rule has what was sent. */
function element(text: string) {
  if (/^[{[]/.test(text)) {
    try {
      JSON.parse(text);
      return text;
    } catch {}
  }
  return JSON.stringify(text);
}

export class Posted extends Around {
  /** Goes with the stream and with each request: a server knows by it what belongs together. */
  declare readonly id: string;
  declare readonly url: Value;
  /** The function that gives the address was asked for one. */
  asked = false;
  #port: Port;
  #uplink: Uplink;
  /** What the core gathers: bodies, as they go up. The last one may have been too many. */
  #made: Value[] = [];

  constructor(port: Port, stream: Link, uplink: Uplink, url: Value, id: string) {
    super(stream);
    this.#port = port;
    this.#uplink = uplink;
    this.url = url;
    this.id = id;
  }

  /** A message of the outbox: its entry there. What `Port.send` gives. */
  carry(entry: Value[]) {
    const [payload] = entry,
      raw = typeof payload !== "string";
    let body: Value;
    try {
      // The app may use its buffer again.
      body = raw ? (entry[0] = snapshot(payload)) : element(payload);
    } catch {
      // A detached buffer.
      return TAKEN_UNSENDABLE;
    }
    if (/SharedArrayBuffer\]$/.test(Object.prototype.toString.call(body))) return TAKEN_UNSENDABLE;
    // With its comma.
    const length = (entry[1] = byteLength(body) + 1);
    if (this.#made.push(body) === 1)
      // Of one that has ended the core has taken them back. What is out may still arrive: a browser ends the streams of a page that goes
      // before it says so.
      queueMicrotask(() => (this.closed ? this.#made.splice(0) : this.#flush()));
    return TAKEN_CARRIED + 2 * length + +raw;
  }

  /** The page goes, and what waits with it. `persisted`: it may come back. */
  leave(persisted: boolean) {
    do this.#port.call(PAGE_LEAVES, +persisted, alive());
    while (this.#flush());
  }

  /** How many messages go out. */
  #flush() {
    const made = this.#made.splice(0),
      word = this.#port.call(POST, ++serials),
      many = word >>> 1;
    if (many) post(this.#port, this.#uplink, this, serials, made.slice(0, many), !!(word & 1));
    return many;
  }
}

/** Around a stream: with an uplink, where this way to the server has one. */
export const posted =
  (stream: Dial, uplink: Uplink): Dial =>
  (port, request) => {
    const url = uplink.urlOf(port);
    if (url === undefined) return stream(port, request);
    const id = freshId(),
      address = resolve(request.address);
    if (uplink.name) setParameter(address, uplink.name, id);
    return new Posted(port, stream(port, { ...request, address }), uplink, url, id);
  };

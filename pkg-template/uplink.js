// What is sent over an event stream goes up as POSTs. Put around what a port does to open and to send.
import { Port, report, resolve, setParameter } from "../src/transport/port.js";
import { invalid } from "./errors.js";
import { PROVIDER, Reader } from "./options.js";
import { Posts } from "./posts.js";

// Of `route` and `takes`.
const POSTS = 8, OPEN = 1, NOT_OPEN = 0;
const WEBSOCKET = 1;

const isFunction = (value) => typeof value === "function";
const isAddress = (value) => (value !== "" && typeof value === "string") || value instanceof URL || isFunction(value);

const wrong = () => invalid("uplink must be an address or a function, in the endpoint or as an option");

/** What there is to say of the uplink, or undefined for none. It stands in the endpoint, or in the option; a function tells it later. */
export function readUplink(given, endpoints) {
  const own = endpoints.find((endpoint) => endpoint?.uplink !== undefined)?.uplink;
  const later = endpoints.some(isFunction);
  if (given === undefined && own === undefined && !later) return undefined;
  const plain = given === undefined || isAddress(given);
  const options = new Reader(plain ? {} : given, "uplink", "url name maxMessages maxBytes timeout");
  const url = (plain ? given : options.get("url", isAddress, "an address or a function")) ?? own;
  if (!isAddress(url) && !(url === undefined && later)) throw wrong();
  const number = (byDefault, ...how) => {
    const value = options.number(...how);
    return value < 0 ? byDefault : value;
  };
  return {
    url,
    name: options.get("name", (value) => value === false || (value !== "" && typeof value === "string"), "a string, or false for none") ?? "connection",
    maxMessages: number(1_000, "maxMessages", 1, 1e6, ""),
    maxBytes: number(60_000, "maxBytes", 1, 2 ** 31 - 1, " of bytes"),
    timeout: number(10_000, "timeout", 1),
  };
}

/** The endpoints; of those that are functions the uplink is noted that they give. */
export function noting(uplink, endpoints) {
  if (!uplink) return endpoints;
  return endpoints.map((endpoint) => !isFunction(endpoint) ? endpoint : async (context) => {
    const target = await endpoint(context);
    if (target?.uplink !== undefined) {
      if (!isAddress(target.uplink)) throw wrong();
      uplink.url = target.uplink;
    }
    return target;
  });
}

/** `tries` gives how many attempts there were since the last stable connection, `slower` hears of 429. */
export function addUplink(settings, uplink, tries, slower) {
  const { port, http } = settings;
  const call = (value, context) => (isFunction(value) ? value(context) : value);
  if ([uplink.url, http.headers].some(isFunction)) settings.flags |= PROVIDER;
  const shared = {
    ...uplink,
    /** Stops the requests that are out. */
    out: new Set(),
    init: http.init,
    fetch: http.fetch,
    slower,
    /** Where to, and with which headers; a promise only where a function gave one. */
    ask(port, signal) {
      const context = { reason: port.reason, attempt: tries(), lastEventId: port.cursor, signal };
      const given = [uplink.url, http.headers].map((value) => call(value, context));
      return given.some((value) => isFunction(value?.then)) ? Promise.all(given) : given;
    },
    /** A message in an answer: an ack or a reply, as it has no place in the stream. */
    heard(port, data) {
      const type = typeof data?.type === "string" ? data.type : "message";
      try {
        const acked = port.acks({ data, type, lastEventId: port.cursor, transport: port.transport, origin: port.origin });
        if (acked !== undefined && acked !== null) port.acknowledge([].concat(acked));
      } catch (error) {
        report(error);
      }
    },
  };

  /** By what stands for a socket; the last one, and whose they are. */
  const ways = new WeakMap();
  let last, client;
  // Captured: before the port's own, which lets go of the stream.
  const leave = ({ persisted }) => {
    if (last && (!client.socket || ways.has(client.socket))) last.leave(persisted);
  };
  globalThis.addEventListener?.("pagehide", leave, true);
  const { route = Port.prototype.route, open = Port.prototype.open, takes = Port.prototype.takes, send = Port.prototype.send, dispose = Port.prototype.dispose } = port;
  port.route = function (address, transport) {
    const found = route.call(this, address, transport);
    return (found & 3) > WEBSOCKET && uplink.url !== undefined ? found | POSTS : found;
  };
  port.open = function (attempt, transport) {
    if (transport === WEBSOCKET || uplink.url === undefined) return open.call(this, attempt, transport);
    const posts = new Posts(this, attempt, shared);
    const [address, extra] = this.prepared;
    const target = resolve(address);
    if (uplink.name) setParameter(target, uplink.name, posts.id);
    this.prepare(target.href, extra);
    const began = open.call(this, attempt, transport);
    if (!began) return began;
    const { socket, link } = this.successor ?? this;
    ways.set(socket, posts);
    [last, client] = [posts, this];
    link.push([posts]);
    return began;
  };
  port.dispose = function (code) {
    globalThis.removeEventListener?.("pagehide", leave, true);
    for (const stop of [...shared.out]) stop();
    dispose.call(this, code);
  };
  port.takes = function () {
    const posts = ways.get(this.socket);
    return posts ? (posts.free() ? OPEN : NOT_OPEN) : takes.call(this);
  };
  port.send = function (id) {
    const posts = ways.get(this.socket);
    return posts ? posts.carry(id, this.payloads.get(id)) : send.call(this, id);
  };
  port.say = function (socket, payload) {
    const posts = ways.get(socket);
    if (posts) posts.say(payload);
    else socket.send(payload);
  };
}

// What is sent over an event stream goes up as POSTs. Put around what a port does to open and to send.
import { Port, report, resolve, setParameter } from "../src/transport/port.js";
import { invalid } from "./errors.js";
import { check, confine, readForm } from "./options.js";
import { Posts, isFetchable } from "./posts.js";

// <calls.rs>
const OPTION_PROVIDER = 4,
  ROUTE_POSTS = 8,
  TAKEN_SENT = 1,
  TAKEN_NOT_OPEN = 0,
  TRANSPORT_WEBSOCKET = 1;
// </calls.rs>

const isFunction = (value) => typeof value === "function";
const isAddress = (value) => (value !== "" && typeof value === "string") || value?.href || isFunction(value);

const wrong = (name = "uplink") =>
  invalid(
    `${name} must be an http: or https: address without a password, or a function, in the endpoint or as an option`,
  );

/** A mistake is told at once, and not at the first send. */
function checked(url, name) {
  if (isFunction(url)) return url;
  if (isFetchable(url)) return url;
  throw wrong(name);
}

const UPLINK = `
url=anything
name=a non-empty string or false
maxMessages=a number from 1 to 1000000
maxBytes=a number of bytes from 1 to 2147483647
timeout=a number of ms from 1 to 2147483647`;

/** What there is to say of the uplink, or undefined for none. It stands in the endpoint, or in the option; a function tells it later. */
export function readUplink(given, endpoints) {
  const own = endpoints.map((endpoint) => endpoint?.uplink);
  if (given === undefined && own.every((url) => url === undefined) && !endpoints.some(isFunction)) return undefined;
  const plain = given === undefined || isAddress(given);
  const options = plain ? { url: given } : readForm("uplink", check("uplink", given, "an object"), UPLINK);
  const { url } = options;
  if (url === undefined && !plain && own.includes(undefined) && !endpoints.some(isFunction)) throw wrong();
  return {
    url: url === undefined ? undefined : checked(url, plain ? "uplink" : "uplink.url"),
    /** By the endpoint. */
    urls: new Map(),
    name: options.name ?? "connection",
    maxMessages: Math.round(options.maxMessages ?? 1_000),
    maxBytes: options.maxBytes ?? 60_000,
    timeout: options.timeout ?? 10_000,
  };
}

/** The endpoints, whose uplinks are noted; of those that are functions, when they give one. */
export function noting(uplink, endpoints) {
  if (!uplink) return endpoints;
  const { url, urls } = uplink;
  return endpoints.map((endpoint) => {
    const noted = !isFunction(endpoint)
      ? endpoint
      : async (context) => {
          const target = await endpoint(context);
          urls.set(noted, target?.uplink === undefined ? url : checked(target.uplink));
          return target;
        };
    urls.set(noted, endpoint?.uplink === undefined ? url : checked(endpoint.uplink));
    return noted;
  });
}

/** `tries` gives how many attempts there were since the last stable connection, `slower` hears of the status that says so. */
export function addUplink(settings, uplink, endpoints, tries, slower) {
  const { port, http } = settings;
  const { urls } = uplink,
    known = [...urls.values()].filter((url) => url !== undefined);
  if (http.once && known.length)
    throw invalid("uplink is for a stream that may be asked for again: not with http.method POST or PATCH");
  if ([...known, http.headers].some(isFunction)) settings.flags |= OPTION_PROVIDER;
  settings.beside.push(...known.filter((url) => !isFunction(url)));
  const urlOf = (client) => urls.get(endpoints[client.way]);
  const shared = {
    ...uplink,
    init: http.init,
    headers: http.headers,
    fetch: http.fetch,
    slower,
    confine: (url) => confine(settings, url),
    /** Stops the requests that are out. */
    out: new Set(),
    context: (port, reason, signal, url) => ({ reason, attempt: tries(), lastEventId: port.cursor, signal, url }),
    /** A message in an answer: an ack or a reply, as it has no place in the stream. */
    heard(port, data) {
      const type = typeof data?.type === "string" ? data.type : "message";
      port.incoming = port.exact = undefined;
      try {
        port.acknowledges({
          data,
          type,
          lastEventId: port.cursor,
          transport: port.transport,
          origin: port.origin,
        });
      } catch (error) {
        report(error);
      }
    },
  };

  /** By what stands for a socket; the last one, and whose they are. */
  const ways = new WeakMap();
  let last, client;
  const leave = ({ persisted }) => {
    const posts = ways.get(client.socket) ?? (client.socket ? undefined : last);
    posts?.leave(persisted);
  };
  const {
    route = Port.prototype.route,
    open = Port.prototype.open,
    takes = Port.prototype.takes,
    send = Port.prototype.send,
    dispose = Port.prototype.dispose,
  } = port;
  port.route = function (address, transport) {
    const found = route.call(this, address, transport);
    return (found & 3) > TRANSPORT_WEBSOCKET && urlOf(this) !== undefined ? found | ROUTE_POSTS : found;
  };
  port.open = function (attempt, transport) {
    const url = urlOf(this);
    if (transport === TRANSPORT_WEBSOCKET || url === undefined) return open.call(this, attempt, transport);
    // Captured: before the port's own, which lets go of the stream.
    if (!client) globalThis.addEventListener?.("pagehide", leave, true);
    client = this;
    const posts = new Posts(this, attempt, shared, url);
    const [address, extra] = this.prepared;
    const target = resolve(address);
    if (uplink.name) setParameter(target, uplink.name, posts.id);
    this.prepare(target.href, extra);
    const began = open.call(this, attempt, transport);
    if (!began) return began;
    const { socket, link } = this.successor ?? this;
    ways.set(socket, posts);
    last = posts;
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
    return posts ? (posts.free() ? TAKEN_SENT : TAKEN_NOT_OPEN) : takes.call(this);
  };
  port.send = function (id) {
    const posts = ways.get(this.socket);
    return posts ? posts.carry(id, this.payloads.get(id)) : send.call(this, id);
  };
}

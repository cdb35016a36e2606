// What is sent over an event stream goes up as POSTs. Put around what a port does to open and to send.
import { Port } from "./port.js";
import { resolve, setParameter } from "./port/address.ts";
import { report } from "./port/report.ts";
import { EverwireError, invalid } from "./errors.js";
import { check, confine, readForm } from "./options.js";
import { Posts, isFetchable } from "./posts.js";

// <calls.rs>
const ASK_JOIN = 23,
  ASK_STOP = 27,
  NUMBER_UPLINK_MESSAGES = 36,
  OPTION_PROVIDER = 4,
  ROUTE_POSTS = 8,
  SENDABLE = 50,
  TRANSPORT_WEBSOCKET = 1;
// </calls.rs>

const isFunction = (value) => typeof value === "function";
const isAddress = (value) => (value !== "" && typeof value === "string") || value?.href || isFunction(value);

const wrong = (name = "uplink") =>
  invalid(
    `${name} must be an http: or https: address without a password, or a function, in the endpoint or as an option`,
  );

/** A mistake is told at once, and not at the first send. */
function checked(url, name, rendered) {
  if (isFunction(url) || rendered || isFetchable(url)) return url;
  throw wrong(name);
}

const UPLINK = `
url=anything
name=a non-empty string or false
maxMessages=a number from 1 to 1000000
maxBytes=a number of bytes from 1 to 2147483647
timeout=a number of ms from 1 to 2147483647`;

/** What there is to say of the uplink, or undefined for none. It stands in the endpoint, or in the option; a function tells it later. */
export function readUplink(given, endpoints, rendered) {
  const own = endpoints.map((endpoint) => endpoint?.uplink);
  if (given === undefined && own.every((url) => url === undefined) && !endpoints.some(isFunction)) return undefined;
  const plain = given === undefined || isAddress(given);
  const options = plain ? { url: given } : readForm("uplink", check("uplink", given, "an object"), UPLINK);
  const { url } = options;
  if (url === undefined && !plain && own.includes(undefined) && !endpoints.some(isFunction)) throw wrong();
  return {
    url: url === undefined ? undefined : checked(url, plain ? "uplink" : "uplink.url", rendered),
    /** By the endpoint. */
    urls: new Map(),
    name: options.name ?? "connection",
    rendered,
    numbers: [options.maxMessages, options.maxBytes, options.timeout],
  };
}

/** The endpoints, whose uplinks are noted; of those that are functions, when they give one. */
export function noting(uplink, endpoints) {
  if (!uplink) return endpoints;
  const { url, urls, rendered } = uplink;
  return endpoints.map((endpoint) => {
    const noted = !isFunction(endpoint)
      ? endpoint
      : async (context) => {
          const target = await endpoint(context);
          urls.set(noted, target?.uplink === undefined ? url : checked(target.uplink));
          return target;
        };
    urls.set(noted, endpoint?.uplink === undefined ? url : checked(endpoint.uplink, undefined, rendered));
    return noted;
  });
}

/** `tries` gives how many attempts there were since the last stable connection. */
export function addUplink(settings, uplink, endpoints, tries) {
  const { port, http } = settings;
  for (const [at, number] of uplink.numbers.entries()) settings.numbers[NUMBER_UPLINK_MESSAGES + at] = number;
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
    confine: (url) => confine(settings, url),
    /** What stops each request that is out. */
    out: new Map(),
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
  /** The stream's, or the last one's where there is no stream. */
  const postsOf = ({ socket }) => (socket ? ways.get(socket) : last);
  const leave = ({ persisted }) => postsOf(client)?.leave(persisted);
  port.kinds = () =>
    Object.assign([], {
      [ASK_STOP - ASK_JOIN]: (serial) =>
        shared.out.get(serial)?.(
          new EverwireError(
            "uplink",
            "the uplink, or a function that was asked for it, did not answer within uplink.timeout",
          ),
        ),
    });
  const {
    route = Port.prototype.route,
    open = Port.prototype.open,
    watch = Port.prototype.watch,
    takes = Port.prototype.takes,
    send = Port.prototype.send,
    dispose = Port.prototype.dispose,
  } = port;
  port.route = function (address, transport) {
    const found = route.call(this, address, transport);
    return (found & 3) > TRANSPORT_WEBSOCKET && urlOf(this) !== undefined ? found | ROUTE_POSTS : found;
  };
  port.watch = function (all) {
    client = this;
    // Before the port's own, which lets go of the stream: captured, and the first, as Chromium (156) asks who listens to a window in
    // their order, captured or not.
    globalThis.addEventListener?.("pagehide", leave, true);
    return watch.call(this, all);
  };
  port.open = function (attempt, transport) {
    const url = urlOf(this);
    if (transport === TRANSPORT_WEBSOCKET || url === undefined) return open.call(this, attempt, transport);
    const posts = new Posts(this, shared, url);
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
    for (const stop of [...shared.out.values()]) stop();
    dispose.call(this, code);
  };
  port.takes = function () {
    return postsOf(this) ? this.call(SENDABLE) : takes.call(this);
  };
  port.send = function (id) {
    const posts = postsOf(this);
    return posts ? posts.carry(this.payloads.get(id)) : send.call(this, id);
  };
}

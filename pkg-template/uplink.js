// What is sent over an event stream goes up as POSTs (links/posted.ts): the option, and what a client's have in common.
import { posted } from "./links/posted.ts";
import { isFetchable } from "./port/address.ts";
import { report } from "./port/report.ts";
import { EverwireError, invalid } from "./errors.js";
import { check, confine, readForm } from "./options.js";

// <calls.rs>
const ASK_JOIN = 23,
  ASK_STOP = 27,
  NUMBER_UPLINK_MESSAGES = 36,
  OPTION_PROVIDER = 4;
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

/** `tries` gives how many attempts there were since the last stable connection. Gives what dials a stream, and what the core asks for. */
export function uplinkOf(settings, uplink, endpoints, tries) {
  const { http } = settings;
  for (const [at, number] of uplink.numbers.entries()) settings.numbers[NUMBER_UPLINK_MESSAGES + at] = number;
  const { urls } = uplink,
    known = [...urls.values()].filter((url) => url !== undefined);
  if (http.once && known.length)
    throw invalid("uplink is for a stream that may be asked for again: not with http.method POST or PATCH");
  if ([...known, http.headers].some(isFunction)) settings.flags |= OPTION_PROVIDER;
  settings.beside.push(...known.filter((url) => !isFunction(url)));
  const shared = {
    ...uplink,
    urlOf: (port) => urls.get(endpoints[port.way]),
    init: http.init,
    headers: http.headers,
    fetch: http.fetch,
    confine: (url) => confine(settings, url),
    /** What stops each request that is out. */
    out: new Map(),
    context: (port, reason, signal, url) => ({ reason, attempt: tries(), lastEventId: port.cursor, signal, url }),
    /** A message in an answer: an ack or a reply, as it has no place in the stream. */
    heard(port, data) {
      port.incoming = port.exact = undefined;
      try {
        port.acknowledges(port.read(data));
      } catch (error) {
        report(error);
      }
    },
  };

  return {
    /** See `Uplink` in links/post.ts. */
    shared,
    around: (stream) => posted(stream, shared),
    kinds: () => ({
      [ASK_STOP - ASK_JOIN]: (serial) =>
        shared.out.get(serial)?.(
          new EverwireError(
            "uplink",
            "the uplink, or a function that was asked for it, did not answer within uplink.timeout",
          ),
        ),
    }),
  };
}

// The ways to one server, in their order, and which of them this page begins with.
import { invalid } from "./errors.js";
import { TRANSPORTS, check, readForm } from "./options.js";
import { plain } from "./progress.js";

// <calls.rs>
const ASK_JOIN = 23,
  ASK_BEGIN = 30,
  NUMBER_POLLS = 39,
  NUMBER_REMEMBERS = 41,
  NUMBER_FAILURES = 43;
// </calls.rs>

/** A long poll is a fetch to the core. */
const NUMBERS = { ...TRANSPORTS, poll: TRANSPORTS.fetch };
const CONSTRUCTORS = { websocket: "WebSocket", eventsource: "EventSource" };

const FALLBACK = `
order=an array of strings
failures=a number from 1 to 1000000
early=a number from 1 to 1000000
remember=true, false or a string`;

/**
 * Gives `{ names, ways, patience, key }`; no names: there is nothing to choose.
 * @returns {{ names: string[], ways: number[], patience: any[], key?: any }}
 */
export function readFallback(given, endpoints, transport, longPoll) {
  check("fallback", given, "true, false or an object");
  const { order, failures, early, remember = true } = readForm("fallback", given, FALLBACK);
  const isName = (name) => Object.hasOwn(NUMBERS, name);
  if (order !== undefined && !(order.length && order.every(isName) && new Set(order).size === order.length))
    throw invalid(`fallback.order must be of ${Object.keys(NUMBERS).map((name) => `"${name}"`)}, each once`);
  const [target] = endpoints,
    several = endpoints.length > 1;
  if (order && transport !== undefined) throw invalid("fallback.order and transport exclude one another");
  if (order && several) throw invalid("fallback.order is for one endpoint: several are tried one after the other");
  if (order?.includes("poll") && !longPoll) throw invalid('fallback.order "poll" needs longPoll');
  const named = typeof target === "object" && target !== null && !target.href;
  const sse = longPoll ? ["fetch", "poll"] : ["fetch"];
  let names = [];
  if (given !== false && !several && transport === undefined) {
    if (order) names = order;
    else if (named && target.websocket !== undefined && target.sse !== undefined) names = ["websocket", ...sse];
    else if (
      longPoll &&
      (named ? target.websocket === undefined : typeof target !== "function" && !/^wss?:/i.test(target))
    )
      names = sse;
  }
  // A runtime may lack the first one: Node 20 has no WebSocket.
  names = names.filter((name) => !CONSTRUCTORS[name] || globalThis[CONSTRUCTORS[name]]);
  if (longPoll && !names.includes("poll"))
    throw invalid("longPoll is for SSE by fetch, as one of the ways to one endpoint: give { sse }, or fallback.order");
  if (!names.length) return { names, ways: [], patience: [] };
  // Of a function nothing is known; of addresses not the queries, which may hold tokens.
  const addresses = named ? [target.websocket, target.sse] : [target];
  const key =
    remember &&
    (typeof remember === "string" || typeof target !== "function") &&
    `everwire-way ${typeof remember === "string" ? remember : addresses.map((address) => plain(`${address ?? ""}`)).join(" ")}`;
  return {
    names,
    key,
    ways: names.map((name) => NUMBERS[name]),
    patience: [failures, early, names.indexOf(stored(key))],
  };
}

/** A page that was refused its storage begins anew. */
function stored(key, name) {
  if (!key) return undefined;
  try {
    const { sessionStorage } = globalThis;
    if (name === undefined) return sessionStorage.getItem(key);
    if (name) sessionStorage.setItem(key, name);
    else sessionStorage.removeItem(key);
  } catch {}
  return undefined;
}

/** What there is to choose from. Writes down what the next page begins with: the core says which. Gives what it asks for. */
export function fallbackOf({ numbers }, /** @type {any} */ { names, patience, key }) {
  numbers[NUMBER_POLLS] = +names.includes("poll");
  numbers[NUMBER_REMEMBERS] = +!!key;
  for (const [at, number] of patience.entries()) numbers[NUMBER_FAILURES + at] = number;
  return { kinds: () => ({ [ASK_BEGIN - ASK_JOIN]: (way) => void stored(key, way ? names[way] : "") }) };
}

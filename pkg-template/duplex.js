// The client for two ways: `connect` of this entry takes the same options, and what is read here besides.
import { reader } from "./port/message.ts";
import { Client } from "./client.js";
import { invalid, quiet } from "./errors.js";
import { fallbackOf, readFallback } from "./fallback.js";
import { bufferedOf } from "./links/buffered.ts";
import { eventsource, fetched, websocket } from "./links/dials.ts";
import { pollsOf, readLongPoll } from "./longpoll.js";
import { WAYS, check, isRendered, readForm, readOptions } from "./options.js";
import { readPersist } from "./persist.js";
import { DuplexPort } from "./port/duplex.ts";
import { probeOf } from "./probe.js";
import { readRate } from "./rate.js";
import { Requests } from "./requests.js";
import { subscriptionsOf } from "./subscriptions.js";
import { noting, readUplink, uplinkOf } from "./uplink.js";
import { instance, offer } from "./wasm.js";
import { wasm } from "#wasm/duplex.js";

export { batch } from "./batch.js";
export { EverwireError, Failure } from "./errors.js";
export { ClosedEvent, GapEvent, OpenEvent, RetryEvent } from "./events.js";
export { RequestError } from "./requests.js";
export { SubscriptionError } from "./subscriptions.js";

/** Set by the build from Cargo.toml. */
export const version = EVERWIRE_VERSION;

// The page has one instance, whichever entry it is for.
offer(wasm);

const REQUESTS = `
id=a non-empty string or a function!
replyId=a non-empty string or a function!
error=a non-empty string or a function!
timeout=a number of ms from 1 to 2147483647
onLoss="reject" or "retry"`;

function readRequests(given, codec = "json") {
  const {
    id = "id",
    replyId = id,
    error = "error",
    timeout = 10_000,
    onLoss,
  } = readForm("requests", check("requests", given ?? undefined, "an object"), REQUESTS);
  const functions = [id, replyId].map((one) => typeof one === "function");
  if (functions[0] && replyId === id)
    throw invalid(
      "requests.replyId is needed where requests.id is a function: a key, a path, or a function of the reply",
    );
  return {
    codec,
    // Without keys there is nothing to tell a reply by.
    keyed: (functions[0] && functions[1]) || (codec !== "text" && codec !== "binary"),
    id,
    replyId: functions[1] ? replyId : reader(replyId),
    error,
    timeout,
    retries: onLoss === "retry",
  };
}

class Duplex extends Client {
  #requests;
  #subscriptions;
  #persist;

  constructor(endpoints, settings, links, requests, subscriptions, persist) {
    const { memory, add } = instance(wasm);
    const meeting = {
      memory,
      add(flags, port, ...rest) {
        requests.meet(port);
        return add(flags, port, ...rest);
      },
    };
    super(endpoints, settings, meeting, links, DuplexPort);
    this.#requests = requests;
    this.#subscriptions = subscriptions;
    subscriptions.attend(this);
    if (persist && this.state !== "closed") {
      this.#persist = persist;
      persist.begin((message, options) => super.send(message, options));
    }
    // As no listener of the app's, without one of which a fatal close is reported.
    EventTarget.prototype.addEventListener.call(this, "close", (/** @type {any} */ { reason }) =>
      this.#persist?.end(reason),
    );
  }

  send(message, options) {
    if (!this.#persist || this.state === "closed" || options?.ack === false || options?.volatile)
      return super.send(message, options);
    return this.#persist.send(message, options);
  }

  request(message, options = {}) {
    return quiet(this.#requests.ask(message, options, (payload, how, done) => super.send(payload, how, done)));
  }

  subscribe(topic, options) {
    return this.#subscriptions.subscribe(topic, options);
  }
}

/** @param {any} [options] read below */
export function connect(endpoint, options = {}) {
  if (options === null || typeof options !== "object") readOptions(options, []);
  const {
    requests: given,
    subscriptions: topics,
    rate,
    probe,
    uplink: up,
    fallback: ways,
    longPoll: polls,
    ...rest
  } = options;
  const { persist: kept, ...outbox } = rest.outbox ?? {};
  const uplink = readUplink(up, [].concat(endpoint), isRendered(rest));
  const endpoints = noting(uplink, [].concat(endpoint));
  const longPoll = readLongPoll(polls, rest);
  const fallback = readFallback(ways, endpoints, rest.transport, longPoll);
  const chosen = { ...rest, ...(kept !== undefined && { outbox }), [WAYS]: fallback.ways };
  const settings = readOptions(chosen, endpoints);
  // Both fetch, whatever the endpoint takes.
  settings.loose ||= uplink || probe !== undefined;
  const persist = readPersist(kept, settings);
  const requests = new Requests(readRequests(given, rest.codec), settings);
  const tries = () => wire.attempt;
  const subscriptions = subscriptionsOf(settings, topics);
  const buffered = bufferedOf(uplink?.name);
  /** @type {any} */
  const polling = longPoll && pollsOf(settings, longPoll);
  const posting = uplink && uplinkOf(settings, uplink, endpoints, tries);
  const probing = probe === undefined ? undefined : probeOf(settings, probe, tries);
  const slower = rate === undefined ? undefined : readRate(settings, rate);
  const asked = [subscriptions, fallbackOf(settings, fallback), buffered, polling, posting, probing, persist];
  /** Whether this way to the server is a long poll. */
  const isPoll = (way) => polling && fallback.names[way] === "poll";
  const whole = buffered.around(fetched);
  const stream = (port, request) => (isPoll(port.way) ? polling.dial : whole)(port, request);
  const posted = posting ? posting.around : (dial) => dial;
  const links = [undefined, probing ? probing.around(websocket) : websocket, posted(eventsource), posted(stream)];
  const how = settings.port,
    { acks, refuses } = how;
  Object.assign(how, {
    polls: isPoll,
    uplink: posting?.shared,
    rated: slower !== undefined,
    acks(message) {
      slower?.(message, requests.port);
      const ids = acks?.(message);
      if ((ids ?? undefined) !== undefined) return ids;
      // What acks, or refuses, is no reply.
      const replies = (refuses?.(message) ?? undefined) === undefined && requests.takes(message);
      return replies || subscriptions.takes(message) ? [] : undefined;
    },
    kinds: (port) => Object.assign([], ...asked.map((one) => one?.kinds(port))),
  });
  const wire = new Duplex(endpoints, settings, links, requests, subscriptions, persist);
  return wire;
}

// The client for two ways: `connect` of this entry takes the same options, and what is read here besides.
import { reader } from "./port/message.ts";
import { addBuffered } from "./buffered.js";
import { Client } from "./client.js";
import { invalid, quiet } from "./errors.js";
import { addFallback, readFallback } from "./fallback.js";
import { addLongPoll, readLongPoll } from "./longpoll.js";
import { WAYS, check, isRendered, readForm, readOptions } from "./options.js";
import { readPersist } from "./persist.js";
import { addProbe } from "./probe.js";
import { addRate } from "./rate.js";
import { Requests } from "./requests.js";
import { addSubscriptions } from "./subscriptions.js";
import { addUplink, noting, readUplink } from "./uplink.js";
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

  constructor(endpoints, settings, requests, subscriptions, persist) {
    const { memory, add } = instance(wasm);
    super(endpoints, settings, {
      memory,
      add(flags, port, ...rest) {
        requests.meet(port);
        return add(flags, port, ...rest);
      },
    });
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
  const { acks, refuses } = settings.port;
  // What acks, or refuses, is no reply.
  settings.port.acks = (message) =>
    acks?.(message) ?? ((refuses?.(message) ?? undefined) === undefined && requests.takes(message) ? [] : undefined);
  const tries = () => wire.attempt;
  const asked = [addFallback(settings, fallback), addBuffered(settings, uplink?.name)];
  if (longPoll) asked.push(addLongPoll(settings, longPoll, (way) => fallback.names[way] === "poll"));
  if (uplink) addUplink(settings, uplink, endpoints, tries);
  const subscriptions = addSubscriptions(settings, topics);
  // Around what the others have put in place.
  if (rate !== undefined) addRate(settings, rate);
  if (probe !== undefined) asked.push(addProbe(settings, probe, tries));
  if (persist) asked.push((client) => persist.kinds(client));
  const { kinds } = settings.port;
  settings.port.kinds = (client) => Object.assign(kinds(client), ...asked.map((ask) => ask(client)));
  const wire = new Duplex(endpoints, settings, requests, subscriptions, persist);
  return wire;
}

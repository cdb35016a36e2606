// Topics on one connection: joined, joined again on each new connection, each with a cursor of its own.
import { asNumber, KEY, WITHHELD, fingerprint, Port, reader, report } from "../src/transport/port.js";
import { EverwireError, invalid } from "./errors.js";
import { GapEvent } from "./events.js";
import { Listeners } from "./handlers.js";
import { check, readForm } from "./options.js";
import { Seam } from "./seam.js";

/** A kind of `call`, as src/client/driver.rs reads it. */
const OPENED = 1;
const LIMIT = 10_000;

const SENTENCES = {
  refused: "the server refused the join: see `reply`",
  closed: "the client is closed",
  left: "it was unsubscribed",
  timeout: "no confirmation of the join came in time",
  encode: "`join` threw, or gave what cannot be encoded: see `cause`",
  "too-many": `there are ${LIMIT} topics already: unsubscribe from some`,
};

/** Why a topic is not joined. */
export class SubscriptionError extends EverwireError {
  /**
   * @param {string} code
   * @param {{ reply?: object, cause?: unknown }} [more]
   */
  constructor(code, { reply, cause } = {}) {
    super(code, `subscribe: ${SENTENCES[code] ?? `the join was dropped (${code})`}`, cause);
    this.reply = reply;
  }
}

const isFunction = (value) => typeof value === "function";
const isText = (value) => typeof value === "string" && value !== "";

const SUBSCRIPTIONS = `
topic=a non-empty string or a function!
id=a non-empty string or a function!
seq=a non-empty string or a function!
joined=a non-empty string or a function!
refused=a non-empty string or a function!
gap=a non-empty string or a function!
timeout=a number of ms from 1 to 2147483647
confirm=true or false`;

const SUBSCRIBE = `
join=a function
leave=a function or false
lastEventId=a string
signal=an AbortSignal`;

/** Functions of a message, and the names by which an EventSource has to listen to them. */
function readSubscriptions(given = {}) {
  const options = readForm("subscriptions", check("subscriptions", given, "an object"), SUBSCRIPTIONS);
  const names = [];
  const place = (key) => {
    const value = options[key];
    return isText(value) ? reader(value) : value;
  };
  const topic = place("topic") ?? reader("topic");
  const word = (key) => {
    const value = options[key] ?? key;
    if (isFunction(value)) return value;
    names.push(value);
    return (message) => (message.type === value ? topic(message) : undefined);
  };
  return {
    names,
    topic,
    id: place("id"),
    seq: place("seq"),
    joined: word("joined"),
    refused: word("refused"),
    gap: word("gap"),
    timeout: options.timeout ?? 10_000,
    confirm: options.confirm ?? true,
  };
}

const heard = () => {};
const joinOf = ({ topic, lastEventId }) => ({ type: "join", topic, ...(lastEventId && { lastEventId }) });
const leaveOf = ({ topic }) => ({ type: "leave", topic });

/** What `ready()` gives from here on. */
function renew(member) {
  member.settled = false;
  member.ready = new Promise((resolve, reject) => Object.assign(member, { resolve, reject }));
  // Nobody need ask.
  member.ready.catch(() => {});
}

function settle(member, error) {
  if (member.settled) renew(member);
  member.settled = true;
  if (error) member.reject(error);
  else member.resolve();
}

/** Nothing comes to this handle any more. Unless `discard`, loops can still pull what there is, and then end with `cause`. */
function end(member, error, discard = true, cause) {
  member.left = true;
  member.signal?.removeEventListener("abort", member.unsubscribe);
  member.listeners.end(discard, cause);
  settle(member, error);
}

class Subscriptions {
  #options;
  #wire;
  #port;
  /** By name: what its handles have in common. */
  #topics = new Map();
  /** Calls off the leaves of this connection that still wait: on the next one they would undo a join. */
  #leaves = new AbortController();

  constructor(options) {
    this.#options = options;
  }

  attend(wire) {
    this.#wire = wire;
    wire.addEventListener("statechange", () => wire.state === "open" || this.#lost());
    // As no listener of the app's, without one of which a fatal close is reported.
    EventTarget.prototype.addEventListener.call(wire, "close", (/** @type {any} */ { reason, error }) => {
      // As the client's own loops.
      const quiet = /^(app|aborted|unloaded)$/.test(reason);
      for (const topic of this.#topics.values())
        this.#end(topic, new SubscriptionError("closed"), quiet, reason === "ended" ? undefined : error);
    });
  }

  /** The port that all goes over, before its first connection. */
  meet(port) {
    if (this.#port) return;
    this.#port = port;
    const { call } = port;
    port.call = (kind, attempt, code, high, low) => {
      if (kind === OPENED) this.#opened(port.successor ?? port);
      return call(kind, attempt, code, high, low);
    };
  }

  subscribe(name, given = {}) {
    const wire = this.#wire,
      topics = this.#topics;
    if (!isText(name)) throw invalid("subscribe: the topic must be a non-empty string");
    const {
      join = joinOf,
      leave = leaveOf,
      lastEventId: from = "",
      signal,
    } = readForm("subscribe", check("subscribe", given, "an object"), SUBSCRIBE);
    const closed = wire.state === "closed";
    const known = topics.get(name);
    if (!known && topics.size >= LIMIT) throw new SubscriptionError("too-many");
    const topic = known ?? {
      name,
      join,
      leave,
      members: [],
      seam: new Seam(from, fingerprint(from || undefined, undefined, false, KEY)),
      joined: false,
      again: false,
    };
    const unsubscribe = () => this.#unsubscribe(topic, member);
    const subscriptions = this;
    const listeners = new Listeners({
      get port() {
        return subscriptions.#port;
      },
      deliver: (message) => {
        subscriptions.#port.aside++;
        listeners.dispatch(message);
        listeners.push(message);
      },
      gap: (after, before) => this.#tell({ outcome: "gap", after, before, topic: topic.name }),
    });
    listeners.lastEventId = topic.seam.cursor;
    const member = { listeners, left: false, signal, unsubscribe };
    renew(member);
    if (closed || signal?.aborted) end(member, new SubscriptionError(closed ? "closed" : "left"));
    else {
      signal?.addEventListener("abort", unsubscribe);
      // A list of its own for each change: one that is being gone through stays as it is.
      topic.members = [...topic.members, member];
      topics.set(name, topic);
      if (topic.joined || topic.error) settle(member, topic.error);
      if (!known && wire.state === "open") this.#join(topic);
    }
    return {
      topic: name,
      get state() {
        return member.left ? "left" : topic.joined ? "joined" : "joining";
      },
      get lastEventId() {
        return listeners.waiting ? listeners.lastEventId : topic.seam.cursor;
      },
      get waiting() {
        return listeners.waiting;
      },
      ready: () => member.ready,
      on(type, handler, how) {
        if (isFunction(type)) [type, handler, how] = [undefined, type, handler];
        // Checked, and its name listened to, by the client: put on there and taken off.
        wire.on(type, handler, how)();
        return member.left && !listeners.waiting ? () => {} : listeners.on(type, handler, how);
      },
      unsubscribe,
      [Symbol.dispose ?? Symbol.for("Symbol.dispose")]: unsubscribe,
      [Symbol.asyncIterator]() {
        // It hears of the client's failure.
        wire.addEventListener("close", heard);
        return listeners.iterate(member.left);
      },
    };
  }

  /** Whether it is of a topic that has a handle. */
  takes(message) {
    if (!this.#topics.size) return false;
    const { refused, joined, gap, topic: any } = this.#options;
    const find = (read) => {
      const name = read(message);
      return this.#topics.get(typeof name === "number" ? String(name) : name);
    };
    const inOrder = (topic, tell) =>
      this.#port.beside(() => {
        if (this.#topics.get(topic.name) === topic) tell();
      });
    let topic;
    if ((topic = find(refused))) {
      const error = new SubscriptionError("refused", { reply: message });
      inOrder(topic, () => this.#end(topic, error, false, error));
    } else if ((topic = find(joined))) this.#settle(topic);
    else if ((topic = find(gap))) inOrder(topic, () => topic.seam.gapTold());
    else if ((topic = find(any))) {
      const { incoming } = this.#port,
        { id } = this.#options,
        own = (id && this.#port.idOf(id, message)) ?? "",
        number = this.#number(message);
      inOrder(topic, () => this.#place(topic, message, incoming, own, number));
    }
    return topic !== undefined;
  }

  #place(topic, message, raw, id, number) {
    const { seam } = topic,
      { withheld } = seam,
      port = this.#port;
    const known = number === undefined || (id && seam.unnumbered) ? id : `#${number}`;
    const ruling = seam.place(fingerprint(known || undefined, raw, port.transport === "websocket", KEY), number);
    if (!ruling) {
      port.suppressed++;
      // As in the port.
      if (withheld.length <= WITHHELD) withheld.push([message, raw, id, number]);
      return;
    }
    seam.withheld = [];
    const { outcome, missing, restarted } = ruling;
    if (restarted) {
      const again = withheld.length > WITHHELD ? [] : withheld;
      port.suppressed -= again.length;
      for (const one of [...again, [message, raw, id, number]])
        if (this.#topics.get(topic.name) === topic) this.#place(topic, ...one);
      return;
    }
    if (outcome) this.#tell({ outcome, after: seam.cursor, before: id, missing, topic: topic.name });
    // By a listener.
    if (this.#topics.get(topic.name) !== topic) return;
    message.lastEventId = id || seam.cursor;
    for (const { listeners } of topic.members) listeners.take(message);
    if (id) seam.cursor = id;
  }

  #number(message) {
    const { seq } = this.#options;
    const given = (seq && this.#port.exactly(seq, message)) ?? undefined;
    const number = asNumber(given);
    if (number === undefined && given !== undefined)
      this.#port.warn("subscriptions.seq must give a whole number from 0");
    return typeof number === "string" ? BigInt(number) : number;
  }

  #tell(gap) {
    const wire = this.#wire,
      event = new GapEvent("gap", gap);
    // After close() there is no event, for the other listeners of this one neither.
    const stop = () => wire.state === "closed" && event.stopImmediatePropagation();
    wire.addEventListener("statechange", stop);
    wire.dispatchEvent(event);
    wire.removeEventListener("statechange", stop);
  }

  /** The core does not know yet that it is open, so nothing of the outbox goes before this. */
  #opened(connection) {
    const { socket } = connection;
    this.#lost();
    for (const topic of this.#topics.values()) {
      this.#join(topic, socket);
      // By a `join` of the app's.
      if (connection.socket !== socket) return;
    }
  }

  /** On `socket` at once, or by the outbox of the connection that there is. */
  #join(topic, socket) {
    const { name, seam } = topic,
      port = this.#port;
    const fail = (code, cause) => {
      topic.asked = false;
      this.#settle(topic, new SubscriptionError(code, { cause }));
    };
    let payload;
    try {
      payload = port.encode(topic.join({ topic: name, lastEventId: seam.cursor }));
    } catch (error) {
      report(error);
      return fail("encode", error);
    }
    if (this.#topics.get(name) !== topic || (socket && !port.owns(socket))) return;
    if (topic.again || seam.cursor) seam.rejoined();
    topic.asked = true;
    if (socket) {
      try {
        port.say(socket, payload);
      } catch {
        return fail("no-uplink");
      }
      return this.#sent(topic);
    }
    const { signal } = (topic.stop = new AbortController());
    this.#wire.send(payload, { ack: false, signal }).then(({ status, code }) => {
      topic.again ||= status !== "dropped";
      if (signal.aborted) return;
      if (status === "dropped") fail(code);
      else this.#sent(topic);
    });
  }

  #sent(topic) {
    topic.again = true;
    const { confirm, timeout } = this.#options;
    if (!confirm) this.#settle(topic);
    // Its confirmation may have been faster than the word of its sending.
    else if (!topic.joined)
      topic.timer = setTimeout(() => this.#settle(topic, new SubscriptionError("timeout")), timeout);
  }

  /** Joined, or why not. */
  #settle(topic, error) {
    clearTimeout(topic.timer);
    topic.joined = !error;
    topic.error = error;
    for (const member of topic.members) settle(member, error);
  }

  #unsubscribe(topic, member) {
    if (member.left) return;
    end(member, new SubscriptionError("left"));
    topic.members = topic.members.filter((other) => other !== member);
    if (topic.members.length) return;
    const wire = this.#wire,
      { dropped } = wire.stats(),
      { name, asked, leave, seam } = topic;
    this.#end(topic);
    // A join that still waited in the outbox was taken back.
    if (!asked || !leave || wire.stats().dropped > dropped) return;
    try {
      wire.send(this.#port.encode(leave({ topic: name, lastEventId: seam.cursor })), {
        ack: false,
        signal: this.#leaves.signal,
      });
    } catch (error) {
      report(error);
    }
  }

  /** What was sent for this connection, or is to be, means nothing to the next one. */
  #lost() {
    this.#leaves.abort();
    this.#leaves = new AbortController();
    for (const topic of this.#topics.values()) {
      this.#stop(topic);
      for (const member of topic.members) if (member.settled) renew(member);
    }
  }

  #end(topic, error, ...how) {
    this.#topics.delete(topic.name);
    this.#stop(topic);
    for (const member of topic.members) end(member, error, ...how);
  }

  #stop(topic) {
    topic.stop?.abort();
    clearTimeout(topic.timer);
    topic.asked = topic.joined = false;
    topic.error = undefined;
  }
}

/** Around what the port has for acks, and before it opens. */
export function addSubscriptions(settings, given) {
  const options = readSubscriptions(given);
  const subscriptions = new Subscriptions(options);
  const { port } = settings;
  const { acks, open = Port.prototype.open } = port;
  settings.events.push(...options.names);
  /** Sends before the core knows of the connection; over what cannot send, it throws. */
  port.say ??= (socket, payload) => socket.send(payload);
  port.acks = (message) => acks?.(message) ?? (subscriptions.takes(message) ? [] : undefined);
  port.open = function (attempt, transport) {
    subscriptions.meet(this);
    return open.call(this, attempt, transport);
  };
  return subscriptions;
}

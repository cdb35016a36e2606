// Topics on one connection: joined, joined again on each new connection, each with a cursor of its own.
import { WITHHELD } from "./port/ids.ts";
import { KEY, fingerprint } from "./port/fingerprint.ts";
import { reader } from "./port/message.ts";
import { asRange } from "./port/numbers.ts";
import { report } from "./port/report.ts";
import { DROPPED } from "./client.js";
import { byteLength, snapshot } from "./encode.js";
import { EverwireError, invalid } from "./errors.js";
import { GapEvent } from "./events.js";
import { Listeners } from "./handlers.js";
import { UNITS } from "./iterator.js";
import { check, readForm } from "./options.js";

// <calls.rs>
const NUMBER_JOIN_CONFIRM = 32,
  NUMBER_JOIN_TIMEOUT = 33,
  SUBSCRIBE = 36,
  SUBSCRIBE_AGAIN = 37,
  JOINING = 38,
  UNJOINABLE = 39,
  TOPIC_ANSWERED = 41,
  TOPIC_HEARD = 42,
  TOPIC_CHECK = 43,
  TOPIC_GAP = 44,
  LEAVE = 45,
  LEAVING = 46,
  EPOCH = 9,
  NEXT_JOIN = 40,
  TOPIC_REMOVED = 63,
  TOPIC_LOST = 0,
  TOPIC_JOINED = 1,
  TOPIC_LATE = 2,
  TOPIC_OVER = 3,
  TOPIC_UNSENT = 5,
  RULING_DELIVER = 1,
  RULING_MOVES = 2,
  RULING_RESTARTED = 4;
// </calls.rs>
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
removed=a non-empty string or a function!
timeout=a number of ms from 1 to 2147483647
confirm=true or false
joinAll=a function`;

const SUBSCRIBE_FORM = `
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
  const { topic: where = "topic" } = options;
  // Several may stand there.
  const topic = isText(where)
    ? ({ data }) => where.split(".").reduce((/** @type {any} */ value, key) => value?.[key], data)
    : where;
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
    // A message of this name may be the app's own.
    removed: options.removed && word("removed"),
    timeout: options.timeout,
    confirm: options.confirm,
    joinAll: options.joinAll,
  };
}

const heard = () => {};
const place = ({ name, cursor }) => ({ topic: name, lastEventId: cursor });
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

/** What a join or a leave is sent by: numbers of their own, above those of the app's. */
let sends = 2 ** 30;

class Subscriptions {
  #options;
  #wire;
  #port;
  /** By name, and by number: those that have handles, and those that were left, until the core forgets them. */
  #topics = new Map();
  #numbered = new Map();
  #count = 0;
  /** How many have handles. */
  #held = 0;
  /** What all of them hold back together, in bytes or units of text. */
  #units = 0;

  constructor(options) {
    this.#options = options;
  }

  attend(wire) {
    this.#wire = wire;
    // As no listener of the app's, without one of which a fatal close is reported.
    EventTarget.prototype.addEventListener.call(wire, "close", (/** @type {any} */ { reason, error }) => {
      // As the client's own loops.
      const quiet = /^(app|aborted|unloaded)$/.test(reason);
      for (const topic of this.#topics.values())
        this.#end(topic, new SubscriptionError("closed"), quiet, reason === "ended" ? undefined : error);
    });
  }

  /** What the wasm calls, in the order of `Ask` in src/calls.rs: the port is the client's. */
  kinds(port) {
    this.#port = port;
    return [
      // Ask 23: Join
      (number) => {
        const together = [];
        do {
          const topic = this.#numbered.get(number);
          // By another one's `join`.
          if (!topic?.members.length) continue;
          if (this.#options.joinAll && topic.join === joinOf) together.push(topic);
          else this.#join([topic], topic.join, place(topic));
        } while ((number = port.call(NEXT_JOIN) - 1) >= 0);
        if (together.length) this.#join(together, this.#options.joinAll, together.map(place));
      },
      // Ask 24: Topic
      (number, word) => this.#told(this.#numbered.get(number), word),
      // Ask 25: TopicGap
      (place, from, to) => {
        const topic = this.#numbered.get(place >>> 1);
        const missing = from >= 0 && to < 2 ** 53 ? { from, to } : undefined;
        const outcome = place & 1 ? "gap" : "unknown";
        this.#tell({ outcome, after: topic.cursor, before: topic.pending, missing, topic: topic.name });
      },
    ];
  }

  subscribe(name, given = {}) {
    const wire = this.#wire;
    if (!isText(name)) throw invalid("subscribe: the topic must be a non-empty string");
    const {
      join = joinOf,
      leave = leaveOf,
      lastEventId: from = "",
      signal,
    } = readForm("subscribe", check("subscribe", given, "an object"), SUBSCRIBE_FORM);
    const closed = wire.state === "closed";
    const known = this.#topics.get(name),
      held = known?.members.length > 0;
    if (!held && this.#held >= LIMIT) throw new SubscriptionError("too-many");
    // A handle of one that is closed is of no topic.
    const topic = known ?? { name, number: this.#count, members: [], cursor: "", withheld: [], units: 0 };
    if (!held)
      Object.assign(topic, {
        join,
        leave,
        cursor: from,
        numbers: false,
        joined: false,
      });
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
    listeners.lastEventId = topic.cursor;
    const member = { listeners, left: false, signal, unsubscribe };
    renew(member);
    if (closed || signal?.aborted) end(member, new SubscriptionError(closed ? "closed" : "left"));
    else {
      signal?.addEventListener("abort", unsubscribe);
      // A list of its own for each change: one that is being gone through stays as it is.
      topic.members = [...topic.members, member];
      if (topic.joined) settle(member);
      if (!known) {
        this.#topics.set(name, topic);
        this.#numbered.set(this.#count++, topic);
      }
      if (held) this.#port.call(SUBSCRIBE_AGAIN, topic.number);
      else {
        topic.generation = {};
        this.#held++;
        const print = fingerprint(from || undefined, undefined, false, KEY);
        this.#port.call(SUBSCRIBE, topic.number, 0, ...print);
      }
    }
    return {
      topic: name,
      get state() {
        return member.left ? "left" : topic.joined ? "joined" : "joining";
      },
      get lastEventId() {
        return listeners.waiting ? listeners.lastEventId : topic.cursor;
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

  /** Whether it is of a topic that has a handle, or had one a moment ago. */
  takes(message) {
    if (!this.#topics.size) return false;
    const { refused, joined, gap, removed, topic: any } = this.#options,
      port = this.#port;
    const named = (name) => this.#topics.get(typeof name === "number" ? String(name) : name);
    // Most messages are of one topic.
    const find = (read) => {
      const names = port.exactly(read, message);
      const found = Array.isArray(names) ? [...new Set(names.map(named))] : [named(names)];
      const topics = found.filter((topic) => topic);
      return topics.length ? topics : undefined;
    };
    const inOrder = (topic, tell) => {
      const { generation } = topic;
      port.beside(() => {
        if (topic.members.length && topic.generation === generation) tell();
      });
    };
    let topics,
      kind = TOPIC_HEARD,
      no = 0,
      tell;
    if ((topics = find(refused))) {
      kind = TOPIC_ANSWERED;
      no = 1;
      tell = (topic) => {
        const error = new SubscriptionError("refused", { reply: message });
        inOrder(topic, () => this.#end(topic, error, false, error));
      };
    } else if ((topics = find(joined))) {
      kind = TOPIC_ANSWERED;
      tell = (topic) => this.#settle(topic);
    } else if ((topics = find(gap))) tell = (topic) => inOrder(topic, () => port.call(TOPIC_GAP, topic.number));
    else if (removed && (topics = find(removed))) {
      const { size } = port;
      kind = TOPIC_REMOVED;
      // Who listens is told by the message itself.
      tell = (topic) =>
        inOrder(topic, () => {
          const one = { ...message, lastEventId: topic.cursor };
          port.size = size;
          for (const { listeners } of topic.members) listeners.take(one);
        });
    } else if ((topics = find(any))) {
      const { incoming, size } = port,
        { id } = this.#options,
        several = topics.length > 1;
      tell = (topic) => {
        const { name } = topic,
          own = (id && port.idOf((one) => id(one, name), message)) ?? "",
          range = this.#number(message, name),
          // Each has a cursor of its own.
          one = several ? { ...message } : message;
        inOrder(topic, () => this.#place(topic, one, incoming, own, size, ...range));
      };
    } else return false;
    for (const topic of topics) {
      if (port.call(kind, topic.number, no)) tell(topic);
      else port.suppressed++;
    }
    return true;
  }

  #place(topic, message, raw, id, size, ...range) {
    const [number, first] = range;
    const { withheld, generation } = topic,
      port = this.#port;
    // The first number may be of the message that the join named.
    const known = number === undefined || (id && !topic.numbers) ? id : `#${number}`;
    topic.pending = id;
    port.call(TOPIC_HEARD, topic.number);
    if (first !== undefined) port.rule(EPOCH, [0, 0], first);
    const ruling = port.rule(
      TOPIC_CHECK,
      fingerprint(
        known || undefined,
        first === undefined ? raw : undefined,
        port.to.transport === "websocket",
        KEY,
        known === id ? undefined : number,
      ),
      number,
    );
    // By a listener of the gap.
    if (topic.generation !== generation || !topic.members.length) return;
    if (ruling) this.#release(topic, []);
    // As in the port.
    else if (withheld.length <= WITHHELD) {
      topic.units += size;
      this.#units += size;
      if (withheld.push([message, raw, id, size, number, first]) > WITHHELD || this.#units > UNITS)
        this.#release(topic, Array(WITHHELD + 1));
    }
    if (ruling & RULING_RESTARTED) {
      const again = withheld.length > WITHHELD ? [] : withheld;
      port.suppressed -= again.length;
      for (const one of [...again, [message, raw, id, size, number, first]])
        if (topic.generation === generation && topic.members.length) this.#place(topic, ...one);
      return;
    }
    topic.numbers ||= ruling & RULING_DELIVER && number !== undefined;
    const moves = ruling & RULING_MOVES && id;
    if (!(ruling & RULING_DELIVER)) {
      if (moves) topic.cursor = id;
      port.suppressed++;
      return;
    }
    message.lastEventId = id || topic.cursor;
    port.size = size;
    for (const { listeners } of topic.members) listeners.take(message);
    if (moves) topic.cursor = id;
  }

  /** Lets go of what the topic held back. */
  #release(topic, withheld) {
    this.#units -= topic.units;
    topic.units = 0;
    topic.withheld = withheld;
  }

  #number(message, name) {
    const { seq } = this.#options;
    const given = (seq && this.#port.exactly((one) => seq(one, name), message)) ?? undefined;
    if (given === undefined) return [];
    const range = asRange(given);
    if (range[0] === undefined)
      this.#port.ignored("subscriptions.seq must give a whole number from 0, or { first, last }");
    return range;
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

  /** The core asks for the join of these. A function may answer later, and then for another connection, or for nobody. */
  #join(topics, join, places) {
    const asked = {};
    for (const topic of topics) topic.asking = asked;
    const left = () => topics.filter(({ asking }) => asking === asked);
    const fail = (cause) => {
      if (left().length) report(cause);
      for (const topic of left()) {
        this.#port.call(UNJOINABLE, topic.number);
        this.#settle(topic, new SubscriptionError("encode", { cause }));
      }
    };
    const go = (message) => {
      if (left().length) this.#post(this.#port.encode(message), JOINING, left());
    };
    try {
      const made = join(places);
      if (isFunction(made?.then)) made.then(go).catch(fail);
      else go(made);
    } catch (error) {
      fail(error);
    }
  }

  /** What goes up by itself; it goes with the last of its topics. */
  #post(payload, kind, topics) {
    const id = sends++,
      bytes = byteLength(payload);
    this.#port.payloads.set(id, [snapshot(payload), bytes, () => {}, 0]);
    for (const { number } of topics) this.#port.call(kind, number, id, bytes, number === topics.at(-1).number ? 0 : 1);
  }

  /** What the core says of a topic. */
  #told(topic, word) {
    if (word === TOPIC_OVER) {
      // Somebody may have come back meanwhile.
      if (topic.members.length) return;
      this.#numbered.delete(topic.number);
      if (this.#topics.get(topic.name) === topic) this.#topics.delete(topic.name);
    } else if (word === TOPIC_LOST) {
      topic.asking = undefined;
      topic.joined = false;
      for (const member of topic.members) if (member.settled) renew(member);
    } else
      this.#settle(
        topic,
        word === TOPIC_JOINED
          ? undefined
          : new SubscriptionError(word === TOPIC_LATE ? "timeout" : DROPPED[word - TOPIC_UNSENT]),
      );
  }

  /** Joined, or why not. */
  #settle(topic, error) {
    topic.joined = !error;
    for (const member of topic.members) settle(member, error);
  }

  #unsubscribe(topic, member) {
    if (member.left) return;
    end(member, new SubscriptionError("left"));
    topic.members = topic.members.filter((other) => other !== member);
    if (topic.members.length) return;
    const { name, leave, cursor, number } = topic;
    this.#over(topic);
    if (!this.#port.call(LEAVE, number) || !leave) return;
    try {
      this.#post(this.#port.encode(leave({ topic: name, lastEventId: cursor })), LEAVING, [topic]);
    } catch (error) {
      report(error);
    }
  }

  #end(topic, error, ...how) {
    this.#over(topic);
    const { members } = topic;
    topic.members = [];
    for (const member of members) end(member, error, ...how);
  }

  /** Nobody listens any more. */
  #over(topic) {
    this.#held--;
    this.#release(topic, []);
    topic.asking = topic.generation = undefined;
    topic.joined = false;
  }
}

/** The topics of a client with these settings: `takes` reads its messages, and the core asks for what `kinds` has. */
export function subscriptionsOf({ events, numbers }, given) {
  const options = readSubscriptions(given);
  events.push(...options.names);
  numbers[NUMBER_JOIN_CONFIRM] = +options.confirm;
  numbers[NUMBER_JOIN_TIMEOUT] = options.timeout;
  return new Subscriptions(options);
}

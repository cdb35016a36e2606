// Questions to the server and its answers, by an id that both carry. What a reply is, how long there is time for it and what a loss
// means is the core's (src/core/requests.rs).
import { fingerprint, KEY } from "./port/fingerprint.ts";
import { encode, identify, isRaw, snapshot } from "./encode.js";
import { EverwireError, invalid } from "./errors.js";
import { check, readForm } from "./options.js";

// <calls.rs>
const ASKS = 47,
  REPLIED = 49,
  REPLIED_AWAITED = 2,
  ASKS_OWN = 1,
  ASKS_AGAIN = 2;
// </calls.rs>

const SENTENCES = {
  timeout: "no reply came in time",
  aborted: "the request's signal was aborted",
  closed: "the client is closed",
  unknown:
    'the connection was lost before the reply came: the server may have done it. `requests.onLoss: "retry"` asks again',
};

const UNNAMED =
  "request: it needs an id, a string or a whole number below 2^53. Give an object; everwire fills it in, unless requests.id is a function";

/**
 * As `identify`, with the id at a path.
 * @returns {any[]}
 */
function identifyAt(path, message, codec) {
  const [key, ...rest] = path;
  if (!rest.length) return identify(message, { id: key, codec }, UNNAMED);
  const inner = message?.[key] ?? {};
  if (
    !message ||
    isRaw(message) ||
    Array.isArray(message) ||
    typeof message !== "object" ||
    typeof inner !== "object" ||
    // Nobody knows whether the codec uses it.
    typeof message.toJSON === "function"
  )
    throw new EverwireError("encode", UNNAMED);
  const [named, ...id] = identifyAt(rest, inner, codec);
  return [{ __proto__: Object.getPrototypeOf(message), ...message, [key]: named }, ...id];
}

/** Why a request got no reply, or which error the reply holds. */
export class RequestError extends EverwireError {
  /**
   * @param {string} code
   * @param {{ sentence?: string, reply?: object }} [more]
   */
  constructor(code, { sentence = SENTENCES[code] ?? `the request was dropped (${code})`, reply } = {}) {
    super(code, `request: ${sentence}`);
    this.reply = reply;
  }
}

const REQUEST = `
timeout=a number of ms from 1 to 2147483647
signal=an AbortSignal
priority=true or false`;

export class Requests {
  #options;
  /** The replies of those that wait for one, by id, once they have come. */
  #pending = new Map();
  /** That all goes over. */
  port;
  #settings;
  /** There was one: else no message need be looked at. */
  #any = false;

  /** `settings` are the client's. */
  constructor(options, settings) {
    this.#options = options;
    this.#settings = settings;
  }

  /** The port that all goes over. */
  meet(port) {
    this.port = port;
  }

  /** `post(message, options, done)` is the client's send. */
  ask(message, given, post) {
    return new Promise((resolve, reject) => this.#ask(message, given, post, resolve, reject));
  }

  #ask(message, given, post, resolve, reject) {
    const { keyed, retries, timeout: longest } = this.#options,
      pending = this.#pending;
    if (!keyed) throw invalid("request needs the JSON codec, or { decode, encode }: a reply is told by its id");
    const form = readForm("request", check("request", given, "an object"), REQUEST);
    const { timeout = longest, signal, priority = false } = form;
    const [named, id, made] = this.#identify(message);
    const payload = snapshot(encode(named, this.#settings));
    if (pending.has(id)) throw new EverwireError("encode", "request: one with this id is still without its reply");
    if (signal?.aborted) throw new RequestError("aborted");
    if (this.port.closed) throw new RequestError("closed");
    pending.set(id, undefined);
    this.#any = true;
    const done = (settled) => {
      const reply = pending.get(id);
      pending.delete(id);
      if (!reply) return reject(new RequestError(this.#why(settled, signal)));
      try {
        if (!this.#isError(reply)) return resolve(reply);
        reject(new RequestError("refused", { sentence: "the server's reply is an error: see `reply`", reply }));
      } catch (error) {
        reject(error);
      }
    };
    // Of the send that comes next. Nothing of the app's runs in between.
    this.#tell(ASKS, id, (made ? ASKS_OWN : 0) | (retries ? ASKS_AGAIN : 0));
    post(payload, { ack: false, priority, signal, ttl: timeout }, done);
    this.port.call(ASKS);
  }

  /** Whether the message is a reply, in time or late. */
  takes(message) {
    const port = this.port;
    if (!this.#any) return false;
    const id = port.exactly(this.#options.replyId, message);
    if (typeof id !== "string" && !Number.isSafeInteger(id)) return false;
    const name = String(id),
      pending = this.#pending,
      before = pending.get(name);
    // The core settles it while it is asked.
    if (pending.has(name)) pending.set(name, message);
    const answer = this.#tell(REPLIED, name, 0);
    if (answer < REPLIED_AWAITED && pending.has(name)) pending.set(name, before);
    return answer > 0;
  }

  #identify(message) {
    const { id, codec } = this.#options;
    if (typeof id === "function" || !id.includes(".")) return identify(message, this.#options, UNNAMED);
    // What JSON makes of it, once for all of it.
    const made = codec === "json" && !isRaw(message) ? JSON.parse(encode(message, { codec: {} })) : message;
    return identifyAt(id.split("."), made, codec);
  }

  #tell(kind, id, code) {
    const key = fingerprint(id, undefined, false, KEY);
    return this.port.call(kind, 0, code, ...key);
  }

  #why({ status, code = status }, signal) {
    if (signal?.aborted) return "aborted";
    if (this.port.closed) return "closed";
    return code === "expired" ? "timeout" : code;
  }

  #isError(message) {
    const { error } = this.#options;
    return typeof error === "function" ? error(message) : (message.data?.[error] ?? undefined) !== undefined;
  }
}

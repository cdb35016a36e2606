// Questions to the server and its answers, by an id that both carry.
import { identify } from "./encode.js";
import { EverwireError, invalid } from "./errors.js";
import { check, readForm } from "./options.js";

const SENTENCES = {
  timeout: "no reply came in time",
  aborted: "the request's signal was aborted",
  closed: "the client is closed",
  unknown:
    'the connection was lost before the reply came: the server may have done it. `requests.onLoss: "retry"` asks again',
};

/** Of so many requests without a reply a late one is recognized. */
const REMEMBERED = 1_024;

const UNNAMED = "request: it needs an id, a string or a whole number below 2^53. Give an object; everwire fills it in";

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
  /** By id: `{ send, connection, settle, open }`; `open` is how many replies may come. */
  #pending = new Map();
  /** Ids that everwire made, whose requests are over, by how many replies may still come. */
  #late = new Map();
  /** How many there have been, 0 while there is none. */
  #connection = 0;
  #closed = false;

  constructor(options) {
    this.#options = options;
  }

  /** `post(message, options)` is the client's send. */
  ask(message, options, post) {
    return new Promise((resolve, reject) => {
      if (!this.#options.keyed)
        throw invalid("request needs the JSON codec, or { decode, encode }: a reply is told by its id");
      const {
        timeout = this.#options.timeout,
        signal,
        priority = false,
      } = readForm("request", check("request", options, "an object"), REQUEST);
      const [payload, id, made] = identify(message, this.#options, UNNAMED);
      if (this.#pending.has(id))
        throw new EverwireError("encode", "request: one with this id is still without its reply");
      if (signal?.aborted) throw new RequestError("aborted");
      if (this.#closed) throw new RequestError("closed");
      const stop = new AbortController();
      const settle = (error, reply) => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
        this.#pending.delete(id);
        if (made && entry.open > 0) this.#late.set(id, entry.open);
        if (this.#late.size > REMEMBERED) this.#late.delete(this.#late.keys().next().value);
        // What still waits in the outbox need not go out.
        stop.abort();
        if (error) reject(error);
        else resolve(reply);
      };
      const abort = () => settle(new RequestError("aborted"));
      const timer = setTimeout(() => settle(new RequestError("timeout")), timeout);
      signal?.addEventListener("abort", abort);
      /** @type {any} */
      const entry = { settle, connection: 0, send: undefined, open: 0 };
      this.#pending.set(id, entry);
      entry.send = () => {
        entry.connection = 0;
        entry.open++;
        // The reply is its ack.
        post(payload, { ack: false, priority, signal: stop.signal }).then(({ status, code }) => {
          if (this.#pending.get(id) !== entry) return;
          // A request beside a stream, whose answer did not come.
          if (status === "unknown") return this.#lost(entry);
          if (status !== "sent") return settle(new RequestError(code ?? status));
          entry.connection = this.#connection;
          // It was sent, and the connection lost, before this ran.
          if (!entry.connection) this.#lost(entry);
        }, settle);
      };
      entry.send();
    });
  }

  /** Whether the message is a reply, in time or late. */
  takes(message) {
    const { replyId } = this.#options;
    const id = message.data?.[replyId];
    // What may stand for several numbers answers nobody.
    if (typeof id !== "string" && !Number.isSafeInteger(id)) return false;
    const entry = this.#pending.get(String(id));
    if (!entry) return this.#isLate(id);
    entry.open--;
    if (!this.#isError(message)) entry.settle(undefined, message);
    else
      entry.settle(
        new RequestError("refused", { sentence: "the server's reply is an error: see `reply`", reply: message }),
      );
    return true;
  }

  /** The connection there is now: what was asked over another one gets no reply. */
  connection(serial) {
    this.#connection = serial;
    for (const entry of [...this.#pending.values()])
      if (entry.connection && entry.connection !== serial) this.#lost(entry);
  }

  close() {
    this.#closed = true;
    for (const { settle } of [...this.#pending.values()]) settle(new RequestError("closed"));
  }

  /** Only the whole id of a request, and for each time that it was sent only one message: others may have seen the id. */
  #isLate(id) {
    const open = this.#late.get(id);
    if (open > 1) this.#late.set(id, open - 1);
    else this.#late.delete(id);
    return open > 0;
  }

  #isError(message) {
    const { error } = this.#options;
    return typeof error === "function" ? error(message) : (message.data[error] ?? undefined) !== undefined;
  }

  #lost(entry) {
    if (this.#options.retries) entry.send();
    else entry.settle(new RequestError("unknown"));
  }
}

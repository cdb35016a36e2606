// How much is sent: a sliding window, which the server's word narrows for a while.
import { Port, report } from "../src/transport/port.js";
import { invalid } from "./errors.js";
import { ASKS, check, readForm } from "./options.js";

// Of `takes`.
const OPEN = 1,
  FULL = 3;
/** Of `send`: a request carries it. */
const CARRIED = 4;
/** The server's word halves what may be sent, down to this part. After a window without one, each further one gives a tenth back. */
const LEAST = 1 / 32,
  GROWTH = 0.1;
/** The close codes by which a server says that it is too much: policy violation, try again later. */
const VIOLATION = 1008,
  LATER = 1013,
  TOO_MANY = 429;

class Rate {
  #messages;
  #per;
  /** When each of the last `messages` was sent; the oldest gives way. */
  #times = [];
  #count = 0;
  /** What may be sent of `messages`, since when it grows, and when the server last said that it is too much. */
  #share = 1;
  #since = 0;
  #told = -Infinity;

  constructor(messages, per) {
    this.#messages = messages;
    this.#per = per;
  }

  /** Whether one more may be sent now. */
  free() {
    const now = performance.now();
    const quota = this.#messages * this.#grown(now);
    const count = Math.max(1, Math.floor(quota));
    // Less than one message: a longer window.
    const window = this.#per / Math.min(1, quota);
    return this.#count < count || now - this.#times[(this.#count - count) % this.#messages] >= window;
  }

  sent() {
    this.#times[this.#count++ % this.#messages] = performance.now();
  }

  /** The server's word. Several within a window are one: they are about the same messages. */
  slower() {
    const now = performance.now();
    if (now - this.#told < this.#per) return;
    this.#share = Math.max(this.#grown(now) / 2, LEAST);
    this.#told = now;
    this.#since = now + this.#per;
  }

  #grown(now) {
    const windows = Math.max(0, Math.floor((now - this.#since) / this.#per));
    this.#since += windows * this.#per;
    return (this.#share = Math.min(1, this.#share + windows * GROWTH));
  }
}

const RATE = `
messages=a number from 1 to 100000
per=a number of ms from 10 to 2147483647
slow=a string or a function!`;

/** Put around what a port does to send, and what is asked of a failure. */
export function addRate(settings, given) {
  const { messages, per, slow } = readForm("rate", check("rate", given, "an object"), RATE);
  if (messages === undefined || per === undefined) throw invalid("rate needs both: messages, and per");
  if (!Number.isInteger(messages)) throw invalid("rate.messages must be a whole number");
  const rate = new Rate(messages, per);

  const { port, shouldReconnect } = settings;
  const { takes = Port.prototype.takes, send = Port.prototype.send, acks } = port;
  let sending = false;
  port.takes = function () {
    const taken = takes.call(this);
    // Asked by the client, before it sends: what may have to wait is to be kept as it is now.
    return taken === OPEN && !(sending && rate.free()) ? FULL : taken;
  };
  port.send = function (id) {
    sending = true;
    const taken = this.takes();
    const sent = taken === OPEN ? send.call(this, id) : taken;
    sending = false;
    if (sent === OPEN || sent === CARRIED) rate.sent();
    return sent;
  };

  settings.flags |= ASKS;
  settings.shouldReconnect = (failure) => {
    const { closeCode, status } = failure;
    if (closeCode === VIOLATION || closeCode === LATER || status === TOO_MANY) rate.slower();
    return shouldReconnect?.(failure) ?? (closeCode === VIOLATION ? true : undefined);
  };

  if (slow === undefined) return rate;
  const says = typeof slow === "string" ? ({ type }) => type === slow : slow;
  port.acks = (message) => {
    try {
      if (says(message)) rate.slower();
    } catch (error) {
      // The message is not to blame.
      report(error);
    }
    return acks?.(message);
  };
  return rate;
}

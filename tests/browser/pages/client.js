// Clients that a test makes: closed when it ends, and watched.
import { connect } from "/pkg/index.js";
import { Counter } from "./counter.js";
import { after } from "./harness.js";

export { Counter };

/**
 * What was heard of a client, in order.
 * @typedef {{ events: string[], states: string[], messages: any[], retries: any[], gaps: any[], closed: any, data: any[] }} Seen
 */

/** Reconnects quickly and predictably. */
export const quick = { initialDelay: 100, maxDelay: 300, factor: 2, jitter: "none" };

export function client(endpoint, options = {}) {
  const made = connect(endpoint, { reconnect: quick, ...options });
  after(() => made.close());
  return made;
}

const lifecycle = ["open", "statechange", "retry", "gap", "close"];

/** Writes down what the client says. */
export function watch(made) {
  /** @type {Seen} */
  const seen = {
    events: [],
    states: [],
    messages: [],
    retries: [],
    gaps: [],
    closed: null,
    get data() {
      return seen.messages.map((message) => message.data);
    },
  };
  made.on((message) => seen.messages.push(message));
  for (const type of lifecycle) {
    made.addEventListener(type, (event) => {
      seen.events.push(type);
      if (type === "statechange") seen.states.push(made.state);
      if (type === "retry") seen.retries.push(event);
      if (type === "gap") seen.gaps.push(event);
      if (type === "close") seen.closed = event;
    });
  }
  return seen;
}

export const noFlaws = { missing: 0, duplicates: 0, misordered: 0 };

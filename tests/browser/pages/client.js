// Clients that a test makes: closed when it ends, and watched.
import { connect } from "/pkg/index.js";
import { Counter } from "./counter.js";
import { after } from "./harness.js";

export { Counter };

/** Reconnects quickly and predictably. */
export const quick = { initialDelay: 100, maxDelay: 300, factor: 2, jitter: "none" };

export function client(endpoint, options = {}) {
  const made = connect(endpoint, { reconnect: quick, ...options });
  after(() => made.close());
  return made;
}

const lifecycle = ["open", "statechange", "retry", "gap", "close"];

/** Writes down what the client says, in order. */
export function watch(made) {
  const seen = { events: [], states: [], messages: [], retries: [], gaps: [], closed: null };
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
  Object.defineProperty(seen, "data", { get: () => seen.messages.map((message) => message.data) });
  return seen;
}

export const noFlaws = { missing: 0, duplicates: 0, misordered: 0 };

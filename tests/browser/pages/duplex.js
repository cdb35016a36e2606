// Clients of `everwire/duplex`, and the servers that they speak to.
import { connect } from "/pkg/duplex.js";
import { quick } from "./client.js";
import { after } from "./harness.js";
import { app, sse, unique } from "./server.js";

export function duplex(endpoint, options = {}) {
  const made = connect(endpoint, { reconnect: quick, ...options });
  after(() => made.close());
  return made;
}

/** The server that applies each id once; its stream and its uplink are one address. */
export function ledger(query = "") {
  const name = unique();
  const url = sse(`/ledger?client=${name}${query}`);
  return {
    url,
    both: { sse: url, uplink: url },
    /** Applied, repeats, disordered. */
    report: async () => {
      const { applied, repeats, disordered } = await (await fetch(`${app}/ledger/report?client=${name}`)).json();
      return [applied, repeats, disordered];
    },
  };
}

export const numbers = (from, to) => Array.from({ length: to - from + 1 }, (_, at) => ({ n: from + at }));

/** What a send has become: its code, if it was dropped. */
export const outcome = async (send) => {
  const { status, code } = await send;
  return code ?? status;
};
export const outcomes = (sends) => Promise.all(sends.map(outcome));

/** The requests that the server has seen with this key, in their order. */
export const requests = async (key) => (await fetch(`${app}/requests?key=${key}`)).json();

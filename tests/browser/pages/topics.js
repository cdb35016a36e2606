// What the tests of subscriptions have in common: a server of topics in scripts, and clients of it.
import { connect, SubscriptionError } from "/pkg/duplex.js";
import { quick } from "./client.js";
import { after, ok, rejection, waitFor } from "./harness.js";

export function client(endpoint, options = {}) {
  const made = connect(endpoint, { reconnect: quick, ...options });
  after(() => made.close());
  return made;
}

/** Confirmed by the echo of the join. */
export const echoed = { joined: "join" };
export const ided = { id: "eventId" };

// Steps of a script.
export const say = (data) => ["send", JSON.stringify(data)];
export const joined = (topic) => say({ type: "joined", topic });
export const chat = (topic, eventId, more) => say({ type: "chat", topic, eventId, ...more });
export const reset = [["wait", 20], ["reset"]];

// Frames that go up.
export const join = (topic, lastEventId) => JSON.stringify({ type: "join", topic, lastEventId });
export const leave = (topic) => JSON.stringify({ type: "leave", topic });
export const received = async (plan) => (await plan.log()).map((attempt) => attempt.received);

/** What the server has of connection `at`, once it is so much. */
export async function frames(plan, at, count) {
  await waitFor(
    async () => (await received(plan))[at]?.length >= count,
    async () => `${count} frames on connection ${at}, have ${JSON.stringify(await received(plan))}`,
  );
  return (await received(plan))[at];
}

export const failure = async (promise) => {
  const error = await rejection(promise);
  ok(error instanceof SubscriptionError && error.name === "EverwireError", `${error}`);
  return error.code;
};

/**
 * What `look` gives at the next such event, in the middle of it.
 * @returns {Promise<any>}
 */
export const event = (made, type, look) =>
  new Promise((resolve) => made.addEventListener(type, () => resolve(look()), { once: true }));

/** Writes down, in order, what a topic's handle gets and which gaps are told. */
export function listen(made, ...rooms) {
  /** @type {any[]} */
  const order = [];
  for (const room of rooms)
    room.on(({ data, lastEventId }) => order.push(data.eventId ?? data.seq ?? data.n ?? lastEventId));
  made.addEventListener("gap", ({ topic, outcome, after, before, missing }) =>
    order.push([topic, outcome, after, before, ...(missing ? [missing.from, missing.to] : [])]),
  );
  return order;
}

// The option for event streams in pieces, and what it makes of the fetched ones (links/poll.ts).
import { PollLink } from "./links/poll.ts";
import { EverwireError, invalid } from "./errors.js";
import { check, readForm } from "./options.js";

// <calls.rs>
const ASK_JOIN = 23,
  ASK_POLL = 35,
  NUMBER_POLL_WAIT = 42;
// </calls.rs>

const LONG_POLL = `
wait=a number of ms from 1000 to 2147473647
name=a non-empty string`;

/** `longPoll`: `{ name, wait }`, or undefined for none. */
export function readLongPoll(given, { heartbeat, http, resume }) {
  check("longPoll", given, "true, false or an object");
  if (!given) return undefined;
  const { wait, name = "poll" } = readForm("longPoll", given, LONG_POLL);
  if (!/^(GET)?$/i.test(http?.method ?? ""))
    throw invalid("longPoll is for requests that may be repeated: not with http.method");
  if (resume?.request || resume?.via === "url")
    throw invalid(
      'longPoll asks for what comes after the cursor by itself: not with resume.request, nor with resume.via "url"',
    );
  // Its end is a sign of life, and has to come within the interval.
  const most = heartbeat ? (heartbeat.interval ?? 30_000) * 0.8 : Infinity;
  if (wait > most)
    throw invalid("longPoll.wait must be shorter than four fifths of heartbeat.interval: its end is the sign of life");
  return { name, wait };
}

/** Dials long polls, and gives what the core asks for. */
export function pollsOf({ numbers }, { name, wait }) {
  numbers[NUMBER_POLL_WAIT] = wait;
  /** Those that are open, or opening: one, and one that may take its place. */
  let links = [];
  return {
    dial(port, request) {
      const link = new PollLink(port, request, name);
      links = [link, ...links.filter(({ closed }) => !closed)];
      return link;
    },
    kinds: (port) => ({
      [ASK_POLL - ASK_JOIN](attempt, wait) {
        if (wait < 0) return port.blame(new EverwireError("network", "a long poll was not answered in time"));
        links.find(({ to, closed }) => to.attempt === attempt && !closed)?.poll(wait);
      },
    }),
  };
}

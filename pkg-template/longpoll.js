// An event stream in pieces, for a proxy that holds a whole one back: each request is answered with what there is, ends,
// and is followed by the next. When it is asked, and what an answer means, is ruled by src/core/polls.rs.
import { request } from "./fetch.js";
import { Port } from "./port.js";
import { setParameter } from "./port/address.ts";
import { EverwireError, invalid } from "./errors.js";
import { check, readForm } from "./options.js";

// <calls.rs>
const ASKING = 13,
  ASK_JOIN = 23,
  ASK_POLL = 35,
  NUMBER_POLL_WAIT = 42,
  ROUTE_POLLS = 16,
  ROUTE_TRANSPORT = 3;
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

/** `polls(way)`: whether this way is a long poll. Gives what the core asks for. */
export function addLongPoll({ port, numbers }, { name, wait }, polls) {
  const { request: whole = request, route = Port.prototype.route } = port;
  numbers[NUMBER_POLL_WAIT] = wait;
  port.route = function (address, transport) {
    const found = route.call(this, address, transport);
    return found & ROUTE_TRANSPORT && polls(this.way) ? found | ROUTE_POLLS : found;
  };
  port.request = (client, attempt, url, init) => {
    if (!polls(client.way)) return whole(client, attempt, url, init);
    const [address, { headers: given }] = client.prepared,
      socket = request(client, attempt, url, init, true);
    socket.poll = (wait) =>
      socket.ask(
        () => {
          // The core knows of its own.
          if (!wait) client.call(ASKING);
          const [target, headers] = client.aim("fetch", address, given);
          setParameter(target, name, wait);
          return [target.href, { ...init, headers }];
        },
        // Acks too, but not what a server says again.
        () => client.received - client.suppressed,
      );
    socket.attempt = attempt;
    return socket;
  };
  return (client) => ({
    [ASK_POLL - ASK_JOIN](attempt, wait) {
      if (wait < 0) return client.blame(new EverwireError("network", "a long poll was not answered in time"));
      const { socket } = [client, client.successor].find((link) => link?.socket?.attempt === attempt) ?? {};
      return socket?.poll(wait);
    },
  });
}

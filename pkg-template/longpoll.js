// An event stream in pieces, for a proxy that holds a whole one back: each request is answered with what there is, ends,
// and is followed by the next. To the core it is one connection, with a seam at each request.
import { go, isStream, read, refusal, request } from "../src/transport/fetch.js";
import { setParameter } from "../src/transport/port.js";
import { EverwireError, invalid } from "./errors.js";
import { LONGEST, check, readForm } from "./options.js";

// <calls.rs>
const OPENED = 1,
  LOST = 2,
  ASKING = 13,
  ASKED_AGAIN = 16,
  PAUSE = 17,
  LOST_END = 0,
  LOST_REDIRECT = 7,
  LOST_NETWORK = 1006;
// </calls.rs>
/** More than the server may wait, and nothing came: the answer is lost. */
const PATIENCE = 10_000;
/** An answer that brings nothing is due after the wait. One that comes sooner ends the connection, so that the backoff holds. */
const SOON = 1_000;
/** Two requests are so many ms apart at least. */
const FLOOR = 100;

const LONG_POLL = `
wait=a number of ms from ${SOON} to ${LONGEST - PATIENCE}
name=a non-empty string`;

/** `longPoll`: how long the server may wait for something to say, in ms, or undefined for none. */
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
  return { name, wait: Math.floor(wait ?? Math.min(25_000, most)) };
}

/** `polls(way)`: whether this way is a long poll. */
export function addLongPoll({ port }, { name, wait }, polls) {
  const { request: whole = request } = port;
  port.request = (client, attempt, url, init) =>
    polls(client.way) ? poll(client, attempt, init, name, wait) : whole(client, attempt, url, init);
}

function poll(port, attempt, init, name, wait) {
  const [address, { headers: given }] = port.prepared;
  const abort = new AbortController();
  let late;
  const socket = {
    /** @type {ReadableStreamDefaultReader | undefined} */
    reader: undefined,
    close() {
      clearTimeout(late);
      abort.abort();
      socket.reader?.cancel().catch(() => {});
    },
  };

  /** What is new: acks too, but not what a server says again. */
  const news = () => port.received - port.suppressed;

  /**
   * Gives the kind and the code of the loss, or nothing if the connection was dropped meanwhile.
   * @returns {Promise<any[] | undefined>}
   */
  async function run() {
    for (let opened = false; ; opened = true) {
      const began = performance.now(),
        before = news();
      if (!port.owns(socket)) return undefined;
      if (opened) port.call(ASKING, 0, 0);
      const [target, headers] = port.aim("fetch", address, given);
      // The first one is answered at once: it has to open in time, and a proxy shows no answer before its end.
      setParameter(target, name, opened ? wait : 0);
      late = setTimeout(
        () => abort.abort(new EverwireError("network", "a long poll was not answered in time")),
        wait + PATIENCE,
      );
      try {
        const response = await go(
          port.fetch,
          target.href,
          { ...init, headers, cache: "no-store", signal: abort.signal },
          port,
        );
        if (!port.owns(socket)) return undefined;
        if (response === null) return [LOST, LOST_REDIRECT];
        if (!isStream(response, init, port)) {
          const [answer, ...told] = await refusal(response, init);
          if (!port.owns(socket)) return undefined;
          port.answer = answer;
          return told;
        }
        port.call(opened ? ASKED_AGAIN : OPENED, attempt, 0);
        if (port.socket !== socket) return undefined;
        port.answeredFrom(target, response.url);
        port.answered(response.headers);
        if (port.socket !== socket) return undefined;
        const code = await read(port, socket, response.body);
        if (port.socket !== socket) return undefined;
        const quiet = news() === before,
          took = performance.now() - began;
        if (code !== LOST_END || (opened && quiet && took < SOON)) return [LOST, code];
        clearTimeout(late);
        // One that brings nothing before its time is a server that ends them all.
        const pause = port.call(PAUSE, 0, opened && quiet && took < wait ? 1 : 0);
        await new Promise((resolve) => {
          late = setTimeout(resolve, Math.max(FLOOR - took, pause));
        });
        if (port.socket !== socket) return undefined;
      } finally {
        clearTimeout(late);
      }
    }
  }

  // The port sets its socket when this has returned.
  Promise.resolve()
    .then(run)
    .catch((error) => {
      // After close() the abort is our own.
      if (port.owns(socket)) port.blame(abort.signal.reason ?? error);
      return [LOST, LOST_NETWORK];
    })
    .then((told) => {
      if (told?.[0] === LOST) port.lost(socket, attempt, told[1]);
      else if (told && port.owns(socket)) port.call(told[0], attempt, told[1] >>> 0);
    });
  return socket;
}

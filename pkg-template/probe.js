// Why an upgrade failed no browser says. A fetch of an address that answers as the upgrade would have says it. When it is asked, and
// what its answer means, is ruled by src/core/probe.rs.
import { go, refusal } from "./links/answer.ts";
import { Probed } from "./links/probed.ts";
import { isFetchable, resolve } from "./port/address.ts";
import { invalid } from "./errors.js";
import { confine, headersFor, isHeaders, stays } from "./options.js";

// <calls.rs>
const ASK_JOIN = 23,
  ASK_PROBE = 29,
  NUMBER_PROBES = 40,
  PROBED = 56;
// </calls.rs>

/** `tries` gives how many attempts there were since the last stable connection. Gives what dials a WebSocket, and what the core asks for. */
export function probeOf(settings, probe, tries) {
  const { http } = settings;
  if (typeof probe !== "string" && typeof probe !== "function" && !probe?.href)
    throw invalid("probe must be an address, or a function that gives one");
  if (typeof probe !== "function" && !settings.rendered && !isFetchable(probe))
    throw invalid("probe must be an http: or https: address, without a password");
  settings.probed = true;
  settings.numbers[NUMBER_PROBES] = 1;
  if (typeof probe !== "function") settings.beside.push(probe);
  const call = (value, context) => (typeof value === "function" ? value(context) : value);

  /** What the server answers, and its status with what it asks to wait, if it is an answer. */
  async function ask(port, signal) {
    const context = { reason: "reconnect", attempt: tries(), lastEventId: port.cursor, signal };
    const url = await call(probe, context);
    // A token is not asked for after a logout.
    if (signal.aborted) return undefined;
    if (url !== probe) stays(url);
    const to = isFetchable(url) ? resolve(url).href : "";
    if (to) confine(settings, to);
    const headers = to && (await call(http.headers, { ...context, url: to }));
    if (!to || !isHeaders(headers))
      throw invalid(
        "probe or http.headers gave what fetch cannot take: an http: or https: address, and no password in it",
      );
    const response = await go(http.fetch, to, {
      ...http.init,
      method: "GET",
      headers: headersFor(undefined, headers),
      cache: "no-store",
      signal,
    });
    // Nor does a redirect to another origin.
    if (response === null) return undefined;
    const [answer, , code] = await refusal(response, {});
    return [answer, code];
  }

  let last;

  async function classify(port, attempt) {
    const { signal } = last;
    let answer, code;
    try {
      [answer, code] = (await ask(port, signal)) ?? [];
    } catch (error) {
      if (!signal.aborted) port.blame(error);
    }
    if (signal.aborted) return;
    if (answer) port.answer = answer;
    port.call(PROBED, attempt, code >>> 0);
  }

  return {
    around: (dial) => (port, request) => (last = new Probed(dial(port, request))),
    kinds: (port) => ({ [ASK_PROBE - ASK_JOIN]: (attempt) => void classify(port, attempt) }),
  };
}

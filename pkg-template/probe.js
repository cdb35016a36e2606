// Why an upgrade failed no browser says. A fetch of an address that answers as the upgrade would have says it.
import { go, refusal } from "../src/transport/fetch.js";
import { Port, resolve } from "../src/transport/port.js";
import { invalid } from "./errors.js";
import { confine, headersFor, isHeaders, stays } from "./options.js";
import { isFetchable } from "./posts.js";

// <calls.rs>
const OPENED = 1,
  LOST = 2,
  REFUSED = 4,
  LOST_NETWORK = 1006,
  TRANSPORT_WEBSOCKET = 1;
// </calls.rs>
/** A WebSocket's own address says so to a plain request (RFC 9110, 15.5.22). */
const UPGRADE_REQUIRED = 426;

/** `tries` gives how many attempts there were since the last stable connection. */
export function addProbe(settings, probe, tries) {
  const { port, http } = settings;
  if (typeof probe !== "string" && typeof probe !== "function" && !probe?.href)
    throw invalid("probe must be an address, or a function that gives one");
  if (typeof probe !== "function" && !isFetchable(probe))
    throw invalid("probe must be an http: or https: address, without a password");
  settings.probed = true;
  if (typeof probe !== "function") settings.beside.push(probe);
  const call = (value, context) => (typeof value === "function" ? value(context) : value);

  /** What the server answers if it refuses, else nothing. */
  async function ask(client, signal) {
    const context = { reason: "reconnect", attempt: tries(), lastEventId: client.cursor, signal };
    const url = await call(probe, context);
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
    const { status } = response;
    const [answer, , code] = await refusal(response, {});
    return status < 400 || status === UPGRADE_REQUIRED ? undefined : [answer, code];
  }

  /** Of the attempts that have not opened: what calls the question off. */
  const trying = new Map();
  const { open = Port.prototype.open } = port;
  let tell;

  function listen(client) {
    tell = client.call;
    client.call = (kind, attempt, code, high, low) => {
      if (kind === OPENED) trying.delete(attempt);
      const abort = kind === LOST && code === LOST_NETWORK && trying.get(attempt);
      if (!abort) return tell(kind, attempt, code, high, low);
      classify(client, attempt, abort.signal);
      return 0;
    };
  }

  async function classify(client, attempt, signal) {
    let refused;
    try {
      refused = await ask(client, signal);
    } catch (error) {
      if (!signal.aborted) client.blame(error);
    }
    if (signal.aborted) return;
    if (!refused) return void tell(LOST, attempt, LOST_NETWORK);
    client.answer = refused[0];
    tell(REFUSED, attempt, refused[1] >>> 0);
  }

  port.open = function (attempt, transport) {
    if (!tell) listen(this);
    const began = open.call(this, attempt, transport);
    if (began && transport === TRANSPORT_WEBSOCKET) {
      const abort = new AbortController();
      trying.set(attempt, abort);
      // As one of the connection's listeners: taken off when it is let go of.
      (this.successor ?? this).link.push([
        {
          removeEventListener: () => {
            trying.delete(attempt);
            abort.abort();
          },
        },
      ]);
    }
    return began;
  };
}

// Whether a stream that does not open is held back on its way: the server answers a HEAD at the same address.
import { go, isStream, request } from "../src/transport/fetch.js";

// <calls.rs>
const OPENED = 1,
  LOST = 2,
  LOST_BUFFERED = 4;
// </calls.rs>
/** So long a stream may take to open before it is asked for, in ms, or a third of openTimeout. */
const SLOW = 3_000;
/** Before the end of openTimeout, which tells less. */
const LATE = 0.9;

/**
 * `openTimeout` in ms; `name`, if there is an uplink, is the parameter that says which stream it is. `ready`: there is another way, so
 * that it is told at once. Else the stream has nearly all its time: it may only be slow to begin.
 */
export function addBuffered({ port }, openTimeout, name, ready) {
  const { request: whole = request } = port;
  /** By attempt: what ends the question. */
  const asked = new Map();
  let listening = false;

  function listen(client) {
    listening = true;
    const { call } = client;
    client.call = (kind, attempt, code, high, low) => {
      if (kind === OPENED) asked.get(attempt)?.();
      return call(kind, attempt, code, high, low);
    };
  }

  async function ask(client, attempt, url, init, signal, later) {
    const began = performance.now(),
      target = new URL(url);
    // With it, a server that runs for a HEAD what it runs for a GET would take this for a second stream in the first one's place.
    if (name) target.searchParams.delete(name);
    try {
      // Another answer than a stream's says nothing of one.
      const response = await go(client.fetch, target.href, { ...init, method: "HEAD", cache: "no-store", signal });
      if (!isStream(response, {}, client)) return;
    } catch {
      // It is the network, then, or not allowed, or redirected away.
      return;
    }
    const took = performance.now() - began;
    // It has had its time before, and has as much as the answer took once more.
    const rest = ready ? took : openTimeout * LATE - Math.min(SLOW, openTimeout / 3) - took;
    if (!signal.aborted) later(() => client.call(LOST, attempt, LOST_BUFFERED), rest);
  }

  port.request = (client, attempt, url, init) => {
    const socket = whole(client, attempt, url, init);
    if (!/^(GET)?$/.test(init.method ?? "")) return socket;
    if (!listening) listen(client);
    const abort = new AbortController();
    let timer;
    const later = (run, ms) => {
      timer = setTimeout(run, ms);
    };
    later(() => ask(client, attempt, url, init, abort.signal, later), Math.min(SLOW, openTimeout / 3));
    const stop = () => {
      asked.delete(attempt);
      clearTimeout(timer);
      abort.abort();
    };
    asked.set(attempt, stop);
    const { close } = socket;
    socket.close = () => {
      stop();
      close.call(socket);
    };
    return socket;
  };
}

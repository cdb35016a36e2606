// A stream that does not open may be held back on its way: the core says when (src/core/buffered.rs) the server is asked by a HEAD
// at the same address.
import { go, isStream, request } from "./fetch.js";

// <calls.rs>
const ASK_JOIN = 23,
  ASK_HEAD = 28,
  STREAMING = 54,
  WOULD_STREAM = 55;
// </calls.rs>

/** `name`, if there is an uplink, is the parameter that says which stream it is. Gives what the core asks for. */
export function addBuffered({ port }, name) {
  const { request: whole = request } = port;
  /** What was asked for last. */
  let attempt, url, init, abort;

  async function ask(client) {
    const of = attempt,
      target = new URL(url),
      { signal } = (abort = new AbortController());
    // With it, a server that runs for a HEAD what it runs for a GET would take this for a second stream in the first one's place.
    if (name) target.searchParams.delete(name);
    try {
      // Another answer than a stream's says nothing of one.
      const response = await go(client.fetch, target.href, { ...init, method: "HEAD", cache: "no-store", signal });
      if (isStream(response, {}, client)) client.call(WOULD_STREAM, of);
    } catch {
      // It is the network, then, or not allowed, or redirected away.
    }
  }

  port.request = (client, ...given) => {
    const socket = whole(client, ...given);
    if (!/^(GET)?$/.test(given[2].method ?? "")) return socket;
    [attempt, url, init] = given;
    client.call(STREAMING, attempt);
    const { close } = socket;
    socket.close = () => {
      if (attempt === given[0]) abort?.abort();
      close.call(socket);
    };
    return socket;
  };
  return (client) => ({ [ASK_HEAD - ASK_JOIN]: (of) => void (of ? of === attempt && ask(client) : abort?.abort()) });
}

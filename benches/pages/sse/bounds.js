// What no client that reads by fetch can be faster than, so that a ratio can be told from an impossible one.

/** To fill the browser's cache takes as long as all the reading. */
/** @type {RequestInit} */
const init = { cache: "no-store" };

/** @returns {{ read: (view: Uint8Array) => Promise<any>, cancel: () => void }} */
const byob = ({ body }) => body.getReader({ mode: "byob" });

/** The bytes alone, read in the fastest way that there is, and thrown away. */
export async function reading(url, bytes) {
  const reader = byob(await fetch(url, init));
  let view = new Uint8Array(65_536);
  for (let left = bytes; left > 0; left -= view.length)
    ({ value: view } = await reader.read(new Uint8Array(view.buffer)));
  reader.cancel();
}

/**
 * The least that a client with everwire's API does, and no parser: the places are known, as event n is `size` bytes of
 * ASCII with n for its id (`inputs.mjs` makes them so). The bytes decoded and cut up, a message for each event, the cursor
 * moved, each handler called, none of which may break the stream. What is missing beside the parser: options and resumption.
 */
export async function cutting(url, events, size, handlers) {
  const response = await fetch(url, init);
  const reader = byob(response);
  const origin = new URL(response.url).origin;
  const client = { lastEventId: "", delivered: 0 };
  const deliver = (data, lastEventId) => {
    client.lastEventId = lastEventId;
    client.delivered++;
    const message = { data, type: "message", lastEventId, transport: "fetch", origin };
    for (let i = 0; i < handlers.length; i++) {
      try {
        handlers[i](message);
      } catch (error) {
        reportError(error);
      }
    }
  };
  const decoder = new TextDecoder();
  const idAt = "id: ".length,
    dataAt = "id: \ndata: ".length;
  let view = new Uint8Array(65_536),
    rest = "";
  for (let n = 1; n <= events; ) {
    ({ value: view } = await reader.read(new Uint8Array(view.buffer)));
    const text = rest + decoder.decode(view, { stream: true });
    let at = 0;
    for (; at + size <= text.length; at += size, n++) {
      const digits = n < 10 ? 1 : n < 100 ? 2 : n < 1000 ? 3 : n < 10_000 ? 4 : n < 100_000 ? 5 : 6;
      deliver(text.slice(at + dataAt + digits, at + size - 2), text.slice(at + idAt, at + idAt + digits));
    }
    rest = text.slice(at);
  }
  reader.cancel();
}

// What no client that reads by fetch can be faster than, so that a ratio can be told from an impossible one.

/** To fill the browser's cache takes as long as all the reading. */
const init = { cache: "no-store" };

/** The bytes alone, read in the fastest way that there is, and thrown away. */
export async function reading(url, bytes) {
  const reader = (await fetch(url, init)).body.getReader({ mode: "byob" });
  let view = new Uint8Array(262_144);
  for (let left = bytes; left > 0; left -= view.length) ({ value: view } = await reader.read(new Uint8Array(view.buffer)));
  reader.cancel();
}

/**
 * The same, decoded and cut up, each event given to a listener: all that an app must have, and no parser, as the places are
 * known: event n is `size` bytes of ASCII, with n for its id. `inputs.mjs` makes them so.
 */
export async function cutting(url, events, size, take) {
  const reader = (await fetch(url, init)).body.getReader({ mode: "byob" });
  const decoder = new TextDecoder();
  const idAt = "id: ".length, dataAt = "id: \ndata: ".length;
  let view = new Uint8Array(262_144), rest = "";
  for (let n = 1; n <= events;) {
    ({ value: view } = await reader.read(new Uint8Array(view.buffer)));
    const text = rest + decoder.decode(view, { stream: true });
    let at = 0;
    for (; at + size <= text.length; at += size, n++) {
      const digits = n < 10 ? 1 : n < 100 ? 2 : n < 1000 ? 3 : n < 10_000 ? 4 : n < 100_000 ? 5 : 6;
      take({ data: text.slice(at + dataAt + digits, at + size - 2), type: "message", lastEventId: text.slice(at + idAt, at + idAt + digits) });
    }
    rest = text.slice(at);
  }
  reader.cancel();
}

// A stream of events over HTTP, from the request to the last one, by each client's own public API.
import { fetchEventSource } from "@microsoft/fetch-event-source";
import { createEventSource } from "eventsource-client";
import { connect } from "everwire";
import { alternate } from "./alternate.js";

const clients = {
  everwire(url, take) {
    const wire = connect(url, { codec: "text" });
    wire.on(({ data, lastEventId }) => take(data, lastEventId));
    return () => wire.close();
  },
  "eventsource-client"(url, take) {
    const source = createEventSource({ url, onMessage: ({ data, id }) => take(data, id) });
    return () => source.close();
  },
  "fetch-event-source"(url, take) {
    const abort = new AbortController();
    fetchEventSource(url, { signal: abort.signal, openWhenHidden: true, onmessage: ({ data, id }) => take(data, id) });
    return () => abort.abort();
  },
  "native EventSource"(url, take) {
    const source = new EventSource(url);
    source.onmessage = ({ data, lastEventId }) => take(data, lastEventId);
    return () => source.close();
  },
};

/** Until the last event. Gives a sum over what came. */
function stream(name, url, events) {
  return new Promise((resolve) => {
    let sum = 0, count = 0;
    const close = clients[name](url, (data, id) => {
      sum = (sum * 31 + data.charCodeAt(data.length >> 1) + data.length + id.length) | 0;
      if (++count < events) return;
      resolve(sum);
      close();
    });
  });
}

/** The bytes alone, read and thrown away: what nothing that reads by fetch can be faster than. */
async function read(url, bytes) {
  const reader = (await fetch(url)).body.getReader();
  for (let left = bytes; left > 0;) left -= (await reader.read()).value.length;
  reader.cancel();
}

globalThis.bench = {
  async run(names, url, events, bytes, rounds) {
    const sums = new Set();
    const times = await alternate(names, rounds, async (name) => {
      if (clients[name]) sums.add(await stream(name, url, events));
      else await read(url, bytes);
    });
    if (sums.size !== 1) throw new Error(`${names.join(" and ")} gave different contents`);
    return times;
  },
};

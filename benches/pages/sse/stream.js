// A stream of events over HTTP, from the request to the last one, by each client's own public API.
import { fetchEventSource } from "@microsoft/fetch-event-source";
import { createEventSource } from "eventsource-client";
import { connect } from "everwire";
import { alternate } from "./alternate.js";
import { cutting, reading } from "./bounds.js";

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
  "a client without a parser"(url, take, events, bytes) {
    cutting(url, events, bytes / events, [({ data, lastEventId }) => take(data, lastEventId)]);
    return () => {};
  },
};

/** Until the last event. Gives a sum over what came. */
function stream(name, url, events, bytes) {
  return new Promise((resolve) => {
    let sum = 0,
      count = 0;
    const close = clients[name](
      url,
      (data, id) => {
        sum = (sum * 31 + data.charCodeAt(data.length >> 1) + data.length + id.length) | 0;
        if (++count < events) return;
        resolve(sum);
        close();
      },
      events,
      bytes,
    );
  });
}

/** ms: 200 000 events of the browser's own keep it busy for some time more. */
const PAUSE = 300;

globalThis.bench = {
  async run(names, url, events, bytes, rounds) {
    const sums = new Set();
    const times = await alternate(
      names,
      rounds,
      async (name) => {
        if (clients[name]) sums.add(await stream(name, url, events, bytes));
        else await reading(url, bytes);
      },
      PAUSE,
    );
    if (sums.size !== 1) throw new Error(`${names.join(" and ")} gave different contents`);
    return times;
  },
};

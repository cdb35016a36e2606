// A stream of events over HTTP, from the request to the last one, by each client's own public API.
import { fetchEventSource } from "@microsoft/fetch-event-source";
import { createEventSource } from "eventsource-client";
import { connect } from "everwire";

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

globalThis.bench = {
  run(name, url, events) {
    return new Promise((resolve) => {
      let sum = 0, count = 0;
      const start = performance.now();
      const close = clients[name](url, (data, id) => {
        sum = (sum * 31 + data.charCodeAt(data.length >> 1) + data.length + id.length) | 0;
        if (++count < events) return;
        resolve({ elapsed: performance.now() - start, sum });
        close();
      });
    });
  },
};

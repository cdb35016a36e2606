// The peers, each set up as its documentation says, with delays as everwire has them here where they can be set.
// They know one endpoint. None has storage: each page starts them at what is due then.
import { EventStreamContentType, fetchEventSource } from "@microsoft/fetch-event-source";
import { createEventSource } from "eventsource-client";
import { WebSocket as PartySocket } from "partysocket";
import ReconnectingWebSocket from "reconnecting-websocket";
import { begin, endpoints, option, published, rate, tallyOf } from "../../browser/pages/chaos-tally.js";

const start = published();
const log = option("log");
const address = (more) =>
  `${endpoints[0]}/count?${new URLSearchParams({ begin, rate, to: 1e12, ...(log && { log }), ...more })}`;

/** Gives what is to be called on `open` and with each message's text. `gaveUp` says that it will not try again. */
function peer(name, gaveUp) {
  const tally = tallyOf(name);
  tally.startAfter(start, gaveUp);
  return { open: () => tally.open(endpoints[0]), take: (text) => tally.message(JSON.parse(text).seq) };
}

function socket(Socket, name, resumes) {
  const { open, take } = peer(name);
  let last = start,
    attempts = 0;
  // Without an id a server has nothing to replay from: `log=0`, from now on.
  const url = () => address(attempts++ === 0 || resumes ? { lastEventId: last } : { log: 0 }).replace(/^http/, "ws");
  const socket = new Socket(url, [], {
    minReconnectionDelay: 100,
    maxReconnectionDelay: 1_000,
    connectionTimeout: 2_000,
    minUptime: 500,
  });
  socket.addEventListener("open", open);
  socket.addEventListener("message", ({ data }) => {
    last = JSON.parse(data).eventId;
    take(data);
  });
}

for (const [name, Socket] of [
  ["partysocket", PartySocket],
  ["reconnecting-websocket", ReconnectingWebSocket],
]) {
  socket(Socket, name, false);
  socket(Socket, `${name}, id in the URL`, true);
}

{
  const source = new EventSource(address({ lastEventId: start }));
  const { open, take } = peer("native EventSource", () => source.readyState === EventSource.CLOSED);
  source.onopen = open;
  source.onmessage = ({ data }) => take(data);
}

{
  const { open, take } = peer("fetch-event-source");
  class RetriableError extends Error {}
  class FatalError extends Error {}
  fetchEventSource(address({ lastEventId: start }), {
    openWhenHidden: true,
    async onopen(response) {
      if (response.ok && response.headers.get("content-type")?.startsWith(EventStreamContentType)) open();
      else if (response.status >= 400 && response.status < 500 && response.status !== 429) throw new FatalError();
      else throw new RetriableError();
    },
    onmessage: ({ data }) => take(data),
    onclose() {
      throw new RetriableError();
    },
    onerror(error) {
      if (error instanceof FatalError) throw error;
    },
  });
}

{
  const { open, take } = peer("eventsource-client");
  createEventSource({
    url: address({}),
    initialLastEventId: String(start),
    // Its onConnect is called for a 503 too.
    fetch: async (...request) => {
      const response = await fetch(...request);
      if (response.ok) open();
      return response;
    },
    onMessage: ({ data }) => take(data),
  });
}

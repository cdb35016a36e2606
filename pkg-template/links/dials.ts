// What each transport is dialled by.
import { EventSourceLink } from "./eventsource.ts";
import { Gate } from "./gate.ts";
import { FetchLink } from "./fetch.ts";
import type { Dial } from "./link.ts";
import { WebSocketLink } from "./websocket.ts";

/** With the caller's handshake, if there is one. */
export const websocket: Dial = (port, request) => {
  const link = new WebSocketLink(port, request);
  if (port.handshake) link.receiver = new Gate(port, link);
  return link;
};

export const eventsource: Dial = (port, request) => new EventSourceLink(port, request);

export const fetched: Dial = (port, request) => {
  const link = new FetchLink(port, request);
  link.ask();
  return link;
};

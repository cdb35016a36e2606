// The request of a fetched stream, its end, and the drop-in.
import {
  connect,
  type Client,
  type Cursor,
  type Failure,
  type HttpOptions,
  type Message,
  type RequestContext,
} from "everwire";
import { ErrorEvent as SourceError, EventSource, type EventSourceOptions } from "everwire/eventsource";
import { is } from "./equal.js";

const wire = connect("/v1/chat", {
  transport: "fetch",
  http: {
    method: "POST",
    headers: async (context) => {
      is<RequestContext>()(context);
      is<string>()(context.url);
      return { authorization: `Bearer ${context.reason}` };
    },
    body: JSON.stringify({ prompt: "hi" }),
    credentials: "include",
    mode: "cors",
    redirect: "follow",
    retry: false,
    flush: true,
    maxFailureBody: 10_000,
    fetch,
    cancel: ({ id }) => ({ url: `/v1/chat/${id}`, method: "DELETE" }),
    onComment: (text) => is<string>()(text),
  },
  resume: {
    request: (cursor) => {
      is<Cursor>()(cursor);
      return { method: "GET", url: `/v1/chat/${cursor.id}` };
    },
  },
  until: (message) => {
    is<Message>()(message);
    return message.data === "[DONE]";
  },
  maxEventBytes: 1_000_000,
});
is<Client>()(wire);
is<Promise<boolean>>()(wire.cancel());
wire.addEventListener("retry", ({ failure }) => {
  is<Failure>()(failure);
  is<number>()(failure.status);
  is<string>()(failure.contentType);
  is<string>()(failure.body);
  if (
    failure.code === "http" ||
    failure.code === "content-type" ||
    failure.code === "end" ||
    failure.code === "too-big"
  )
    return;
});

connect("/", {
  http: { headers: [["a", "b"]], body: new URLSearchParams(), cancel: "/stop" },
  resume: { request: () => "/again" },
});
connect("/", { http: { headers: new Headers(), body: () => new FormData(), cancel: async () => {} } });
const options: HttpOptions = { method: "PATCH" };
connect("/", { http: options });
// @ts-expect-error a plain object is no body
connect("/", { http: { method: "POST", body: { prompt: "hi" } } });
// @ts-expect-error an opaque answer cannot be read
connect("/", { http: { mode: "no-cors" } });
// @ts-expect-error an async function has no answer yet
connect("/", { until: async () => true });
// @ts-expect-error not a request
connect("/", { resume: { request: () => 5 } });

const more: EventSourceOptions = {
  withCredentials: true,
  headers: { authorization: "x" },
  method: "POST",
  body: "x",
  reconnect: { maxDelay: 5_000 },
  heartbeat: true,
};
const source = new EventSource("/events", more);
is<number>()(source.readyState);
source.onmessage = (event) => is<MessageEvent>()(event);
source.addEventListener("price", (event) => is<MessageEvent>()(event));
source.addEventListener("open", (event) => is<Event>()(event));
is<2>()(EventSource.CLOSED);
const standard: globalThis.EventSource = source;
source.onerror = ({ code, message, error }) =>
  is<[number?, string?, string?]>()([code, message, error?.code] as [number?, string?, string?]);
source.addEventListener("error", (event) => is<SourceError>()(event));
source.addEventListener("message", (event) => is<MessageEvent>()(event));
source.addEventListener("price", ({ data }) => String(data));
new SourceError("error", { code: 404, message: "gone" });
EventSource satisfies typeof globalThis.EventSource;
standard.close();
// @ts-expect-error a URL is required
new EventSource();

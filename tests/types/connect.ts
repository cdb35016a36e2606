// The forms of an endpoint, and each option.
import {
  batch,
  connect,
  EverwireError,
  version,
  type Batch,
  type Client,
  type Context,
  type Endpoint,
  type Options,
} from "everwire";
import { is } from "./equal.js";

connect("wss://example.com/live");
connect(new URL("https://example.com/live"), { transport: "eventsource" });
connect({ websocket: "wss://example.com/live" });
connect({ sse: new URL("https://example.com/live") });
connect({ websocket: "wss://example.com/live", sse: "/live" });
connect(() => "wss://example.com/live");
connect(async ({ lastEventId }) => new URL(`wss://example.com/live?from=${lastEventId}`));
connect(async (context) => {
  is<Context>()(context);
  is<"initial" | "reconnect" | "unauthorized">()(context.reason);
  const answer = await fetch("/token", { signal: context.signal });
  return { websocket: `wss://example.com/live?token=${await answer.text()}&attempt=${context.attempt}` };
});

// @ts-expect-error an address is required
connect();
// @ts-expect-error not an address
connect(42);
// @ts-expect-error null is not an address
connect(null);
// @ts-expect-error no such transport
connect({ websockets: "wss://example.com/live" });
// @ts-expect-error the function must return an address
connect(() => 42);
// @ts-expect-error the promise must be of an address
connect(async () => undefined);
connect((context) => {
  // @ts-expect-error the context is read-only
  context.attempt = 0;
  return "wss://example.com/live";
});
// @ts-expect-error `connect` is no constructor
new connect("wss://example.com/live");

const endpoint: Endpoint = () => "/live";
is<Client>()(connect(endpoint));
is<string>()(version);

const all: Options = {
  transport: "websocket",
  protocols: ["v2.chat", "v1.chat"],
  binaryType: "blob",
  withCredentials: true,
  events: ["tick"],
  heartbeat: { interval: 30_000, timeout: 5_000, ping: () => new Uint8Array([9]), isPong: (data) => data === "pong" },
  reconnect: {
    initialDelay: 0,
    maxDelay: 30_000,
    factor: 2,
    jitter: "equal",
    maxAttempts: 5,
    stableAfter: 0,
    maxServerDelay: 0,
  },
  resume: { id: "meta.id", via: "query", name: "from", from: "12", gap: "gap" },
  outbox: { maxMessages: 10, maxBytes: 1_000, overflow: "drop-oldest" },
  codec: { decode: (data) => (typeof data === "string" ? data : null), encode: (value) => String(value) },
  openTimeout: 5_000,
  shouldReconnect: (failure) => (failure.closeCode === 4000 ? false : undefined),
  pageLifecycle: false,
  signal: new AbortController().signal,
};
connect("/live", all);
connect("/live", {});
connect("/live", { reconnect: false, heartbeat: true, codec: "text", protocols: "chat" });
connect("/live", { protocols: async ({ attempt }) => [`attempt.${attempt}`] });
const names = ["tick", "tock"] as const;
connect("/live", { protocols: names, events: names });
connect("/live", { resume: { id: (message) => message.data.id } });
connect("/live", { resume: { id: () => null } });
connect("/live", { resume: { id: () => 12 } });

// @ts-expect-error misspelt
connect("/live", { heartBeat: true });
// @ts-expect-error misspelt
connect("/live", { reconnect: { initialdelay: 1_000 } });
// @ts-expect-error misspelt
connect("/live", { resume: { eventId: "id" } });
connect("wss://example.com", {
  handshake: async ({ send, receive, id, seq }) => {
    send({ id, seq });
    is<string>()((await receive()).type);
  },
});
// @ts-expect-error it gets one argument
connect("wss://example.com", { handshake: (_connection, _more) => {} });
connect("/live", { outbox: { ack: true, inFlight: 4, maxAttempts: 2, highWaterMark: 1_000 } });
connect("/live", { outbox: { ack: { id: "key", match: ({ data }) => (data as { ids: string[] }).ids } } });
connect("/live", { outbox: { ack: { id: ({ key }: { key: number }) => key, match: () => undefined } } });
// @ts-expect-error misspelt
connect("/live", { outbox: { max: 10 } });
connect("/live", { transport: "fetch" });
// @ts-expect-error no such jitter
connect("/live", { reconnect: { jitter: "decorrelated" } });
// @ts-expect-error no such way
connect("/live", { resume: { via: "cookie" } });
// @ts-expect-error an id is a string, a number or nothing
connect("/live", { resume: { id: () => ({}) } });
// @ts-expect-error no such overflow
connect("/live", { outbox: { overflow: "block" } });
// @ts-expect-error no such codec
connect("/live", { codec: "msgpack" });
// @ts-expect-error a codec has both ways
connect("/live", { codec: { decode: (data: unknown) => data } });
connect("/live", { codec: { decode: async (data) => batch([data]), encode: String } });
const several = (given: Batch) => connect("/live", { codec: { decode: () => given, encode: String } });
several(batch([{ a: 1 }, "two"]));
// @ts-expect-error an array is no batch
several([1]);
// @ts-expect-error an array, not a text of letters
batch("text");
// @ts-expect-error a controller is not its signal
connect("/live", { signal: new AbortController() });
// @ts-expect-error one name is not a list
connect("/live", { events: "tick" });
// @ts-expect-error a time is a number
connect("/live", { openTimeout: "10s" });
// @ts-expect-error decides at once
connect("/live", { shouldReconnect: async () => true });
connect("/live", { shouldReconnect: ({ status }) => (status === 403 ? "unauthorized" : undefined) });
// @ts-expect-error: no such word.
connect("/live", { shouldReconnect: () => "unauthorised" });

connect("/live", { heartbeat: false });
connect("/live", { heartbeat: {} });
connect("/live", { heartbeat: { ping: "ping" } });
connect("/live", { heartbeat: { ping: new ArrayBuffer(1) } });
// @ts-expect-error a number alone does not say which time
connect("/live", { heartbeat: 30_000 });
// @ts-expect-error an object is no frame
connect("/live", { heartbeat: { ping: { type: "ping" } } });
// @ts-expect-error a frame is made at once
connect("/live", { heartbeat: { ping: async () => "ping" } });
// @ts-expect-error answers yes or no
connect("/live", { heartbeat: { isPong: () => "pong" } });
// @ts-expect-error misspelt
connect("/live", { heartbeat: { every: 30_000 } });

try {
  connect("/live");
} catch (error) {
  if (error instanceof EverwireError) {
    const known: boolean =
      error.code === "invalid-option" || error.code === "wasm-unavailable" || error.code === "half-open";
    // @ts-expect-error no such code
    const unknown: boolean = error.code === "no-such-code";
    is<"EverwireError">()(error.name);
    void [known, unknown];
  }
}

// everwire/duplex: the same client, with requests and subscriptions.
import {
  connect,
  RequestError,
  SubscriptionError,
  type Client,
  type Duplex,
  type GapEvent,
  type Message,
  type Subscription,
} from "everwire/duplex";
import { is } from "./equal.js";

type Events = { price: { n: number } };
const wire = connect<Events>("/live", {
  requests: { id: "rid", replyId: "re", error: "fault", timeout: 500, onLoss: "retry" },
  heartbeat: true,
});
is<Duplex<Events>>()(wire);
const client: Client<Events> = wire;
client.close();

export async function ask() {
  const { data } = await wire.request<{ value: number }>(
    { type: "get" },
    { timeout: 100, signal: AbortSignal.timeout(9), priority: true },
  );
  is<number>()(data.value);
  is<Message<string, any>>()(await wire.request({}));
  // @ts-expect-error an object
  await wire.request("text");
  // @ts-expect-error misspelt
  await wire.request({}, { timeOut: 5 });
}

export function why(error: unknown) {
  if (error instanceof RequestError) return error.reply?.data;
  // An app's own tests make some.
  return new RequestError("timeout");
}

connect("/live", {
  outbox: {
    ack: true,
    inFlight: 4,
    persist: {
      key: "k",
      storage: localStorage,
      restored: async (_message, outcome) => is<string>()((await outcome).status as string),
    },
  },
});
// @ts-expect-error no key
connect("/live", { outbox: { ack: true, persist: {} } });

// @ts-expect-error no such way
connect("/live", { requests: { onLoss: "ignore" } });

type Room = { chat: { text: string }; typing: { who: string } };
const talk = connect("/live", {
  subscriptions: {
    topic: ({ data }) => data.room,
    id: "meta.id",
    seq: ({ data }) => data.n,
    joined: "in",
    refused: ({ data }) => data.no,
    gap: "lost",
    timeout: 9,
    confirm: false,
  },
});

export async function topics() {
  const room = talk.subscribe<Room>("room:7", {
    join: ({ topic, lastEventId }) => ({ topic, lastEventId }),
    leave: false,
    lastEventId: "5",
    signal: AbortSignal.timeout(9),
  });
  is<Subscription<Room>>()(room);
  is<"joining" | "joined" | "left">()(room.state);
  await room.ready();
  const off: () => void = room.on("chat", ({ data }) => is<string>()(data.text), { once: true });
  off();
  room.on((message) => (message.type === "chat" ? message.data.text : message.data.who));
  for await (const message of room) if (message.type === "typing") is<string>()(message.data.who);
  is<Subscription<Events>>()(wire.subscribe("a"));
  using scoped = wire.subscribe("b");
  is<string>()(scoped.topic + scoped.lastEventId);
  talk.addEventListener("gap", (event) => {
    is<GapEvent>()(event);
    is<string | undefined>()(event.topic);
  });
  // @ts-expect-error a name
  talk.subscribe(7);
  // @ts-expect-error true is none
  talk.subscribe("a", { leave: true });
  // @ts-expect-error nobody's
  room.on("price", () => {});
}

export function whyNot(error: unknown) {
  if (error instanceof SubscriptionError) return error.reply?.data;
  return new SubscriptionError("left");
}

// @ts-expect-error misspelt
connect("/live", { subscriptions: { confirmed: true } });

connect({
  websocket: "wss://a",
  sse: new URL("https://a"),
  uplink: async ({ reason, signal }) => {
    is<"initial" | "reconnect" | "unauthorized">()(reason);
    return signal.aborted ? "/x" : new URL("https://a");
  },
});
connect(async () => ({ sse: "/live", uplink: "/up" }), {
  fallback: { order: ["websocket", "fetch", "eventsource", "poll"], failures: 1, early: 2, remember: "a" },
  longPoll: { wait: 9, name: "p" },
});
connect("/live", { uplink: "/up", fallback: false, longPoll: true });
connect("/live", { uplink: { url: () => "/up", name: false, maxMessages: 1, maxBytes: 2, timeout: 3 } });
// @ts-expect-error no such way
connect("/live", { fallback: { order: ["carrier"] } });
// @ts-expect-error misspelt
connect("/live", { uplink: { address: "/up" } });

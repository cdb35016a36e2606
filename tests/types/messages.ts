// What the server says: `on` and `for await`, typed by the event map.
import { connect, type AnyMessage, type Client, type Message, type Transport } from "everwire";
import { is } from "./equal.js";

type Chat = { from: string; text: string };
type Events = { chat: Chat; price: number; message: string };
interface DeclaredEvents {
  chat: Chat;
}

const wire = connect<Events>("wss://example.com/live");

const off: () => void = wire.on("price", (message) => {
  is<Message<"price", number>>()(message);
  is<number>()(message.data);
  is<"price">()(message.type);
  is<string>()(message.lastEventId);
  is<Transport>()(message.transport);
  is<string>()(message.origin);
  // @ts-expect-error a message is read-only
  message.data = 1;
});
off();
wire.on("chat", ({ data }) => data.text.toUpperCase(), { once: true, signal: new AbortController().signal });
wire.on("chat", async (message) => {
  await Promise.resolve(message.data.from);
});

// @ts-expect-error the map has no such type
wire.on("prize", () => {});
// @ts-expect-error a life-cycle event is not a message
wire.on("statechange", () => {});
// @ts-expect-error the data is a number
wire.on("price", (message) => message.data.text);
// @ts-expect-error a handler for other data
wire.on("price", (message: Message<"price", string>) => message);
// @ts-expect-error misspelt
wire.on("price", () => {}, { onec: true });
// @ts-expect-error a handler is required
wire.on("price");
// @ts-expect-error an off is a function
wire.on("price", () => {}).off();

wire.on((message) => {
  is<AnyMessage<Events>>()(message);
  is<"chat" | "price" | "message">()(message.type);
  if (message.type === "chat") is<Chat>()(message.data);
  else if (message.type === "price") is<number>()(message.data);
  else is<string>()(message.data);
  // @ts-expect-error not narrowed
  message.data.text;
  // @ts-expect-error the map has no such type
  if (message.type === "prize") return;
});
wire.on(() => {}, { once: true });

export async function pull() {
  for await (const message of wire) {
    is<AnyMessage<Events>>()(message);
    switch (message.type) {
      case "chat":
        is<Chat>()(message.data);
        break;
      case "price":
        is<number>()(message.data);
        break;
      case "message":
        is<string>()(message.data);
        break;
      default:
        is<never>()(message);
    }
  }
  const iterator = wire[Symbol.asyncIterator]();
  const { value, done } = await iterator.next();
  if (!done) is<AnyMessage<Events>>()(value);
  await iterator.return?.();
}

// Without a map: any type, any data.
const loose = connect("/live");
is<Client>()(loose);
loose.on("anything", (message) => {
  is<any>()(message.data);
  is<"anything">()(message.type);
});
loose.on((message) => {
  is<string>()(message.type);
  message.data.whatever.it.is;
});
// @ts-expect-error a type is a string
loose.on(42, () => {});

// An interface is a map as a type alias is.
connect<DeclaredEvents>("/live").on("chat", (message) => is<Chat>()(message.data));

// @ts-expect-error a map is an object
connect<string>("/live");

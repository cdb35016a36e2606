// everwire/duplex: the same client, with requests.
import { connect, RequestError, type Client, type Duplex, type Message } from "everwire/duplex";
import { is } from "./equal.js";

type Events = { price: { n: number } };
const wire = connect<Events>("/live", { requests: { id: "rid", replyId: "re", error: "fault", timeout: 500, onLoss: "retry" }, heartbeat: true });
is<Duplex<Events>>()(wire);
const client: Client<Events> = wire;
client.close();

export async function ask() {
  const { data } = await wire.request<{ value: number }>({ type: "get" }, { timeout: 100, signal: AbortSignal.timeout(9), priority: true });
  is<number>()(data.value);
  is<Message<string, any>>()(await wire.request({}));
  // @ts-expect-error an object
  await wire.request("text");
  // @ts-expect-error misspelt
  await wire.request({}, { timeOut: 5 });
}

export function why(error: unknown) {
  if (error instanceof RequestError) return error.reply?.data;
  // @ts-expect-error it is not made by hand
  return new RequestError("timeout");
}

connect("/live", { outbox: { ack: true, inFlight: 4, persist: { key: "k", storage: localStorage, restored: async (message, outcome) => is<string>()((await outcome).status as string) } } });
// @ts-expect-error no key
connect("/live", { outbox: { ack: true, persist: {} } });

// @ts-expect-error no such way
connect("/live", { requests: { onLoss: "ignore" } });

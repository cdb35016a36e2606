// What the connection does: its events, its state, send and close.
import {
  ClosedEvent,
  connect,
  Failure,
  GapEvent,
  OpenEvent,
  RetryEvent,
  type Client,
  type EverwireError,
  type SendResult,
  type Stats,
} from "everwire";
import { is } from "./equal.js";

const wire = connect("/live");

wire.addEventListener("open", (event) => is<OpenEvent>()(event));
wire.addEventListener("statechange", function (event) {
  is<Event>()(event);
  is<Client>()(this);
});
wire.addEventListener("retry", (event) => {
  is<RetryEvent>()(event);
  is<Failure>()(event.failure);
  is<number>()(event.retryAt);
  is<"retriable" | "fatal" | "reauth" | "ended">()(event.failure.class);
  // @ts-expect-error no such failure
  if (event.failure.code === "timeout") return;
});
wire.addEventListener("gap", (event) => {
  is<GapEvent>()(event);
  is<"gap" | "unknown">()(event.outcome);
  is<string>()(event.after);
});
wire.addEventListener(
  "close",
  (event) => {
    is<ClosedEvent>()(event);
    is<"app" | "aborted" | "unloaded" | "ended" | "fatal" | "exhausted" | "internal">()(event.reason);
    is<EverwireError | null>()(event.error);
  },
  { once: true },
);
const listener = (event: RetryEvent) => {
  is<number>()(event.delay);
};
wire.addEventListener("retry", listener);
wire.removeEventListener("retry", listener);
wire.addEventListener("close", { handleEvent: (event) => is<ClosedEvent>()(event) });
wire.addEventListener("close", null);
// @ts-expect-error messages go to on()
wire.addEventListener("message", () => {});
// @ts-expect-error no such event
wire.addEventListener("error", () => {});
// @ts-expect-error no such event
wire.addEventListener("disconnect", { handleEvent() {} });
// @ts-expect-error misspelt
wire.removeEventListener("statechanged", () => {});
// @ts-expect-error there is no such handler
wire.onmessage = () => {};
// The app's own.
(wire as EventTarget).addEventListener("mine", () => {});

// @ts-expect-error a gap has no retryAt
wire.addEventListener("gap", (event) => event.retryAt);
// @ts-expect-error the event of another type
wire.addEventListener("open", listener);
wire.addEventListener("retry", (event) => {
  // @ts-expect-error the events are read-only
  event.delay = 0;
});
// @ts-expect-error a listener is required
wire.addEventListener("open");
const target: EventTarget = wire;
const shown: { state: string; url: string } = wire.toJSON();
void shown;
target.addEventListener("open", () => {});

is<"connecting" | "open" | "waiting" | "suspended" | "closed">()(wire.state);
is<0 | 1 | 2 | 3>()(wire.readyState);
is<number | null>()(wire.retryAt);
is<Failure | null>()(wire.lastFailure);
is<"websocket" | "eventsource" | "fetch" | null>()(wire.transport);
is<Stats>()(wire.stats());
is<number | null>()(wire.stats().roundTrip);
// @ts-expect-error read-only
wire.state = "open";
// @ts-expect-error no such state
if (wire.state === "reconnecting") wire.reconnect();

export async function send() {
  is<SendResult>()(await wire.send({ type: "chat" }));
  await wire.send("text");
  await wire.send(new Uint8Array(1));
  const { status, code } = await wire.send(new Blob());
  await wire.send(
    { n: 1 },
    { ttl: 500, signal: AbortSignal.timeout(9), priority: true, volatile: true, confirm: "pong", ack: false },
  );
  await wire.drained();
  is<"sent" | "acked" | "unknown" | "dropped">()(status);
  is<"overflow" | "too-big" | "closed" | "no-uplink" | "refused" | "expired" | "aborted" | "volatile" | undefined>()(
    code,
  );
  // @ts-expect-error no such confirmation
  await wire.send("text", { confirm: "ack" });
  // @ts-expect-error no such status
  if (status === "failed") return;
  // @ts-expect-error a message is required
  await wire.send();
  is<void>()(await wire.opened());
}

wire.close();
wire.close(4000, "bye");
// @ts-expect-error a code is a number
wire.close("bye");
wire[Symbol.dispose]();

export function scoped() {
  using scopedWire = connect("/live");
  return scopedWire.state;
}

// An app's own tests make failures and events.
const failure = new Failure("closed", { class: "fatal", closeCode: 4403, closeReason: "why", cause: 5 });
is<Failure>()(new Failure("half-open"));
is<RetryEvent>()(new RetryEvent("retry", { attempt: 2, delay: 5, retryAt: 7, failure }));
is<GapEvent>()(new GapEvent("gap", { outcome: "gap", after: "3", before: "9", missing: { from: 4, to: 8 } }));
is<GapEvent>()(new GapEvent("gap"));
is<ClosedEvent>()(new ClosedEvent("close", { reason: "fatal", code: 4403, wasClean: true, error: failure }));
// @ts-expect-error no such failure
new Failure("timeout");
// @ts-expect-error of what
new RetryEvent("retry");
wire.addEventListener("open", ({ status, headers }) => {
  is<number>()(status);
  is<Headers | null>()(headers);
});
is<OpenEvent>()(new OpenEvent("open"));
is<OpenEvent>()(new OpenEvent("open", { status: 200, headers: new Headers() }));
// @ts-expect-error no such event
new GapEvent("close");
// @ts-expect-error misspelt
new ClosedEvent("close", { cause: failure });

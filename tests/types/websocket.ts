// The drop-in WebSocket is the standard's, with a third argument.
import { WebSocket, type WebSocketOptions } from "everwire/websocket";
import { is } from "./equal.js";

const options: WebSocketOptions = {
  heartbeat: { interval: 10_000, ping: "ping", isPong: (data) => data === "pong" },
  openTimeout: 5_000,
  backoff: { initialDelay: 500, maxDelay: 10_000, factor: 1.5, jitter: "equal", stableAfter: 1_000 },
  reconnect: { maxDelay: 10_000, maxAttempts: 3 },
  pageLifecycle: false,
};
const socket = new WebSocket("wss://example.com/live", ["a", "b"], options);
new WebSocket(new URL("https://example.com/live"), "a", { heartbeat: true, backoff: false, reconnect: true });
const state: number = socket.readyState;
is<BinaryType>()(socket.binaryType);
socket.onmessage = (event) => is<MessageEvent>()(event);
socket.onclose = ({ code, reason, wasClean }) =>
  is<[number, string, boolean]>()([code, reason, wasClean] as [number, string, boolean]);
socket.addEventListener("close", (event) => is<CloseEvent>()(event));
socket.send(new Uint8Array(1));
is<3>()(WebSocket.CLOSED);

const standard: globalThis.WebSocket = socket;
standard.close(1000, "bye");
// In the places that libraries have for it.
const polyfill: typeof globalThis.WebSocket = WebSocket;
globalThis.WebSocket = WebSocket;
class Watched extends WebSocket {
  constructor(url: string | URL, protocols?: string | string[]) {
    super(url, protocols, { heartbeat: true });
  }
}
is<Watched>()(new Watched("/live"));
const held: WebSocket = new polyfill("/live");

// @ts-expect-error a URL is required
new WebSocket();
// @ts-expect-error a planned change would put another connection in this one's place
new WebSocket("/live", [], { reconnect: { maxAge: 1_000 } });
// @ts-expect-error not an option of the wait between objects
new WebSocket("/live", [], { backoff: { maxAttempts: 3 } });
// @ts-expect-error
new WebSocket("/live", [], { resume: {} });
export { held, state };

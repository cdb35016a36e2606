import { REFUSED } from "../port/address.ts";
import type { Port } from "../port/port.ts";
import { task } from "../port/turn.ts";
import { Connection } from "./connection.ts";
import type { Link, Request } from "./link.ts";

// <calls.rs>
const LOST_NETWORK = 1006;
// </calls.rs>

export class WebSocketLink extends Connection implements Link {
  declare readonly socket: WebSocket;

  /** `given`: the drop-in has its own look at it. */
  constructor(port: Port, request: Request, given?: WebSocket) {
    super(port, request);
    // The constructor is looked up now.
    const socket = (this.socket = given ?? new WebSocket(this.to.url, request.protocols ?? []));
    // One that Chromium refuses is closed from the beginning; WebKit tells it by `error` alone.
    if (socket.readyState === 3) throw new Error(REFUSED);
    // Else `close` says all there is to say; the npm package `ws` throws when nobody listens.
    let ended = false;
    socket.onerror = async () => {
      await task();
      if (!ended && socket.readyState === 3) port.lost(this, LOST_NETWORK);
    };
    socket.binaryType = port.binaryType;
    this.on(socket, "message", (event: MessageEvent) => this.receiver.message(event.data, this.when(event)));
    this.onOpen(socket);
    this.on(socket, "close", ({ code, reason }: CloseEvent) => {
      ended = true;
      // Below 1000 no server may say one (RFC 6455, 7.4.2), but browsers pass it on; the core's own words are there.
      port.inOrder(() => port.lost(this, code > 999 ? code : LOST_NETWORK, 0, reason));
    });
  }

  close(code?: number, reason?: string) {
    super.close();
    this.receiver.released?.();
    // close(undefined) is a code to some browsers.
    code ? this.socket.close(code, reason) : this.socket.close();
  }
}

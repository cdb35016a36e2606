// Socket.IO takes no class: it looks at globalThis when it is imported, so the class stands there before.
import { made } from "./replace.js";
import { io } from "socket.io-client";

export function start(url) {
  const socket = io(url.replace("ws", "http"), {
    transports: ["websocket"],
    reconnectionDelay: 20,
    reconnectionDelayMax: 50,
  });
  return {
    made,
    /** An event is acknowledged; one that was not is sent again. */
    async works(n) {
      for (;;) {
        try {
          return (await socket.timeout(500).emitWithAck("echo", n)) === n;
        } catch {
          /* The connection was dropped meanwhile. */
        }
      }
    },
    stop: () => socket.close(),
  };
}

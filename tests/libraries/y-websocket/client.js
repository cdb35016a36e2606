// The class is given as `WebSocketPolyfill`.
import { WebsocketProvider } from "y-websocket";
import { Doc } from "yjs";
import { counting } from "../counting.js";

const { Class, made } = counting();

export function start(url) {
  const doc = new Doc();
  const map = doc.getMap("shared");
  const provider = new WebsocketProvider(url, "room", doc, { WebSocketPolyfill: Class, disableBc: true });
  return {
    made,
    /** What is written here comes back from the other one. What was written while there was no connection is synced. */
    async works(n) {
      map.set("client", n);
      while (map.get("server") !== n) await new Promise((resolve) => setTimeout(resolve, 5));
      return true;
    },
    stop: () => provider.destroy(),
  };
}

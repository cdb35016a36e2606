// everwire's class as a library gets it: with options, which no library passes on, and counted.
import { WebSocket } from "everwire/websocket";

/** Twenty drops in a row are backed off up to 30 s by default; here the cap is lower. */
const backoff = { initialDelay: 100, maxDelay: 300 };

export function counting(options) {
  let count = 0;
  class Class extends WebSocket {
    constructor(url, protocols) {
      super(url, protocols, { backoff, ...options });
      count += 1;
    }
  }
  return { Class, made: () => count };
}

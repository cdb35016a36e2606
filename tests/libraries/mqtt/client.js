// The class is made by `createWebsocket`. The broker keeps the session (`clean: false`): else what is published after a
// reconnect may overtake the new subscription.
import mqtt from "mqtt";
import { counting } from "../counting.js";

const { Class, made } = counting();

export function start(url) {
  const client = mqtt.connect(url, {
    createWebsocket: (address, protocols) => new Class(address, protocols),
    reconnectPeriod: 20,
    clientId: "everwire",
    clean: false,
  });
  let heard;
  client.on("message", (_topic, payload) => {
    heard = Number(String(payload));
  });
  client.on("error", () => {});
  const subscribed = client.subscribeAsync("echo", { qos: 1 });
  return {
    made,
    /** A message of quality 1, at least once, goes to the broker and comes back by the subscription. */
    async works(n) {
      // mqtt.js sends what is published before it connects ahead of the subscription.
      await subscribed;
      await client.publishAsync("echo", String(n), { qos: 1 });
      while (heard !== n) await new Promise((resolve) => setTimeout(resolve, 5));
      return true;
    },
    stop: () => client.end(true),
  };
}

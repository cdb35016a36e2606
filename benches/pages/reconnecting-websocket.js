import WebSocket from "reconnecting-websocket";
import { contest } from "./bench.js";

contest(
  (url, handler, json) =>
    new Promise((resolve) => {
      const socket = new WebSocket(url);
      socket.onmessage = json ? (event) => handler(JSON.parse(event.data)) : (event) => handler(event.data);
      socket.onopen = () => resolve({ start: () => socket.send("go"), close: () => socket.close() });
    }),
);

import { docs, setupWSConnection } from "@y/websocket-server/utils";
import { WebSocketServer } from "ws";
import { serve } from "../server.mjs";

export const start = () =>
  serve((http) => {
    const server = new WebSocketServer({ server: http });
    server.on("connection", (socket, request) => {
      setupWSConnection(socket, request);
      const doc = docs.get("room");
      if (doc.answers) return;
      doc.answers = true;
      // The other one who writes.
      const map = doc.getMap("shared");
      map.observe(() => {
        if (map.get("client") !== map.get("server")) map.set("server", map.get("client"));
      });
    });
    // The documents are the module's: the next browser begins with an empty one.
    return { open: () => server.clients.size, stop: () => docs.clear() };
  });

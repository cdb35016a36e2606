import { randomUUID } from "node:crypto";
import { docs, setupWSConnection } from "@y/websocket-server/utils";
import { WebSocketServer } from "ws";
import { serve } from "../server.mjs";

export const start = () =>
  serve((http) => {
    // The documents are the module's: each browser has its own.
    const docName = randomUUID();
    const server = new WebSocketServer({ server: http });
    server.on("connection", (socket, request) => {
      setupWSConnection(socket, request, { docName });
      const doc = docs.get(docName);
      if (doc.answers) return;
      doc.answers = true;
      // The other one who writes.
      const map = doc.getMap("shared");
      map.observe(() => {
        if (map.get("client") !== map.get("server")) map.set("server", map.get("client"));
      });
    });
    return { open: () => server.clients.size, stop: () => docs.delete(docName) };
  });

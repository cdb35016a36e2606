import { Aedes } from "aedes";
import { WebSocketServer, createWebSocketStream } from "ws";
import { serve } from "../server.mjs";

export const start = () =>
  serve(async (http) => {
    const broker = await Aedes.createBroker();
    const server = new WebSocketServer({ server: http });
    server.on("connection", (socket, request) => {
      const stream = createWebSocketStream(socket);
      stream.on("error", () => {});
      broker.handle(stream, request);
    });
    return { open: () => broker.connectedClients, stop: () => new Promise((resolve) => broker.close(resolve)) };
  });

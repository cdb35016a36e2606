import { Server } from "socket.io";
import { serve } from "../server.mjs";

export const start = () =>
  serve((http) => {
    const server = new Server(http, { transports: ["websocket"], pingInterval: 500, pingTimeout: 500 });
    server.on("connection", (socket) => socket.on("echo", (n, answer) => answer(n)));
    return { open: () => server.engine.clientsCount, stop: () => server.close() };
  });

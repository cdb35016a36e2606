// Sockets of a class that a test is about: closed when it ends, and watched.
import { after } from "./harness.js";

/** A socket and what it told, in order: `[type, readyState]`, and of `close` its code, reason and wasClean. */
export function open(Class, url, ...rest) {
  const socket = new Class(url, ...rest);
  after(() => socket.close());
  const seen = { events: [], messages: [], closes: [] };
  for (const type of ["open", "error", "close"])
    socket.addEventListener(type, () => seen.events.push([type, socket.readyState]));
  socket.addEventListener("message", (event) => seen.messages.push(event));
  socket.addEventListener("close", ({ code, reason, wasClean }) => seen.closes.push([code, reason, wasClean]));
  Object.defineProperty(seen, "data", { get: () => seen.messages.map(({ data }) => data) });
  return [socket, seen];
}

export const opened = (socket) =>
  new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve, { once: true });
    socket.addEventListener("close", () => reject(new Error("closed before it opened")), { once: true });
  });

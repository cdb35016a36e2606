// Sockets of a class that a test is about: closed when it ends, and watched.
import { after } from "./harness.js";

/** A socket and what it told, in order: `[type, readyState]`, and of `close` its code, reason and wasClean. */
export function open(Class, url, ...rest) {
  const socket = new Class(url, ...rest);
  after(() => socket.close());
  /** @type {{ events: any[], messages: any[], closes: any[], data: any[] }} */
  const seen = {
    events: [],
    messages: [],
    closes: [],
    get data() {
      return seen.messages.map(({ data }) => data);
    },
  };
  for (const type of ["open", "error", "close"])
    socket.addEventListener(type, () => seen.events.push([type, socket.readyState]));
  socket.addEventListener("message", (event) => seen.messages.push(event));
  socket.addEventListener("close", ({ code, reason, wasClean }) => seen.closes.push([code, reason, wasClean]));
  return [socket, seen];
}

/** @returns {Promise<Event>} */
export const opened = (socket) =>
  new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve, { once: true });
    socket.addEventListener("close", () => reject(new Error("closed before it opened")), { once: true });
  });

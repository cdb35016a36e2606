// The frames of the heartbeat.
import { type Value, decodeJson } from "./message.ts";

/** The server's own ping answers nothing. */
export const SERVERS_PING = 2;

export const pingOf = () => `{"type":"ping","timestamp":${Date.now()}}`;

export function isHeartbeat(data: Value) {
  // The regular expression spares most messages the parse.
  if (typeof data !== "string" || data.length > 256 || !/"p[io]ng"/.test(data)) return false;
  const type = decodeJson(data)?.type;
  return type === "ping" ? SERVERS_PING : type === "pong";
}

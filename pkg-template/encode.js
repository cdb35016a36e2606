import { EverwireError } from "./errors.js";
import { isBytes } from "./port/message.ts";

/** Of any realm: a client in a frame may be given the page's own. */
const isBlob = (value) => /(Blob|File)\]$/.test(Object.prototype.toString.call(value));
/** Made at once: in a frame that was removed Chromium has none to give. */
const encoder = new TextEncoder();
export const isRaw = (value) => typeof value === "string" || isBytes(value) || isBlob(value);

/** Strings and bytes as they are, everything else by the codec. */
export function encode(message, settings) {
  let payload = message;
  let cause;
  if (!isRaw(message)) {
    if (typeof message?.then === "function")
      throw new EverwireError("encode", "send: await the promise, and send what it gives");
    try {
      payload = (settings.codec.encode ?? JSON.stringify)(message);
    } catch (error) {
      cause = error;
      payload = undefined;
    }
    if (!isRaw(payload)) {
      throw new EverwireError("encode", "send: the codec cannot encode this message", cause);
    }
  }
  return payload;
}

export function byteLength(payload) {
  if (typeof payload === "string") return encoder.encode(payload).length;
  return payload.byteLength ?? payload.size;
}

/** A queued buffer may be reused by the app before it is sent; a socket would have copied it at once. */
export function snapshot(payload) {
  if (ArrayBuffer.isView(payload))
    return payload.buffer.slice(payload.byteOffset, payload.byteOffset + payload.byteLength);
  return isBytes(payload) ? payload.slice(0) : payload;
}

/** What names in a storage begin with, by the app's key: nothing in a key can stand for the blank or the newline behind it. */
const part = (key) => key.replace(/[%\s]/g, encodeURIComponent);
export const placesOf = (key) => `everwire ${part(key)} `;
export const outboxOf = (key) => `everwire-outbox ${part(key)}\n`;

/** An id that nobody can guess, also not from earlier ones. No `randomUUID`: a page by http has none. */
export const freshId = () => crypto.getRandomValues(new Uint32Array(4)).join("-");

const UNNAMED = "send: no id to ack: send an object, set outbox.ack.id to a function, or ack: false";

/**
 * The message with an id that the server can ack, that id (its own, or a new one), and whether it is new. Else it is what it was: for JSON, which may make
 * something else of it, and for a codec of the app's, which may know it by its prototype.
 */
export function identify(message, { id, codec }, problem = UNNAMED) {
  const keyed = typeof id === "string";
  if (keyed && codec === "json" && !isRaw(message)) message = JSON.parse(encode(message, { codec: {} }));
  const own = keyed ? message?.[id] : id(message);
  if (typeof own === "string" || Number.isSafeInteger(own)) return [message, String(own)];
  if (
    !keyed ||
    own !== undefined ||
    isRaw(message) ||
    typeof message !== "object" ||
    !message ||
    Array.isArray(message) ||
    // Nobody knows whether the codec uses it.
    typeof message.toJSON === "function"
  ) {
    throw new EverwireError("encode", problem);
  }
  const made = freshId();
  return [{ __proto__: Object.getPrototypeOf(message), ...message, [id]: made }, made, true];
}

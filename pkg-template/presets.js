// What two well-known servers expect, in terms of the options that everybody has.
import { Batch, decodeJson } from "./port/message.ts";
import { invalid } from "./errors.js";
import { CODECS, SILENT, needsJson } from "./options.js";

/**
 * nchan (1.3.6 was tried). Over WebSocket its subprotocol `ws+meta.nchan` puts `id: …`, `content-type: …` and a blank
 * line before each message, text or binary.
 */
export function nchan(options = {}) {
  const { codec = "json", resume, protocols, ...rest } = check(options);
  if (protocols !== undefined)
    throw invalid('protocols: nchan speaks "ws+meta.nchan", and it must be the only one offered. Leave it out');
  if (resume?.id !== undefined) throw invalid("resume.id: nchan has ids of its own, and knows no others. Leave it out");
  if (
    typeof codec === "string" ? !Object.hasOwn(CODECS, codec) : !isFunction(codec?.decode) || !isFunction(codec.encode)
  ) {
    throw invalid('codec must be one of "json", "text", "binary", or { decode, encode }');
  }
  if (typeof resume?.seq === "string") needsJson("resume.seq", codec);
  const { decode = decodeJson, encode = codec === "binary" ? () => undefined : JSON.stringify } =
    CODECS[codec] ?? codec;
  if (rest.binaryType === "blob")
    throw invalid('binaryType must be "arraybuffer" with nchan: the id stands in the bytes');
  // Of the frame that is looked at; and how many of its messages the id has not been asked for: it is the last one's.
  let id, left;
  const given = (made, own) => {
    id = own;
    left = made instanceof Batch ? made.messages.length : 1;
    return made;
  };
  return {
    ...rest,
    protocols: "ws+meta.nchan",
    [SILENT]:
      "heartbeat: nchan closes (1008) or broadcasts when a subscriber sends a ping. Leave it out, or say ping: false where messages come at least every interval",
    codec: {
      decode(data, transport) {
        const { head, body } = transport === "websocket" ? split(data) : { head: "", body: data },
          own = /^id: (.*)$/m.exec(head)?.[1],
          made = decode(body, transport);
        if (!isFunction(made?.then)) return given(made, own);
        // Others are decoded meanwhile: the id is set when this one has its turn, and is asked for.
        // biome-ignore lint/suspicious/noThenProperty: it is to be asked when it is awaited, not before.
        return { then: (resolve, reject) => made.then((data) => resolve(given(data, own)), reject) };
      },
      encode,
    },
    resume: { name: "last_event_id", id: () => (--left > 0 ? undefined : id), ...resume },
  };
}

const isFunction = (value) => typeof value === "function";

function check(options) {
  if (options === null || typeof options !== "object")
    throw invalid("a preset takes the options of connect, an object");
  return options;
}

/** What is no such message is left as it is. */
function split(data) {
  if (typeof data === "string") {
    const end = data.startsWith("id: ") ? data.indexOf("\n\n") : -1;
    return end < 0 ? { head: "", body: data } : { head: data.slice(0, end), body: data.slice(end + 2) };
  }
  const bytes = new Uint8Array(data);
  const end = bytes.findIndex((byte, at) => byte === 10 && bytes[at + 1] === 10);
  const head = end < 0 ? "" : new TextDecoder().decode(bytes.subarray(0, end));
  return head.startsWith("id: ") ? { head, body: data.slice(end + 2) } : { head: "", body: data };
}

/**
 * Mercure: the query parameter of its old versions and of its new ones, and the hub's word on what it replays
 * (Mercure protocol, "Reconciliation"): the id that it goes on from, in a header of its answer.
 */
export function mercure(options = {}) {
  const outcome = (headers, id) => {
    const from = headers.get("last-event-id") ?? headers.get("mercure-last-event-id");
    if (from === null) return undefined;
    return from === id ? "recovered" : "gap";
  };
  return {
    ...check(options),
    [SILENT]: "",
    resume: { name: ["lastEventID", "last_event_id"], outcome, ...options.resume },
  };
}

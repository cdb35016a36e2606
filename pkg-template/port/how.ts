// What the app chose, as the port reads it (`readOptions` in options.js).
import type { Value } from "./message.ts";
import type { Port } from "./port.ts";

/** A message as the app gets it. */
export interface Message {
  data: Value;
  type: string;
  lastEventId: string;
  transport: string;
  origin: string;
}

type Read = (message: Message) => Value;
/** Where a client is in its stream. */
export interface Place {
  id: string;
  seq: number | string | undefined;
  epoch: string | undefined;
}

export interface How {
  decode(data: Value, transport?: string): Value;
  encode(message: Value): Value;
  /** The caller's `(message) => id`, if it stands in the messages. */
  id?: Read;
  /** `(message) => number`, or `[epoch, number]`, if messages have them; true: the id is the number. */
  seq?: Read | true;
  /** The type by which the server says that something is missing, and the one by which it says that it is going to close. */
  gap?: string;
  notice?: string;
  /** The caller's `(message) => id`, or ids, of what the server has, and of what it will not have. */
  acks?: Read;
  refuses?: Read;
  /** A socket with so many bytes in its buffer takes no more. */
  highWater: number;
  binaryType: BinaryType;
  withCredentials?: boolean;
  /** How the cursor goes up: "query", "header", "frame", "url" (the caller does it), or undefined for what suits. */
  via?: string;
  cursorNames: string[];
  /** Of a WebSocket: `(cursor) => frame`, the first one sent. */
  frame?(place: Place): Value;
  handshake?(context: object): Promise<unknown>;
  /** The caller's `(headers, id) => "recovered" | "gap"` for the answer to a request that named this id. */
  outcome?(headers: Headers, id: string): Value;
  /** The caller's own fetch. */
  fetch?: typeof fetch;
  /** Which content types are an event stream's: "optional" none, too, "any" all. */
  contentType?: string;
  /** Of the body of a refusal, so many characters. */
  maxFailureBody?: number;
  /** An event that the stream's end cuts off counts. */
  flush?: boolean;
  onComment?(text: string): void;
  /** There is another request for what comes after the first message. */
  resumes: boolean;
  /** Frames of the heartbeat; undefined while it is off, false if there are none. */
  ping?: Value;
  isPong?: ((data: Value) => Value) | false;
  /** As the platform's own class, which refuses ports by itself. */
  native?: boolean;
  /** Its timer keeps no process alive (Node). */
  idle?: boolean;
  /** What the core asks of the entry, from `Ask::Join` on. */
  kinds?(port: Port): ((...given: number[]) => Value)[];
}

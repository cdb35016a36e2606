// What a message is made of: text or bytes as they came, and what they are decoded to.

/** What came, or what it was decoded to: as from `JSON.parse`, anything. */
// biome-ignore lint/suspicious/noExplicitAny: the server says what it is.
export type Value = any;

/** Careful JSON: what begins with { or [ and parses is the value, everything else the exact string. */
export function decodeJson(data: unknown): Value {
  if (typeof data === "string") {
    const first = data.charCodeAt(0);
    if (first === 123 || first === 91) {
      try {
        return JSON.parse(data);
      } catch {}
    }
  }
  return data;
}

/** Several messages that came in one frame: what `batch` of the npm package makes. */
export class Batch {
  constructor(readonly messages: unknown[]) {}
}

/** Of any realm: an ArrayBuffer from an iframe is no instance of this page's. */
export function isBytes(value: unknown): boolean {
  return ArrayBuffer.isView(value) || /ArrayBuffer\]$/.test(Object.prototype.toString.call(value));
}

/** The bytes, or the units of text, of what came. */
export const sizeOf = (raw: Value): number => raw?.length ?? raw?.byteLength ?? raw?.size ?? 0;

/** What a message of a batch is known again by: its frame may come again with others in it. Bytes in it count by their length. */
export function contentOf(data: unknown) {
  if (typeof data === "string" || isBytes(data)) return data;
  try {
    return JSON.stringify(data, (_, value) => (ArrayBuffer.isView(value) ? value.byteLength : value));
  } catch {
    // Nested too deep, in a circle, or a big integer.
    return undefined;
  }
}

/** What stands in the JSON under this key or path. */
export function reader(path: string) {
  const keys = path.split(".");
  return (message: { data: Value }) => {
    let value = message.data;
    for (const key of keys) value = value?.[key];
    return value !== null && typeof value === "object" ? undefined : value;
  };
}

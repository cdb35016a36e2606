// What of an error may be told.
import type { Value } from "./message.ts";

/**
 * The cause of a failure: of what a fetch threw its name, words and code, and those of what is behind it. Its other fields have what was
 * given and what came (Node's, or of a fetch that somebody patched). A browser's own words may hold an address, or a header, but not
 * where they are plain ones; those of a fetch of the caller's own are the caller's, but may be the browser's with an address.
 */
export function causeOf(error: Value, callers: boolean): Error | undefined {
  const told = callers ? /^(everwire:|(?!.*:\/\/))/s : /^(everwire:.*|[\w .]*)$/;
  const plain = (at: Value, left: number): Error | undefined => {
    // What is thrown may be a text.
    const { name, message = at, code, cause } = at ?? "",
      word = /^[\w-]+$/.test(code) ? code : undefined,
      text = message && told.test(message) ? `${message}` : word;
    if (!text || !left) return undefined;
    const behind = plain(cause, left - 1);
    return Object.assign(
      new TypeError(text, behind && { cause: behind }),
      word && { code },
      /^\w+$/.test(name) && { name },
    );
  };
  try {
    return plain(error, 9);
  } catch {
    // Its fields cannot be read as text.
    return undefined;
  }
}

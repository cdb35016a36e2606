// What the core compares instead of ids. Messages stay here: it sees hashes of them.
import { type Value, isBytes } from "./message.ts";

/**
 * HalfSipHash-1-3 (Aumasson and Bernstein) of a text or of bytes, two units at a time. A key alone does not do: with FNV-1a pairs can be
 * made that are alike under one key in 300. Nor do some of the places: whoever knows which leaves them alone.
 */
function keyed(data: string | Uint8Array, key: number, half: number): number {
  const { length } = data,
    text = typeof data === "string";
  let a = key ^ half,
    b = key,
    c = a ^ 0x6c796765,
    d = b ^ 0x74656462;
  // In one loop, without a function: what one captures is slow to change. Behind the last unit comes the length, then the end.
  for (let at = 0, left = 4, word: number; left; a ^= word) {
    if (at < length) {
      word = text ? data.charCodeAt(at) | (data.charCodeAt(at + 1) << 16) : data[at] | (data[at + 1] << 16);
      at += 2;
    } else {
      word = left-- > 3 ? length : 0;
      if (left === 2) c ^= 0xff;
    }
    d ^= word;
    a = (a + b) | 0;
    b = ((b << 5) | (b >>> 27)) ^ a;
    a = (a << 16) | (a >>> 16);
    c = (c + d) | 0;
    d = ((d << 8) | (d >>> 24)) ^ c;
    a = (a + d) | 0;
    d = ((d << 7) | (d >>> 25)) ^ a;
    c = (c + b) | 0;
    b = ((b << 13) | (b >>> 19)) ^ c;
    c = (c << 16) | (c >>> 16);
  }
  return b ^ d;
}

/** Of this page's fingerprints: nobody else knows it. */
export const KEY = globalThis.crypto?.getRandomValues(new Int32Array(1))[0];

/**
 * What the core compares, in two halves: whether an id is the same, and what came with it. 38 bits are the id's, and 26
 * the content's, the last of which says over what it came; 0 in these: not known. Of 10 000 messages that come again each id is compared
 * with 1 088 others: with eight bits less two of them looked the same in one replay of a hundred. An id with ten
 * digits other than 0 (a time, a UUID, Redis's) never begins anew, so all bits are the id's. 0 and 0 is no id, 0 and 1 the empty one.
 * A number may be stuck, however long it and its epoch are. `key`: the page's own. Where users choose ids, one of them could look for two that have the same fingerprint, and a message would be lost.
 */
export function fingerprint(
  id: string | undefined,
  raw: Value,
  socket: boolean,
  key: number,
  number?: number | string,
) {
  if (!id) return [0, id === undefined ? 0 : 1];
  const unique = number === undefined && /([1-9][^1-9]*){10}/.test(id);
  // Of a Blob only its size can be had.
  if (raw && typeof raw !== "string")
    raw = isBytes(raw) ? new Uint8Array(raw.buffer ?? raw, raw.byteOffset ?? 0, raw.byteLength) : `${raw.size}`;
  const more = keyed(id, key, 0x050c5d1f),
    content = unique || raw === undefined ? 0 : ((keyed(raw ?? "", key, 1) >>> 8) << 2) | (socket ? 3 : 2);
  return [(keyed(id, key, 0) | 3) ^ (unique ? 1 : 2), unique ? more : ((more >>> 26) << 26) | content];
}

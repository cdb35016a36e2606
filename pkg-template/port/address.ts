// Addresses: what they are relative to, and what can be in them.
import type { Value } from "./message.ts";

export const REFUSED = "everwire: browsers refuse this address";

/** Relative addresses are relative to the document's base, or to a worker's own address. */
export function resolve(address: string | URL): URL {
  return new URL(address, globalThis.document?.baseURI ?? globalThis.location?.href);
}

/** `searchParams.set` writes the whole query anew, which can break a signature: only where it must. */
export function setParameter(url: URL, name: string, value: string): void {
  if (url.searchParams.has(name)) url.searchParams.set(name, value);
  else url.search += `${url.search ? "&" : "?"}${new URLSearchParams([[name, value]])}`;
}

/** What a header can carry: not what it would be trimmed of, nor what servers refuse (RFC 9110, 5.5). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what a header cannot carry.
export const fitsHeader = (id: string) => !/^[ \t]|[\0-\x08\n-\x1f\x7f]|[ \t]$/.test(id);

/** The ports that browsers refuse (Fetch, "bad port"), each as its distance from the one before. */
export const isBadPort = (port: number, at = 0) =>
  (
    "01622222211112c51ag8288611151122224c224ii-05u-012-012-01b111b41188627oez-09t132-0k413-092-18q-0aq-041-0o61-0q3-0fq-02r1111ai-2lz".match(
      /-...|./g,
    ) as string[]
  ).some((step) => (at += Math.abs(parseInt(step, 36))) === port);

/** This very machine, whose network cannot be missing. */
export const isLoopback = (hostname: string) => /^(localhost|127\..*|\[::1\])$|\.localhost$/.test(hostname);

/** Whether fetch takes it. Its own error would show the address. */
export function isFetchable(address: Value) {
  if (!(address?.href || (address && typeof address === "string"))) return false;
  try {
    const { protocol, username, password } = resolve(address);
    return /^https?:$/.test(protocol) && !username && !password;
  } catch {
    return false;
  }
}

// Sequence numbers, and numbers that no double holds.
import type { Value } from "./message.ts";

/** A sequence number below 10^19, as text where no double holds it, or nothing: not what begins with one, such as "1526919030474-55". */
export function asNumber(given: Value): number | string | undefined {
  // Not what an object's toString makes of it, which a server may have spoiled.
  if (typeof given === "object" || !/^\d{1,19}$/.test(given)) return undefined;
  const number = Number(given);
  return Number.isSafeInteger(number) ? number : typeof given === "number" ? undefined : `${given}`;
}

/** A message's number, and the first one where it has several: then it was given as `{ first, last }`. Nothing, where that is wrong. */
export function asRange(given: Value): (number | string | undefined)[] {
  const last = asNumber(given.last ?? given);
  if (given.first === undefined || last === undefined) return [last];
  const first = asNumber(given.first);
  return first !== undefined && BigInt(first) <= BigInt(last) ? [last, first] : [];
}

/** No double is the number that the server wrote. Arrays of arrays are nobody's, and may be too deep. */
export const isInexact = (value: unknown) => typeof value === "number" && !Number.isSafeInteger(value);
export const inexact = (value: unknown) => (Array.isArray(value) ? value.some(isInexact) : isInexact(value));

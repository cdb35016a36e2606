// A request, and what its answer is.
import type { Value } from "../port/message.ts";
import type { How } from "../port/how.ts";

// <calls.rs>
const LOST = 2,
  REFUSED = 4,
  LOST_CONTENT_TYPE = 1;
// </calls.rs>
/** Of a refusal's body, so many characters are kept unless the app asks for more, and waited for no longer than this many ms. */
const HEAD = 1024,
  HEAD_WAIT = 300;

/** What is cancelled may have failed already, or be locked: nobody asks. */
export const cancel = (stream: { cancel(): Promise<void> } | null | undefined) => stream?.cancel().catch(() => {});

type Init = Omit<RequestInit, "headers"> & { headers: Headers; signal: AbortSignal };

const isSafe = (method?: string) => /^(GET|HEAD)?$/i.test(method ?? "");

/**
 * What the app gave for one origin goes to no other by a redirect. A page sees none before it is followed, but may forbid those that
 * leave its own origin (Fetch, "mode"), or all: then this gives null. A fetch of the app's may add what it likes. A stream with no
 * more than the cursor is followed anywhere, as natively; `astray` then gives the address with the cursor in it, as a header would need the
 * other origin's leave.
 */
export async function go(
  given: typeof fetch | undefined,
  url: string,
  { redirect, ...init }: Init,
  astray?: (url: string) => string,
): Promise<Response | null> {
  const { headers, body, credentials, method } = init,
    { origin } = new URL(url, globalThis.document?.baseURI ?? globalThis.location?.href),
    ask = (how?: RequestInit) => (given ?? fetch)(url, { ...init, ...how });
  const own =
    given ||
    redirect ||
    !isSafe(method) ||
    (body ?? null) !== null ||
    credentials === "include" ||
    [...headers].some(([name, value]) => name !== "last-event-id" && value !== "text/event-stream");
  if (redirect === "follow" || !(own || headers.has("last-event-id"))) return ask();
  const near = redirect !== "error" && origin === globalThis.origin,
    within = () => ask({ mode: "same-origin" });
  // Asked once, as the server may act on it, or the address be good for one request. So nobody knows what it failed of.
  if (near && own)
    return within().catch((error) => {
      throw given || init.signal.aborted
        ? error
        : new TypeError("everwire: no answer, or a redirect to another origin (http.redirect)");
    });
  const response = await ask({ redirect: "manual" });
  // Outside of a page it can be seen.
  if (response.type !== "opaqueredirect" && !/^30[12378]$/.test(response.status as Value)) return response;
  cancel(response.body);
  try {
    if (near) return await within();
  } catch (error) {
    if (init.signal.aborted) throw error;
  }
  if (own || !astray) return null;
  url = astray(url);
  return ask();
}

const typeOf = (response: Response) => response.headers.get("content-type") ?? "";

/**
 * Whether the last value that is a type, and not of any kind, is an event stream's (Fetch, "extract a MIME type" and "get, decode, and
 * split"): proxies join several headers to one, and commas in quotes divide nothing. What stands behind a space would make it none by
 * the standard; all engines pass over it. Value by value: one expression over all of them is quadratic, and servers may send long headers.
 */
const isEvents = (value: string) =>
  /^\s*text\/event-stream(?![^\s;])/i.test(
    value
      .replace(/"([^"\\]|\\.)*"?/g, "")
      .split(",")
      .reverse()
      .find((one) => /^\s*(text\/event-stream\s|(?!\*\/\*)[^\s;/]+\/[^\s;/]+\s*(;|$))/i.test(one)) as string,
  );

/** A GET is the standard's: 200 alone. Other methods may be answered with Created or Accepted; 204 and 205 have no body. */
const isAnswer = ({ status, ok }: Response, { method }: RequestInit) =>
  status === 200 || (ok && status >> 1 !== 102 && !isSafe(method));

export function isStream(response: Response, init: RequestInit, { contentType }: Pick<How, "contentType"> = {}) {
  const type = typeOf(response);
  return isAnswer(response, init) && (contentType === "any" || (contentType === "optional" && !type) || isEvents(type));
}

export interface Answer {
  status: number;
  contentType: string;
  body: string;
}

/** What there is to tell of an answer that is no event stream, and the kind and code of the loss. */
export async function refusal(response: Response, init: RequestInit, length = HEAD): Promise<[Answer, number, number]> {
  const { headers, status, body } = response;
  const answer = { status, contentType: typeOf(response), body: await head(body, length) };
  return isAnswer(response, init)
    ? [answer, LOST, LOST_CONTENT_TYPE]
    : [answer, REFUSED, status | (retryAfter(headers) << 10)];
}

/**
 * 0 none, else one more than the seconds: a number, or from the answer's own date to another (RFC 9110, 10.2.3), as the
 * clock here may be wrong. A header that came several times is joined with commas: the longest counts.
 */
export function retryAfter(headers: Headers) {
  let longest = 0;
  // Not at the comma of a date.
  for (const part of `${headers.get("retry-after")}`.split(/,(?!\s*\d\d[ -])/)) {
    const text = part.trim();
    // Not whatever engines take for a date.
    const seconds = /^\d+$/.test(text)
      ? Number(text)
      : /^[A-Z].*:\d\d (GMT|\d{4})$/.test(text)
        ? Math.ceil(
            (Date.parse(text.replace(/\d{4}$/, "$& GMT")) - (Date.parse(headers.get("date") as string) || Date.now())) /
              1000,
          )
        : NaN;
    longest = Math.max(longest, Math.max(seconds, 0) + 1 || 0);
  }
  return Math.min(longest, 0x3fffff);
}

async function head(body: ReadableStream<Uint8Array> | null, length: number) {
  const reader = body?.getReader();
  const timer = setTimeout(() => cancel(reader), HEAD_WAIT);
  let text = "";
  try {
    const decoder = new TextDecoder();
    for (let part: Value; reader && text.length < length && !(part = await reader.read()).done; ) {
      text += decoder.decode(part.value, { stream: true });
    }
  } catch {}
  clearTimeout(timer);
  cancel(reader);
  return text.slice(0, length);
}

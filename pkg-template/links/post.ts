// One request of an uplink.
import { byteLength } from "../encode.js";
import { EverwireError, invalid } from "../errors.js";
import { isHeaders } from "../options.js";
import { isFetchable, resolve, setParameter } from "../port/address.ts";
import type { Value } from "../port/message.ts";
import type { Port } from "../port/port.ts";
import { turn } from "../port/turn.ts";
import { retryAfter } from "./answer.ts";
import type { Posted } from "./posted.ts";

// <calls.rs>
const POSTED = 52,
  POSTED_NETWORK = 0,
  POSTED_PROVIDER = 1;
// </calls.rs>
/** The longest answer that is read, in characters. */
const LONGEST_ANSWER = 2 ** 24;
/** Bytes of ours that are under way, and are to outlive the page. */
let living = 0;
export const alive = () => living;

/** What a client's POSTs have in common. */
export interface Uplink {
  /** The parameter that says which stream it is. */
  name: string | false;
  /** The address, or a function that gives it; undefined where this way has none. */
  urlOf(port: Port): Value;
  init: RequestInit;
  headers: Value;
  fetch?: typeof fetch;
  /** What stops each request that is out. */
  out: Map<number, (error?: Error) => void>;
  confine(url: Value): void;
  /** What the app's functions are asked with. */
  context(port: Port, reason: string, signal: AbortSignal, url?: string): object;
  /** A message in an answer: an ack or a reply, as it has no place in the stream. */
  heard(port: Port, data: Value): void;
}

type Asked = [url: Value, headers?: Value];

const isThenable = (value: Value) => typeof value?.then === "function";

/** The messages in an answer; none where it is not JSON. */
async function messagesOf({ body, headers }: Response): Promise<Value[]> {
  if (!body || !/^application\/json\b/i.test(`${headers.get("content-type")}`)) {
    body?.cancel().catch(() => {});
    return [];
  }
  const reader = body.getReader(),
    decoder = new TextDecoder();
  let text = "";
  for (
    let part: ReadableStreamReadResult<Uint8Array>;
    !(part = await reader.read()).done && text.length < LONGEST_ANSWER;
  )
    text += decoder.decode(part.value, { stream: true });
  reader.cancel().catch(() => {});
  try {
    return ([] as Value[]).concat(JSON.parse(text + decoder.decode()));
  } catch {
    return [];
  }
}

export async function post(
  port: Port,
  uplink: Uplink,
  stream: Posted,
  serial: number,
  batch: Value[],
  keepalive: boolean,
): Promise<void> {
  const { out } = uplink,
    abort = new AbortController(),
    { signal } = abort;
  // Without an error the client is closed: what was sent in leaving is to arrive.
  out.set(serial, (error) => (error || !keepalive) && abort.abort(error));
  // What a function of the app's does not give in time.
  let giveUp = () => {};
  const gaveUp = new Promise<never>((_, reject) => {
    giveUp = () => reject(signal.reason);
    signal.addEventListener("abort", giveUp, { once: true });
  });
  gaveUp.catch(() => {});
  let asking = true,
    code = POSTED_NETWORK,
    messages: Value[] = [];
  try {
    const asked = ask(port, uplink, stream, signal);
    // In leaving there is no time to wait for what need not be asked.
    const given = Array.isArray(asked) ? asked : await Promise.race([asked, gaveUp]);
    const request = requestOf(uplink, stream, batch, ...given);
    // It is not of the stream any more.
    if (stream.closed && !keepalive) abort.abort();
    asking = false;
    const [{ ok, status, headers }, found] = await Promise.race([send(uplink, signal, keepalive, ...request), gaveUp]);
    messages = found;
    code = (status | (retryAfter(headers) << 10)) >>> 0;
    if (!ok && !stream.closed) port.answer = { status, contentType: headers.get("content-type") ?? "", body: "" };
  } catch (error) {
    code = asking ? POSTED_PROVIDER : POSTED_NETWORK;
    // Firefox (140) rejects with an error of its own in place of the abort's.
    const cause = signal.reason ?? error;
    // The loss of the stream has settled already what was still out.
    if (!stream.closed && !asking) port.blame(cause);
    // Of the app's functions, or of what they gave.
    else if (!stream.closed) {
      port.running = "uplink or http.headers";
      port.refusal = cause;
    }
  }
  signal.removeEventListener("abort", giveUp);
  out.delete(serial);
  const awaited = port.call(POSTED, serial, code);
  // These run the app's code, which may close or reconnect. There may be millions.
  for (const data of awaited ? messages : []) {
    if (stream.closed) return;
    uplink.heard(port, data);
    const wait = turn();
    if (wait) await wait;
  }
}

/** Where to, and with which headers; a promise only where a function gave one. */
function ask(port: Port, uplink: Uplink, stream: Posted, signal: AbortSignal): Asked | Promise<Asked> {
  const { headers, context, confine } = uplink,
    { reason } = port;
  const call = (value: Value, why: string, url?: string) =>
    typeof value === "function" ? value(context(port, why, signal, url)) : value;
  // The stream's functions were asked already for what takes the refused one's place.
  const plain = reason === "unauthorized" ? "reconnect" : reason;
  const to = call(stream.url, stream.asked ? plain : reason);
  stream.asked = true;
  // What is no address is told when the request is made.
  const named = (url: Value): Asked => {
    // A token is not asked for after a logout.
    if (signal.aborted || !isFetchable(url)) return [url];
    confine(url);
    return [url, call(headers, plain, resolve(url).href)];
  };
  if (isThenable(to)) return Promise.resolve(to).then(async (url) => Promise.all(named(url)) as Promise<Asked>);
  const given = named(to);
  return isThenable(given[1]) ? (Promise.all(given) as Promise<Asked>) : given;
}

/** Throws where the functions gave what cannot be used. */
function requestOf(
  { name }: Uplink,
  { id }: Posted,
  batch: Value[],
  url: Value,
  headers: Value,
): [string, Headers, BodyInit] {
  const [body] = batch,
    raw = typeof body !== "string";
  if (!isFetchable(url) || !isHeaders(headers))
    throw invalid(
      "uplink or http.headers gave what fetch cannot take: an http: or https: address, and no password in it",
    );
  const target = resolve(url);
  if (name) setParameter(target, name, id);
  const own = new Headers(headers);
  if (!own.has("content-type")) own.set("content-type", raw ? "application/octet-stream" : "application/json");
  return [target.href, own, raw ? body : new TextEncoder().encode(`[${batch.join(",")}]`)];
}

async function send(
  { init, fetch = globalThis.fetch }: Uplink,
  signal: AbortSignal,
  keepalive: boolean,
  url: string,
  headers: Headers,
  body: BodyInit,
): Promise<[Response, Value[]]> {
  const length = keepalive ? byteLength(body) : 0;
  living += length;
  try {
    // A browser makes a GET of a POST that is redirected, and the body is lost without a word.
    const response = await fetch(url, {
      ...init,
      method: "POST",
      headers,
      body,
      keepalive,
      redirect: "manual",
      cache: "no-store",
      signal,
    });
    if (response.type === "opaqueredirect")
      throw new EverwireError(
        "uplink",
        "the uplink is redirected, which would lose what is sent: give its final address",
      );
    return [response, await messagesOf(response)];
  } finally {
    living -= length;
  }
}

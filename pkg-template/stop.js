// The stop request of `cancel()`, and what it has in common with `resume.request`: both are given by the app.
import { go, refusal } from "./links/answer.ts";
import { aborted } from "./links/gate.ts";
import { resolve } from "./port/address.ts";
import { report } from "./port/report.ts";
import { byteLength } from "./encode.js";
import { EverwireError, Failure, invalid } from "./errors.js";
import { TRANSPORTS, check, confine, headersFor, isAddress, isBody, isHeaders, stays } from "./options.js";

/** A page that goes is waited for with no more than 64 KiB (Fetch, "HTTP-network-or-cache fetch"). */
const KEPT = 65_536;

/** A value, or what a function gives for it. */
function call(value, context) {
  return typeof value === "function" ? value(context) : value;
}

/** What `resume.request` and `http.cancel` give: an address, or one with what belongs to it. */
export function asRequest(given) {
  check("resume.request or http.cancel", given, "an address or an object");
  const request = isAddress(given) ? { url: given } : given;
  stays(request.url);
  return request;
}

/** The browser's own error would show the value. */
export function fetchable(headers, body, route) {
  if (!(route & 3) || !isHeaders(headers) || !isBody(body ?? ""))
    throw invalid("fetch cannot take what http or resume.request gave");
}

/** Tells the server to stop. Gives why it could not be told. */
export async function tellStop(port, settings, reason, leaving) {
  const { http, openTimeout } = settings;
  const { cancel, init, headers, fetch } = http;
  const signal = AbortSignal.timeout(openTimeout);
  const context = { reason, attempt: 0, lastEventId: port.cursor, signal };
  // Also for functions that do not look at the signal.
  const within = (promise) => Promise.race([promise, aborted(signal)]);
  let code = "provider",
    leave;
  try {
    const given = await within(call(cancel, { ...context, ...port.place(), ...port.head }));
    // The function has seen to it.
    if (given === undefined) return;
    const {
      url = port.to.url,
      method = "POST",
      body,
      headers: own,
    } = given === cancel ? { url: given } : asRequest(given);
    const route = port.route(url, TRANSPORTS.fetch);
    // What is not for fetch is told below.
    const to = { ...context, url: route & 3 ? resolve(url).href : "" };
    if (to.url && !own) confine(settings, to.url);
    const offered = own ?? (await within(call(headers, to)));
    fetchable(offered, body, route);
    const named = headersFor(body, offered);
    const small = byteLength(body ?? "") <= KEPT;
    const tell = (keepalive) => go(fetch, url, { ...init, method, body, headers: named, signal, keepalive });
    // A page that goes takes its requests along: said once more, it outlives it.
    leave = () => tell(true).catch(() => {});
    if (small && !leaving) globalThis.addEventListener?.("pagehide", leave);
    code = "network";
    const response = await within(tell(leaving && small));
    if (response === null) return new Failure("redirect", { class: "fatal" });
    if (!response.ok)
      return new Failure("http", { class: "fatal", .../** @type {any} */ ((await refusal(response, {}))[0]) });
  } catch (error) {
    const late = signal.aborted;
    // The browser's own words say nothing, but may hold the address.
    const cause = !late && code === "provider" ? error : undefined;
    // What everwire found wrong in what they gave may be the server's word.
    if (cause && !(cause instanceof EverwireError)) report(cause);
    return new Failure(late ? "open-timeout" : code, { class: "fatal", cause });
  } finally {
    globalThis.removeEventListener?.("pagehide", leave);
  }
}

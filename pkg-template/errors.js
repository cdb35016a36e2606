import { FAILURES } from "./failures.js";

/** Every error of everwire: a stable `code` and a sentence that says what to do, and where there is more. */
export class EverwireError extends Error {
  constructor(code, message, cause) {
    super(`everwire: ${message}; see ${EVERWIRE_ERRORS}#${code}`, cause === undefined ? undefined : { cause });
    this.name = "EverwireError";
    this.code = code;
  }
}

/** Why a connection or an attempt ended. An app's own tests make some, too. */
export class Failure extends EverwireError {
  constructor(code, { message, cause, ...init } = /** @type {any} */ ({})) {
    const { closeCode, closeReason, status } = init;
    const number = closeCode ? ` with code ${closeCode}` : code === "http" ? ` with status ${status}` : "";
    const sentence = message ?? FAILURES.find(([known]) => known === code)?.[1];
    // The server's words in one line, as they are read, and no more than a frame can hold (RFC 6455, 5.5).
    super(
      code,
      sentence + number + (closeReason ? `: ${closeReason.slice(0, 123).replace(/[\p{C}\s]+/gu, " ")}` : ""),
      cause,
    );
    const none = { class: "retriable", closeCode: 0, closeReason: "", status: 0, contentType: "", body: "" };
    Object.assign(this, none, init);
    // The server's words, which may be a secret's echo: consoles and JSON leave it out.
    Object.defineProperty(this, "body", { enumerable: false });
  }
}

/** In Node a rejection that nobody handles ends the process, and this one may be the server's doing. */
export function quiet(promise) {
  if (typeof reportError !== "function") promise.catch(() => {});
  return promise;
}

export const threw = (name) => `${name} threw or rejected: see cause`;

const hints = new Set();

/** What is no error, but looks like a mistake: told once a page, in the console. */
export function hint(sentence) {
  if (hints.has(sentence) || hints.size > 31) return;
  hints.add(sentence);
  // biome-ignore lint/suspicious/noConsole: nobody listens yet who could be told.
  console.warn(`everwire: ${sentence}`);
}

/** What a storage threw, but not in its words where they hold the key (Chromium's do): it may be a secret. */
export const stored = (error, key) =>
  String(error).includes(key) ? new EverwireError("unsupported", `the storage failed: ${error.name}`) : error;

/** What cannot work is said at once, naming the option. */
export function invalid(problem) {
  return new EverwireError("invalid-option", problem);
}

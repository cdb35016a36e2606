import { FAILURES } from "./failures.js";

/** Every error of everwire: a stable `code` and a sentence that says what to do. */
export class EverwireError extends Error {
  constructor(code, message, cause) {
    super(`everwire: ${message}`, cause === undefined ? undefined : { cause });
    this.name = "EverwireError";
    this.code = code;
  }
}

/** Why a connection or an attempt ended. */
export class Failure extends EverwireError {
  constructor(place, kind, number, { closeReason, answer }, cause) {
    const [code, sentence] = FAILURES[place];
    const closed = code === "closed";
    super(code, number ? `${sentence} with ${closed ? "code" : "status"} ${number}` : sentence, cause);
    this.class = kind;
    this.closeCode = closed ? number : 0;
    this.closeReason = closed ? closeReason : "";
    Object.assign(this, { status: 0, contentType: "", body: "" }, /^(http|content-type)$/.test(code) && answer);
  }
}

/** What cannot work is said at once, naming the option. */
export function invalid(problem) {
  return new EverwireError("invalid-option", problem);
}

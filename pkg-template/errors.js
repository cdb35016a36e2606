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
  constructor(code, sentence, kind, closeCode, closeReason, cause) {
    super(code, closeCode ? `${sentence} with code ${closeCode}` : sentence, cause);
    this.class = kind;
    this.closeCode = closeCode;
    this.closeReason = closeReason;
  }
}

/** What cannot work is said at once, naming the option. */
export function invalid(problem) {
  return new EverwireError("invalid-option", problem);
}

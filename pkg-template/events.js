export class RetryEvent extends Event {
  constructor(attempt, delay, retryAt, failure) {
    super("retry");
    Object.assign(this, { attempt, delay, retryAt, failure });
  }
}

export class GapEvent extends Event {
  constructor(outcome, after, before, missing) {
    super("gap");
    Object.assign(this, { outcome, after, before, missing });
  }
}

export class ClosedEvent extends Event {
  constructor(reason, code, wasClean, error) {
    super("close");
    Object.assign(this, { reason, code, wasClean, error });
  }
}

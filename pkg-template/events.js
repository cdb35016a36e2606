/** As the platform's events are made, also by an app's own tests: of a type and an object. */
const made = (defaults) =>
  class extends Event {
    constructor(type, init) {
      super(type);
      Object.assign(this, defaults, init);
    }
  };

export class OpenEvent extends made({ status: 0, headers: null }) {}
export class RetryEvent extends made({ attempt: 1, delay: 0, retryAt: 0, failure: null }) {}
export class GapEvent extends made({ outcome: "unknown", after: "", before: "" }) {}
export class ClosedEvent extends made({ reason: "app", code: 0, wasClean: false, error: null }) {}

import { Around } from "./link.ts";

/** A WebSocket whose server may be asked by a fetch why it did not open (`probe.js`): that ends with it. */
export class Probed extends Around {
  #abort = new AbortController();

  get signal() {
    return this.#abort.signal;
  }

  close(code?: number, reason?: string) {
    this.#abort.abort();
    super.close(code, reason);
  }
}

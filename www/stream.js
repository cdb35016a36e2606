/** A panel over fetch whose connection comes and goes: what the answer, the log and the task have in common. */
import { connect } from "everwire";
import { Counter } from "./counter.js";
import { Panel } from "./panel.js";

export class Stream {
  /** @type {import("everwire").Client | null} */
  wire = null;
  #name;
  /** @type {Panel | null} */
  #panel = null;

  constructor(name) {
    this.#name = name;
  }

  /** Connects anew. `numbers` gives, for each type of event, the running number of a message. */
  open(url, options, numbers) {
    this.close();
    const counter = new Counter();
    const wire = (this.wire = connect(url, options));
    for (const [type, number] of Object.entries(numbers)) wire.on(type, (message) => counter.add(number(message)));
    this.#panel = new Panel(this.#name, wire, () => ({
      received: counter.received,
      missing: counter.missing,
      duplicate: counter.duplicate,
      suppressed: wire.stats().suppressed,
    }));
    return wire;
  }

  /** Tells the server, too, where there is something to tell. */
  close() {
    this.wire?.cancel();
  }

  refresh() {
    this.#panel?.refresh();
  }
}

/** The number at the end of an id, behind the last colon or hyphen. */
export const numberOf = ({ lastEventId }) => Number(/\d+$/.exec(lastEventId));

/** Options of a job: a POST starts it, a GET of its own address goes on, a DELETE stops it. */
export function job(url, request) {
  // The server gives the job's id in front of each event's: `ID:NUMBER`.
  const address = (id) => `${url}/${id.split(":")[0]}`;
  return {
    http: {
      ...request,
      method: "POST",
      // Before the first event there is no job that we know of.
      cancel: ({ id }) => (id ? { url: address(id), method: "DELETE" } : undefined),
    },
    resume: { request: ({ id }) => `${address(id)}?overlap=1&lastEventId=${encodeURIComponent(id)}` },
  };
}

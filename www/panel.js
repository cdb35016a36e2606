/** The readings of one connection: state, countdown, counters, and why it last failed. */
import { byId, one } from "./dom.js";

const HOW_RESUMED = {
  recovered: "nothing missing",
  gap: "the server says something is missing",
  unknown: "cannot be known",
};

/** What may be longer than its line, and is shown whole by its title. */
const CUT = new Set(["detail", "last-event-id", "outcome"]);

const seconds = (ms) => `${(Math.max(0, ms) / 1000).toFixed(1)} s`;

function duration(ms) {
  const s = Math.floor(ms / 1000);
  return s < 60 ? `${s} s` : `${Math.floor(s / 60)} min ${s % 60} s`;
}

export class Panel {
  #wire;
  #panel;
  #count;
  #progress;
  #fields = {};
  #glyph;
  #tryNow;
  #drain;
  #since = Date.now();
  #delay = 0;
  /** @type {import("everwire").ClosedEvent | null} */
  #closed = null;

  /**
   * `count` returns { received, missing, duplicate, suppressed }, and `progress` { lastEventId, outcome } where the connection has
   * none of its own.
   */
  constructor(name, wire, count, progress = () => ({ lastEventId: wire.lastEventId, outcome: wire.stats().outcome })) {
    this.#wire = wire;
    this.#count = count;
    this.#progress = progress;
    const panel = (this.#panel = one(`[data-panel="${name}"]`));
    panel.querySelector(".readout").replaceChildren(byId("readout").content.cloneNode(true));
    for (const element of panel.querySelectorAll("[data-field], [data-count]")) {
      this.#fields[element.dataset.field ?? element.dataset.count] = element;
    }
    this.#glyph = panel.querySelector(".status .glyph");
    this.#drain = panel.querySelector(".drain");
    this.#tryNow = panel.querySelector("[data-action=try-now]");
    this.#tryNow.setAttribute("aria-label", `Try now to connect the ${name}`);
    this.#tryNow.addEventListener("click", () => wire.reconnect());
    this.#set("name", name);

    wire.addEventListener("statechange", () => {
      this.#since = Date.now();
      this.refresh();
    });
    wire.addEventListener("retry", (event) => {
      this.#delay = event.delay;
      this.refresh();
    });
    wire.addEventListener("close", (event) => {
      this.#closed = event;
      this.refresh();
    });
    this.refresh();
  }

  refresh() {
    const { state, lastFailure, attempt } = this.#wire;
    const { lastEventId, outcome } = this.#progress();
    this.#panel.dataset.state = state;
    this.#glyph.dataset.state = state;
    this.#set("state", state);
    this.#set("detail", this.#detail(state));
    this.#tryNow.hidden = state !== "waiting";
    this.#drain.style.transform = `scaleX(${this.#left()})`;

    for (const [name, value] of Object.entries(this.#count())) {
      this.#set(name, String(value));
      this.#fields[name].toggleAttribute("data-bad", value > 0 && (name === "missing" || name === "duplicate"));
    }

    this.#set("attempt", String(attempt));
    this.#set("round-trip", this.#roundTrip(this.#wire.stats().roundTrip));
    this.#set("last-event-id", lastEventId || "none yet");
    this.#set("outcome", HOW_RESUMED[outcome] ?? "none yet");
    this.#set("failure", lastFailure ? `${lastFailure.code}: ${lastFailure.message}` : "none yet");
  }

  #detail(state) {
    switch (state) {
      case "open":
        return `for ${duration(Date.now() - this.#since)}`;
      case "waiting":
        return `retry in ${seconds(this.#wire.retryAt - Date.now())}`;
      case "suspended":
        return "the page is frozen";
      case "closed":
        return this.#closed?.error?.message ?? this.#closed?.reason ?? "";
      default:
        return this.#wire.attempt > 0 ? `attempt ${this.#wire.attempt}` : "";
    }
  }

  #roundTrip(ms) {
    if (this.#wire.transport !== "websocket") return "one-way, no ping";
    return ms === null ? "not yet" : `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  }

  /** What is left of the wait, 0 to 1. */
  #left() {
    if (this.#wire.state !== "waiting" || !this.#delay) return 0;
    return Math.min(1, Math.max(0, (this.#wire.retryAt - Date.now()) / this.#delay));
  }

  // Writes only what changed: a live region repeats itself at every write.
  #set(name, text) {
    const element = this.#fields[name];
    if (element.textContent === text) return;
    element.textContent = text;
    if (CUT.has(name)) element.title = text;
  }
}

/** The chat: what people say, and what of our own has not come back yet. */

const NAMES = ["ada", "bell", "cooke", "field", "gray", "hedy", "kapany", "kelvin", "maxwell", "morse"];
const KEPT = 200;
const SILENCE = 5_000;   // on an open line; after that a message is offered again

export class Chat {
  #wire;
  #log = document.getElementById("chat-log");
  #pending = [];   // { row, text, since }, oldest first
  #name = ownName();
  #atEnd = true;
  #frame = 0;

  constructor(wire) {
    this.#wire = wire;
    document.getElementById("chat-name").textContent = this.#name;
    const form = document.getElementById("chat-form");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = form.elements.text.value.trim();
      if (!text) return;
      form.reset();
      this.#say(text);
    });
    this.#log.addEventListener("scroll", () => {
      const { scrollHeight, scrollTop, clientHeight } = this.#log;
      this.#atEnd = scrollHeight - scrollTop - clientHeight < 40;
    });
    wire.on("chat", ({ data }) => this.#show(data));
    wire.addEventListener("gap", ({ outcome }) => {
      if (outcome === "gap") this.#append(row("note", "", "The server no longer had everything. Some lines are missing here."));
    });
    // `sent` is no receipt: what was on its way when the line broke may be lost. So ask, not guess.
    wire.addEventListener("statechange", () => {
      for (const entry of this.#pending) entry.since = Date.now();
    });
  }

  /** Offers again what an open line has left unanswered. */
  refresh() {
    if (this.#wire.state !== "open") return;
    for (const entry of this.#pending) {
      if (Date.now() - entry.since > SILENCE) offerAgain(entry.row);
    }
  }

  #say(text) {
    const element = row("own pending", this.#name, text);
    element.append(again(() => {
      element.remove();
      this.#pending = this.#pending.filter((entry) => entry !== pending);
      this.#say(text);
      document.getElementById("chat-text").focus();
    }));
    const pending = { row: element, text, since: Date.now() };
    this.#pending.push(pending);
    this.#append(element);
    this.#send(pending);
  }

  async #send(pending) {
    const { status } = await this.#wire.send({ type: "chat", from: this.#name, text: pending.text });
    if (status === "dropped") offerAgain(pending.row);
  }

  #show({ from, text }) {
    const at = from === this.#name ? this.#pending.findIndex((entry) => entry.text === text) : -1;
    if (at < 0) {
      this.#append(row(from === this.#name ? "own" : from === "bot" ? "bot" : "", from, text));
      return;
    }
    const [{ row: element }] = this.#pending.splice(at, 1);
    element.classList.remove("pending");
    element.querySelector(".state").remove();
    element.querySelector("button").remove();
    this.#append(element);   // where the server put it
  }

  #append(element) {
    const log = this.#log;
    const waits = element.classList.contains("pending");
    log.insertBefore(element, waits ? null : this.#pending[0]?.row ?? null);   // pending ones stay last
    while (log.children.length > KEPT && !log.firstElementChild.classList.contains("pending")) log.firstElementChild.remove();
    if (this.#atEnd || waits) this.#scrollDown();
  }

  // Once a frame: after a resume hundreds of lines come at once.
  #scrollDown() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#log.scrollTop = this.#log.scrollHeight;
    });
  }
}

function row(kind, from, text) {
  const element = document.createElement("li");
  element.className = kind;
  if (from) {
    const who = document.createElement("b");
    who.textContent = from;
    element.append(who);
  }
  const said = document.createElement("span");
  said.textContent = text;
  element.append(said);
  if (kind.includes("pending")) {
    const state = document.createElement("em");
    state.className = "state";
    state.textContent = "pending";
    element.append(state);
  }
  return element;
}

function again(onClick) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "plain";
  button.textContent = "Send again";
  button.hidden = true;
  button.addEventListener("click", onClick);
  return button;
}

function offerAgain(element) {
  element.querySelector(".state").hidden = true;
  element.querySelector("button").hidden = false;
}

/** One name per tab, kept over a reload. */
function ownName() {
  const kept = sessionStorage.getItem("name");
  if (kept) return kept;
  const pick = (n) => Math.floor(Math.random() * n);
  const name = `${NAMES[pick(NAMES.length)]}-${10 + pick(90)}`;
  sessionStorage.setItem("name", name);
  return name;
}

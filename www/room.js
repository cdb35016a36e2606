/** One room of the chat: who is there, what is said, and who has read what we said. */
import { Counter } from "./counter.js";
import { byId } from "./dom.js";

const KEPT = 200;
const TYPING = 3_000; // so long somebody types, when no more is heard of it
const TELL_TYPING = 1_500;

export class Room {
  counter = new Counter();
  who = [];
  unread = 0;
  /** What the last join again was: nothing missing, or what is said of it. */
  outcome = null;
  #wire;
  #name;
  #subscription;
  #log = document.createElement("ol");
  /** What the log shows, oldest first: { element, eventId, from }. */
  #lines = [];
  /** Our own that have not come back, by id. */
  #pending = new Map();
  /** Up to which line each of the others has read. */
  #readers = new Map();
  #typing = new Map();
  #typed = 0;
  /** The last line of somebody else, and the one that we told of having read. */
  #heard = "";
  #told = "";
  #again = false;
  #atEnd = true;
  #frame = 0;

  /** `said` is called for each message, after it was counted; `changed` when it is another who types, or is there. */
  constructor(wire, topic, name, said, changed) {
    this.topic = topic;
    this.#wire = wire;
    this.#name = name;
    const log = this.#log;
    log.className = "log";
    log.setAttribute("role", "log");
    log.setAttribute("aria-live", "off");
    log.setAttribute("aria-label", `Messages in ${topic}`);
    log.tabIndex = 0;
    log.addEventListener("scroll", () => {
      if (!log.hidden) this.#atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    });
    byId("chat-logs").append(log);

    const subscription = (this.#subscription = wire.subscribe(topic));
    subscription.on("chat", ({ data }) => {
      this.counter.add(data.seq);
      if (this.#again) this.#resumed("recovered");
      this.#show(data);
      said();
    });
    subscription.on("presence", ({ data }) => {
      this.who = data.who;
      // Who came just now does not know what we have read.
      this.#told = "";
      changed();
    });
    subscription.on("typing", ({ data }) => {
      this.#typing.set(data.from, Date.now() + TYPING);
      changed();
    });
    subscription.on("read", ({ data }) => {
      this.#readers.set(data.from, data.eventId);
      this.#markRead(data.from, data.eventId);
    });
    subscription.ready().catch(({ code, message }) => {
      if (code !== "left" && code !== "closed") this.#append({ element: row("note", "", message) });
    });
  }

  get joined() {
    return this.#subscription.state === "joined";
  }

  get lastEventId() {
    return this.#subscription.lastEventId;
  }

  get shown() {
    return !this.#log.hidden;
  }

  set shown(shown) {
    this.#log.hidden = !shown;
    if (!shown) return;
    this.unread = 0;
    if (this.#atEnd) this.#scrollDown();
  }

  /** Who types now. */
  typing(now) {
    for (const [name, until] of this.#typing) if (until < now) this.#typing.delete(name);
    return [...this.#typing.keys()];
  }

  leave() {
    this.#subscription.unsubscribe();
    this.#log.remove();
  }

  /** The connection is lost, so we come back to this room. */
  lost() {
    this.#again = true;
    this.#typing.clear();
  }

  gap(outcome) {
    this.#resumed(outcome);
    if (outcome === "gap")
      this.#append({ element: row("note", "", "The server no longer had everything. Some lines are missing here.") });
  }

  say(text) {
    const id = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
    const element = row("own pending", this.#name, text, "pending");
    const message = { type: "chat", topic: this.topic, from: this.#name, text, id };
    element.append(again(() => this.#send(message, element)));
    this.#pending.set(id, element);
    this.#append({ element });
    this.#send(message, element);
    this.#typed = 0;
  }

  /** We have begun to write, or go on. It is of no use later, so it is sent now or not at all. */
  tellTyping() {
    if (Date.now() - this.#typed < TELL_TYPING) return;
    this.#typed = Date.now();
    this.#wire.send({ type: "typing", topic: this.topic, from: this.#name }, { volatile: true });
  }

  /** All that there is has been seen. */
  tellRead() {
    if (!this.joined || this.#told === this.#heard) return;
    const eventId = (this.#told = this.#heard);
    this.#wire
      .send({ type: "read", topic: this.topic, from: this.#name, eventId }, { volatile: true })
      .then(({ status }) => {
        if (status === "dropped") this.#told = "";
      });
  }

  #resumed(outcome) {
    this.#again = false;
    this.outcome = outcome;
  }

  /** By its own outcome: the server has it, or it is offered again, with the same id. Should it be there already, the server discards it. */
  async #send(message, element) {
    setState(element, "pending");
    element.querySelector("button").hidden = true;
    const { status } = await this.#wire.send(message);
    if (!this.#pending.has(message.id)) return;
    setState(element, status === "acked" ? "sent" : "");
    element.querySelector("button").hidden = status === "acked";
  }

  #show({ eventId, from, text, sendId }) {
    const own = from === this.#name;
    const pending = own ? this.#pending.get(sendId) : undefined;
    const element = pending ?? row(own ? "own" : "", from, text, own ? "" : undefined);
    if (pending) {
      this.#pending.delete(sendId);
      element.classList.remove("pending");
      element.querySelector("button").remove();
      setState(element, "");
    }
    this.#typing.delete(from);
    if (!own) {
      this.#heard = eventId;
      if (!this.shown || document.hidden) this.unread++;
    }
    this.#append({ element, eventId, from }); // where the server put it
    for (const [name, read] of this.#readers) if (read === eventId) this.#markRead(name, read);
  }

  /** Who has read a line has read all before it. */
  #markRead(name, eventId) {
    const end = this.#lines.findLastIndex((line) => line.eventId === eventId);
    for (const { element, from } of this.#lines.slice(0, end + 1)) {
      if (from !== this.#name) continue;
      const state = element.querySelector(".state");
      const names = new Set(state.title ? state.title.slice("read by ".length).split(", ") : []);
      state.title = `read by ${[...names.add(name)].join(", ")}`;
      setState(element, "read");
    }
  }

  #append(line) {
    const log = this.#log,
      { element } = line;
    const waits = element.classList.contains("pending");
    log.insertBefore(element, waits ? null : (this.#pending.values().next().value ?? null)); // pending ones stay last
    if (!waits) this.#lines.push(line);
    while (this.#lines.length > KEPT) this.#lines.shift().element.remove();
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

function row(kind, from, text, state) {
  const element = document.createElement("li");
  element.className = kind;
  if (from) element.append(Object.assign(document.createElement("b"), { textContent: from }));
  element.append(Object.assign(document.createElement("span"), { textContent: text }));
  if (state !== undefined)
    element.append(Object.assign(document.createElement("em"), { className: "state", textContent: state }));
  return element;
}

function setState(element, state) {
  const label = element.querySelector(".state");
  if (label.textContent !== state) label.textContent = state;
}

function again(onClick) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "plain";
  button.textContent = "Send again";
  button.hidden = true;
  button.addEventListener("click", () => {
    onClick();
    byId("chat-text").focus();
  });
  return button;
}

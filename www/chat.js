/** The chat: several rooms on one connection, as tabs. */
import { byId } from "./dom.js";
import { Room } from "./room.js";

export class Chat {
  #wire;
  #topics;
  #name;
  #said;
  /** The rooms that we are in, by topic. */
  #rooms = new Map();
  #shown;
  /** Counted in rooms that we have left. */
  #before = { received: 0, missing: 0, duplicate: 0 };

  /** Is in the first of the rooms. `said` is called for each message. */
  constructor(wire, topics, name, said) {
    this.#wire = wire;
    this.#topics = [...new Set(topics)];
    this.#name = name;
    this.#said = said;
    byId("chat-name").textContent = name;
    this.#join(this.#topics[0]);

    const form = byId("chat-form");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = form.elements.text.value.trim();
      if (!text) return;
      form.reset();
      this.#shown.say(text);
    });
    form.elements.text.addEventListener("input", () => this.#shown.tellTyping());
    byId("chat-leave").addEventListener("click", () => this.#leave());
    byId("chat-tabs").addEventListener("keydown", (event) => this.#move(event));
    wire.addEventListener("gap", ({ topic, outcome }) => this.#rooms.get(topic)?.gap(outcome));
    wire.addEventListener("statechange", () => {
      if (wire.state !== "open") for (const room of this.#rooms.values()) room.lost();
    });
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.#shown.unread = 0;
    });
  }

  /** As the page counts, over all rooms. */
  get counts() {
    const sum = { ...this.#before };
    for (const { counter } of this.#rooms.values()) for (const name of Object.keys(sum)) sum[name] += counter[name];
    return sum;
  }

  /** In how many rooms we are. */
  get size() {
    return this.#rooms.size;
  }

  /** Of the room that is shown. */
  get progress() {
    return { lastEventId: this.#shown.lastEventId, outcome: this.#shown.outcome };
  }

  refresh() {
    if (!document.hidden) this.#shown.tellRead();
    this.#people();
    for (const tab of byId("chat-tabs").children) {
      const { unread } = this.#rooms.get(tab.dataset.topic);
      setText(tab.querySelector(".unread"), unread ? String(unread) : "");
    }
  }

  /** Who is in the room that is shown, and who types. */
  #people() {
    const room = this.#shown;
    const others = room.who.filter((name) => name !== this.#name);
    const who = byId("chat-who");
    setText(who, [`${this.#name} (you)`, ...others].join(", "));
    who.toggleAttribute("data-stale", !room.joined);
    const typing = room.typing(Date.now());
    setText(
      byId("chat-typing"),
      typing.length ? `${typing.join(", ")} ${typing.length > 1 ? "are" : "is"} typing …` : "",
    );
  }

  #join(topic) {
    this.#rooms.set(topic, new Room(this.#wire, topic, this.#name, this.#said, () => this.#people()));
    this.#show(topic);
  }

  #leave() {
    const { topic, counter } = this.#shown;
    for (const name of Object.keys(this.#before)) this.#before[name] += counter[name];
    this.#shown.leave();
    this.#rooms.delete(topic);
    this.#show(this.#rooms.keys().next().value);
    this.#tab(this.#shown.topic).focus();
  }

  /** @returns {HTMLElement} */
  #tab(topic) {
    return byId("chat-tabs").querySelector(`[data-topic="${topic}"]`);
  }

  #show(topic) {
    for (const room of this.#rooms.values()) room.shown = room.topic === topic;
    this.#shown = this.#rooms.get(topic);
    const inThem = this.#topics.filter((each) => this.#rooms.has(each));
    byId("chat-tabs").replaceChildren(...inThem.map((each) => this.#newTab(each)));
    byId("chat-others").replaceChildren(
      ...this.#topics.filter((each) => !this.#rooms.has(each)).map((each) => this.#newJoin(each)),
    );
    // Who is in no room has nothing to say.
    byId("chat-leave").hidden = this.#rooms.size === 1;
    byId("chat-leave").setAttribute("aria-label", `Leave ${topic}`);
    byId("chat-room").setAttribute("aria-labelledby", `chat-tab-${topic}`);
    this.refresh();
  }

  #newTab(topic) {
    const tab = document.createElement("button");
    const selected = topic === this.#shown.topic;
    Object.assign(tab, { type: "button", id: `chat-tab-${topic}`, role: "tab", tabIndex: selected ? 0 : -1 });
    tab.dataset.topic = topic;
    tab.setAttribute("aria-selected", String(selected));
    tab.setAttribute("aria-controls", "chat-room");
    const unread = Object.assign(document.createElement("span"), { className: "unread" });
    tab.append(topic, unread);
    tab.addEventListener("click", () => {
      this.#show(topic);
      this.#tab(topic).focus();
    });
    return tab;
  }

  #newJoin(topic) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "plain", textContent: `Join ${topic}` });
    button.dataset.join = topic;
    button.addEventListener("click", () => {
      this.#join(topic);
      this.#tab(topic).focus();
    });
    return button;
  }

  /** The arrow keys go from tab to tab. */
  #move(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const topics = [...byId("chat-tabs").children].map((tab) => tab.dataset.topic);
    const at = topics.indexOf(this.#shown.topic) + step;
    this.#tab(topics[(at + topics.length) % topics.length]).click();
    event.preventDefault();
  }
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

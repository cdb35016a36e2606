/** The log of a service, as `tail -f` shows it. */
import { byId } from "./dom.js";
import { Stream, numberOf } from "./stream.js";

const LEVELS = ["error", "warning", "info"];
const KEPT = 200;

export class Logs extends Stream {
  #lines = byId("logs-lines");
  #atEnd = true;
  #frame = 0;

  constructor(server, options) {
    super("logs");
    byId("logs-follow").addEventListener("click", () => this.#follow(`${server}/logs?overlap=1`, options));
    byId("logs-stop").addEventListener("click", () => this.close());
    this.#lines.addEventListener("scroll", () => {
      const { scrollHeight, scrollTop, clientHeight } = this.#lines;
      this.#atEnd = scrollHeight - scrollTop - clientHeight < 40;
    });
  }

  #follow(url, options) {
    const numbers = Object.fromEntries(LEVELS.map((level) => [level, numberOf]));
    const wire = this.open(url, { ...options, resume: { gap: "gap" } }, numbers);
    this.#lines.replaceChildren();
    wire.on("error", ({ data }) => this.#append("error", data));
    wire.on("warning", ({ data }) => this.#append("warning", data));
    wire.on("info", ({ data }) => this.#append("info", data));
    wire.on("gap", () => this.#append("note", "The server no longer had everything. Some lines are missing here."));
  }

  #append(level, line) {
    const element = document.createElement("li");
    element.className = level;
    const text = document.createElement("span");
    // The date and the level go without saying here: TIME level host text.
    const [, time, rest] = /T([\d:]+)\S* \w+ (.*)/.exec(line) ?? [];
    if (rest) {
      const name = document.createElement("b");
      name.textContent = level;
      element.append(name);
    }
    text.textContent = rest ? `${time} ${rest}` : line;
    element.append(text);
    this.#lines.append(element);
    while (this.#lines.children.length > KEPT) this.#lines.firstElementChild.remove();
    if (this.#atEnd) this.#scrollDown();
  }

  // Once a frame: after a resume many lines come at once.
  #scrollDown() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#lines.scrollTop = this.#lines.scrollHeight;
    });
  }
}

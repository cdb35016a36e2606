/** The answer of a language model, token by token. */
import { byId } from "./dom.js";
import { Stream, job, numberOf } from "./stream.js";

export class Llm extends Stream {
  #text = byId("llm-text");
  #frame = 0;

  constructor(server, options) {
    super("llm");
    const form = byId("llm-form");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#ask(`${server}/llm`, form.elements.prompt.value, options);
    });
    byId("llm-stop").addEventListener("click", () => this.close());
  }

  #ask(url, prompt, options) {
    const request = { headers: { "Content-Type": "application/json" }, body: JSON.stringify({ prompt }) };
    const wire = this.open(
      url,
      {
        ...options,
        ...job(url, request),
        until: ({ data }) => data === "[DONE]",
      },
      { job: numberOf, message: numberOf },
    );
    this.#text.textContent = "";
    wire.on("message", ({ data }) => {
      if (data !== "[DONE]") this.#append(data);
    });
  }

  #append(token) {
    this.#text.append(token);
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#text.scrollTop = this.#text.scrollHeight;
    });
  }
}

/** Something that takes long, and how far it is. */
import { byId, one } from "./dom.js";
import { Stream, job } from "./stream.js";

export class Task extends Stream {
  #bar = byId("task-bar");
  #says = byId("task-says");

  constructor(server, options) {
    super("task");
    byId("task-start").addEventListener("click", () => this.#start(`${server}/task`, options));
    byId("task-stop").addEventListener("click", () => this.close());
  }

  #start(url, options) {
    const wire = this.open(
      url,
      {
        ...options,
        ...job(url),
        until: ({ data }) => data.progress === 100,
      },
      { progress: ({ data }) => data.progress },
    );
    one("#task .blank")?.remove();
    this.#show(0);
    wire.on("progress", ({ data }) => this.#show(data.progress));
  }

  #show(progress) {
    this.#bar.value = progress;
    this.#says.textContent = `${progress} %`;
  }
}

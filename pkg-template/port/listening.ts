/** Listeners that are taken off together. */
export class Listening {
  /** Each puts one on, or takes it off. */
  #all: ((how?: "removeEventListener") => void)[] = [];

  on(target: EventTarget | undefined, name: string, listener: (event: never) => void): void {
    // In a runtime that has no such target, or one without listeners.
    const one = (how: "addEventListener" | "removeEventListener" = "addEventListener") =>
      target?.[how]?.(name, listener as EventListener);
    one();
    this.#all.push(one);
  }

  /** Once more: what is there already stays as it is. */
  again(): void {
    for (const one of this.#all) one();
  }

  off(): void {
    for (const one of this.#all.splice(0)) one("removeEventListener");
  }
}

// The page's life, and which events tell of it.
import { Listening } from "./listening.ts";

// <calls.rs>
const LIFE_ONLINE = 0,
  LIFE_OFFLINE = 1,
  LIFE_HIDDEN = 2,
  LIFE_VISIBLE = 3,
  LIFE_FROZEN = 4,
  LIFE_RESUMED = 5,
  LIFE_LEFT = 6,
  LIFE_SHOWN = 7,
  LIFE_GONE = 8,
  BEGINS_HIDDEN = 1,
  BEGINS_OFFLINE = 2;
// </calls.rs>
/** A page that is left loses its connections some ms before it is told so (Chromium), or when the next one is asked for (Firefox). */
const LEAVING = 200;

/**
 * document.open() takes all listeners off the window and the document. Calls `again` after it, until what this gives
 * is called.
 */
export function reopened(again: () => void) {
  const observer = globalThis.MutationObserver && new MutationObserver(again);
  observer?.observe(document, { childList: true });
  return () => observer?.disconnect();
}

/** Its listeners stay until the client's end. */
export class Page extends Listening {
  #watches: unknown;
  #leaving: ReturnType<typeof setTimeout> | undefined;
  #stop: (() => void) | undefined;

  /**
   * Listens to the page's life, or only to its end where the client outlives it; `tell` hears of it. Returns what it is now: 1 hidden,
   * 2 offline.
   */
  watch(all: unknown, tell: (life: number) => void): number {
    const page = globalThis.document;
    const visibility = () => (page.visibilityState === "hidden" ? LIFE_HIDDEN : LIFE_VISIBLE);
    // `fresh`: what it is where the page has never been in the back/forward cache, nor goes there.
    const on = (target: EventTarget, name: string, code?: number, fresh?: number) =>
      this.on(target, name, (event: PageTransitionEvent) =>
        tell((event.persisted ? code : fresh) ?? code ?? visibility()),
      );
    this.#stop = reopened(() => this.again());
    // Others see into a frame or a popup, and hold what is in it when it has gone.
    if (globalThis.opener || globalThis.parent !== globalThis.window)
      this.on(globalThis, "pagehide", ({ persisted }: PageTransitionEvent) => {
        if (persisted) return;
        // Last of all: an app's own listeners may have something to send.
        if (visibility() === LIFE_HIDDEN) tell(LIFE_GONE);
        else on(page, "visibilitychange", LIFE_GONE);
      });
    if (!(this.#watches = all)) return 0;
    on(globalThis, "online", LIFE_ONLINE);
    on(globalThis, "offline", LIFE_OFFLINE);
    const offline = globalThis.navigator?.onLine === false ? BEGINS_OFFLINE : 0;
    if (!page) return offline;
    on(globalThis, "pagehide", LIFE_FROZEN, LIFE_LEFT);
    on(globalThis, "pageshow", LIFE_RESUMED, LIFE_SHOWN);
    on(page, "freeze", LIFE_FROZEN);
    on(page, "resume", LIFE_RESUMED);
    on(page, "visibilitychange");
    return offline | (visibility() === LIFE_HIDDEN ? BEGINS_HIDDEN : 0);
  }

  /** Of a connection that was lost: a promise, if it may be the page that goes, which is no failure. */
  leaving(): Promise<void> | undefined {
    // Nobody looks at a hidden one, and its timers are slow.
    if (!this.#watches || globalThis.document?.visibilityState !== "visible") return undefined;
    return new Promise((resolve) => {
      this.#leaving = setTimeout(resolve, LEAVING);
    });
  }

  off() {
    this.#watches = false;
    clearTimeout(this.#leaving);
    this.#stop?.();
    super.off();
  }
}

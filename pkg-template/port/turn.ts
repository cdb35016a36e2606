// When the page has its turn between deliveries.

/** So long, in ms, may deliveries keep the page from its turn, and so long may a frame be due. */
const SLICE = 16,
  FRAME = 12;
/**
 * Of all clients: the promise of the page's next turn; when it had the last one, and how much of the time since then deliveries took;
 * when a turn was last asked for; since when a frame is due (Infinity: it was waited for in vain), and what waits for it.
 */
let turning: Promise<void> | undefined,
  turned = 0,
  spent = 0,
  asked = 0,
  due: number | undefined,
  framed = () => {};

/** Not a timer, which browsers throttle. */
export const task = () =>
  new Promise<void>((resolve) => {
    if (typeof MessageChannel !== "function") return setTimeout(resolve);
    const { port1, port2 } = new MessageChannel();
    // Node waits for a port that is open.
    port1.onmessage = () => resolve(port1.close());
    port2.postMessage(0);
  });

async function rest(): Promise<void> {
  try {
    await scheduler.yield();
  } catch {
    // There is none, or this runs in a task of the app's that was aborted.
    await task();
  }
  // Chromium and Firefox leave frames out for 100 ms rather than a task, so there must be none.
  if (performance.now() - (due as number) > FRAME) {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, FRAME);
      framed = () => resolve(clearTimeout(timer));
    });
    due &&= Infinity;
  }
  if (due === undefined && typeof requestAnimationFrame === "function" && !globalThis.document?.hidden) {
    due = performance.now();
    requestAnimationFrame(() => {
      due = undefined;
      framed();
    });
  }
  asked = turned = performance.now();
  spent = 0;
  turning = undefined;
}

/** A promise of the page's turn, if deliveries took most of the time since it had one. `took`: this one, in ms. */
export function turn(took = performance.now() - asked): Promise<void> | undefined {
  asked = performance.now();
  spent += took;
  if (turning || spent < SLICE) return turning;
  if (asked - turned < 2 * spent) return (turning = rest());
  turned = asked;
  spent = 0;
}

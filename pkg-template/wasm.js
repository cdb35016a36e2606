// One wasm instance a page, made at the first connect. If it ever traps, all its clients close with
// `internal`, and the next connect gets a fresh one.
import { report } from "./port/report.ts";
import { unpack } from "./unpack.js";
import { EverwireError } from "./errors.js";

// <calls.rs>
const NEW = 31,
  FREE = 32;
// </calls.rs>
/** An instance with so many bytes of memory is let go of when its last client is. */
const LARGE = 2 ** 22;

let current;
let larger;

/** `everwire/duplex` brings a build of its own, which can serve the page's other clients, too. */
export function offer(wasm) {
  larger = wasm;
}

export function compile(wasm) {
  if (typeof WebAssembly !== "object") {
    throw new EverwireError("wasm-unavailable", "WebAssembly is missing, or off in a lockdown mode");
  }
  return new WebAssembly.Module(unpack(wasm));
}

/** The page's instance: `{ add, memory }`, of this build, or of a larger one that the page has. */
export function instance(wasm) {
  wasm = larger ?? wasm;
  if (current?.wasm === wasm) return current;
  /** The clients, by the numbers that the wasm knows them by: what it calls, and what ends them if it traps. */
  const clients = [];
  /** @type {any} */
  const made = { wasm };
  let dead;
  try {
    // Beside what it was made of: see build.d.ts.
    wasm[5] ??= compile(wasm);
    // WebKit asks the page's policy only here.
    const { memory, call } = /** @type {any} */ (
      new WebAssembly.Instance(wasm[5], {
        i: {
          h: (client, kind, a, b, c) => clients[client].kinds[kind](a, b, c),
          m: () => performance.now(),
          w: () => Date.now(),
          r: () => Math.random(),
        },
      }).exports
    );
    made.memory = memory;
    /** What `port` and the facade's `kinds` are called for (`Ask` in src/calls.rs), and what a client's `call` is for (`Call`). */
    made.add = (flags, port, kinds, stop) => {
      // After a trap the clients are closed already: the error has been told.
      const enter = (kind, attempt, code, high, low) => {
        try {
          if (!dead) return call(client, kind, attempt, code, high, low) >>> 0;
        } catch (cause) {
          // Nothing but a trap can throw out of there.
          if (!dead) trapped(cause);
        }
        return 0;
      };
      let client = 0;
      while (clients[client]) client++;
      clients[client] = {
        stop,
        kinds: [
          ...kinds,
          ...[
            // Ask 10: Open
            port.open,
            // Ask 11: Transmit
            port.send,
            // Ask 12: Ping
            port.sendPing,
            // Ask 13: Switch
            port.switch,
            // Ask 14: Drop
            port.drop,
            // Ask 15: Dispose
            port.dispose,
            // Ask 16: Drain
            port.drain,
            // Ask 17: Arm
            port.arm,
            // Ask 18: Disarm
            port.disarm,
            // Ask 19: Watch
            port.watch,
          ].map((ask) => ask.bind(port)),
          // Ask 20: Heard
          () => port.heard,
          // Ask 21: Checked
          (checked) => {
            port.checked = checked;
          },
          // Ask 22: Place
          () => port.overdue(),
          ...(port.kinds?.(port) ?? []),
        ],
      };
      enter(NEW, flags);
      if (dead) throw dead;
      return {
        call: enter,
        free() {
          enter(FREE);
          clients[client] = undefined;
          // A memory never shrinks: the next client gets a new one.
          if (current === made && memory.buffer.byteLength > LARGE && !clients.some(Boolean)) current = undefined;
        },
      };
    };
  } catch (cause) {
    if (cause instanceof EverwireError) throw cause;
    throw new EverwireError(
      "wasm-unavailable",
      "the browser refuses WebAssembly: its Content-Security-Policy's script-src needs 'wasm-unsafe-eval'",
      cause,
    );
  }
  const trapped = (cause) => {
    if (current === made) current = undefined;
    dead = new EverwireError(
      "internal",
      "a bug in everwire closed its clients: connect() makes a new one. Please report it",
      cause,
    );
    report(dead);
    for (const client of [...clients]) client?.stop(dead);
  };
  return (current = made);
}

// One wasm instance a page, made at the first connect. If it ever traps, all its clients close with
// `internal`, and the next connect gets a fresh one.
import { instantiate } from "#glue";
import { report } from "../src/transport/port.js";
import { EverwireError } from "./errors.js";
import { mark, pivot, size, text, unused } from "#wasm";

let module;
let current;

function compile() {
  if (typeof WebAssembly !== "object") {
    throw new EverwireError(
      "wasm-unavailable",
      "this runtime has no WebAssembly, or a lockdown mode has switched it off",
    );
  }
  // As scripts/build.mjs wrote it. A plain loop: `Uint8Array.from` takes longer than the compiler does.
  const bytes = new Uint8Array(size);
  for (let i = 0, at = 0; i < size; i++) {
    let code = text.charCodeAt(at++);
    if (code === mark) code = text.charCodeAt(at++) ^ 128;
    const byte = (pivot - code) & 255;
    bytes[i] = byte === unused ? pivot - mark : byte;
  }
  return new WebAssembly.Module(bytes);
}

/** The page's instance: `{ Wire, memory, clients, dead }`. */
export function instance() {
  if (current) return current;
  /** @type {any} */
  const made = { Wire: undefined, clients: new Set(), dead: false };
  try {
    module ??= compile();
    // WebKit asks the page's policy only here.
    made.Wire = instantiate(module, (exports) => guard(exports, made)).Wire;
  } catch (cause) {
    if (cause instanceof EverwireError) throw cause;
    throw new EverwireError(
      "wasm-unavailable",
      "the browser refused to compile WebAssembly: a Content-Security-Policy's script-src must have 'wasm-unsafe-eval'",
      cause,
    );
  }
  return (current = made);
}

/** Nothing but a trap can throw out of an export: errors for the caller are thrown by the glue, outside. */
function guard(exports, made) {
  const guarded = {};
  made.memory = exports.memory;
  for (const name of Object.keys(exports)) {
    const value = exports[name];
    // No export takes more, and rest arguments would cost each call an array.
    guarded[name] =
      typeof value !== "function"
        ? value
        : (a, b, c, d, e, f) => {
            if (made.dead) throw new EverwireError("internal", "this client's WebAssembly has stopped");
            try {
              return value(a, b, c, d, e, f);
            } catch (error) {
              trapped(made, error);
              throw error;
            }
          };
  }
  return guarded;
}

function trapped(made, cause) {
  if (made.dead) return;
  made.dead = true;
  if (current === made) current = undefined;
  const error = new EverwireError(
    "internal",
    "a fault in everwire itself: its clients are closed, a new connect() starts afresh. Please report it",
    cause,
  );
  report(error);
  for (const stop of [...made.clients]) stop(error);
}

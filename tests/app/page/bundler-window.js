// The page of webpack, which makes a file of its own of what the worker runs.
import "./bundler.js";

Reflect.set(globalThis, "worker", () => new Worker(new URL("./bundler.js", import.meta.url)));

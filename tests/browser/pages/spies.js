// Patches of the platform that count what is not given back. Import it before the package.

/** Every WebAssembly instance made on this page. */
export const instances = [];
if (globalThis.WebAssembly) {
  WebAssembly.Instance = new Proxy(WebAssembly.Instance, {
    construct(target, given, newTarget) {
      const instance = Reflect.construct(target, given, newTarget);
      instances.push(instance);
      return instance;
    },
  });
}

export const memories = (instance) =>
  Object.values(instance.exports).filter((item) => item instanceof WebAssembly.Memory);
const timers = new Set();
for (const [set, clear] of [
  ["setTimeout", "clearTimeout"],
  ["setInterval", "clearInterval"],
]) {
  const [originalSet, originalClear] = [globalThis[set], globalThis[clear]];
  globalThis[set] = (callback, delay, ...given) => {
    const id = originalSet.call(
      globalThis,
      (...now) => {
        if (set === "setTimeout") timers.delete(id);
        return typeof callback === "function" ? callback(...now) : undefined;
      },
      delay,
      ...given,
    );
    // WebKit's driver has one in the page for each question of the runner's: not always gone when a test looks.
    if (!/evaluateJavaScriptFunction/.test(String(new Error("who sets it").stack))) timers.add(id);
    return id;
  };
  globalThis[clear] = (id) => {
    timers.delete(id);
    originalClear.call(globalThis, id);
  };
}

const listeners = new Set();
const targets = new WeakMap();
let nextTarget = 0;
const { addEventListener, removeEventListener } = EventTarget.prototype;
const keyOf = (target, type, listener, options) => {
  const number = (object) => {
    if (!targets.has(object)) targets.set(object, nextTarget++);
    return targets.get(object);
  };
  const capture = typeof options === "object" && options !== null ? Boolean(options.capture) : Boolean(options);
  return `${target.constructor.name} ${type} ${number(target)} ${number(listener)} ${capture}`;
};
// What a test listens to on a client is the test's own.
const platform = (target) => /\[native code\]/.test(Function.prototype.toString.call(target.constructor));
EventTarget.prototype.addEventListener = function (type, listener, /** @type {any} */ options) {
  // In a module `this` is undefined for a bare addEventListener(…): it means the global object.
  const target = this ?? globalThis;
  if (listener && platform(target) && !options?.signal?.aborted) {
    const key = keyOf(target, type, listener, options);
    listeners.add(key);
    if (options?.signal) addEventListener.call(options.signal, "abort", () => listeners.delete(key), { once: true });
    if (options?.once) addEventListener.call(target, type, () => listeners.delete(key), { once: true });
  }
  return addEventListener.call(target, type, listener, options);
};
EventTarget.prototype.removeEventListener = function (type, listener, options) {
  const target = this ?? globalThis;
  if (listener) listeners.delete(keyOf(target, type, listener, options));
  return removeEventListener.call(target, type, listener, options);
};

/** What is set and not given back. */
export const held = () => ({ timers: timers.size, listeners: [...listeners] });

// What WebIDL, HTML and URL make of the standard's classes, for the drop-ins.

/** Event handler attributes, constants on the class and its objects, and members that for…in sees. */
export function standardize(Class, name, events, constants) {
  const handlers = new WeakMap();
  for (const type of events)
    Object.defineProperty(Class.prototype, `on${type}`, {
      get() {
        return handlers.get(this)?.[type]?.handler ?? null;
      },
      set(given) {
        const handler = typeof given === "function" || (typeof given === "object" && given) ? given : undefined;
        const own = handlers.get(this) ?? {};
        handlers.set(this, own);
        const entry = own[type];
        // It has the place among the listeners at which it was set, until it is set to null (HTML, event handlers).
        if (handler && entry) return void (entry.handler = handler);
        if (entry) this.removeEventListener(type, entry.listener);
        own[type] = undefined;
        if (!handler) return;
        const made = (own[type] = {
          handler,
          listener: (event) => {
            if (typeof made.handler === "function") made.handler.call(this, event);
          },
        });
        this.addEventListener(type, made.listener);
      },
      configurable: true,
    });
  for (const member of Object.getOwnPropertyNames(Class.prototype)) {
    if (member !== "constructor") Object.defineProperty(Class.prototype, member, { enumerable: true });
  }
  for (const target of [Class, Class.prototype]) {
    for (const [constant, value] of Object.entries(constants))
      Object.defineProperty(target, constant, { value, enumerable: true });
  }
  // Minifiers rename classes.
  Object.defineProperty(Class, "name", { value: name, configurable: true });
  Object.defineProperty(Class.prototype, Symbol.toStringTag, { value: name, configurable: true });
}

/** The URL, relative to the document's base, or to a worker's own address. */
export function resolve(url, name) {
  // Its own error, if it has no text.
  const text = `${url}`;
  try {
    const target = new URL(text, globalThis.document?.baseURI ?? globalThis.location?.href);
    // Chromium escapes what cannot be in a host, where the URL standard fails.
    if (/^(http|ws)s?:$/.test(target.protocol) && target.hostname.includes("%")) throw target;
    return target;
  } catch {
    throw new DOMException(`everwire: the ${name}'s URL cannot be resolved`, "SyntaxError");
  }
}

/** A `close` event; Node 20 has no class for it. */
export function closeEvent(init) {
  return typeof CloseEvent === "function" ? new CloseEvent("close", init) : Object.assign(new Event("close"), init);
}

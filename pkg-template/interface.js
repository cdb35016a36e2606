// What WebIDL, HTML and URL make of the standard's classes, for the drop-ins.

// Of the platform, whatever an app puts over them on its own objects or classes: the browser asks nobody either.
const { addEventListener, removeEventListener, dispatchEvent } = EventTarget.prototype;

/** Dispatches an event of the class's own. */
export const tell = (target, event) => dispatchEvent.call(target, event);

/** By a task. Firefox throws where the window is gone, in which there are none. */
export function later(run) {
  try {
    setTimeout(run);
  } catch {}
}

/** An object made for what has no prototype is of this class all the same (WebIDL, to internally create an object). */
export function enlist(object, { prototype }, Class) {
  if (Object(prototype) !== prototype) Object.setPrototypeOf(object, Class.prototype);
}

/** Event handler attributes, constants on the class and its objects, and members that for…in sees. */
export function standardize(Class, name, events, constants) {
  const { prototype } = Class;
  // Throws on every object that is none of this class.
  const check = /** @type {any} */ (Object.getOwnPropertyDescriptor(prototype, "url")).get;
  const handlers = new WeakMap();
  for (const type of events) {
    const attribute = `on${type}`;
    // Names in brackets, so that the functions have them, too.
    const accessors = {
      get [attribute]() {
        check.call(this);
        return handlers.get(this)?.[type]?.handler ?? null;
      },
      set [attribute](given) {
        check.call(this);
        const handler = typeof given === "function" || (typeof given === "object" && given) ? given : undefined;
        const own = handlers.get(this) ?? {};
        handlers.set(this, own);
        const entry = own[type];
        // It has the place among the listeners at which it was set, until it is set to null (HTML, event handlers).
        if (handler && entry) {
          entry.handler = handler;
          return;
        }
        if (entry) removeEventListener.call(this, type, entry.listener);
        own[type] = undefined;
        if (!handler) return;
        const made = (own[type] = {
          handler,
          listener: (event) => {
            // `false` cancels (HTML, the event handler processing algorithm).
            if (typeof made.handler === "function" && made.handler.call(this, event) === false) event.preventDefault();
          },
        });
        addEventListener.call(this, type, made.listener);
      },
    };
    const described = /** @type {PropertyDescriptor} */ (Object.getOwnPropertyDescriptor(accessors, attribute));
    Object.defineProperty(prototype, attribute, described);
  }
  for (const member of Object.getOwnPropertyNames(prototype)) {
    if (member !== "constructor") Object.defineProperty(prototype, member, { enumerable: true });
  }
  for (const target of [Class, prototype]) {
    for (const [constant, value] of Object.entries(constants))
      Object.defineProperty(target, constant, { value, enumerable: true });
  }
  // Minifiers rename classes.
  Object.defineProperty(Class, "name", { value: name, configurable: true });
  Object.defineProperty(prototype, Symbol.toStringTag, { value: name, configurable: true });
}

/** The URL of a text, relative to the document's base, or to a worker's own address. */
export function resolve(text, name) {
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

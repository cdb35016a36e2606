// The standard's own class (HTML, server-sent events) over everwire's fetch-streamed SSE.
import { isStream } from "./links/answer.ts";
import { fetched } from "./links/dials.ts";
import { Client } from "./client.js";
import { enlist, resolve, standardize, tell } from "./interface.js";
import { PLAINLY, readOptions } from "./options.js";
import { instance } from "./wasm.js";
import { wasm } from "#wasm/everwire.js";

const CONNECTING = 0,
  OPEN = 1,
  CLOSED = 2;

/** The `error` event of this class. The standard's says nothing more; `code` and `message` are those of npm's `eventsource`. */
export class ErrorEvent extends Event {
  constructor(type, /** @type {any} */ init = {}) {
    super(type, init);
    const { code, message, error } = init;
    Object.assign(this, { code, message, error });
  }

  // Node shows of an event only what all events have.
  [Symbol.for("nodejs.util.inspect.custom")](_depth, options, inspect) {
    const { type, code, message, error } = /** @type {any} */ (this);
    return `ErrorEvent ${inspect({ type, code, message, error }, options)}`;
  }
}

/** What an error and its causes say. Of a failed connection the causes alone: our own sentence is that nobody says why. */
function words(error) {
  const said = [];
  const see = ({ code }) => `; see ${EVERWIRE_ERRORS}#${code}`;
  for (let at = (error.code === "network" && error.cause) || error; at?.message && said.length < 3; at = at.cause)
    said.push(at.message.replace(see(at), ""));
  // The address stands last, once.
  return said.join(": ") + see(error);
}

/** Its query in the encoding of the page, as HTML has it for all addresses but a WebSocket's. */
function inPage(text) {
  const page = globalThis.document;
  if (!page || page.characterSet === "UTF-8") return text;
  return Object.assign(page.createElement("a"), { href: text }).href;
}

/** A character for each byte. */
const bytes = (encoded) => encoded.replace(/%(..)/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));

/**
 * What an object knows of its requests and the core does not.
 * @typedef {{ opened?: boolean, futile?: boolean, status?: number }} Found
 */

/** The browser's own answers have a body, or are empty; those of a caller's function may be anything. */
const readable =
  (fetch, /** @type {Found} */ found) =>
  async (...request) => {
    const response = await fetch(...request);
    if (isStream(response, request[1] ?? {}) && typeof response.body?.getReader !== "function") {
      found.futile = true;
      found.status = response.status;
      throw new TypeError("everwire: the answer has no body that can be read as a stream");
    }
    return response;
  };

/**
 * The standard's class gives up when a server does not admit this origin (CORS). Fetch tells that like any other failure.
 * So a server that never let us in is asked for what needs no admission. If it answers, and the request fails once more,
 * it is there and does not admit us.
 */
const admitted = (/** @type {Found} */ found) => async (url, init) => {
  try {
    return await fetch(url, init);
  } catch (error) {
    const { credentials, signal } = init;
    if (found.opened || signal.aborted) throw error;
    await fetch(url, { method: "HEAD", mode: "no-cors", cache: "no-store", credentials, signal });
    try {
      return await fetch(url, init);
    } catch (cause) {
      if (signal.aborted) throw cause;
      found.futile = true;
      throw new TypeError("everwire: the server answers, but does not admit this origin (CORS)", { cause });
    }
  }
};

const LINKS = [undefined, undefined, undefined, fetched];

export class EventSource extends EventTarget {
  /** @type {Client | undefined} */
  #client;
  #url;
  #withCredentials;
  #closed = false;

  constructor(url, /** @type {any} */ init = undefined) {
    // biome-ignore lint/complexity/noArguments: WebIDL counts the arguments; `undefined` is one.
    if (!arguments.length) throw new TypeError("everwire: EventSource needs a URL");
    super();
    enlist(this, new.target, EventSource);
    // In WebIDL's order: both arguments are converted before the URL is looked at.
    const text = `${url}`;
    if (!/^(object|function|undefined)$/.test(typeof init))
      throw new TypeError("everwire: the second argument of EventSource must be an object");
    const { withCredentials, method, headers, body, fetch: given, heartbeat, reconnect, maxEventBytes } = init ?? {};
    this.#withCredentials = !!withCredentials;
    let target = resolve(inPage(text), "EventSource");
    this.#url = target.href;
    const { protocol, username, password } = target;
    const local = /^(data|blob):$/.test(protocol);
    // The standard says so only when it connects.
    if (!local && !/^https?:$/.test(protocol)) {
      const message = "everwire: an EventSource's URL must have the scheme http:, https:, data: or blob:";
      setTimeout(() => this.#closed || this.#fail({ message }));
      return;
    }
    const standard = reconnect === undefined;
    /** @type {Found} */
    const found = {};
    let send = given,
      named = headers;
    if (local) send = (_url, how) => (given ?? fetch)(this.#url, how);
    if (typeof given === "function") send = readable(send, found);
    else if (
      !local &&
      standard &&
      !given &&
      !method &&
      typeof fetch === "function" &&
      target.origin !== globalThis.origin
    )
      send = admitted(found);
    // No server, so no address of one.
    if (local) target = new URL("http://localhost/");
    // Fetch refuses an address that has them.
    if (username || password) {
      target.username = target.password = "";
      named ??= { authorization: `Basic ${btoa(bytes(`${username}:${password}`))}` };
    }
    const options = {
      transport: "fetch",
      server: true,
      codec: "text",
      withCredentials: this.#withCredentials,
      heartbeat,
      reconnect,
      maxEventBytes,
      resume: { via: "header" },
      // As the standard's class, but with what is the app's own.
      http: { method, headers: named, body, fetch: send, redirect: named || body || given ? undefined : "follow" },
      // By the standard each answer but a good one is the end; who sets `reconnect` gets everwire's table alone.
      shouldReconnect: ({ status }) => (found.futile || (status && standard) ? false : undefined),
      [PLAINLY]: true,
    };
    const client = (this.#client = new Client([target], readOptions(options, [target]), instance(wasm), LINKS));
    const failed = (error) =>
      this.#fail(error ? { code: error.status || found.status, message: words(error), error } : {});
    client.addEventListener("open", () => {
      found.opened = true;
      tell(this, new Event("open"));
    });
    client.addEventListener("retry", (/** @type {any} */ { failure }) => failed(failure));
    client.addEventListener(
      "close",
      // In a window that is gone the browser's own is closed without a word, but for Chromium's.
      (/** @type {any} */ { reason, error }) => /^(app|unloaded)$/.test(reason) || failed(error ?? client.lastFailure),
    );
    client.on(({ type, data, origin, lastEventId }) =>
      tell(this, new MessageEvent(type, { data, origin, lastEventId })),
    );
  }

  get url() {
    return this.#url;
  }

  get withCredentials() {
    return this.#withCredentials;
  }

  get readyState() {
    return this.#client?.readyState ?? CLOSED;
  }

  close() {
    this.#closed = true;
    this.#client?.close();
  }

  #fail(why) {
    tell(this, new ErrorEvent("error", why));
  }
}

standardize(EventSource, "EventSource", ["open", "message", "error"], { CONNECTING, OPEN, CLOSED });

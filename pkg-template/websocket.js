// The standard's own class (WebSockets Standard) over everwire: one object is one connection, which is watched.
import { isBytes } from "./port/message.ts";
import { Client } from "./client.js";
import { byteLength } from "./encode.js";
import { EverwireError } from "./errors.js";
import { closeEvent, enlist, later, resolve, standardize, tell } from "./interface.js";
import { FORMS, PLAINLY, check, readForm, readOptions, wrongProtocols } from "./options.js";
import { WebSocketLink } from "./links/websocket.ts";
import { Port } from "./port/port.ts";
import { instance } from "./wasm.js";
import { wasm } from "#wasm/everwire.js";

const CONNECTING = 0,
  OPEN = 1,
  CLOSING = 2,
  CLOSED = 3;
// <calls.rs>
const FOLLOW = 27,
  ASK_JOIN = 23,
  ASK_LOSS = 26,
  OPTION_RECONNECTS = 1,
  TAKEN_SENT = 1;
// </calls.rs>

/** @type {any} */
let platform = globalThis.WebSocket;

/** The browser's class. This one, or one made from it, may stand in its place on globalThis. */
function platformClass() {
  /** @type {any} */
  const given = globalThis.WebSocket;
  if (given !== WebSocket && !(given?.prototype instanceof WebSocket)) platform = given;
  if (typeof platform === "function") return platform;
  throw new EverwireError(
    "unsupported",
    "this runtime has no WebSocket. On a server, make one in the browser only; in Node, put one on globalThis",
  );
}

/** Held, as in a frame that was removed Chromium has none to give. */
const { DOMException } = globalThis;
const syntaxError = (problem) => new DOMException(`everwire: ${problem}`, "SyntaxError");

/** WebIDL's union of a string and a sequence of strings. */
const list = (protocols) =>
  protocols !== null && /^(object|function)$/.test(typeof protocols) && protocols[Symbol.iterator] != null
    ? Array.from(protocols, (name) => `${name}`)
    : [`${protocols}`];

/** WebIDL's `[Clamp] unsigned short`: ties go to the even one. */
function clamp(value) {
  const number = Math.min(Math.max(+value || 0, 0), 65_535);
  const rounded = Math.round(number);
  return rounded - number === 0.5 && rounded % 2 ? rounded - 1 : rounded;
}

// What they are is looked at later.
const OPTIONS = ["heartbeat", "openTimeout", "reconnect", "backoff", "pageLifecycle"];
const names = (keys) => keys.map((key) => `${key}=anything\n`).join("");
const RECONNECT = names("initialDelay maxDelay factor jitter maxAttempts stableAfter maxServerDelay".split(" "));
const BACKOFF = /** @type {string[]} */ (
  FORMS.reconnect.match(/^(initialDelay|maxDelay|factor|jitter|stableAfter)=.*/gm)
).join("\n");
let warned = false;

/** By URL what the last object left for the next one; the core says what that is, and for how long it counts. */
const losses = new Map();
/** So many are kept: the longest untouched goes first. */
const KEPT = 100;

function remember(url, loss) {
  losses.delete(url);
  losses.set(url, loss);
  if (losses.size > KEPT) losses.delete(losses.keys().next().value);
}

/**
 * The third argument. The standard's constructor has none and ignores what is there, and so does this one, unless it has
 * one of the options. Other keys may be those of the npm package `ws`, or a mistake: that is said once.
 */
function ours(given) {
  if (given === null || typeof given !== "object") return {};
  const keys = Object.keys(given);
  if (keys.some((key) => OPTIONS.includes(key))) return given;
  if (keys.length && !warned) {
    // biome-ignore lint/suspicious/noConsole: to throw would not be the standard's way, and there is no other to be heard.
    console.warn(`everwire: WebSocket ignores ${keys.join(", ")}; its options are ${OPTIONS.join(", ")}`);
    warned = true;
  }
  return {};
}

/** Of any realm: what is no Blob has no size to this getter. */
function isBlob(value) {
  try {
    return /** @type {any} */ (Object.getOwnPropertyDescriptor(Blob.prototype, "size")).get.call(value) >= 0;
  } catch {
    return false;
  }
}

/**
 * Keeps what a socket tells before the client listens to it, and gives what tells it again. The client begins by a microtask: a test
 * double may be faster, and after a script of its driver WebKit runs none until a listener was called.
 */
function held(socket) {
  const types = ["open", "message", "error", "close"],
    early = [],
    drop = () => {
      for (const type of types) socket.removeEventListener(type, hold);
    };
  const hold = (event) => {
    early.push(event);
    // The last one there is. Of a client that was closed at once nobody asks again.
    if (event.type === "close") drop();
  };
  for (const type of types) socket.addEventListener(type, hold);
  return () => {
    drop();
    // Copies: the last one may still be on its way.
    for (const event of early) socket.dispatchEvent(new event.constructor(event.type, event));
  };
}

class DropIn extends Port {
  /** Nothing is ever sent from the outbox, and so nothing on another connection: see send(). */
  send() {
    return TAKEN_SENT;
  }
}

export class WebSocket extends EventTarget {
  #url;
  #settings;
  #client;
  /** The platform's, the last one. */
  #socket;
  /** The same, while its end is this object's to tell. */
  #link;
  #listeners;
  /** How the platform's ended. */
  #end;
  #failed = false;
  #state = CONNECTING;
  #suspended = false;
  #hasOpened = false;
  /** Bytes given to `send` when nothing could be sent. */
  #unsent = 0;
  #binaryType = "blob";

  constructor(url, protocols = [], more = undefined) {
    // biome-ignore lint/complexity/noArguments: WebIDL counts the arguments; `undefined` is one.
    if (!arguments.length) throw new TypeError("everwire: WebSocket needs a URL");
    super();
    enlist(this, new.target, WebSocket);
    // In WebIDL's order: both arguments are converted before the URL is looked at.
    const text = `${url}`,
      offered = list(protocols);
    const target = resolve(text, "WebSocket");
    target.protocol = target.protocol.replace("http", "ws");
    if (!/^wss?:$/.test(target.protocol))
      throw syntaxError("a WebSocket's URL must have the scheme ws:, wss:, http: or https:");
    // Also an empty one, which `hash` does not tell.
    if (target.href.includes("#")) throw syntaxError("a WebSocket's URL must have no fragment");
    this.#url = target.href;
    const wrong = wrongProtocols(offered);
    if (wrong) throw syntaxError(wrong);

    const options = ours(more);
    const {
      heartbeat,
      openTimeout,
      reconnect = false,
      backoff = true,
      pageLifecycle = true,
    } = readForm("", options, names(OPTIONS));
    // Another connection in this one's place is what no code of the standard's expects: maxAge, failback and notice are none.
    if (typeof reconnect === "object" && reconnect) readForm("reconnect", reconnect, RECONNECT);
    const delays = readForm("backoff", check("backoff", backoff, "true, false or an object"), BACKOFF);
    const settings = (this.#settings = readOptions(
      {
        transport: "websocket",
        server: true,
        codec: "text",
        protocols: offered,
        outbox: { maxMessages: 0 },
        heartbeat,
        openTimeout,
        // One that repeats has its own; where it does not, these are the next object's.
        reconnect: reconnect || delays,
        pageLifecycle,
        [PLAINLY]: true,
      },
      [this.#url],
    ));
    if (!reconnect) settings.flags ^= OPTION_RECONNECTS;
    const adopt = () => this.#adopt(new (platformClass())(this.#url, offered));
    const dial = (port, request) => {
      const made = first;
      first = undefined;
      // Not before the client's own listeners are on.
      if (made) queueMicrotask(() => replay(made));
      return new WebSocketLink(port, request, made ?? adopt());
    };
    Object.assign(settings.port, {
      native: true,
      kinds: () => Object.assign([], { [ASK_LOSS - ASK_JOIN]: (...loss) => remember(this.#url, loss) }),
    });
    platformClass();
    // Made here and now, as the browser's own: what that throws (mixed content, in some browsers) this constructor throws.
    let first;
    let replay;
    const call = this.#connect(dial);
    const [retries, until, sooner] = losses.get(this.#url) ?? [];
    if (backoff && call(FOLLOW, retries, sooner, until / 2 ** 32, until)) return;
    try {
      replay = held((first = adopt()));
    } catch (error) {
      this.#client.close();
      throw error;
    }
  }

  get url() {
    return this.#url;
  }

  get readyState() {
    // The server may have begun to close it; a page that was frozen has let go of it.
    return this.#state === OPEN ? Math.max(OPEN, this.#socket.readyState) : this.#state;
  }

  get bufferedAmount() {
    return (this.#socket?.bufferedAmount ?? 0) + this.#unsent;
  }

  get extensions() {
    return this.#socket?.extensions ?? "";
  }

  get protocol() {
    return this.#socket?.protocol ?? "";
  }

  get binaryType() {
    return this.#binaryType;
  }

  set binaryType(value) {
    WebSocket.#check(this);
    const type = `${value}`;
    if (type !== "blob" && type !== "arraybuffer") return;
    this.#binaryType = type;
    if (this.#hasOpened) this.#socket.binaryType = type;
  }

  send(data) {
    WebSocket.#check(this);
    // biome-ignore lint/complexity/noArguments: WebIDL counts the arguments; `undefined` is one.
    if (!arguments.length) throw new TypeError("everwire: send needs data");
    const payload = isBytes(data) || isBlob(data) ? data : `${data}`;
    // Code that only knows one connection is not ready for a throw in mid-life.
    if (this.#state === CONNECTING && !this.#hasOpened)
      throw new DOMException("everwire: the WebSocket is not open yet", "InvalidStateError");
    if (this.#state !== OPEN || this.#socket.readyState !== OPEN) {
      this.#unsent += byteLength(payload);
      return;
    }
    this.#socket.send(payload);
    // The watchdog asks after a send that nothing answers.
    if (this.#settings.heartbeat) this.#client.send("");
  }

  close(code = undefined, reason = undefined) {
    WebSocket.#check(this);
    const number = code === undefined ? 1000 : clamp(code),
      words = reason === undefined ? "" : `${reason}`;
    if (number !== 1000 && !(number >= 3000 && number <= 4999)) {
      throw new DOMException("everwire: the close code must be 1000, or 3000 to 4999", "InvalidAccessError");
    }
    if (byteLength(words) > 123) throw syntaxError("the close reason must have at most 123 bytes");
    const live = this.#state <= OPEN;
    const link = this.#link;
    if (live) {
      // Without a code there is no room for a reason; and close(undefined) is a code to some browsers.
      if (code === undefined) link?.close();
      else link?.close(number, words);
      this.#state = CLOSING;
    }
    // Also in a handler of `close`, where one that repeats is not over yet.
    this.#client.close();
    // By a task, as the standard has it; a link tells its end itself.
    if (live && !link) later(() => this.#lost(true));
  }

  /** Before an argument is converted, as WebIDL has it. */
  static #check(object) {
    if (!(#url in object)) throw new TypeError("everwire: this is no WebSocket");
  }

  /** Gives the client's `call`. */
  #connect(dial) {
    const { memory, add } = instance(wasm);
    let made;
    // The name and the password are the browser's affair: it gets the whole address.
    const address = new URL(this.#url);
    address.username = address.password = "";
    const meeting = { memory, add: (...given) => (made = add(...given)) };
    const client = (this.#client = new Client([address.href], this.#settings, meeting, [undefined, dial], DropIn));
    client.addEventListener("open", () => {
      this.#state = OPEN;
      this.#hasOpened = true;
      this.#unsent = 0;
      this.#socket.binaryType = this.#binaryType;
      tell(this, new Event("open"));
    });
    client.on(({ data, origin }) => tell(this, new MessageEvent("message", { data, origin })));
    client.addEventListener("statechange", () => {
      const returned = this.#suspended;
      this.#suspended = client.state === "suspended";
      // What becomes of a socket that was let go of is not news.
      if (this.#suspended) this.#letGo();
      else if (returned && this.#state === OPEN && client.state !== "closed") this.#lost(false);
    });
    client.addEventListener("retry", () => this.#lost(false));
    client.addEventListener("close", (/** @type {any} */ { reason }) => {
      // In a window that is gone the browser's own is closed without a word.
      if (reason === "unloaded") {
        this.#letGo();
        this.#state = CLOSED;
      } else if (reason !== "app") this.#lost(true);
    });
    return made.call;
  }

  /** Hears how the platform's socket ends, before the client does. */
  #adopt(socket) {
    this.#socket = this.#link = socket;
    this.#failed = false;
    this.#listeners = {
      error: () => {
        this.#failed = true;
        // Of what they refuse by themselves (a policy of the page, a port) Chromium and WebKit tell no close.
        setTimeout(() => {
          if (this.#link === socket && !this.#end && socket.readyState === CLOSED)
            socket.dispatchEvent?.(closeEvent({ code: 1006, reason: "", wasClean: false }));
        });
      },
      close: (event) => {
        this.#end = event;
        if (this.#state === CLOSING) this.#lost(true);
      },
    };
    for (const [type, listener] of Object.entries(this.#listeners)) socket.addEventListener(type, listener);
    return socket;
  }

  #letGo() {
    const link = this.#link;
    this.#link = this.#end = undefined;
    if (link) for (const [type, listener] of Object.entries(this.#listeners)) link.removeEventListener(type, listener);
  }

  /** A connection, or an attempt, is over. */
  #lost(last) {
    const wasOpen = this.#state === OPEN;
    // One that everwire gave up has failed, too.
    const { code, reason, wasClean } = this.#end ?? { code: 1006, reason: "", wasClean: false };
    const failed = !this.#end || this.#failed;
    this.#letGo();
    this.#state = CLOSED;
    if (failed) tell(this, new Event("error"));
    // Of one that repeats, `open` and `close` take turns; `error` tells the attempts between. Its handler may close it.
    if (wasOpen || last || this.#client.state === "closed") tell(this, closeEvent({ code, reason, wasClean }));
    if (!last && this.#client.state !== "closed") this.#state = CONNECTING;
  }
}

standardize(WebSocket, "WebSocket", ["open", "message", "error", "close"], { CONNECTING, OPEN, CLOSING, CLOSED });

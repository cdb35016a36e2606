// What WebIDL, DOM and HTML make of the two interfaces: the same questions to the browser's own class and to the drop-in,
// with the same answers. Where an engine strays from the standard, or no script can follow, the test says so.
import { EventSource as DropInSource, ErrorEvent as SourceError } from "/pkg/eventsource.js";
import { WebSocket as DropInSocket } from "/pkg/websocket.js";
import { after, equal, ok, test, thrown, waitFor } from "../harness.js";
import { script, toWebSocket, unique, wire, ws } from "../server.js";

const echo = () => ws(`/echo?${unique()}`);
const stream = (...chunks) => script("sse", [chunks.map((chunk) => ["send", chunk])]).url;

const sockets = { name: "WebSocket", Native: WebSocket, DropIn: DropInSocket, url: echo };
const sources = {
  name: "EventSource",
  Native: EventSource,
  DropIn: DropInSource,
  url: () => stream("retry: 60000\ndata: a\n\n"),
};

/** What a call came to: its value, or the name of what it threw. */
function outcome(body) {
  try {
    return { value: body() };
  } catch (error) {
    // An app's own error says more.
    return { error: error.name === "Error" ? error.message : error.name };
  }
}

function make(Class, ...args) {
  const made = new Class(...args);
  after(() => made.close());
  return made;
}

/** Fails with the name of the first question that the two answer differently. */
function same(native, dropIn, what) {
  for (const key of new Set([...Object.keys(native), ...Object.keys(dropIn)]))
    equal(dropIn[key], native[key], `${what}: ${key}`);
}

/** A value whose conversions are written down. */
const watched = (log, name, text) => ({
  toString() {
    log.push(name);
    return text;
  },
});

for (const { name, Native, DropIn, url } of [sockets, sources]) {
  test(`${name}: the class, its prototype and their properties`, async () => {
    const describe = (Class) => {
      const answers = {
        kind: [typeof Class, Object.isExtensible(Class), Object.isFrozen(Class)],
        parent: [
          Object.getPrototypeOf(Class) === EventTarget,
          Object.getPrototypeOf(Class.prototype) === EventTarget.prototype,
        ],
        tag: [Object.prototype.toString.call(Class.prototype), `${String(Class.prototype)}`],
        forIn: (() => {
          const members = [];
          for (const member in Class.prototype) members.push(member);
          return members.sort();
        })(),
        keys: [Object.keys(Class).sort(), Object.keys(Class.prototype).sort()],
      };
      for (const [where, target] of [
        ["class", Class],
        ["prototype", Class.prototype],
      ]) {
        // Functions of older engines have more: `arguments` and `caller`.
        for (const key of Reflect.ownKeys(target).filter((key) => key !== "arguments" && key !== "caller")) {
          const { value, get, set, ...flags } = /** @type {any} */ (Object.getOwnPropertyDescriptor(target, key));
          answers[`${where}.${String(key)}`] = [
            flags,
            typeof value,
            /^(string|number)$/.test(typeof value) && value,
            ...[value, get, set].map(
              (it) => typeof it === "function" && [it.name, it.length, Object.hasOwn(it, "prototype")],
            ),
          ];
        }
      }
      return answers;
    };
    same(describe(Native), describe(DropIn), "the answer");
  });

  test(`${name}: on what is none, its members throw before they look at anything else`, async () => {
    const describe = (Class) => {
      const own = make(Class, url());
      const answers = {};
      const strangers = {
        object: {},
        nothing: undefined,
        null: null,
        number: 5,
        target: new EventTarget(),
        prototype: Class.prototype,
        heir: Object.create(own),
      };
      for (const [key, { get, set, value }] of Object.entries(Object.getOwnPropertyDescriptors(Class.prototype))) {
        if (key === "constructor") continue;
        for (const [whose, stranger] of Object.entries(strangers)) {
          const log = [];
          const given = watched(log, "converted", "blob");
          answers[`${key} of ${whose}`] = [get, set, typeof value === "function" && value]
            .filter(Boolean)
            .map((member) => outcome(() => void member.call(stranger, given)));
          answers[`${key} of ${whose}`].push(log);
        }
      }
      answers.count = Object.keys(answers).length;
      return answers;
    };
    const native = describe(Native);
    ok(native.count > 50, `${native.count} questions`);
    same(native, describe(DropIn), "the answer");
  });

  test(`${name}: without new, and new for others`, async () => {
    const describe = (Class) => {
      class Heir extends Class {
        more() {
          return this.readyState;
        }
      }
      const heir = make(Heir, url());
      const foreign = (prototype) => {
        function Made() {}
        Made.prototype = prototype;
        const made = Reflect.construct(Class, [url()], Made);
        const { close } = Class.prototype;
        after(() => close.call(made));
        return [Object.getPrototypeOf(made) === (prototype ?? Class.prototype), typeof made.close];
      };
      return {
        called: outcome(() => Class(url())),
        onObject: outcome(() => Class.call({}, url())),
        onOwn: outcome(() => Class.call(heir, url())),
        heir: [
          heir instanceof Heir,
          heir instanceof Class,
          heir instanceof EventTarget,
          heir.more(),
          Heir.OPEN,
          heir.OPEN,
        ],
        texts: [String(heir), Object.prototype.toString.call(heir), JSON.stringify(heir) === "{}", Object.keys(heir)],
        forOthers: foreign({ close: 5 }),
        // Chromium's own is an EventTarget then.
        forNobody: Class === DropIn ? foreign(null) : [true, "function"],
        bound: outcome(() => make(Class.bind(null, url())) instanceof Class),
        cloned: outcome(() => structuredClone(heir)),
        readOnly: ["url", "readyState"].map((key) =>
          outcome(() => {
            heir[key] = "x";
          }),
        ),
        constants: outcome(() => {
          Class.OPEN = 7;
        }),
      };
    };
    const native = describe(Native);
    // The native JSON of an event target is that of its own enumerable properties: none.
    same(native, describe(DropIn), "the answer");
  });

  test(`${name}: the constructor's first argument`, async () => {
    const host = name === "WebSocket" ? toWebSocket(wire) : wire;
    const givens = {
      none: [],
      undefined: [undefined],
      null: [null],
      number: [5],
      symbol: [Symbol("x")],
      URL: [new URL(`${host}/echo`)],
      text: [watched([], "", `${host}/echo?a`)],
      valueOf: [{ valueOf: () => `${host}/echo` }],
      throws: [
        {
          toString() {
            throw new Error("mine");
          },
        },
      ],
      nothingToConvert: [Object.create(null)],
      surrogate: [`${host}/echo?\ud800x`],
      spaces: [`  ${host}/echo  `],
      newlines: [`${host}/ec\nho`],
      location: [location],
      anchor: [Object.assign(document.createElement("a"), { href: `${host}/echo` })],
      bad: ["http://["],
      badPort: [`${host.replace(/:\d+$/, "")}:99999/`],
    };
    for (const [what, args] of Object.entries(givens)) {
      const ask = (Class) =>
        outcome(() => {
          const made = make(Class, ...args);
          return made.url;
        });
      equal(ask(DropIn), ask(Native), what);
    }
  });

  test(`${name}: event handler attributes`, async () => {
    const describe = (Class) => {
      const made = make(Class, url());
      const answers = {};
      for (const [what, given] of Object.entries({
        null: null,
        undefined,
        number: 5,
        text: "x",
        symbol: Symbol.iterator,
        true: true,
        object: { handleEvent() {} },
        array: [],
        function: () => {},
        class: class {},
      })) {
        made.onmessage = () => {};
        answers[what] = outcome(() => {
          made.onmessage = given;
          return made.onmessage === given ? "kept" : made.onmessage;
        });
      }
      const log = [];
      made.onmessage = { handleEvent: () => log.push("handleEvent") };
      made.dispatchEvent(new Event("message"));
      made.onmessage = function (event) {
        log.push(["first", this === made, event.type, event.currentTarget === made, event.eventPhase]);
      };
      made.addEventListener("message", () => log.push("listener"));
      // It keeps its place.
      made.onmessage = () => log.push("second");
      made.dispatchEvent(new Event("message"));
      made.onmessage = null;
      made.dispatchEvent(new Event("message"));
      // And loses it when it is removed.
      made.onmessage = () => log.push("third");
      made.dispatchEvent(new Event("message"));
      made.onmessage = 5;
      made.dispatchEvent(new Event("message"));
      answers.order = log;
      for (const [what, given] of Object.entries({ false: false, undefined, null: null, zero: 0, true: true })) {
        made.onmessage = () => given;
        answers[`returns ${what}`] = !made.dispatchEvent(new Event("message", { cancelable: true }));
      }
      const other = make(Class, url());
      answers.others = [other.onmessage, made.onerror, typeof made.onmessage];
      return answers;
    };
    same(describe(Native), describe(DropIn), "the answer");
  });

  test(`${name}: what an app puts over an event target's methods is not called`, async () => {
    const describe = async (Class) => {
      const calls = [];
      class Heir extends Class {
        dispatchEvent(event) {
          calls.push("dispatch");
          return super.dispatchEvent(event);
        }
        addEventListener(...how) {
          calls.push("add");
          super.addEventListener(...how);
        }
        removeEventListener(...how) {
          calls.push("remove");
          super.removeEventListener(...how);
        }
      }
      const made = make(Heir, url());
      const opened = new Promise((resolve) => {
        made.onopen = (event) => {
          made.onopen = null;
          resolve(event);
        };
      });
      await opened;
      return { calls };
    };
    same(await describe(Native), await describe(DropIn), "the answer");
  });
}

/** Everything that an event shows, but `isTrusted` and the time, which no script can make. */
function shown(event, target) {
  const { type, bubbles, cancelable, composed, defaultPrevented, eventPhase, returnValue } = event;
  return {
    fields: { type, bubbles, cancelable, composed, defaultPrevented, eventPhase, returnValue },
    kind: [String(event), event instanceof Event, event instanceof MessageEvent],
    // Of the drop-in EventSource's error a class of its own.
    maker: event instanceof SourceError ? "Event" : event.constructor.name,
    own: Object.keys(event).filter((key) => key !== "isTrusted" && !(event instanceof SourceError)),
    targets: [event.target, event.currentTarget, event.srcElement, ...event.composedPath()].map((it) => it === target),
    ...(event instanceof MessageEvent && {
      message: [typeof event.data, event.lastEventId, event.source, event.ports, event.origin],
      frozen: [Object.isFrozen(event.ports), event.ports.length],
    }),
    ...(event.constructor.name === "CloseEvent" && { close: [event.code, event.reason, event.wasClean] }),
    timed: event.timeStamp > 0 && event.timeStamp <= performance.now(),
  };
}

test("WebSocket: each event, as it is shown to a listener", async () => {
  const describe = async (Class) => {
    const answers = {};
    for (const steps of [
      [
        ["send", "a"],
        ["bytes", [1, 2]],
        ["close", 4001, "bye"],
      ],
      [["send", "a"], ["wait", 30], ["reset"]],
      [["status", 404]],
    ]) {
      const socket = make(Class, script("ws", [steps]).url);
      const list = [];
      for (const type of ["open", "message", "error", "close"])
        socket.addEventListener(type, (event) => {
          // The server's close frame may have come, or not yet, when a message is told.
          const state = type === "message" ? undefined : socket.readyState;
          list.push({ ...shown(event, socket), state });
        });
      await waitFor(() => list.at(-1)?.fields.type === "close", "close");
      answers[JSON.stringify(steps)] = list;
    }
    return answers;
  };
  same(await describe(WebSocket), await describe(DropInSocket), "events");
});

test("EventSource: each event, as it is shown to a listener", async () => {
  const describe = async (Class) => {
    const plan = script("sse", [
      [
        ["send", "retry: 50\nid: 1\ndata: a\n\nevent: more\ndata: b\n\nevent: open\ndata: c\n\n"],
        ["wait", 50],
        ["end"],
      ],
      [["status", 404]],
    ]);
    const source = make(Class, plan.url);
    const list = [];
    for (const type of ["open", "message", "more", "error"])
      source.addEventListener(type, (event) => list.push({ ...shown(event, source), state: source.readyState }));
    await waitFor(() => source.readyState === 2, "the end");
    return Object.fromEntries(list.map((entry, at) => [at, entry]));
  };
  same(await describe(EventSource), await describe(DropInSource), "events");
});

test("no script can make an event trusted", async () => {
  const socket = make(DropInSocket, echo());
  const event = await new Promise((resolve) => {
    socket.onopen = resolve;
  });
  equal(event.isTrusted, false, "isTrusted");
});

test("WebSocket: protocols, and arguments beyond them", async () => {
  const url = echo();
  const iterable = (value) => ({ [Symbol.iterator]: value, toString: () => "text" });
  const givens = {
    undefined: [url, undefined],
    null: [url, null],
    empty: [url, []],
    text: [url, "a"],
    emptyText: [url, ""],
    number: [url, 5],
    true: [url, true],
    symbol: [url, Symbol.iterator],
    object: [url, {}],
    named: [url, { toString: () => "named" }],
    boxed: [url, new String("ab")],
    boxedTwice: [url, new String("aa")],
    function: [url, () => {}],
    set: [url, new Set(["a", "b"])],
    generator: [
      url,
      (function* () {
        yield "a";
        yield 5;
      })(),
    ],
    numbers: [url, [1, 2]],
    nulls: [url, [null, undefined]],
    symbols: [url, [Symbol.iterator]],
    twice: [url, ["a", "a"]],
    inCases: [url, ["a", "A"]],
    notIterable: [url, iterable(undefined)],
    falseIterator: [url, iterable(false)],
    numberIterator: [url, iterable(7)],
    throwingIterator: [
      url,
      iterable(() => {
        throw new Error("mine");
      }),
    ],
    bigints: [url, [1n]],
    stray: [url, "a", "stray"],
    strayNull: [url, [], null],
    strayNumber: [url, [], 7, 8, 9],
    strayFunction: [url, [], () => {}],
    straySymbol: [url, [], Symbol.iterator],
    badBoth: ["http://[", Symbol.iterator],
    badOrder: ["http://[", [""]],
    fragment: [`${url}#x`, "a"],
    scheme: ["ftp://127.0.0.1/", "a"],
  };
  for (const [what, args] of Object.entries(givens)) {
    const ask = (Class) => outcome(() => typeof make(Class, ...args).url);
    // The generator is empty the second time.
    const again = what === "generator" ? "set" : what;
    equal(
      ask(DropInSocket),
      outcome(() => typeof make(WebSocket, ...givens[again]).url),
      what,
    );
  }
  for (const [what, order] of /** @type {[string, any][]} */ ([
    ["both", (Class, log) => make(Class, watched(log, "url", url), watched(log, "protocols", "a"))],
    ["a bad URL", (Class, log) => make(Class, watched(log, "url", "http://["), watched(log, "protocols", "a"))],
    ["a list", (Class, log) => make(Class, watched(log, "url", url), [watched(log, "1", "a"), watched(log, "2", "b")])],
  ])) {
    const ask = (Class) => {
      const log = [];
      return [outcome(() => typeof order(Class, log)), log];
    };
    equal(ask(DropInSocket), ask(WebSocket), `the order of conversions: ${what}`);
  }
});

test("WebSocket: options of somebody else's are ignored, and said once", async () => {
  const warned = [];
  const { warn } = console;
  after(() => {
    console.warn = warn;
  });
  console.warn = (...words) => warned.push(words.join(" "));
  // What the npm package `ws` takes.
  for (let count = 0; count < 2; count += 1)
    make(DropInSocket, echo(), [], { headers: { authorization: "secret" }, agent: 1 });
  make(DropInSocket, echo(), [], {});
  make(DropInSocket, echo(), [], []);
  equal([warned.length, /headers, agent/.test(warned[0]), /secret/.test(warned[0])], [1, true, false], "warnings");
  equal(
    thrown(() => new DropInSocket(echo(), [], { heartbeat: true, headers: {} })).code,
    "invalid-option",
    "with one of ours",
  );
});

test("EventSource: the second argument", async () => {
  const url = stream("data: a\n\n");
  const givens = {
    undefined: [undefined],
    null: [null],
    empty: [{}],
    number: [5],
    text: ["x"],
    true: [true],
    symbol: [Symbol.iterator],
    bigint: [1n],
    array: [[]],
    function: [() => {}],
    date: [new Date()],
    yes: [{ withCredentials: true }],
    truthy: [{ withCredentials: "no" }],
    falsy: [{ withCredentials: "" }],
    undefinedMember: [{ withCredentials: undefined }],
    nullMember: [{ withCredentials: null }],
    object: [{ withCredentials: {} }],
    inherited: [Object.create({ withCredentials: true })],
    unknown: [{ withCredentials: true, somethingElse: 5 }],
    throws: [
      {
        get withCredentials() {
          throw new Error("mine");
        },
      },
    ],
    stray: [{}, "stray", 7],
  };
  for (const [what, args] of Object.entries(givens)) {
    const ask = (Class) => outcome(() => make(Class, url, ...args).withCredentials);
    equal(ask(DropInSource), ask(EventSource), what);
  }
  const order = (Class) => {
    const log = [];
    const init = {
      get withCredentials() {
        log.push("init");
        return true;
      },
    };
    return [outcome(() => typeof make(Class, watched(log, "url", "http://["), init)), log];
  };
  equal(order(DropInSource), order(EventSource), "the order of conversions");
});

test("WebSocket: binaryType", async () => {
  const describe = (Class) => {
    const socket = make(Class, echo());
    const answers = {};
    for (const given of [
      "arraybuffer",
      "blob",
      "BLOB",
      "",
      null,
      undefined,
      5,
      {},
      "arraybuffer",
      { toString: () => "blob" },
      Symbol.iterator,
    ])
      answers[`${Object.keys(answers).length} ${typeof given} ${String(given)}`] = outcome(() => {
        socket.binaryType = given;
        return socket.binaryType;
      });
    return answers;
  };
  same(describe(WebSocket), describe(DropInSocket), "after setting");
});

const detached = () => {
  const buffer = new ArrayBuffer(4);
  structuredClone(buffer, { transfer: [buffer] });
  return buffer;
};

test("WebSocket: what send takes, and when", async () => {
  const frame = document.body.appendChild(document.createElement("iframe"));
  after(() => frame.remove());
  const foreign = /** @type {any} */ (frame.contentWindow);
  const givens = () => ({
    nothing: [],
    undefined: [undefined],
    null: [null],
    number: [1.5],
    bigint: [10n],
    object: [{}],
    array: [[1, [2]]],
    text: [{ toString: () => "named" }],
    symbol: [Symbol.iterator],
    throws: [
      {
        toString() {
          throw new Error("mine");
        },
      },
    ],
    surrogate: ["\ud800x"],
    two: ["a", "b"],
    bytes: [Uint8Array.of(1, 2, 3).subarray(1)],
    view: [new DataView(Uint8Array.of(1, 2, 3).buffer, 1, 1)],
    floats: [Float64Array.of(1)],
    buffer: [Uint8Array.of(1).buffer],
    empty: [new ArrayBuffer(0)],
    blob: [new Blob(["blob"])],
    file: [new File(["file"], "x")],
    foreignBytes: [foreign.Uint8Array.of(7, 8)],
    foreignBuffer: [foreign.Uint8Array.of(9).buffer],
    foreignBlob: [new foreign.Blob(["foreign"])],
    detached: [detached()],
    search: [new URLSearchParams("a=b")],
    fakeBuffer: [{ [Symbol.toStringTag]: "ArrayBuffer" }],
    fakeBlob: [{ [Symbol.toStringTag]: "Blob", size: 4, toString: () => "fake" }],
    inheritedBlob: [Object.create(Blob.prototype)],
  });
  const describe = async (Class) => {
    const socket = make(Class, echo());
    socket.binaryType = "arraybuffer";
    const answers = {},
      echoes = [];
    const ask = (when) => {
      for (const [what, args] of Object.entries(givens()))
        answers[`${when}: ${what}`] = outcome(() => socket.send(...args));
    };
    ask("connecting");
    socket.onmessage = ({ data }) => echoes.push(typeof data === "string" ? data : [...new Uint8Array(data)].join());
    await new Promise((resolve) => {
      socket.onopen = resolve;
    });
    ask("open");
    socket.send("the last");
    await waitFor(() => echoes.at(-1) === "the last", "the last echo");
    answers.echoes = echoes;
    const closed = new Promise((resolve) => {
      socket.onclose = resolve;
    });
    socket.close();
    ask("closing");
    await closed;
    ask("closed");
    return answers;
  };
  same(await describe(WebSocket), await describe(DropInSocket), "sent while");
});

test("WebSocket: what close takes, and when", async () => {
  const givens = {
    symbol: [Symbol.iterator],
    bigint: [1000n],
    object: [{ valueOf: () => 3000 }],
    badObject: [{}],
    date: [new Date(0)],
    array: [[3500]],
    true: [true],
    null: [null],
    text: ["x"],
    infinite: [Infinity],
    negative: [-1000],
    wrapped: [65_536 + 1000],
    // Not 999.5, which goes to the even one: Chromium's own cuts it off.
    almost: [999.4],
    reserved: [1005],
    below: [2999],
    above: [5000],
    long: [1000, "x".repeat(124)],
    longBytes: [1000, "é".repeat(62)],
    longSurrogates: [1000, "\ud800".repeat(42)],
    symbolReason: [1000, Symbol.iterator],
    badCodeAndReason: [1, Symbol.iterator],
    throwingReason: [
      1000,
      {
        toString() {
          throw new Error("mine");
        },
      },
    ],
  };
  // Refused or not, the object is not asked for more than once.
  const describe = async (Class) => {
    const answers = {};
    for (const [what, args] of Object.entries(givens)) {
      const socket = make(Class, echo());
      answers[`connecting: ${what}`] = [outcome(() => socket.close(...args)), socket.readyState];
    }
    const socket = make(Class, echo());
    await new Promise((resolve) => {
      socket.onopen = resolve;
    });
    for (const [what, args] of Object.entries(givens)) {
      if (answers[`connecting: ${what}`][0].error)
        answers[`open: ${what}`] = [outcome(() => socket.close(...args)), socket.readyState];
    }
    const log = [];
    const closed = new Promise((resolve) => {
      socket.onclose = ({ code, reason, wasClean }) => resolve([code, reason, wasClean]);
    });
    socket.close(
      {
        valueOf() {
          log.push("code");
          return 3210;
        },
      },
      watched(log, "reason", "\ud800 bye"),
      "stray",
    );
    answers.log = [...log, socket.readyState];
    // Still converted, and refused, when it is over.
    for (const when of ["closing", "closed"]) {
      for (const [what, args] of Object.entries(givens))
        answers[`${when}: ${what}`] = [outcome(() => socket.close(...args)), socket.readyState];
      answers.closed = await closed;
    }
    return answers;
  };
  same(await describe(WebSocket), await describe(DropInSocket), "close while");
});

test("WebSocket: nothing is told in the task of the call, and the states in between", async () => {
  const describe = async (Class) => {
    const log = [];
    const socket = make(Class, echo());
    for (const type of ["open", "error", "close"])
      socket.addEventListener(type, () => log.push([type, socket.readyState]));
    log.push(["made", socket.readyState]);
    await undefined;
    log.push(["microtask", socket.readyState]);
    socket.close();
    log.push(["called", socket.readyState]);
    socket.close();
    await undefined;
    log.push(["after", socket.readyState]);
    await waitFor(() => log.at(-1)[0] === "close", "close");
    log.push(["late", socket.readyState, socket.protocol, socket.extensions]);
    return { log };
  };
  same(await describe(WebSocket), await describe(DropInSocket), "log");
});

test("WebSocket: closed in the handler of each event", async () => {
  for (const [type, steps] of [
    ["open", [["send", "a"]]],
    [
      "message",
      [
        ["send", "a"],
        ["send", "b"],
      ],
    ],
    ["error", [["status", 500]]],
    ["close", [["close", 1000]]],
  ]) {
    const describe = async (Class) => {
      const socket = make(Class, script("ws", [steps]).url);
      const log = [];
      for (const each of ["open", "message", "error", "close"])
        socket.addEventListener(each, (event) => {
          log.push([each, socket.readyState, event.code]);
          if (each === type) socket.close(3333);
        });
      await waitFor(() => log.at(-1)?.[0] === "close", "close");
      return { log };
    };
    same(await describe(WebSocket), await describe(DropInSocket), `in ${type}`);
  }
});

test("EventSource: closed in the handler of each event", async () => {
  for (const type of ["open", "message", "error"]) {
    const describe = async (Class) => {
      const plan = script("sse", [
        [["send", "retry: 50\ndata: a\n\ndata: b\n\n"], ["wait", 30], ["end"]],
        [["status", 404]],
      ]);
      const source = make(Class, plan.url);
      const log = [];
      for (const each of ["open", "message", "error"])
        source.addEventListener(each, () => {
          log.push([each, source.readyState]);
          if (each === type) source.close();
        });
      await waitFor(() => source.readyState === 2, "the end");
      return { log, end: [source.readyState, source.url === plan.url] };
    };
    const [native, dropIn] = [await describe(EventSource), await describe(DropInSource)];
    native.end[1] = dropIn.end[1];
    same(native, dropIn, `in ${type}`);
  }
});

test("WebSocket: what the browser's constructor throws, this one throws", async () => {
  const Native = window.WebSocket;
  after(() => {
    window.WebSocket = Native;
  });
  let made = 0;
  // As browsers do in a page that came over https, or did under a Content-Security-Policy.
  window.WebSocket = /** @type {any} */ (
    class extends Native {
      constructor(url, protocols) {
        super(url, protocols);
        made += 1;
        this.close();
        throw new DOMException("insecure", "SecurityError");
      }
    }
  );
  const url = echo();
  for (let count = 1; count < 4; count += 1) {
    const error = thrown(() => new DropInSocket(url));
    // Nothing was lost, so the next one does not wait.
    equal([error.name, error.message, made], ["SecurityError", "insecure", count], "error");
  }
  window.WebSocket = Native;
  const socket = make(DropInSocket, url);
  await new Promise((resolve) => {
    socket.onopen = resolve;
  });
});

test("WebSocket: what the browser refuses by itself", async () => {
  const ask = (url, policy) => `<meta http-equiv="Content-Security-Policy" content="${policy}">
    <script type="module">
      import { WebSocket as DropIn } from "/pkg/websocket.js";
      const answers = [];
      for (const Class of [WebSocket, DropIn]) {
        const log = [];
        try {
          const socket = new Class(${JSON.stringify(url)});
          await new Promise((resolve) => {
            for (const type of ["open", "error", "close"])
              socket.addEventListener(type, ({ code, wasClean }) => {
                log.push([type, Class === DropIn && socket.readyState, code, wasClean]);
                if (type !== "error") resolve();
                // The browser's own tells no close here, in Chromium and in WebKit.
                else if (Class !== DropIn) setTimeout(resolve, 100);
              });
          });
          socket.close();
        } catch (error) {
          log.push(error.name);
        }
        answers.push(log);
      }
      parent.postMessage(answers, "*");
    </script>`;
  for (const [url, policy] of [
    [echo(), "connect-src 'none'"],
    ["ws://127.0.0.1:6000/", "connect-src *"],
    [echo().replace("://", "://name:password@"), "connect-src *"],
    [echo(), "connect-src *"],
  ]) {
    const frame = document.createElement("iframe");
    after(() => frame.remove());
    const told = new Promise((resolve) => {
      window.addEventListener("message", ({ data }) => resolve(data), { once: true });
    });
    frame.srcdoc = ask(url, policy);
    document.body.append(frame);
    const [native, dropIn] = await told;
    const what = `${url} with ${policy}`;
    if (typeof native[0] === "string") equal(dropIn, native, what);
    else if (native[0][0] === "error")
      equal(
        dropIn,
        [
          ["error", 3, undefined, undefined],
          ["close", 3, 1006, false],
        ],
        what,
      );
    else equal([dropIn[0][0], native[0][0]], ["open", "open"], what);
  }
});

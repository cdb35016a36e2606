// The drop-in WebSocket: the standard's behaviour, the same as the browser's own class where both can be asked.
import { WebSocket as DropIn } from "/pkg/websocket.js";
import { after, equal, ok, takeReports, test, thrown, waitFor } from "../harness.js";
import { fault, script, toWebSocket, unique, wire, ws } from "../server.js";
import { open, opened } from "../sockets.js";

const Native = WebSocket;
const echo = () => ws(`/echo?${unique()}`);
const play = (...steps) => script("ws", [steps]).url;
const bytes = async (data) => [...new Uint8Array(data instanceof Blob ? await data.arrayBuffer() : data)];

for (const [name, Class] of [
  ["drop-in", DropIn],
  ["native", Native],
]) {
  test(`${name}: constants and members`, async () => {
    for (const target of [Class, Class.prototype]) {
      equal([target.CONNECTING, target.OPEN, target.CLOSING, target.CLOSED], [0, 1, 2, 3], "constants");
      const { writable, enumerable, configurable } = Object.getOwnPropertyDescriptor(target, "OPEN") ?? {};
      equal([writable, enumerable, configurable], [false, true, false], "a constant");
    }
    const members = [];
    for (const member in Class.prototype) members.push(member);
    equal(
      members.filter((member) => !(member in EventTarget.prototype)).sort(),
      [
        "CLOSED",
        "CLOSING",
        "CONNECTING",
        "OPEN",
        "binaryType",
        "bufferedAmount",
        "close",
        "extensions",
        "onclose",
        "onerror",
        "onmessage",
        "onopen",
        "protocol",
        "readyState",
        "send",
        "url",
      ],
      "members",
    );
    equal(
      [Class.name, Class.length, Class.prototype.send.length, Class.prototype.close.length],
      ["WebSocket", 1, 1, 0],
      "name and lengths",
    );
    const [socket] = open(Class, echo());
    equal(
      [String(socket), socket instanceof EventTarget, socket instanceof Class, Object.keys(socket)],
      ["[object WebSocket]", true, true, []],
      "kind",
    );
    const { readyState, bufferedAmount, extensions, protocol, binaryType, onopen, onmessage, onerror, onclose } =
      socket;
    equal(
      [readyState, bufferedAmount, extensions, protocol, binaryType, onopen, onmessage, onerror, onclose],
      [0, 0, "", "", "blob", null, null, null, null],
      "at the start",
    );
    equal(
      thrown(() => {
        socket.readyState = 7;
      }).name,
      "TypeError",
      "read-only",
    );
  });

  test(`${name}: URLs`, async () => {
    for (const [given, url] of [
      [`${toWebSocket(wire)}/a b?x=é#`.slice(0, -1), `${toWebSocket(wire)}/a%20b?x=%C3%A9`],
      [new URL(ws("/echo")), ws("/echo")],
      [{ toString: () => ws("/echo") }, ws("/echo")],
      [toWebSocket(wire), `${toWebSocket(wire)}/`],
      [wire.replace("http:", "HTTP:"), `${toWebSocket(wire)}/`],
      ["https://127.0.0.1:1/x", "wss://127.0.0.1:1/x"],
      ["/x?y", `${toWebSocket(location.origin)}/x?y`],
      // Firefox's own refuses it.
      ...(name === "drop-in" ? [["", toWebSocket(location.href)]] : []),
    ]) {
      const [socket] = open(Class, given);
      equal(socket.url, url, `the URL of ${given}`);
      socket.close();
    }
    // Chromium's own takes a space in the host.
    for (const bad of [
      ...(name === "drop-in" ? ["ws://foo bar.com/"] : []),
      "wss://",
      "ftp://127.0.0.1/",
      "mailto:a@b.c",
      "about:blank",
      "ws://[",
      `${ws("/echo")}#`,
      `${ws("/echo")}#x`,
      "#x",
    ]) {
      const error = thrown(() => new Class(bad), bad);
      equal([error instanceof DOMException, error.name, error.code], [true, "SyntaxError", 12], bad);
    }
    equal(thrown(() => new Class()).name, "TypeError", "no URL");
    equal(thrown(() => new Class(Symbol())).name, "TypeError", "a symbol");
    equal(thrown(() => Class(ws("/echo"))).name, "TypeError", "without new");
  });

  test(`${name}: subprotocols`, async () => {
    for (const bad of ["", "a b", ["a", "a"], ["a", ""], ["é"], "a,b", "a\n", [""], "null x", {}]) {
      const error = thrown(() => new Class(ws("/echo"), bad), `protocols ${JSON.stringify(bad)}`);
      equal([error instanceof DOMException, error.name], [true, "SyntaxError"], JSON.stringify(bad));
    }
    for (const [given, offered] of [
      [undefined, []],
      [[], []],
      ["one", ["one"]],
      [
        ["one", "two"],
        ["one", "two"],
      ],
      [new Set(["a", "b"]), ["a", "b"]],
      [null, ["null"]],
    ]) {
      const plan = script("ws", [[["send", "hi"]]]);
      const [socket, seen] = open(Class, plan.url, given);
      await waitFor(() => seen.events.length > 0, "an event");
      const [entry] = await plan.log();
      equal(entry.protocols, offered, "offered");
      equal(socket.protocol, offered?.[0] ?? "", "chosen");
      socket.close();
    }
  });

  test(`${name}: open, messages, and their order`, async () => {
    const plan = script("ws", [
      [
        ["send", "a"],
        ["bytes", [1, 2, 3]],
        ["send", '{"type":"pong"}'],
        ["send", ""],
      ],
    ]);
    const [socket, seen] = open(Class, plan.url);
    const order = [];
    socket.onmessage = () => order.push("replaced");
    socket.addEventListener("message", () => order.push("listener"));
    socket.onmessage = function (event) {
      order.push(this === socket && event.target === socket && event.currentTarget === socket ? "handler" : "no this");
    };
    await waitFor(() => seen.messages.length === 4, "four messages");
    equal(seen.events, [["open", 1]], "events");
    equal(order.slice(0, 2), ["handler", "listener"], "order");
    equal([seen.data[0], seen.data[2], seen.data[3]], ["a", '{"type":"pong"}', ""], "texts");
    ok(seen.data[1] instanceof Blob, "a Blob");
    equal(await bytes(seen.data[1]), [1, 2, 3], "bytes");
    const [{ origin, lastEventId, source, ports, bubbles, cancelable }] = seen.messages;
    equal(
      [origin, lastEventId, source, ports.length, bubbles, cancelable],
      [toWebSocket(wire), "", null, 0, false, false],
      "message",
    );
    ok(seen.messages[0] instanceof MessageEvent, "MessageEvent");
    socket.onmessage = 5;
    equal(socket.onmessage, null, "no handler");
    const object = {};
    socket.onmessage = object;
    ok(socket.onmessage === object, "an object is kept");
  });

  test(`${name}: a handler set to null loses its place`, async () => {
    const [socket, seen] = open(Class, play(["send", "a"]));
    const order = [];
    socket.onmessage = () => order.push("first");
    socket.addEventListener("message", () => order.push("listener"));
    socket.onmessage = null;
    socket.onmessage = () => order.push("handler");
    await waitFor(() => order.length === 2, "both");
    equal([order, seen.messages.length], [["listener", "handler"], 1], "order");
  });

  test(`${name}: binaryType`, async () => {
    const [socket, seen] = open(Class, echo());
    socket.binaryType = "arraybuffer";
    equal(socket.binaryType, "arraybuffer", "set while connecting");
    await opened(socket);
    socket.send(new Uint8Array([1, 2, 3, 4]).subarray(1, 3));
    await waitFor(() => seen.messages.length === 1, "the first");
    ok(seen.data[0] instanceof ArrayBuffer, "an ArrayBuffer");
    equal(await bytes(seen.data[0]), [2, 3], "a view's bytes");
    for (const wrong of ["text", "", "Blob", null]) socket.binaryType = wrong;
    equal(socket.binaryType, "arraybuffer", "what is none is ignored");
    socket.binaryType = "blob";
    socket.send(new Blob(["x"]));
    await waitFor(() => seen.messages.length === 2, "the second");
    ok(seen.data[1] instanceof Blob, "a Blob");
  });

  test(`${name}: send takes what the standard takes`, async () => {
    const [socket, seen] = open(Class, echo());
    equal(thrown(() => socket.send("early")).name, "InvalidStateError", "while connecting");
    equal(thrown(() => socket.send()).name, "TypeError", "nothing, while connecting");
    await opened(socket);
    equal(thrown(() => socket.send()).name, "TypeError", "nothing");
    equal(thrown(() => socket.send(Symbol())).name, "TypeError", "a symbol");
    socket.binaryType = "arraybuffer";
    const reused = new Uint8Array([1]);
    for (const data of ["é\u{1F600}", "", null, undefined, 5, { toString: () => "object" }, ["a", "b"]])
      equal(socket.send(data), undefined, "result");
    socket.send(reused);
    reused[0] = 9;
    socket.send(new DataView(new ArrayBuffer(2)));
    socket.send("\ud800");
    await waitFor(
      () => seen.messages.length === 10,
      () => `ten, have ${seen.messages.length}`,
    );
    equal(
      seen.data.filter((data) => typeof data === "string"),
      ["é\u{1F600}", "", "null", "undefined", "5", "object", "a,b", "\ufffd"],
      "texts",
    );
    equal([await bytes(seen.data[7]), await bytes(seen.data[8])], [[1], [0, 0]], "bytes, as they were");
  });

  test(`${name}: bufferedAmount`, async () => {
    const [socket, seen] = open(Class, echo());
    await opened(socket);
    equal(socket.bufferedAmount, 0, "open");
    socket.send("é".repeat(500));
    equal(socket.bufferedAmount, 1_000, "in the same task");
    await waitFor(() => seen.messages.length === 1 && socket.bufferedAmount === 0, "it to drain");
    socket.close();
    socket.send("abc");
    const growing = socket.bufferedAmount;
    ok(growing >= 3, `after close(): ${growing}`);
    await waitFor(() => seen.closes.length === 1, "close");
    socket.send(new ArrayBuffer(5));
    socket.send(new Blob(["1234567"]));
    ok(socket.bufferedAmount >= growing + 12, `after close: ${socket.bufferedAmount}`);
    if (name === "drop-in") equal(socket.bufferedAmount, 15, "to the byte");
  });

  test(`${name}: close, and its answer`, async () => {
    for (const [given, expected] of [
      [[], [1005, "", true]],
      [[undefined], [1005, "", true]],
      // The frame has no room for a reason without a code; not all browsers know.
      ...(name === "drop-in"
        ? [
            [
              [undefined, "why"],
              [1005, "", true],
            ],
          ]
        : []),
      [[1000], [1000, "", true]],
      [["3000"], [3000, "", true]],
      [
        [4999.4, "bye é"],
        [4999, "bye é", true],
      ],
      [
        [1000.5, ""],
        [1000, "", true],
      ],
      [
        [4000, "x".repeat(123)],
        [4000, "x".repeat(123), true],
      ],
    ]) {
      const [socket, seen] = open(Class, echo());
      await opened(socket);
      equal([socket.close(...given), socket.readyState], [undefined, 2], "closing");
      socket.close(4001, "again");
      equal(seen.closes, [], "not at once");
      await waitFor(() => seen.closes.length === 1, "close");
      equal(
        [seen.closes[0], seen.events],
        [
          expected,
          [
            ["open", 1],
            ["close", 3],
          ],
        ],
        `close(${given})`,
      );
      socket.close();
    }
  });

  test(`${name}: close refuses`, async () => {
    const [socket] = open(Class, echo());
    for (const when of ["connecting", "open"]) {
      for (const code of [0, 999, 1001, 1005, 1006, 2999, 2999.4, 5000, 65_536 + 3_000, -1, NaN, null, "x", {}]) {
        const error = thrown(() => socket.close(code), `close(${code})`);
        equal(
          [error instanceof DOMException, error.name, error.code],
          [true, "InvalidAccessError", 15],
          `close(${code}) while ${when}`,
        );
      }
      for (const reason of ["x".repeat(124), "é".repeat(62)]) {
        const error = thrown(() => socket.close(1000, reason), "a long reason");
        equal([error instanceof DOMException, error.name], [true, "SyntaxError"], "a long reason");
      }
      equal(socket.readyState, when === "open" ? 1 : 0, "state");
      if (when === "connecting") await opened(socket);
    }
    // To the even one: 5000 (WebIDL, Clamp). Chromium's own cuts it off.
    if (name === "drop-in") equal(thrown(() => socket.close(4999.5)).name, "InvalidAccessError", "a tie");
  });

  test(`${name}: close while connecting`, async () => {
    const [socket, seen] = open(Class, play(["hang"]));
    equal([socket.close(4000, "x"), socket.readyState], [undefined, 2], "closing");
    socket.send("nowhere");
    equal(seen.events, [], "not at once");
    // WebKit's own counts the frame, too.
    if (name === "drop-in") equal(socket.bufferedAmount, 7, "bufferedAmount");
    await waitFor(() => seen.closes.length === 1, "close");
    equal(
      [seen.events, seen.closes, socket.readyState],
      [
        [
          ["error", 3],
          ["close", 3],
        ],
        [[1006, "", false]],
        3,
      ],
      "events",
    );
    const [later, told] = open(Class, play(["hang"]));
    await new Promise((resolve) => setTimeout(resolve, 50));
    later.close();
    await waitFor(() => told.closes.length === 1, "close");
    equal(
      [told.events, told.closes],
      [
        [
          ["error", 3],
          ["close", 3],
        ],
        [[1006, "", false]],
      ],
      "a later one",
    );
  });

  test(`${name}: the server closes`, async () => {
    for (const [steps, expected] of [
      [[["close", 4321, "because é"]], [4321, "because é", true]],
      [[["close", 1000]], [1000, "", true]],
      [[["close", 1001]], [1001, "", true]],
      [[["close", 1011, "oops"]], [1011, "oops", true]],
      [[["close"]], [1005, "", true]],
    ]) {
      const [socket, seen] = open(Class, play(["send", "a"], ...steps));
      await waitFor(() => seen.closes.length === 1, "close");
      equal(
        [seen.data, seen.events, seen.closes[0], socket.readyState],
        [
          ["a"],
          [
            ["open", 1],
            ["close", 3],
          ],
          expected,
          3,
        ],
        `steps ${JSON.stringify(steps)}`,
      );
    }
    const { code, reason, wasClean, bubbles, cancelable } = await new Promise((resolve) => {
      const [socket] = open(Class, play(["close", 4000]));
      socket.onclose = (event) => {
        ok(event instanceof CloseEvent, "CloseEvent");
        resolve(event);
      };
    });
    equal([code, reason, wasClean, bubbles, cancelable], [4000, "", true, false, false], "the event");
  });

  test(`${name}: refused, reset, and no server`, async () => {
    for (const url of [play(["status", 503]), play(["status", 200, "text/html"]), ws("/echo")]) {
      if (url === ws("/echo")) await fault("/proxy/refuse");
      const [socket, seen] = open(Class, url);
      await waitFor(() => seen.closes.length === 1, `close of ${url}`);
      equal(
        [seen.events, seen.closes, socket.readyState],
        [
          [
            ["error", 3],
            ["close", 3],
          ],
          [[1006, "", false]],
          3,
        ],
        url,
      );
    }
    await fault("/fault/clear");
    const [, seen] = open(Class, play(["send", "a"], ["wait", 50], ["reset"]));
    await waitFor(() => seen.closes.length === 1, "close");
    equal([seen.data, seen.closes], [["a"], [[1006, "", false]]], "reset");
  });

  test(`${name}: what comes after close() is not told`, async () => {
    const [socket, seen] = open(Class, play(["send", "1"], ["send", "2"], ["send", "3"]));
    socket.onmessage = ({ data }) => {
      if (data === "1") socket.close();
    };
    await waitFor(() => seen.closes.length === 1, "close");
    equal(
      [seen.data, seen.events],
      [
        ["1"],
        [
          ["open", 1],
          ["close", 3],
        ],
      ],
      "messages",
    );
  });

  test(`${name}: a subprotocol that was not chosen`, async () => {
    const [socket] = open(Class, ws("/echo"), ["one"]);
    const end = await new Promise((resolve) => {
      socket.onopen = socket.onclose = ({ type }) => resolve(type);
    });
    const [other] = open(Native, ws("/echo"), ["one"]);
    equal(
      end,
      await new Promise((resolve) => {
        other.onopen = other.onclose = ({ type }) => resolve(type);
      }),
      "as the browser's own",
    );
  });
}

test("drop-in: a handler that throws is reported, and the next message comes", async () => {
  const [socket, seen] = open(DropIn, play(["send", "1"], ["send", "2"]));
  socket.onmessage = ({ data }) => {
    if (data === "1") throw new Error("the app's");
  };
  await waitFor(() => seen.messages.length === 2, "both");
  equal(
    takeReports().map(({ message }) => message),
    ["the app's"],
    "reported",
  );
});

test("drop-in: without CloseEvent (Node 20) the event has its fields all the same", async () => {
  const { CloseEvent } = window;
  after(() => {
    window.CloseEvent = CloseEvent;
  });
  Reflect.deleteProperty(window, "CloseEvent");
  const [, seen] = open(DropIn, play(["close", 4000, "x"]));
  await waitFor(() => seen.closes.length === 1, "close");
  equal(seen.closes, [[4000, "x", true]], "close");
});

test("drop-in: in the place of the browser's own it finds that one", async () => {
  after(() => {
    window.WebSocket = Native;
  });
  for (const Class of [DropIn, class extends DropIn {}]) {
    window.WebSocket = Class;
    const [socket, seen] = open(WebSocket, echo());
    await opened(socket);
    socket.send("x");
    await waitFor(() => seen.messages.length === 1, "the echo");
    ok(socket instanceof Class && !(socket instanceof Native), "class");
  }
  const made = [];
  window.WebSocket = class Double extends Native {
    constructor(...given) {
      super(.../** @type {[string]} */ (given));
      made.push(given[0]);
    }
  };
  const url = echo();
  await opened(open(DropIn, url)[0]);
  equal(made, [url], "and a test double");
  Reflect.deleteProperty(window, "WebSocket");
  const error = thrown(() => new DropIn(url));
  equal([error.name, error.code], ["EverwireError", "unsupported"], "none");
});

test("drop-in: what comes before the client listens is not lost", async () => {
  after(() => {
    window.WebSocket = Native;
  });
  // As a test double is, and WebKit's own for a script of its driver.
  window.WebSocket = /** @type {any} */ (
    class Fast extends EventTarget {
      readyState = 1;
      bufferedAmount = 0;
      constructor() {
        super();
        queueMicrotask(() => {
          this.dispatchEvent(new Event("open"));
          for (const data of ["a", "b"]) this.dispatchEvent(new MessageEvent("message", { data }));
        });
      }
      close() {}
    }
  );
  const [socket, seen] = open(DropIn, echo());
  await opened(socket);
  await waitFor(() => seen.messages.length > 1, "the messages");
  equal(seen.data, ["a", "b"], "messages");
});

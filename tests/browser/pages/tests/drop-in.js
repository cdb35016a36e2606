// The drop-in EventSource: the standard's behaviour, the same as the browser's own class where both can be asked.
import { EventSource as DropIn, ErrorEvent as SourceError } from "/pkg/eventsource.js";
import { after, equal, ok, test, thrown, waitFor } from "../harness.js";
import { fault, script, sse, unique, wire } from "../server.js";

const stream = (...chunks) => script("sse", [chunks.map((chunk) => ["send", chunk])]);

function open(Class, url, options) {
  const source = new Class(url, options);
  after(() => source.close());
  /** @type {{ events: any[], messages: any[] }} */
  const seen = { events: [], messages: [] };
  for (const type of ["open", "error"]) {
    source.addEventListener(type, (event) => {
      if (!("data" in event)) seen.events.push([type, source.readyState]);
    });
  }
  source.addEventListener("message", (event) => seen.messages.push(event));
  return [source, seen];
}

for (const [name, Class] of [
  ["drop-in", DropIn],
  ["native", EventSource],
]) {
  test(`${name}: constructor and constants`, async () => {
    equal([Class.CONNECTING, Class.OPEN, Class.CLOSED, Class.prototype.CLOSED], [0, 1, 2, 2], "constants");
    equal(thrown(() => new Class("http://[")).name, "SyntaxError", "a bad URL");
    equal(thrown(() => new Class()).name, "TypeError", "no URL");
    const [source] = open(Class, "/ticker?x=a b", { withCredentials: true });
    equal(
      [source.url, source.withCredentials, source.readyState, source.onmessage],
      [`${location.origin}/ticker?x=a%20b`, true, 0, null],
      "properties",
    );
    equal([String(source), source instanceof EventTarget], ["[object EventSource]", true], "kind");
  });

  test(`${name}: messages, names, ids, handlers`, async () => {
    const plan = stream(
      ": hello\n\nid: 1\ndata: a\n\n",
      "event: price\ndata: b\n\nevent: error\ndata: c\n\nid\ndata: d\n\n",
    );
    const [source, seen] = open(Class, plan.url);
    const prices = [],
      errors = [],
      order = [];
    source.onmessage = () => order.push("replaced");
    source.addEventListener("message", () => order.push("listener"));
    source.onmessage = function () {
      order.push(this === source ? "handler" : "no this");
    };
    source.onerror = (event) => {
      if (event.data) errors.push(event.data);
    };
    source.addEventListener("price", (event) => prices.push(event));
    await waitFor(() => seen.messages.length === 2, "two messages");
    equal(
      seen.messages.map(({ data, lastEventId, origin, type }) => [data, lastEventId, origin, type]),
      [
        ["a", "1", wire, "message"],
        ["d", "", wire, "message"],
      ],
      "messages",
    );
    ok(seen.messages[0] instanceof MessageEvent, "MessageEvent");
    equal([prices[0].data, prices[0].lastEventId, errors], ["b", "1", ["c"]], "named");
    equal(order.slice(0, 2), ["handler", "listener"], "order");
    source.onmessage = 5;
    equal(source.onmessage, null, "no handler");
    equal([source.readyState, seen.events[0]], [1, ["open", 1]], "open");
  });

  test(`${name}: an ended stream comes again, with the last id, and nothing is held back`, async () => {
    const plan = script("sse", [
      [["send", "retry: 200\nid: 7\ndata: a\n\n"], ["wait", 50], ["end"]],
      [["send", "id: 7\ndata: again\n\n"]],
    ]);
    const [, seen] = open(Class, plan.url);
    await waitFor(() => seen.messages.length === 2, "both messages");
    equal(
      seen.messages.map(({ data }) => data),
      ["a", "again"],
      "data",
    );
    equal(
      seen.events,
      [
        ["open", 1],
        ["error", 0],
        ["open", 1],
      ],
      "events",
    );
    const log = await plan.log();
    equal(
      log.map(({ headers }) => headers["last-event-id"]),
      [undefined, "7"],
      "header",
    );
    ok(log[1].at - log[0].at >= 250, `after ${log[1].at - log[0].at} ms`);
  });

  for (const [what, steps] of [
    ["204", ["status", 204]],
    ["500", ["status", 500]],
    ["404", ["status", 404]],
    ["a page", ["status", 200, "text/html"]],
  ]) {
    test(`${name}: ${what} is the end`, async () => {
      const plan = script("sse", [[steps]]);
      const [source, seen] = open(Class, plan.url);
      await waitFor(() => seen.events.length > 0, "the error");
      equal([seen.events, source.readyState], [[["error", 2]], 2], "events");
      await new Promise((resolve) => setTimeout(resolve, 300));
      equal((await plan.log()).length, 1, "requests");
    });
  }

  test(`${name}: close is the end, in a handler as well`, async () => {
    const [source, seen] = open(Class, stream("data: 1\n\ndata: 2\n\ndata: 3\n\n").url);
    source.addEventListener("message", ({ data }) => {
      if (data === "2") source.close();
    });
    await waitFor(() => seen.messages.length === 2, "two messages");
    await new Promise((resolve) => setTimeout(resolve, 100));
    equal([seen.messages.length, source.readyState, seen.events.length], [2, 2, 1], "after it");
  });
}

test("drop-in: headers, method and body", async () => {
  const plan = stream("data: x\n\n");
  const [, seen] = open(DropIn, plan.url, { method: "POST", headers: { "x-test": "1" }, body: "hi" });
  await waitFor(() => seen.messages.length === 1, "the message");
  const [{ method, headers, received }] = await plan.log();
  equal([method, headers["x-test"], received], ["POST", "1", ["hi"]], "request");
});

test("drop-in: a POST that broke off is not repeated", async () => {
  const plan = script("sse", [[["send", "data: x\n\n"], ["wait", 50], ["reset"]]]);
  const [source, seen] = open(DropIn, plan.url, { method: "POST", body: "hi" });
  await waitFor(() => source.readyState === 2, "the end");
  await new Promise((resolve) => setTimeout(resolve, 300));
  equal([(await plan.log()).length, seen.events.at(-1)], [1, ["error", 2]], "requests");
});

test("drop-in: with reconnect a 502 is no end", async () => {
  const plan = script("sse", [[["status", 502]], [["send", "data: x\n\n"]]]);
  const [, seen] = open(DropIn, plan.url, { reconnect: { initialDelay: 100, jitter: "none" } });
  await waitFor(() => seen.messages.length === 1, "the message");
  equal(
    seen.events,
    [
      ["error", 0],
      ["open", 1],
    ],
    "events",
  );
});

test("drop-in: another scheme fails, but not at once", async () => {
  const [source, seen] = open(DropIn, "ftp://127.0.0.1/");
  equal(seen.events.length, 0, "at once");
  await waitFor(() => seen.events.length === 1, "the error");
  equal([seen.events[0], source.readyState], [["error", 2], 2], "event");
  ok(sse("/").startsWith("http"), "http");
});

const failures = (source) => {
  const list = [];
  source.addEventListener("error", ({ code, message, error }) => list.push([code, message, error?.code]));
  return list;
};

test("drop-in: an error event says why", async () => {
  for (const [steps, options, code, words, failure] of /** @type {[any, any, number, RegExp, string][]} */ ([
    [["status", 404], {}, 404, /status 404/, "http"],
    [["status", 204], {}, 204, /status 204/, "http"],
    [["status", 503], { reconnect: { initialDelay: 60_000 } }, 503, /status 503/, "http"],
    [["status", 200, "text/html"], {}, 200, /content type/, "content-type"],
  ])) {
    const [source] = open(DropIn, script("sse", [[steps]]).url, options);
    const seen = failures(source);
    await waitFor(() => seen.length > 0, `the error of ${steps}`);
    equal([seen[0][0], seen[0][2], words.test(seen[0][1])], [code, failure, true], `${steps}: ${seen[0]}`);
  }
  const ended = script("sse", [[["send", "retry: 60000\ndata: a\n\n"], ["end"]]]);
  const seen = failures(open(DropIn, ended.url)[0]);
  await waitFor(() => seen.length > 0, "the error of an end");
  equal([seen[0][0], seen[0][2]], [undefined, "end"], "an end has no status");
});

test("drop-in: an error event has what the fetch threw, and its causes", async () => {
  const cause = new Error("the wire is cut");
  const fetch = async () => {
    throw new TypeError("fetch failed", { cause });
  };
  const [source] = open(DropIn, "/x", { fetch });
  const seen = failures(source);
  await waitFor(() => seen.length > 0, "the error");
  const [[code, message, failure]] = seen;
  equal([code, failure, source.readyState], [undefined, "network", 0], "event");
  // The address once, at the end.
  ok(/^fetch failed: the wire is cut; see [^\s;]+#network$/.test(message), message);
});

test("drop-in: an answer of the caller's own fetch without a body that can be read is the end", async () => {
  for (const body of [undefined, "not a stream", null]) {
    let asked = 0;
    const fetch = async (url) => {
      asked++;
      return {
        body,
        redirected: false,
        status: 200,
        headers: new Headers({ "content-type": "text/event-stream" }),
        url,
      };
    };
    const [source] = open(DropIn, "/x", { fetch, reconnect: { initialDelay: 1, jitter: "none" } });
    const seen = failures(source);
    await waitFor(() => source.readyState === 2, "the end");
    equal([asked, seen.length, seen[0][0], /body/.test(seen[0][1])], [1, 1, 200, true], `${body}: ${seen}`);
  }
});

test("drop-in: an app can make the error event, and it is none of the DOM's", async () => {
  const event = new SourceError("error", { code: 404, message: "gone" });
  equal([event.type, event.code, event.message, event.error], ["error", 404, "gone", undefined], "fields");
  equal([event instanceof Event, event instanceof ErrorEvent, String(event)], [true, false, "[object Event]"], "kind");
  equal(new SourceError("error").code, undefined, "without");
});

for (const [name, Class] of [
  ["drop-in", DropIn],
  ["native", EventSource],
]) {
  test(`${name}: a server that does not admit this origin is the end`, async () => {
    const [source, seen] = open(Class, sse("/cors"));
    await waitFor(() => seen.events.length > 0, "the error");
    equal([seen.events, source.readyState], [[["error", 2]], 2], "events");
  });
}

// Firefox's own gives up.
test("drop-in: a server that is away, and comes back", async () => {
  await fault("/proxy/refuse");
  const plan = script("sse", [[["send", "data: a\n\n"]]]);
  const [, seen] = open(DropIn, plan.url);
  await waitFor(() => seen.events.length > 0, "the error");
  await fault("/fault/clear");
  await waitFor(() => seen.messages.length === 1, "the message");
  equal(
    [seen.events[0], seen.events.at(-1)],
    [
      ["error", 0],
      ["open", 1],
    ],
    "events",
  );
});

test("drop-in: with reconnect a server that does not admit this origin is asked again", async () => {
  const [, seen] = open(DropIn, sse("/cors"), { reconnect: { initialDelay: 1, jitter: "none" } });
  await waitFor(() => seen.events.length > 2, "three errors");
  equal(seen.events[2], ["error", 0], "event");
});

test("drop-in: addresses without a server", async () => {
  const blob = URL.createObjectURL(new Blob(["data: b\n\n"], { type: "text/event-stream" }));
  for (const [url, data, origin] of [
    ["data:text/event-stream,data:a%0A%0A", "a", "null"],
    [blob, "b", location.origin],
  ]) {
    const [source, seen] = open(DropIn, url);
    await waitFor(() => seen.messages.length > 0, "the message");
    equal([source.url, seen.messages[0].data, seen.messages[0].origin], [url, data, origin], url);
  }
});

test("drop-in: the name and the password of an address go up as basic authentication", async () => {
  const plan = stream("data: a\n\n");
  const url = plan.url.replace("://", "://d%C3%A9:p%3Aw@");
  const [source, seen] = open(DropIn, url);
  await waitFor(() => seen.messages.length === 1, "the message");
  const [{ headers }] = await plan.log();
  equal([headers.authorization, source.url], ["Basic ZMOpOnA6dw==", url], "header, url");
});

test("drop-in: in a page of another encoding the query is in it, as the browser's own has it", async () => {
  const address = `${location.origin}/ticker?x=é${unique()}`;
  const page = `<script type="module">
    import { EventSource as DropIn } from "${location.origin}/pkg/eventsource.js";
    const urls = [EventSource, DropIn].map((Class) => {
      const source = new Class(${JSON.stringify(address)});
      source.close();
      return source.url;
    });
    parent.postMessage(urls, "*");
  </script>`;
  // In a blob's page each character is a byte, but for the one that is written as an escape.
  const blob = new Blob([page.replace("é", "\\xe9")], { type: "text/html;charset=windows-1252" });
  const frame = document.createElement("iframe");
  after(() => frame.remove());
  const told = new Promise((resolve) => {
    window.addEventListener("message", ({ data }) => resolve(data), { once: true });
  });
  frame.src = URL.createObjectURL(blob);
  document.body.append(frame);
  const [native, dropIn] = await told;
  equal([dropIn, dropIn.includes("x=%E9")], [native, true], "urls");
});

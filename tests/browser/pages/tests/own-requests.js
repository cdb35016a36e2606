// The requests that everwire makes by itself: SECURITY.md lists them, with what goes along. Nothing else is asked for.
import { tokens } from "/pkg/auth.js";
import { EventSource } from "/pkg/eventsource.js";
import { client, quick } from "../client.js";
import { duplex } from "../duplex.js";
import { after, equal, ok, test, waitFor } from "../harness.js";
import { page, script, sse, wire, ws } from "../server.js";

/** What is fetched while a test runs, without what the tests themselves ask for: `METHOD credentials headers`. */
function record() {
  const original = globalThis.fetch,
    made = [];
  globalThis.fetch = (url, init) => {
    const { method = "GET", credentials = "same-origin", mode, headers } = init ?? {};
    const names = [...new Headers(headers)].map(([name]) => name);
    if (init?.signal || init?.keepalive)
      made.push([method, mode === "no-cors" ? mode : credentials, ...names].join(" "));
    return original(url, init);
  };
  after(() => {
    globalThis.fetch = original;
  });
  return made;
}
const headers = { "x-key": "K" };
const hello = [["send", "id: 1\ndata: 1\n\n"]];
const cut = [...hello, ["end"]];

test("a stream by fetch: Accept, the app's headers, and the last id; nothing after it", async () => {
  const made = record();
  const plan = script("sse", [cut, hello]);
  const wire = client(plan.url, { http: { headers } });
  await waitFor(() => wire.stats().opens === 2, "the second connection");
  equal(made, Array(2).fill("GET same-origin accept x-key"), "requests");
  const [first, second] = await plan.log();
  equal([first.query.lastEventId, second.query.lastEventId], [undefined, "1"], "the last id");
  ok(!second.headers.cookie, "no cookie to another origin");
  // To the page's own origin the last id is a header.
  const own = client(`${page}/none`, { http: { headers, contentType: "any" }, resume: { from: "7" } });
  await waitFor(() => own.lastFailure, "the refusal");
  equal(made.slice(2, 3), ["GET same-origin accept last-event-id x-key"], "to its own origin");
});

test("a refusal is not asked after, nor a socket that did not open: without a probe nothing is fetched", async () => {
  const made = record();
  for (const options of [{}, { handshake: () => {} }]) {
    const wire = client("ws://localhost:1023/", options);
    await waitFor(() => wire.attempt > 1, "two failures");
    wire.close();
  }
  equal(made, [], "requests");
});

test("a probe, a long poll and an uplink", async () => {
  const made = record();
  const probe = script("sse", [[["status", 503]]]);
  const socket = duplex("ws://localhost:1023/", {
    probe: probe.url,
    http: { headers: () => ({ ...headers, "content-type": "a/b" }) },
  });
  await waitFor(() => socket.lastFailure?.code === "http", "its answer");
  socket.close();
  equal(made.splice(0)[0], "GET same-origin x-key", "the probe");

  const polls = duplex(script("sse", [cut, hello]).url, {
    longPoll: true,
    fallback: { order: ["poll"] },
    http: { headers },
  });
  await waitFor(() => made.length > 1, "two polls");
  polls.close();
  equal(made.splice(0, 2), Array(2).fill("GET same-origin accept x-key"), "the polls");

  made.length = 0;
  const up = script("sse", [[["status", 200]]]);
  const both = duplex({ sse: script("sse", [hello]).url, uplink: up.url }, { http: { headers } });
  await both.opened();
  await both.send({ n: 1 });
  equal(made.slice(1, 2), ["POST same-origin content-type x-key"], "the uplink");
});

test("resume.request and http.cancel ask as the app says, with http.headers where it names none", async () => {
  const made = record();
  for (const own of [undefined, { "x-own": "1" }]) {
    made.length = 0;
    const wire = client(script("sse", [cut]).url, {
      reconnect: quick,
      http: { headers, cancel: () => ({ url: sse("/answer?status=204"), headers: own }) },
      resume: { request: () => ({ url: script("sse", [hello]).url, headers: own }) },
    });
    await waitFor(() => wire.stats().opens === 2, "the resumed stream");
    await wire.cancel();
    const name = own ? "x-own" : "x-key";
    equal(made.slice(1), [`GET same-origin accept ${name}`, `POST same-origin ${name}`], name);
  }
});

test("the drop-in EventSource asks why a first request failed, by a HEAD without the app's headers; an option forbids it", async () => {
  const made = record();
  const refuses = `${wire}/cors?allow=0`;
  for (const options of [{}, { headers }]) {
    const source = new EventSource(refuses, options);
    await new Promise((resolve) => {
      source.onerror = resolve;
    });
    source.close();
    const [first, ...rest] = made.splice(0);
    equal(rest, ["HEAD no-cors", first], Object.keys(options));
  }
  for (const options of [{ reconnect: false }, { fetch: (url, init) => fetch(url, init) }]) {
    const source = new EventSource(refuses, options);
    await new Promise((resolve) => {
      source.onerror = resolve;
    });
    source.close();
    ok(!made.splice(0).some((one) => /HEAD/.test(one)), `${Object.keys(options)}`);
  }
});

test("everwire/auth asks for nothing by itself: the app's function does", async () => {
  const made = record();
  let asked = 0;
  const auth = tokens(() => `t${++asked}`);
  const wire = client(script("sse", [hello]).url, { http: { headers: auth.header() } });
  await wire.opened();
  equal([asked, made], [1, ["GET same-origin accept authorization"]], "requests");
});

test("behind a function that had not answered when the client was closed none is asked for a token", async () => {
  const plan = script("sse", [[["send", "id: 7\ndata: hello\n\n"], ["end"]], [["send", ": hello\n\n"]]]);
  for (const name of ["endpoint", "websocket", "resume.request", "uplink", "probe"]) {
    /** @type {any} */
    let answer;
    const late = (value) => () =>
      new Promise((resolve) => {
        answer = () => resolve(value);
      });
    let tokens = 0;
    const token = () => {
      tokens++;
      return name === "websocket" ? [] : {};
    };
    const stream = script("sse", [[["send", ": hello\n\n"]]]).url;
    const [endpoint, options] = /** @type {[any, any]} */ (
      {
        "endpoint": [late(stream), { http: { headers: token } }],
        "websocket": [late(ws("/echo")), { protocols: token }],
        "resume.request": [plan.url, { http: { headers: token }, resume: { request: late(stream) } }],
        "uplink": [{ sse: stream, uplink: late(sse("/none")) }, { http: { headers: token } }],
        "probe": [script("ws", [[["status", 500]]]).url, { http: { headers: token }, probe: late(sse("/none")) }],
      }[name]
    );
    const made = duplex(endpoint, options);
    if (name === "uplink") made.opened().then(() => made.send("hi"));
    await waitFor(() => answer, `${name} to be asked`);
    const before = tokens;
    made.close();
    answer();
    await new Promise((resolve) => setTimeout(resolve));
    equal(tokens, before, name);
  }
});

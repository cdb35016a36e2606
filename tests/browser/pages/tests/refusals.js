// What the browser refuses by itself is told at once, by name, on every transport.
import { client, quick, watch } from "../client.js";
import { after, equal, ok, test, thrown, waitFor } from "../harness.js";
import { script, sse, ws } from "../server.js";

const closed = (seen) => waitFor(() => seen.closed, "the close event");
/** By the Fetch standard's list. */
const PORTS =
  "1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110 111 113 115 117 119 123 135 137 139 143 161 179 389 427 465 512 513 514 515 526 530 531 532 540 548 554 556 563 587 601 636 989 990 993 995 1719 1720 1723 2049 3659 4045 4190 5060 5061 6000 6566 6665 6666 6667 6668 6669 6679 6697 10080";
/**
 * `[address with this port or other authority, options]` for each transport.
 * @returns {[string, any][]}
 */
const ways = (authority) => [
  [`http://${authority}/`, {}],
  [`http://${authority}/`, { transport: "eventsource" }],
  [`ws://${authority}/`, {}],
];

test("each port that browsers block is blocked, on each transport, before anything is dialled", async () => {
  for (const port of [0, ...PORTS.split(" ")]) {
    for (const [address, options] of ways(`localhost:${port}`)) {
      const { reason, error } = await closed(watch(client(address, options)));
      equal([reason, error.code, error.class], ["fatal", "blocked", "fatal"], `${address} ${options.transport}`);
      ok(error.cause.message.includes(`port ${port}`), error.cause.message);
    }
  }
});

test("ports beside those are not", async () => {
  for (const port of [2, 8, 14, 80, 442, 6001, 6664, 6670, 10079, 10081]) {
    for (const [address, options] of ways(`127.0.0.1:${port}`)) {
      const made = client(address, { ...options, openTimeout: 1_000 });
      const seen = watch(made);
      await waitFor(() => seen.retries.length > 0 || seen.closed || made.state === "open", address);
      ok(made.lastFailure?.code !== "blocked", `${address} ${made.lastFailure?.code}`);
      made.close();
    }
  }
});

test("a user name or password throws at connect, and is fatal from a function", async () => {
  for (const authority of ["user:secret@localhost", "user@localhost", ":secret@localhost"]) {
    for (const [address, options] of ways(authority)) {
      const error = thrown(() => client(address, options), "connect");
      equal(error.code, "invalid-url", "code");
      ok(/user name or password/.test(error.message) && !/secret/.test(error.message), error.message);
      const seen = watch(client(() => address, options));
      const { reason, error: failure } = await closed(seen);
      equal([reason, failure.code, seen.retries.length], ["fatal", "blocked", 0], "close event");
      ok(/user name or password/.test(failure.message) && !/secret/.test(failure.message), failure.message);
    }
  }
  const both = thrown(() => client({ websocket: ws("/echo"), sse: "http://user:secret@localhost/" }), "connect");
  equal(both.code, "invalid-url", "of the second way");
});

test("where there is a second way or endpoint it is taken at once", async () => {
  for (const endpoint of [
    { websocket: "ws://localhost:6000/", sse: sse("/ticker") },
    ["http://localhost:6000/", sse("/ticker")],
  ]) {
    const seen = watch(client(endpoint, { reconnect: { ...quick, initialDelay: 60_000, maxDelay: 60_000 } }));
    await waitFor(() => seen.messages.length > 0, "the second way");
    equal([seen.retries.length, seen.retries[0].failure.code, seen.retries[0].delay], [1, "blocked", 100], "retry");
  }
});

async function frame(policy) {
  const element = document.createElement("iframe");
  element.src = `/frame.html?csp=${encodeURIComponent(policy)}`;
  document.body.append(element);
  after(() => element.remove());
  return /** @type {any} */ (await waitFor(() => element.contentWindow?.load && element.contentWindow, "the frame"));
}

const POLICY = "script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";
/** @returns {[string, any][]} */
const transports = (query) => [
  [sse(`/ticker?${query}`), {}],
  [sse(`/ticker?${query}`), { transport: "eventsource" }],
  [ws(`/echo?${query}`), {}],
];

test("a Content-Security-Policy's connect-src is told as blocked, on each transport", async () => {
  const { connect } = await (await frame(POLICY)).load();
  for (const [address, options] of transports("token=secret")) {
    const made = connect(address, { reconnect: quick, ...options });
    after(() => made.close());
    const seen = watch(made);
    const { reason, error } = await closed(seen);
    equal([reason, error.code, seen.retries.length], ["fatal", "blocked", 0], `${made.transport}`);
  }
});

test("a policy that is only reported, or that is about something else, blocks nothing", async () => {
  const { connect } = await (await frame("img-src 'none'")).load();
  const made = connect(sse("/ticker"), { reconnect: quick });
  after(() => made.close());
  await made.opened();
});

test("mixed content: an insecure address of a secure page that fails is blocked, one of this machine is not", async () => {
  const realm = await frame("img-src 'none'");
  Object.defineProperty(realm, "origin", { value: "https://page.example" });
  const { connect } = await realm.load();
  for (const [address, options] of ways("host.invalid")) {
    const made = connect(address, { reconnect: quick, ...options });
    after(() => made.close());
    equal((await closed(watch(made))).error.code, "blocked", `${made.transport}`);
  }
  for (const [address, options] of ways("127.0.0.1:1023")) {
    const made = connect(address, { reconnect: quick, ...options });
    after(() => made.close());
    const seen = watch(made);
    await waitFor(() => seen.retries.length > 0, "the retry");
    equal(seen.retries[0].failure.code, "network", `${made.transport}`);
  }
});

test("a connection that was let out is lost for other reasons", async () => {
  const realm = await frame("img-src 'none'");
  Object.defineProperty(realm, "origin", { value: "https://page.example" });
  const { connect } = await realm.load();
  const plan = script("ws", [[["send", "a"], ["wait", 20], ["reset"]], [["send", "b"]]]);
  const made = connect(plan.url.replace("127.0.0.1", "localhost"), { reconnect: quick });
  after(() => made.close());
  const seen = watch(made);
  await waitFor(() => seen.retries.length > 0, "the loss");
  equal(seen.retries[0].failure.code, "network", "failure");
});

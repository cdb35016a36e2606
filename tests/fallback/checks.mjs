// What a client does behind each proxy. `broken` says with what a check must fail, or else it would prove nothing: another
// kind of proxy, other options of the clients, another query of theirs.
import assert from "node:assert/strict";
import { call, openPage } from "../proxies/pages.mjs";

const all = ["numbers", "ledger", "room"];
const every = (test) => (tallies) => tallies.every(test);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const count = (list) => list.map(([what]) => what).join(" ");

/** What comes must come once and in order all the time. `most`: whoever has failed more often than that is hopeless. */
async function until(driver, condition, what, { most = 8 } = {}) {
  for (const end = Date.now() + 60_000; ;) {
    const { failure, tallies } = await call(driver, "look");
    const problem = (name, text) => { throw new Error(`waiting for ${what}, ${name}: ${text}; ${JSON.stringify(tallies)}`); };
    if (failure) problem("the page", failure);
    for (const { name, missing, duplicates, gaps, failures } of tallies) {
      if (missing || duplicates || gaps) problem(name, `missing ${missing}, twice ${duplicates}, gaps ${gaps}`);
      if (failures.length > most) problem(name, `failed ${failures.length} times: ${count(failures)}`);
    }
    if (condition(tallies)) return tallies;
    if (Date.now() > end) problem("all", "nothing in 60 s");
    await pause(20);
  }
}

const settled = ({ sent, statuses }) => Object.values(statuses).reduce((sum, n) => sum + n, 0) === sent;
/** Messages, or acks, come by this way. */
const by = (way) => every(({ first, ways }) => first[way] !== undefined && ways.at(-1)[0] === way);

/** All that was sent is there, once and in order, and the numbers still come. */
async function whole(driver, node, limits) {
  await call(driver, "stop");
  const now = await until(driver, every((tally) => settled(tally) && (tally.name !== "room" || tally.last >= tally.sent)), "all that was sent", limits);
  const last = (tallies) => tallies.find(({ name }) => name === "numbers")?.last ?? 0;
  const tallies = await until(driver, (next) => !last(now) || last(next) > last(now) + 10, "more numbers", limits);
  for (const { name, sent, statuses, url } of tallies) {
    if (name === "numbers") continue;
    assert.deepEqual(statuses, { acked: sent }, name);
    if (name !== "ledger") continue;
    const { applied, ranges, disordered } = await (await fetch(`http://${node.address}/ledger/report${new URL(url).search}`)).json();
    assert.deepEqual({ applied, ranges, disordered }, { applied: sent, ranges: [[1, sent]], disordered: 0 });
  }
  return tallies;
}

/** When the first message or ack came by this way, since `connect`; how long nothing came at all. */
const times = (tallies, way) => tallies.map(({ name, first, silence, sent, received, failures }) =>
  `${name} ${way} ${first[way]} ms, silence ${silence} ms (${[received && `${received} received`, sent && `${sent} acked`, count(failures) || "no failure"].filter(Boolean).join(", ")})`).join("; ");

/** From `connect` on, until all goes by `way`; then for a while, and to the end. */
function falls({ way, failures, ways = [way], ...limits }) {
  return async ({ driver, node, options, query }) => {
    await call(driver, "start", all, options, { query });
    const { last } = (await until(driver, by(way), `messages by ${way}`, limits)).find(({ name }) => name === "numbers");
    await until(driver, ([numbers]) => numbers.last > last + 50, "some more", limits);
    const tallies = await whole(driver, node, limits);
    for (const tally of tallies) {
      assert.equal(count(tally.ways), ways.join(" "), tally.name);
      assert.match(count(tally.failures), failures, tally.name);
    }
    return { tallies, text: times(tallies, way) };
  };
}

const alone = { fallback: false };
const forgetful = { fallback: { remember: false } };

const refused = {
  name: "refused: from WebSocket to fetch and POSTs",
  kind: "refused",
  options: forgetful,
  run: falls({ way: "fetch", failures: /^network network$/ }),
  broken: [["without fallback", { options: alone }]],
};

const cut = {
  name: "cut after 2 s, three times: from WebSocket to fetch and POSTs",
  kind: "cut",
  options: forgetful,
  async run(place) {
    const early = falls({ way: "fetch", ways: ["websocket", "websocket", "websocket", "fetch"], failures: /^((network|closed 1006)( |$)){3}$/, most: 5 });
    const { tallies, text } = await early(place);
    const lives = tallies.flatMap(({ ways, failures }) => failures.map(([, at], n) => at - ways[n][1]));
    return { tallies, text: `WebSockets lived ${Math.min(...lives)} to ${Math.max(...lives)} ms; ${text}` };
  },
  broken: [["without fallback", { options: alone }], ["with a server that can replay one number only", { query: "&log=1" }]],
};

const buffered = {
  name: "refused and buffered, longPoll: from WebSocket to fetch to long polls and POSTs",
  kind: "buffered",
  options: { ...forgetful, longPoll: true },
  run: falls({ way: "poll", failures: /^network network buffered$/ }),
  broken: [["without longPoll", { options: forgetful }]],
};

const typed = {
  name: "refused and buffered, no longPoll: the failure is `buffered`",
  kind: "buffered",
  options: forgetful,
  async run({ driver, options }) {
    await call(driver, "start", all, options);
    const found = ({ failures }) => failures.some(([code]) => code === "buffered");
    const tallies = await until(driver, (now) => every(found)(now) || now.some(({ received }) => received > 20), "buffered");
    for (const tally of tallies) assert.ok(found(tally) && !tally.ways.length, `${tally.name}: ${JSON.stringify(tally)}`);
    return { text: tallies.map(({ name, failures }) => `${name} ${failures.find(([code]) => code === "buffered")[1]} ms`).join("; ") };
  },
  broken: [["with a proxy that lets a stream through", { kind: "kind" }]],
};

const kind = {
  name: "refused, and buffers but for X-Accel-Buffering: no: from WebSocket to fetch and POSTs",
  kind: "kind",
  options: forgetful,
  run: falls({ way: "fetch", failures: /^network network$/ }),
  broken: [["with a proxy that ignores the header", { kind: "buffered" }]],
};

const remembered = {
  name: "the next page begins with the way that worked, and goes back when the proxy lets it",
  kind: "refused",
  options: { fallback: true, reconnect: { failback: 1_000 } },
  async run({ driver, proxy, node, options, more }) {
    const start = async () => {
      await call(driver, "closeAll");
      await openPage(driver, proxy.url);
      await call(driver, "start", all, options);
    };
    await call(driver, "start", all, options);
    await until(driver, by("fetch"), "messages by fetch");
    await start();
    const [began] = [await until(driver, every(({ first }) => Object.keys(first).length), "messages on the second page")];
    for (const tally of began) assert.deepEqual([count(tally.ways), count(tally.failures)], ["fetch", ""], tally.name);
    await until(driver, every(({ sockets }) => sockets > 0), "a try of the WebSocket");
    if (!more?.stays) proxy.become("open");
    const hopeless = (tallies) => tallies.some(({ sockets, ways }) => sockets > 5 && ways.length === 1);
    const back = await until(driver, (tallies) => by("websocket")(tallies) || hopeless(tallies), "the WebSocket");
    assert.ok(!hopeless(back), "the WebSocket does not come back");
    const tallies = await whole(driver, node);
    await start();
    for (const tally of await until(driver, every(({ first }) => Object.keys(first).length), "messages on the third page")) {
      assert.deepEqual([count(tally.ways), count(tally.failures)], ["websocket", ""], tally.name);
    }
    return { text: `second page: ${times(began, "fetch")}; back: ${times(tallies, "websocket")}` };
  },
  broken: [["without memory", { options: { ...forgetful, reconnect: { failback: 1_000 } } }], ["with a proxy that goes on refusing", { more: { stays: true } }]],
};

const ended = {
  name: "a stream that the server ends: the next connection is a WebSocket, when the proxy lets it",
  kind: "refused",
  options: { ...forgetful, reconnect: { stableAfter: 300 } },
  async run({ driver, proxy, node, options, more }) {
    await call(driver, "start", ["ledger", "room"], options);
    await until(driver, by("fetch"), "acks by fetch");
    if (!more?.stays) proxy.become("open");
    const streams = await until(driver, every(({ ways, now }) => now - ways.at(-1)[1] > 600), "stable streams");
    for (const { url, connection } of streams) {
      // A second stream of the same name takes its place, and the first one ends in good order.
      const { pathname, search } = new URL(url), abort = new AbortController();
      await fetch(`http://${node.address}${pathname}?${new URLSearchParams([...new URLSearchParams(search), ["connection", connection]])}`, { signal: abort.signal });
      abort.abort();
    }
    await until(driver, every(({ ways }) => ways.length > 1), "the next connection");
    const tallies = await whole(driver, node);
    for (const tally of tallies) assert.deepEqual([count(tally.ways), count(tally.failures)], ["fetch websocket", "network network end"], tally.name);
    return { text: times(tallies, "websocket") };
  },
  broken: [["with a proxy that goes on refusing", { more: { stays: true } }]],
};

export const checks = [refused, cut, buffered, typed, kind, remembered, ended];
export const cleanUp = (driver) => call(driver, "closeAll");

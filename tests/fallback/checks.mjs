// What clients do behind each proxy. `broken` says with what a check must fail, and how, or else it would prove nothing:
// another kind of proxy, other options of the clients, another query of theirs.
import assert from "node:assert/strict";
import { call, openPage } from "../proxies/pages.mjs";

const all = ["numbers", "ledger", "room"];
const every = (test) => (tallies) => tallies.every(test);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/** The names in a list of what was when. */
const names = (list) => list.map(([what]) => what).join(" ");

/** What comes must come once and in order all the time. Who has failed more often than `most` is hopeless. */
async function until(driver, condition, what, { most = 4 } = {}) {
  for (const end = Date.now() + 60_000; ; await pause(20)) {
    const { failure, tallies } = await call(driver, "look");
    const problem = (name, text) => {
      throw new Error(`waiting for ${what}, ${name}: ${text}; ${JSON.stringify(tallies)}`);
    };
    if (failure) problem("the page", failure);
    for (const { name, missing, duplicates, gaps, failures } of tallies) {
      if (missing || duplicates || gaps) problem(name, `missing ${missing}, twice ${duplicates}, gaps ${gaps}`);
      if (failures.length > most) problem(name, `failed ${failures.length} times: ${names(failures)}`);
    }
    if (condition(tallies)) return tallies;
    if (Date.now() > end) problem("all", "not in 60 s");
  }
}

/** Messages, or acks, come by this way. */
const by = (way) => every(({ first, ways }) => first[way] !== undefined && ways.at(-1)[0] === way);
const begun = every(({ first }) => Object.keys(first).length > 0);
const settled = ({ sent, statuses }) => Object.values(statuses).reduce((sum, n) => sum + n, 0) === sent;

/** All that was sent is there, once and in order, and the numbers still come. */
async function whole(driver, node, limits) {
  await call(driver, "stop");
  const now = await until(
    driver,
    every((tally) => settled(tally) && (tally.name !== "room" || tally.last >= tally.sent)),
    "all that was sent",
    limits,
  );
  const last = (tallies) => tallies.find(({ name }) => name === "numbers")?.last ?? 0;
  const tallies = await until(driver, (next) => !last(now) || last(next) > last(now) + 10, "more numbers", limits);
  for (const { name, sent, statuses, url } of tallies) {
    if (name === "numbers") continue;
    assert.deepEqual(statuses, { acked: sent }, name);
    if (name !== "ledger") continue;
    const { applied, ranges, disordered } = await (
      await fetch(`http://${node.address}/ledger/report${new URL(url).search}`)
    ).json();
    assert.deepEqual({ applied, ranges, disordered }, { applied: sent, ranges: [[1, sent]], disordered: 0 });
  }
  return tallies;
}

/** When the first message or ack came by this way, since `connect`; how long nothing came at all. */
const times = (tallies, way) =>
  tallies.map(
    ({ name, first, silence, sent, received, failures }) =>
      `${name}: first by ${way} at ${first[way]} ms, silence at most ${silence} ms; ${[received && `${received} received`, sent && `${sent} acked`].filter(Boolean).join(", ")}; ${names(failures) || "no failure"}`,
  );

/** From `connect` on, until all goes by `way`; then for a while, and to the end. */
function falls({ way, failures, ways = [way] }) {
  return async ({ driver, node, options, query }) => {
    await call(driver, "start", all, options, query);
    const { last } = (await until(driver, by(way), `messages by ${way}`)).find(({ name }) => name === "numbers");
    await until(driver, ([numbers]) => numbers.last > last + 50, "some more");
    const tallies = await whole(driver, node);
    for (const tally of tallies) {
      assert.equal(names(tally.ways), ways.join(" "), tally.name);
      assert.match(names(tally.failures), failures, `${tally.name}: ${JSON.stringify(tally.failures)}`);
    }
    return times(tallies, way);
  };
}

/** A page falls to `way`. The next one begins with it, and goes back to WebSocket when the proxy lets it. */
const returns =
  (way) =>
  async ({ driver, proxy, node, options, stays }) => {
    const start = async (how) => {
      await call(driver, "closeAll");
      await openPage(driver, proxy.url);
      await call(driver, "start", all, { ...options, ...how });
      return until(driver, begun, "messages on the next page");
    };
    const assertBegan = (tallies, way) => {
      for (const { name, ways, failures } of tallies) assert.deepEqual([names(ways), names(failures)], [way, ""], name);
    };
    await call(driver, "start", all, options);
    await until(driver, by(way), `messages by ${way}`);
    const began = await start({ reconnect: { ...options.reconnect, failback: 1_000 } });
    assertBegan(began, way);
    await until(
      driver,
      every(({ sockets }) => sockets > 0),
      "a try of the WebSocket",
    );
    if (!stays) proxy.become("open");
    const hopeless = (tallies) => tallies.some(({ sockets, ways }) => sockets > 3 && ways.length === 1);
    assert.ok(
      !hopeless(await until(driver, (tallies) => by("websocket")(tallies) || hopeless(tallies), "the WebSocket")),
      "the WebSocket does not come back",
    );
    const tallies = await whole(driver, node);
    await driver.wait(
      () => driver.executeScript("return !Object.keys(sessionStorage).some((key) => key.startsWith('everwire-way'))"),
      30_000,
      "the WebSocket to have held",
    );
    assertBegan(await start(), "websocket");
    return [...times(began, way), ...times(tallies, "websocket")];
  };

const forgetful = { fallback: { remember: false } };
const alone = [
  "without fallback",
  { options: { fallback: false } },
  /failed 5 times: (network|closed 1006|open-timeout| )+;/,
];
const silly = ["with a server that can replay one number only", { query: "&log=1" }, /numbers: missing \d/];
const refusing = (error) => ["with a proxy that goes on refusing", { stays: true }, error];

export const checks = [
  {
    name: "refused: from WebSocket to fetch and POSTs",
    kind: "refused",
    options: forgetful,
    run: falls({ way: "fetch", failures: /^network network$/ }),
    broken: [alone],
  },
  {
    name: "not passed on: from WebSocket to fetch and POSTs",
    kind: "plain",
    options: forgetful,
    // WebKitGTK waits for the end of what the node answers, which is an event stream.
    run: falls({ way: "fetch", failures: /^(network network|open-timeout open-timeout)$/ }),
    broken: [alone],
  },
  {
    name: "cut after 2 s, three times: from WebSocket to fetch and POSTs",
    kind: "cut",
    options: forgetful,
    run: falls({
      way: "fetch",
      ways: ["websocket", "websocket", "websocket", "fetch"],
      failures: /^((network|closed 1006)( |$)){3}$/,
    }),
    broken: [alone, silly],
  },
  {
    name: "cut after 2 s, and tried again and again: there and back without a loss",
    kind: "cut",
    options: { ...forgetful, reconnect: { failback: 1_000 } },
    async run({ driver, node, options, query }) {
      await call(driver, "start", all, options, query);
      const limits = { most: 20 };
      const turns = ({ ways }) => ways.filter(([way], at) => way === "fetch" && ways[at - 1][0] === "websocket").length;
      await until(
        driver,
        every((tally) => turns(tally) > 3),
        "four falls",
        limits,
      );
      return times(await whole(driver, node, limits), "fetch");
    },
    broken: [silly],
  },
  {
    name: "refused and buffered, longPoll: from WebSocket to fetch to long polls and POSTs",
    kind: "buffered",
    options: { ...forgetful, longPoll: true },
    run: falls({ way: "poll", failures: /^network network buffered$/ }),
    broken: [["without longPoll", { options: forgetful }, /failed 5 times: network network buffered network buffered/]],
  },
  {
    name: "refused and buffered, no longPoll: the failure is `buffered`",
    kind: "buffered",
    options: forgetful,
    async run({ driver, options }) {
      await call(driver, "start", all, options);
      const found = ({ failures }) => failures.find(([code]) => code === "buffered");
      const tallies = await until(
        driver,
        (now) => every(found)(now) || now.some(({ received }) => received > 20),
        "buffered",
      );
      for (const tally of tallies)
        assert.ok(found(tally) && !tally.ways.length, `${tally.name}: ${JSON.stringify(tally)}`);
      return tallies.map((tally) => `${tally.name}: at ${found(tally)[1]} ms; ${names(tally.failures)}`);
    },
    broken: [["with a proxy that lets a stream through", { kind: "kind" }, /"first":{"fetch"/]],
  },
  {
    name: "refused, and buffers but for X-Accel-Buffering: no: from WebSocket to fetch and POSTs",
    kind: "kind",
    options: forgetful,
    run: falls({ way: "fetch", failures: /^network network$/ }),
    broken: [
      [
        "with a proxy that ignores the header",
        { kind: "buffered" },
        /failed 5 times: network network buffered network buffered/,
      ],
    ],
  },
  {
    name: "the next page begins with fetch, and goes back when the proxy lets it",
    kind: "refused",
    options: {},
    run: returns("fetch"),
    broken: [["without memory", { options: forgetful }, /\+ +'network network'/], refusing(/does not come back/)],
  },
  {
    name: "the next page begins with long polls, and goes back when the proxy lets it",
    kind: "buffered",
    options: { longPoll: true },
    run: returns("poll"),
    broken: [["without memory", { options: { ...forgetful, longPoll: true } }, /\+ +'network network buffered'/]],
  },
  {
    name: "a stream that the server ends: the next connection is a WebSocket, when the proxy lets it",
    kind: "refused",
    options: { ...forgetful, reconnect: { stableAfter: 300 } },
    async run({ driver, proxy, node, options, stays }) {
      await call(driver, "start", ["ledger"], options);
      await until(driver, by("fetch"), "acks by fetch");
      if (!stays) proxy.become("open");
      const [{ url, connection }] = await until(
        driver,
        every(({ ways, now }) => now - ways.at(-1)[1] > 600),
        "a stable stream",
      );
      // A second stream of the same name takes its place, and the first one ends in good order.
      const abort = new AbortController();
      await fetch(`http://${node.address}/ledger${new URL(url).search}&connection=${connection}`, {
        signal: abort.signal,
      });
      await until(
        driver,
        every(({ ways }) => ways.length > 1),
        "the next connection",
      );
      abort.abort();
      const tallies = await whole(driver, node);
      for (const { name, ways, failures } of tallies)
        assert.deepEqual([names(ways), names(failures)], ["fetch websocket", "network network end"], name);
      return times(tallies, "websocket");
    },
    broken: [refusing(/network network end network/)],
  },
];

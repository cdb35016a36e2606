// What a proxy has to do for everwire, each as one check. `changes` are the config that it runs with besides the checked-in
// one; `broken` is a config with which it must fail, or else it would prove nothing.
import assert from "node:assert/strict";
import { call } from "./pages.mjs";

const transports = ["websocket", "fetch", "eventsource"];
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function until(driver, condition, what, milliseconds = 15_000) {
  const end = Date.now() + milliseconds;
  for (;;) {
    const tallies = await call(driver, "tallies");
    if (await condition(tallies)) return tallies;
    if (Date.now() > end) throw new Error(`waited ${milliseconds / 1_000} s for ${what}: ${JSON.stringify(tallies)}`);
    await pause(50);
  }
}

const every = (test) => (tallies) => Object.values(tallies).every(test);

function assertWhole(tallies) {
  for (const [name, { missing, duplicates, gaps }] of Object.entries(tallies)) {
    const flaws = { missing, duplicates, gaps };
    assert.deepEqual(flaws, { missing: 0, duplicates: 0, gaps: 0 }, `${name}: ${JSON.stringify(flaws)}`);
  }
}

const summary = (tallies) =>
  Object.entries(tallies)
    .map(
      ([name, { received, opens, failures }]) =>
        `${name} ${received} messages, opened ${opens}${failures.length ? ` (${failures.join(", ")})` : ""}`,
    )
    .join("; ");

const unasked = ["proxy_buffering off;", "proxy_buffering off; proxy_ignore_headers X-Accel-Buffering;"];

/**
 * @param {string} transport
 * @param {{ name?: string, changes?: object }} [more]
 */
const oneByOne = (transport, { name = "each message comes when it is sent", changes } = {}) => ({
  name: `${transport}: ${name}`,
  changes,
  async run({ driver }) {
    const message = (n) => ["send", `id: ${n}\ndata: ${n}\n\n`];
    const wait = ["wait", 500];
    const { times, end } = await call(driver, "timed", transport, [
      message(1),
      wait,
      message(2),
      wait,
      message(3),
      ["wait", 3_000],
      ["end"],
    ]);
    const [first, second, third] = times;
    assert.equal(times.length, 3);
    // The whole takes 4 s. A proxy that holds back gives all of it at the end.
    assert.ok(
      first < 400 && second - first > 300 && third - second > 300 && end - third > 2_000,
      `came at ${times} ms, ended at ${end} ms`,
    );
    return `at ${times.join(", ")} ms, end at ${end} ms`;
  },
  broken: {
    // The defaults of nginx before 1.29.7. Over HTTP/1.1 it passes on what is chunked even so, unless it compresses.
    nginx: [
      unasked,
      ["proxy_buffering off;", "proxy_buffering on;"],
      ["proxy_http_version 1.1;", "proxy_http_version 1.0;"],
    ],
    caddy: ({ version }) => [
      ["fail_duration 5s", `fail_duration 5s\n${version.minor >= 7 ? "response_buffers 64KiB" : "buffer_responses"}`],
    ],
  },
});

const echo = {
  name: "websocket: both ways",
  async run({ driver }) {
    const texts = ["one", "two", "x".repeat(100_000)];
    const back = await Promise.race([call(driver, "echo", texts), pause(3_000)]);
    assert.deepEqual(back, texts);
  },
  broken: {
    nginx: [["proxy_set_header Upgrade $http_upgrade;", ""]],
    caddy: [["fail_duration 5s", "fail_duration 5s\nheader_up -Upgrade"]],
  },
};

/** Twenty messages in a second, 5 s of nothing. A stream that is opened again gets more. */
async function quiet(driver) {
  for (const transport of transports) await call(driver, "count", transport, transport, { rate: 20, limits: [20, 60] });
  await until(
    driver,
    every(({ last }) => last >= 20),
    "the first messages",
  );
  await pause(5_000);
}

const kept = {
  name: "a stream that is silent for 5 s is kept",
  async run({ driver }) {
    await quiet(driver);
    const tallies = await call(driver, "tallies");
    for (const [name, { opens }] of Object.entries(tallies))
      assert.equal(opens, 1, `${name} was opened ${opens} times`);
    return summary(tallies);
  },
  broken: {
    nginx: [["proxy_read_timeout 1h", "proxy_read_timeout 3s"]],
    caddy: [["read_timeout 1h", "read_timeout 3s"]],
  },
};

const cut = {
  name: "cut after 3 s of silence: event streams go on, the heartbeat keeps the WebSocket",
  changes: kept.broken,
  async run({ driver }) {
    await quiet(driver);
    const tallies = await until(
      driver,
      ({ fetch, eventsource }) => fetch.last === 60 && eventsource.last === 60,
      "the messages after the cut",
    );
    assertWhole(tallies);
    assert.equal(tallies.websocket.opens, 1, "WebSocket");
    return summary(tallies);
  },
  // As checked in: nothing is cut, and what comes after a cut does not come.
  broken: { nginx: [], caddy: [] },
};

const ten = {
  name: "ten event streams in one page",
  async run({ driver }) {
    for (let n = 0; n < 10; n++)
      await call(driver, "count", `stream ${n}`, n % 2 ? "fetch" : "eventsource", { rate: 20 });
    await until(
      driver,
      every(({ received }) => received >= 20),
      "twenty messages on each",
      6_000,
    );
    const protocol = await call(driver, "protocol");
    assert.equal(protocol, "h2");
    return protocol;
  },
  broken: {
    nginx: [["listen 443 ssl http2", "listen 443 ssl"]],
    caddy: [["admin", "servers {\nprotocols h1\n}\nadmin"]],
  },
};

/** Numbers by the clock, the same at each node: what is missed at one must come from the other. */
async function countAll(driver, rate = 200) {
  const begin = Date.now();
  for (const transport of transports) await call(driver, "count", transport, transport, { begin, rate });
  const due = () => Math.floor(((Date.now() - begin) * rate) / 1_000);
  return async (what) => {
    const now = due();
    return until(
      driver,
      every(({ last }) => last >= now),
      `message ${now} after ${what}`,
    );
  };
}

const deploy = {
  name: "nodes killed one after the other, the proxy reloaded: nothing missing, nothing twice",
  async run({ driver, proxy, nodes }) {
    const caughtUp = await countAll(driver);
    await caughtUp("the start");
    // Each is killed once, so each client has come from one to the other at least once.
    for (const node of nodes) {
      await node.kill();
      await caughtUp("a node was killed");
      await proxy.reload();
      await caughtUp("a reload");
      await node.revive();
      await pause(1_000);
    }
    const tallies = await caughtUp("all that");
    assertWhole(tallies);
    for (const [name, { opens }] of Object.entries(tallies)) assert.ok(opens > 1, `${name} was never cut`);
    return summary(tallies);
  },
  broken: {
    nginx: ({ nodes }) => [[`server ${nodes[1].address} max_fails=1 fail_timeout=5s;`, ""]],
    caddy: ({ nodes }) => [[`${nodes[0].address} ${nodes[1].address}`, nodes[0].address]],
  },
};

const soon = {
  nginx: [["worker_shutdown_timeout 5m", "worker_shutdown_timeout 1s"]],
  // Before 2.7 it is at once.
  caddy: ({ version }) => (version.minor >= 7 ? [["stream_close_delay 5m", "stream_close_delay 1s"]] : []),
};

const reload = {
  name: "reloaded, what is open cut soon after: nothing missing, nothing twice",
  changes: soon,
  async run({ driver, proxy }) {
    const caughtUp = await countAll(driver);
    await caughtUp("the start");
    await proxy.reload();
    await until(driver, ({ websocket }) => websocket.opens > 1, "the WebSocket to be cut");
    const tallies = await caughtUp("the reload");
    assertWhole(tallies);
    return summary(tallies);
  },
  // The nodes remember one message only.
  broken: {
    nginx: [...soon.nginx, ["proxy_pass http://nodes/;", "set $args $args&log=1; proxy_pass http://nodes/;"]],
    caddy: (setting) => [
      ...soon.caddy(setting),
      ["handle_path /live/* {", "handle_path /live/* {\nrewrite * {path}?{query}&log=1"],
    ],
  },
};

const left = {
  name: "a client that leaves is gone at the node, too",
  async run({ driver, nodes }) {
    const open = async () => (await Promise.all(nodes.map((node) => node.connections()))).reduce((sum, n) => sum + n);
    // Silent ones: to write to them would show that nobody is there.
    for (const transport of transports) await call(driver, "count", transport, transport, { rate: 20, limits: [20] });
    await until(
      driver,
      every(({ last }) => last === 20),
      "the messages",
    );
    assert.equal(await open(), 3);
    await call(driver, "closeAll");
    for (const end = Date.now() + 5_000; (await open()) > 0; await pause(50)) {
      if (Date.now() > end) throw new Error(`${await open()} streams are open 5 s after`);
    }
  },
  broken: {
    nginx: [["proxy_buffering off;", "proxy_buffering off; proxy_ignore_client_abort on;"]],
    // 2.11 cancels all the same; nothing else there is known to break it.
    caddy: ({ version }) => version.minor === 6 && [["fail_duration 5s", "fail_duration 5s\nflush_interval -1"]],
  },
};

export const checks = [
  oneByOne("fetch"),
  oneByOne("eventsource"),
  oneByOne("fetch", {
    name: "so it does from a node that does not send X-Accel-Buffering",
    changes: { nginx: [unasked] },
  }),
  echo,
  kept,
  cut,
  ten,
  left,
  reload,
  deploy,
];
export const cleanUp = (driver) => call(driver, "closeAll");

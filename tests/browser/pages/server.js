// The server as the tests see it: addresses, faults, scripts. See tests/browser/run.mjs for what starts it.
import { after } from "./harness.js";

/** `page` serves the files and the control API, `wire` is the proxy, `app` is behind it. */
export const { page, wire, app } = await (await fetch("/config.json")).json();

export const toWebSocket = (url) => url.replace(/^http/, "ws");
// By page: what one asks the server for, another must not get.
const prefix = `k${Date.now().toString(36)}${Math.random().toString(36).slice(2, 6)}-`;
let keys = 0;
export const unique = () => `${prefix}${keys++}`;

export const sse = (path) => `${wire}${path}`;
export const ws = (path) => toWebSocket(wire + path);

/** Answers when the fault is in force; cleared when the test ends. */
export async function fault(path) {
  if (path !== "/fault/clear") after(() => fault("/fault/clear"));
  const response = await fetch(path, { method: "POST" });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
}

const getJson = async (url) => {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response.json();
};

export const stats = () => getJson(`${page}/stats`);
export const proxyStats = () => getJson(`${page}/proxy/stats`);

// The platform's own, whatever a test puts in its place.
const ask = window.fetch.bind(window);
let listens = false;

/** Tells the server, whenever a script waits for it, that what it had sent before has come. */
async function listen() {
  for (listens = true; listens; ) {
    try {
      const held = await (await ask(`${app}/script/held?prefix=${prefix}`)).json();
      // A round trip to the node, and one to the proxy's process: what was under way before has come by then.
      for (const url of [`${app}/script/log?key=none`, "/config.json"]) await (await ask(url)).text();
      for (const key of held) await ask(`${app}/script/heard?key=${key}`, { method: "POST" });
    } catch {
      // A test has ended the node: after a round trip to the process that stays it is tried again. Or the page goes.
      await ask("/config.json").catch(() => {
        listens = false;
      });
    }
  }
}

/**
 * With a reset what the browser has not read yet is lost, and with a close what it has not sent. A script's reset or close
 * after a wait comes when the page has had its turn.
 */
const hearing = (steps) =>
  steps.flatMap((step, at) =>
    /^(reset|close)$/.test(step[0]) && steps[at - 1]?.[0] === "wait" ? [["heard"], step] : [step],
  );

/**
 * A server that plays `attempts`: for each connection a list of steps, the last one for all that follow.
 * Firefox says that an EventSource is open when its first byte has come, so an attempt that is to open sends one.
 */
export function script(kind, attempts) {
  const key = unique();
  // Firefox keeps the TCP connection of a WebSocket that is closed before it is answered.
  if (attempts.some(([first]) => first?.[0] === "hang")) after(() => fault("/proxy/reset"));
  const steps = attempts.map(hearing);
  if (!listens && steps.flat().some(([name]) => name === "heard")) listen();
  const query = new URLSearchParams({ s: JSON.stringify(steps), key });
  const path = `/script/${kind}?${query}`;
  return {
    url: kind === "ws" ? ws(path) : sse(path),
    /** One entry for each attempt: query, headers, protocols, received. */
    log: () => getJson(`${app}/script/log?key=${key}`),
  };
}

/** A plain WebSocket past the proxy and past everwire: the other one in the room. */
export async function plainSocket(path, base = app) {
  const socket = new WebSocket(toWebSocket(base + path));
  after(() => socket.close());
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = () => reject(new Error(`cannot reach ${path}`));
  });
  return socket;
}

/** An echo through the same server and proxy: what was under way before it has come by now. */
export async function echoBarrier() {
  for (const base of [app, wire]) {
    const socket = await plainSocket("/echo", base);
    const echoed = new Promise((resolve) => {
      socket.onmessage = resolve;
    });
    socket.send("barrier");
    await echoed;
    socket.close();
  }
}

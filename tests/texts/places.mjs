// Where options are given: the interface of each place, what stands before the names in the docs, and how to give some.
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const packed = join(dirname(fileURLToPath(import.meta.url)), "../../target/packed/package");
const load = (name) => import(pathToFileURL(join(packed, `${name}.js`)).href);

// Node 20 has neither. Nothing is opened here.
class Nothing extends EventTarget {
  close() {}
}
globalThis.WebSocket ??= /** @type {any} */ (Nothing);
globalThis.EventSource ??= /** @type {any} */ (Nothing);

const { connect } = await load("index");
const duplex = await load("duplex");
const { tokens } = await load("auth");
const { WebSocket } = await load("websocket");
const { EventSource } = await load("eventsource");

const websocket = "ws://127.0.0.1:1/",
  sse = "http://127.0.0.1:1/";
const both = { websocket, sse };
const nest = (path, options) => path.reduceRight((inner, key) => ({ [key]: inner }), options);
const place =
  (file, make) =>
  (...path) => ({
    file,
    prefix: path.map((key) => `${key}.`).join(""),
    give: (options) => make(nest(path, options)),
  });
const main = place("index", (options) => connect(both, options));
const two = place("duplex", (options) => duplex.connect(both, options));
/** Open to both ways, and closed again. */
function within(made, use) {
  try {
    return use(made);
  } finally {
    made.close();
  }
}

/**
 * By the interface, unless `type` says which. `rows`: what the names in the docs begin with, if not with the prefix; `only`: these of
 * them; `listless`: the code does not say which there are.
 * @type {Record<string, { file: string, prefix: string, give: (options: object) => any, type?: string, rows?: string, only?: string[], listless?: boolean }>}
 */
export const places = {
  Options: main(),
  HeartbeatOptions: main("heartbeat"),
  ReconnectOptions: main("reconnect"),
  ResumeOptions: main("resume"),
  HttpOptions: main("http"),
  OutboxOptions: main("outbox"),
  AckOptions: main("outbox", "ack"),
  SendOptions: {
    file: "index",
    prefix: "send.",
    give: (options) =>
      within(connect(both, { heartbeat: true, outbox: { ack: true } }), (made) => made.send({}, options)),
  },
  DuplexOptions: { ...two(), listless: true },
  RequestsOptions: two("requests"),
  SubscriptionsOptions: two("subscriptions"),
  PersistOptions: {
    file: "duplex",
    prefix: "outbox.persist.",
    give: (options) => duplex.connect(both, { outbox: { ack: true, persist: { key: "k", ...options } } }),
  },
  RateOptions: {
    file: "duplex",
    prefix: "rate.",
    give: (options) => duplex.connect(both, { rate: { messages: 1, per: 10, ...options } }),
  },
  UplinkOptions: two("uplink"),
  FallbackOptions: two("fallback"),
  LongPollOptions: two("longPoll"),
  RequestOptions: {
    file: "duplex",
    prefix: "request.",
    give: (options) => within(duplex.connect(both), (made) => made.request({}, options)),
  },
  SubscribeOptions: {
    file: "duplex",
    prefix: "subscribe.",
    give: (options) => within(duplex.connect(both), (made) => made.subscribe("topic", options)),
  },
  TokensOptions: { file: "auth", prefix: "tokens.", give: (options) => tokens(() => "", options) },
  WebSocketOptions: {
    file: "websocket",
    prefix: "new WebSocket.",
    // With none of its options the argument is somebody else's, and ignored.
    give: (options) => new WebSocket(websocket, [], { heartbeat: false, ...options }),
  },
  backoff: {
    file: "index",
    type: "ReconnectOptions",
    rows: "reconnect.",
    only: ["initialDelay", "maxDelay", "factor", "jitter", "stableAfter"],
    prefix: "new WebSocket.backoff.",
    give: (options) => new WebSocket(websocket, [], { backoff: options }),
  },
  EventSourceOptions: {
    file: "eventsource",
    prefix: "new EventSource.",
    listless: true,
    give: (options) => new EventSource(sse, options),
  },
};

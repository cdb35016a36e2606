// Where the code has the default of an option. Not here: what has none that could be written down.
const config = (pattern) => ["src/core/config.rs", pattern];
const endpoints = (pattern) => ["src/core/endpoints.rs", pattern];
const uplink = (pattern) => ["src/core/uplink.rs", pattern];
const facade = (file, pattern) => [`pkg-template/${file}${file.includes("/") ? ".ts" : ".js"}`, pattern];
const options = (pattern) => facade("options", pattern);
const set = (name, file = "options") => facade(file, new RegExp(`\\b${name} = ("\\w+"|\\w+)`));
/** The first of an enum. */
const first = (name) => config(new RegExp(`enum ${name} \\{[\\s\\S]*?#\\[default\\]\\s+(\\w+)`));

/** @type {Record<string, string[] | [string, RegExp]>} */
const places = {
  heartbeat: set("heartbeat"),
  "heartbeat.interval": config(/Self \{ interval: ([\d_]+), timeout/),
  "heartbeat.timeout": config(/self\.interval\.min\(([\d_]+)\)/),
  reconnect: set("reconnect"),
  "reconnect.initialDelay": config(/initial: ([\d_]+),/),
  "reconnect.maxDelay": config(/max: ([\d_]+),/),
  "reconnect.factor": config(/factor: ([\d_]+)_000,/),
  "reconnect.jitter": first("Jitter"),
  "reconnect.stableAfter": config(/stable_after: ([\d_]+),/),
  "reconnect.maxServerDelay": config(/max_server_delay: ([\d_]+),/),
  "resume.name": options(/\?\? ("lastEventId")/),
  maxEventBytes: config(/MAX_EVENT_BYTES: u64 = (\d+ << \d+);/),
  "outbox.maxMessages": config(/max_messages: ([\d_]+),/),
  "outbox.maxBytes": config(/max_bytes: (\d+ << \d+),/),
  "outbox.overflow": first("Overflow"),
  "outbox.ack.id": options(/\bid = ("\w+")/),
  "outbox.ack.match": options(/\bmatch = ("\w+")/),
  "outbox.ack.timeout": config(/ack_timeout: ([\d_]+),/),
  "outbox.inFlight": config(/max_in_flight: ([\d_]+),/),
  "outbox.maxAttempts": config(/max_in_flight: [\d_]+,\s+max_attempts: ([\d_]+),/),
  "outbox.highWaterMark": options(/highWaterMark \?\? (2 \*\* \d+)/),
  codec: set("codec"),
  openTimeout: config(/open_timeout: ([\d_]+),/),
  binaryType: options(/\?\? ("arraybuffer")/),
  paused: ["src/core/page.rs", /paused: (true|false),/],
  pageLifecycle: options(/pageLifecycle \?\? (true)/),
  "requests.id": set("id", "duplex"),
  "requests.error": set("error", "duplex"),
  "requests.timeout": set("timeout", "duplex"),
  "request.priority": set("priority", "requests"),
  "http.maxFailureBody": facade("links/answer", /HEAD = (\d+)/),
  "subscriptions.topic": facade("subscriptions", /topic: where = ("\w+")/),
  "subscriptions.joined": facade("subscriptions", /word\(("joined")\)/),
  "subscriptions.refused": facade("subscriptions", /word\(("refused")\)/),
  "subscriptions.gap": facade("subscriptions", /word\(("gap")\)/),
  "subscriptions.timeout": ["src/core/topics.rs", /timeout: ([\d_]+),/],
  "subscriptions.confirm": ["src/core/topics.rs", /confirm: (true|false)/],
  "subscribe.lastEventId": facade("subscriptions", /lastEventId: from = ("")/),
  "uplink.name": facade("uplink", /name \?\? ("\w+"),/),
  "uplink.maxMessages": uplink(/ messages: ([\d_]+), bytes/),
  "uplink.maxBytes": uplink(/ bytes: ([\d_]+), timeout/),
  "uplink.timeout": uplink(/ timeout: ([\d_]+) \}/),
  "fallback.failures": endpoints(/TRANSPORTS: Self = Self \{ unopened: (\d+)/),
  "fallback.early": endpoints(/TRANSPORTS: Self = Self \{ unopened: \d+, early: (\d+)/),
  "fallback.remember": set("remember", "fallback"),
  "longPoll.wait": ["src/core/polls.rs", /const WAIT: u64 = ([\d_]+);/],
  "longPoll.name": set("name", "longpoll"),
  "tokens.refreshAhead": set("refreshAhead", "auth"),
  "new WebSocket.heartbeat": set("heartbeat"),
  "new WebSocket.openTimeout": config(/open_timeout: ([\d_]+),/),
  "new WebSocket.backoff": set("backoff", "websocket"),
  "new WebSocket.reconnect": facade("websocket", /reconnect = (\w+)/),
  "new WebSocket.pageLifecycle": facade("websocket", /pageLifecycle = (\w+)/),
  "new EventSource.heartbeat": set("heartbeat"),
  "new EventSource.maxEventBytes": config(/MAX_EVENT_BYTES: u64 = (\d+ << \d+);/),
  "new WebSocket.backoff.initialDelay": config(/initial: ([\d_]+),/),
  "new WebSocket.backoff.maxDelay": config(/max: ([\d_]+),/),
  "new WebSocket.backoff.factor": config(/factor: ([\d_]+)_000,/),
  "new WebSocket.backoff.stableAfter": config(/stable_after: ([\d_]+),/),
};

/** The first of a list, where the code says no more than that the second one was chosen; and what is off, or empty, unless it is given. */
const told = {
  shuffle: "false",
  server: "false",
  "http.retry": "false",
  "http.flush": "false",
  "outbox.ack": "false",
  withCredentials: "false",
  "send.priority": "false",
  "send.volatile": "false",
  "resume.from": '""',
  fallback: "true",
  longPoll: "false",
  "http.contentType": '"required"',
  "requests.onLoss": '"reject"',
  "resume.commit": '"auto"',
  "resume.storage": "false",
  "new EventSource.withCredentials": "false",
  "new WebSocket.backoff.jitter": '"full"',
};

/** As in a text: a number without its separators, a string in quotes, true or false. `read` gives a file. */
export function defaults(option, read) {
  if (!Object.hasOwn(places, option)) return told[option];
  const [file, pattern] = places[option];
  const [, found] = /** @type {RegExp} */ (pattern).exec(read(file)) ?? [];
  if (found === undefined) return `nothing like ${pattern}`;
  const [, base, shift] = /^(\d+) (?:<<|\*\*) (\d+)$/.exec(found) ?? [];
  if (base) return String(found.includes("<<") ? Number(base) << Number(shift) : Number(base) ** Number(shift));
  if (/^[A-Z]/.test(found)) return `"${found.toLowerCase()}"`;
  return /^[\d_]+$/.test(found) ? found.replaceAll("_", "") : found;
}

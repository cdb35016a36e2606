// Where the code has the default of an option. Not here: what has none that could be written down.
const config = (pattern) => ["src/core/config.rs", pattern];
const facade = (file, pattern) => [`pkg-template/${file}.js`, pattern];
const options = (pattern) => facade("options", pattern);
const flag = (name, file = "options") => facade(file, new RegExp(`flag\\("${name}", (\\w+)\\)`));
const section = (name, file = "options") => facade(file, new RegExp(`section\\(\\w+, "${name}", (\\w+)\\)`));
/** The first of an enum. */
const first = (name) => config(new RegExp(`enum ${name} \\{[\\s\\S]*?#\\[default\\]\\s+(\\w+)`));

/** @type {Record<string, string[] | [string, RegExp]>} */
const places = {
  shuffle: flag("shuffle"),
  heartbeat: section("heartbeat"),
  "heartbeat.interval": config(/Self \{ interval: ([\d_]+), timeout/),
  "heartbeat.timeout": config(/self\.interval\.min\(([\d_]+)\)/),
  reconnect: section("reconnect"),
  "reconnect.initialDelay": config(/initial: ([\d_]+),/),
  "reconnect.maxDelay": config(/max: ([\d_]+),/),
  "reconnect.factor": config(/factor: ([\d_]+)_000,/),
  "reconnect.jitter": first("Jitter"),
  "reconnect.stableAfter": config(/stable_after: ([\d_]+),/),
  "reconnect.maxServerDelay": config(/max_server_delay: ([\d_]+),/),
  "resume.name": options(/\?\? ("lastEventId")/),
  "resume.from": options(/resume\.get\("from"[^;]*?\?\? ("")/),
  "http.retry": flag("retry"),
  "http.flush": flag("flush"),
  maxEventBytes: config(/MAX_EVENT_BYTES: u64 = (\d+ << \d+);/),
  "outbox.maxMessages": config(/max_messages: ([\d_]+),/),
  "outbox.maxBytes": config(/max_bytes: (\d+ << \d+),/),
  "outbox.overflow": first("Overflow"),
  "outbox.ack": section("ack"),
  "outbox.ack.id": options(/"a key of the JSON, or a function"\) \?\?\s*("\w+");/),
  "outbox.inFlight": config(/max_in_flight: ([\d_]+),/),
  "outbox.maxAttempts": config(/max_in_flight: [\d_]+,\s+max_attempts: ([\d_]+),/),
  "outbox.highWaterMark": options(/highWater < 0 \? (2 \*\* \d+)/),
  codec: options(/\?\? ("json");/),
  openTimeout: config(/open_timeout: ([\d_]+),/),
  binaryType: options(/\?\? ("arraybuffer")/),
  withCredentials: flag("withCredentials"),
  pageLifecycle: flag("pageLifecycle"),
  "send.priority": flag("priority"),
  "send.volatile": flag("volatile"),
  "requests.id": facade("duplex", /\("id", isKey, KEY\) \?\? ("\w+")/),
  "requests.error": facade("duplex", /\("error", isKey, KEY\) \?\? ("\w+")/),
  "requests.timeout": facade("duplex", /timeout < 0 \? ([\d_]+)/),
  "request.priority": flag("priority", "requests"),
  "subscriptions.topic": facade("subscriptions", /place\("topic"\) \?\? reader\(("\w+")\)/),
  "subscriptions.joined": facade("subscriptions", /word\(("joined")\)/),
  "subscriptions.refused": facade("subscriptions", /word\(("refused")\)/),
  "subscriptions.gap": facade("subscriptions", /word\(("gap")\)/),
  "subscriptions.timeout": facade("subscriptions", /timeout < 0 \? ([\d_]+)/),
  "subscriptions.confirm": flag("confirm", "subscriptions"),
  "subscribe.lastEventId": facade("subscriptions", /get\("lastEventId"[^;]*?\?\? ("")/),
  "uplink.name": facade("uplink", /\?\? ("\w+"),/),
  "uplink.maxMessages": facade("uplink", /number\(([\d_]+), "maxMessages"/),
  "uplink.maxBytes": facade("uplink", /number\(([\d_]+), "maxBytes"/),
  "uplink.timeout": facade("uplink", /number\(([\d_]+), "timeout"/),
  fallback: section("fallback", "fallback"),
  "fallback.failures": options(/PATIENCE = \[(\d+), \d+/),
  "fallback.early": options(/PATIENCE = \[\d+, (\d+)/),
  "fallback.remember": facade("fallback", /\) \?\? (true);/),
  longPoll: section("longPoll", "longpoll"),
  "longPoll.wait": facade("longpoll", /Math\.min\(([\d_]+), most\)/),
  "longPoll.name": facade("longpoll", /\?\? ("\w+");/),
  "tokens.refreshAhead": facade("auth", /ahead < 0 \? ([\d_]+)/),
  "new WebSocket.heartbeat": section("heartbeat"),
  "new WebSocket.openTimeout": config(/open_timeout: ([\d_]+),/),
  "new WebSocket.backoff": facade("websocket", /readBackoff\(given, "backoff", (\w+)\)/),
  "new WebSocket.reconnect": facade("websocket", /reconnect = (\w+)/),
  "new WebSocket.pageLifecycle": facade("websocket", /pageLifecycle = (\w+)/),
  "new EventSource.heartbeat": section("heartbeat"),
  "new EventSource.maxEventBytes": config(/MAX_EVENT_BYTES: u64 = (\d+ << \d+);/),
  "new WebSocket.backoff.initialDelay": facade("backoff", /"initialDelay"\), ([\d_]+)/),
  "new WebSocket.backoff.maxDelay": facade("backoff", /"maxDelay", FLOOR\), ([\d_]+)/),
  "new WebSocket.backoff.factor": facade("backoff", /"factor", 1, 100, ""\), ([\d_]+)/),
  "new WebSocket.backoff.stableAfter": facade("backoff", /"stableAfter"\), ([\d_]+)/),
};

/** The first of a list, where the code says no more than that the second one was chosen; and what is off unless it is given. */
const told = {
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

// The table of both APIs, docs/reference/rust.md: it has each name of the types, and beside it a name of the crate's API or why
// there is none; and each name of the crate's API.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const PAGE = "docs/reference/rust.md";

/** What stands before a member's name in the table, by its interface or class. Not here: what a constructor is given. */
const PREFIXES = {
  Options: "",
  HttpOptions: "http.",
  HttpRequest: "HttpRequest.",
  HeartbeatOptions: "heartbeat.",
  ReconnectOptions: "reconnect.",
  ResumeOptions: "resume.",
  OutboxOptions: "outbox.",
  AckOptions: "outbox.ack.",
  SendOptions: "send.",
  CancelOptions: "cancel.",
  OnOptions: "on.",
  Codec: "codec.",
  Handshake: "handshake.",
  Client: "client.",
  Stats: "stats.",
  SendResult: "result.",
  Context: "context.",
  RequestContext: "context.",
  Cursor: "context.",
  Head: "context.",
  Place: "place.",
  Message: "message.",
  EverwireError: "error.",
  Failure: "failure.",
  ClientEventMap: "event.",
  OpenEvent: "event.open.",
  RetryEvent: "event.retry.",
  GapEvent: "event.gap.",
  ClosedEvent: "event.close.",
  DuplexOptions: "",
  RequestsOptions: "requests.",
  SubscriptionsOptions: "subscriptions.",
  PersistOptions: "outbox.persist.",
  RateOptions: "rate.",
  UplinkOptions: "uplink.",
  LongPollOptions: "longPoll.",
  FallbackOptions: "fallback.",
  RequestOptions: "request.",
  SubscribeOptions: "subscribe.",
  TopicPlace: "place.",
  Subscription: "subscription.",
  Duplex: "client.",
  RequestError: "error.",
  SubscriptionError: "error.",
  TokensOptions: "tokens.",
  Tokens: "tokens().",
  Token: "token.",
  TokenContext: "context.",
};

/** The names in a .d.ts, as the table has them. */
function namesIn(text, problems, file) {
  const names = [...text.matchAll(/^export (?:function|const) (\w+)/gm)].map(([, name]) => name);
  for (const [, name, body] of text.matchAll(/^export (?:interface|class) (\w+)[^{]*\{\n([\s\S]*?)^\}/gm)) {
    if (name.endsWith("Init")) continue;
    const prefix = PREFIXES[name];
    for (const [, member] of body.matchAll(/^ {2}(?:readonly )?(\w+|\[Symbol\.\w+\])\??[:(<]/gm)) {
      if (member === "constructor") continue;
      if (prefix === undefined) problems.push(`apis.mjs: it has no prefix for ${name} of ${file}`);
      else names.push(prefix + member.replace(/^\[|\]$/g, ""));
    }
  }
  return names;
}

/** Of docs/reference/rust-api.txt: what each type has, by its name without the module, and which of these are functions. */
export function readRust(text) {
  const types = new Map(),
    functions = [];
  for (const block of text.split("\n\n").slice(1)) {
    const [path, declared = "", ...lines] = block.split("\n").map((line) => line.trim());
    // A test double has nothing beside it: docs/guide/testing-rust.md.
    if (path.startsWith("everwire::test_util::")) continue;
    const type = path.split("::").at(-1);
    const members = new Set();
    for (const [, field] of declared.matchAll(/pub (\w+):/g)) members.add(field);
    for (const line of lines) {
      const [, called] = /^pub (?:const |async )*fn (\w+)/.exec(line) ?? [];
      const [, traits = ""] = /^impl (.*)/.exec(line) ?? [];
      // What an app's own tests use is in Rust alone.
      if (called && called !== "new" && !path.includes("::test_util::")) functions.push(`${type}::${called}`);
      for (const name of called ? [called] : traits ? traits.split(" + ") : [/^\w+/.exec(line)?.[0]]) members.add(name);
    }
    types.set(type, members);
  }
  return { types, functions };
}

/** Of each enum of src/client/words.rs: the type that has the same words. */
const WORDS = {
  State: /export type State = ([^;]*);/,
  CloseReason: /class ClosedEvent [\s\S]*?readonly reason: ([^;]*);/,
  Reason: /interface Context [\s\S]*?readonly reason: ([^;]*);/,
  Outcome: /interface Stats [\s\S]*?readonly outcome: ([^;]*);/,
  Class: /class Failure [\s\S]*?readonly class: ([^;]*);/,
  Dropped: /interface SendResult [\s\S]*?readonly code\?: ([^;]*);/,
};

/** That the texts of the crate's enums are the words of JavaScript. */
function words(rust, types, problems) {
  const list = (text) =>
    [...text.matchAll(/"([^"]*)"/g)]
      .map(([, word]) => word)
      .sort()
      .join(" ");
  for (const [name, type] of Object.entries(WORDS)) {
    const own = list(new RegExp(` {4}${name} \\{([^}]*)\\}`).exec(rust)?.[1] ?? "");
    const theirs = list(type.exec(types)?.[1] ?? "");
    if (!own || own !== theirs) problems.push(`src/client/words.rs: ${name} has ${own}, index.d.ts has ${theirs}`);
  }
  return Object.keys(WORDS).length;
}

export function apis(root) {
  const read = (path) => readFileSync(join(root, path), "utf8");
  const problems = [];
  const expected = new Set(
    ["index", "duplex", "auth", "presets"].flatMap((name) =>
      namesIn(read(`pkg-template/${name}.d.ts`), problems, `${name}.d.ts`),
    ),
  );
  const { types, functions } = readRust(read("docs/reference/rust-api.txt"));
  const page = read(PAGE);
  const told = new Set();

  for (const line of page.split("\n")) {
    const [, given, rust] = /^\| (.*?) \| (.*) \|$/.exec(line) ?? [];
    if (given === undefined || given === "JavaScript" || /^-/.test(given)) continue;
    for (const [, name] of given.matchAll(/`([^`]+)`/g)) {
      if (told.has(name)) problems.push(`${PAGE}: ${name} stands twice`);
      if (!expected.has(name)) problems.push(`${PAGE}: the types have no ${name}`);
      told.add(name);
    }
    if (!/`\w+|^(?:not yet|none: )/.test(rust))
      problems.push(`${PAGE}: beside ${given} must stand a name, "not yet", or "none: " and why`);
  }
  for (const name of expected) if (!told.has(name)) problems.push(`${PAGE}: it does not have ${name} of the types`);

  /** Names of the crate wherever the page has them: `Type`, or `Type::member`. */
  const named = new Set();
  for (const [, type, member] of page.matchAll(/`([A-Z]\w+)(?:::(\w+))?`/g)) {
    const members = types.get(type);
    if (!members || (member && !members.has(member)))
      problems.push(`${PAGE}: the crate has no ${member ? `${type}::${member}` : type}`);
    named.add(`${type}::${member}`);
  }
  for (const name of functions) if (!named.has(name)) problems.push(`${PAGE}: it does not have ${name} of the crate`);
  const looked = words(read("src/client/words.rs"), read("pkg-template/index.d.ts"), problems);
  if (expected.size < 150 || functions.length < 60) problems.push("apis.mjs: the APIs could not be read");
  return { looked: looked + expected.size + functions.length, problems };
}

// What a server may say, and what may stand in a storage: words of the protocol, each changed by chance into what they are not.

import { deep, ODD as PLAIN } from "../pages/odd.js";

/** Numbers that a seed repeats (mulberry32). */
export function random(...seeds) {
  let state = seeds.reduce((sum, seed) => Math.imul(sum ^ seed, 0x01000193) >>> 0, 0x811c9dc5);
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (count) => Math.floor(next() * count);
  return {
    below,
    /** @param {number} part of 1 */
    chance: (part) => next() < part,
    /** @param {any} list */
    pick: (list) => list[below(list.length)],
    /** @param {number} most */
    some: (most, make) => Array.from({ length: below(most + 1) }, (_, at) => make(at)),
  };
}

/** JSON, or nearly: numbers that are none, objects that cannot be made text of, and what steers. */
const ODD = [
  ...PLAIN,
  ..."0 1 -1 -0 2 3 4 5 7 64 1024 1025 65535 65536 65537 70000 1e5 4294967295 4294967296 1.5 1e300 1e400 -1e400 1e-7".split(
    " ",
  ),
  ..."9007199254740991 9007199254740992 9007199254740993 18446744073709551615 99999999999999999999999999 01 0x10 1_000".split(
    " ",
  ),
  ...'true false null undefined NaN Infinity {} [] [[]] [{}] [null] [[[1]]] {"":0} "" " " "0" "1" "-1" "1e3" "1.0"'.split(
    " ",
  ),
  '"9007199254740993"',
  '"99999999999999999999"',
  '"1526919030474-55"',
  '{"toString":1}',
  '{"toString":1,"valueOf":{}}',
  '{"valueOf":1,"toString":{}}',
  '{"toString":null}',
  '{"toJSON":1}',
  '{"then":1}',
  '{"length":-1}',
  '{"length":4294967295}',
  '{"byteLength":1e9}',
  '{"constructor":{"prototype":{"polluted":1}}}',
  '{"__proto__":{"polluted":1,"type":"ack"}}',
  '{"prototype":{"polluted":1}}',
  '[{"toString":1},{"toString":1}]',
  '["e",{"toString":1}]',
  '["e","1"]',
  "[1,2]",
  '["a1",["a1"],{"id":"a1"}]',
  '"__proto__"',
  '"constructor"',
  '"toString"',
  '"hasOwnProperty"',
  '"valid"',
  '"end"',
  '"t"',
  '"e"',
  '"\\ud800"',
  '"\\udc00\\ud800"',
  '"\\u0000"',
  '"a\\u0000b"',
  '"a\\r\\nx-evil: 1"',
  '"\\u2028"',
  '"\ufeff"',
  '"\ufffd"',
  '"é日本😀"',
  '"../../admin"',
  '".."',
  '"a/b?c=d#e&f=%00%"',
  '"//evil.example/"',
  '"javascript:alert(1)"',
  '"wss://evil.example/"',
  '"<script>"',
  `"${"x".repeat(5_000)}"`,
  `"${"9".repeat(400)}"`,
  `"${"x".repeat(70_000)}"`,
  deep(60),
  `${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`,
];

/** What the tests' clients take for a word of their server's, and messages. */
const WORDS = [
  { type: "chat", text: "hi", eventId: "7", seq: 7, e: "e" },
  { type: "chat", topic: "t", text: "hi", eventId: "7", seq: 7 },
  { type: "joined", topic: "t" },
  { type: "join", topic: "t", lastEventId: "3" },
  { type: "refused", topic: "t", reason: "no" },
  { type: "gap", topic: "t" },
  { type: "gap" },
  { type: "ack", id: "a1" },
  { type: "ack", id: ["a1", "a2", "a3"] },
  { type: "ack", id: 4 },
  { type: "answer", id: "r1", text: "hi" },
  { id: "r1", error: "no" },
  { id: "r1", error: { code: 1 } },
  { type: "goodbye" },
  { type: "ping", timestamp: 1 },
  { type: "pong" },
  { type: "slow-down" },
  { type: "auth", token: "x" },
  { type: "close" },
  { type: "error", error: "x" },
  { type: "open" },
  { type: "message", data: 1, lastEventId: "9", origin: "x", transport: "y" },
  { eventId: "v3", seq: 3, e: "e" },
  { eventId: 5, seq: [1, 2], e: 1 },
  { seq: 1, e: "e" },
  { seq: 2 },
  { seq: 4, e: "f" },
  [{ type: "ack", id: "a1" }],
  { type: "place", id: "1", seq: 1, epoch: "e" },
];
const KEYS = [
  ..."type id eventId seq e topic error data text lastEventId epoch retry then length toString valueOf toJSON".split(
    " ",
  ),
  ..."__proto__ constructor prototype hasOwnProperty ids reason 0 a.b".split(" "),
  "",
  "\\ud800",
  "\\u0000",
];

/** As a tree that can hold a key twice, and text that no JSON.parse takes. */
function tree(value) {
  if (Array.isArray(value)) return { list: value.map(tree) };
  if (value && typeof value === "object")
    return { pairs: Object.entries(value).map(([key, one]) => [`${JSON.stringify(key).slice(1, -1)}`, tree(one)]) };
  return { text: JSON.stringify(value) };
}

function write({ list, pairs, text }) {
  if (list) return `[${list.map(write).join(",")}]`;
  return pairs ? `{${pairs.map(([key, one]) => `"${key}":${write(one)}`).join(",")}}` : text;
}

const all = (node) => [node, ...(node.list ?? []).flatMap(all), ...(node.pairs ?? []).flatMap(([, one]) => all(one))];

/** Changes one place of a tree. */
function change(root, r) {
  const node = r.pick(all(root));
  const become = (other) => {
    const kept = { ...node };
    for (const key of Object.keys(node)) delete node[key];
    Object.assign(node, typeof other === "function" ? other(kept) : other);
  };
  const pair = node.pairs?.length ? r.pick(node.pairs) : undefined;
  switch (r.below(8)) {
    case 0:
      return become((kept) => ({ list: [kept, ...r.some(2, () => ({ text: r.pick(ODD) }))] }));
    case 1:
      return become((kept) => ({ pairs: [[r.pick(KEYS), kept]] }));
    case 2:
      if (pair) pair[0] = r.pick(KEYS);
      return;
    case 3:
      if (pair) node.pairs.push([pair[0], { text: r.pick(ODD) }]);
      return;
    case 4:
      if (node.pairs) node.pairs.push([r.pick(KEYS), { text: r.pick(ODD) }]);
      return;
    default:
      // Of an object most often something in it, not the whole.
      if (pair && r.chance(0.8)) pair[1] = { text: r.pick(ODD) };
      else become({ text: r.pick(ODD) });
  }
}

/** Changes a text as such: it is cut, or something stands in it. */
function spoil(text, r) {
  const at = r.below(text.length + 1);
  return r.pick([
    () => text.slice(0, at),
    () => text.slice(at),
    () =>
      text.slice(0, at) +
      r.pick(["\0", "\ufeff", "\ud800", "\n", "\r", "\r\n\r\n", "\u2028", "{", "]", '"', "\\"]) +
      text.slice(at),
    () => text + text,
    () => ` ${text}`,
    () => `\ufeff${text}`,
    () => r.pick(ODD),
  ])();
}

/** One word of a server's. Some are as they should be: only then others have an effect. */
export function word(r) {
  const root = tree(r.pick(WORDS));
  for (let left = r.pick([0, 1, 1, 1, 2, 3, 6]); left > 0; left--) change(root, r);
  const text = write(root);
  return r.chance(0.1) ? spoil(text, r) : text;
}

export const odd = (r) => r.pick(ODD);

/** The JSON of a text or number as a header, an id or a line would have it. */
const bare = (r) => r.pick(ODD).replace(/^"|"$/g, "");

/** Lines of an event stream. */
export function lines(r) {
  const end = r.pick(["\n", "\n", "\n", "\r", "\r\n"]);
  const field = () =>
    r.pick([
      () => `data: ${word(r)}`,
      () => `data: ${word(r)}`,
      () => `data: ${word(r)}`,
      () => `data:${bare(r)}`,
      () => "data",
      () => `id: ${bare(r)}`,
      () => `id: ${r.below(9)}`,
      () => "id",
      () => `event: ${r.pick([...WORDS.map((one) => /** @type {any} */ (one).type), bare(r)])}`,
      () => `retry: ${bare(r)}`,
      () => `retry: ${r.below(50)}`,
      () => `: ${bare(r)}`,
      () => `${bare(r)}: ${bare(r)}`,
      () => r.pick(["\0", "\ufeff", "data\0: 1", "dat\u00e4: 1", "DATA: 1", "::", ":"]),
    ])();
  let text = "";
  for (let left = r.below(8); left >= 0; left--) text += `${field()}${r.chance(0.4) ? end : ""}${end}`;
  const bytes = Buffer.from(text);
  // Bytes that are no UTF-8, somewhere.
  if (r.chance(0.1) && bytes.length) bytes[r.below(bytes.length)] = r.pick([0x80, 0xc0, 0xe0, 0xf0, 0xff, 0]);
  return bytes;
}

/** A WebSocket's frame of its server: `[opcode, payload]`, or bytes that are none. */
export function frame(r) {
  const payload = r.pick([
    () => word(r),
    () => word(r),
    () => word(r),
    () => bare(r),
    () => `id: ${bare(r)}\ncontent-type: x\n\n${word(r)}`,
  ])();
  const bytes = Buffer.from(payload);
  const head = (opcode, length = bytes.length) =>
    length < 126
      ? Buffer.from([opcode, length])
      : length < 65_536
        ? Buffer.from([opcode, 126, length >> 8, length & 255])
        : Buffer.from([
            opcode,
            127,
            0,
            0,
            0,
            0,
            length >>> 24,
            (length >> 16) & 255,
            (length >> 8) & 255,
            length & 255,
          ]);
  const plain = Buffer.concat([head(0x81), bytes]);
  if (r.chance(0.85)) return plain;
  const half = r.below(bytes.length + 1);
  return r.pick([
    () => Buffer.concat([head(0x82), bytes]),
    // In two pieces, with a ping between them.
    () =>
      Buffer.concat([
        head(0x01, half),
        bytes.subarray(0, half),
        Buffer.from([0x89, 1, 0x61]),
        head(0x80, bytes.length - half),
        bytes.subarray(half),
      ]),
    () => Buffer.from([0x81, 0]),
    () => Buffer.from([0x89, 0]),
    () => Buffer.from([0x8a, 1, 0x62]),
    () => Buffer.from([0x81, 2, 0xc3, 0x28]),
    () => Buffer.from([r.below(256), r.below(126), r.below(256)]),
    () => Buffer.from([0x81, 127, 0x7f, 255, 255, 255, 255, 255, 255, 255]),
    () => close(r),
  ])();
}

/** A close frame. */
export function close(r) {
  const code = r.pick([
    1000, 1001, 1008, 1009, 1011, 1012, 1013, 3000, 4000, 4001, 4401, 4403, 4429, 4999, 0, 999, 1005, 1006, 1015, 5000,
    65_535,
  ]);
  const reason = Buffer.from(bare(r)).subarray(0, 123);
  return r.chance(0.1)
    ? Buffer.from([0x88, 0])
    : Buffer.concat([Buffer.from([0x88, 2 + reason.length, code >> 8, code & 255]), reason]);
}

/** A header's value: of any bytes but what would end it. */
const value = (r) =>
  bare(r)
    .slice(0, 9_000)
    .replace(/[\r\n\0]/g, r.pick(["", " ", "\t"]));
const TYPES = [
  "text/event-stream",
  "text/event-stream; charset=utf-8",
  'TEXT/EVENT-STREAM;charset="x,y"',
  "text/html, text/event-stream",
  "text/event-stream, text/html",
  "text/html",
  "application/json",
  "application/json; charset=",
  "",
  ";",
  'text/event-stream;;="',
];
const seconds = (r) =>
  r.pick([
    "0",
    "1",
    "120",
    "99999999999999999999",
    "-1",
    "1.5",
    "1, 2",
    "x",
    "",
    "Wed, 21 Oct 2015 07:28:00 GMT",
    "Wed, 99 Oct 9999 99:99:99 GMT",
    "Sunday, 06-Nov-94 08:49:37 GMT",
    value(r),
  ]);

/** The head of an answer, without its blank line. */
export function head(r, good = false) {
  const status = good
    ? "200 OK"
    : r.pick([
        "200 OK",
        "200 OK",
        "200",
        "200 \u00ff",
        ..."201 202 204 205 206 226 300 301 302 303 304 307 308 400 401 401 403 404 405 408 409 410 413 418 425 429 429 431 451 500 501 502 503 503 504 507 511 599 600 999 100 199 099 1000 -1 x"
          .split(" ")
          .map((code) => `${code} x`),
      ]);
  const fields = r.some(4, () =>
    r.pick([
      () => `retry-after: ${seconds(r)}`,
      () => `date: ${seconds(r)}`,
      () => `x-outcome: ${r.pick(["recovered", "gap", "__proto__", value(r)])}`,
      () => `last-event-id: ${value(r)}`,
      () =>
        `location: ${r.pick(["/", "/end", "//", "http://[", "http://127.0.0.1:1/", "javascript:1", "ws://127.0.0.1/", "data:text/event-stream,data:1", value(r)])}`,
      () => `content-length: ${r.pick(["0", "1", "-1", "5, 5", "99999999999", "x"])}`,
      () => `transfer-encoding: ${r.pick(["chunked", "gzip, chunked", "identity", "x"])}`,
      // Not gzip and the like: after bytes that are none, Node's fetch gives nothing and never fails.
      () => `content-encoding: ${r.pick(["identity", "x", ""])}`,
      () => `set-cookie: ${value(r)}`,
      () => `www-authenticate: ${value(r)}`,
      () => `link: <${value(r)}>; rel=self`,
      () => `${r.pick(["x", "x-a", "__proto__", "constructor", "a b", ":"])}: ${value(r)}`,
      () => value(r),
    ])(),
  );
  const types = good && r.chance(0.8) ? [TYPES[0]] : r.some(2, () => r.pick(TYPES));
  const text = [
    "HTTP/1.1 ",
    status,
    ...[...fields, ...types.map((type) => `content-type: ${type}`)].map((line) => `\r\n${line}`),
  ].join("");
  return Buffer.from(!good && r.chance(0.03) ? spoil(text, r) : text, r.pick(["utf8", "latin1"]));
}

/** What an answer to a POST holds. */
export const answers = (r) => (r.chance(0.2) ? word(r) : `[${r.some(4, () => word(r)).join(",")}]`);

/** What may stand where a place in the stream was stored. */
export function place(r) {
  const root = tree(
    r.pick([
      ["7", 3, "e", [123_456, 42]],
      ["7", 3, null, null],
      ["7"],
      ["", null, null, null, 1],
      [],
      { a: 1 },
      "7",
      7,
      null,
    ]),
  );
  for (let left = r.below(4); left > 0; left--) change(root, r);
  return r.chance(0.1) ? spoil(write(root), r) : write(root);
}

/** What may stand where a message was kept. */
export function kept(r) {
  const root = tree(
    r.pick([
      { message: { type: "chat", id: "k1", text: "hi" }, priority: true, expires: 9e15 },
      { message: { type: "chat" }, expires: 1 },
      { message: "text" },
      { message: { id: "a1" }, priority: false },
      { message: null },
      [1],
    ]),
  );
  for (let left = r.below(4); left > 0; left--) change(root, r);
  return r.chance(0.1) ? spoil(write(root), r) : write(root);
}

export const bareWord = bare;

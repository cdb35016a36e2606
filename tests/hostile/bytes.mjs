// What nobody who is well-meaning sends to a server: lines of HTTP, and frames of a WebSocket.
import { connect } from "node:net";

export const HANDSHAKE = [
  "GET /?connection=a HTTP/1.1",
  "Host: localhost",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version: 13",
  "\r\n",
].join("\r\n");
const post = (body, more = "") =>
  `POST /?connection=a HTTP/1.1\r\nHost: localhost\r\n${more}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
export const LINES = {
  "GET //": "GET // HTTP/1.1\r\nHost: localhost\r\n\r\n",
  "GET //?": "GET //?connection=b HTTP/1.1\r\nHost: localhost\r\n\r\n",
  "GET of no URL": "GET http://[?connection=b HTTP/1.1\r\nHost: localhost\r\n\r\n",
  "GET with bytes that are no UTF-8": "GET /?connection=%ff%&lastEventId=%E0%A4%A HTTP/1.1\r\nHost: localhost\r\n\r\n",
  "an odd Last-Event-ID": "GET /?connection=b HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: __proto__\r\n\r\n",
  "two Last-Event-IDs": "GET /?connection=b HTTP/1.1\r\nHost: a\r\nLast-Event-ID: 1\r\nLast-Event-ID: 2\r\n\r\n",
  "OPTIONS *": "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
  CONNECT: "CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
  "an upgrade to nothing": "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: nothing\r\n\r\n",
  "a WebSocket without a key": "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
  "a WebSocket at //": HANDSHAKE.replace("/?connection=a", "//"),
  "no HTTP": "\x16\x03\x01\0\0\r\n\r\n",
  "endless headers": `GET / HTTP/1.1\r\nX: ${"x".repeat(100_000)}\r\n\r\n`,
  "an Origin that is none": "GET /?connection=b HTTP/1.1\r\nHost: localhost\r\nOrigin: null\r\n\r\n",
  "HEAD": "HEAD /?connection=b HTTP/1.1\r\nHost: localhost\r\n\r\n",
  "PUT, half of it": "PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nx",
  "POST, half of it": "POST /?connection=a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n[",
  "POST, a broken chunk": "POST /?connection=a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
  "POST of another length": post("[]").replace("Length: 2", "Length: -2"),
  "POST that waits": post("[]", "Expect: nothing\r\n"),
  "POST to no stream": post('[{"type":"chat"}]').replace("connection=a", "connection=none"),
  "POST to a name of Object's": post('[{"type":"chat","id":"1"}]').replace("connection=a", "connection=__proto__"),
  ...Object.fromEntries(
    [
      "x",
      "",
      "null",
      "5",
      '"text"',
      "{}",
      "[null]",
      "[[]]",
      '[5,"text",true,[null],{"id":null}]',
      '[{"id":{"toString":1},"type":{"toString":1},"text":{"toString":1}}]',
      '[{"type":"chat","text":{"toString":1},"id":"1"},{"type":"price","id":["1"],"symbol":null}]',
      '[{"__proto__":{"id":"1"},"constructor":1,"type":"__proto__","id":"constructor"}]',
      "[".repeat(200_000),
      `[${"[".repeat(5_000)}${"]".repeat(5_000)}]`,
      `["${"x".repeat(3_000_000)}"]`,
      "\xff\xfe\0",
    ].map((body) => [`POST of ${body.length > 90 ? `${body.length} bytes` : JSON.stringify(body)}`, post(body)]),
  ),
};
/** JSON.parse takes it, and JSON.stringify throws. */
const DEEP = `${"[".repeat(20_000)}${"]".repeat(20_000)}`;
/** Texts that are no message of anybody's. */
export const TEXTS = [
  ...["", "null", "5", '"ping"', "[]", "[null]", DEEP, `{"type":${DEEP}}`, '{"type":{"toString":1}}'],
  ...["ping", "join", "leave", "chat"].flatMap((type) =>
    ["id", "topic", "name", "text", "lastEventId", "more"].flatMap((key) =>
      [DEEP, '{"toString":1}', "null", '"__proto__"'].map(
        (odd) => `{"type":"${type}","id":"${type}-${key}","topic":"lobby","name":"x","text":"x","${key}":${odd}}`,
      ),
    ),
  ),
];
/** Each is masked, with a key of zeros. */
export const FRAMES = {
  "a reserved bit": [0xf3, 0x80, 0, 0, 0, 0],
  "an opcode that is none": [0x83, 0x80, 0, 0, 0, 0],
  "no mask": [0x81, 0x01, 0x61],
  "a length of 2^62": [0x82, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  "a length of 1 GB": [0x82, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0],
  "a ping that is too long": [0x89, 0xfe, 0, 126, 0, 0, 0, 0],
  "a ping in pieces": [0x09, 0x80, 0, 0, 0, 0],
  "a piece without a beginning": [0x80, 0x80, 0, 0, 0, 0],
  "a close of one byte": [0x88, 0x81, 0, 0, 0, 0, 1],
  "a close code that is none": [0x88, 0x82, 0, 0, 0, 0, 0, 5],
  "a text that is no UTF-8": [0x81, 0x81, 0, 0, 0, 0, 0xff],
  "half a frame": [0x81],
};

/** Sends the bytes, and waits until the server has answered or cut; `next` goes up after its first answer. */
export function raw(port, bytes, { next, reset = false } = /** @type {any} */ ({})) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    let answer = "";
    const over = () => {
      clearTimeout(timer);
      if (reset) socket.resetAndDestroy();
      else socket.destroy();
      resolve(answer);
    };
    // Half a request is answered by nothing.
    let timer = setTimeout(over, next ? 10_000 : 300);
    socket.on("error", over).on("close", over);
    socket.on("data", (data) => {
      answer += data;
      if (!next) return over();
      socket.write(next);
      next = undefined;
      clearTimeout(timer);
      timer = setTimeout(over, 300);
    });
    socket.write(Buffer.from(bytes, "latin1"));
  });
}

/** Says all TEXTS on a connection, and waits until the server has read them, or has cut. */
export function sayTexts(socket) {
  return new Promise((resolve) => {
    socket
      .on("pong", resolve)
      .on("close", resolve)
      .on("error", () => {});
    socket.on("open", () => {
      for (const text of TEXTS) socket.send(text);
      socket.ping();
    });
  });
}

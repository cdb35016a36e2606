// The server that says what a round has in store: answers, streams and frames, one after the other; the last of them is in order.
import { createHash } from "node:crypto";
import { createServer } from "node:http";

const KEY = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const soon = () => new Promise((resolve) => setImmediate(resolve));

/** An unmasked text frame. */
export function text(data) {
  const bytes = Buffer.from(data);
  const { length } = bytes;
  const head =
    length < 126 ? [0x81, length] : [0x81, 127, 0, 0, 0, 0, 0, length >> 16, (length >> 8) & 255, length & 255];
  return Buffer.concat([Buffer.from(head), bytes]);
}

/** What a client says, frame by frame. */
function reading(told) {
  let kept = Buffer.alloc(0);
  return (bytes) => {
    kept = Buffer.concat([kept, bytes]);
    for (;;) {
      if (kept.length < 2) return;
      const short = kept[1] & 127,
        more = short === 126 ? 2 : short === 127 ? 8 : 0;
      if (kept.length < 2 + more) return;
      const length = short === 126 ? kept.readUInt16BE(2) : short === 127 ? Number(kept.readBigUInt64BE(2)) : short;
      const at = 6 + more;
      if (kept.length < at + length) return;
      const mask = kept.subarray(2 + more, at),
        data = Buffer.from(kept.subarray(at, at + length).map((byte, place) => byte ^ mask[place & 3]));
      const opcode = kept[0] & 15;
      kept = kept.subarray(at + length);
      told(opcode, data);
    }
  };
}

/** What a server in order answers to a message. */
function answersTo(message) {
  const { type, id, topic } = message ?? {};
  if (type === "ping") return ['{"type":"pong"}'];
  if (type === "join") return [JSON.stringify({ type: "joined", topic }), JSON.stringify({ type: "topic-end", topic })];
  if (type === "ask") return [JSON.stringify({ type: "answer", id })];
  if (type === "chat" && id !== undefined) return [JSON.stringify({ type: "ack", id })];
  return [];
}

function parsed(body) {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** `plans`: by number, `{ steps, posts, streams, sockets }`. */
export async function serve(plans) {
  const server = createServer({ requireHostHeader: false, maxHeaderSize: 2 ** 20 });
  const planOf = (request) => plans.get(Number(/^\/(\d+)/.exec(request.url ?? "")?.[1]));
  const stepOf = (plan) => plan.steps[Math.min(plan.asked++, plan.steps.length - 1)];

  const say = async (socket, step) => {
    for (const part of step.parts) {
      if (socket.destroyed) return;
      socket.write(part);
      if (step.slow) await soon();
    }
    if (step.end === "reset") socket.resetAndDestroy();
    else if (step.end) socket.end();
  };

  const keep = (plan, socket, /** @type {import("node:http").IncomingMessage} */ { method, url }) => {
    socket.asked = `${method} ${url}`;
    plan.sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => plan.sockets.delete(socket));
  };

  server.on("connection", (socket) => socket.on("error", () => {}));
  server.on("clientError", (_, socket) => socket.destroy());

  server.on("request", (request, response) => {
    const plan = planOf(request),
      { socket } = request;
    if (!plan) return void response.writeHead(404).end();
    keep(plan, socket, request);
    // The drop-in asks so whether there is a server at all.
    if (request.method === "HEAD") return void response.writeHead(200, { connection: "close" }).end();
    const up = new URL(request.url ?? "", "http://x").searchParams.has("up");
    let body = "";
    request.on("data", (data) => (body += data)).on("error", () => {});
    request.on("end", () => {
      if (up) {
        const post = plan.posts.shift();
        if (post) {
          socket.end(Buffer.concat([post.head, Buffer.from("\r\n\r\n"), post.body]));
          return;
        }
        // Over the last stream there is, as a server has it that is in order.
        const said = [].concat(parsed(body) ?? []).flatMap(answersTo);
        response.writeHead(200, { "content-type": "application/json", connection: "close" }).end(`[${said.join(",")}]`);
        return;
      }
      const step = stepOf(plan);
      socket.write(step.head);
      socket.write("\r\n\r\n");
      say(socket, step);
    });
  });

  server.on("upgrade", (request, socket) => {
    const plan = planOf(request);
    if (!plan) return void socket.destroy();
    keep(plan, socket, request);
    const step = stepOf(plan);
    if (step.refuses) return void socket.end(Buffer.concat([step.head, Buffer.from("\r\n\r\n")]));
    const accept = createHash("sha1").update(`${request.headers["sec-websocket-key"]}${KEY}`).digest("base64");
    const protocol = request.headers["sec-websocket-protocol"];
    socket.write(
      `HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n${
        protocol ? `Sec-WebSocket-Protocol: ${protocol}\r\n` : ""
      }\r\n`,
    );
    socket.on(
      "data",
      reading((opcode, data) => {
        if (opcode === 8) socket.end(Buffer.from([0x88, 0]));
        else if (opcode === 9) socket.write(Buffer.concat([Buffer.from([0x8a, data.length]), data]));
        else if (opcode === 1 && step.answers)
          // Not within a frame that comes in pieces.
          for (const answer of answersTo(parsed(data.toString()))) said.then(() => socket.write(text(answer)));
      }),
    );
    const said = say(socket, step);
  });

  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return {
    port,
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}

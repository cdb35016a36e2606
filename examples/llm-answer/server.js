// Serves the built page, and answers that can be resumed and stopped. It plays the model by itself.
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";

const pages = ["http://localhost:8080"]; // the origins whose pages may ask
const answers = new Map(); // the last 100, also those that are done, for clients that come back

/** Here a model would be asked. It goes on while nobody listens, until it is done or stopped. */
function begin(prompt) {
  const id = randomUUID(); // nobody can guess another one's
  const text = "A connection is half-open when one side is gone and the other one does not know it yet.";
  const words = `You asked: ${prompt} ${text}`.match(/\S+\s*/g);
  const answer = { messages: [], readers: new Set(), stop: () => clearInterval(timer) };
  const say = (type, data) => {
    const message = `id: ${id}:${answer.messages.length + 1}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
    answer.messages.push(message);
    for (const response of answer.readers) response.write(message);
  };
  const timer = setInterval(() => {
    const next = words.shift();
    if (next) return say("word", { text: next });
    say("done", {});
    end(id);
  }, 100);
  answers.set(id, answer);
  if (answers.size > 100) end(answers.keys().next().value, true);
  return answer;
}

function end(id, forget = false) {
  const answer = answers.get(id);
  if (!answer) return false;
  answer.stop();
  for (const response of answer.readers) response.end();
  return !forget || answers.delete(id);
}

function stream({ messages, readers }, last, response) {
  response.writeHead(200, {
    "content-type": "text/event-stream",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
  });
  response.flushHeaders();
  // Begin with the message of that very id: the client knows by it that nothing is missing.
  const at = messages.findIndex((message) => message.startsWith(`id: ${last}\n`));
  for (const message of messages.slice(Math.max(at, 0))) response.write(message);
  if (messages.at(-1)?.includes("\nevent: done\n")) return response.end();
  readers.add(response);
  response.on("close", () => readers.delete(response));
}

async function promptOf(request) {
  if (!(Number(request.headers["content-length"]) <= 10_000)) return; // also without a length
  try {
    const { prompt } = JSON.parse(await text(request));
    return typeof prompt === "string" ? prompt : undefined;
  } catch {} // no JSON, or the client has left
}

const types = { html: "text/html", js: "text/javascript", css: "text/css" };
async function file(path, response) {
  const [, name, type] = /^\/(assets\/[\w-]+\.(js|css))$/.exec(path) ?? ["", "index.html", "html"];
  const body = await readFile(new URL(`dist/${name}`, import.meta.url)).catch(() => undefined);
  response.writeHead(body ? 200 : 404, { "content-type": types[type] }).end(body);
}

const server = createServer(async (request, response) => {
  const { method, headers } = request;
  const [path] = request.url.split("?");
  const [, id] = /^\/v1\/answers\/([\w-]+)$/.exec(path) ?? [];
  request.on("error", () => {});
  response.on("error", () => {});
  if (headers.origin && !pages.includes(headers.origin)) return response.writeHead(403).end();
  if (method === "POST" && path === "/v1/answers") {
    const prompt = await promptOf(request);
    if (prompt === undefined) return response.writeHead(400).end();
    return stream(begin(prompt), undefined, response);
  }
  if (method === "DELETE" && id) return response.writeHead(end(id, true) ? 204 : 404).end();
  if (method === "GET" && id) {
    const answer = answers.get(id);
    return answer ? stream(answer, headers["last-event-id"], response) : response.writeHead(404).end();
  }
  if (method === "GET") return file(path, response);
  response.writeHead(405).end();
});
// listen(8080) would let in the whole network.
server.listen(8080, "127.0.0.1", () => console.log("http://localhost:8080"));

// In Node, where there is no page whose origin could be the app's: what the app gave for one origin reaches no other by a redirect.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { join } from "node:path";
import test, { after } from "node:test";
import { pathToFileURL } from "node:url";
import { packed } from "../browser/node/environment.mjs";

const { connect } = await import(pathToFileURL(join(packed, "duplex.js")).href);

/** What reached which server. */
let asked = [];
const listen = async (name) => {
  const server = createServer((request, answer) => {
    let body = "";
    request.on("data", (part) => (body += part));
    request.on("end", () => {
      const { searchParams } = new URL(`${request.url}`, "http://localhost");
      const to = searchParams.get("to");
      const { "x-api-key": key, "last-event-id": id } = request.headers;
      asked.push({ name, method: request.method, key, id, body });
      if (request.url === "/silent" && request.method === "GET") return;
      if (request.url === "/silent") return answer.writeHead(302, { location: other }).end();
      if (to) return answer.writeHead(Number(searchParams.get("status")), { location: to }).end();
      answer.writeHead(200, { "content-type": "text/event-stream" }).write("id: 1\ndata: hello\n\n");
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${/** @type {import("node:net").AddressInfo} */ (server.address()).port}/`;
};
const own = await listen("own"),
  other = await listen("other");
const to = (target, status = 307) => `${own}?${new URLSearchParams({ to: target, status: `${status}` })}`;
const headers = { "x-api-key": "K" };

/** Until a message or the end; gives what came of it, and what the other server was asked. */
async function outcome(url, options) {
  asked = [];
  const wire = connect(url, { server: true, reconnect: false, ...options });
  const came = await new Promise((resolve) => {
    wire.on(() => resolve("message"));
    wire.addEventListener("close", (/** @type {any} */ { error }) => resolve(error?.code));
  });
  wire.close();
  return [came, asked.filter(({ name }) => name === "other")];
}

for (const status of [301, 302, 303, 307, 308])
  test(`${status} with headers or a body is not followed`, async () => {
    for (const http of [{ headers }, { headers, method: "POST", body: "secret" }, { method: "POST", body: "secret" }])
      assert.deepEqual(await outcome(to(other, status), { http }), ["redirect", []]);
  });

test("nor is a chain, nor one that the app's own fetch is asked for", async () => {
  assert.deepEqual(await outcome(to(to(other)), { http: { headers } }), ["redirect", []]);
  assert.deepEqual(await outcome(to(other), { http: { fetch: (url, init) => fetch(url, init) } }), ["redirect", []]);
});

test("nor is the HEAD that asks why a stream does not open", async () => {
  assert.deepEqual(await outcome(`${own}silent`, { http: { headers }, openTimeout: 1_000 }), ["open-timeout", []]);
  assert.deepEqual(
    asked.map(({ method }) => method),
    ["GET", "HEAD"],
  );
});

test("what acts is asked once", async () => {
  for (const method of ["POST", "PUT", "DELETE"]) {
    const options = { http: { method }, resume: { from: "7", via: "header" } };
    assert.deepEqual(await outcome(to(other), options), ["redirect", []]);
    assert.equal(asked.length, 1);
  }
});

test("a plain stream is followed, without the cursor in a header", async () => {
  const [came, there] = await outcome(to(other), { resume: { from: "7", via: "header" } });
  assert.equal(came, "message");
  assert.deepEqual(
    there.map(({ id }) => id),
    [undefined],
  );
});

test("http.redirect: follow takes all along", async () => {
  const [came, there] = await outcome(to(other), { http: { headers, redirect: "follow" } });
  assert.deepEqual([came, there[0].key], ["message", "K"]);
});

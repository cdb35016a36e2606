// The same stream over every transport: what a message is.
import { client } from "../client.js";
import { engine, equal, test, waitFor } from "../harness.js";
import { app, script, wire, ws } from "../server.js";

/** @type {[string, any][]} */
const blocks = [
  ['data: {"type":"price"}', { type: "price", data: { type: "price" } }],
  // By the standard `message` is the type of an event without a name.
  ['event: message\ndata: {"type":"price"}', { type: "price", data: { type: "price" } }],
  ["event: message\ndata: x", { type: "message", data: "x" }],
  ["event:\ndata: x", { type: "message", data: "x" }],
  ['event: other\ndata: {"type":"price"}', { type: "other", data: { type: "price" } }],
  ["event: open\ndata: x", { type: "open", data: "x" }],
  ["event: error\ndata: x", { type: "error", data: "x" }],
  ["id: 7\ndata: with an id", { type: "message", data: "with an id", lastEventId: "7" }],
  ["data: after it", { type: "message", data: "after it", lastEventId: "7" }],
  ["id: 8", undefined],
  ["data: after an id alone", { type: "message", data: "after an id alone", lastEventId: "8" }],
  ["id: 9\0\ndata: what is no id", { type: "message", data: "what is no id", lastEventId: "8" }],
  ["id\ndata: none any more", { type: "message", data: "none any more", lastEventId: "" }],
  ["id: é\ndata: ü 💡", { type: "message", data: "ü 💡", lastEventId: "é" }],
  ["data: two\ndata: lines\ndata", { type: "message", data: "two\nlines\n", lastEventId: "é" }],
  ["data:  42", { type: "message", data: " 42", lastEventId: "é" }],
  ['data: {"torn"', { type: "message", data: '{"torn"', lastEventId: "é" }],
  ["data", { type: "message", data: "", lastEventId: "é" }],
  [": comment\nother: field\ndata: x", { type: "message", data: "x", lastEventId: "é" }],
];
/** Firefox's own EventSource forgets the id of a block without data, and loses an event whose id has a NUL. */
const blocksOf = (transport) =>
  engine !== "firefox" || transport === "fetch"
    ? blocks
    : blocks
        .filter(([block]) => !/^id: [89]/.test(`${block}`))
        .map(([block, message]) => [block, message?.lastEventId === "8" ? { ...message, lastEventId: "7" } : message]);

for (const transport of ["fetch", "eventsource"])
  for (const redirected of [false, true])
    test(`${transport}: the fields of a message${redirected ? ", behind a redirect" : ""}`, async () => {
      const rows = blocksOf(transport),
        expected = rows.map(([, message]) => message && { lastEventId: "", ...message }).filter(Boolean);
      const text = rows.map(([block]) => `${block}\n\n`).join("");
      const { url } = script("sse", [[["send", text]]]);
      const there = url.replace(wire, app);
      const made = client(redirected ? `${wire}/redirect?status=302&to=${encodeURIComponent(there)}` : url, {
        transport,
        ...(transport === "eventsource" && { events: ["other", "open", "error"] }),
      });
      const seen = [];
      made.on((message) => seen.push(message));
      await waitFor(
        () => seen.length === expected.length,
        () => `${expected.length} messages, have ${JSON.stringify(seen.map(({ data }) => data))}`,
      );
      equal(
        seen.map(({ data, type, lastEventId }) => ({ lastEventId, type, data })),
        expected.map(({ data, type, lastEventId }) => ({ lastEventId, type, data })),
        "messages",
      );
      for (const message of seen) {
        equal(Object.keys(message), ["data", "type", "lastEventId", "transport", "origin"], "fields");
        equal([message.transport, message.origin], [transport, redirected ? app : wire], "transport and origin");
      }
    });

test("websocket: the fields of a message", async () => {
  const texts = ['{"type":"price","id":"7"}', "x", " 42", '{"torn"', "", '{"type":5}', "[1]"];
  const { url } = script("ws", [texts.map((text) => ["send", text])]);
  const made = client(url, { resume: { id: "id" } });
  const seen = [];
  made.on((message) => seen.push(message));
  await waitFor(() => seen.length === texts.length, "the messages");
  equal(
    seen.map(({ type }) => type),
    ["price", "message", "message", "message", "message", "message", "message"],
    "types",
  );
  equal(
    seen.map(({ data }) => data),
    [{ type: "price", id: "7" }, "x", " 42", '{"torn"', "", { type: 5 }, [1]],
    "data",
  );
  for (const message of seen) {
    equal(Object.keys(message), ["data", "type", "lastEventId", "transport", "origin"], "fields");
    const { transport, origin, lastEventId } = message;
    equal([transport, origin, lastEventId], ["websocket", new URL(ws("/")).origin, "7"], "transport, origin, id");
  }
});

// What everwire adds to a request to go on from the cursor is not why a reconnect fails.
import { client, watch } from "../client.js";
import { equal, test, waitFor } from "../harness.js";
import { script } from "../server.js";

/** @type {Record<string, { kind: string, options: any, say: (id: number) => any[], lose: any[], refusals: number }>} */
const transports = {
  fetch: {
    kind: "sse",
    options: {},
    say: (id) => ["send", `id: ${id}\ndata: ${id}\n\n`],
    lose: [["wait", 50], ["reset"]],
    refusals: 1,
  },
  eventsource: {
    kind: "sse",
    options: { transport: "eventsource" },
    say: (id) => ["send", `id: ${id}\ndata: ${id}\n\n`],
    lose: [["wait", 50], ["reset"]],
    // It does not say why it failed.
    refusals: 3,
  },
  websocket: {
    kind: "ws",
    options: { resume: { id: "id" } },
    say: (id) => ["send", `{"id":${id}}`],
    lose: [
      ["wait", 50],
      ["close", 1001],
    ],
    refusals: 3,
  },
};

for (const [name, { kind, options, say, lose, refusals }] of Object.entries(transports)) {
  test(`${name}: a server that refuses the cursor is found out, told, and asked without it, with a gap`, async () => {
    const refused = Array.from({ length: refusals }, () => [["status", 400]]);
    const plan = script(kind, [
      [say(1), ...lose],
      ...refused,
      // Without it, to see. Then with it once more.
      [say(7)],
      [["status", 400]],
      [say(9)],
    ]);
    const made = client(plan.url, options);
    const seen = watch(made);
    await waitFor(
      () => seen.messages.length === 2,
      () => `both messages: ${seen.events} ${made.lastFailure}`,
    );
    equal(
      seen.messages.map(({ lastEventId }) => lastEventId),
      ["1", "9"],
      "messages",
    );
    equal(
      (await plan.log()).map(({ query }) => query.lastEventId ?? "none"),
      ["none", ...refused.map(() => "1"), "none", "1", "none"],
      "cursors",
    );
    equal(seen.retries.at(-1).failure.code, "cursor", "the failure told");
    if (name === "fetch") equal(seen.retries.at(-1).failure.status, 400, "its status");
    equal(
      seen.gaps.map(({ outcome, after }) => [outcome, after]),
      [["unknown", "1"]],
      "gaps",
    );
  });
}

test("a header that needs a preflight which the server does not answer is gone around", async () => {
  const plan = script("sse", [
    [["send", "id: 1\ndata: a\n\n"], ["wait", 50], ["reset"]],
    [["send", "id: 2\ndata: b\n\n"]],
    [["send", "id: 3\ndata: c\n\n"]],
  ]);
  const seen = watch(client(`${plan.url}&preflight=0`, { resume: { via: "header" } }));
  await waitFor(() => seen.data.includes("c"), "the stream");
  equal(
    [seen.data, seen.gaps.length, seen.retries.at(-1).failure.code],
    [["a", "c"], 1, "cursor"],
    "messages, gaps and the failure",
  );
});

test("a server that was down gets its cursor, also when it comes up as it is asked without", async () => {
  const down = Array.from({ length: 3 }, () => [["status", 502]]);
  const plan = script("sse", [
    [["send", "id: 1\ndata: a\n\n"], ["wait", 50], ["reset"]],
    ...down,
    [["send", "id: 5\ndata: lost\n\n"]],
    [["send", "id: 1\ndata: a\n\nid: 2\ndata: b\n\n"]],
  ]);
  const made = client(plan.url);
  const seen = watch(made);
  await waitFor(() => seen.data.includes("b"), "the stream");
  equal([seen.data, seen.gaps.length, made.stats().outcome], [["a", "b"], 0, "recovered"], "nothing is missing");
});

test("a refusal that has nothing to do with the cursor is fatal as ever", async () => {
  const plan = script("sse", [[["send", "id: 1\ndata: a\n\n"], ["wait", 50], ["reset"]], [["status", 403]]]);
  const seen = watch(client(plan.url));
  await waitFor(() => seen.closed, "the close event");
  equal([seen.closed.reason, seen.closed.error.status, (await plan.log()).length], ["fatal", 403, 3], "close event");
});

// Streams that are more than a page has room for: each ends by itself, and no other notices.
import { client, watch } from "/client.js";
import { equal, ok, test, waitFor } from "/harness.js";

const encoder = new TextEncoder();

/** A stream of what the test says, and of 64 KiB again and again without an end. */
function stream() {
  const chunk = new Uint8Array(65_536).fill(120);
  /** @type {any} */
  let wake;
  let left = 0;
  const said = [];
  const body = new ReadableStream({
    async pull(controller) {
      while (!said.length && left <= 0) await new Promise((resolve) => (wake = resolve));
      if (said.length) return controller.enqueue(encoder.encode(said.shift()));
      left -= chunk.length;
      controller.enqueue(chunk.slice());
    },
  });
  return {
    fetch: async () => new Response(body, { headers: { "content-type": "text/event-stream" } }),
    say(text) {
      said.push(text);
      wake?.();
    },
    pour(bytes) {
      left = bytes;
      wake?.();
    },
    get left() {
      return left;
    },
  };
}

test(
  "events that are larger together than there is room for are too big, and no other stream notices",
  async () => {
    const open = (maxEventBytes) => {
      const source = stream();
      const wire = client("http://localhost:3999/", {
        reconnect: false,
        ...(maxEventBytes && { maxEventBytes }),
        http: { fetch: source.fetch },
      });
      return { source, wire, seen: watch(wire) };
    };
    const other = open(),
      [first, second] = [open(2 ** 31 - 1), open(2 ** 31 - 1)];
    await Promise.all([other, first, second].map(({ wire }) => wire.opened()));
    const size = 140 * 2 ** 20;
    first.source.say("data: ");
    first.source.pour(size);
    await waitFor(
      () => first.source.left <= 0,
      () => `the first one to be read: ${first.source.left} bytes left`,
    );
    second.source.say("data: ");
    second.source.pour(size);
    const { error } = await waitFor(() => second.seen.closed, "the end of the second one");
    equal(error.code, "too-big", "its failure");
    other.source.say("data: still here\n\n");
    await waitFor(() => other.seen.messages.length === 1, "a message of the other one");
    equal([first.wire.state, other.wire.state], ["open", "open"], "states");
    first.source.say("\n\n");
    const [{ data }] = await waitFor(() => first.seen.messages.length && first.seen.messages, "the large event");
    ok(data.length >= size, `${data.length} characters`);
    first.wire.close();
  },
  { seconds: 240 },
);

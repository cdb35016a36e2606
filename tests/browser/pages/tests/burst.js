// A burst of messages: what it leaves the page.
import { client } from "../client.js";
import { equal, ok, test, waitFor } from "../harness.js";
import { fault, sse } from "../server.js";

const numbers = (from, to) => Array.from({ length: to - from + 1 }, (_, at) => from + at);

/** @type {[string, any][]} */
const transports = [["fetch", {}]];

for (const [name, options] of transports) {
  test(`${name}: a burst leaves the page its turns, a loss comes after it, and close() is the last of it`, async () => {
    const path = "/count?to=4000&rate=1000000";
    const made = client(sse(path), options);
    const seen = [];
    let turns = 0,
      sum = 0;
    const turn = () => {
      turns++;
      if (made.state !== "closed") setTimeout(turn);
    };
    made.on(({ data }) => {
      for (let n = 0; n < 100_000; n++) sum += n;
      if (seen.push(data.seq) === 1) setTimeout(turn);
      if (data.seq === 2000) fault("/proxy/reset");
    });
    made.addEventListener("retry", () => seen.push("retry"));
    await waitFor(() => seen.filter((seq) => seq === 4000).length, "message 4 000");
    equal(
      seen.filter((seq) => seq !== "retry"),
      numbers(1, 4000),
      "messages",
    );
    ok(turns > 10, `${turns} turns in between, ${sum}`);
    const other = client(sse(path), options);
    const got = [];
    other.on(({ data }) => {
      for (let n = 0; n < 100_000; n++) sum += n;
      if (got.push(data.seq) === 1) {
        // A task of the page's own, between two slices.
        setTimeout(() => {
          got.push("closed");
          other.close();
        });
      }
    });
    await waitFor(() => other.state === "closed", "close");
    await waitFor(() => turns, "a turn");
    ok(got.length < 4000 && got.at(-1) === "closed", `${got.length} messages, the last ${got.at(-1)}`);
  });
}

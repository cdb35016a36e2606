// What a server says, or what stands in a storage, is no error of the app's: it is told once, and the stream goes on.
import { client, watch } from "/client.js";
import { after, equal, ok, test, waitFor, warnings } from "/harness.js";
import { sse, ws } from "/server.js";
import { client as duplex, echoed } from "/topics.js";
import { deep, ODD } from "./odd.js";

/** A server that says what it is told to say; then the end, behind all others. */
function hear(connect, options, words) {
  const made = connect(ws("/echo"), options);
  const seen = watch(made);
  for (const word of [...words, '{"type":"end"}']) made.send(word, { ack: false });
  const ended = waitFor(
    () => seen.messages.some(({ type }) => type === "end"),
    () => `the end, have ${seen.messages.length} messages`,
  );
  return { made, seen, ended };
}

const NUMBERS =
  "everwire: resume.seq must give a whole number from 0, { first, last }, or [epoch, either]; anything else is ignored";

test("odd numbers, ids and epochs are told once, and every message comes", async () => {
  const read = (key) => (message) => message.data[key];
  for (const resume of [
    { id: "id", seq: "seq" },
    { id: read("id"), seq: read("seq") },
    { id: read("id"), seq: ({ data }) => [data.seq, data.seq] },
    { seq: ({ data }) => [data.seq, data.n] },
  ]) {
    const told = warnings();
    const words = ODD.map((odd, at) => `{"n":${at},"id":${odd},"seq":${odd}}`);
    const { made, seen, ended } = hear(client, { resume }, words);
    await ended;
    equal(seen.messages.length, ODD.length + 1, "messages");
    equal([told, made.state], [[NUMBERS], "open"], "warnings");
    made.close();
  }
});

test("inexact numbers are looked for once in a message, whoever asks", async () => {
  const parse = JSON.parse;
  let parsed = 0;
  after(() => {
    JSON.parse = parse;
  });
  JSON.parse = (text, revive) => {
    if (revive) parsed++;
    return parse(text, revive);
  };
  const words = ["12345678901234567890", "1e300", "0.5", `1e300,"deep":${deep(20_000)}`];
  const { made, seen, ended } = hear(
    duplex,
    {
      resume: { id: "id", seq: "seq" },
      outbox: { ack: { match: ({ data }) => (data.type === "ack" ? data.id : undefined) } },
      subscriptions: { ...echoed, id: "id", seq: "id" },
    },
    words.flatMap((word) => [
      `{"topic":"t","seq":${word},"id":${word}}`,
      `{"topic":"none","seq":${word},"id":${word}}`,
    ]),
  );
  made.subscribe("t").on(() => {});
  await ended;
  equal([seen.messages.length, parsed], [words.length + 1, 2 * words.length], "messages, and times");
});

test("an epoch longer than an id may be is none, and every message comes", async () => {
  const told = warnings();
  const { made, seen, ended } = hear(client, { resume: { seq: ({ data }) => [data.e, data.seq] } }, [
    '{"seq":1}',
    JSON.stringify({ e: "x".repeat(4_001), seq: 2 }),
    JSON.stringify({ e: "y".repeat(100_000), seq: 3 }),
  ]);
  await ended;
  equal([seen.messages.length, seen.gaps.length, told], [4, 0, [NUMBERS]], "messages, gaps, warnings");
  made.close();
});

test("odd acks are told once, and the others count", async () => {
  const told = warnings();
  const { made, seen, ended } = hear(client, { outbox: { ack: true } }, [
    ...ODD.map((odd) => `{"type":"ack","id":${odd}}`),
    `{"type":"ack","id":[{"toString":1},${deep(20_000)},"mine"]}`,
  ]);
  const sent = made.send({ id: "mine" });
  await ended;
  // Its own comes back as well.
  ok(
    seen.messages.every(({ type, data }) => type === "end" || data.id === "mine"),
    "no ack is a message",
  );
  made.send('{"type":"ack","id":[{"toString":1},"mine"]}', { ack: false });
  equal(await sent, { status: "acked" }, "the send");
  equal(told, ["everwire: outbox.ack.match must give ids; anything else is ignored"], "warnings");
});

test("odd numbers, ids and names of topics are told once, and every message of a topic comes", async () => {
  const told = warnings();
  const subscriptions = { ...echoed, id: ({ data }) => data.id, seq: ({ data }) => data.seq };
  const { made, ended } = hear(duplex, { subscriptions }, [
    ...ODD.map((odd) => `{"topic":"t","id":${odd},"seq":${odd}}`),
    ...ODD.flatMap((odd) => [`{"topic":${odd}}`, `{"type":"join","topic":${odd}}`, `{"type":"gap","topic":${odd}}`]),
  ]);
  const got = [];
  made.subscribe("t").on(({ data }) => got.push(data));
  await ended;
  equal(got.length, ODD.length, "messages");
  equal(
    told,
    ["everwire: subscriptions.seq must give a whole number from 0, or { first, last }; anything else is ignored"],
    "warnings",
  );
});

test("an absurd number holds nothing back: with ids and without, in an epoch and in none, and for topics", async () => {
  const ids = ({ data }) => data.id,
    number = ({ data }) => data.seq;
  for (const absurd of [100, 60_000, 100_000, 2 ** 31, 2 ** 32, 2 ** 53 - 1, "9999999999999999999"])
    for (const numbers of [
      [1, 2, absurd, 3, 4, 5],
      [absurd, 1, 2, 3],
    ]) {
      // Of a first one nothing says that it cannot be, if it is not further above than a replay can be.
      if (numbers[0] === absurd && Number(absurd) < 2 ** 32 + 10) continue;
      const words = numbers.map((seq, at) => JSON.stringify({ topic: "t", id: `i${at}`, seq, e: "e" }));
      for (const resume of [
        { id: ids, seq: number },
        { seq: number },
        { id: ids, seq: ({ data }) => [data.e, data.seq] },
        { seq: ({ data }) => [data.e, data.seq] },
      ]) {
        const { made, seen, ended } = hear(client, { resume }, words);
        await ended;
        equal(
          seen.data.slice(0, -1).map(({ seq }) => seq),
          numbers,
          "numbers",
        );
        const jumps = numbers[0] === absurd ? 1 : 2;
        // The end is of no epoch.
        ok([jumps, jumps + 1].includes(seen.gaps.length), `${seen.gaps.length} gaps of ${absurd}`);
        made.close();
      }
      for (const id of [ids, undefined]) {
        const { made, ended } = hear(duplex, { subscriptions: { ...echoed, id, seq: number } }, words);
        const got = [];
        made.subscribe("t").on(({ data }) => got.push(data.seq));
        await ended;
        equal(got, numbers, "numbers of a topic");
        made.close();
      }
    }
});

test("no word mutes a stream for good: wrong numbers, a count that begins anew, and one that never counts", async () => {
  const range = (from, count) => Array.from({ length: count }, (_, at) => from + at);
  const again = [...range(4_000_000, 500), 4_000_499];
  for (const { numbers, twice = 0, epochs = false } of [
    { numbers: [1, 2, 60_000, ...range(3, 300)], epochs: true },
    { numbers: [1, 2, 1_000, ...range(3, 300)], epochs: true },
    { numbers: [1, 2, ...range(1, 9).map((n) => 2 + n * 70_000), ...range(3, 300)], epochs: true },
    { numbers: [...range(4_000_000, 101), ...range(1, 300)], epochs: true },
    // Once more, by the same id and content; then anew.
    { numbers: [...again, ...range(1, 300)], twice: 1 },
    { numbers: Array(100).fill(7) },
  ]) {
    const words = numbers.map((seq, at) => {
      const id = seq !== 4_000_499 ? `i${at}` : "twice";
      return JSON.stringify({ topic: "t", id, seq, e: "e" });
    });
    words.push('{"topic":"t","id":"last"}');
    const id = ({ data }) => data.id,
      number = ({ data }) => data.seq;
    for (const seq of [number, ...(epochs ? [({ data }) => ["e", data.seq]] : [])]) {
      const { made, seen, ended } = hear(client, { resume: { id, seq } }, words);
      await ended;
      const came = seen.data.filter((data) => data.seq !== undefined).length;
      equal(came, numbers.length - twice, `of ${numbers.length}`);
      ok(seen.gaps.length > 0, "a gap is told");
      made.close();
    }
    const { made, ended } = hear(duplex, { subscriptions: { ...echoed, id, seq: number } }, words);
    let came = -1;
    made.subscribe("t").on(() => came++);
    await ended;
    equal(came, numbers.length - twice, `of ${numbers.length} of a topic`);
    made.close();
  }
});

test("whatever stands in the storage, connect goes on from it or begins anew", async () => {
  const values = [
    "%%%",
    "{}",
    "null",
    "5",
    '"7"',
    "[1,2,3]",
    deep(20_000),
    ...ODD.flatMap((odd) => [
      `[${odd},1]`,
      `["7",${odd}]`,
      `["7",3,${odd}]`,
      `["7",3,null,${odd}]`,
      `["7",3,"e",5,${odd.startsWith("-") || /^[\d.]/.test(odd) ? null : odd}]`,
    ]),
    '["7",9007199254740991,"e"]',
    JSON.stringify(["a\r\nx-evil: 1\0", 1]),
    '["\\ud800",1]',
    '["a#b&c=d",1]',
  ];
  for (const value of values) {
    const storage = { getItem: () => value, setItem() {} };
    const made = client(sse("/count?to=20"), { resume: { storage, key: "" } });
    await made.opened();
    const kept = value.startsWith("[") && typeof JSON.parse(value)[0] === "string" ? JSON.parse(value)[0] : "";
    if (!made.stats().received) ok(["", kept].includes(made.lastEventId), value.slice(0, 40));
    made.close();
  }
});

test("a storage that answers later is none", async () => {
  const told = warnings();
  const fail = () => Promise.reject(new Error("later"));
  for (const [getItem, setItem] of /** @type {[any, any][]} */ ([
    [() => 5, () => {}],
    [async () => "[]", () => {}],
    [fail, fail],
    [() => null, fail],
  ])) {
    const made = client(sse("/count?to=5"), { resume: { storage: { getItem, setItem }, key: "" } });
    const seen = watch(made);
    await waitFor(() => seen.messages.length === 5, "5 messages");
    made.close();
  }
  await waitFor(() => told.length >= 2, "two warnings");
  equal(
    told,
    [
      "everwire: resume.storage.getItem must give a string or null: began anew",
      "everwire: resume.storage.setItem failed, nothing more is stored: Error",
    ],
    "warnings",
  );
});

test("in an epoch a number that is stuck, or runs over, mutes nothing for good", async () => {
  const resume = { seq: ({ data }) => [`1732848123456-${data.e}`, data.seq] };
  for (const [what, numbers, lost] of /** @type {[string, number[], number][]} */ ([
    ["stuck", Array(40).fill(3), 0],
    ["in turn", Array.from({ length: 40 }, (_, at) => 3 - (at % 2)), 1],
    ["runs over", Array.from({ length: 200 }, (_, at) => 1 + (at % 8)), 72],
  ])) {
    const words = [1, 2, 3, ...numbers].map((seq, n) => JSON.stringify({ seq, n, e: "e" }));
    const { made, seen, ended } = hear(client, { resume }, words);
    await ended;
    const got = seen.data.map(({ n }) => n).filter((n) => n !== undefined);
    ok(got.length >= words.length - lost, `${what}: ${got.length} of ${words.length}`);
    equal(
      got.slice(-5),
      words.slice(-5).map((word) => JSON.parse(word).n),
      what,
    );
    ok(seen.gaps.length > 0, `${what}: no gap`);
    made.close();
  }
});

test("a number that is stuck far above mutes nothing for good, in an epoch and in none, and for topics", async () => {
  for (const stuck of [5, 1_732_848_123_456, 2 ** 53 - 1]) {
    const words = [1, 2, 3, ...Array(40).fill(stuck)].map((seq, n) => JSON.stringify({ topic: "t", seq, n, e: "e" }));
    for (const resume of [{ seq: "seq" }, { seq: ({ data }) => [data.e, data.seq] }]) {
      const { made, seen, ended } = hear(client, { resume }, words);
      await ended;
      equal(seen.data.map(({ n }) => n).slice(-6, -1), [38, 39, 40, 41, 42], `${stuck}`);
      made.close();
    }
    const { made, ended } = hear(duplex, { subscriptions: { ...echoed, seq: "seq" } }, words);
    const got = [];
    made.subscribe("t").on(({ data }) => got.push(data.n));
    await ended;
    equal(got.slice(-5), [38, 39, 40, 41, 42], `${stuck}, of a topic`);
    made.close();
  }
});

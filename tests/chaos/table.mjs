// What came, in rows.
const columns = [
  "sent",
  "received",
  "duplicates",
  "missing",
  "out of order",
  "gaps told",
  "told missing",
  "wrong gaps",
  "opens",
  "rollovers",
  "switches",
  "over reloads",
  "silence s",
];

export const legend = `
missing       not told and never come; for peers with what they had not got 10 s after the last fault
over reloads  what a reload cost: peers have no storage, so it is neither in their sent nor in their missing. What a
              peer that had given up for good did not get before the reload is in its missing
silence s     the longest time without a message, in seconds; everwire's heartbeat is at 1 s + 0.5 s
The peers know one endpoint, so each fault hits it. They are in a page of their own, with the same faults for as long.
"id in the URL": resume as an app would add it by hand, the last id in the address that the url function gives.`;

/** One line of the table, as an object by column; `flaws` says what everwire must not do. */
export function everwireRow(name, tally, { log, calm }) {
  const {
    first,
    last,
    received,
    duplicates,
    misordered,
    holes,
    told,
    gaps,
    wrongGaps,
    opens,
    rollovers,
    switches,
    silence,
  } = tally;
  const sent = last - first + 1,
    missing = size(holes);
  return {
    name,
    cells: [
      sent,
      received,
      duplicates,
      missing,
      misordered,
      gaps,
      told,
      wrongGaps,
      opens,
      rollovers,
      switches,
      "",
      seconds(silence),
    ],
    flawed: Boolean(
      duplicates ||
        misordered ||
        missing ||
        wrongGaps ||
        received + told !== sent ||
        (!log && gaps) ||
        (calm && opens !== rollovers + 1),
    ),
  };
}

export function peerRow(name, tally, { due, at }) {
  const { first, last, received, duplicates, misordered, holes, overReloads, opens, silence, lastAt } = tally;
  const sent = Math.max(last, due) - first + 1 - overReloads;
  const missing = size(holes) + Math.max(0, due - last);
  if (received - duplicates + missing !== sent)
    throw new Error(`${name} is counted wrongly: ${JSON.stringify({ tally, due })}`);
  return {
    name,
    cells: [
      sent,
      received,
      duplicates,
      missing,
      misordered,
      "",
      "",
      "",
      opens,
      "",
      "",
      overReloads,
      seconds(Math.max(silence, at - (lastAt ?? at))),
    ],
  };
}

const size = (holes) => holes.reduce((sum, [from, to]) => sum + to - from + 1, 0);
const seconds = (ms) => (ms / 1_000).toFixed(1);

export function print(title, rows) {
  console.log(`\n${title}`);
  const first = Math.max(...rows.map(({ name }) => name.length));
  const line = (name, cells) =>
    console.log(
      name.padEnd(first) + cells.map((cell, at) => String(cell).padStart(Math.max(columns[at].length, 7) + 2)).join(""),
    );
  line("", columns);
  for (const { name, cells } of rows) line(name, cells);
}

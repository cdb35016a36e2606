// Words that are none, for the engines, for Node, and for what is made of them by chance (fuzz).
export const deep = (depth) => `${"[".repeat(depth)}${"]".repeat(depth)}`;
/** As JSON: what is no number from 0, no text and no id; some throw where they are made text of. */
export const ODD = [
  "-1",
  "1.5",
  "1e300",
  "-0.5",
  '"x"',
  '"-1"',
  '"1e3"',
  '"99999999999999999999"',
  "true",
  "{}",
  '{"toString":1}',
  '{"valueOf":1,"toString":{}}',
  '{"length":1}',
  "[[[1]]]",
  '[{"toString":1}]',
  deep(20_000),
];

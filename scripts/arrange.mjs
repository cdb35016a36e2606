// The order of functions does not matter to an engine, but to brotli: what is alike is best close together.

/** The functions of a packed script: what begins and ends at the margin. */
export const functionsOf = (code) =>
  [...code.matchAll(/^(?:async )?function (\w+)[\s\S]*?^}\n/gm)].map(([text, name]) => ({ text, name }));

/** The script with these first, in the order of this list of names. */
export function arrange(code, order) {
  const found = functionsOf(code);
  const rest = found.reduce((left, { text }) => left.replace(text, () => ""), code);
  const place = ({ name }) => order.indexOf(name);
  return [...found.sort((one, other) => place(one) - place(other)).map(({ text }) => text), rest].join("");
}

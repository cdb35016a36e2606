/** The rows of the docs' tables of options, by the option's full name: default, range, and what it means. */
export function readTables(text) {
  /** @type {Map<string, { fallback: string, range: string, meaning: string }>} */
  const rows = new Map();
  let columns, prefix;
  for (const line of text.split("\n")) {
    const cells = line.startsWith("|")
      ? line
          .slice(1, -1)
          .split(" | ")
          .map((cell) => cell.replace(/^\|? ?| ?\|?$/g, "").trim())
      : undefined;
    if (!cells) columns = undefined;
    else if (!columns) {
      columns = cells;
      const place = /^(?:Option|Name)(?: of `(.+)`)?$/.exec(cells[0]);
      prefix =
        place && cells.includes("Meaning")
          ? place[1] === undefined || place[1] === "connect"
            ? ""
            : `${place[1]}.`
          : undefined;
    } else if (prefix !== undefined && !/^-+$/.test(cells[0])) {
      const cell = (name) => cells[columns.indexOf(name)] ?? "";
      for (const [, name] of cells[0].matchAll(/`([\w.]+)/g))
        rows.set(prefix + name, { fallback: cell("Default"), range: cell("Range"), meaning: cell("Meaning") });
    }
  }
  return rows;
}

/** Who we are: one name per tab, kept over a reload. */

const NAMES = ["ada", "bell", "cooke", "field", "gray", "hedy", "kapany", "kelvin", "maxwell", "morse"];

export function ownName() {
  const kept = sessionStorage.getItem("name");
  if (kept) return kept;
  const pick = (n) => Math.floor(Math.random() * n);
  const name = `${NAMES[pick(NAMES.length)]}-${10 + pick(90)}`;
  sessionStorage.setItem("name", name);
  return name;
}

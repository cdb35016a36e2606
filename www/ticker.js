/** The price board: a row for each symbol, with its last prices as a line. */
import { byId } from "./dom.js";

const KEPT = 40;
const WIDTH = 120;
const HEIGHT = 28;

const money = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const change = new Intl.NumberFormat("en", {
  minimumFractionDigits: 2,
  maximumFractionDigits: 2,
  signDisplay: "exceptZero",
});

export class Ticker {
  #rows = new Map();
  #body = byId("ticker-rows");

  constructor(wire) {
    wire.on("tick", ({ data }) => this.#tick(data));
  }

  #tick({ symbol, price: latest }) {
    let row = this.#rows.get(symbol);
    if (!row) this.#rows.set(symbol, (row = this.#insert(symbol)));
    row.prices.push(latest);
    if (row.prices.length > KEPT) row.prices.shift();
    row.stale = true;
  }

  /** Draws what changed: after a resume hundreds of ticks come at once. */
  refresh() {
    for (const row of this.#rows.values()) {
      if (!row.stale) continue;
      row.stale = false;
      const { prices, cells } = row;
      const moved = prices.at(-1) - prices[0];
      const percent = prices[0] ? (moved / prices[0]) * 100 : 0;
      cells.price.textContent = money.format(prices.at(-1));
      cells.change.textContent = `${change.format(percent).replace("-", "\u2212")}\u202f%`;
      cells.line.setAttribute("points", points(prices));
    }
  }

  #insert(symbol) {
    const element = document.createElement("tr");
    element.dataset.symbol = symbol;
    element.innerHTML = `<th scope="row"></th>
      <td><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true"><polyline/></svg></td><td></td><td></td>`;
    const [, , priceCell, changeCell] = element.cells;
    element.cells[0].textContent = symbol;
    const after = [...this.#body.rows].find((row) => row.dataset.symbol > symbol) ?? null;
    this.#body.insertBefore(element, after);
    return {
      prices: [],
      stale: false,
      cells: { price: priceCell, change: changeCell, line: element.querySelector("polyline") },
    };
  }
}

/** The last price at the right edge, the line as high as the range. */
function points(prices) {
  const low = Math.min(...prices);
  const range = Math.max(...prices) - low || 1;
  return prices
    .map((price, i) => {
      const x = WIDTH - (prices.length - 1 - i) * (WIDTH / (KEPT - 1));
      const y = HEIGHT - 3 - ((price - low) / range) * (HEIGHT - 6);
      return `${x.toFixed(1)},${y.toFixed(1)}`;
    })
    .join(" ");
}

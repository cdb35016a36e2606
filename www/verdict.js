/** The sentence on top: what all the trouble has cost so far. */

const number = new Intl.NumberFormat("en");
const many = (n, one) => `${number.format(n)} ${n === 1 ? one : `${one}s`}`;

export class Verdict {
  breaks = 0;
  #element;
  #written = "";

  constructor(element) {
    this.#element = element;
  }

  refresh(counters) {
    const sum = (name) => counters.reduce((total, counter) => total + counter[name], 0);
    const [missing, duplicate] = [sum("missing"), sum("duplicate")];
    const rest = `in ${many(sum("received"), "message")}, through ${many(this.breaks, "break")}`;
    const written = `${missing} ${duplicate} ${rest}`;
    if (written === this.#written) return;
    this.#written = written;
    this.#element.toggleAttribute("data-ok", missing + duplicate === 0);
    this.#element.innerHTML = `<span><b>${number.format(missing)}</b> missing</span>
      <span><b>${number.format(duplicate)}</b> duplicate</span> <small>${rest}</small>`;
  }
}

/** The recorder: what each connection did over the last while, with now at the right edge. */

// Two lanes: style.css gives the canvas its height and puts the labels in place by the same numbers.
const TOP = 24;
const LANE = 66;
const AXIS = 20;
const BUCKET = 250; // ms of messages in one bar
const LONGEST = 120_000;

export class Strip {
  #canvas;
  #lanes;
  #marks = [];
  /** @type {ReturnType<typeof readColors> | null} */
  #colors = null;

  constructor(canvas, names) {
    this.#canvas = canvas;
    this.#lanes = new Map(names.map((name) => [name, { states: [], bars: [], gaps: [] }]));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => (this.#colors = null));
  }

  /** `note`: why, or which attempt. */
  state(name, state, note = "") {
    this.#lanes.get(name).states.push({ state, at: Date.now(), note });
  }

  /** The client told that something is missing. */
  gap(name) {
    this.#lanes.get(name).gaps.push({ at: Date.now() });
  }

  /** Counts messages into the current bar. */
  messages(name, delivered, suppressed) {
    const { bars } = this.#lanes.get(name);
    const at = Math.floor(Date.now() / BUCKET) * BUCKET;
    if (bars.at(-1)?.at !== at) {
      bars.push({ at, delivered: 0, suppressed: 0 });
      this.#forget(at - LONGEST); // here, as a hidden page draws nothing
    }
    bars.at(-1).delivered += delivered;
    bars.at(-1).suppressed += suppressed;
  }

  /** A fault from now on. Whoever caused it sets `until` when it knows. */
  mark(label) {
    const at = Date.now();
    const mark = { label, at, until: at };
    this.#marks.push(mark);
    return mark;
  }

  /** All that is kept, with times as in ISO 8601. */
  record() {
    const time = (at) => new Date(at).toISOString();
    const timed = (list) =>
      list.map(({ at, until, ...rest }) => ({ at: time(at), ...(until && { until: time(until) }), ...rest }));
    return {
      taken: time(Date.now()),
      faults: timed(this.#marks),
      connections: Object.fromEntries(
        [...this.#lanes].map(([name, { states, bars, gaps }]) => [
          name,
          { states: timed(states), gaps: timed(gaps), messages: timed(bars) },
        ]),
      ),
    };
  }

  /** As it is now, on its paper and with its names. */
  picture() {
    this.draw();
    const canvas = document.createElement("canvas");
    canvas.width = this.#canvas.width;
    canvas.height = this.#canvas.height;
    const g = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    const colors = (this.#colors ??= readColors(this.#canvas));
    g.fillStyle = colors.sheet;
    g.fillRect(0, 0, canvas.width, canvas.height);
    g.drawImage(this.#canvas, 0, 0);
    const ratio = canvas.width / this.#canvas.clientWidth;
    g.font = `600 ${13 * ratio}px ${getComputedStyle(this.#canvas).fontFamily}`;
    [...this.#lanes.keys()].forEach((name, at) => {
      g.fillStyle = colors[name];
      g.fillText(name, 8 * ratio, (TOP + LANE * at + 12) * ratio);
    });
    return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  }

  draw() {
    const now = Date.now();
    const canvas = this.#canvas;
    const { clientWidth: width, clientHeight: height } = canvas;
    const ratio = devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const g = canvas.getContext("2d");
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, width, height);

    const span = Math.min(LONGEST, Math.max(30_000, width * 55));
    const view = {
      g,
      width,
      height,
      now,
      colors: (this.#colors ??= readColors(canvas)),
      font: getFont(canvas),
      x: (at) => width - ((now - at) / span) * width,
      perSecond: (width / span) * 1000,
      span,
    };

    drawGrid(view);
    for (const mark of this.#marks) drawBand(view, mark);
    let y = TOP + LANE * 0.62;
    for (const [name, lane] of this.#lanes) {
      drawLane(view, lane, y, view.colors[name]);
      y += LANE;
    }
    drawLabels(view, this.#marks);
  }

  #forget(before) {
    while (this.#marks[0]?.until < before) this.#marks.shift();
    for (const { states, bars, gaps } of this.#lanes.values()) {
      while (gaps[0]?.at < before) gaps.shift();
      while (bars[0]?.at < before) bars.shift();
      while (states[1]?.at < before) states.shift(); // the first one reaches into the view
    }
  }
}

function readColors(element) {
  const style = getComputedStyle(element);
  const read = (name) => style.getPropertyValue(name).trim();
  return {
    chat: read("--chat"),
    ticker: read("--ticker"),
    alarm: read("--alarm"),
    rule: read("--rule"),
    faint: read("--ink-2"),
    sheet: read("--sheet"),
  };
}

const getFont = (element) => `12px ${getComputedStyle(element).fontFamily}`;

function line(g, x1, y1, x2, y2) {
  g.beginPath();
  g.moveTo(x1, y1);
  g.lineTo(x2, y2);
  g.stroke();
}

function drawGrid({ g, width, height, colors, font, perSecond, span }) {
  g.font = font;
  g.fillStyle = colors.faint;
  g.strokeStyle = colors.rule;
  g.lineWidth = 1;
  g.setLineDash([]);
  for (let s = 10; s * 1000 < span; s += 10) {
    const x = Math.round(width - s * perSecond) + 0.5;
    line(g, x, TOP - 6, x, height - AXIS);
    g.textAlign = "center";
    if (x > 24) g.fillText(`\u2212${s} s`, x, height - 5);
  }
  g.textAlign = "right";
  g.fillText("now", width - 4, height - 5);
}

function drawBand({ g, height, colors, now, x }, mark) {
  const from = x(mark.at);
  const to = x(Math.min(mark.until, now));
  g.fillStyle = colors.alarm;
  g.globalAlpha = 0.1;
  g.fillRect(from, TOP - 6, to - from, height - AXIS - TOP + 6);
  g.globalAlpha = 1;
  g.strokeStyle = colors.alarm;
  g.lineWidth = 1;
  g.setLineDash([2, 3]);
  line(g, Math.round(from) + 0.5, TOP - 6, Math.round(from) + 0.5, height - AXIS);
  g.setLineDash([]);
}

function drawLabels({ g, colors, font, x }, marks) {
  g.font = font;
  g.textAlign = "left";
  g.fillStyle = colors.alarm;
  let free = Infinity; // labels go in from the newest; one that would overlap stays away
  for (const mark of marks.toReversed()) {
    const width = g.measureText(mark.label).width;
    const left = Math.min(x(mark.at), x(Date.now()) - width - 2);
    if (left + width + 6 > free) continue;
    g.fillText(mark.label, left, TOP - 11);
    free = left;
  }
}

function drawLane(view, { states, bars, gaps }, y, color) {
  const { g, x, width, colors, perSecond, font } = view;
  const barWidth = Math.max(1.5, (perSecond * BUCKET) / 1000 - 1);
  const tall = (n) => Math.min(28, 4 + Math.sqrt(n) * 5);
  g.strokeStyle = colors.rule;
  g.lineWidth = 1;
  line(g, 0, y, width, y);
  g.fillStyle = color;
  g.strokeStyle = colors.faint;
  for (const bar of bars) {
    const left = x(bar.at);
    if (bar.delivered) {
      g.globalAlpha = 0.45;
      g.fillRect(left, y - 4 - tall(bar.delivered), barWidth, tall(bar.delivered));
      g.globalAlpha = 1;
    }
    if (bar.suppressed) g.strokeRect(left + 0.5, y + 4.5, Math.max(1, barWidth - 1), tall(bar.suppressed) * 0.7);
  }

  g.strokeStyle = color;
  states.forEach(({ state, at }, i) => {
    const from = x(at);
    const to = i + 1 < states.length ? x(states[i + 1].at) : width;
    if (to > 0) drawState(g, state, Math.max(from, -8), to, y, i + 1 < states.length);
  });
  g.font = font;
  g.textAlign = "left";
  g.fillStyle = colors.faint;
  let free = -Infinity; // notes go in from the oldest; one that would overlap stays away
  for (const { at, note } of states) {
    const end = x(at) + g.measureText(note).width;
    if (!note || x(at) < free || end > width) continue;
    g.fillText(note, x(at), y + 21);
    free = end + 8;
  }
  for (const { at } of gaps) drawGap(g, x(at), y, colors.alarm);
}

/** A wedge that points at the hole. */
function drawGap(g, x, y, color) {
  g.fillStyle = color;
  g.beginPath();
  g.moveTo(x, y - 6);
  g.lineTo(x - 5, y - 16);
  g.lineTo(x + 5, y - 16);
  g.fill();
}

/** Shape says it, not only colour: open is whole, connecting dotted, waiting thin dashes. */
function drawState(g, state, from, to, y, ended) {
  g.setLineDash([]);
  if (state === "open") {
    g.lineWidth = 5;
    line(g, from, y, Math.max(to, from + 1), y);
    g.lineWidth = 2;
    line(g, from, y - 5, from, y + 5);
    if (ended) line(g, to, y - 5, to, y + 5);
  } else if (state === "connecting") {
    g.lineWidth = 2;
    g.setLineDash([3, 3]);
    line(g, from, y, to, y);
  } else if (state === "waiting") {
    g.lineWidth = 3;
    g.globalAlpha = 0.5;
    g.setLineDash([7, 7]);
    line(g, from + 3, y, to, y);
    g.globalAlpha = 1;
  } else if (state === "suspended") {
    g.lineWidth = 1;
    line(g, from, y - 2, to, y - 2);
    line(g, from, y + 2, to, y + 2);
  } else if (state === "closed") {
    g.lineWidth = 2;
    line(g, from - 4, y - 4, from + 4, y + 4);
    line(g, from - 4, y + 4, from + 4, y - 4);
  }
  g.setLineDash([]);
}

/** The buttons that make real trouble. The server answers once the fault is in force. */
import { byId, one } from "./dom.js";

// `lasts` is how long the server keeps it up; `steps` are the control calls.
const FAULTS = {
  drop: { says: "Every connection was reset.", steps: ["drop"], label: "cut" },
  restart: { says: "The server was killed and started again.", steps: ["restart?down=300"] },
  stall: { says: "Connections stay open, but nothing gets through.", steps: ["stall?ms=6000"], lasts: 6_000 },
  refuse: { says: "Nobody listens: connections are refused.", steps: ["refuse?ms=10000"], lasts: 10_000 },
  503: { says: "Every connection is answered 503.", steps: ["503?ms=5000"], lasts: 5_000 },
  // A replay shows at the next resumes, so all are dropped then.
  replay: {
    says: "All resumes were answered with the whole log.",
    steps: (resumes) => [`replay?n=${resumes}`, "drop"],
  },
};

/** `resumes` gives how many there are after a drop. */
export function setUpTrouble(strip, resumes) {
  const status = byId("trouble-status");
  const clear = one("[data-fault=clear]");
  const lasting = new Map(); // button to { mark, timer }

  function over(button) {
    const { mark, timer } = lasting.get(button);
    clearTimeout(timer);
    mark.until = Math.min(mark.until, Date.now());
    lasting.delete(button);
    button.classList.remove("lasting");
    if (lasting.size) return;
    clear.hidden = true;
    status.textContent = "The server is fine again.";
  }

  function last(button, mark, ms) {
    if (lasting.has(button)) over(button);
    mark.until = Date.now() + ms;
    button.style.setProperty("--lasts", `${ms}ms`);
    button.classList.add("lasting");
    clear.hidden = false;
    lasting.set(button, { mark, timer: setTimeout(over, ms, button) });
  }

  async function endAll() {
    await post("clear");
    for (const button of [...lasting.keys()]) over(button);
  }

  async function begin(button) {
    const { says, steps, lasts, label } = FAULTS[button.dataset.fault];
    const mark = strip.mark(label ?? button.dataset.fault);
    for (const step of Array.isArray(steps) ? steps : steps(resumes())) await post(step);
    if (lasts) last(button, mark, lasts);
    else mark.until = Date.now();
    status.textContent = says;
  }

  async function cause(button) {
    button.setAttribute("aria-busy", "true");
    try {
      await (button === clear ? endAll() : begin(button));
    } catch (error) {
      status.textContent = `The demo server did not do it (${/** @type {Error} */ (error).message}). Is it still running?`;
    } finally {
      button.removeAttribute("aria-busy");
    }
  }

  for (const button of document.querySelectorAll("[data-fault]")) {
    button.addEventListener("click", () => cause(button));
  }
}

async function post(step) {
  const answer = await fetch(`/fault/${step}`, { method: "POST" });
  if (!answer.ok) throw new Error(`it answered ${answer.status}`);
}

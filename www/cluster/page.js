// One client on each transport, each with both nodes; and buttons for the servers.
import { connect } from "everwire";
import { nchan } from "everwire/presets";

const KEPT = 100;
const names = { a: "Node A", b: "Node B", redis: "Redis" };
/**
 * An element of this page, which is there.
 * @returns {any}
 */
const byId = (id) => document.getElementById(id);
const ask = async () => (await fetch("/cluster.json")).json();

const { nodes, servers } = await ask();
const nodeOf = (url) => Object.keys(servers).find((name) => url && new URL(url).port === `${servers[name].port}`);

/** What a client got, by the numbers alone. */
class Client {
  received = 0;
  missing = 0;
  twice = 0;
  #last;
  #cells;

  constructor(transport) {
    const wire = (this.wire = connect(
      nodes,
      nchan({
        transport,
        // No ping: the channel itself speaks every 100 ms (see nginx.conf, run.mjs).
        heartbeat: { interval: 1_500, timeout: 500, ping: false },
        reconnect: { initialDelay: 100, maxDelay: 1_000, stableAfter: 1_000 },
        openTimeout: 3_000,
        resume: { seq: "seq" },
      }),
    ));
    wire.on(({ data: { seq } }) => this.#count(seq));
    wire.addEventListener("open", () => say(`${transport}: open at ${names[nodeOf(wire.url)]}`));
    wire.addEventListener("retry", ({ failure, delay }) =>
      say(
        `${transport}: ${failure.code}${failure.status ? ` ${failure.status}` : ""}, again in ${Math.round(delay)} ms`,
      ),
    );
    wire.addEventListener("gap", ({ missing }) =>
      say(
        `${transport}: gap, ${missing ? `${missing.from} to ${missing.to} are missing` : "something may be missing"}`,
      ),
    );
    wire.addEventListener("close", ({ reason, error }) =>
      say(`${transport}: closed, ${reason}. ${error?.message ?? ""}`),
    );
    const row = byId("clients").insertRow();
    const head = document.createElement("th");
    head.scope = "row";
    head.textContent = transport;
    row.append(head);
    this.#cells = Array.from({ length: 8 }, () => row.insertCell());
  }

  #count(seq) {
    this.received++;
    const skipped = this.#last === undefined ? 0 : seq - this.#last - 1;
    if (skipped < 0) this.twice++;
    else {
      this.missing += skipped;
      this.#last = seq;
    }
  }

  draw() {
    const { wire, received, missing, twice } = this;
    const { suppressed, opens } = wire.stats();
    const node = wire.state === "open" ? names[nodeOf(wire.url)] : "";
    [wire.state, node, received, missing, twice, suppressed, opens, wire.lastFailure?.code ?? ""].forEach(
      (value, at) => {
        this.#cells[at].textContent = value;
      },
    );
    this.#cells[3].classList.toggle("bad", missing > 0);
    this.#cells[4].classList.toggle("bad", twice > 0);
  }
}

const buttons = { kill: "Kill", start: "Start", freeze: "Freeze", thaw: "Thaw" };
const allowed = { running: ["kill", "freeze"], stopped: ["start"], frozen: ["kill", "thaw"] };
const cards = Object.fromEntries(Object.entries(names).map(([name, title]) => [name, card(name, title)]));

function card(name, title) {
  /** @type {any} */
  const element = document.createElement("div");
  element.className = "server";
  element.innerHTML = "<strong></strong><p></p>";
  element.firstChild.textContent = title;
  for (const [act, text] of Object.entries(buttons)) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.dataset.do = act;
    button.addEventListener("click", async () => {
      say(`${title}: ${text.toLowerCase()}`);
      await fetch(`/server?name=${name}&do=${act}`, { method: "POST" });
      await refresh();
    });
    element.append(button, " ");
  }
  byId("servers").append(element);
  return element;
}

async function refresh() {
  const { servers, published, waiting } = await ask();
  for (const [name, { port, state }] of Object.entries(servers)) {
    const element = cards[name];
    element.dataset.state = state;
    element.querySelector("p").textContent = `${state}, port ${port}`;
    for (const button of element.querySelectorAll("button"))
      button.disabled = !allowed[state].includes(button.dataset.do);
  }
  byId("published").textContent =
    `${published} messages published${waiting > 5 ? `, ${waiting} waiting for a node that takes them` : ""}.`;
}

function say(text) {
  line(byId("log"), `${new Date().toLocaleTimeString()}  ${text}`);
}

function line(list, text) {
  const item = document.createElement("li");
  item.textContent = text;
  list.prepend(item);
  if (list.children.length > KEPT) list.lastChild.remove();
}

const clients = Object.fromEntries(
  ["fetch", "eventsource", "websocket"].map((transport) => [transport, new Client(transport)]),
);
clients.websocket.wire.on("chat", ({ data }) => line(byId("lines"), data.text));

byId("chat").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { value } = byId("text");
  byId("text").value = "";
  await fetch("/chat", { method: "POST", body: value });
});

await refresh();
byId("boot").hidden = true;
setInterval(() => {
  for (const client of Object.values(clients)) client.draw();
}, 100);
setInterval(() => refresh().catch(() => {}), 1_000);

/** For you in the console. */
window.demo = clients;

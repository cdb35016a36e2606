import { connect } from "everwire";

type Answer = { word: { text: string }; done: object };

const find = <T extends HTMLElement = HTMLElement>(id: string) => document.getElementById(id) as T;
const [form, state, answer] = [find("form"), find("state"), find("answer")];
const [prompt, stop] = [find<HTMLInputElement>("prompt"), find<HTMLButtonElement>("stop")];

/** The address of an answer, by the id of any of its messages: `4f2:17` is message 17 of the answer 4f2. */
const address = (id: string) => `/v1/answers/${encodeURIComponent(id.split(":")[0])}`;

let running: ReturnType<typeof ask> | undefined;

function ask(prompt: string) {
  return connect<Answer>("/v1/answers", {
    http: {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ prompt }),
      cancel: ({ id }) => (id ? { method: "DELETE", url: address(id) } : undefined),
    },
    // After a loss the answer goes on by this request. A POST would make a second answer.
    resume: { request: ({ id }) => (id ? address(id) : undefined) },
    until: ({ type }) => type === "done", // what ends before it is an error
    openTimeout: 120_000, // a model may think for a while
  });
}

form.onsubmit = (event) => {
  event.preventDefault();
  running?.cancel();
  answer.textContent = "";
  stop.disabled = false;

  const wire = ask(prompt.value);
  running = wire;
  const show = (text: string) => {
    if (wire === running) state.textContent = text;
  };
  show(wire.state);
  wire.on("word", ({ data }) => answer.append(data.text));
  wire.addEventListener("statechange", () => show(wire.state));
  wire.addEventListener("close", ({ reason, error }) => {
    show(reason === "ended" ? "done" : reason === "app" ? "stopped" : `failed: ${error?.message}`);
    if (wire === running) stop.disabled = true;
  });
};

stop.onclick = () => running?.cancel();

// Starts the place that is asked for, and asks it.
const query = new URLSearchParams(location.search);

/** One script after the other, as a page names them. */
async function scripts(...sources) {
  for (const src of sources)
    await new Promise((resolve, reject) => {
      const script = Object.assign(document.createElement("script"), { src });
      script.onload = resolve;
      script.onerror = () => reject(new Error(`no ${src}`));
      document.head.append(script);
    });
}

/** Asks by a message, and gets the answer at a port. What fails in the worker before that is an error of `target`. */
const by = (target, post) => (deed) =>
  new Promise((resolve, reject) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => resolve(data);
    target.onerror = (event) => reject(new Error(event.message ?? "the worker does not load"));
    post.postMessage(deed, [port2]);
  });

const dedicated = (worker) => by(worker, worker);
function shared(url, options) {
  const worker = new SharedWorker(url, options);
  return by(worker, worker.port);
}

async function service(url, options) {
  const registration = await navigator.serviceWorker.register(url, options);
  const worker = registration.installing ?? registration.waiting ?? registration.active;
  while (worker && worker.state !== "activated" && worker.state !== "redundant")
    await new Promise((resolve) => worker.addEventListener("statechange", resolve, { once: true }));
  return by({}, worker);
}

/** A window has no other to ask. */
async function here(loaded) {
  await loaded;
  return (deed) => window.answer(deed);
}

const web = "/places/web.js";
const classic = "/app/classic.js";
const webpack = "/app/webpack/main.js";
/** @type {WorkerOptions} */
const modular = { type: "module" };
const places = {
  "window, web": () => here(import(web)),
  "window, no-modules": () => here(scripts("/app/no-modules/places.js", classic)),
  "window, bundler": () => here(scripts(webpack)),
  "worker, web": () => dedicated(new Worker(web, modular)),
  "worker, no-modules": () => dedicated(new Worker(classic)),
  "worker, bundler": () => scripts(webpack).then(() => dedicated(window.worker())),
  "shared worker, web": () => shared(web, modular),
  "shared worker, no-modules": () => shared(classic),
  "service worker, web": () => service(web, modular),
  "service worker, no-modules": () => service(classic),
};

const asked = (async () => places[query.get("place") ?? ""]())();
asked.catch(() => {});

/** What it answers. */
window.ask = async (deed) => {
  try {
    return await (await asked)(deed);
  } catch (error) {
    return { error: String(error) };
  }
};

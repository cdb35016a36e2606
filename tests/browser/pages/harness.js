// A small test runner. Its results are taken by node through window.takeResults().

// Tests patch timers; the runner keeps the real ones.
const setTimer = window.setTimeout.bind(window);
const clearTimer = window.clearTimeout.bind(window);

export const engine = new URLSearchParams(location.search).get("engine") ?? "chromium";

/** @type {{ name: string, body: () => unknown, seconds: number }[]} */
const tests = [];
/** @type {{ name: string, error: string | null, milliseconds: number }[]} */
const results = [];
let current = "loading";
let finished = false;
/** @type {(() => unknown)[]} */
const cleanups = [];
/** @type {any[]} */
const reports = [];

window.takeResults = () => ({ results: results.splice(0), current, finished });
window.addEventListener("error", (event) => {
  reports.push(event.error ?? event.message);
  event.preventDefault();
});
window.addEventListener("unhandledrejection", (event) => {
  reports.push(event.reason);
  event.preventDefault();
});

// The limits end what hangs; how fast it is on a busy machine is no test.
export function test(name, body, { seconds = 60 } = {}) {
  tests.push({ name, body, seconds });
}

/** Runs `cleanup` when the current test has ended, however it did. */
export function after(cleanup) {
  cleanups.push(cleanup);
}

/** Takes the errors that reached the page's global handlers. What a test does not take fails it. */
export function takeReports() {
  return reports.splice(0);
}

const { warn } = console;
/** What the console is warned of, from here to the test's end. */
export function warnings() {
  /** @type {string[]} */
  const told = [];
  console.warn = (...words) => told.push(words.join(" "));
  after(() => {
    console.warn = warn;
  });
  return told;
}

export async function run(file, only) {
  for (const { name, body, seconds } of tests) {
    current = name;
    const full = `${file}: ${name}`;
    if (!full.includes(only)) continue;
    const start = performance.now();
    /** @type {string | null} */
    let error = null;
    try {
      await limited(body(), seconds);
    } catch (caught) {
      error = describe(caught);
    }
    for (const cleanup of cleanups.splice(0).reverse()) {
      try {
        await limited(cleanup(), 15);
      } catch (caught) {
        error ??= `clean-up: ${describe(caught)}`;
      }
    }
    if (reports.length > 0) error = `${error ?? ""}\nuncaught: ${takeReports().map(describe).join("\n")}`.trim();
    const milliseconds = performance.now() - start;
    results.push({ name: full, error, milliseconds });
    document.getElementById("log")?.append(`${error === null ? "ok" : "FAIL"} ${full} ${error ?? ""}\n`);
  }
  finished = true;
}

export function loadFailed(file, error) {
  results.push({ name: `${file}: load`, error: describe(error), milliseconds: 0 });
  finished = true;
}

async function limited(promise, seconds) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimer(() => reject(new Error(`not done after ${seconds} s`)), seconds * 1000);
  });
  try {
    await Promise.race([promise, late]);
  } finally {
    clearTimer(timer);
  }
}

function describe(error) {
  if (!(error instanceof Error) && error?.name === undefined) return String(error);
  const text = `${error.name}: ${error.message}`;
  const stack = String(error.stack ?? "").replaceAll(location.origin, "");
  return stack.startsWith(text) ? stack : `${text}\n${stack}`;
}

const show = (value) => {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
};

/**
 * @param {any} value
 * @param {any} what
 */
export function ok(value, what) {
  if (!value) throw new Error(what);
}

/**
 * Compares by JSON, which is enough for what the tests compare.
 * @param {any} actual
 * @param {any} expected
 * @param {any} [what]
 */
export function equal(actual, expected, what = "value") {
  if (Object.is(actual, expected)) return;
  const [left, right] = [show(actual), show(expected)];
  const structured = typeof actual === "object" && typeof expected === "object";
  if (structured && left === right) return;
  throw new Error(`${what}: expected ${right.slice(0, 600)}, got ${left.slice(0, 600)}`);
}

/**
 * Waits until `condition` gives something true, and returns it. `what` may be a function, for the state at the end.
 * @param {() => any} condition
 * @param {string | (() => any)} [what]
 * @returns {Promise<any>}
 */
export async function waitFor(condition, what, milliseconds = 20_000) {
  const end = performance.now() + milliseconds;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > end) {
      throw new Error(
        `waited ${milliseconds} ms for: ${typeof what === "function" ? await what() : (what ?? condition)}`,
      );
    }
    await new Promise((resolve) => setTimer(resolve, 5));
  }
}

/**
 * Calls `body`, which must throw; returns the error.
 * @param {() => any} body
 * @param {any} [what] of a table's row, mostly
 * @returns {any} whatever was thrown
 */
export function thrown(body, what = "it") {
  try {
    body();
  } catch (error) {
    return error;
  }
  throw new Error(`${what} did not throw`);
}

/**
 * Awaits a promise that must reject; returns the error.
 * @param {Promise<any>} promise
 * @param {any} [what]
 * @returns {Promise<any>} whatever it rejects with
 */
export async function rejection(promise, what = "the promise") {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error(`${what} did not reject`);
}

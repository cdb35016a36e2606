// The page of benches/burst.mjs.
import { connect } from "everwire";

/** Works for 20 µs, and says for how long it did. */
function work() {
  const start = performance.now();
  let now = start;
  while (now - start < 0.02) now = performance.now();
  return now - start;
}

/** From the first event to the last: the time, the work in it, and the frames that were drawn. */
function run(name, address, events) {
  return new Promise((resolve) => {
    let start = 0,
      seen = 0,
      worked = 0,
      frames = 0,
      stop = () => {};
    const draw = () => {
      frames++;
      if (seen < events) requestAnimationFrame(draw);
    };
    const take = () => {
      if (seen === 0) {
        start = performance.now();
        requestAnimationFrame(draw);
      }
      worked += work();
      if (++seen < events) return;
      stop();
      resolve({ ms: performance.now() - start, work: worked, frames });
    };
    if (name === "fetch") {
      const wire = connect(address);
      stop = () => wire.close();
      wire.on(take);
    } else {
      const source = new EventSource(address);
      stop = () => source.close();
      source.onmessage = take;
    }
  });
}

Object.assign(globalThis, { bench: { run } });

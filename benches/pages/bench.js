// The side of a measurement that is the same for all contestants.
const json = location.search === "?json";
let wanted = 0,
  received = 0,
  // biome-ignore lint/correctness/noUnusedVariables: that the data is looked at belongs to what is measured.
  size = 0,
  finish,
  socket;

function text(data) {
  size += data.length;
  received += 1;
  if (received === wanted) finish();
}

function value(data) {
  size += data.volume;
  received += 1;
  if (received === wanted) finish();
}

/** `connect(url, handler, json)` resolves to { start, close } when open; it gives each message's data to the handler. */
export function contest(connect) {
  globalThis.bench = {
    async open(url, messages) {
      wanted = messages;
      received = 0;
      socket = await connect(url, json ? value : text, json);
    },
    receive() {
      return new Promise((resolve) => {
        const start = performance.now();
        finish = () => resolve(performance.now() - start);
        socket.start();
      });
    },
    close() {
      socket.close();
    },
  };
}

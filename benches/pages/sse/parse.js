// Bytes to events: the parser of the package, with the JavaScript around it, and eventsource-parser with a
// TextDecoder. Both get the same chunks, read one by one, and give each event's data, name and id to the same function.
import { createParser } from "eventsource-parser";
import { read } from "../../../src/transport/fetch.js";
import { instance } from "../../../pkg-template/wasm.js";
import { inputs } from "../../inputs.mjs";

const body = (chunks) => {
  let at = 0;
  return { getReader: () => ({ read: async () => (at < chunks.length ? { done: false, value: chunks[at++] } : { done: true }) }) };
};

const parsers = {
  async everwire(chunks, take) {
    const port = { memory: instance().memory, socket: 1, id: "", site: () => 2, prepare() {}, watch: () => 0, arm() {}, disarm() {}, drain() {}, drop() {}, dispose() {}, open: () => true, heard: 0 };
    const host = { number: () => -1, resolve() {}, state() {}, closed() {} };
    const wire = new (instance().Wire)(0, port, host);
    port.call = (kind, attempt, code, text) => wire.call(kind, attempt, code, text);
    let id = "";
    port.event = (type, data, own) => {
      if (own !== undefined) id = own;
      if (data !== undefined) take(data, type, id);
    };
    await read(port, 1, body(chunks));
    wire.free();
  },
  async "eventsource-parser"(chunks, take) {
    const decoder = new TextDecoder();
    let last = "";
    const parser = createParser({
      onEvent({ data, event, id }) {
        if (id !== undefined) last = id;
        take(data, event, last);
      },
    });
    const reader = body(chunks).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      parser.feed(decoder.decode(value, { stream: true }));
    }
  },
};

globalThis.bench = {
  /** Milliseconds; and a sum over all that came, which must be the same for both. */
  async run(name, input) {
    const { chunks, events } = inputs[input]();
    let sum = 0, count = 0;
    const take = (data, type, id) => {
      count++;
      sum = (sum * 31 + data.charCodeAt(data.length >> 1) + data.length + id.length + id.charCodeAt(id.length - 1) + (type?.length ?? 0)) | 0;
    };
    const times = [];
    // The first runs warm up: engines compile what runs often.
    for (let run = 0; run < 9; run++) {
      sum = count = 0;
      const start = performance.now();
      await parsers[name](chunks, take);
      times.push(performance.now() - start);
    }
    const elapsed = times.slice(4).sort((a, b) => a - b)[2];
    if (count !== events) throw new Error(`${name}: ${count} events of ${events}`);
    return { elapsed, sum, times };
  },
};

// Bytes to events: the parser of the package, with the JavaScript around it, and eventsource-parser with a
// TextDecoder. Both get the same chunks, read one by one, and give each event's data, name and id to the same function.
import { createParser } from "eventsource-parser";
import { read } from "../../../pkg-template/links/fetch.ts";
import { instance } from "../../../pkg-template/wasm.js";
import { wasm } from "#wasm/everwire.js";
import { inputs } from "../../inputs.mjs";
import { alternate } from "./alternate.js";

const body = (chunks) => {
  let at = 0;
  return {
    getReader: () => ({
      read: async () => (at < chunks.length ? { done: false, value: chunks[at++] } : { done: true }),
    }),
  };
};

/** Stands where the client's port does. */
class Port {
  /** @type {any} */
  wire;
  memory = instance(wasm).memory;
  link = { closed: false };
  id = "";
  ping;
  hold;
  flush = false;
  heard = 0;
  closed = false;
  cursor = "";
  constructor(take) {
    this.take = take;
  }
  site() {
    return 2;
  }
  prepare() {}
  watch() {
    return 0;
  }
  arm() {}
  disarm() {}
  drain() {}
  send() {}
  sendPing() {}
  switch() {}
  drop() {}
  dispose() {}
  open() {
    return true;
  }
  /** Nothing else wants the page: its turns are no part of parsing. */
  turn() {}

  call(kind, attempt, code, text) {
    return this.wire.call(kind, attempt, code, text);
  }
  event(type, data, id) {
    if (id !== undefined) this.cursor = id;
    if (data !== undefined) this.take(data, type, this.cursor);
  }
}

const parsers = {
  async everwire(chunks, take) {
    const port = new Port(take);
    port.wire = instance(wasm).add(
      0,
      port,
      Array(10).fill(() => -1),
    );
    await read(/** @type {any} */ (port), port.link, /** @type {any} */ (body(chunks)));
    port.wire.free();
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
  /** Milliseconds of each, alternating; what they gave was compared in a first round. */
  async run(names, input, rounds) {
    const { chunks, events } = inputs[input]();
    let count = 0,
      sum = 0;
    const check = (data, type, id) => {
      count++;
      for (const text of [data, type ?? "", id])
        for (let at = 0; at < text.length; at++) sum = (sum * 31 + text.charCodeAt(at)) | 0;
    };
    const sums = new Set();
    for (const name of names) {
      sum = count = 0;
      await parsers[name](chunks, check);
      if (count !== events) throw new Error(`${name}: ${count} events of ${events}`);
      sums.add(sum);
    }
    if (sums.size !== 1) throw new Error(`${names.join(" and ")} gave different contents`);
    const take = (data, _type, id) => {
      count++;
      sum += data.length + id.length;
    };
    return alternate(names, rounds, (name) => parsers[name](chunks, take));
  },
};

// A wasm as ASCII text that compresses well: pkg-template/unpack.js makes the wasm of it again, and says how it is stored.
import { brotliCompressSync } from "node:zlib";
import { COPY, STREAMS, unpack } from "../pkg-template/unpack.js";

const MEMORY = 6,
  LOCALS = 2,
  CODE_SECTION = 10;

/** What `unpack` takes. */
export function pack(wasm) {
  const { head, tail, bodies } = read(wasm);
  /** @type {number[][]} */
  const streams = Array.from({ length: 9 }, () => []);
  const [rest, code, locals] = streams;
  const copy = (bytes) => {
    if (bytes.length > 255) throw new Error("build: more is copied at once than a byte can count");
    rest.push(bytes.length, ...bytes);
  };
  rest.push(...head, CODE_SECTION);
  copy(leb(bodies.length));
  for (const { declared, instructions } of bodies) {
    const recent = [...Array(128).keys()];
    copy(declared);
    /** @type {number[]} */
    let odd = [];
    for (const { bytes, op, operand } of instructions) {
      if (bytes) {
        odd.push(...bytes);
        continue;
      }
      if (odd.length) {
        code.push(COPY);
        copy(odd);
        odd = [];
      }
      code.push(op);
      const stream = streamOf(op);
      if (stream === LOCALS) {
        const at = recent.indexOf(operand[0]);
        recent.unshift(...recent.splice(at, 1));
        locals.push(at);
      } else if (stream) streams[stream].push(...operand);
    }
  }
  rest.push(...tail);
  // The rest comes last.
  const starts = [];
  let at = 0;
  for (const place of [1, 2, 3, 4, 5, 6, 7, 8, 0]) {
    starts[place] = at;
    at += streams[place].length;
  }
  const packed = [...asText([...streams.slice(1).flat(), ...rest]), [...starts, head.length + 1]];
  if (JSON.stringify(read(unpack(packed))) !== JSON.stringify({ head, tail, bodies }))
    throw new Error("build: unpack.js does not give the wasm that was packed");
  return packed;
}

/** The stream of what belongs to an instruction; 0: nothing does, or it is unusual. */
const streamOf = (op) => Number(STREAMS[op] ?? 0);

function leb(number) {
  const bytes = [];
  for (; number > 127; number >>= 7) bytes.push((number & 127) | 128);
  return [...bytes, number];
}

/** What is before the code, what is behind it, and each function: its locals, and its instructions, unusual ones as they are. */
function read(wasm) {
  let at = 8;
  const operand = () => {
    const from = at;
    while (wasm[at++] > 127);
    return [...wasm.slice(from, at)];
  };
  const number = () => operand().reduce((sum, byte, place) => sum + (byte & 127) * 2 ** (7 * place), 0);
  const numbers = (count) => {
    while (count--) number();
  };
  /** Behind an unusual instruction. */
  const skip = (op) => {
    if (op === 0x0e) numbers(number() + 1);
    else if (op === 0x11) numbers(2);
    else if (op === 0x3f || op === 0x40) number();
    else if (op === 0x43) at += 4;
    else if (op === 0x44) at += 8;
    else if (op === 0xfc) {
      const more = number();
      if (more > 7) number();
      if (more === 8 || more === 10) number();
    } else if (op === 0xfd) {
      const more = number();
      if (more < 12 || more === 92 || more === 93) numbers(2);
      else if (more < 14) at += 16;
      else if (more > 20 && more < 35) at++;
      else if (more > 83 && more < 92) throw new Error("build: a SIMD instruction that scripts/pack.mjs does not know");
    } else if (op === 0x1c || (op > 0xc4 && op !== 0xd1) || (op > 4 && op < 0x0b && op !== 5))
      throw new Error(`build: instruction ${op} is none that scripts/pack.mjs knows`);
  };
  const instruction = () => {
    const from = at,
      op = wasm[at++],
      stream = streamOf(op);
    // The alignment is a hint that no engine needs, so it is not stored.
    if (stream === MEMORY) number();
    if (stream) {
      const own = operand();
      // A byte less than 128 tells one of the locals.
      if (stream !== LOCALS || own.length === 1) return { op, operand: own };
    } else {
      skip(op);
      if (at === from + 1) return { op, operand: [] };
    }
    return { bytes: [...wasm.slice(from, at)] };
  };
  for (;;) {
    const start = at,
      id = wasm[at++],
      length = number();
    if (id !== CODE_SECTION) at += length;
    else {
      const bodies = [];
      for (let left = number(); left--; ) {
        const end = number() + at,
          from = at;
        numbers(2 * number());
        const declared = [...wasm.slice(from, at)],
          instructions = [];
        while (at < end) instructions.push(instruction());
        bodies.push({ declared, instructions });
      }
      return { head: [...wasm.slice(0, start)], tail: [...wasm.slice(at)], bodies };
    }
  }
}

/**
 * Each byte is turned over around the pivot that compresses best: a wasm's frequent bytes become letters. What is no ASCII
 * then is a mark and the character 128 below it. The byte that would be the mark itself trades places with one that does not occur.
 */
function asText(bytes) {
  const unused = Array.from({ length: 256 }, (_, byte) => byte).find((byte) => !bytes.includes(byte));
  if (unused === undefined) throw new Error("build: every byte occurs in the wasm, so none can stand for the mark");
  let best;
  for (let pivot = 112; pivot < 128; pivot++) {
    for (const mark of Buffer.from("%@~|")) {
      const swapped = bytes.map((byte) => (pivot - (byte === ((pivot - mark) & 255) ? unused : byte)) & 255);
      const text = Array.from(swapped, (code) =>
        code < 128 ? String.fromCharCode(code) : String.fromCharCode(mark, code ^ 128),
      ).join("");
      const size = brotliCompressSync(literal(text)).length;
      if (!best || size < best.size) best = { size, packed: [pivot, mark, unused, text] };
    }
  }
  return best.packed;
}

/** As a script has it. */
export const literal = (text) =>
  `\`${text.replace(/[\\`$\r\0]/g, (c) => ({ "\r": "\\r", "\0": "\\x00" })[c] ?? `\\${c}`)}\``;

// What scripts/pack.mjs made of a wasm, back to a wasm. Its code is stored by kind, all instructions' bytes first, then what
// belongs to them: things that are alike stand together, and compress by a tenth better.

/** The streams, by their places in `starts`: what is copied as it is, the instructions, and by their kind what belongs to these. */
const REST = 0,
  CODE = 1,
  LOCALS = 2,
  BLOCKS = 3,
  MEMORY = 6;
/** Which of the streams has what belongs to an instruction, by its byte; 0: nothing does. */
export const STREAMS = "003330000000440050000000000000002225500066666666666666666666666007800";
/** In the place of an instruction: the rest has what stands there. */
export const COPY = 255;
const END = 11;

/** @param {any} packed */
export function unpack([pivot, mark, unused, text, starts]) {
  const bytes = new Uint8Array(text.length),
    out = new Uint8Array(2 * text.length);
  // Plain loops: whoever connects first waits for this.
  let length = 0,
    to = 0;
  for (let from = 0; from < text.length; ) {
    let code = text.charCodeAt(from++);
    if (code === mark) code = text.charCodeAt(from++) ^ 128;
    const byte = (pivot - code) & 255;
    bytes[length++] = byte === unused ? pivot - mark : byte;
  }
  const at = [...starts],
    copy = (count = bytes[at[REST]++]) => {
      while (count--) out[to++] = bytes[at[REST]++];
    },
    /** The size of what begins there, in as many bytes as are enough for all. */
    close = (from) => {
      const size = to - from - 3;
      out[from] = size | 128;
      out[from + 1] = (size >> 7) | 128;
      out[from + 2] = size >> 14;
    },
    locals = bytes.slice(0, 128).map((_, place) => place);
  copy(at.pop());
  const section = to;
  to += 3;
  copy();
  while (at[CODE] < starts[LOCALS]) {
    const body = to,
      // What was used last is used again soon.
      recent = locals.slice();
    to += 3;
    copy();
    for (let depth = 1; depth; ) {
      const op = bytes[at[CODE]++],
        stream = STREAMS.charCodeAt(op) - 48;
      if (op === COPY) copy();
      else out[to++] = op;
      if (stream === BLOCKS) depth++;
      if (op === END) depth--;
      // The alignment, which engines do not ask.
      if (stream === MEMORY) to++;
      if (stream === LOCALS) {
        const place = bytes[at[LOCALS]++],
          local = recent[place];
        recent.copyWithin(1, 0, place);
        recent[0] = out[to++] = local;
      } else if (stream) while ((out[to++] = bytes[at[stream]++]) > 127);
    }
    close(body);
  }
  close(section);
  copy(length - at[REST]);
  return out.slice(0, to);
}

// Event streams as servers send them, made in advance.
const encoder = new TextEncoder();

const filler = (length, alphabet) => {
  const letters = [...alphabet];
  return Array.from({ length }, (_, at) => letters[(at * 7) % letters.length]).join("");
};
const latin = "the quick brown fox jumps over a lazy dog, ";
const cjk = "実時間接続切断再開順序保証漏れなく届く言葉";

/** Bytes of `count` events, about `bytes` long each with their field names. */
function stream(count, bytes, alphabet = latin) {
  const width = encoder.encode([...alphabet][0]).length;
  let text = "";
  for (let n = 1; n <= count; n++) {
    const frame = `id: ${n}\ndata: \n\n`;
    text += `id: ${n}\ndata: ${filler(Math.max(1, Math.floor((bytes - frame.length) / width)), alphabet)}\n\n`;
  }
  return encoder.encode(text);
}

const cut = (bytes, size) => {
  const chunks = [];
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.slice(at, at + size));
  return chunks;
};

/** Each: the chunks of a stream, and how many events are in it. */
export const inputs = {
  "150 bytes": () => ({ events: 40_000, chunks: cut(stream(40_000, 150), 65_536) }),
  "35 bytes": () => ({ events: 120_000, chunks: cut(stream(120_000, 35), 65_536) }),
  CJK: () => ({ events: 40_000, chunks: cut(stream(40_000, 150, cjk), 65_536) }),
  "one event a chunk": () => {
    const text = new TextDecoder().decode(stream(40_000, 150));
    return { events: 40_000, chunks: text.split(/(?<=\n\n)/).map((event) => encoder.encode(event)) };
  },
};

/** Short ones, as tokens are: what each event costs weighs more than its bytes. */
export const flood = (count) => stream(count, 35);

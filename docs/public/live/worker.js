// The server of the live demo on the front page. It is a Service Worker, as a static site has no other server; its scope is this folder,
// so the rest of the site never waits for it. It answers as docs/guide/servers.md says: ids, replay after Last-Event-ID, a gap where the
// log was trimmed, tokens, POSTs that are acked. `fault` makes the trouble.
//
// The browser stops a Service Worker when it likes. So nothing depends on this one running: the log follows from the clock, and what the
// visitor did is kept in a cache.
const PERIOD = 500; // ms from message to message
const KEPT = 240; // so many messages can be replayed
const COMMENT = 1_000; // ms of silence at most, so that a silent stream is a dead one
const LOST = 5; // messages that "lose" takes out of the log
const DOWN = 5_000; // ms without a network
const BUSY = 4; // s of 503
const RESTART = 3_000; // ms that a restart takes
const MAX_STREAMS = 200; // of all pages
const MAX_ROOMS = 20; // a room is one visit of the page
const MAX_NOTES = 1_000; // ids of sends that are remembered, in a room
const MAX_BODY = 100_000; // characters of a POST
const MAX_BEHIND = 64; // pieces that a page has not read

const worker = /** @type {any} */ (globalThis);
const encoder = new TextEncoder();
const kept = new URL("state", worker.registration.scope).href;

/**
 * @typedef {{ room: string, trimmed: number, token: number, notes: string[], stored: number, repeated: number,
 *   down: number, busy: number, restarting: number }} Room
 * @typedef {{ room: string, fleet: boolean, next: number, spoke: number, silent: boolean, out: ReadableStreamDefaultController }} Stream
 */

/** @type {Promise<Map<string, Room>> | undefined} */
let loading;
/** @type {Set<Stream>} */
const streams = new Set();
/** @type {ReturnType<typeof setInterval> | undefined} */
let timer;

/** What the visitors did, also before the browser stopped this worker. Where the cache is closed it is forgotten with the worker. */
async function load() {
  try {
    const found = await (await worker.caches.open("everwire-live")).match(kept);
    if (found) return new Map((await found.json()).map((room) => [room.room, room]));
  } catch {
    // No storage, or nothing that can be read.
  }
  return new Map();
}

async function save() {
  const rooms = [...(await (loading ??= load())).values()];
  try {
    await (await worker.caches.open("everwire-live")).put(kept, new Response(JSON.stringify(rooms)));
  } catch {
    // No storage.
  }
}

/** @returns {Promise<Room>} */
async function enter(name) {
  const rooms = await (loading ??= load());
  const room = rooms.get(name) ?? {
    ...{ room: name, trimmed: 1, token: 1, notes: [], stored: 0, repeated: 0, down: 0, busy: 0, restarting: 0 },
  };
  rooms.delete(name);
  rooms.set(name, room);
  for (const oldest of rooms.keys()) if (rooms.size > MAX_ROOMS) rooms.delete(oldest);
  return room;
}

const json = (value) => new Response(JSON.stringify(value), { headers: { "content-type": "application/json" } });

/** The number of the last message that there is. A room is named by the time at which it began. */
const latest = (room) => Math.floor((Date.now() - Number(room)) / PERIOD);
/** The same bytes each time that it is asked for. */
function numbered(room, n) {
  const price = 100 + 8 * Math.sin(n / 9) + 3 * Math.sin(n / 2.3 + (Number(room) % 7));
  const data = { n, at: Number(room) + n * PERIOD, price: Number(price.toFixed(2)) };
  return `id: ${room}-${n}\nevent: price\ndata: ${JSON.stringify(data)}\n\n`;
}

function write(stream, text) {
  // A page that does not read would fill the memory.
  if (stream.out.desiredSize < -MAX_BEHIND) return end(stream);
  try {
    stream.out.enqueue(encoder.encode(text));
    stream.spoke = Date.now();
  } catch {
    end(stream); // the page has gone
  }
}

function end(stream) {
  streams.delete(stream);
  try {
    stream.out.error(new Error("cut"));
  } catch {
    // It had ended.
  }
}

/** One timer for all streams, as long as there are some. */
function tick() {
  for (const stream of streams) {
    if (stream.silent) continue;
    const last = stream.fleet ? 0 : latest(stream.room);
    let text = "";
    for (; stream.next <= last; stream.next++) text += numbered(stream.room, stream.next);
    if (!text && Date.now() - stream.spoke >= COMMENT) text = ": still here\n\n";
    if (text) write(stream, text);
  }
  if (!streams.size) {
    clearInterval(timer);
    timer = undefined;
  }
}

/** What a stream begins with: from the last id on, including it, which proves that nothing is missing. */
function beginning(room, lastEventId) {
  const oldest = Math.max(room.trimmed, latest(room.room) - KEPT + 1);
  if (!lastEventId) return { next: oldest, text: ": hello\n\n" };
  const n = lastEventId.startsWith(`${room.room}-`) ? Number(lastEventId.slice(room.room.length + 1)) : 0;
  return n >= oldest && n <= latest(room.room)
    ? { next: n, text: ": hello\n\n" }
    : { next: oldest, text: "event: gap\ndata: {}\n\n" };
}

/** @param {Room} room */
function streamFrom(room, fleet, lastEventId, signal) {
  const { next, text } = fleet ? { next: 1, text: ": hello\n\n" } : beginning(room, lastEventId);
  /** @type {Stream} */
  let stream;
  const body = new ReadableStream({
    start(out) {
      stream = { room: room.room, fleet, next, spoke: 0, silent: false, out };
      streams.add(stream);
      for (const oldest of streams) if (streams.size > MAX_STREAMS) end(oldest);
      // At once, as Firefox gives the page the answer with its first piece.
      write(stream, text);
      timer ??= setInterval(tick, 100);
    },
    cancel: () => {
      streams.delete(stream);
    },
  });
  signal.addEventListener("abort", () => end(stream));
  return new Response(body, { headers: { "content-type": "text/event-stream", "cache-control": "no-store" } });
}

/** The line breaks in the middle of a message. @param {Room} room */
function cut(room) {
  for (const stream of streams) {
    if (stream.room !== room.room || stream.fleet) continue;
    stream.silent = true;
    write(stream, numbered(room.room, latest(room.room) + 1).slice(0, 30));
    setTimeout(() => end(stream), 20);
  }
}

const faults = {
  cut,
  /** @param {Room} room */
  unplug(room) {
    room.down = Date.now() + DOWN;
    cut(room);
  },
  /** @param {Room} room */
  busy(room) {
    room.busy = Date.now() + BUSY * 1_000;
    cut(room);
  },
  /** @param {Room} room */
  expire(room) {
    room.token += 1;
    cut(room);
  },
  /** @param {Room} room */
  lose(room) {
    room.trimmed = latest(room.room) + 1 + LOST;
    cut(room);
  },
  /** The stream stays open, and says nothing any more. @param {Room} room */
  silence(room) {
    for (const stream of streams) if (stream.room === room.room && !stream.fleet) stream.silent = true;
  },
  /** @param {Room} room */
  restart(room) {
    room.restarting = Date.now() + RESTART;
    for (const stream of streams) if (stream.room === room.room && stream.fleet) end(stream);
  },
};

/** Sends: each is stored once, however often it comes, and acked. @param {Room} room */
async function take(room, request) {
  const body = await request.text();
  let messages;
  try {
    messages = body.length <= MAX_BODY ? JSON.parse(body) : undefined;
  } catch {
    // No JSON.
  }
  if (!Array.isArray(messages)) return new Response(null, { status: 400 });
  const acks = [];
  for (const message of messages) {
    const id = message?.id;
    if (typeof id !== "string" || id.length > 100) continue;
    if (room.notes.includes(id)) room.repeated += 1;
    else {
      room.stored += 1;
      room.notes.push(id);
      room.notes.splice(0, room.notes.length - MAX_NOTES);
    }
    acks.push({ type: "ack", id });
  }
  await save();
  return json(acks);
}

/** @param {Request} request */
async function answer(request, path, query) {
  const name = query.get("room") ?? "";
  if (!/^\d{13}$/.test(name) || latest(name) < 0) return new Response(null, { status: 400 });
  const room = await enter(name);
  if (path === "fault") {
    const kind = query.get("kind") ?? "";
    if (request.method !== "POST" || !Object.hasOwn(faults, kind)) return new Response(null, { status: 400 });
    faults[kind](room);
    await save();
    return new Response(null, { status: 204 });
  }
  if (path === "stored") return json({ stored: room.stored, repeated: room.repeated });
  const fleet = path === "fleet";
  if (Date.now() < (fleet ? room.restarting : room.down)) return Response.error();
  if (path === "token") return json({ token: `${name}.${room.token}` });
  if (!fleet) {
    if (Date.now() < room.busy)
      return new Response("busy", {
        status: 503,
        headers: { "retry-after": `${Math.ceil((room.busy - Date.now()) / 1_000)}` },
      });
    if (request.headers.get("authorization") !== `Bearer ${name}.${room.token}`)
      return new Response("the token has expired", { status: 401 });
    if (request.method === "POST") return take(room, request);
  }
  return streamFrom(
    room,
    fleet,
    request.headers.get("last-event-id") ?? query.get("lastEventId") ?? "",
    request.signal,
  );
}

worker.addEventListener("install", () => worker.skipWaiting());
worker.addEventListener("activate", (happening) => happening.waitUntil(worker.clients.claim()));
worker.addEventListener("fetch", (happening) => {
  const { pathname, searchParams, origin } = new URL(happening.request.url);
  const folder = new URL(worker.registration.scope);
  if (origin !== folder.origin || !pathname.startsWith(folder.pathname)) return;
  const path = pathname.slice(folder.pathname.length);
  if (["stream", "fleet", "token", "fault", "stored"].includes(path))
    happening.respondWith(answer(happening.request, path, searchParams));
});

// Credentials stay where they were given: what the app gave for one origin reaches no other, neither by a redirect nor beside another
// address of the same client.
import { tokens } from "/pkg/auth.js";
import { EventSource } from "/pkg/eventsource.js";
import { nchan } from "/pkg/presets.js";
import { client, watch } from "../client.js";
import { duplex } from "../duplex.js";
import { after, equal, ok, test, thrown, waitFor } from "../harness.js";
import { app, page, script, sse, wire, ws } from "../server.js";

const headers = { "x-api-key": "K" };
const STATUSES = [301, 302, 303, 307, 308];
const once = { reconnect: false };
const hello = [["send", "id: 1\ndata: hello\n\n"]];
/** From `origin` to this address. */
const redirect = (to, { origin = wire, status = 307 } = {}) =>
  `${origin}/redirect?${new URLSearchParams({ status: `${status}`, to })}`;
/** A stream at another origin than what redirects there. */
const elsewhere = (...attempts) => {
  const plan = script("sse", attempts.length ? attempts : [hello]);
  return { ...plan, url: plan.url.replace(wire, app) };
};
const failed = async (made) => {
  const seen = watch(made);
  await waitFor(() => seen.closed, "the end");
  return [seen.closed.reason, seen.closed.error?.code];
};
const came = async (made) => {
  const seen = watch(made);
  await waitFor(() => seen.messages.length, "a message");
  return seen;
};

const WITH = {
  headers: { headers },
  "a function of headers": { headers: () => headers },
  "a body": { method: "POST", body: "secret" },
  credentials: { credentials: "include" },
};
for (const [what, http] of Object.entries(WITH))
  for (const origin of [wire, page])
    test(`with ${what} no redirect is followed to another origin, from ${origin === page ? "the page's" : "a third"}`, async () => {
      for (const status of STATUSES) {
        const plan = elsewhere();
        const made = client(redirect(plan.url, { origin, status }), { ...once, http });
        const [, code] = await failed(made);
        // Where one might have been followed, no browser says what a request failed of.
        equal(code, origin === page ? "network" : "redirect", `${status}`);
        if (code === "network")
          ok(/http\.redirect/.test(`${made.lastFailure.cause}`), `the cause: ${made.lastFailure.cause}`);
        equal(await plan.log(), [], `${status}: requests at the other origin`);
      }
    });

test("a refused redirect is fatal at the start, and tells what to do", async () => {
  const made = client(redirect(elsewhere().url), { http: { headers } });
  equal(await failed(made), ["fatal", "redirect"], "close");
  ok(/http\.redirect/.test(made.lastFailure.message), made.lastFailure.message);
});

test("a redirect on the page's own origin is followed, with the headers", async () => {
  for (const status of STATUSES) {
    const to = redirect("/event.txt", { origin: page, status });
    const seen = await came(client(to, { ...once, http: { headers, contentType: "any" } }));
    equal(seen.data, ["hello"], `${status}`);
  }
  // A file takes no POST: it was asked.
  const made = client(redirect("/event.txt", { origin: page }), {
    ...once,
    http: { method: "POST", body: "x", headers },
  });
  await failed(made);
  equal([made.lastFailure.code, made.lastFailure.status], ["http", 405], "POST");
});

test("http.redirect: follow takes all along, error takes nothing", async () => {
  for (const origin of [wire, page]) {
    const plan = elsewhere();
    await came(client(redirect(plan.url, { origin }), { ...once, http: { headers, redirect: "follow" } }));
    equal((await plan.log())[0].headers["x-api-key"], "K", "the header");
    const other = elsewhere();
    equal(await failed(client(redirect(other.url, { origin }), { ...once, http: { redirect: "error" } })), [
      "fatal",
      "redirect",
    ]);
    equal(await other.log(), [], "requests");
  }
  const own = redirect("/event.txt", { origin: page });
  equal((await failed(client(own, { ...once, http: { redirect: "error" } })))[1], "redirect", "own origin");
  equal(thrown(() => client(own, { http: { redirect: "manual" } })).code, "invalid-option", "manual");
});

test("a plain stream is followed anywhere, without the cursor in a header", async () => {
  for (const via of [undefined, "header"]) {
    const plan = elsewhere([["send", "id: 8\ndata: a\n\n"], ["end"]], [["send", "id: 9\ndata: b\n\n"]]);
    const made = client(redirect(plan.url, { origin: page }), { resume: { from: "7", via } });
    const seen = watch(made);
    await waitFor(() => seen.messages.length === 2, "two messages");
    equal(
      (await plan.log()).map((attempt) => attempt.headers["last-event-id"]),
      [undefined, undefined],
      "the header",
    );
  }
});

test("the drop-in EventSource follows as the browser's own does, but not with headers of the app's", async () => {
  for (const [init, requests] of [
    [{ withCredentials: true }, 1],
    [{ headers }, 0],
  ]) {
    const plan = elsewhere();
    const source = new EventSource(redirect(plan.url), init);
    after(() => source.close());
    const told = await new Promise((resolve) => {
      source.onmessage = () => resolve("message");
      source.onerror = () => resolve("error");
    });
    equal([told, (await plan.log()).length], [requests ? "message" : "error", requests], JSON.stringify(init));
  }
});

test("a long poll, a probe, an uplink and a stop request are not redirected to another origin", async () => {
  const targets = Array.from({ length: 4 }, () => elsewhere());
  const [poll, probe, uplink, stop] = targets.map((plan) => redirect(plan.url));
  const waits = duplex({ sse: poll }, { ...once, http: { headers }, longPoll: true, fallback: { order: ["poll"] } });
  equal((await failed(waits))[1], "redirect", "long poll");
  const probes = duplex(ws("/nothing"), { ...once, http: { headers: () => headers }, probe });
  equal((await failed(probes))[1], "network", "probe");
  const sends = duplex({ sse: sse("/echo"), uplink }, { http: { headers } });
  await sends.opened();
  sends.send("x");
  await waitFor(() => sends.lastFailure, "the failure");
  const stops = client(script("sse", [hello]).url, { http: { headers, cancel: stop } });
  await came(stops);
  equal([await stops.cancel(), stops.lastFailure.code], [false, "redirect"], "cancel");
  for (const [at, plan] of targets.entries()) equal(await plan.log(), [], `target ${at}`);
});

test("functions are told the address that they are asked for", async () => {
  const told = [];
  const note = (what, value) => (context) => {
    told.push([what, context.url]);
    return value;
  };
  const plan = script("sse", [hello]);
  const made = client(() => Promise.resolve(plan.url), {
    resume: { from: "7" },
    http: {
      method: "POST",
      headers: note("headers", headers),
      body: note("body", "x"),
      cancel: `${app}/stop`,
    },
  });
  await came(made);
  await made.cancel();
  const socket = client(ws("/echo"), { protocols: note("protocols", ["chat"]) });
  await waitFor(() => told.length === 4, "protocols");
  socket.close();
  equal(
    told,
    [
      ["headers", plan.url],
      ["body", plan.url],
      ["headers", `${app}/stop`],
      ["protocols", ws("/echo")],
    ],
    "addresses",
  );
});

test("an uplink's and a probe's address are told to http.headers", async () => {
  const told = new Set();
  const http = {
    headers: ({ url }) => {
      told.add(url);
      return {};
    },
  };
  const uplink = `${app}/echo?reply=body`;
  for (const given of [uplink, () => uplink, async () => uplink]) {
    told.clear();
    const made = duplex({ sse: sse("/echo"), uplink: given }, { http });
    await made.opened();
    made.send("x");
    await waitFor(() => told.size === 2, "both");
    equal([...told], [sse("/echo"), uplink], "addresses");
    made.close();
  }
  told.clear();
  const made = duplex(ws("/nothing"), { ...once, http, probe: `${app}/answer?status=403` });
  equal(await failed(made), ["fatal", "http"], "close");
  equal([...told], [`${app}/answer?status=403`], "the probe's address");
});

test("an error of the app's fetch that cannot be read as text ends no stream, nor is nothing a redirect", async () => {
  const odd = Object.assign(new TypeError("odd"), { field: Symbol("odd"), other: Object.create(null) });
  for (const fetch of [() => Promise.reject(odd), /** @type {any} */ (() => Promise.resolve())])
    equal((await failed(client("/event.txt", { ...once, http: { fetch } })))[1], "network", `${fetch}`);
});

test("where the second hop fails for a moment, that is no refusal", async () => {
  let asked = 0;
  const breaks = (url, init) => {
    asked++;
    return asked === 1 ? Promise.reject(new TypeError("Failed to fetch")) : window.fetch(url, init);
  };
  const made = client(redirect("/event.txt", { origin: page }), {
    http: { headers, fetch: breaks, contentType: "any" },
  });
  const seen = await came(made);
  equal(seen.retries[0].failure.code, "network", "the failure before");
});

test("a fetch of the app's may add headers, so it follows no redirect to another origin", async () => {
  const adds = (url, init) => {
    init.headers.set("x-api-key", "K");
    return window.fetch(url, init);
  };
  for (const origin of [wire, page]) {
    const plan = elsewhere();
    await failed(client(redirect(plan.url, { origin }), { ...once, http: { fetch: adds } }));
    equal(await plan.log(), [], "requests");
  }
});

test("a value is for the first origin, whatever address a function or a server gives later", async () => {
  const other = elsewhere();
  const plan = script("sse", [[...hello, ["end"]]]);
  const moves = client(({ attempt, lastEventId }) => (attempt || lastEventId ? other.url : plan.url), {
    http: { headers },
    reconnect: { initialDelay: 100, maxDelay: 100, maxAttempts: 1 },
  });
  await failed(moves);
  equal(moves.lastFailure.cause?.code, "invalid-option", "a function endpoint");
  // As after a reload: what was stored is the server's word, and nothing was connected before.
  const key = `redirects ${Math.random()}`,
    storage = { getItem: () => JSON.stringify([other.url, null, null, null]), setItem() {} };
  const resumes = client(plan.url, { ...once, http: { headers }, resume: { request: ({ id }) => id, storage, key } });
  await failed(resumes);
  equal(resumes.lastFailure.cause?.code, "invalid-option", "a stored id");
  equal(await other.log(), [], "requests");
});

test("an origin is that of the whole host", async () => {
  const refused = thrown(() =>
    client(["https://ws.example.com/a", "https://http.example.com/b"], { http: { headers } }),
  );
  equal(refused.code, "invalid-option", "two hosts");
  duplex("wss://news.example.com/", { http: { headers }, probe: "https://news.example.com/" }).close();
});

test("a value is for one origin: several ask for a function", async () => {
  const refused = (run) => equal(thrown(run).code, "invalid-option", `${run}`);
  const two = [`${wire}/a`, `${app}/b`];
  for (const http of [{ headers }, { method: "POST", body: "x" }]) refused(() => client(two, { http }));
  refused(() => client(`${wire}/a`, { http: { headers, cancel: `${app}/b` } }));
  refused(() => duplex({ sse: `${wire}/a`, uplink: `${app}/b` }, { http: { headers } }));
  refused(() => duplex(ws("/a"), { http: { headers }, probe: `${app}/b` }));
  for (const made of [
    client(two, { http: { headers: () => headers } }),
    client([`${wire}/a`, `${wire}/b`], { http: { headers } }),
    client({ websocket: `${app}/a`.replace("http", "ws"), sse: `${wire}/b` }, { http: { headers } }),
    duplex(ws("/a"), { http: { headers }, probe: `${wire}/b` }),
  ])
    made.close();
});

test("protocols given as a value are for one origin, too: nobody can tell a token among them", async () => {
  const two = [ws("/echo"), `${app}/echo`.replace("http", "ws")];
  for (const protocols of ["chat", ["chat", "bearer.T"]]) {
    equal(thrown(() => client(two, { protocols })).code, "invalid-option", `${protocols}`);
    let asked = 0;
    const made = client(
      () =>
        asked++
          ? two[1]
          : script("ws", [
              [
                ["send", "in"],
                ["close", 1001],
              ],
            ]).url,
      { protocols },
    );
    await waitFor(() => asked > 1 && made.lastFailure?.code === "provider", "the second origin");
    equal([made.stats().opens, made.lastFailure.cause.code], [1, "invalid-option"], `${protocols}`);
    made.close();
  }
  for (const [endpoint, protocols] of [
    [two, () => "chat"],
    [[two[0], `${two[0]}?2`], "chat"],
    [[two[0], `${app}/stream`], "chat"],
  ])
    client(endpoint, { protocols }).close();
  // The preset's is a name.
  client(two, nchan()).close();
});

test("a token goes to the first origin that asked, or to those that are named", async () => {
  const plans = [0, 1].map(() => script("sse", [hello]));
  const urls = [plans[0].url, plans[1].url.replace(wire, app)];
  const first = tokens(() => "T").header();
  await came(client(urls[0], { http: { headers: first } }));
  const made = client(urls[1], { ...once, http: { headers: first } });
  equal(await failed(made), ["exhausted", "provider"], "the second origin");
  ok(/origins/.test(`${made.lastFailure.cause}`), `${made.lastFailure.cause}`);
  equal((await plans[1].log()).length, 0, "requests");
  const named = tokens(() => "T", { origins: [wire.replace("http", "ws"), app] }).header();
  for (const url of urls) await came(client(url, { http: { headers: named } }));
  equal((await plans[1].log())[0].headers.authorization, "Bearer T", "the token");
  equal(thrown(() => tokens(() => "T", { origins: ["http://"] })).code, "invalid-option", "no address");
});

test("an address that a function gives gets no headers that were given as a value for another origin", async () => {
  const other = elsewhere();
  const cause = (made) => [made.lastFailure.code, made.lastFailure.cause?.code];
  const resumes = client(script("sse", [[...hello, ["end"]]]).url, {
    http: { headers },
    resume: { request: () => other.url },
    reconnect: { initialDelay: 100, maxDelay: 100, maxAttempts: 1 },
  });
  await failed(resumes);
  equal(cause(resumes), ["provider", "invalid-option"], "resume.request");
  const stops = client(script("sse", [hello]).url, { http: { headers, cancel: () => other.url } });
  await came(stops);
  equal([await stops.cancel(), ...cause(stops)], [false, "provider", "invalid-option"], "cancel");
  const sends = duplex({ sse: sse("/echo"), uplink: () => other.url }, { http: { headers } });
  await sends.opened();
  sends.send("x");
  await waitFor(() => sends.lastFailure, "the failure");
  equal(cause(sends), ["provider", "invalid-option"], "uplink");
  const probes = duplex(ws("/nothing"), { ...once, http: { headers }, probe: () => other.url });
  await failed(probes);
  equal(probes.lastFailure.cause?.code, "invalid-option", "probe");
  equal(await other.log(), [], "requests");
  // With headers of its own it may go where the app says.
  const goes = client(script("sse", [[...hello, ["end"]]]).url, {
    http: { headers },
    resume: { request: () => ({ url: other.url, headers: {} }) },
  });
  await came(goes);
  await waitFor(async () => (await other.log()).length, "the other origin");
  equal((await other.log())[0].headers["x-api-key"], undefined, "header");
});

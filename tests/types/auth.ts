// everwire/auth: tokens, and where they go.
import { connect, type Context, type Handshake, type Options, type Target } from "everwire";
import { tokens, type Token, type Tokens } from "everwire/auth";
import { connect as duplex } from "everwire/duplex";
import { is } from "./equal.js";

const auth = tokens(
  async ({ reason, signal }) => {
    is<"initial" | "reconnect" | "unauthorized" | "refresh">()(reason);
    return (await (await fetch("/token", { signal })).json()) as Token;
  },
  { refreshAhead: 30_000 },
);
is<Tokens>()(auth);
tokens(() => "plain");
tokens(() => ({ token: "x", expiresAt: new Date() }));

const wire = connect(auth.query("wss://example.com/live"));
connect([
  auth.query({ websocket: "wss://a", sse: new URL("https://a") }, "t"),
  auth.query(async ({ attempt }) => `/live/${attempt}`),
]);
connect("/live", { http: { headers: auth.header() } });
connect("/live", {
  protocols: auth.protocol("bearer.", "app.v1"),
  handshake: auth.frame((token) => ({ type: "login", token })),
});
connect(
  auth.put((token, context) => {
    is<Context>()(context);
    return `/live?token=${token}&after=${context.lastEventId}`;
  }),
);
const handshake: Options["handshake"] = auth.put(async (token, { send, receive }: Handshake) => {
  send(token);
  await receive();
});
connect("/live", { handshake });
duplex("wss://example.com/live", {
  probe: auth.query("/live/probe"),
  rate: { messages: 10, per: 1_000, slow: ({ type }) => type === "slow" },
});
duplex("wss://example.com/live", {
  probe: new URL("https://example.com"),
  rate: { messages: 10, per: 1_000, slow: "slow" },
});
is<() => void>()(
  auth.keepFresh(wire, (token) => {
    void wire.send({ type: "auth", token });
  }),
);
is<(context: Context) => Promise<URL>>()(auth.query("/live"));
is<(context: Context) => Promise<Target>>()(auth.query({ sse: "/live" }));

// @ts-expect-error a token
tokens(() => 5);
// @ts-expect-error no such time
tokens(() => ({ token: "x", expiresAt: "2030-01-01" }));
// @ts-expect-error misspelt
tokens(() => "x", { refresh: 5 });
// @ts-expect-error in the query of what
connect(auth.query());
// @ts-expect-error a header is no endpoint
connect(auth.header());
// @ts-expect-error both
duplex("/live", { rate: { messages: 5 } });
// @ts-expect-error
duplex("/live", { rate: { messages: 5, per: "1s" } });
// @ts-expect-error
duplex("/live", { probe: 5 });

import { connect, type Options } from "everwire";
import { mercure, nchan } from "everwire/presets";

connect("/live", nchan());
connect(["/a", "/b"], nchan({ resume: { seq: "seq" }, heartbeat: { interval: 10_000, ping: false } }));
connect("/hub", mercure({ http: { headers: { authorization: "Bearer x" } } }));
const options: Options = mercure();
connect("wss://example.com", {
  reconnect: { maxAge: 3_500_000, notice: "goodbye", failback: 60_000 },
  resume: { id: "eventId", frame: ({ id, seq, epoch }) => (id ? `${id} ${seq ?? 0} ${epoch ?? ""}` : undefined) },
});
connect(({ lastEventId }) => `/live/${lastEventId}`, { resume: { via: "url", name: ["a", "b"] } });
connect("/live", { resume: { outcome: (headers, id) => (headers.get("x") === id ? "recovered" : undefined) } });
connect("/live", { resume: { request: ({ id, seq, attempt }) => `/live/${id}/${seq ?? 0}/${attempt}` } });

// @ts-expect-error a preset is a function of the options
connect("/live", { resume: "nchan" });
// @ts-expect-error
connect("/live", nchan({ resumes: {} }));
// @ts-expect-error
connect("/live", { resume: { via: "cookie" } });
// @ts-expect-error
connect("/live", { resume: { outcome: () => true } });
// @ts-expect-error
connect("/live", { reconnect: { maxAge: "1h" } });
export { options };

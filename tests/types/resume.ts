// Numbers, storage and several endpoints.
import { connect, type GapEvent, type Message } from "everwire";
import { is } from "./equal.js";

const wire = connect(["wss://a.example.com", new URL("wss://b.example.com"), () => "/c", { sse: "/d" }] as const, {
  shuffle: true,
  resume: { id: "eventId", seq: "meta.seq", storage: true, key: "ann", commit: "manual" },
});
wire.on((message) => wire.commit(message));
wire.addEventListener("gap", (event) => {
  is<GapEvent>()(event);
  if (event.missing) is<number>()(event.missing.to - event.missing.from);
});
connect("/e", { resume: { seq: true, storage: sessionStorage, key: "" } });
connect("/e", {
  resume: {
    seq: (message) => {
      is<Message>()(message);
      return [message.type, 5] as const;
    },
  },
});
// @ts-expect-error
connect("/e", { resume: { storage: "session" } });
// @ts-expect-error
connect("/e", { resume: { seq: 5 } });
// @ts-expect-error
connect("/e", { resume: { commit: "later" } });

import { connect } from "everwire";
import { contest } from "./bench.js";

contest(async (url, handler, json) => {
  const wire = connect(url, json ? {} : { codec: "text" });
  wire.on(json ? "price" : "message", (message) => handler(message.data));
  await wire.opened();
  return { start: () => wire.send("go"), close: () => wire.close() };
});

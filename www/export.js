/** Takes the recorder along, for a bug report: as a picture, and as what it was drawn from. */
import { byId } from "./dom.js";
import { version } from "everwire";

export function setUpExport(strip) {
  byId("strip-png").addEventListener("click", async () => save(await strip.picture(), "png"));
  byId("strip-json").addEventListener("click", () => {
    const record = { everwire: version, browser: navigator.userAgent, ...strip.record() };
    save(new Blob([JSON.stringify(record, null, 2)], { type: "application/json" }), "json");
  });
}

function save(blob, ending) {
  const url = URL.createObjectURL(blob);
  const time = new Date().toISOString().replace(/[:.]/g, "-");
  Object.assign(document.createElement("a"), { href: url, download: `everwire-${time}.${ending}` }).click();
  // Not at once: the browser may still be about to read it.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

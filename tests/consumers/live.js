// What every page runs: echo a token through everwire and show it. Copied into each project by the runner.
import { EverwireError, connect } from "everwire";
import { tokens } from "everwire/auth";
import { connect as duplex } from "everwire/duplex";
import { nchan } from "everwire/presets";
import { WebSocket } from "everwire/websocket";

export function live() {
  const show = (text) => {
    /** @type {HTMLElement} */ (document.querySelector("#live")).textContent = text;
  };
  const query = new URLSearchParams(location.search);
  try {
    for (const [entry, wrong] of Object.entries({
      // @ts-expect-error wrong, as the next two: it throws
      presets: () => nchan({ protocols: "mine" }),
      // @ts-expect-error
      auth: () => tokens(5),
      // @ts-expect-error
      duplex: () => duplex("/", { rate: 5 }),
    })) {
      try {
        wrong();
      } catch (error) {
        // One instance of what the entries share.
        if (!(error instanceof EverwireError))
          throw new TypeError(`the error of everwire/${entry} is of another everwire`);
      }
    }
    if (WebSocket.name !== "WebSocket") throw new TypeError(`the standard's class is called ${WebSocket.name}`);
    const wire = connect(`${query.get("wire")}/echo`);
    wire.on("hello", (message) => show(message.data.token));
    wire.send({ type: "hello", token: query.get("token") });
    return () => wire.close();
  } catch (error) {
    show(`error ${error.code}: ${error.message}`);
    return () => {};
  }
}

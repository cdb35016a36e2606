// What every page runs: echo a token through everwire and show it. Copied into each project by the runner.
import { connect } from "everwire";

export function live() {
  const show = (text) => { document.querySelector("#live").textContent = text; };
  const query = new URLSearchParams(location.search);
  try {
    const wire = connect(`${query.get("wire")}/echo`);
    wire.on("hello", (message) => show(message.data.token));
    wire.send({ type: "hello", token: query.get("token") });
    return () => wire.close();
  } catch (error) {
    show(`error ${error.code}: ${error.message}`);
    return () => {};
  }
}

// The Rust client, in the place of the npm package: tests/chaos/rust, built by scripts/chaos.sh.
import init, * as app from "/chaos-rust/everwire_chaos.js";
import { fail, option } from "./chaos-tally.js";

init().then(
  () => app[option("run") ?? ""](),
  (error) => fail(`the wasm does not start: ${error}`),
);

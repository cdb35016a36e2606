// Of run.mjs, which says where wasm-bindgen has put the app.
import { join } from "node:path";
import { pages, root } from "../browser/node/environment.mjs";

export default {
  mode: "production",
  entry: join(root, "tests/app/page/bundler-window.js"),
  output: { publicPath: "/app/webpack/" },
  resolve: {
    alias: { "/spies.js": join(pages, "spies.js"), "places": join(process.env.PLACES ?? "", "places.js") },
  },
  experiments: { asyncWebAssembly: true },
};

// wasm-bindgen --target web: a module, in a window or a worker.
import init, * as app from "/app/web/places.js";
import { serve } from "./place.js";

serve(async () => {
  await init();
  return app;
});

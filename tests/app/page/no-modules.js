// wasm-bindgen --target no-modules: a classic script, in a window or a worker. The glue comes before it.
import { serve } from "./place.js";

serve(async () => {
  await wasm_bindgen({ module_or_path: "/app/no-modules/places_bg.wasm" });
  return wasm_bindgen;
});

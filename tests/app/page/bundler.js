// wasm-bindgen --target bundler: webpack brings the wasm, in a window or a worker. Who imports it at the top is itself not run
// before the wasm is there, and a worker would miss what it is told meanwhile.
import { serve } from "./place.js";

serve(() => import("places"));

// What scripts/build.mjs puts into the package.
declare const EVERWIRE_VERSION: string;
/** The address of docs/guide/errors.md. */
declare const EVERWIRE_ERRORS: string;

/** The build for the main entry, and the one that `everwire/duplex` needs. */
declare module "#wasm/*" {
  /** How it is written in the text, the text, and where its parts begin, as unpack.js says; then the module, once it is compiled. */
  export const wasm: [number, number, number, string, number[], WebAssembly.Module?];
}

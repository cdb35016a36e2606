// What scripts/build.mjs puts into the package.
declare const EVERWIRE_VERSION: string;
/** The address of docs/guide/errors.md. */
declare const EVERWIRE_ERRORS: string;

/** The build for the main entry, and the one that `everwire/duplex` needs. */
declare module "#wasm/*" {
  /** Its size, and how it is written in the text, as scripts/build.mjs says; then the module, once it is compiled. */
  export const wasm: [number, number, number, number, string, WebAssembly.Module?];
}

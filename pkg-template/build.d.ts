// What scripts/build.mjs puts into the package.
declare const EVERWIRE_VERSION: string;
/** The address of docs/guide/errors.md. */
declare const EVERWIRE_ERRORS: string;

declare module "#wasm" {
  export const size: number;
  export const pivot: number;
  export const mark: number;
  export const unused: number;
  export const text: string;
}

// The package as the tests' servers give it. Tests use it in ways that its types forbid; the types themselves are tested in tests/types.
declare module "/pkg/*";
// What scripts/chaos.sh builds.
declare module "/chaos-rust/*";
// What scripts/app.sh builds: a module, what webpack takes, and what a classic script has.
declare module "/app/*";
declare module "places";
declare const wasm_bindgen: any;

// What pages tell whoever drives them, and frames their tests.
interface Window {
  [told: string]: any;
}

// What the libraries' and the consumers' tests install, each in a folder of its own.
declare module "graphql";
declare module "graphql-ws";
declare module "graphql-ws/use/ws";
declare module "aedes";
declare module "mqtt";
declare module "socket.io";
declare module "socket.io-client";
declare module "y-websocket";
declare module "@y/websocket-server/utils";
declare module "yjs";
declare module "vitest";
declare module "vitest/config";

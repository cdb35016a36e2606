// What the examples of the docs use and do not define: an app's own functions, values, and libraries that are not installed here.
import type { Duplex } from "everwire/duplex";
import type { Tokens } from "everwire/auth";

declare global {
  const wire: Duplex;
  const auth: Tokens;
  const user: { id: string };
  const token: string;
  const prompt: object;
  const stopButton: HTMLButtonElement;
  const doc: object;
  const mqtt: any;
  const WebsocketProvider: any;
  function getToken(reason: string, signal?: AbortSignal): Promise<string>;
  function show(...things: unknown[]): void;
  function showBanner(shown: boolean): void;
  function logIn(): void;
  function reload(topic: string, missing?: { from: number; to: number }): void;
  function reloadAll(): void;
  function refetch(from: number, to: number): void;
  function pack(value: unknown): Uint8Array<ArrayBuffer>;
  function unpack(bytes: Uint8Array): any;
}

import { counting } from "../counting.js";

export const { Class, made } = counting();
globalThis.WebSocket = Class;

import { Batch } from "./port/message.ts";
import { invalid } from "./errors.js";

/** For `codec.decode`: the frame holds these messages, each as if it had come in its own. */
export function batch(messages) {
  if (!Array.isArray(messages) || messages.some((one) => one instanceof Batch || typeof one?.then === "function"))
    throw invalid("batch: give an array of messages, without promises or batches in it");
  return new Batch(messages);
}

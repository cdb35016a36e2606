// How much is sent: the limit that the core keeps (src/core/pace.rs), and the server's word, which narrows it.
import { report } from "./port/report.ts";
import { invalid } from "./errors.js";
import { check, readForm } from "./options.js";

// <calls.rs>
const NUMBER_RATE_MESSAGES = 34,
  NUMBER_RATE_PER = 35,
  SLOWER = 48;
// </calls.rs>

const RATE = `
messages=a number from 1 to 100000
per=a number of ms from 10 to 2147483647
slow=a string or a function!`;

/** What reads in each message whether the server asks for less. */
export function readRate(settings, given) {
  const { messages, per, slow } = readForm("rate", check("rate", given, "an object"), RATE);
  if (messages === undefined || per === undefined) throw invalid("rate needs both: messages, and per");
  if (!Number.isInteger(messages)) throw invalid("rate.messages must be a whole number");
  settings.numbers[NUMBER_RATE_MESSAGES] = messages;
  settings.numbers[NUMBER_RATE_PER] = per;
  const says = typeof slow === "string" ? ({ type }) => type === slow : slow;
  return (message, port) => {
    try {
      if (says?.(message)) port.call(SLOWER);
    } catch (error) {
      // The message is not to blame.
      report(error);
    }
  };
}

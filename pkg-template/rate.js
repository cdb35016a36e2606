// How much is sent: the limit that the core keeps (src/core/pace.rs), and the server's word, which narrows it.
import { Port } from "./port.js";
import { report } from "./port/report.ts";
import { invalid } from "./errors.js";
import { check, readForm } from "./options.js";

// <calls.rs>
const NUMBER_RATE_MESSAGES = 34,
  NUMBER_RATE_PER = 35,
  SLOWER = 48,
  TAKEN_SENT = 1,
  TAKEN_FULL = 3;
// </calls.rs>

const RATE = `
messages=a number from 1 to 100000
per=a number of ms from 10 to 2147483647
slow=a string or a function!`;

/** Around what a port does to send. */
export function addRate(settings, given) {
  const { messages, per, slow } = readForm("rate", check("rate", given, "an object"), RATE);
  if (messages === undefined || per === undefined) throw invalid("rate needs both: messages, and per");
  if (!Number.isInteger(messages)) throw invalid("rate.messages must be a whole number");
  settings.numbers[NUMBER_RATE_MESSAGES] = messages;
  settings.numbers[NUMBER_RATE_PER] = per;

  const { port } = settings;
  const { takes = Port.prototype.takes, send = Port.prototype.send, kinds, acks } = port;
  let sending = false,
    client;
  port.kinds = (made) => {
    client = made;
    return kinds(made);
  };
  port.takes = function () {
    const taken = takes.call(this);
    // Asked by the client, before it sends: what may have to wait is to be kept as it is now.
    return taken === TAKEN_SENT && !sending ? TAKEN_FULL : taken;
  };
  port.send = function (id) {
    sending = true;
    const sent = send.call(this, id);
    sending = false;
    return sent;
  };

  if (slow === undefined) return;
  const says = typeof slow === "string" ? ({ type }) => type === slow : slow;
  port.acks = (message) => {
    try {
      if (says(message)) client.call(SLOWER);
    } catch (error) {
      // The message is not to blame.
      report(error);
    }
    return acks?.(message);
  };
}

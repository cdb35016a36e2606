// Publishes numbered messages, one after the other: the next one goes out when nchan has answered for the last one.
import { Agent, request } from "node:http";

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class Publisher {
  #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  #queue = [];
  /** @type {(value?: any) => void} */
  #wake = () => {};
  #stopped = false;
  /** Numbers given out, and the last one that nchan has answered for. */
  last = 0;
  acknowledged = 0;
  /** Answers of failure; and breaks without an answer: those messages may have gone out, and go out again. */
  refused = 0;
  broken = 0;

  /** `targets` gives the addresses to publish to, in the order to be tried; each has `patience` milliseconds to answer. */
  constructor(targets, patience = 20_000) {
    this.targets = targets;
    this.patience = patience;
    this.done = this.#run();
  }

  publish(message) {
    this.last += 1;
    this.#queue.push(JSON.stringify({ ...message, seq: this.last }));
    this.#wake();
    return this.last;
  }

  async stop() {
    this.#stopped = true;
    this.#wake();
    await this.done;
    this.#agent.destroy();
  }

  async #run() {
    for (let attempt = 0; !this.#stopped; ) {
      if (!this.#queue.length) {
        await new Promise((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      const targets = this.targets();
      if (targets.length && (await this.#post(targets[attempt % targets.length], this.#queue[0]))) {
        this.#queue.shift();
        this.acknowledged += 1;
        attempt = 0;
      } else {
        attempt += 1;
        await pause(50);
      }
    }
  }

  /** Whether the message is published for certain. */
  #post(target, body) {
    return new Promise((resolve) => {
      const post = request(
        target,
        {
          method: "POST",
          agent: this.#agent,
          headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body) },
        },
        (response) => {
          response.resume();
          response.once("close", () => {
            const good = (response.statusCode ?? 0) < 300;
            if (!good) this.refused += 1;
            resolve(good);
          });
        },
      );
      post.setTimeout(this.patience, () => post.destroy(new Error("timeout")));
      post.once("error", () => {
        this.broken += 1;
        resolve(false);
      });
      post.end(body);
    });
  }
}

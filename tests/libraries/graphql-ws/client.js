// The class is given as `webSocketImpl`. With the watchdog on, in graphql-ws's own words: its server answers such a ping.
import { createClient } from "graphql-ws";
import { counting } from "../counting.js";

const { Class, made } = counting({
  heartbeat: { ping: '{"type":"ping"}', isPong: (data) => data === '{"type":"pong"}' },
});

export function start(url) {
  let ticks = 0;
  const client = createClient({
    url,
    webSocketImpl: Class,
    lazy: false,
    retryAttempts: Infinity,
    retryWait: async () => {},
    shouldRetry: () => true,
  });
  client.subscribe(
    { query: "subscription { ticks }" },
    {
      next: () => {
        ticks += 1;
      },
      error() {},
      complete() {},
    },
  );
  const ask = async (n) => {
    for await (const { data } of client.iterate({ query: `{ echo(n: ${n}) }` })) return data.echo === n;
    return false;
  };
  return {
    made,
    /** A query is answered, and the subscription that is never made again by hand goes on. */
    async works(n) {
      const before = ticks;
      if (!(await ask(n))) return false;
      while (ticks === before) await new Promise((resolve) => setTimeout(resolve, 5));
      return true;
    },
    stop: () => client.dispose(),
  };
}

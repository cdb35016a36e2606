// Plays the faults to one page, and gives what its clients have got.
import { engines } from "../browser/node/engines.mjs";
import { startTestServer } from "../browser/node/server.mjs";
import { script } from "./faults.mjs";

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * `strict`: the page's clients must all come back after each fault, or this throws. Else they get 3 s, and 10 s at the end.
 * `rollovers`: goes on until each client has had so many. `without`: faults left out; `more`: others besides. Before a reload `mayReload` is waited for. `atEnd` is called
 * with the page and the first server. Gives the tallies, how often each fault was, and the last number that was due when all was well again.
 * @param {{ engine: string, page: string, roots?: string[], query: object, rate: number, servers: number, seed: number, faults: number,
 *   strict: boolean, rollovers?: number, without?: string[], more?: import("./faults.mjs").Fault[], mayReload?: (driver: any) => Promise<boolean>, atEnd?: (driver: any, server: any) => unknown }} options
 */
export async function play({
  engine: name,
  page,
  roots = [],
  query,
  rate,
  servers: count,
  seed,
  faults,
  strict,
  rollovers = 0,
  without = [],
  more = [],
  mayReload,
  atEnd,
}) {
  const engine = await engines[name]();
  const servers = [];
  try {
    while (servers.length < count) servers.push(await startTestServer(roots));
    const configs = await Promise.all(servers.map(async ({ url }) => (await fetch(`${url}/config.json`)).json()));
    const begin = Date.now();
    const parameters = new URLSearchParams({ ...query, begin: String(begin), rate: String(rate) });
    for (const { wire } of configs) parameters.append("endpoint", wire);
    await engine.driver.get(`${servers[0].url}/${page}?${parameters}`);

    const published = () => Math.floor(((Date.now() - begin) * rate) / 1_000);
    const tallies = async () => {
      const { failure, tallies } = await engine.driver.executeScript(
        "return { failure: window.failure, tallies: window.tallies }",
      );
      if (failure && strict) throw new Error(`the page failed: ${failure}`);
      return tallies;
    };
    /** All have what was due when this was called. */
    const caughtUp = async (what, patience = 3_000) => {
      const due = published(),
        deadline = Date.now() + (strict ? 60_000 : patience);
      for (;;) {
        const now = Object.values((await tallies()) ?? {});
        if (now.length && now.every(({ last }) => last >= due)) return due;
        if (Date.now() > deadline) {
          if (!strict) return due;
          throw new Error(`after ${what}: message ${due} did not come in 60 s: ${JSON.stringify(await tallies())}`);
        }
        await pause(20);
      }
    };
    const control = (targets, path) =>
      Promise.all(
        targets.map(async ({ url }) => {
          const answer = await fetch(`${url}${path}`, { method: "POST", signal: AbortSignal.timeout(30_000) }).catch(
            (error) => {
              throw new Error(`${path}: ${error.cause ?? error}`);
            },
          );
          if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
        }),
      );
    /** Past the proxies, but perhaps in a restart. */
    const tell = async ({ app }, path) => {
      for (const end = Date.now() + 10_000; ; await pause(50)) {
        const answer = await fetch(`${app}${path}`, { method: "POST" }).catch(() => undefined);
        if (answer?.ok) return;
        if (Date.now() > end) throw new Error(`${path}: ${answer?.status ?? "no answer"}`);
      }
    };
    const targetsOf = async ({ everywhere, at }) => {
      if (everywhere || servers.length === 1) return servers;
      const clients = Object.values((await tallies()) ?? {});
      return [servers[clients[Math.floor(at * clients.length)]?.endpoint ?? 0]];
    };

    await caughtUp("the start");
    const injected = {};
    for (const fault of script(seed, faults, more).filter(({ name }) => !without.includes(name))) {
      injected[fault.name] = (injected[fault.name] ?? 0) + 1;
      const targets = fault.path ? await targetsOf(fault) : [];
      if (fault.calm) {
        await caughtUp(`what was before ${fault.name}`);
        await pause(fault.calm);
        await caughtUp(`the calm before ${fault.name}`);
      }
      if (fault.app) await Promise.all(configs.map((config) => tell(config, fault.app)));
      if (fault.path) await control(targets, fault.path);
      else {
        if (mayReload) await caughtUp("the fault before the reload");
        for (const end = Date.now() + 10_000; mayReload && !(await mayReload(engine.driver)); await pause(20))
          if (Date.now() > end) throw new Error("the page cannot be left");
        await engine.driver.navigate().refresh();
      }
      await pause(fault.ms);
      if (fault.after) await control(targets, fault.after);
      // Most faults are over before the next one; some fall into what the one before has left.
      if (fault.settled) await caughtUp(fault.name);
    }
    while (rollovers && Object.values(await tallies()).some((tally) => tally.rollovers < rollovers)) await pause(200);
    await control(servers, "/fault/clear");
    const due = await caughtUp("the end", 10_000);
    const at = Date.now();
    await atEnd?.(engine.driver, servers[0]);
    return { tallies: await tallies(), injected, due, at };
  } finally {
    await engine.stop();
    for (const server of servers) await server.stop();
  }
}

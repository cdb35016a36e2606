// The configs of docs/proxies, tried: nginx and Caddy, each in front of two nodes, with the packed everwire in a real browser.
//   node tests/proxies/run.mjs [nginx|caddy|all] [chromium|firefox] [--only PART] [--no-broken]
// Each check runs with the checked-in config, and must fail with one that lacks what it is about (not with --no-broken).
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { engines } from "../browser/node/engines.mjs";
import { loadEnvironment, needFile, packed, serverBinary } from "../browser/node/environment.mjs";
import { stopAll } from "../browser/node/processes.mjs";
import { checks, cleanUp } from "./checks.mjs";
import { startNode } from "./nodes.mjs";
import { openPage, pageFolder } from "./pages.mjs";
import { proxies } from "./proxies.mjs";

const given = process.argv.slice(2);
const at = given.indexOf("--only");
const only = at < 0 ? "" : given.splice(at, 2)[1];
const withBroken = !given.includes("--no-broken");
const engineName = given.find((name) => Object.hasOwn(engines, name)) ?? "chromium";
const names = given.filter((name) => Object.hasOwn(proxies, name));
const known = ["--no-broken", "all", ...Object.keys(engines), ...Object.keys(proxies)];
if (only === undefined || given.some((name) => !known.includes(name))) {
  console.error("usage: node tests/proxies/run.mjs [nginx|caddy|all] [chromium|firefox] [--only PART] [--no-broken]");
  process.exit(2);
}
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
  process.on(signal, () => {
    stopAll().finally(() => process.exit(130));
  });

let failed = 0,
  ran = 0;
const say = (ok, proxy, text) => {
  ran++;
  if (!ok) failed++;
  console.log(`${ok ? "ok  " : "FAIL"}  ${proxy.padEnd(5)}  ${text}`);
};

const folder = mkdtempSync(join(tmpdir(), "everwire-proxies-"));
try {
  loadEnvironment();
  needFile(serverBinary, "Build it: cargo build -p everwire-demo.");
  needFile(join(packed, "index.js"), "Make it: make pack.");
  const setting = await set();
  const engine = await engines[engineName]({ acceptInsecureCerts: true });
  for (const name of names.length ? names : Object.keys(proxies)) await tryProxy(name, engine.driver, setting);
  await engine.stop();
} catch (error) {
  say(false, "", `set-up: ${error.stack}`);
} finally {
  await stopAll();
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${ran - failed} passed, ${failed} failed`);
process.exit(failed || !ran ? 1 : 0);

/** The page, a certificate that nobody trusts, and two nodes. */
async function set() {
  const www = pageFolder(folder, "tests/proxies/page");
  const [certificate, key] = [join(folder, "certificate.pem"), join(folder, "key.pem")];
  execFileSync(
    "openssl",
    [
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:prime256v1",
      "-nodes",
      "-days",
      "2",
      "-subj",
      "/CN=localhost",
      "-addext",
      "subjectAltName=DNS:localhost",
      "-keyout",
      key,
      "-out",
      certificate,
    ],
    { stdio: "pipe" },
  );
  const nodes = [await startNode(folder, "node-1"), await startNode(folder, "node-2")];
  return { folder, www, certificate, key, nodes };
}

async function tryProxy(name, driver, setting) {
  // What changes the config of one proxy only is about that one.
  const wanted = checks.filter((check) => check.name.includes(only) && (!check.changes || check.changes[name]));
  const { start, version } = proxies[name];
  console.log(`      ${name.padEnd(5)}  ${version.text()}, ${engineName}`);
  for (const check of wanted) {
    const changes = (kind) => {
      const given = check[kind]?.[name];
      return typeof given === "function" ? given({ ...setting, version: version.number() }) : given;
    };
    const text = await attempt(check, changes("changes")).catch((error) => {
      say(false, name, `${check.name}\n      ${error.stack}`);
    });
    if (text !== undefined) say(true, name, `${check.name}${text && `: ${text}`}`);
    const broken = changes("broken");
    if (!broken || !withBroken) continue;
    const error = await attempt(check, broken).then(
      () => null,
      (caught) => caught,
    );
    say(
      Boolean(error),
      name,
      `${error ? "fails" : "did NOT fail"} with a broken config: ${check.name}${error ? `: ${error.message.replace(/\s+/g, " ").slice(0, 140)}` : ""}`,
    );
  }

  /** One check, on a proxy of its own. */
  async function attempt(check, changes = []) {
    const proxy = await start(setting, changes);
    try {
      await openPage(driver, proxy.url);
      return (await check.run({ driver, proxy, nodes: setting.nodes })) ?? "";
    } finally {
      await cleanUp(driver).catch(() => {});
      await driver.get("about:blank");
      await proxy.stop();
      for (const node of setting.nodes) await node.revive();
    }
  }
}

// One function an engine: starts its driver (and what that needs) and gives a WebDriver session.
// `more` are further WebDriver capabilities.
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Builder } from "selenium-webdriver";
import { program } from "./environment.mjs";
import { freePort, start } from "./processes.mjs";

const install = "Run scripts/setup.sh test, or install it by hand:";

export const chromiumFlags = [
  "--headless=new",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--js-flags=--expose-gc",
];

export const chromiumBinary = () =>
  program(process.env.EVERWIRE_CHROMIUM, `${install} apt-get install chromium chromium-driver.`);

async function chromium(more) {
  const binary = chromiumBinary();
  const driver = program(process.env.EVERWIRE_CHROMEDRIVER, `${install} apt-get install chromium chromium-driver.`);
  return session(driver, (port) => [`--port=${port}`], {
    browserName: "chrome",
    "goog:chromeOptions": { binary, args: chromiumFlags },
    ...more,
  });
}

async function firefox(more) {
  const binary = program(process.env.EVERWIRE_FIREFOX, `${install} apt-get install firefox-esr.`);
  const driver = program("geckodriver", `${install} cargo install geckodriver --locked.`);
  return session(driver, (port) => ["--port", String(port)], {
    browserName: "firefox",
    "moz:firefoxOptions": {
      binary,
      args: ["-headless"],
      // Firefox delays a WebSocket to a host that refused one, by up to a minute: its own backoff,
      // which would make a hundred faults against one host take hours.
      prefs: { "network.websocket.delay-failed-reconnects": false },
    },
    ...more,
  });
}

async function webkit(more) {
  const driver = program(process.env.EVERWIRE_WEBKITDRIVER, `${install} apt-get install webkit2gtk-driver.`);
  const browser = program(miniBrowser(), `${install} apt-get install webkit2gtk-driver.`);
  const xvfb = await start(
    program("Xvfb", `${install} apt-get install xvfb xauth.`),
    ["-displayfd", "1", "-screen", "0", "1280x1024x24", "-nolisten", "tcp"],
    { what: "Xvfb", ready: /^(\d+)\n/m },
  );
  const home = mkdtempSync(join(tmpdir(), "everwire-webkit-"));
  const result = await session(
    driver,
    (port) => [`--port=${port}`],
    {
      browserName: "MiniBrowser",
      "webkitgtk:browserOptions": { binary: browser, args: ["--automation"] },
      ...more,
    },
    {
      DISPLAY: `:${xvfb.match[1]}`,
      HOME: home,
      // Its sandbox needs user namespaces, its compositor a GPU; a build machine has neither.
      WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1",
      WEBKIT_DISABLE_COMPOSITING_MODE: "1",
    },
  );
  return {
    driver: result.driver,
    async stop() {
      await result.stop();
      await xvfb.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

// Its folder is named by the machine: /usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser.
function miniBrowser() {
  const paths = readdirSync("/usr/lib").map((folder) => `/usr/lib/${folder}/webkit2gtk-4.1/MiniBrowser`);
  return paths.find((path) => existsSync(path)) ?? "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser";
}

export const engines = { chromium, firefox, webkit };

async function session(command, args, capabilities, env) {
  const port = await freePort();
  const server = await start(command, args(port), { what: command, env });
  try {
    await answers(`http://127.0.0.1:${port}/status`);
    const driver = await new Builder().usingServer(`http://127.0.0.1:${port}`).withCapabilities(capabilities).build();
    return {
      driver,
      async stop() {
        // A browser that hangs must not keep the run: its process is ended below.
        await Promise.race([
          driver.quit().catch(() => {}),
          new Promise((resolve) => setTimeout(resolve, 5_000).unref()),
        ]);
        await server.stop();
      },
    };
  } catch (error) {
    await server.stop();
    throw new Error(`${command} gave no session: ${error.message}\n${server.output()}`);
  }
}

async function answers(url) {
  const end = Date.now() + 20_000;
  for (;;) {
    try {
      if ((await fetch(url)).ok) return;
    } catch (error) {
      if (Date.now() > end) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

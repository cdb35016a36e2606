// Debian's Chromium, started at the first use, and what it must show.
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { chromium as playwright } from "playwright-core";
import { wireUrl } from "./demo.mjs";
import { chromium } from "./paths.mjs";

let launched;

function browser() {
  if (!existsSync(chromium)) throw new Error(`${chromium} is missing. Run \`scripts/setup.sh test\` first.`);
  launched ??= playwright.launch({ executablePath: chromium, headless: true, args: ["--no-sandbox"] });
  return launched;
}

export async function closeBrowser() {
  const opened = await launched?.catch(() => undefined);
  await opened?.close();
}

/** Opens the page, which sends the token to /echo through everwire, and waits until #live shows `expected`. */
async function show(url, expected) {
  const wire = await wireUrl();
  const token = randomUUID();
  const page = await (await browser()).newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" && !message.location().url.endsWith("/favicon.ico")) errors.push(message.text());
  });
  try {
    await page.goto(`${url}?wire=${encodeURIComponent(wire)}&token=${token}`);
    const text = page.locator("#live");
    const wanted = expected ?? token;
    await page
      .waitForFunction((want) => document.querySelector("#live")?.textContent.startsWith(want), wanted, {
        timeout: 30_000,
      })
      .catch(async () => {
        const shown = await text.textContent({ timeout: 1_000 }).catch(() => "no #live");
        throw new Error(`the page at ${url} shows ${JSON.stringify(shown)}; errors: ${errors.join("; ") || "none"}`);
      });
    if (errors.length) throw new Error(`live, but the page had errors: ${errors.join("; ")}`);
    return await text.textContent();
  } finally {
    await page.close();
  }
}

export const live = (url) => show(url);

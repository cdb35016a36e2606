// A page with the packed everwire for a proxy to serve, and the functions that it has for the tests.
import { chmodSync, cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { packed, root } from "../browser/node/environment.mjs";

/** The files of `page`, a folder of the clone, and the package, in a new folder of `folder`. */
export function pageFolder(folder, page) {
  // nginx reads the files as another user.
  chmodSync(folder, 0o755);
  const www = join(folder, "www");
  mkdirSync(www);
  cpSync(join(root, page), www, { recursive: true });
  cpSync(packed, join(www, "pkg"), { recursive: true });
  return www;
}

export async function openPage(driver, url) {
  await driver.get(`${url}/`);
  for (const end = Date.now() + 10_000; !(await driver.executeScript("return Boolean(window.live)")); ) {
    if (Date.now() > end) throw new Error("the page did not load");
  }
}

/** Runs in the page: a function of window.live, by name. */
export const call = (driver, name, ...given) =>
  driver.executeScript("return window.live[arguments[0]](...arguments[1])", name, given);

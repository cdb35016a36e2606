// Where things are, whatever the working directory is.
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../../", import.meta.url));
export const projects = join(root, "tests/consumers");
export const target = join(root, "target/consumers");
/** As in scripts/env.sh. */
export const cache =
  process.env.EVERWIRE_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "everwire");
export const chromium = process.env.EVERWIRE_CHROMIUM || "/usr/bin/chromium";

// Loads the test file that the query names, and runs it.
import { loadFailed, run } from "./harness.js";

const query = new URLSearchParams(location.search);
const file = query.get("file");
const folder = query.get("folder");
try {
  await import(`/${folder}/${file}.js`);
  await run(file, query.get("only") ?? "");
} catch (error) {
  loadFailed(file, error);
}

// Loads the test file that the query names, and runs it.
import { loadFailed, run } from "./harness.js";

const query = new URLSearchParams(location.search);
const file = query.get("file");
try {
  await import(`./tests/${file}.js`);
  await run(file, query.get("only") ?? "");
} catch (error) {
  loadFailed(file, error);
}

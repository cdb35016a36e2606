// Each error's sentence ends with an address: that of docs/guide/errors.md, where each code has a section.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { errorsAt, readAddress } from "../../scripts/address.mjs";

export async function codes(root) {
  const problems = [];
  const read = (path) => readFileSync(join(root, path), "utf8");
  const types = read("pkg-template/index.d.ts").replace(/\/\/.*/g, "");
  const union = (start) => {
    const found = new RegExp(`${start}([^;]*);`).exec(types)?.[1];
    if (!found) throw new Error(`texts: index.d.ts has no ${start}`);
    return [...found.matchAll(/"([a-z-]+)"/g)].map(([, code]) => code);
  };
  const sentences = (file) => {
    const found = /const SENTENCES = \{([\s\S]*?)\n\};/.exec(read(file))?.[1] ?? "";
    return [...found.matchAll(/^ {2}"?([a-z-]+)"?:/gm)].map(([, code]) => code);
  };
  const own = union("export type ErrorCode =");
  const failures = union("export type FailureCode =");
  const all = new Set([
    ...own,
    ...failures,
    ...union("readonly code\\?:"),
    ...sentences("pkg-template/requests.js"),
    ...sentences("pkg-template/subscriptions.js"),
  ]);
  for (const file of ["src/core/config.rs", "src/client/builder.rs", "src/client/wire.rs"])
    for (const [, code] of read(file).matchAll(/see\(f, "([a-z-]+)"\)/g)) all.add(code);

  const sections = [...read("docs/guide/errors.md").matchAll(/^### `([a-z-]+)`$/gm)].map(([, code]) => code);
  for (const code of all)
    if (sections.filter((section) => section === code).length !== 1)
      problems.push(`errors.md: ${code} has not one section: an error's sentence leads there`);
  for (const section of sections) if (!all.has(section)) problems.push(`errors.md: ${section} is the code of no error`);

  // The package's sentences lead to the page, and it is there.
  const address = errorsAt(readAddress());
  read(address.slice(address.indexOf("docs/")));
  const load = (name) => import(pathToFileURL(join(root, `target/packed/package/${name}.js`)).href);
  const { EverwireError, Failure } = await load("index");
  const { RequestError, SubscriptionError } = await load("duplex");
  const made = [...failures.map((code) => new Failure(code)), ...own.map((code) => new EverwireError(code, "words"))];
  for (const error of [...made, new RequestError("timeout"), new SubscriptionError("left")])
    if (!error.message.endsWith(`; see ${address}#${error.code}`)) problems.push(`it has no address: ${error.message}`);
  return { looked: all.size + made.length, problems };
}

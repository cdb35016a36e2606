// Where the project lives is said once, in repository.json. Both packages get their links from there when they are packed;
// while it is empty they have none that leads nowhere, and are not published.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const REFUSAL =
  "everwire: repository.json does not say yet where the project lives, and without that it is not published. Write the address there, and pack again.";

export function readAddress() {
  const { url } = JSON.parse(readFileSync(new URL("../repository.json", import.meta.url), "utf8"));
  if (url !== "" && !/^https:\/\/[^\s?#]*[^\s?#/]$/.test(url))
    throw new Error(
      `repository.json: url is "", or https://… without a slash, a query or a fragment at its end; not "${url}"`,
    );
  return url;
}

/** What each error's sentence names, with `#` and its code. `src/core/failure.rs` makes the same of the crate's manifest. */
export const errorsAt = (url) => `${url && `${url}/blob/HEAD/`}docs/guide/errors.md`;

// Code first: what looks like a link in there is none. A link's text may hold code.
const LINKS = /^```[\s\S]*?^```|\[((?:[^\][]|\[[^\][]*\])*)\]\(([^()\s]+)\)|`[^`\n]*`/gm;
const elsewhere = (target) => /^(#|[a-z][a-z+.-]*:)/i.test(target);

// A picture, with its lines of a block.
const PICTURE = /^<picture>[\s\S]*?^<\/picture>\n+/gm;

/**
 * A README for a package: `own` gives a file's name in there, or undefined. What else it links to is at the address, or plain text, and
 * so are pictures, or they are left out.
 */
export function relink(text, url, own) {
  const pictured = text.replace(PICTURE, (block) =>
    url ? block.replace(/(src|srcset)="([^":]+)"/g, `$1="${url}/raw/HEAD/$2"`) : "",
  );
  return pictured.replace(LINKS, (whole, words, target) => {
    if (target === undefined || elsewhere(target)) return whole;
    const [path, ...fragment] = target.split(/(?=#)/);
    const file = own(path) ?? (url && `${url}/blob/HEAD/${path}`);
    return file ? `[${words}](${[file, ...fragment].join("")})` : words;
  });
}

/** The targets in a text that are neither in `files` nor anywhere else. */
export function nowhere(text, files) {
  const inline = [...text.matchAll(LINKS)].flatMap(([, , target]) => target ?? []);
  const rest = text.replace(LINKS, "");
  const others = [...rest.matchAll(/^ {0,3}\[[^\]]+\]:\s*(\S+)|\b(?:href|src)="([^"]*)"/gm)].map(
    ([, reference, attribute]) => reference ?? attribute,
  );
  return [...inline, ...others].filter((target) => !elsewhere(target) && !files.includes(target.split("#")[0]));
}

/** The manifest for npm. One that says `private` cannot be published, as a folder or as a tarball; a folder also says why. */
export function npmManifest(manifest, url) {
  if (!url) {
    const prepublishOnly = `node -e "console.error('${REFUSAL}'); process.exit(1)"`;
    return { ...manifest, private: true, scripts: { prepublishOnly } };
  }
  return {
    ...manifest,
    repository: { type: "git", url: `git+${url}.git` },
    homepage: `${url}#readme`,
    bugs: { url: `${url}/issues` },
  };
}

/** The crate's manifest, as cargo has written it for the package. */
export function cargoManifest(text, url) {
  const bare = text.replace(/^publish = false\n/m, "");
  const [before, after, ...more] = bare.split(/^(?=license = )/m);
  if (bare === text || after === undefined || more.length)
    throw new Error("address: the crate's manifest has no `publish = false`, or not one license");
  return url ? `${before}homepage = "${url}"\nrepository = "${url}"\n${after}` : text;
}

/** Puts the address into the folder of the npm package. */
export function addressNpm(dir, manifest, readme, url) {
  const { files } = manifest;
  const own = (path) => [path, path.replace(/^pkg-template\//, "")].find((name) => files.includes(name));
  const linked = relink(readme, url, own);
  refuseNowhere(linked, files);
  writeFileSync(join(dir, "README.md"), linked);
  writeFileSync(join(dir, "package.json"), `${JSON.stringify(npmManifest(manifest, url), null, 2)}\n`);
}

/** Puts the address into the folder of the unpacked crate, whose files are `files`. */
export function addressCrate(dir, files, url) {
  const [manifest, readme] = ["Cargo.toml", "README.md"].map((name) => join(dir, name));
  const linked = relink(readFileSync(readme, "utf8"), url, (path) => (files.includes(path) ? path : undefined));
  refuseNowhere(linked, files);
  writeFileSync(readme, linked);
  writeFileSync(manifest, cargoManifest(readFileSync(manifest, "utf8"), url));
}

function refuseNowhere(readme, files) {
  const left = nowhere(readme, files);
  if (left.length) throw new Error(`README.md: these links lead nowhere from a package: ${left.join(", ")}`);
}

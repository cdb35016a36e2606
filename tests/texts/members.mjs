/** The members of the interfaces in a .d.ts, by interface and name: what their comment says, and their type. */
export function readMembers(text) {
  /** @type {Record<string, Record<string, { doc: string, type: string }>>} */
  const found = {};
  for (const [, name, body] of text.matchAll(/^export interface (\w+)[^{]*\{\n([\s\S]*?)^\}/gm)) {
    const members = (found[name] = {});
    for (const [, doc, key, type] of body.matchAll(
      /^ {2}\/\*\*([\s\S]*?)\*\/\n {2}(?:readonly )?(\w+)\??:([\s\S]*?);$/gm,
    ))
      members[key] = { doc: doc.replace(/\s*\n\s*\* ?/g, " ").trim(), type: type.trim() };
    // Without a comment.
    for (const [, key, type] of body.matchAll(/^ {2}(?:readonly )?(\w+)\??:(.*)$/gm))
      members[key] ??= { doc: "", type: type.trim() };
  }
  return found;
}

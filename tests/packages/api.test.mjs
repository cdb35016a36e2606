// That a change to the crate's API is a change to its list: scripts/api.mjs, on pages as rustdoc writes them.
import assert from "node:assert/strict";
import test from "node:test";
import { itemOn } from "../../scripts/api.mjs";

const link = (name) => `<a class="struct" href="x.html" title="struct ${name}">${name}</a>`;
const method = (code) => `<section class="method"><h4 class="code-header">${code}</h4></section>`;
const page = ({ declared, variants = "", own = "", traits = "", auto = "" }) =>
  `<pre class="rust item-decl"><code>${declared}</code></pre>${variants}
  <h2 id="implementations"></h2>${own}<h2 id="trait-implementations"></h2>${traits}
  <h2 id="synthetic-implementations"></h2>${auto}`;
const impl = (name) =>
  `<section class="impl"><h3 class="code-header">impl ${link(name)} for ${link("Wire")}</h3></section>`;

test("a struct: its methods and traits, without what the compiler adds", () => {
  const declared = 'pub struct Wire { <span class="comment">/* private fields */</span> }';
  const own = method(
    `pub fn <a class="fn">of</a>(\n    self,\n    names: &amp;[${link("String")}],\n) -&gt; ${link("Option")}&lt;T&gt;<div class="where">where\n    T: Clone,</div>`,
  );
  const traits = impl("Debug") + method("fn fmt(&self)") + impl("Clone") + impl("StructuralPartialEq");
  assert.deepEqual(itemOn(page({ declared, own, traits, auto: impl("Send") })), [
    "pub struct Wire { … }",
    "  pub fn of(self, names: &[String]) -> Option<T> where T: Clone,",
    "  impl Clone + Debug",
  ]);
});

test("an enum: its variants with their fields", () => {
  const variant = (name, code, fields = "") =>
    `<section id="variant.${name}" class="variant"><h3 class="code-header">${code}</h3></section>${fields}`;
  const field = `<span id="variant.Http.field.status" class="section-header"><code>status: ${link("u16")}</code></span>`;
  const declared = '<div class="code-attribute">#[non_exhaustive]</div>pub enum Failure {\n    Http {…}, End(u8),\n}';
  assert.deepEqual(itemOn(page({ declared, variants: variant("Http", "Http", field) + variant("End", "End(u8)") })), [
    "#[non_exhaustive] pub enum Failure",
    "  Http { status: u16 }",
    "  End(u8)",
  ]);
});

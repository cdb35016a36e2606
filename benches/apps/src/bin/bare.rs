#[path = "../page/bare.rs"]
mod page;

fn main() -> Result<(), wasm_bindgen::JsValue> {
    let page = page::Page::new()?;
    let shown = page.clone();
    page.on_click(move || {
        shown.state.set_text_content(Some("open"));
        shown.last.set_text_content(Some("hello"));
    })
}

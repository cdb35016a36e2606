#[path = "../page/bare.rs"]
mod page;

use everwire::{Client, Event};

fn main() -> Result<(), wasm_bindgen::JsValue> {
    let page = page::Page::new()?;
    let Ok(mut client) = Client::builder("wss://example.com/live").connect() else { return Ok(()) };
    let handle = client.handle();
    page.on_click(move || drop(handle.send("hello")))?;
    wasm_bindgen_futures::spawn_local(async move {
        while let Some(event) = client.next().await {
            match event {
                Event::Message(message) => page.last.set_text_content(message.text()),
                Event::State(state) => page.state.set_text_content(Some(&state.to_string())),
                _ => {}
            }
        }
    });
    Ok(())
}

//! The page without a framework: a line for the state, one for the last message, and a button.

use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{Element, window};

#[derive(Clone)]
pub struct Page {
    pub state: Element,
    pub last: Element,
    pub button: Element,
}

impl Page {
    pub fn new() -> Result<Self, JsValue> {
        let document = window().and_then(|window| window.document()).ok_or("no page")?;
        let make = |tag| {
            let element = document.create_element(tag)?;
            document.document_element().ok_or("no page")?.append_child(&element)?;
            Ok::<_, JsValue>(element)
        };
        Ok(Self { state: make("p")?, last: make("p")?, button: make("button")? })
    }

    pub fn on_click(&self, click: impl FnMut() + 'static) -> Result<(), JsValue> {
        let click = Closure::<dyn FnMut()>::new(click).into_js_value();
        self.button.add_event_listener_with_callback("click", click.unchecked_ref())
    }
}

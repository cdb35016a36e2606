//! What the port needs of the page.

mod event_source;
mod life;
mod links;
mod scope;
mod session;
mod target;
mod websocket;

use wasm_bindgen::prelude::*;

pub(crate) use self::{
    life::{Leave, Page, Watch, is_visible, now},
    links::{Link, Socket},
    scope::{Timer, turn},
    session::{session, set_session},
    target::{Target, origin, origin_of},
};
pub(crate) use super::fetch::{ask, post};
use crate::transport::Transport;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    pub(crate) fn monotonic() -> f64;
    #[wasm_bindgen(js_namespace = Date, js_name = now)]
    pub(crate) fn wall() -> f64;
    #[wasm_bindgen(js_namespace = Math)]
    pub(crate) fn random() -> f64;
    #[wasm_bindgen(js_namespace = console)]
    pub(crate) fn warn(text: &str);
}

pub(crate) use wasm_bindgen_futures::spawn_local as spawn;

/// Whether there is a page: off the web, there may be none.
pub(crate) const fn exists() -> bool {
    true
}

/// Whether this runtime has it.
pub(crate) fn supports(transport: Transport) -> bool {
    let name = match transport {
        Transport::WebSocket => "WebSocket",
        Transport::EventSource => "EventSource",
        Transport::Fetch => "fetch",
    };
    has(name)
}

fn has(name: &str) -> bool {
    js_sys::Reflect::has(&js_sys::global(), &JsValue::from_str(name)).unwrap_or(false)
}

fn get(object: &JsValue, name: &str) -> JsValue {
    js_sys::Reflect::get(object, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED)
}

/// Nobody but this page knows it.
pub(crate) fn secret() -> u64 {
    let words = js_sys::Uint32Array::new_with_length(2);
    let crypto = get(&js_sys::global(), "crypto");
    let fill = get(&crypto, "getRandomValues").dyn_into::<js_sys::Function>();
    let filled = fill.ok().and_then(|fill| fill.call1(&crypto, &words).ok()).is_some();
    if !filled {
        words.set_index(0, (random() * 4_294_967_296.0) as u32);
        words.set_index(1, (random() * 4_294_967_296.0) as u32);
    }
    u64::from(words.get_index(0)) << 32 | u64::from(words.get_index(1))
}

/// What a policy of the page's forbids: the address, or its scheme alone.
fn on_violation(tell: impl Fn(&str) + 'static) -> scope::Listener {
    let page: web_sys::EventTarget = js_sys::global().unchecked_into();
    scope::Listener::new(&page, "securitypolicyviolation", move |event| {
        if get(&event, "disposition").as_string().as_deref() == Some("enforce") {
            tell(&get(&event, "blockedURI").as_string().unwrap_or_default());
        }
    })
}

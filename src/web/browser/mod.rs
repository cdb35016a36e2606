//! What the port needs of the page.

mod event_source;
mod headers;
mod life;
mod links;
mod locks;
mod scope;
mod storage;
mod target;
mod websocket;

use std::{pin::Pin, rc::Rc};

use wasm_bindgen::prelude::*;

pub(crate) use self::{
    headers::Headers,
    life::{Leave, Leaving, Page, Watch, is_visible, now},
    links::{Link, Socket},
    locks::{Lock, has_locks},
    scope::{Timer, turn},
    storage::{Store, Stored},
    target::{Target, origin, origin_of},
};
pub(crate) use super::fetch::{ask, post};
use crate::{transport::Transport, web::per_page::PerPage};

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

/// As a task of its own. In a box, so that there is one task's code for all of them, which is the one of most frameworks.
pub(crate) fn spawn(future: impl Future<Output = ()> + 'static) {
    let future: Pin<Box<dyn Future<Output = ()>>> = Box::pin(future);
    wasm_bindgen_futures::spawn_local(future);
}

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

thread_local! {
    static PER_PAGE: Rc<PerPage> = Rc::default();
}

/// What its clients share.
pub(crate) fn per_page() -> Rc<PerPage> {
    PER_PAGE.with(Rc::clone)
}

/// Which page this is, of all, as JavaScript writes the number.
pub(crate) fn began() -> String {
    let began = get(&get(&js_sys::global(), "performance"), "timeOrigin").as_f64().unwrap_or(0.0);
    let text = js_sys::Number::from(began).to_string_with_radix(10).ok();
    text.map_or_else(String::new, String::from)
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

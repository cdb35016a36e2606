//! The raw imports, all in one place. The npm build has its own, `src/bindings/imports.rs`.

use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/src/transport/port.js")]
extern "C" {
    /// The JavaScript half of a client; see `port.js`.
    #[derive(Clone)]
    pub type Port;

    #[wasm_bindgen(constructor)]
    pub(crate) fn new() -> Port;

    /// What `prepared` says, with the transport's number. False when the browser refuses.
    #[wasm_bindgen(method)]
    pub(crate) fn open(this: &Port, attempt: u32, transport: u32) -> bool;
    /// 0 not open, 1 sent, 2 refused, 3 its buffer is full.
    #[wasm_bindgen(method)]
    pub(crate) fn send(this: &Port, id: u32) -> u32;
    #[wasm_bindgen(method, js_name = sendPing)]
    pub(crate) fn send_ping(this: &Port);
    #[wasm_bindgen(method)]
    pub(crate) fn switch(this: &Port, taken: bool);
    #[wasm_bindgen(method)]
    pub(crate) fn drop(this: &Port, code: u16);
    #[wasm_bindgen(method)]
    pub(crate) fn dispose(this: &Port, code: u16);
    /// Comes back with each id.
    #[wasm_bindgen(method)]
    pub(crate) fn drain(this: &Port);
    #[wasm_bindgen(method)]
    pub(crate) fn arm(this: &Port, ms: i32);
    #[wasm_bindgen(method)]
    pub(crate) fn disarm(this: &Port);
    #[wasm_bindgen(method)]
    pub(crate) fn watch(this: &Port, all: bool) -> u32;

    #[wasm_bindgen(method, getter)]
    pub(crate) fn heard(this: &Port) -> f64;
    #[wasm_bindgen(method, setter)]
    pub(crate) fn set_checked(this: &Port, checked: bool);
}

#[cfg(feature = "rust")]
#[wasm_bindgen(module = "/src/transport/fetch.js")]
extern "C" {
    /// The function that makes a request; the port calls it.
    #[wasm_bindgen(thread_local_v2, js_name = request)]
    pub(crate) static REQUEST: JsValue;
}

#[cfg(feature = "rust")]
#[wasm_bindgen(module = "/src/transport/port.js")]
extern "C" {
    /// Which transport an address takes; the numbers stand in `port.js`.
    #[wasm_bindgen(method)]
    pub(crate) fn route(this: &Port, address: &str, transport: u32) -> u32;
    #[wasm_bindgen(method)]
    pub(crate) fn prepare(this: &Port, address: &str, extra: &JsValue);
    #[wasm_bindgen(method, setter)]
    pub(crate) fn set_goodbye(this: &Port, reason: &str);
    /// What waits to be sent, by its id: a list that begins with the payload.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn payloads(this: &Port) -> js_sys::Map;
    #[wasm_bindgen(method)]
    pub(crate) fn heartbeat(this: &Port, ping: &JsValue, is_pong: &JsValue);
    #[wasm_bindgen(method)]
    pub(crate) fn name(this: &Port, name: &str);
    #[wasm_bindgen(method, setter)]
    pub(crate) fn set_call(this: &Port, call: &JsValue);
    #[wasm_bindgen(method, setter)]
    pub(crate) fn set_sink(this: &Port, sink: &JsValue);
    /// What finds the id in a message, and the sequence number.
    #[wasm_bindgen(method, setter)]
    pub(crate) fn set_id(this: &Port, reader: &JsValue);
    #[wasm_bindgen(method, setter)]
    pub(crate) fn set_seq(this: &Port, reader: &JsValue);
    /// The browser's.
    pub(crate) type Url;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn origin(this: &Url) -> String;
    /// Against the page's own; it throws where the address is none.
    #[wasm_bindgen(catch)]
    pub(crate) fn resolve(address: &str) -> Result<Url, JsValue>;
    /// Finds what stands in the JSON, under this key or path.
    pub(crate) fn reader(path: &str) -> JsValue;
    #[wasm_bindgen(method, setter, js_name = keepsRaw)]
    pub(crate) fn set_keeps_raw(this: &Port, on: bool);
    #[wasm_bindgen(method, setter)]
    pub(crate) fn set_acks(this: &Port, acks: &JsValue);
    #[wasm_bindgen(method, setter)]
    pub(crate) fn set_refuses(this: &Port, refuses: &JsValue);
    /// Numbers of what waits for an ack, by id.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn awaiting(this: &Port) -> js_sys::Map;
    #[wasm_bindgen(method, setter, js_name = highWater)]
    pub(crate) fn set_high_water(this: &Port, bytes: u32);
    #[wasm_bindgen(method, setter)]
    pub(crate) fn set_frame(this: &Port, frame: &JsValue);
    #[wasm_bindgen(method, setter)]
    pub(crate) fn set_notice(this: &Port, kind: &str);
    #[wasm_bindgen(method, setter)]
    pub(crate) fn set_gap(this: &Port, kind: &str);
    #[wasm_bindgen(method)]
    pub(crate) fn start(this: &Port, cursor: &str);
    #[wasm_bindgen(method, setter, js_name = withCredentials)]
    pub(crate) fn set_with_credentials(this: &Port, on: bool);
    #[wasm_bindgen(method, setter)]
    pub(crate) fn set_via(this: &Port, via: &str);
    #[wasm_bindgen(method, setter, js_name = cursorNames)]
    pub(crate) fn set_cursor_names(this: &Port, names: Vec<String>);
    #[wasm_bindgen(method, setter)]
    pub(crate) fn set_request(this: &Port, request: &JsValue);
    #[wasm_bindgen(method, setter)]
    pub(crate) fn set_memory(this: &Port, memory: &JsValue);
    #[wasm_bindgen(method, setter)]
    pub(crate) fn set_hold(this: &Port, room: &JsValue);
    /// Once for each rule, in the console.
    #[wasm_bindgen(method)]
    pub(crate) fn warn(this: &Port, rule: &str);
    #[wasm_bindgen(method, setter)]
    pub(crate) fn set_resumes(this: &Port, on: bool);
    #[wasm_bindgen(method, setter, js_name = contentType)]
    pub(crate) fn set_content_type(this: &Port, which: &str);
    #[wasm_bindgen(method, setter)]
    pub(crate) fn set_flush(this: &Port, on: bool);
    #[wasm_bindgen(method, getter)]
    pub(crate) fn cursor(this: &Port) -> String;
    #[wasm_bindgen(method, getter, js_name = closeReason)]
    pub(crate) fn close_reason(this: &Port) -> String;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn pending(this: &Port) -> String;
    /// Of the message that came last: its bytes, or its units of text.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn size(this: &Port) -> u32;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn received(this: &Port) -> f64;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn suppressed(this: &Port) -> f64;
    #[wasm_bindgen(method, getter, js_name = roundTrip)]
    pub(crate) fn round_trip(this: &Port) -> Option<f64>;
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    pub(crate) fn monotonic() -> f64;
    #[wasm_bindgen(js_namespace = Date, js_name = now)]
    pub(crate) fn wall() -> f64;
    #[wasm_bindgen(js_namespace = Math)]
    pub(crate) fn random() -> f64;
}

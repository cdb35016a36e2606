//! What the page has: its query, and the tallies that a run reads.

use std::time::Duration;

use everwire::{
    Builder,
    options::{Heartbeat, Reconnect},
};
use js_sys::Array;
use wasm_bindgen::prelude::*;

#[wasm_bindgen(raw_module = "/chaos-tally.js")]
extern "C" {
    #[wasm_bindgen(thread_local_v2, js_name = begin)]
    static BEGIN: f64;
    #[wasm_bindgen(thread_local_v2, js_name = rate)]
    static RATE: f64;
    #[wasm_bindgen(thread_local_v2, js_name = endpoints)]
    static ENDPOINTS: Array;
    /// Of the page's query.
    pub(crate) fn option(name: &str) -> Option<String>;
    /// Ends the run.
    pub(crate) fn fail(why: &str);

    /// That it was so, once more.
    pub(crate) fn note(what: &str);
    /// For the next page.
    pub(crate) fn keep(name: &str, value: &str);
    pub(crate) fn kept(name: &str) -> Option<String>;

    /// What came of one stream.
    pub(crate) type Tally;
    #[wasm_bindgen(js_name = tallyOf)]
    pub(crate) fn tally_of(name: &str) -> Tally;
    #[wasm_bindgen(method)]
    pub(crate) fn open(this: &Tally, url: &str, rolled_over: bool);
    #[wasm_bindgen(method)]
    pub(crate) fn gap(this: &Tally, from: Option<f64>, to: Option<f64>);
    #[wasm_bindgen(method)]
    pub(crate) fn message(this: &Tally, seq: f64);
}

#[wasm_bindgen(raw_module = "/chaos-sent.js")]
extern "C" {
    /// What became of one client's sends.
    pub(crate) type Sends;
    #[wasm_bindgen(js_name = sendsOf)]
    pub(crate) fn sends_of(name: &str, kept: bool) -> Sends;
    /// Calls it with each number that is due.
    #[wasm_bindgen(method)]
    pub(crate) fn drive(this: &Sends, send: &JsValue);
    /// Its name on the server.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn key(this: &Sends) -> String;
    #[wasm_bindgen(method)]
    pub(crate) fn open(this: &Sends);
    #[wasm_bindgen(method)]
    pub(crate) fn settled(this: &Sends, n: f64, status: &str);
}

pub(crate) fn begin() -> f64 {
    BEGIN.with(|begin| *begin)
}

pub(crate) fn rate() -> f64 {
    RATE.with(|rate| *rate)
}

/// The addresses of the fault proxies.
pub(crate) fn endpoints() -> Vec<String> {
    ENDPOINTS.with(|all| all.iter().filter_map(|one| one.as_string()).collect())
}

pub(crate) fn fail_by_panic() {
    std::panic::set_hook(Box::new(|info| fail(&info.to_string())));
}

/// How soon a client notices, and comes back: as the JavaScript pages have it.
pub(crate) fn paced(builder: Builder) -> Builder {
    let ms = Duration::from_millis;
    let mut reconnect =
        Reconnect::new().with_initial_delay(ms(100)).with_max_delay(ms(1_000)).with_stable_after(ms(500));
    if let Some(age) = option("maxAge").and_then(|age| age.parse().ok()) {
        reconnect = reconnect.with_max_age(ms(age));
    }
    builder
        .heartbeat(Heartbeat::new().with_interval(ms(1_000)).with_timeout(ms(500)))
        .reconnect(reconnect)
        .open_timeout(ms(2_000))
}

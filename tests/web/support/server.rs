//! The server as a test sees it: addresses, faults, scripts. /config.json says where everything is.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

use serde::{Deserialize, de::DeserializeOwned};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::{
    live::close_left_over,
    wait::{holds, timed, within},
};

#[wasm_bindgen]
extern "C" {
    type Response;

    #[wasm_bindgen(catch)]
    async fn fetch(url: &str, options: &JsValue) -> Result<Response, JsValue>;
    #[wasm_bindgen(method, getter)]
    fn ok(this: &Response) -> bool;
    #[wasm_bindgen(method, catch)]
    async fn json(this: &Response) -> Result<JsValue, JsValue>;
}

#[derive(Deserialize)]
pub(crate) struct Server {
    page: String,
    /// Where clients connect: the proxy that faults happen in.
    wire: String,
    app: String,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
struct Stats {
    ws: u64,
    sse: u64,
}

impl Server {
    /// The server, with no fault in force and no connection open: whatever went before has let go.
    pub(crate) async fn start() -> Self {
        close_left_over();
        let Some(page) = option_env!("EVERWIRE_TEST_PAGE") else { panic!("run scripts/test-web.sh") };
        let server: Self = get(&format!("{page}/config.json")).await;
        server.fault("/fault/clear").await;
        // Firefox keeps the TCP connection of a WebSocket that was closed before it was answered.
        server.fault("/proxy/reset").await;
        server.until_stats("no connection left over", 0, 0).await;
        server
    }

    pub(crate) fn ws(&self, path: &str) -> String {
        format!("{}{path}", self.wire.replacen("http", "ws", 1))
    }

    pub(crate) fn sse(&self, path: &str) -> String {
        format!("{}{path}", self.wire)
    }

    /// What the server knows, as JSON.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> T {
        get(&format!("{}{path}", self.app)).await
    }

    /// Answers when the fault is in force.
    pub(crate) async fn fault(&self, path: &str) {
        request(&format!("{}{path}", self.page), &post()).await;
    }

    /// The connections that the server has.
    async fn stats(&self) -> Stats {
        get(&format!("{}/stats", self.page)).await
    }

    pub(crate) async fn until_stats(&self, what: &str, ws: u64, sse: u64) {
        let last = RefCell::default();
        let reached = timed(holds(async || {
            let stats = self.stats().await;
            let reached = stats == Stats { ws, sse };
            last.replace(Some(stats));
            reached
        }));
        assert!(reached.await.is_some(), "waited for {what}; {:?}", last.take());
    }

    /// A server that plays `attempts` (JSON): for each connection a list of steps, the last one for all
    /// that follow. Firefox says that an EventSource is open when its first byte has come, so an attempt
    /// that is to open sends one; and with a reset what the page has not read yet is lost, so one that follows a wait
    /// comes when the page has had its turn.
    pub(crate) fn script(&self, kind: &str, attempts: &str) -> Script {
        thread_local!(static LISTENS: Cell<bool> = const { Cell::new(false) });
        let key = unique();
        let attempts = attempts.replace(r#"],["reset"]"#, r#"],["heard"],["reset"]"#);
        if attempts.contains("heard") && !LISTENS.replace(true) {
            let (app, page) = (self.app.clone(), self.page.clone());
            spawn_local(async move {
                // A test has ended the node: after a round trip to the process that stays it is tried again. Or the page goes.
                while hear(&app, &page).await.is_ok() || ask(&format!("{page}/config.json")).await.is_ok() {}
                LISTENS.set(false);
            });
        }
        let steps = js_sys::encode_uri_component(&attempts);
        let path = format!("/script/{kind}?s={steps}&key={key}");
        Script {
            url: if kind == "ws" { self.ws(&path) } else { self.sse(&path) },
            log: format!("{}/script/log?key={key}", self.app),
        }
    }
}

pub(crate) struct Script {
    pub(crate) url: String,
    log: String,
}

/// One connection to a script.
#[derive(Deserialize)]
pub(crate) struct Attempt {
    pub(crate) method: String,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) protocols: Vec<String>,
    pub(crate) received: Vec<Frame>,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(untagged)]
pub(crate) enum Frame {
    Text(String),
    Binary { bytes: Vec<u8> },
}

impl Script {
    pub(crate) async fn log(&self) -> Vec<Attempt> {
        get(&self.log).await
    }

    pub(crate) async fn until_received(&self, frames: &[Frame]) {
        let received =
            holds(async || self.log().await.last().is_some_and(|attempt| attempt.received == frames));
        within(&format!("the server to receive {frames:?}"), received).await;
    }
}

/// Tells the server, as soon as a script waits for it, that what it had sent before has come.
async fn hear(app: &str, page: &str) -> Result<(), JsValue> {
    let held = ask(&format!("{app}/script/held?prefix={}", prefix())).await?;
    // A round trip to the node, and one to the proxy's process: what was under way before has come by then.
    ask(&format!("{app}/script/log?key=none")).await?;
    ask(&format!("{page}/config.json")).await?;
    for key in js_sys::Array::from(&held) {
        fetch(&format!("{app}/script/heard?key={}", key.as_string().unwrap_or_default()), &post()).await?;
    }
    Ok(())
}

async fn ask(url: &str) -> Result<JsValue, JsValue> {
    fetch(url, &JsValue::UNDEFINED).await?.json().await
}

fn post() -> JsValue {
    let post = js_sys::Object::new();
    js_sys::Reflect::set(&post, &"method".into(), &"POST".into()).unwrap();
    post.into()
}

/// What the names of this page begin with.
fn prefix() -> String {
    thread_local!(static BEGAN: f64 = js_sys::Date::now());
    format!("k{}-", BEGAN.with(|&began| began))
}

/// A name that no other test uses.
pub(crate) fn unique() -> String {
    thread_local!(static NEXT: Cell<u32> = const { Cell::new(0) });
    NEXT.set(NEXT.get() + 1);
    format!("{}{}", prefix(), NEXT.get())
}

async fn get<T: DeserializeOwned>(url: &str) -> T {
    let value = request(url, &JsValue::UNDEFINED).await.json().await.expect("an answer in JSON");
    serde_wasm_bindgen::from_value(value).unwrap_or_else(|error| panic!("{url}: {error}"))
}

async fn request(url: &str, options: &JsValue) -> Response {
    let response = fetch(url, options).await.unwrap_or_else(|error| panic!("{url}: {error:?}"));
    assert!(response.ok(), "{url} was refused");
    response
}

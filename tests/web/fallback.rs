//! From one way to the server to the next.

use everwire::{
    Builder, Client, Failure, Transport,
    endpoint::{Way, Ways},
    options::{Fallback, Resume},
};
use js_sys::{Function, Object, Reflect, global};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::support::{
    Live, QUICK, Record, Server, millis, next_text,
    server::{Script, unique},
    until_open,
};

const NOWHERE: fn() -> Fallback = || Fallback::new().with_remember(false);

fn refusing(server: &Server) -> Script {
    server.script("ws", r#"[[["status",426]]]"#)
}

fn saying(server: &Server) -> Script {
    server.script("sse", r#"[[["send","id: 1\ndata: down\n\n"]]]"#)
}

fn ways(websocket: &str, sse: &str) -> Builder {
    Client::builder(Ways::new().with_websocket(websocket).with_sse(sse)).reconnect(QUICK)
}

fn session() -> web_sys::Storage {
    Reflect::get(&global(), &"sessionStorage".into()).unwrap().unchecked_into()
}

/// Puts something in the place of a global, as long as it lives.
struct Instead {
    name: &'static str,
    original: JsValue,
}

impl Instead {
    fn of(name: &'static str, value: &JsValue) -> Self {
        Self::with(name, "value", value)
    }

    fn getter(name: &'static str, get: &JsValue) -> Self {
        Self::with(name, "get", get)
    }

    fn with(name: &'static str, kind: &str, given: &JsValue) -> Self {
        let original = Object::get_own_property_descriptor(&global(), &name.into());
        let descriptor = Object::new();
        Reflect::set(&descriptor, &"configurable".into(), &true.into()).unwrap();
        Reflect::set(&descriptor, &kind.into(), given).unwrap();
        Object::define_property(&global(), &name.into(), &descriptor);
        Self { name, original }
    }
}

impl Drop for Instead {
    fn drop(&mut self) {
        Object::define_property(&global(), &self.name.into(), self.original.unchecked_ref());
    }
}

#[wasm_bindgen_test]
async fn a_web_socket_that_never_opens_is_left_at_the_second_failure() {
    let server = Server::start().await;
    let (up, down) = (refusing(&server), saying(&server));
    let record = Record::of(ways(&up.url, &down.url).fallback(NOWHERE()).live());
    record.until("the message", |seen| seen.texts() == ["down"]).await;
    assert_eq!(record.handle.transport(), Some(Transport::Fetch));
    assert_eq!((up.log().await.len(), record.seen().retries.len()), (2, 2));
}

#[wasm_bindgen_test]
async fn one_that_dies_early_is_left_at_the_third_time_and_the_cursor_goes_along() {
    let server = Server::start().await;
    let up = server.script(
        "ws",
        r#"[[["send","{\"at\":\"e1\"}"],["wait",50],["reset"]],[["send","{\"at\":\"e2\"}"],["wait",50],["reset"]],
            [["send","{\"at\":\"e3\"}"],["wait",50],["reset"]]]"#,
    );
    let down = server.script("sse", r#"[[["send","id: e3\ndata: old\n\nid: e4\ndata: new\n\n"]]]"#);
    let resume = Resume::new().with_id("at").via_query();
    let record = Record::of(ways(&up.url, &down.url).resume(resume).fallback(NOWHERE()).live());
    record.until("the message", |seen| seen.texts().contains(&"new")).await;
    assert!(!record.seen().texts().contains(&"old"));
    assert_eq!(up.log().await.len(), 3);
    assert_eq!(down.log().await[0].query["lastEventId"], "e3");
}

#[wasm_bindgen_test]
async fn a_good_web_socket_that_is_lost_stays_one() {
    let server = Server::start().await;
    let address = "/count?to=100000&rate=50&overlap=1";
    let record = Record::of(
        ways(&server.ws(address), &server.sse(address))
            .reconnect(QUICK.with_stable_after(millis(100)))
            .resume(Resume::new().with_id("eventId"))
            .fallback(NOWHERE())
            .live(),
    );
    for drops in 1..=4 {
        record.until("it has held", |seen| seen.last() > drops * 20).await;
        server.fault("/fault/drop").await;
        record.until("it is back", |seen| seen.opens as u64 > drops).await;
        assert_eq!(record.handle.transport(), Some(Transport::WebSocket));
    }
}

#[wasm_bindgen_test]
async fn the_order_is_the_callers_and_a_function_may_give_the_target() {
    let server = Server::start().await;
    let order = NOWHERE().with_order([Way::EventSource, Way::WebSocket]).with_failures(1);
    let mut turned = ways(&server.ws("/echo"), &server.sse("/answer?status=503")).fallback(order).live();
    until_open(&mut turned).await;
    assert_eq!(turned.handle().transport(), Some(Transport::WebSocket));
    drop(turned);

    let (up, down) = (refusing(&server), saying(&server));
    let (websocket, sse) = (up.url.clone(), down.url.clone());
    let builder = Client::builder_with(move |_| {
        let ways = Ways::new().with_websocket(&websocket).with_sse(&sse);
        async { Ok(ways) }
    });
    let order = NOWHERE().with_order([Way::WebSocket, Way::Fetch]);
    let mut given = builder.reconnect(QUICK).fallback(order).live();
    assert_eq!(next_text(&mut given).await, "down");
    assert_eq!(up.log().await.len(), 2);
}

#[wasm_bindgen_test]
async fn the_session_remembers_the_way_that_worked_as_the_javascript_client_does() {
    let server = Server::start().await;
    let (up, down) = (refusing(&server), saying(&server));
    let mut first = ways(&up.url, &down.url).live();
    assert_eq!(next_text(&mut first).await, "down");
    drop(first);
    let bare = |url: &str| url.split('?').next().unwrap().to_owned();
    let key = format!("everwire-way {} {}", bare(&up.url), bare(&down.url));
    assert_eq!(session().get_item(&key).unwrap().as_deref(), Some("fetch"));
    let mut second = ways(&up.url, &down.url).live();
    assert_eq!(next_text(&mut second).await, "down");
    assert_eq!((second.handle().stats().attempts, up.log().await.len()), (1, 2));
    session().remove_item(&key).unwrap();

    // What a JavaScript client has left under a name.
    let name = unique();
    session().set_item(&format!("everwire-way {name}"), "fetch").unwrap();
    let mut third = ways(&up.url, &down.url).fallback(Fallback::new().with_remember_as(name)).live();
    assert_eq!(next_text(&mut third).await, "down");
    assert_eq!(third.handle().stats().attempts, 1);
}

#[wasm_bindgen_test]
async fn the_better_way_is_tried_again_at_a_natural_end_and_forgotten_to_be_worse_when_it_has_held() {
    let server = Server::start().await;
    let name = unique();
    let key = format!("everwire-way {name}");
    let up = server.script("ws", r#"[[["status",426]],[["status",426]],[["echo"]]]"#);
    let down = server.script("sse", r#"[[["send","id: 1\ndata: x\n\n"],["wait",300],["end"]]]"#);
    let builder = ways(&up.url, &down.url).reconnect(QUICK.with_stable_after(millis(100)));
    let record = Record::of(builder.fallback(Fallback::new().with_remember_as(name)).live());
    record.until("the stream", |seen| seen.opens == 1).await;
    assert_eq!(session().get_item(&key).unwrap().as_deref(), Some("fetch"));
    record.until("the WebSocket", |seen| seen.opens == 2).await;
    assert_eq!(record.handle.transport(), Some(Transport::WebSocket));
    assert_eq!((up.log().await.len(), down.log().await.len()), (3, 1));
    crate::support::wait::until("it has held", || session().get_item(&key).unwrap().is_none()).await;
}

#[wasm_bindgen_test]
async fn failback_tries_it_while_the_stream_delivers_and_loses_nothing() {
    let server = Server::start().await;
    let address = "/count?to=100000&rate=200&overlap=1";
    let (up, down) = (server.ws(address), server.sse(address));
    let refused = refusing(&server);
    let builder = Client::builder_with(move |context| {
        let websocket = if context.last_event_id.is_empty() { refused.url.clone() } else { up.clone() };
        let ways = Ways::new().with_websocket(websocket).with_sse(&down);
        async { Ok(ways) }
    });
    let order = NOWHERE().with_order([Way::WebSocket, Way::Fetch]);
    let builder =
        builder.resume(Resume::new().with_id("eventId")).reconnect(QUICK.with_failback(millis(1_000)));
    let record = Record::of(builder.fallback(order).live());
    record.until("the stream", |seen| seen.last() > 20).await;
    assert_eq!(record.handle.transport(), Some(Transport::Fetch));
    let handle = record.handle.clone();
    record.until("the WebSocket", move |_| handle.transport() == Some(Transport::WebSocket)).await;
    let last = record.seen().last();
    record.until("messages over it", |seen| seen.last() > last + 100).await;
    let count = record.seen().numbers.len() as u64;
    record.assert_all(count);
}

#[wasm_bindgen_test]
async fn a_runtime_without_web_socket_begins_with_the_stream() {
    let server = Server::start().await;
    let down = saying(&server);
    let original = Reflect::get(&global(), &"WebSocket".into()).unwrap();
    assert!(Reflect::delete_property(&global(), &"WebSocket".into()).unwrap());
    let made = ways(&server.ws("/echo"), &down.url).connect();
    Reflect::set(&global(), &"WebSocket".into(), &original).unwrap();
    let mut made = made.unwrap();
    assert_eq!(next_text(&mut made).await, "down");
    assert_eq!(made.handle().stats().attempts, 1);
}

#[wasm_bindgen_test]
async fn what_the_browser_blocks_is_no_end_where_there_is_another_way() {
    let server = Server::start().await;
    let down = saying(&server);
    let record = {
        let blocked = Function::new_no_args("throw new DOMException('blocked', 'SecurityError')");
        let _instead = Instead::of("WebSocket", &blocked);
        let record = Record::of(ways(&server.ws("/echo"), &down.url).fallback(NOWHERE()).live());
        record.until("the message", |seen| seen.texts() == ["down"]).await;
        record
    };
    let failures: Vec<Failure> = record.seen().retries.iter().map(|retry| retry.failure).collect();
    assert_eq!(failures, [Failure::Blocked]);
}

#[wasm_bindgen_test]
async fn a_page_that_was_refused_its_storage_begins_anew() {
    let server = Server::start().await;
    let (up, down) = (refusing(&server), saying(&server));
    let refused = Function::new_no_args("throw new DOMException('no', 'SecurityError')");
    let broken = Object::new();
    for name in ["getItem", "setItem", "removeItem"] {
        Reflect::set(&broken, &name.into(), &refused).unwrap();
    }
    let ways_to_refuse: [&dyn Fn() -> Instead; 3] = [
        &|| Instead::getter("sessionStorage", &refused),
        &|| Instead::of("sessionStorage", &JsValue::NULL),
        &|| Instead::of("sessionStorage", &broken),
    ];
    for refuse in ways_to_refuse {
        let instead = refuse();
        for _ in 0..2 {
            let mut made = ways(&up.url, &down.url).live();
            assert_eq!(next_text(&mut made).await, "down");
            assert_eq!(made.handle().stats().attempts, 3);
        }
        drop(instead);
    }
}

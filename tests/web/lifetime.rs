//! How a client ends: dropped, closed, and what a handle finds then.

use std::{cell::RefCell, rc::Rc};

use everwire::{Client, Sent, State, event::CloseReason, send::Dropped};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::support::{
    Live, Record, Server, event_source, next_text, until_closed, until_open,
    wait::{until, within},
    web_socket,
};

#[wasm_bindgen(inline_js = "
export function spyOnClose(codes) {
    const { close } = WebSocket.prototype;
    WebSocket.prototype.close = function (...given) {
        codes.push(given.join(' '));
        return close.apply(this, given);
    };
    return () => { WebSocket.prototype.close = close; };
}
export function openedBy(other) {
    window.opener = other;
}
export function leave() {
    window.dispatchEvent(new PageTransitionEvent('pagehide'));
    document.dispatchEvent(new Event('visibilitychange'));
}")]
extern "C" {
    #[wasm_bindgen(js_name = spyOnClose)]
    fn spy_on_close(codes: &js_sys::Array) -> js_sys::Function;
    #[wasm_bindgen(js_name = openedBy)]
    fn opened_by(other: &JsValue);
    fn leave();
}

#[wasm_bindgen_test]
async fn a_window_that_others_see_into_closes_its_clients_when_it_goes() {
    let server = Server::start().await;
    opened_by(&js_sys::global());
    let mut wire = web_socket(&server.ws("/echo")).live();
    opened_by(&JsValue::NULL);
    until_open(&mut wire).await;
    server.until_stats("one connection", 1, 0).await;
    leave();
    let (closed, _) = until_closed(&mut wire).await;
    assert_eq!((closed.reason, closed.code, closed.failure), (CloseReason::Unloaded, 0, None));
    assert_eq!(within("the fate", wire.handle().send("late")).await, Sent::Dropped(Dropped::Closed));
    server.until_stats("the socket to go", 0, 0).await;
}

#[wasm_bindgen_test]
async fn drop_closes_and_a_handle_keeps_nothing_open() {
    let server = Server::start().await;
    let mut socket = web_socket(&server.ws("/echo")).live();
    let mut source = event_source(&server.sse("/count?to=1")).live();
    until_open(&mut socket).await;
    until_open(&mut source).await;
    server.until_stats("one connection each", 1, 1).await;
    let handles = [socket.handle(), source.handle()];
    drop(socket);
    server.until_stats("the socket to go", 0, 1).await;
    drop(source);
    server.until_stats("the source to go", 0, 0).await;
    for handle in handles {
        assert_eq!(handle.state(), State::Closed);
        assert_eq!(within("the fate", handle.send("late")).await, Sent::Dropped(Dropped::Closed));
        assert_eq!((handle.queued(), handle.retry_in()), ((0, 0), None));
        handle.reconnect();
        handle.close();
        assert_eq!(handle.state(), State::Closed);
    }
}

#[wasm_bindgen_test]
async fn dropped_at_once_it_never_opens() {
    let server = Server::start().await;
    let script = server.script("ws", r#"[[["mute"]]]"#);
    drop(web_socket(&script.url).live());
    // By then the microtask of the first would have run.
    let other = server.script("ws", r#"[[["send","in"]]]"#);
    let mut wire = web_socket(&other.url).live();
    assert_eq!(next_text(&mut wire).await, "in");
    assert_eq!(script.log().await.len(), 0);
}

#[wasm_bindgen_test]
async fn dropped_while_it_waits_or_opens_it_does_not_come_back() {
    let server = Server::start().await;
    let refusing = server.script("ws", r#"[[["status",503]]]"#);
    let waiting = Record::of(web_socket(&refusing.url).live());
    waiting.until("a retry", |seen| !seen.retries.is_empty()).await;
    drop(waiting);
    let attempts = refusing.log().await.len();

    let hanging = server.script("sse", r#"[[["hang"]]]"#);
    let opening = event_source(&hanging.url).live();
    server.until_stats("the request", 0, 1).await;
    drop(opening);
    server.until_stats("the request to be given up", 0, 0).await;

    // Longer than the delay was: another client fails and waits as long three times.
    let other = server.script("ws", r#"[[["status",503]]]"#);
    let record = Record::of(web_socket(&other.url).live());
    record.until("three retries", |seen| seen.retries.len() == 3).await;
    assert_eq!((refusing.log().await.len(), hanging.log().await.len()), (attempts, 1));
}

#[wasm_bindgen_test]
async fn close_tells_the_code_and_the_reason() {
    let server = Server::start().await;
    for (code, reason, told, given) in [
        (1000, "", 1000, "1000 ".to_owned()),
        (4321, "bye", 4321, "4321 bye".to_owned()),
        (4999, &*"ü".repeat(61), 4999, format!("4999 {}", "ü".repeat(61))),
    ] {
        let mut wire = web_socket(&server.ws("/echo")).live();
        until_open(&mut wire).await;
        let codes = js_sys::Array::new();
        let restore = spy_on_close(&codes);
        wire.handle().close_with(code, reason).unwrap();
        restore.call0(&JsValue::NULL).unwrap();
        assert_eq!(codes.to_vec(), [JsValue::from(given)]);
        let (closed, before) = until_closed(&mut wire).await;
        assert_eq!((closed.reason, closed.code, closed.failure), (CloseReason::App, told, None));
        assert_eq!(before, ["state Closed"]);
    }
}

#[wasm_bindgen_test]
async fn close_refuses_what_a_browser_would_throw_on() {
    let server = Server::start().await;
    let mut wire = web_socket(&server.ws("/echo")).live();
    until_open(&mut wire).await;
    let handle = wire.handle();
    let text = |code, reason: &str| handle.close_with(code, reason).unwrap_err().to_string();
    let told = |text: String| text.split("; see ").next().map(str::to_owned);
    assert_eq!(told(text(1001, "going")).as_deref(), Some("code must be 1000 or 3000 to 4999"));
    assert_eq!(told(text(5000, "")).as_deref(), Some("code must be 1000 or 3000 to 4999"));
    assert_eq!(told(text(4321, &"x".repeat(124))).as_deref(), Some("reason must be at most 123 bytes"));
    assert_eq!(handle.state(), State::Open);
}

#[wasm_bindgen_test]
async fn close_settles_what_waits() {
    let server = Server::start().await;
    let script = server.script("ws", r#"[[["hang"]]]"#);
    let mut wire = web_socket(&script.url).live();
    let sending = wire.handle().send("never");
    wire.handle().close();
    assert_eq!(within("the fate", sending).await, Sent::Dropped(Dropped::Closed));
    let (closed, before) = until_closed(&mut wire).await;
    assert_eq!((closed.reason, before), (CloseReason::App, vec!["state Closed".to_owned()]));
}

#[wasm_bindgen_test]
async fn a_rule_may_drop_its_own_client() {
    let server = Server::start().await;
    let script = server.script("ws", r#"[[["send","in"],["wait",20],["reset"]]]"#);
    let slot = Rc::<RefCell<Option<Client>>>::default();
    let own = Rc::clone(&slot);
    let wire = web_socket(&script.url)
        .should_reconnect(move |_| {
            drop(own.take());
            Some(true)
        })
        .live();
    let handle = wire.handle();
    slot.replace(Some(wire));
    until("the client to be closed", || handle.state() == State::Closed).await;
    assert!(slot.take().is_none());
    assert_eq!(script.log().await.len(), 1);
}

//! The crate with one of its transports alone, in a browser: `scripts/test-web.sh --features websocket`, and `sse`. What is left of it works,
//! and an address for what was left out is an error that says which feature it needs.

#![cfg(all(target_arch = "wasm32", target_os = "unknown"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic fails the test, and that is all it does"
)]
#![allow(dead_code, unused_imports, reason = "the other tests use what these do not")]

#[path = "../web/support/mod.rs"]
mod support;

#[cfg(feature = "websocket")]
use everwire::Sent;
use everwire::{
    Client, Failure, Transport,
    error::{ConnectError, OptionError},
    event::CloseReason,
};
#[cfg(feature = "sse")]
use support::event_source;
use support::{Live, QUICK, Server, next, record::label, until_closed};
#[cfg(feature = "websocket")]
use support::{next_text, wait::within, web_socket};
use wasm_bindgen_test::wasm_bindgen_test;

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);

/// What comes until so many messages have.
async fn labels(wire: &mut Client, messages: usize) -> Vec<String> {
    let mut labels = Vec::new();
    while labels.iter().filter(|label: &&String| label.starts_with("message")).count() < messages {
        labels.push(label(&next(wire).await));
    }
    labels
}

/// What `connect` says of an address for this, and of one that a function gives.
async fn refused(address: &str, transport: Transport, problem: &'static str) {
    let error = Client::builder(address).transport(transport).connect().err();
    assert_eq!(error, Some(ConnectError::InvalidOption(OptionError { option: "transport", problem })));
    let given = address.to_owned();
    let once = QUICK.with_max_attempts(1);
    let function = Client::builder_with(move |_| std::future::ready(Ok(given.clone())));
    let mut wire = function.transport(transport).reconnect(once).live();
    let (closed, _) = until_closed(&mut wire).await;
    assert_eq!((closed.reason, closed.failure), (CloseReason::Exhausted, Some(Failure::Provider)));
}

#[cfg(feature = "websocket")]
#[wasm_bindgen_test]
async fn a_websocket_sends_receives_and_comes_back() {
    let server = Server::start().await;
    let script = server.script("ws", r#"[[["send","one"],["wait",20],["reset"]],[["echo"]]]"#);
    let mut wire = web_socket(&script.url).live();
    assert_eq!(labels(&mut wire, 1).await, ["state Open", "open", "message one"]);
    while label(&next(&mut wire).await) != "state Waiting" {}
    assert_eq!(within("the send", wire.handle().send("two")).await, Sent::Sent);
    assert_eq!(next_text(&mut wire).await, "two");
}

#[cfg(feature = "sse")]
#[wasm_bindgen_test]
async fn event_streams_are_read_and_come_back() {
    let server = Server::start().await;
    for transport in [Transport::Fetch, Transport::EventSource] {
        let script = server.script(
            "sse",
            r#"[[["send","data: one\n\n"],["wait",20],["reset"]],[["send","data: two\n\n"]]]"#,
        );
        let mut wire = event_source(&script.url).transport(transport).live();
        assert_eq!(labels(&mut wire, 1).await, ["state Open", "open", "message one"], "{transport}");
        assert_eq!(labels(&mut wire, 1).await.last().map(String::as_str), Some("message two"), "{transport}");
    }
}

#[cfg(not(feature = "sse"))]
#[wasm_bindgen_test]
async fn an_address_of_an_event_stream_needs_its_feature() {
    let server = Server::start().await;
    let problem = "needs the feature \"sse\" of the crate everwire";
    for transport in [Transport::Fetch, Transport::EventSource] {
        refused(&server.sse("/sse"), transport, problem).await;
    }
}

#[cfg(not(feature = "websocket"))]
#[wasm_bindgen_test]
async fn an_address_of_a_websocket_needs_its_feature() {
    let server = Server::start().await;
    refused(
        &server.ws("/echo"),
        Transport::WebSocket,
        "needs the feature \"websocket\" of the crate everwire",
    )
    .await;
}

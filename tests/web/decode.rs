//! Frames that the app decodes, on each transport.

use std::{cell::Cell, rc::Rc};

use everwire::{
    Builder, Client, Sent, Transport,
    options::{Resume, SendOptions},
    topics::Subscriptions,
};
use gloo_timers::future::sleep;
use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::support::{Live, QUICK, Record, Server, millis, next_text, wait::within, web_socket};

fn lines(builder: Builder) -> Builder {
    builder.decode(|frame| {
        let text = frame.text().ok_or("no text")?;
        Ok(text.lines().map(str::to_owned).collect::<Vec<_>>())
    })
}

/// The earlier ones take longer.
fn slow(builder: Builder) -> Builder {
    let frames = Rc::new(Cell::new(0));
    builder.decode_async(move |frame| {
        frames.set(frames.get() + 1);
        let wait = millis(if frames.get() % 7 == 0 { 0 } else { 30 });
        async move {
            sleep(wait).await;
            Ok([frame.text().ok_or("no text")?.to_owned()])
        }
    })
}

#[wasm_bindgen_test]
async fn messages_of_one_frame_are_held_back_one_by_one() {
    let server = Server::start().await;
    let script = server.script(
        "ws",
        r#"[[["send","{\"id\":\"1\"}\n{\"id\":\"2\"}"],["wait",20],["reset"]],
            [["send","{\"id\":\"2\"}\n{\"id\":\"3\"}"]]]"#,
    );
    let record = Record::of(lines(web_socket(&script.url)).resume(Resume::new().with_id("id")).live());
    record.until("the third one", |seen| seen.texts().len() >= 3).await;
    assert_eq!(record.seen().texts(), [r#"{"id":"1"}"#, r#"{"id":"2"}"#, r#"{"id":"3"}"#]);
    let attempts = script.log().await;
    assert_eq!(attempts[1].query.get("lastEventId").map(String::as_str), Some("2"));
}

#[wasm_bindgen_test]
async fn acks_replies_and_topics_are_found_in_a_frame_of_several() {
    let server = Server::start().await;
    let script = server.script("ws", r#"[[["echo"]]]"#);
    let builder = lines(web_socket(&script.url))
        .ack_type("ack")
        .subscriptions(Subscriptions::new().without_confirmation());
    let mut wire = builder.live();
    let handle = wire.handle();
    let mut room = handle.subscribe("a").unwrap();
    let send = handle.send_with("first\nsecond", &SendOptions::new().with_ack("7")).unwrap();
    let reply = handle.request(&json!({"id": "q", "n": 1}));
    let reply: Value = within("the reply", reply).await.unwrap().json().unwrap();
    assert_eq!(reply["n"], 1);
    let _sent = handle.send("{\"type\":\"ack\",\"id\":\"7\"}\n{\"topic\":\"a\",\"n\":2}\nthird");
    assert_eq!(within("the ack", send).await, Sent::Acked);
    for text in ["first", "second", "third"] {
        assert_eq!(next_text(&mut wire).await, text);
    }
    let joined = within("the topic's message", room.next()).await;
    assert!(matches!(joined, Some(everwire::Event::Message(_))), "{joined:?}");
}

/// 300 messages in order, whatever the decoder takes, over a connection that breaks in the middle.
async fn in_order(transport: Transport) {
    let server = Server::start().await;
    let address = match transport {
        Transport::WebSocket => server.ws("/count?replay=all&to=300"),
        _ => server.sse("/count?replay=all&to=300"),
    };
    let builder = Client::builder(address).transport(transport).reconnect(QUICK);
    let record = Record::of(slow(builder.resume(Resume::new().with_id("eventId"))).live());
    record.until("some of them", |seen| seen.last() >= 20).await;
    server.fault("/fault/drop").await;
    record.until("all of them", |seen| seen.last() == 300).await;
    record.assert_all(300);
}

#[wasm_bindgen_test]
async fn what_is_decoded_late_keeps_its_order_on_a_web_socket() {
    in_order(Transport::WebSocket).await;
}

#[wasm_bindgen_test]
async fn what_is_decoded_late_keeps_its_order_over_event_source() {
    in_order(Transport::EventSource).await;
}

#[wasm_bindgen_test]
async fn what_is_decoded_late_keeps_its_order_over_fetch() {
    in_order(Transport::Fetch).await;
}

#[wasm_bindgen_test]
async fn a_decoder_may_close_the_client() {
    let server = Server::start().await;
    let script = server.script("ws", r#"[[["send","a"],["send","b"]]]"#);
    let cell = Rc::new(std::cell::RefCell::new(None::<everwire::Handle>));
    let handle = Rc::clone(&cell);
    let builder = web_socket(&script.url).decode(move |frame| {
        if let Some(handle) = &*handle.borrow() {
            handle.close();
        }
        Ok([frame.text().unwrap_or_default().to_owned()])
    });
    let mut wire = builder.live();
    cell.replace(Some(wire.handle()));
    let (closed, before) = crate::support::until_closed(&mut wire).await;
    assert_eq!(closed.reason, everwire::event::CloseReason::App);
    assert!(!before.iter().any(|told| told.starts_with("message")), "{before:?}");
    cell.take();
}

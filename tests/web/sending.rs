//! What goes out, and what becomes of it.

use std::{collections::BTreeMap, time::Duration};

use everwire::{
    Client, Message, Sent, State,
    error::OptionError,
    options::{Heartbeat, Outbox, Overflow, SendOptions},
    send::Dropped,
};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::support::{
    Live, Server, event_source, millis, next, next_text, record::label, server::Frame, until_open,
    wait::within, web_socket,
};

const HANG: &str = r#"[[["hang"]]]"#;

#[wasm_bindgen_test]
async fn the_outbox_is_flushed_on_open_in_order() {
    let server = Server::start().await;
    let mut wire = web_socket(&server.ws("/echo")).live();
    let handle = wire.handle();
    let sending = handle.send("one");
    // Nobody has to await it.
    drop(handle.send_bytes(b"two"));
    let last = handle.send_json(&["three"]).unwrap();
    assert_eq!(handle.queued(), (3, 15));
    assert_eq!(within("the first to be sent", sending).await, Sent::Sent);
    assert_eq!(within("the last to be sent", last).await, Sent::Sent);
    assert_eq!(handle.queued(), (0, 0));
    let mut labels = Vec::new();
    for _ in 0..5 {
        labels.push(label(&next(&mut wire).await));
    }
    assert_eq!(labels, ["state Open", "open", "message one", "message ", "message [\"three\"]"]);
}

#[wasm_bindgen_test]
async fn a_sending_resolves_while_open() {
    let server = Server::start().await;
    let script = server.script("ws", r#"[[["mute"]]]"#);
    let mut wire = web_socket(&script.url).live();
    let handle = wire.handle();
    until_open(&mut wire).await;
    assert_eq!(within("the text", handle.send("a")).await, Sent::Sent);
    assert_eq!(within("the bytes", handle.send_bytes(&[1, 2])).await, Sent::Sent);
    script.until_received(&[Frame::Text("a".to_owned()), Frame::Binary { bytes: vec![1, 2] }]).await;
}

#[wasm_bindgen_test]
async fn what_waits_is_sent_after_a_loss() {
    let server = Server::start().await;
    let script = server.script("ws", r#"[[["send","in"],["wait",20],["reset"]],[["echo"]]]"#);
    let mut wire = web_socket(&script.url).live();
    let handle = wire.handle();
    while label(&next(&mut wire).await) != "state Waiting" {}
    let sending = handle.send("kept");
    assert_eq!(handle.queued().0, 1);
    assert_eq!(within("the send", sending).await, Sent::Sent);
    assert_eq!(next_text(&mut wire).await, "kept");
}

#[wasm_bindgen_test]
async fn a_full_outbox_drops_by_its_policy() {
    let server = Server::start().await;
    let script = server.script("ws", HANG);
    let overflow = Sent::Dropped(Dropped::Overflow);
    let closed = Sent::Dropped(Dropped::Closed);
    for (policy, fates) in [
        (Overflow::Reject, [closed, closed, overflow]),
        (Overflow::DropOldest, [overflow, closed, closed]),
        (Overflow::DropNewest, [closed, overflow, closed]),
    ] {
        let outbox = Outbox::new().with_max_messages(2).with_overflow(policy);
        let wire = web_socket(&script.url).outbox(outbox).live();
        let handle = wire.handle();
        let sendings = ["1", "2", "3"].map(|text| handle.send(text));
        assert_eq!(handle.queued(), (2, 2));
        handle.close();
        for (sending, fate) in sendings.into_iter().zip(fates) {
            assert_eq!(within("a fate", sending).await, fate, "{policy:?}");
        }
    }
}

#[wasm_bindgen_test]
async fn the_outbox_counts_bytes() {
    let server = Server::start().await;
    let script = server.script("ws", HANG);
    let wire = web_socket(&script.url).outbox(Outbox::new().with_max_bytes(4)).live();
    let handle = wire.handle();
    let _waits = handle.send("üü");
    assert_eq!(handle.queued(), (1, 4));
    assert_eq!(within("the one too many", handle.send("x")).await, Sent::Dropped(Dropped::Overflow));
    assert_eq!(within("the large one", handle.send_bytes(&[0; 5])).await, Sent::Dropped(Dropped::TooBig));
}

#[wasm_bindgen_test]
async fn an_event_source_carries_nothing_upwards() {
    let server = Server::start().await;
    let mut wire = event_source(&server.sse("/count?to=1")).live();
    let handle = wire.handle();
    let early = handle.send("before the address is known");
    until_open(&mut wire).await;
    let late = handle.send("when open");
    for sending in [early, late] {
        assert_eq!(within("the fate", sending).await, Sent::Dropped(Dropped::NoUplink));
    }
    assert_eq!(handle.state(), State::Open);
}

#[wasm_bindgen_test]
async fn what_json_cannot_hold_is_an_error() {
    let server = Server::start().await;
    let wire = web_socket(&server.ws("/echo")).live();
    let error = wire.handle().send_json(&BTreeMap::from([(vec![1], 1)])).unwrap_err();
    assert!(error.to_string().starts_with("the value cannot be sent as JSON: "), "{error}");
    assert_eq!(wire.handle().queued(), (0, 0));
}

fn acked(message: &Message) -> Option<String> {
    Some(message.text()?.split_once(' ')?.0.to_owned())
}

#[wasm_bindgen_test]
async fn an_ack_settles_its_send_and_does_not_reach_the_app() {
    let server = Server::start().await;
    let script = server.script("ws", r#"[[["mute"]],[["echo"]]]"#);
    let wire = Client::builder(script.url.as_str()).acks(acked).live();
    let handle = wire.handle();
    let options = SendOptions::new().with_ack("7");
    let sending = handle.send_with("7 text", &options).unwrap();
    let again =
        OptionError { option: "send.ack", problem: "is the id of a message that still awaits an ack" };
    assert_eq!(handle.send_with("7 other", &options).err(), Some(again));
    script.until_received(&[Frame::Text("7 text".to_owned())]).await;
    // The next connection is to an echo, which acks it.
    handle.reconnect();
    assert_eq!(within("the ack", sending).await, Sent::Acked);
    let bytes = handle.send_bytes_with(b"8 bytes", &SendOptions::new().with_priority()).unwrap();
    assert_eq!(within("the bytes", bytes).await, Sent::Sent);
    assert_eq!(handle.queued(), (0, 0));
}

#[wasm_bindgen_test]
async fn a_server_can_refuse_a_message_and_one_without_its_ack_is_given_up() {
    let server = Server::start().await;
    let wire = web_socket(&server.ws("/echo"))
        .outbox(Outbox::new().with_ack_timeout(millis(50)).with_max_attempts(2))
        .acks(|message| message.text()?.strip_prefix("ack ").map(str::to_owned))
        .refused(|message| message.text()?.strip_prefix("no ").map(str::to_owned))
        .live();
    let send = |text, id| wire.handle().send_with(text, &SendOptions::new().with_ack(id)).unwrap();
    let [refused, silent, acked] = [send("no 1", "1"), send("2", "2"), send("ack 3", "3")];
    assert_eq!(within("the refusal", refused).await, Sent::Dropped(Dropped::Refused));
    assert_eq!(within("the end of its attempts", silent).await, Sent::Unknown);
    assert_eq!(within("the ack", acked).await, Sent::Acked);
}

#[wasm_bindgen_test]
async fn a_pong_confirms_a_send() {
    let server = Server::start().await;
    let wire = web_socket(&server.ws("/echo")).heartbeat(Heartbeat::new()).live();
    let confirmed = wire.handle().send_with("text", &SendOptions::new().with_confirm()).unwrap();
    assert_eq!(within("the pong", confirmed).await, Sent::Sent);
}

#[wasm_bindgen_test]
async fn what_is_of_no_use_any_more_is_not_sent() {
    let server = Server::start().await;
    let script = server.script("ws", HANG);
    let wire = web_socket(&script.url).live();
    let handle = wire.handle();
    let late = handle.send_with("late", &SendOptions::new().with_ttl(millis(50))).unwrap();
    assert_eq!(within("the time to live", late).await, Sent::Dropped(Dropped::Expired));
    let volatile = handle.send_with("early", &SendOptions::new().with_volatile()).unwrap();
    assert_eq!(within("the volatile one", volatile).await, Sent::Dropped(Dropped::Volatile));
    let error = handle.send_with("text", &SendOptions::new().with_ttl(Duration::MAX)).err();
    let problem = "must be 0 to 2147483647 ms";
    assert_eq!(error, Some(OptionError { option: "send.ttl", problem }));
    let error = handle.send_with("text", &SendOptions::new().with_ack("1")).err();
    assert_eq!(error.map(|error| (error.option, error.problem)), Some(("send.ack", "needs Builder::acks")));
    let error = handle.send_with("text", &SendOptions::new().with_confirm()).err();
    assert_eq!(
        error.map(|error| (error.option, error.problem)),
        Some(("send.confirm", "needs the heartbeat"))
    );
}

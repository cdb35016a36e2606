//! Across a reconnect: nothing twice, and nothing missing without a word.

use std::cell::Cell;

use everwire::{Client, Transport, event::Outcome, options::Resume};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::support::{Live, QUICK, Record, Server, event_source, millis, web_socket};

/// The server replays all that it has after each drop. The last address has one message more than those
/// before it: when that one has come, the replay is over. The second drop falls into the first replay.
async fn full_replay(transport: Transport) {
    let server = Server::start().await;
    let address = match transport {
        Transport::WebSocket => server.ws("/count?replay=all"),
        _ => server.sse("/count?replay=all"),
    };
    let asked = Cell::new(0);
    let builder = Client::builder_with(move |_| {
        asked.set(asked.get() + 1);
        let to = if asked.get() < 3 { 10_000 } else { 10_001 };
        std::future::ready(Ok(format!("{address}&to={to}")))
    });
    let resume = Resume::new().with_id("eventId");
    let record = Record::of(builder.transport(transport).resume(resume).reconnect(QUICK).live());
    record.until("the first messages", |seen| seen.last() >= 2_000).await;
    server.fault("/fault/drop").await;
    record.until("the second connection", |seen| seen.opens == 2).await;
    server.fault("/fault/drop").await;
    record.until("message 10 001", |seen| seen.last() == 10_001).await;
    assert_eq!(record.seen().opens, 3);
    record.assert_all(10_001);
}

#[wasm_bindgen_test]
async fn a_full_replay_of_10_000_messages_by_web_socket() {
    full_replay(Transport::WebSocket).await;
}

#[wasm_bindgen_test]
async fn a_full_replay_of_10_000_messages_by_event_source() {
    full_replay(Transport::EventSource).await;
}

#[wasm_bindgen_test]
async fn a_full_replay_over_fetch_is_held_back() {
    full_replay(Transport::Fetch).await;
}

#[wasm_bindgen_test]
async fn events_without_ids_are_never_eaten() {
    let server = Server::start().await;
    let three = r#"["send","data: same\n\ndata: same\n\ndata: same\n\n"]"#;
    let first = format!(r#"["send","id: 1\ndata: first\n\n"],{three},["wait",20],["reset"]"#);
    let last = format!(r#"{three},["send","id: 2\ndata: second\n\n"],{three}"#);
    let script = server.script("sse", &format!("[[{first}],[{first}],[{last}]]"));
    let record = Record::of(event_source(&script.url).live());
    record.until("all 14", |seen| seen.texts().len() >= 14).await;
    let same = ["same"; 3];
    let expected = [&["first"][..], &same, &same, &same, &["second"], &same].concat();
    assert_eq!(record.seen().texts(), expected);
    let cursors: Vec<_> =
        script.log().await.iter().map(|attempt| attempt.query.get("lastEventId").cloned()).collect();
    assert_eq!(cursors, [None, Some("1".to_owned()), Some("1".to_owned())]);
    assert_eq!(record.handle.last_event_id(), "2");
}

#[wasm_bindgen_test]
async fn a_gap_that_the_server_tells_comes_before_the_next_message() {
    let server = Server::start().await;
    let script = server.script(
        "sse",
        r#"[[["send","id: a-1\ndata: one\n\n"],["wait",20],["reset"]],
            [["send","event: gap\ndata: {\"type\":\"gap\"}\n\nid: a-9\ndata: nine\n\n"]]]"#,
    );
    let record = Record::of(event_source(&script.url).resume(Resume::new().with_gap("gap")).live());
    record.until("message nine", |seen| seen.texts() == ["one", "nine"]).await;
    let seen = record.seen();
    assert_eq!(seen.labels[seen.labels.len() - 2], "gap Gap after \"a-1\" before \"a-9\"");
    assert_eq!(seen.gaps[0].outcome, Outcome::Gap);
}

#[wasm_bindgen_test]
async fn a_gap_by_web_socket() {
    let server = Server::start().await;
    let script = server.script(
        "ws",
        r#"[[["send","{\"at\":\"a-1\"}"],["wait",20],["reset"]],
            [["send","{\"type\":\"gap\"}"],["send","{\"at\":\"a-9\"}"]]]"#,
    );
    let resume = Resume::new().with_id("at").with_gap("gap");
    let record = Record::of(web_socket(&script.url).resume(resume).live());
    record.until("message nine", |seen| seen.texts().len() == 2).await;
    let seen = record.seen();
    assert_eq!(
        seen.labels[seen.labels.len() - 2..],
        ["gap Gap after \"a-1\" before \"a-9\"", "message {\"at\":\"a-9\"}"]
    );
}

#[wasm_bindgen_test]
async fn what_nothing_proves_is_a_gap_of_unknown_extent() {
    let server = Server::start().await;
    let script = server.script(
        "sse",
        r#"[[["send","id: 1\ndata: one\n\n"],["wait",20],["reset"]],[["send","id: 2\ndata: two\n\n"]]]"#,
    );
    let record = Record::of(event_source(&script.url).live());
    record.until("the second message", |seen| seen.texts() == ["one", "two"]).await;
    let seen = record.seen();
    assert_eq!(seen.labels[seen.labels.len() - 2], "gap Unknown after \"1\" before \"2\"");
    assert_eq!(seen.gaps.len(), 1);
}

#[wasm_bindgen_test]
async fn a_cursor_from_before_goes_up_under_its_name() {
    let server = Server::start().await;
    let script = server.script("sse", r#"[[["send","id: 8\ndata: in\n\n"]]]"#);
    let resume = Resume::new().with_from("ü 7").with_name("since");
    let record = Record::of(event_source(&script.url).resume(resume).live());
    record.until("the message", |seen| seen.texts() == ["in"]).await;
    assert_eq!(script.log().await[0].query["since"], "ü 7");
    assert_eq!(record.handle.last_event_id(), "8");
}

#[wasm_bindgen_test]
async fn by_header_the_browser_reconnects_itself() {
    let server = Server::start().await;
    let script = server.script(
        "sse",
        r#"[[["send","retry: 50\nid: 1\ndata: one\n\n"],["wait",20],["end"]],[["send","id: 2\ndata: two\n\n"]]]"#,
    );
    let record = Record::of(event_source(&script.url).resume(Resume::new().via_header()).live());
    record.until("the second message", |seen| seen.texts() == ["one", "two"]).await;
    let log = script.log().await;
    assert_eq!(log[1].headers["last-event-id"], "1");
    assert!(!log[1].query.contains_key("lastEventId"));
    assert_eq!(record.seen().retries, []);
    assert_eq!(
        record.seen().labels,
        [
            "state Open",
            "open",
            "message one",
            "state Connecting",
            "state Open",
            "open",
            "gap Unknown after \"1\" before \"2\"",
            "message two",
        ]
    );
}

#[wasm_bindgen_test]
async fn sequence_numbers_hold_back_what_came_and_name_what_is_missing() {
    let server = Server::start().await;
    let script = server.script(
        "ws",
        r#"[[["send","{\"seq\":1}"],["send","{\"seq\":2}"],["wait",20],["reset"]],
            [["send","{\"seq\":1}"],["send","{\"seq\":2}"],["send","{\"seq\":6}"]]]"#,
    );
    let record = Record::of(web_socket(&script.url).resume(Resume::new().with_seq("seq")).live());
    record.until("message six", |seen| seen.last() == 6).await;
    let seen = record.seen();
    assert_eq!(seen.numbers, [1, 2, 6]);
    assert_eq!(seen.gaps.len(), 1);
    assert_eq!((seen.gaps[0].outcome, seen.gaps[0].missing), (Outcome::Gap, Some((3, 5))));
}

#[wasm_bindgen_test]
async fn at_a_failure_the_next_endpoint_goes_on_from_the_cursor() {
    let server = Server::start().await;
    let first = server.script("ws", r#"[[["send","{\"at\":\"a-1\"}"],["wait",20],["reset"]]]"#);
    let second = server.script("ws", r#"[[["send","{\"at\":\"a-1\"}"],["send","{\"at\":\"a-2\"}"]]]"#);
    let builder = web_socket(&first.url).failover([second.url.as_str()]).resume(Resume::new().with_id("at"));
    let record = Record::of(builder.live());
    record.until("the second message", |seen| seen.texts().len() == 2).await;
    assert_eq!(record.seen().texts(), ["{\"at\":\"a-1\"}", "{\"at\":\"a-2\"}"]);
    assert_eq!(second.log().await[0].query["lastEventId"], "a-1");
}

#[wasm_bindgen_test]
async fn the_servers_notice_opens_another_connection_before_this_one_ends() {
    let server = Server::start().await;
    let script = server.script(
        "ws",
        r#"[[["send","{\"seq\":1}"],["send","{\"type\":\"goodbye\"}"],["wait",5000]],[["send","{\"seq\":2}"]]]"#,
    );
    let builder = web_socket(&script.url)
        .resume(Resume::new().with_seq("seq"))
        .reconnect(QUICK.with_notice("goodbye").with_max_age(millis(60_000)));
    let record = Record::of(builder.live());
    record.until("message two", |seen| seen.last() == 2).await;
    let seen = record.seen();
    assert_eq!(seen.numbers, [1, 2]);
    assert_eq!(seen.labels.iter().filter(|label| label.starts_with("state")).count(), 1, "{:?}", seen.labels);
}

#[wasm_bindgen_test]
async fn the_first_frame_of_each_connection_has_the_place() {
    let server = Server::start().await;
    let script = server.script(
        "ws",
        r#"[[["wait",500],["send","{\"at\":\"a-1\",\"seq\":7}"],["wait",20],["reset"]],[["wait",500],["send","{\"at\":\"a-2\",\"seq\":8}"]]]"#,
    );
    let builder = web_socket(&script.url)
        .resume(Resume::new().with_id("at").with_seq("seq"))
        .resume_frame(|place| Some(format!("{} {:?}", place.id, place.seq)));
    let record = Record::of(builder.live());
    record.until("both", |seen| seen.last() == 8).await;
    let received: Vec<_> = script.log().await.into_iter().map(|attempt| attempt.received).collect();
    assert_eq!(format!("{received:?}"), r#"[[Text(" None")], [Text("a-1 Some(7)")]]"#);
}

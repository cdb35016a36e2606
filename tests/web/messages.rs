//! What comes in: text, bytes, JSON, names, and the order of events.

use everwire::{
    Client, Event, Sent, State, Stats, Transport, event::Outcome, options::Resume, send::Dropped,
};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::support::{
    Live, Record, Server, event_source, millis, next, next_message, next_text,
    record::label,
    server::{Frame, unique},
    until_closed, until_open,
    wait::until,
    web_socket,
};

#[derive(Debug, Deserialize, Serialize, PartialEq)]
struct Line {
    from: String,
    text: String,
}

#[wasm_bindgen_test]
async fn text_and_bytes_go_there_and_back() {
    let server = Server::start().await;
    let mut wire = web_socket(&server.ws("/echo")).live();
    let handle = wire.handle();
    until_open(&mut wire).await;
    // As they are: not trimmed, not parsed.
    for text in [" 42", "", "grüße 🎈", "{\"a\": 1}", "\0"] {
        let _sending = handle.send(text);
        let message = next_message(&mut wire).await;
        assert_eq!(message.text(), Some(text));
        assert_eq!(message.bytes(), text.as_bytes());
    }
    for bytes in [&[0, 255, 1][..], &[]] {
        let _sending = handle.send_bytes(bytes);
        let message = next_message(&mut wire).await;
        assert_eq!((message.text(), message.bytes()), (None, bytes));
        assert_eq!((message.kind(), message.transport()), ("message", Transport::WebSocket));
        assert_eq!(message.origin(), server.ws(""));
    }
}

#[wasm_bindgen_test]
async fn json_is_typed() {
    let server = Server::start().await;
    let address = server.ws(&format!("/chat?room={}", unique()));
    let mut wire = web_socket(&address).resume(Resume::new().with_id("eventId")).live();
    let handle = wire.handle();
    #[derive(Serialize)]
    struct Say<'a> {
        r#type: &'a str,
        #[serde(flatten)]
        line: &'a Line,
    }
    let line = Line { from: "ann".to_owned(), text: "\"hi\"\n{}".to_owned() };
    let _sending = handle.send_json(&Say { r#type: "chat", line: &line }).unwrap();
    let message = next_message(&mut wire).await;
    assert_eq!(message.json::<Line>(), Ok(line));
    assert_eq!(message.kind(), "chat");
    assert_ne!(message.last_event_id(), "");
    assert_eq!(message.last_event_id(), handle.last_event_id());
}

#[wasm_bindgen_test]
async fn what_does_not_fit_is_an_error_and_the_stream_goes_on() {
    let server = Server::start().await;
    let mut wire = web_socket(&server.ws("/echo")).live();
    // What was expected, but not what came: a payload does not belong in logs.
    for (text, problem) in [
        (r#"{"from":1}"#, "expected a string"),
        (r#"{"from":"secret"}"#, "missing field `text`"),
        (r#"{"from":{"token":"secret"},"text":""}"#, "expected a string"),
        ("secret", "expected struct Line"),
        (r#"{"from":"secret","#, "expected struct Line"),
        ("", "expected struct Line"),
    ] {
        let _sending = wire.handle().send(text);
        let error = next_message(&mut wire).await.json::<Line>().unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("the message is not of the expected type: {problem}"),
            "{text}"
        );
    }
    let _sending = wire.handle().send("no JSON");
    assert_eq!(next_message(&mut wire).await.json::<String>(), Ok("no JSON".to_owned()));
}

#[wasm_bindgen_test]
async fn events_come_in_their_order() {
    let server = Server::start().await;
    let script = server.script("ws", r#"[[["send","one"],["wait",20],["reset"]],[["send","two"]]]"#);
    let mut wire = web_socket(&script.url).live();
    let handle = wire.handle();
    assert_eq!((handle.state(), handle.attempt()), (State::Connecting, 0));
    let mut seen = Vec::new();
    while seen.last().is_none_or(|last| last != "message two") {
        let event = next(&mut wire).await;
        if let Event::Retry(retry) = &event {
            assert_eq!((retry.attempt, retry.delay), (1, millis(100)));
            assert_eq!(handle.last_failure(), Some(retry.failure));
        }
        seen.push(label(&event));
    }
    handle.close_with(1000, "").unwrap();
    let (closed, last) = until_closed(&mut wire).await;
    assert_eq!((closed.code, closed.peer_close_reason.as_str(), closed.failure), (1000, "", None));
    seen.extend(last);
    assert_eq!(
        seen,
        [
            "state Open",
            "open",
            "message one",
            "state Waiting",
            "retry 1 Network",
            "state Connecting",
            "state Open",
            "open",
            "gap Unknown after \"\" before \"\"",
            "message two",
            "state Closed",
        ]
    );
    assert_eq!(handle.state(), State::Closed);
}

#[wasm_bindgen_test]
async fn a_client_is_a_stream() {
    let server = Server::start().await;
    let script = server.script("ws", r#"[[["send","one"],["send","two"]]]"#);
    let wire = web_socket(&script.url).live();
    let labels: Vec<_> = wire.take(4).map(|event| label(&event)).collect().await;
    assert_eq!(labels, ["state Open", "open", "message one", "message two"]);
}

#[wasm_bindgen_test]
async fn an_event_source_has_named_events() {
    let server = Server::start().await;
    let stream = "id: 7\\nevent: price\\ndata: {\\\"type\\\":\\\"x\\\"}\\n\\nevent: other\\ndata: no\\n\\nevent: error\\ndata: named\\n\\ndata: plain\\n\\n";
    let script = server.script("sse", &format!(r#"[[["send","{stream}"]]]"#));
    let mut wire = event_source(&script.url).events(["price", "error"]).live();
    let mut seen = Vec::new();
    for _ in 0..3 {
        let message = next_message(&mut wire).await;
        assert_eq!((message.transport(), message.last_event_id()), (Transport::EventSource, "7"));
        assert_eq!(message.origin(), server.sse(""));
        seen.push((message.kind().to_owned(), message.text().unwrap().to_owned()));
    }
    let expected = [("price", "{\"type\":\"x\"}"), ("error", "named"), ("message", "plain")];
    assert_eq!(seen, expected.map(|(kind, text)| (kind.to_owned(), text.to_owned())));
    assert_eq!(wire.handle().state(), State::Open);
}

#[wasm_bindgen_test]
async fn the_ticker_gives_its_history_and_goes_on() {
    let server = Server::start().await;
    let address = server.sse(&format!("/ticker?name={}&history=1", unique()));
    let first = Record::of(event_source(&address).events(["tick"]).live());
    first.until("two ticks", |seen| seen.last() >= 2).await;
    let second = Record::of(event_source(&address).events(["tick"]).live());
    second.until("the history and more", |seen| seen.last() >= 4).await;
    let numbers = second.seen().numbers.clone();
    assert!(numbers.iter().copied().eq(1..=numbers.len() as u64), "{numbers:?}");
}

#[wasm_bindgen_test]
async fn the_heartbeat_is_answered_and_hidden() {
    let server = Server::start().await;
    let script = server.script("ws", r#"[[["echo"]]]"#);
    let heartbeat = everwire::options::Heartbeat::new().with_interval(millis(100));
    let record = Record::of(web_socket(&script.url).heartbeat(heartbeat).live());
    record.until("a round trip", |_| record.handle.round_trip().is_some()).await;
    assert_eq!(record.seen().labels, ["state Open", "open"]);
    let log = script.log().await;
    assert!(matches!(&log[0].received[0], Frame::Text(ping) if ping.contains("\"ping\"")));
}

#[wasm_bindgen_test]
async fn subprotocols_are_offered() {
    let server = Server::start().await;
    let script = server.script("ws", r#"[[["send","in"]]]"#);
    let mut wire: Client = web_socket(&script.url).protocols(["v2", "v1"]).live();
    assert_eq!(next_text(&mut wire).await, "in");
    assert_eq!(script.log().await[0].protocols, ["v2", "v1"]);
}

#[wasm_bindgen_test]
async fn the_client_counts_what_it_does() {
    let server = Server::start().await;
    let script = server.script(
        "ws",
        r#"[[["send","{\"seq\":1}"],["send","{\"seq\":3}"],["wait",20],["close",1001,""]],[["send","{\"seq\":3}"],["send","{\"seq\":4}"],["echo"]]]"#,
    );
    let record = Record::of(web_socket(&script.url).resume(Resume::new().with_seq("seq")).live());
    let handle = &record.handle;
    assert_eq!(handle.stats(), Stats::default());
    record.until("the second connection", |seen| seen.opens == 2).await;
    assert_eq!(handle.send("echo").await, Sent::Sent);
    record.until("its echo", |seen| seen.texts() == ["echo"]).await;
    assert_eq!(record.seen().numbers, [1, 3, 4]);

    let stats = handle.stats();
    assert_eq!((stats.attempts, stats.opens, stats.gaps), (2, 2, 1));
    assert_eq!(stats.outcome, Some(Outcome::Recovered));
    assert_eq!((stats.received, stats.delivered, stats.suppressed, stats.waiting), (5, 4, 1, 0));
    assert_eq!((stats.sent, stats.acked, stats.unknown, stats.dropped), (1, 0, 0, 0));
    assert_eq!((stats.round_trip, stats.queued, stats.queued_bytes), (None, 0, 0));

    handle.pause();
    let late = handle.send("12345");
    assert_eq!((handle.stats().queued, handle.stats().queued_bytes), (1, 5));
    handle.close();
    assert_eq!(late.await, Sent::Dropped(Dropped::Closed));
    assert_eq!((handle.stats().dropped, handle.stats().queued), (1, 0));
}

#[wasm_bindgen_test]
async fn what_the_app_has_not_taken_waits() {
    let server = Server::start().await;
    let script = server.script("ws", r#"[[["send","1"],["send","2"],["send","3"]]]"#);
    let mut wire = web_socket(&script.url).live();
    let handle = wire.handle();
    until("three messages", || handle.stats().waiting == 3).await;
    next_message(&mut wire).await;
    assert_eq!((handle.stats().delivered, handle.stats().waiting), (1, 2));
}

#[wasm_bindgen_test]
async fn handles_of_one_client_are_equal() {
    let server = Server::start().await;
    let (one, other) = (web_socket(&server.ws("/echo")).live(), web_socket(&server.ws("/echo")).live());
    assert_eq!(one.handle(), one.handle().clone());
    assert_ne!(one.handle(), other.handle());
}

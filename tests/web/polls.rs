//! An event stream in pieces: each request is answered and ends, and the next one follows.

use everwire::{
    Builder, Client, Failure, State, Transport,
    endpoint::{Way, Ways},
    event::{CloseReason, Outcome},
    options::{Fallback, LongPoll, Resume},
};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::support::{
    Live, QUICK, Record, Server, millis,
    wait::{holds, within},
};

fn polls(address: &str) -> Builder {
    let only = Fallback::new().with_order([Way::Poll]).with_remember(false);
    Client::builder(address).long_poll(LongPoll::new()).fallback(only).reconnect(QUICK)
}

const A: &str = r#"[["send","id: a\ndata: a\n\n"],["end"]]"#;
const WAITS: &str = r#"[["send",": wait\n\n"]]"#;

#[wasm_bindgen_test]
async fn one_connection_to_the_app_and_each_message_once() {
    let server = Server::start().await;
    let record = Record::of(polls(&server.sse("/count?to=1000&overlap=1")).live());
    record.until("all messages", |seen| seen.last() == 1_000).await;
    let seen = record.seen();
    assert!(seen.numbers.iter().zip(1..).all(|(number, expected)| *number == expected), "once, in order");
    assert_eq!((seen.numbers.len(), seen.opens, seen.retries.len()), (1_000, 1, 0));
    // The first answer may have brought nothing, and what came before the second nobody knows.
    assert!(
        seen.gaps.iter().all(|gap| gap.outcome == Outcome::Unknown && gap.after.is_empty()),
        "{:?}",
        seen.gaps
    );
    assert_eq!(record.handle.transport(), Some(Transport::Fetch));
    assert_eq!(record.handle.state(), State::Open);
}

#[wasm_bindgen_test]
async fn the_first_is_answered_at_once_the_next_may_wait_and_each_names_the_cursor() {
    let server = Server::start().await;
    let attempts = format!("[{A},{},{},{WAITS}]", A.replace('a', "b"), A.replace('a', "c"));
    let script = server.script("sse", &attempts.replace("dbtb", "data").replace("dctc", "data"));
    let builder = polls(&script.url).long_poll(LongPoll::new().with_wait(millis(20_000)));
    let record = Record::of(builder.resume(Resume::new().via_query()).live());
    within("four requests", holds(async || script.log().await.len() == 4)).await;
    let asked: Vec<(String, String)> = script
        .log()
        .await
        .iter()
        .map(|attempt| {
            let id = attempt.query.get("lastEventId").cloned().unwrap_or_default();
            (attempt.query["poll"].clone(), id)
        })
        .collect();
    let pair = |wait: &str, id: &str| (wait.to_owned(), id.to_owned());
    assert_eq!(asked, [pair("0", ""), pair("20000", "a"), pair("20000", "b"), pair("20000", "c")]);
    assert_eq!(record.seen().texts(), ["a", "b", "c"]);
}

#[wasm_bindgen_test]
async fn answers_that_bring_nothing_at_once_are_no_storm() {
    let server = Server::start().await;
    let script = server.script("sse", r#"[[["send",": nothing\n\n"],["end"]]]"#);
    let record = Record::of(polls(&script.url).live());
    record.until("three retries", |seen| seen.retries.len() == 3).await;
    assert!(script.log().await.len() <= 8, "two requests for each");
    assert!(record.seen().retries.iter().all(|retry| retry.failure == Failure::End));
}

#[wasm_bindgen_test]
async fn refusals_in_the_middle_go_by_the_table() {
    let server = Server::start().await;
    let script = server
        .script("sse", &format!(r#"[{A},[["status",503,{{"retry-after":"0"}}]],{A},[["status",403]]]"#));
    let record = Record::of(polls(&script.url).live());
    record.until("the end", |seen| seen.closed.is_some()).await;
    let seen = record.seen();
    let statuses: Vec<_> = seen.retries.iter().map(|retry| retry.failure).collect();
    assert!(matches!(statuses[..], [Failure::Http { status: 503, .. }]), "{statuses:?}");
    let closed = seen.closed.as_ref().unwrap();
    assert_eq!(closed.reason, CloseReason::Fatal);
    assert!(matches!(closed.failure, Some(Failure::Http { status: 403, .. })), "{closed:?}");
}

#[wasm_bindgen_test]
async fn over_drops_each_message_once_and_in_order() {
    let server = Server::start().await;
    let record = Record::of(polls(&server.sse("/count?to=100000&rate=200&overlap=1")).live());
    for drops in 1..=3 {
        let last = record.seen().last();
        record.until("messages", |seen| seen.last() > last + 40).await;
        // Between two requests there is nothing that could drop.
        let lost = record.seen().retries.len() + 1;
        let dropped = holds(async || {
            server.fault("/fault/drop").await;
            record.seen().retries.len() >= lost
        });
        within("a loss", dropped).await;
        record.until("it is back", |seen| seen.opens > drops).await;
    }
    let last = record.seen().last();
    record.until("messages", |seen| seen.last() > last + 40).await;
    let seen = record.seen();
    assert!(seen.numbers.iter().zip(1..).all(|(number, expected)| *number == expected), "once, in order");
    assert!(seen.gaps.iter().all(|gap| gap.after.is_empty()), "{:?}", seen.gaps);
}

#[wasm_bindgen_test]
async fn close_calls_off_the_one_that_is_out() {
    let server = Server::start().await;
    let script = server.script("sse", &format!(r#"[{A},[["hang"]]]"#));
    let record = Record::of(polls(&script.url).live());
    within("the second request", holds(async || script.log().await.len() == 2)).await;
    record.handle.close();
    assert_eq!(record.handle.state(), State::Closed);
    server.until_stats("no request left", 0, 0).await;
}

#[wasm_bindgen_test]
async fn a_stream_that_is_held_back_is_told_and_long_polls_go_on() {
    let server = Server::start().await;
    // The stream is never answered, the HEAD is.
    let stream = r#"[["status",200,"text/event-stream"]]"#;
    let again = r#"[["send","id: a\ndata: a\n\nid: b\ndata: b\n\n"],["end"]]"#;
    let script = server.script("sse", &format!(r#"[[["hang"]],{stream},{A},{again},{WAITS}]"#));
    let builder = Client::builder(&script.url).long_poll(LongPoll::new()).reconnect(QUICK);
    let fallback = Fallback::new().with_remember(false);
    let record = Record::of(builder.open_timeout(millis(3_000)).fallback(fallback).live());
    record.until("the messages", |seen| seen.texts() == ["a", "b"]).await;
    let failures: Vec<Failure> = record.seen().retries.iter().map(|retry| retry.failure).collect();
    assert_eq!(failures, [Failure::Buffered]);
    within("the request after them", holds(async || script.log().await.len() == 5)).await;
    let log = script.log().await;
    let asked: Vec<_> = log
        .iter()
        .map(|attempt| (attempt.method.as_str(), attempt.query.get("poll").map(String::as_str)))
        .collect();
    let poll = |wait| ("GET", Some(wait));
    assert_eq!(asked, [("GET", None), ("HEAD", None), poll("0"), poll("25000"), poll("25000")]);
    assert_eq!(record.handle.stats().outcome, Some(Outcome::Recovered));
}

#[wasm_bindgen_test]
async fn it_is_the_last_way_where_nothing_else_gets_through() {
    let server = Server::start().await;
    let up = server.script("ws", r#"[[["status",426]]]"#);
    let down = server.script("sse", &format!(r#"[[["status",500]],[["status",500]],{A},{WAITS}]"#));
    let ways = Ways::new().with_websocket(&up.url).with_sse(&down.url);
    let builder = Client::builder(ways).long_poll(LongPoll::new()).reconnect(QUICK);
    let record = Record::of(builder.fallback(Fallback::new().with_remember(false)).live());
    record.until("the message", |seen| seen.texts() == ["a"]).await;
    within("the next poll", holds(async || down.log().await.len() == 4)).await;
    let asked: Vec<_> = down.log().await.iter().map(|attempt| attempt.query.get("poll").cloned()).collect();
    let wait = |ms: &str| Some(ms.to_owned());
    assert_eq!(asked, [None, None, wait("0"), wait("25000")]);
    assert_eq!((up.log().await.len(), record.handle.transport()), (2, Some(Transport::Fetch)));
}

//! Questions and replies, and how much is sent.

use std::time::Duration;

use everwire::{
    Event, Sent,
    error::OptionError,
    options::Rate,
    requests::{RequestError, RequestOptions, Requests},
};
use serde::Serialize;
use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::support::{Live, Record, Server, next_text, until_open, wait::within, web_socket};

/// The server echoes: what it says has the id of what was asked.
#[wasm_bindgen_test]
async fn a_reply_is_told_by_its_id_and_is_no_message() {
    let server = Server::start().await;
    let mut wire = web_socket(&server.ws("/echo")).live();
    let handle = wire.handle();
    let asked = [
        json!({"n": 1}),
        json!({"id": 7, "n": 2}),
        json!({"id": "own", "n": 3}),
        json!({"id": null, "n": 4}),
    ];
    let replies = asked.iter().map(|message| handle.request(message)).collect::<Vec<_>>();
    for (n, reply) in (1..).zip(replies) {
        let reply: Value = within("the reply", reply).await.unwrap().json().unwrap();
        assert_eq!(reply["n"], n);
    }
    let _sending = handle.send(r#"{"id":"nobody's"}"#);
    assert_eq!(next_text(&mut wire).await, r#"{"id":"nobody's"}"#);
}

#[wasm_bindgen_test]
async fn a_reply_may_be_an_error() {
    let server = Server::start().await;
    let wire = web_socket(&server.ws("/echo")).live();
    let reply = wire.handle().request(&json!({"id": "a", "error": {"code": 3}}));
    match within("the reply", reply).await {
        Err(RequestError::Refused(reply)) => {
            assert_eq!(reply.text(), Some(r#"{"error":{"code":3},"id":"a"}"#))
        }
        other => panic!("{other:?}"),
    }
    assert!(within("the reply", wire.handle().request(&json!({"error": null}))).await.is_ok());
    let own = Requests::new()
        .with_error_when(|reply| reply.text().is_some_and(|text| text.contains(r#""is":"bad""#)));
    let wire = web_socket(&server.ws("/echo")).requests(own).live();
    assert!(within("the reply", wire.handle().request(&json!({"error": 1}))).await.is_ok());
    let refused = within("the reply", wire.handle().request(&json!({"is": "bad"}))).await;
    assert!(matches!(refused, Err(RequestError::Refused(_))));
}

#[wasm_bindgen_test]
async fn no_reply_is_an_error_that_says_why() {
    let server = Server::start().await;
    let silent = server.script("ws", r#"[[["send","in"]]]"#);
    let mut wire = web_socket(&silent.url).live();
    let handle = wire.handle();
    assert_eq!(next_text(&mut wire).await, "in");
    let quick = RequestOptions::new().with_timeout(Duration::from_millis(50));
    let late = within("the timeout", handle.request_with(&json!({"id": "late"}), &quick)).await;
    assert_eq!(late, Err(RequestError::Timeout));
    let waits = handle.request(&json!({"id": "twice"}));
    assert_eq!(
        within("the error", handle.request(&json!({"id": "twice"}))).await,
        Err(RequestError::Duplicate)
    );
    for (not, what) in
        [(json!([1]), "an array"), (json!("text"), "a text"), (json!({"id": 1.5}), "a fraction")]
    {
        let refused = within("the error", handle.request(&not)).await;
        assert!(matches!(refused, Err(RequestError::Encode(_))), "{what}: {refused:?}");
    }
    server.fault("/fault/drop").await;
    assert_eq!(within("the loss", waits).await, Err(RequestError::Unknown));
    handle.close();
    assert_eq!(within("the end", handle.request(&json!({}))).await, Err(RequestError::Closed));
    let wrong = RequestOptions::new().with_timeout(Duration::ZERO);
    let problem = "must be 1 to 2147483647 ms";
    let error = RequestError::Option(OptionError { option: "requests.timeout", problem });
    assert_eq!(within("the error", handle.request_with(&json!({}), &wrong)).await, Err(error));
}

#[wasm_bindgen_test]
async fn what_may_be_asked_again_is_asked_on_the_next_connection() {
    let server = Server::start().await;
    let script = server.script("ws", r#"[[["send","in"],["wait",200],["reset"]],[["echo"]]]"#);
    let mut wire = web_socket(&script.url).requests(Requests::new().with_retry()).live();
    until_open(&mut wire).await;
    let reply = within("the reply", wire.handle().request(&json!({"id": "again"}))).await.unwrap();
    assert_eq!(reply.text(), Some(r#"{"id":"again"}"#));
}

#[wasm_bindgen_test]
async fn a_request_that_is_dropped_is_given_up_and_its_late_reply_reaches_nobody() {
    let server = Server::start().await;
    let script = server.script("ws", r#"[[["echo"]]]"#);
    let record = Record::of(web_socket(&script.url).live());
    record.until("the connection", |seen| seen.opens > 0).await;
    drop(record.handle.request(&json!({"n": 1})));
    let reply = within("the reply", record.handle.request(&json!({"n": 2}))).await;
    assert!(reply.is_ok());
    assert_eq!(record.seen().texts(), [""; 0]);
}

#[derive(Serialize)]
struct Numbered {
    n: u32,
}

#[wasm_bindgen_test]
async fn no_more_is_sent_than_the_rate_allows() {
    let server = Server::start().await;
    let script = server.script("ws", r#"[[["echo"]]]"#);
    let rate = Rate::new(5, Duration::from_millis(300));
    let mut wire = web_socket(&script.url).rate(rate).live();
    let handle = wire.handle();
    until_open(&mut wire).await;
    let began = js_sys::Date::now();
    let sends: Vec<_> = (0..11).map(|n| handle.send_json(&Numbered { n }).unwrap()).collect();
    assert_eq!(handle.queued().0, 6);
    for send in sends {
        assert_eq!(within("the send", send).await, Sent::Sent);
    }
    assert!(js_sys::Date::now() - began > 550.0, "eleven in two windows");
    let mut numbers = 0;
    while numbers < 11 {
        if let Event::Message(_) = within("the echo", wire.next()).await.unwrap() {
            numbers += 1;
        }
    }
    let wrong = |rate| web_socket(&server.ws("/echo")).rate(rate).connect().unwrap_err().to_string();
    assert!(wrong(Rate::new(0, Duration::from_secs(1))).starts_with("rate.messages must be 1 to 100000"));
    assert!(wrong(Rate::new(1, Duration::ZERO)).starts_with("rate.per must be 10 to 2147483647 ms"));
}

//! Tokens, in the places where a server reads them.

use std::{cell::RefCell, rc::Rc, time::Duration};

use everwire::{
    Builder, Client, Failure,
    auth::{Token, TokenReason, Tokens},
    event::CloseReason,
    options::Decision,
};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::support::{
    Live, QUICK, Record, Server, millis, next_text,
    server::{Attempt, Frame, Script},
    until_closed, until_open,
    wait::until,
    web_socket,
};

type Reasons = Rc<RefCell<Vec<TokenReason>>>;

/// Tokens t1, t2, …, which live so long, and why each was asked for.
fn counted(life: Duration) -> (Tokens, Reasons) {
    let reasons = Reasons::default();
    let asked = Rc::clone(&reasons);
    let tokens = Tokens::new(move |context| {
        asked.borrow_mut().push(context.reason);
        let token = Token::new(format!("t{}", asked.borrow().len())).with_expires_in(life);
        async move { Ok(token) }
    });
    (tokens, reasons)
}

fn lasting() -> (Tokens, Reasons) {
    counted(Duration::from_secs(3600))
}

fn fetch(script: &Script) -> Builder {
    Client::builder(&script.url).reconnect(QUICK)
}

async fn sent<T>(script: &Script, of: impl Fn(&Attempt) -> T) -> Vec<T> {
    script.log().await.iter().map(of).collect()
}

fn header(attempt: &Attempt) -> String {
    attempt.headers["authorization"].clone()
}

#[wasm_bindgen_test]
async fn in_the_header_of_a_fetch_in_a_subprotocol_and_in_the_query() {
    let server = Server::start().await;
    let (tokens, reasons) = lasting();
    let stream = server.script("sse", r#"[[["send","data: in\n\n"]]]"#);
    let mut wire = fetch(&stream).map_request(tokens.header()).live();
    assert_eq!(next_text(&mut wire).await, "in");
    assert_eq!(sent(&stream, header).await, ["Bearer t1"]);
    let socket = server.script("ws", r#"[[["send","in"]]]"#);
    let mut wire = web_socket(&socket.url).map_request(tokens.protocol("bearer.", ["app.v1"])).live();
    assert_eq!(next_text(&mut wire).await, "in");
    assert_eq!(sent(&socket, |attempt| attempt.protocols.clone()).await, [["app.v1", "bearer.t1"]]);
    assert_eq!(wire.handle().protocol(), "app.v1");
    let socket = server.script("ws", r#"[[["send","in"]]]"#);
    let mut wire = web_socket(&format!("{}&access_token=old", socket.url))
        .map_request(tokens.query("access_token"))
        .live();
    assert_eq!(next_text(&mut wire).await, "in");
    assert_eq!(sent(&socket, |attempt| attempt.query["access_token"].clone()).await, ["t1"]);
    assert_eq!(*reasons.borrow(), [TokenReason::Initial]);
}

#[wasm_bindgen_test]
async fn in_the_first_frame() {
    let server = Server::start().await;
    let (tokens, _) = lasting();
    let script = server.script("ws", r#"[[["echo"]]]"#);
    let wire = web_socket(&script.url).handshake(tokens.frame()).live();
    let _sending = wire.handle().send("first message");
    let frames =
        [r#"{"type":"auth","token":"t1"}"#, "first message"].map(|text| Frame::Text(text.to_owned()));
    script.until_received(&frames).await;
}

#[wasm_bindgen_test]
async fn one_question_for_clients_that_ask_at_the_same_time() {
    let server = Server::start().await;
    let (tokens, reasons) = lasting();
    let script = server.script("ws", r#"[[["send","in"]]]"#);
    let connect = || web_socket(&script.url).map_request(tokens.query("t")).live();
    for mut wire in [connect(), connect(), connect()] {
        assert_eq!(next_text(&mut wire).await, "in");
    }
    assert_eq!(sent(&script, |attempt| attempt.query["t"].clone()).await, ["t1", "t1", "t1"]);
    assert_eq!(*reasons.borrow(), [TokenReason::Initial]);
}

/// Refused once and let in; refused twice.
async fn refused(server: &Server, kind: &str, refusal: &str) {
    for (attempts, good) in
        [(format!(r#"[{refusal},[["send","data: in\n\n"]]]"#), true), (format!("[{refusal}]"), false)]
    {
        let script = server.script(kind, &attempts);
        let (tokens, reasons) = lasting();
        let builder = match kind {
            "ws" => web_socket(&script.url).map_request(tokens.protocol("bearer.", ["app.v1"])),
            _ => fetch(&script).map_request(tokens.header()),
        };
        let mut wire = builder
            .should_reconnect(|failure| match failure {
                Failure::Closed { code: 3000 | 1008 } | Failure::Http { status: 403, .. } => {
                    Decision::Unauthorized
                }
                _ => Decision::Table,
            })
            .live();
        if good {
            next_text(&mut wire).await;
        } else {
            let (closed, _) = until_closed(&mut wire).await;
            assert_eq!(closed.reason, CloseReason::Fatal, "{refusal}");
        }
        let token = |attempt: &Attempt| match kind {
            "ws" => attempt.protocols[1].clone(),
            _ => header(attempt),
        };
        let begins = if kind == "ws" { "bearer." } else { "Bearer " };
        assert_eq!(sent(&script, token).await, [format!("{begins}t1"), format!("{begins}t2")], "{refusal}");
        assert_eq!(*reasons.borrow(), [TokenReason::Initial, TokenReason::Unauthorized], "{refusal}");
    }
}

#[wasm_bindgen_test]
async fn refused_it_is_asked_for_once_more_and_then_it_is_fatal() {
    let server = Server::start().await;
    for code in [4401, 4001, 3000, 1008] {
        refused(&server, "ws", &format!(r#"[["close",{code},""]]"#)).await;
    }
    for status in [401, 403] {
        refused(&server, "sse", &format!(r#"[["status",{status}]]"#)).await;
    }
}

#[wasm_bindgen_test]
async fn kept_fresh_it_goes_over_the_connection_that_there_is() {
    let server = Server::start().await;
    let script = server.script("ws", r#"[[["mute"]]]"#);
    let (tokens, reasons) = counted(millis(2_000));
    let mut wire = web_socket(&script.url).handshake(tokens.frame_with(str::to_owned)).live();
    let handle = wire.handle();
    tokens.keep_fresh(&wire.handle(), move |token| drop(handle.send(token)));
    until_open(&mut wire).await;
    until("two of them", || reasons.borrow().len() > 2).await;
    assert_eq!(reasons.borrow()[..3], [TokenReason::Initial, TokenReason::Refresh, TokenReason::Refresh]);
    script.until_received(&["t1", "t2", "t3"].map(|text| Frame::Text(text.to_owned()))).await;
}

#[wasm_bindgen_test]
async fn another_origin_gets_none() {
    let server = Server::start().await;
    let (first, other) = (
        server.script("sse", r#"[[["status",503]]]"#),
        server.script("sse", r#"[[["send","data: in\n\n"]]]"#),
    );
    let elsewhere = other.url.replacen("127.0.0.1", "localhost", 1);
    let elsewhere =
        if elsewhere == other.url { other.url.replacen("localhost", "127.0.0.1", 1) } else { elsewhere };
    assert_ne!(elsewhere, other.url);
    let (tokens, _) = lasting();
    let record = Record::of(fetch(&first).failover([&elsewhere]).map_request(tokens.header()).live());
    record.until("three attempts", |seen| seen.retries.len() > 2).await;
    let failures: Vec<_> = record.seen().retries.iter().map(|retry| retry.failure.code()).collect();
    assert_eq!(failures[..3], ["http", "provider", "http"]);
    assert!(other.log().await.is_empty());
}

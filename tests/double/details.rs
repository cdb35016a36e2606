//! What the server said beside its messages: of a refusal, in comments, and where the client is connected.

use std::{cell::RefCell, rc::Rc};

use everwire::{
    Client, Failure, Transport,
    endpoint::{Credentials, Request},
    event::{CloseReason, Details},
    options::Decision,
    test_util::{Response, SseEvent},
};

use crate::support::{Live, SSE, fetch, millis, seconds, web_socket};

fn refusal(body: &str) -> Response {
    Response::new(503).with_header("content-type", "application/problem+json").with_body(body)
}

#[test]
fn a_refusal_has_its_body_and_content_type_and_the_next_failure_has_its_own() {
    let long = "€".repeat(2_000);
    for (limit, length) in [(None, 1_024), (Some(0), 0), (Some(1_999), 1_999), (Some(1 << 20), 2_000)] {
        let builder = fetch();
        let builder = if let Some(limit) = limit { builder.max_failure_body(limit) } else { builder };
        let mut live = Live::new(builder);
        live.attempt().respond(refusal(&long));
        let retries = live.retries();
        let details = &retries[0].details;
        assert_eq!(
            (details.content_type.as_str(), details.body.chars().count()),
            ("application/problem+json", length)
        );
        live.retry().fail();
        live.page.advance(millis(300));
        assert_eq!(live.retries()[0].details, Details::default());
    }
    let error = fetch().max_failure_body((1 << 20) + 1).connect().unwrap_err();
    assert!(error.to_string().contains("http.maxFailureBody"), "{error}");
}

#[test]
fn what_closed_it_says_so_and_no_secret_is_printed() {
    let mut live = Live::new(fetch());
    live.attempt().respond(Response::new(403).with_header("content-type", "text/plain").with_body("s3cret"));
    let closed = live.closed();
    assert_eq!(
        (closed.reason, &*closed.details.body, closed.was_clean),
        (CloseReason::Fatal, "s3cret", false)
    );
    assert!(!format!("{closed:?}").contains("s3cret"));
    let mut live = Live::new(fetch());
    live.attempt().respond(Response::new(200).with_header("content-type", "text/html").with_body("<p>"));
    let closed = live.closed();
    assert_eq!((closed.failure, &*closed.details.body), (Some(Failure::ContentType), "<p>"));
}

#[test]
fn a_rule_may_look_at_them() {
    let seen = Rc::<RefCell<Vec<Details>>>::default();
    let asked = Rc::clone(&seen);
    let mut live = Live::new(web_socket().should_reconnect_with(move |_, details| {
        asked.borrow_mut().push(details.clone());
        if details.close_reason == "maintenance" { Decision::After(seconds(60)) } else { Decision::Table }
    }));
    let server = live.accept();
    server.close(4000, "maintenance");
    live.page.advance(millis(1));
    assert_eq!(live.retries()[0].delay, seconds(60));
    live.retry().fail();
    live.page.advance(millis(300));
    let reasons: Vec<_> = seen.borrow().iter().map(|details| details.close_reason.clone()).collect();
    assert_eq!(reasons, ["maintenance", ""]);
}

#[test]
fn an_end_that_was_agreed_on_is_clean() {
    let mut live = Live::new(web_socket());
    let _server = live.accept();
    live.handle().close();
    assert!(live.closed().was_clean);
    let mut live = Live::new(web_socket());
    live.handle().close();
    assert!(!live.closed().was_clean, "before it was open");
    let mut live = Live::new(web_socket());
    live.accept().close(1008, "no");
    let closed = live.closed();
    assert_eq!(
        (closed.was_clean, &*closed.peer_close_reason, &*closed.details.close_reason),
        (true, "no", "no")
    );
}

#[test]
fn comments_are_the_apps_where_it_asks_for_them() {
    let seen = Rc::<RefCell<Vec<String>>>::default();
    let comments = Rc::clone(&seen);
    let mut live = Live::new(fetch().on_comment(move |text| comments.borrow_mut().push(text.to_owned())));
    let server = live.accept();
    server.send_text(": one\n\n:two\ndata: a\n\n");
    server.send_event(SseEvent::new("b"));
    assert_eq!(live.texts(), ["a", "b"]);
    assert_eq!(*seen.borrow(), ["one", "two"]);
}

#[test]
fn the_address_is_that_of_the_connection_with_its_parameters() {
    let greeted = Rc::<RefCell<String>>::default();
    let url = Rc::clone(&greeted);
    let live = Live::new(web_socket().handshake(move |socket| {
        url.replace(socket.url());
        async { Ok(()) }
    }));
    assert_eq!(live.handle().url(), "");
    let server = live.accept();
    live.page.run_until_stalled();
    let address = live.handle().url();
    assert!(address.starts_with("wss://example.com/live"), "{address}");
    assert_eq!(*greeted.borrow(), address);
    server.break_off();
    live.page.run_until_stalled();
    assert_eq!(live.handle().url(), address, "the last one");
}

#[test]
fn credentials_are_for_each_request() {
    for (request, follows) in [
        (Request::get(SSE), true),
        (Request::get(SSE).with_credentials(Credentials::Omit), true),
        (Request::get(SSE).with_credentials(Credentials::Include), false),
    ] {
        let mut live = Live::new(Client::builder(request));
        let away = Response::new(307).with_header("location", "https://other.example/live");
        live.attempt().respond(away);
        live.page.run_until_stalled();
        let followed = live.page.next_attempt().is_some();
        assert_eq!(followed, follows, "what has credentials goes to no other origin");
        live.events();
    }
    assert_eq!(Transport::Fetch.name(), "fetch");
}

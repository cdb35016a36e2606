//! What the server is asked beside a connection that does not open.

use everwire::{
    Client, Failure, State, Transport,
    endpoint::Request,
    error::{ConnectError, OptionError},
    event::CloseReason,
    failure::RetryAfter,
    options::Uplink,
    test_util::{Page, Response},
};

use crate::support::{Live, fetch, millis, seconds, web_socket};

const PROBE: &str = "https://example.com/live";

#[test]
fn a_probe_tells_why_a_websocket_did_not_open() {
    let request = Request::get(PROBE).with_header("authorization", "Bearer t");
    let mut live = Live::new(web_socket().probe(request));
    live.attempt().refuse(503);
    let probe = live.page.wait_for_request().unwrap();
    assert_eq!((live.handle().state(), live.handle().last_failure()), (State::Connecting, None));
    assert_eq!((probe.method(), probe.url(), probe.body()), ("GET", PROBE, &b""[..]));
    assert_eq!(probe.header("Authorization").as_deref(), Some("Bearer t"));
    probe.respond(Response::new(503).with_header("retry-after", "7"));
    let retry = live.retries().pop().unwrap();
    let retry_after = Some(RetryAfter::new(seconds(7)));
    assert_eq!(retry.failure, Failure::Http { status: 503, retry_after });
    live.retry().refuse(403);
    live.page.wait_for_request().unwrap().respond(Response::new(403));
    let closed = live.closed();
    let refused = Some(Failure::Http { status: 403, retry_after: None });
    assert_eq!((closed.reason, closed.failure), (CloseReason::Fatal, refused));
}

#[test]
fn what_is_no_refusal_is_an_ordinary_failure() {
    for status in [200, 204, 426, 0] {
        let mut live = Live::new(web_socket().probe(PROBE));
        live.attempt().refuse(500);
        let probe = live.page.wait_for_request().unwrap();
        if status == 0 {
            probe.fail()
        } else {
            probe.respond(Response::new(status))
        }
        assert_eq!(live.retries().pop().unwrap().failure, Failure::Network, "{status}");
    }
}

#[test]
fn what_opened_is_not_probed_and_a_stream_is_not() {
    for builder in [web_socket(), fetch()] {
        let live = Live::new(builder.probe(PROBE));
        live.accept().break_off();
        let again = live.retry();
        if again.transport() == Transport::Fetch {
            again.refuse(500);
        }
        assert!(live.page.next_request().is_none());
    }
}

#[test]
fn a_probe_is_called_off_with_its_attempt() {
    let live = Live::new(web_socket().probe(PROBE));
    live.attempt().fail();
    let probe = live.page.wait_for_request().unwrap();
    assert!(probe.is_waiting());
    live.handle().close();
    assert!(!probe.is_waiting(), "by close");

    let mut live = Live::new(web_socket().probe(PROBE));
    live.attempt().fail();
    let probe = live.page.wait_for_request().unwrap();
    live.page.advance(seconds(10));
    assert!(!probe.is_waiting(), "by the open timeout");
    assert_eq!(live.retries().pop().unwrap().failure, Failure::OpenTimeout);
}

#[test]
fn a_probe_that_cannot_be_is_an_error() {
    let _page = Page::new();
    for (probe, problem) in [
        (Request::get("wss://example.com"), "must be an http: or https: address without a password"),
        (Request::get("https://a:b@example.com"), "must be an http: or https: address without a password"),
        (Request::post(PROBE, ""), "must be an address with headers alone"),
    ] {
        let error = ConnectError::InvalidOption(OptionError { option: "probe", problem });
        assert_eq!(web_socket().probe(probe).connect().err(), Some(error));
    }
}

/// The server answers, and the stream does not come.
#[test]
fn a_stream_that_a_proxy_holds_back_is_told_so() {
    let request = Request::get("https://example.com/live?a=b").with_header("authorization", "Bearer t");
    let builder = Client::builder(request).uplink(Uplink::new("/up"));
    let mut live = Live::new(builder);
    let stream = live.attempt();
    assert!(stream.query("connection").is_some());
    live.page.advance(millis(2_999));
    assert!(live.page.next_request().is_none());
    live.page.advance(millis(1));
    let head = live.page.next_request().unwrap();
    assert_eq!((head.method(), head.url()), ("HEAD", "https://example.com/live?a=b"));
    assert_eq!(head.header("authorization").as_deref(), Some("Bearer t"));
    head.respond(Response::new(200).with_header("content-type", "text/event-stream"));
    assert!(live.retries().is_empty());
    assert_eq!(live.handle().state(), State::Connecting);
    live.page.advance(seconds(6));
    assert_eq!(live.retries().pop().unwrap().failure, Failure::Buffered);
    assert!(!stream.is_waiting());
}

#[test]
fn another_answer_says_nothing_of_the_stream_and_one_that_opens_is_asked_no_more() {
    for response in [
        Response::new(405),
        Response::new(200).with_header("content-type", "text/html"),
        Response::new(307).with_header("location", "/other"),
    ] {
        let mut live = Live::new(fetch());
        let _stream = live.attempt();
        live.page.advance(seconds(3));
        live.page.next_request().unwrap().respond(response);
        live.page.advance(millis(6_999));
        assert!(live.retries().is_empty());
        live.page.advance(millis(1));
        assert_eq!(live.retries().pop().unwrap().failure, Failure::OpenTimeout);
    }
    let live = Live::new(fetch());
    let stream = live.attempt();
    live.page.advance(seconds(3));
    let head = live.page.next_request().unwrap();
    assert!(head.is_waiting());
    stream.accept();
    assert!(!head.is_waiting());
    assert_eq!(live.handle().state(), State::Open);
}

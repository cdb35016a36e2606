//! Event streams: fetched, and by EventSource.

use everwire::{
    Builder, Client, Failure, State, Transport,
    endpoint::{Redirect, Request},
    event::CloseReason,
    failure::RetryAfter,
    options::ContentType,
    test_util::{Response, SseEvent},
};

use crate::support::{EVEN, Live, SSE, fetch, millis, seconds};

fn event_source() -> Builder {
    fetch().transport(Transport::EventSource)
}

const STREAM: &str = "\u{feff}: hello\nid: 1\nevent: price\ndata: {\"p\":\"\u{20ac}\"}\ndata: x\n\n\
    retry: 7000\nid\ndata:last\r\n\r\nid: 3\n\n";

#[test]
fn a_stream_in_odd_chunks_is_the_same_stream() {
    for size in 1..=STREAM.len() {
        let mut live = Live::new(fetch());
        let server = live.accept();
        for chunk in STREAM.as_bytes().chunks(size) {
            server.send_bytes(chunk);
        }
        let events = live.events();
        let messages: Vec<_> = events
            .iter()
            .filter_map(crate::support::message)
            .map(|message| (message.kind(), message.text().unwrap(), message.last_event_id()))
            .collect();
        let expected = [("price", "{\"p\":\"\u{20ac}\"}\nx", "1"), ("message", "last", "")];
        assert_eq!(messages, expected, "chunks of {size}");
        assert_eq!(live.handle().last_event_id(), "3");
        server.break_off();
        live.page.advance(millis(200));
        assert!(live.handle().retry_in().is_some_and(|left| left > seconds(6)), "retry: counts");
    }
}

#[test]
fn a_chunk_of_megabytes_comes_whole() {
    let mut live = Live::new(fetch());
    let long = "0123456789".repeat(300_000);
    live.accept().send_event(SseEvent::new(&long));
    assert_eq!(live.texts(), [long]);
}

#[test]
fn what_a_retry_cannot_mend_is_told_and_fatal() {
    for (response, failure) in [
        (Response::new(403), Failure::Http { status: 403, retry_after: None }),
        (Response::new(404), Failure::Http { status: 404, retry_after: None }),
        (Response::new(200).with_header("content-type", "text/html"), Failure::ContentType),
    ] {
        let mut live = Live::new(fetch());
        live.attempt().respond(response);
        let closed = live.closed();
        assert_eq!((closed.reason, closed.failure), (CloseReason::Fatal, Some(failure)));
    }
}

#[test]
fn a_status_that_may_pass_is_retried_when_the_server_says() {
    let mut live = Live::new(fetch());
    live.attempt().respond(Response::new(503).with_header("retry-after", "7"));
    let retry = live.retries().pop().unwrap();
    let retry_after = Some(RetryAfter::new(seconds(7)));
    assert_eq!(retry.failure, Failure::Http { status: 503, retry_after });
    assert!(retry.delay >= seconds(7));
    let before = live.page.elapsed();
    live.retry().accept();
    assert!(live.page.elapsed() - before >= seconds(7));
}

#[test]
fn a_date_is_a_time_to_come_back_too() {
    let live = Live::new(fetch());
    let date = "Thu, 01 Jan 2026 00:01:00 GMT";
    live.attempt().respond(Response::new(503).with_header("Retry-After", date));
    assert!(live.handle().retry_in().unwrap() >= seconds(59));
}

#[test]
fn a_204_is_the_end() {
    let mut live = Live::new(fetch());
    live.attempt().refuse(204);
    assert_eq!(live.closed().reason, CloseReason::Ended);
}

#[test]
fn a_get_that_ends_goes_on_and_a_post_is_over() {
    let live = Live::new(fetch());
    live.accept().end();
    live.retry().accept();
    assert_eq!(live.handle().state(), State::Open);

    let mut live = Live::new(Client::builder(Request::post(SSE, "hi")).reconnect(EVEN));
    live.accept().break_off();
    live.page.advance(seconds(3_600));
    assert!(live.page.next_attempt().is_none());
    assert_eq!(live.handle().state(), State::Closed);
    live.closed();
}

#[test]
fn with_flush_the_last_event_needs_no_blank_line() {
    for flush in [false, true] {
        let builder = if flush { fetch().flush() } else { fetch() };
        let mut live = Live::new(builder);
        let server = live.accept();
        server.send_text("data: whole\n\ndata: cut off");
        server.end();
        let expected: &[&str] = if flush { &["whole", "cut off"] } else { &["whole"] };
        assert_eq!(live.texts(), expected);
    }
}

#[test]
fn an_answer_of_any_type_is_a_stream_if_the_app_says_so() {
    let mut live = Live::new(fetch().content_type(ContentType::Any));
    live.attempt().respond(Response::new(200)).send_event("x");
    assert_eq!(live.texts(), ["x"]);
}

#[test]
fn an_event_above_the_limit_is_too_big() {
    let mut live = Live::new(fetch().max_event_bytes(1_000));
    live.accept().send_event(SseEvent::new("x".repeat(1_001)));
    let closed = live.closed();
    assert_eq!((closed.reason, closed.failure), (CloseReason::Fatal, Some(Failure::TooBig)));
}

#[test]
fn a_plain_stream_follows_a_redirect_and_what_was_given_for_one_origin_stays_there() {
    let moved = || Response::new(307).with_header("location", "https://other.example/live");
    let mut live = Live::new(fetch());
    live.attempt().respond(moved());
    let other = live.attempt();
    assert_eq!(other.url(), "https://other.example/live");
    other.accept().send_event("x");
    let origin = live.events().iter().find_map(crate::support::message).map(|m| m.origin().to_owned());
    assert_eq!(origin.as_deref(), Some("https://other.example"));

    let request = || Request::get(SSE).with_header("authorization", "Bearer secret");
    let mut live = Live::new(Client::builder(request()));
    live.attempt().respond(moved());
    assert_eq!(live.closed().failure, Some(Failure::Redirect));

    let live = Live::new(Client::builder(request().with_redirect(Redirect::Follow)));
    live.attempt().respond(moved());
    assert_eq!(live.attempt().header("authorization").as_deref(), Some("Bearer secret"));
}

#[test]
fn across_origins_the_cursor_moves_from_the_header_into_the_address() {
    let mut live = Live::new(Client::builder("/live").reconnect(EVEN));
    let server = live.accept();
    server.send_event(SseEvent::new("x").with_id("7"));
    server.break_off();
    let here = live.retry();
    assert_eq!(here.header("last-event-id").as_deref(), Some("7"));
    here.respond(Response::new(307).with_header("location", "https://other.example/live?a=b"));
    let other = live.attempt();
    assert_eq!(other.url(), "https://other.example/live?a=b&lastEventId=7");
    assert_eq!(other.header("last-event-id"), None);
    live.events();
}

#[test]
fn an_event_source_has_the_events_that_were_asked_for() {
    let mut live = Live::new(event_source().events(["price"]));
    let server = live.accept();
    server.send_event(SseEvent::new("1").with_name("price").with_id("a"));
    server.send_event(SseEvent::new("2").with_name("other"));
    server.send_event("3");
    assert_eq!(live.texts(), ["1", "3"]);
    server.break_off();
    // Made anew, on the core's schedule.
    let again = live.retry();
    assert_eq!((again.query("lastEventId").as_deref(), again.header("last-event-id")), (Some("a"), None));
    again.refuse(500);
    live.retry().accept();
    assert_eq!(live.handle().state(), State::Open);
}

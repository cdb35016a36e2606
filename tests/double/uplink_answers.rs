//! What becomes of a POST beside an event stream, by its answer.

use std::{cell::RefCell, rc::Rc};

use everwire::{
    Failure, Sent,
    endpoint::{Reason, Request},
    event::CloseReason,
    options::{Heartbeat, Rate, SendOptions, Uplink},
    send::Dropped,
    test_util::{Response, SseEvent},
};
use serde_json::json;

use crate::{
    support::{Live, fetch, millis, seconds},
    uplink::{UP, body, done, uplinked, with_acks},
};

#[test]
fn the_one_that_a_refusal_is_about_is_dropped_and_the_others_arrive_in_order() {
    for (status, why) in
        [(400, Dropped::Refused), (413, Dropped::TooBig), (415, Dropped::Refused), (422, Dropped::Refused)]
    {
        let mut live = Live::new(uplinked());
        live.accept();
        let sends = live.sends(&["1", "2", "3"]);
        let mut posted = Vec::new();
        for status in [status, 204, status, 204] {
            let post = live.post();
            posted.push(body(&post));
            post.respond(Response::new(status));
        }
        assert_eq!(posted, [json!(["1", "2", "3"]), json!(["1"]), json!(["2"]), json!(["3"])]);
        assert_eq!(live.fates(sends), [Sent::Sent, Sent::Dropped(why), Sent::Sent]);
        drop(live.sends(&["4", "5"]));
        assert_eq!(body(&live.post()), json!(["4", "5"]));
        assert!(live.retries().is_empty(), "the stream stays");
    }
}

#[test]
fn what_is_too_much_now_is_sent_again_later() {
    for (status, after, least) in
        [(429, Some("7"), 7_000), (503, Some("7"), 7_000), (425, None, 100), (429, None, 100)]
    {
        let mut live = Live::new(uplinked());
        live.accept();
        let sends = live.sends(&["1", "2"]);
        let response = Response::new(status);
        live.post().respond(match after {
            Some(after) => response.with_header("retry-after", after),
            None => response,
        });
        let again = live.page.wait_for_request().unwrap();
        assert!(live.page.elapsed() >= millis(least), "{:?}", live.page.elapsed());
        assert_eq!(body(&again), json!(["1", "2"]));
        again.respond(done());
        assert_eq!(live.fates(sends), [Sent::Sent; 2]);
        assert!(live.retries().is_empty(), "the stream stays");
    }
}

#[test]
fn of_what_nobody_knows_only_that_goes_again_which_waits_for_an_ack() {
    for status in [500, 302, 0] {
        let mut live = Live::new(with_acks());
        live.accept();
        let plain = live.send("1");
        let acked = live.handle().send_with("2", &SendOptions::new().with_ack("2")).unwrap();
        let post = live.post();
        if status == 0 {
            post.fail()
        } else {
            post.respond(Response::new(status))
        }
        assert_eq!(live.fate(plain), Sent::Unknown);
        let failure = live.retries().pop().unwrap().failure;
        let http = Failure::Http { status, retry_after: None };
        assert_eq!(failure, if status == 500 { http } else { Failure::Network });
        let told = live.page.warnings().iter().any(|text| text.contains("redirect"));
        assert_eq!(told, status == 302);
        let server = live.retry().accept();
        let again = live.post();
        assert_eq!(body(&again), json!(["2"]));
        again.respond(done());
        server.send_event("2");
        assert_eq!(live.fate(acked), Sent::Acked);
    }
}

#[test]
fn what_is_not_answered_in_time_has_failed() {
    let mut live = Live::new(fetch().uplink(Uplink::new(UP).with_timeout(seconds(3))));
    live.accept();
    let sending = live.send("1");
    let post = live.post();
    live.page.advance(millis(2_999));
    assert!(post.is_waiting());
    live.page.advance(millis(1));
    assert!(!post.is_waiting());
    assert_eq!(live.fate(sending), Sent::Unknown);
    assert_eq!(live.retries().pop().unwrap().failure, Failure::Network);
    live.retry().accept();
    let next = live.send("2");
    live.post().respond(done());
    assert_eq!(live.fate(next), Sent::Sent);
}

#[test]
fn a_refusal_for_good_is_the_end_and_one_of_the_stream_a_new_stream() {
    for status in [403, 410] {
        let mut live = Live::new(uplinked());
        live.accept();
        let sending = live.send("1");
        live.post().respond(Response::new(status));
        assert_eq!(live.fate(sending), Sent::Dropped(Dropped::Closed));
        let closed = live.closed();
        let failure = Some(Failure::Http { status, retry_after: None });
        assert_eq!((closed.reason, closed.failure), (CloseReason::Fatal, failure));
    }
    for status in [404, 409] {
        let live = Live::new(uplinked());
        let first = live.attempt();
        let name = first.query("connection");
        first.accept();
        let sends = live.sends(&["1", "2"]);
        live.post().respond(Response::new(status));
        let second = live.retry();
        assert_ne!(second.query("connection"), name, "a new stream has a new name");
        let name = second.query("connection");
        second.accept();
        let post = live.post();
        assert_eq!((body(&post), post.query("connection")), (json!(["1", "2"]), name));
        post.respond(done());
        assert_eq!(live.fates(sends), [Sent::Sent; 2]);
    }
}

type Contexts = Rc<RefCell<Vec<(Reason, u64, String)>>>;

/// A function that notes its contexts, and gives these, one after the other; then the last one for ever.
fn asked(answers: &'static [Option<&'static str>]) -> (Uplink, Contexts) {
    let contexts = Contexts::default();
    let notes = Rc::clone(&contexts);
    let uplink = Uplink::new_with(move |context| {
        let mut notes = notes.borrow_mut();
        notes.push((context.reason, context.attempt, context.last_event_id));
        let answer = answers.get(notes.len() - 1).or(answers.last()).copied().flatten();
        async move { answer.ok_or_else(|| "no token".into()) }
    });
    (uplink, contexts)
}

#[test]
fn a_function_is_asked_before_each_post_and_once_more_when_it_was_refused() {
    let (uplink, contexts) = asked(&[Some(UP)]);
    let mut live = Live::new(fetch().uplink(uplink));
    live.accept().send_event(SseEvent::new("x").with_id("7"));
    let sending = live.send("1");
    live.post().respond(Response::new(401));
    live.retry().accept();
    live.post().respond(done());
    assert_eq!(live.fate(sending), Sent::Sent);
    drop(live.send("2"));
    live.post().respond(Response::new(401));
    let seven = || "7".to_owned();
    let expected =
        [(Reason::Initial, 0, seven()), (Reason::Unauthorized, 1, seven()), (Reason::Reconnect, 1, seven())];
    assert_eq!(contexts.take(), expected);
    assert_eq!(live.closed().failure, Some(Failure::Http { status: 401, retry_after: None }));
}

#[test]
fn a_function_that_fails_or_never_answers_is_a_failed_connection_and_loses_nothing() {
    for answer in [
        None,
        Some("https://a:b@example.com/up"),
        Some("https://example.com/../up"),
        Some("wss://example.com"),
    ] {
        let answers: &'static [_] = Box::leak(Box::new([answer, Some(UP)]));
        let mut live = Live::new(fetch().uplink(asked(answers).0));
        live.accept();
        let sending = live.send("1");
        assert_eq!(live.retries().pop().unwrap().failure, Failure::Provider, "{answer:?}");
        assert_eq!(live.page.warnings().len(), usize::from(answer.is_some()));
        live.retry().accept();
        live.post().respond(done());
        assert_eq!(live.fate(sending), Sent::Sent);
    }
    let uplink = Uplink::new_with(|_| std::future::pending::<Result<Request, _>>()).with_timeout(seconds(2));
    let mut live = Live::new(fetch().uplink(uplink));
    live.accept();
    drop(live.send("1"));
    live.page.advance(seconds(2));
    assert_eq!(live.retries().pop().unwrap().failure, Failure::Provider);
}

#[test]
fn with_confirm_the_answer_is_the_confirmation() {
    let live = Live::new(uplinked().heartbeat(Heartbeat::new()));
    live.accept();
    let sending = live.handle().send_with("1", &SendOptions::new().with_confirm()).unwrap();
    live.post().respond(done());
    assert_eq!(live.page.now_or_never(sending), Some(Sent::Sent));
}

#[test]
fn a_status_of_too_much_narrows_the_rate() {
    let live = Live::new(uplinked().rate(Rate::new(4, seconds(1))));
    live.accept();
    let sends = live.sends(&["1", "2", "3", "4", "5", "6", "7", "8"]);
    let post = live.post();
    assert_eq!(body(&post).as_array().unwrap().len(), 4);
    post.respond(Response::new(429));
    let mut went = 0;
    while went < 8 {
        let post = live.page.wait_for_request().unwrap();
        let many = body(&post).as_array().unwrap().len();
        assert!(many <= 2, "{many}");
        went += many;
        post.respond(done());
    }
    assert_eq!(live.fates(sends), [Sent::Sent; 8]);
}

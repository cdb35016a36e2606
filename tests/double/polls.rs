//! Long polls: an event stream in pieces.

use everwire::{
    Builder, Client, Event, Failure, Sent, State, Transport,
    endpoint::{Request, Way, Ways},
    error::{ConnectError, OptionError},
    event::{CloseReason, Outcome},
    options::{Fallback, Heartbeat, LongPoll, Resume, Uplink},
    test_util::{Attempt, Page, Response, SseEvent},
};

use crate::support::{EVEN, Live, SSE, WS, millis, seconds};

fn only() -> Fallback {
    Fallback::new().with_order([Way::Poll])
}

fn polls() -> Builder {
    Client::builder(SSE).long_poll(LongPoll::new()).fallback(only()).reconnect(EVEN)
}

/// How long the server may wait, and from where on.
fn asked(attempt: &Attempt) -> (Option<String>, Option<String>) {
    (attempt.query("poll"), attempt.query("lastEventId"))
}

/// Answers a request with these ids, and ends.
fn piece(attempt: Attempt, ids: &[&str]) {
    let server = attempt.accept();
    for id in ids {
        server.send_event(SseEvent::new(id).with_id(id));
    }
    server.end();
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn one_connection_to_the_app_and_each_request_names_the_cursor() {
    let mut live = Live::new(polls().long_poll(LongPoll::new().with_wait(seconds(20))));
    let first = live.attempt();
    assert_eq!((first.transport(), asked(&first)), (Transport::Fetch, (text("0"), None)));
    piece(first, &["a"]);
    for (from, ids) in [("a", &["a", "b", "c"][..]), ("c", &["c", "d"])] {
        let next = live.retry();
        assert_eq!(asked(&next), (text("20000"), text(from)));
        piece(next, ids);
    }
    let waits = live.retry().accept();
    live.page.advance(seconds(19));
    assert!(waits.is_open());
    let opens = live.events().iter().filter(|event| matches!(event, Event::Open(_))).count();
    let texts: Vec<_> =
        live.seen.iter().filter_map(crate::support::message).filter_map(|m| m.text()).collect();
    assert_eq!((opens, texts), (1, vec!["a", "b", "c", "d"]));
    let lost = |event: &Event| matches!(event, Event::Gap(_) | Event::Retry(_));
    assert!(!live.seen.iter().any(lost), "{:?}", live.seen);
    assert_eq!((live.handle().transport(), live.handle().state()), (Some(Transport::Fetch), State::Open));
}

#[test]
fn each_message_once_where_a_server_says_again_what_came_last() {
    let mut live = Live::new(polls());
    piece(live.attempt(), &["a", "b"]);
    piece(live.retry(), &["b", "c"]);
    piece(live.retry(), &["c", "d"]);
    drop(live.retry().accept());
    assert_eq!(live.texts(), ["a", "b", "c", "d"]);
    assert_eq!(live.handle().stats().outcome, Some(Outcome::Recovered));
}

#[test]
fn a_replay_that_begins_behind_the_cursor_tells_a_gap_of_its_own() {
    let mut live = Live::new(polls().resume(Resume::new().with_gap("gap")));
    piece(live.attempt(), &["a"]);
    piece(live.retry(), &["c"]);
    let server = live.retry().accept();
    server.send_event(r#"{"type":"gap"}"#);
    server.send_event(SseEvent::new("x").with_id("x"));
    let gaps: Vec<_> = live.gaps().into_iter().map(|gap| (gap.outcome, gap.after, gap.before)).collect();
    let text = str::to_owned;
    assert_eq!(gaps, [(Outcome::Unknown, text("a"), text("c")), (Outcome::Gap, text("c"), text("x"))]);
}

#[test]
fn answers_that_bring_nothing_at_once_are_no_storm() {
    let mut live = Live::new(polls());
    let before = live.page.elapsed();
    for _ in 0..10 {
        piece(live.retry(), &[]);
    }
    // Two requests for each connection, and the delays between these double.
    assert!(live.page.elapsed() - before >= seconds(15), "{:?}", live.page.elapsed());
    let retries = live.retries();
    assert!(retries.len() > 3 && retries.iter().all(|retry| retry.failure == Failure::End), "{retries:?}");
}

#[test]
fn what_a_server_says_again_is_no_news_either() {
    let live = Live::new(polls());
    piece(live.attempt(), &["a"]);
    let before = live.page.elapsed();
    for _ in 0..10 {
        piece(live.retry(), &["a"]);
    }
    assert!(live.page.elapsed() - before > seconds(30), "{:?}", live.page.elapsed());
}

#[test]
fn one_that_says_nothing_until_its_time_is_over_goes_on_at_once() {
    let mut live = Live::new(polls());
    piece(live.attempt(), &["a"]);
    for _ in 0..3 {
        let quiet = live.retry().accept();
        live.page.advance(seconds(25));
        let before = live.page.elapsed();
        quiet.end();
        let next = live.retry();
        assert!(live.page.elapsed() - before <= millis(100));
        assert_eq!(asked(&next), (text("25000"), text("a")));
        piece(next, &[]);
        live.page.advance(seconds(60));
    }
    assert!(live.texts().contains(&"a".to_owned()));
}

#[test]
fn one_that_is_not_answered_in_time_is_a_lost_connection() {
    let mut live = Live::new(polls());
    piece(live.attempt(), &["a"]);
    let hangs = live.retry();
    live.page.advance(seconds(34));
    assert!(hangs.is_waiting());
    live.page.advance(seconds(2));
    assert!(!hangs.is_waiting());
    let failures: Vec<Failure> = live.retries().into_iter().map(|retry| retry.failure).collect();
    assert_eq!(failures, [Failure::Network]);
    // A connection begins with one that is answered at once.
    assert_eq!(asked(&live.retry()), (text("0"), text("a")));
}

#[test]
fn refusals_in_the_middle_go_by_the_table() {
    let mut live = Live::new(polls());
    piece(live.attempt(), &["a"]);
    live.retry().refuse(503);
    piece(live.retry(), &["b"]);
    live.retry().refuse(403);
    let failures: Vec<Failure> = live.retries().into_iter().map(|retry| retry.failure).collect();
    let of = |status| Failure::Http { status, retry_after: None };
    assert_eq!(failures, [of(503)]);
    let Some(Event::Closed(closed)) = live.seen.last() else { panic!("{:?}", live.seen) };
    assert_eq!((closed.reason, closed.failure), (CloseReason::Fatal, Some(of(403))));
}

#[test]
fn close_calls_off_the_one_that_is_out() {
    let live = Live::new(polls());
    piece(live.attempt(), &["a"]);
    let out = live.retry();
    live.handle().close();
    assert!(!out.is_waiting());
    assert_eq!(live.handle().state(), State::Closed);
    live.page.advance(seconds(120));
    assert!(live.page.next_attempt().is_none());
}

#[test]
fn with_the_heartbeat_the_server_is_asked_to_wait_less_than_the_interval() {
    let live = Live::new(polls().heartbeat(Heartbeat::new().with_interval(seconds(10))));
    piece(live.attempt(), &["a"]);
    assert_eq!(asked(&live.retry()).0, text("8000"));
}

#[test]
fn a_name_of_its_own_and_what_stands_in_the_query_stays() {
    let address = format!("{SSE}?room=7");
    let builder =
        Client::builder(address.as_str()).long_poll(LongPoll::new().with_name("wait")).fallback(only());
    let live = Live::new(builder.reconnect(EVEN));
    assert_eq!(live.attempt().url(), format!("{SSE}?room=7&wait=0"));
}

#[test]
fn it_is_the_last_way_and_the_first_one_is_tried_again_after_five_minutes() {
    let ways = Ways::new().with_websocket(WS).with_sse(Request::get(SSE).with_header("x-key", "7"));
    let mut live = Live::new(Client::builder(ways).long_poll(LongPoll::new()).reconnect(EVEN));
    for (transport, poll) in [
        (Transport::WebSocket, None),
        (Transport::WebSocket, None),
        (Transport::Fetch, None),
        (Transport::Fetch, None),
    ] {
        let attempt = live.retry();
        assert_eq!((attempt.transport(), attempt.query("poll")), (transport, poll));
        attempt.fail();
    }
    let first = live.retry();
    assert_eq!((asked(&first).0, first.header("x-key")), (text("0"), text("7")));
    piece(first, &["a"]);
    let mut polling = None;
    let up = loop {
        match live.page.next_attempt() {
            Some(attempt) if attempt.transport() == Transport::WebSocket => break attempt,
            Some(attempt) => polling = Some((attempt.accept(), live.page.elapsed())),
            None => live.page.advance(seconds(1)),
        }
        if let Some((server, since)) = &polling
            && live.page.elapsed() - *since >= seconds(25)
        {
            server.end();
        }
        assert!(live.page.elapsed() < seconds(400), "the WebSocket is tried while polls go on");
    };
    let elapsed = live.page.elapsed();
    // Five minutes, less by up to a quarter.
    assert!(elapsed >= seconds(225), "{elapsed:?}");
    assert_eq!(live.handle().transport(), Some(Transport::Fetch));
    let up = up.accept();
    assert_eq!(live.handle().transport(), Some(Transport::WebSocket));
    up.send_text("over it");
    assert_eq!(live.texts(), ["a", "over it"]);
}

#[test]
fn polls_take_over_while_another_way_delivers() {
    let order = Fallback::new().with_order([Way::Poll, Way::Fetch]);
    let reconnect = EVEN.with_failback(seconds(5));
    let builder = Client::builder(SSE).long_poll(LongPoll::new()).fallback(order).reconnect(reconnect);
    let mut live = Live::new(builder);
    for _ in 0..2 {
        live.retry().fail();
    }
    let whole = live.retry();
    assert_eq!(whole.query("poll"), None);
    let whole = whole.accept();
    whole.send_event(SseEvent::new("a").with_id("a"));
    let first = live.retry();
    assert_eq!(asked(&first), (text("0"), text("a")));
    assert!(whole.is_open());
    piece(first, &["a", "b"]);
    assert!(!whole.is_open());
    piece(live.retry(), &["c"]);
    assert_eq!(live.texts(), ["a", "b", "c"]);
}

#[test]
fn a_stream_that_is_held_back_is_told_and_long_polls_go_on() {
    let mut live = Live::new(Client::builder(SSE).long_poll(LongPoll::new()).reconnect(EVEN));
    let held = live.attempt();
    live.page.advance(seconds(4));
    let head = live.page.next_request().expect("the server is asked");
    assert_eq!((head.method(), head.query("poll")), ("HEAD", None));
    head.respond(Response::new(200).with_header("content-type", "text/event-stream"));
    let first = live.retry();
    assert!(!held.is_waiting());
    assert_eq!(asked(&first).0, text("0"));
    let failures: Vec<Failure> = live.retries().into_iter().map(|retry| retry.failure).collect();
    assert_eq!(failures, [Failure::Buffered]);
    // No poll is asked for by a HEAD.
    live.page.advance(seconds(4));
    assert!(first.is_waiting() && live.page.next_request().is_none());
    piece(first, &["a"]);
    assert_eq!(live.texts(), ["a"]);
}

#[test]
fn what_is_sent_goes_up_with_the_name_that_all_requests_of_a_connection_have() {
    let mut live = Live::new(polls().uplink(Uplink::new("/up")));
    let first = live.attempt();
    let name = first.query("connection");
    assert!(name.is_some());
    piece(first, &["a"]);
    let second = live.retry();
    assert_eq!((second.query("connection"), asked(&second).1), (name.clone(), text("a")));
    let sending = live.handle().send("1");
    let post = live.page.next_request().expect("it is posted");
    assert_eq!((post.method(), post.query("connection")), ("POST", name.clone()));
    post.respond(Response::new(204));
    assert_eq!(live.page.block_on(sending), Ok(Sent::Sent));
    second.fail();
    // Another connection, another name.
    let other = live.retry();
    assert!(other.query("connection").is_some() && other.query("connection") != name);
    assert_eq!(live.texts(), ["a"]);
}

#[test]
fn what_it_worked_by_is_remembered() {
    let mut live =
        Live::new(polls().fallback(Fallback::new().with_order([Way::Fetch, Way::Poll]).with_failures(1)));
    live.attempt().fail();
    piece(live.retry(), &["a"]);
    assert_eq!(live.texts(), ["a"]);
    let order = Fallback::new().with_order([Way::WebSocket, Way::Poll]);
    drop(live.retry());
    let next = Client::builder(SSE).long_poll(LongPoll::new()).fallback(order).connect().unwrap();
    assert_eq!(asked(&live.attempt()).0, text("0"));
    drop(next);
}

#[test]
fn a_function_gives_what_may_be_repeated() {
    let builder = Client::builder_with(|context| async move {
        Ok(match context.attempt {
            0 => Request::post(SSE, "hi"),
            1 => Request::get(SSE).with_resume(),
            _ => Request::get(format!("{SSE}?n={}", context.attempt)),
        })
    });
    let mut live = Live::new(builder.long_poll(LongPoll::new()).fallback(only()).reconnect(EVEN));
    let attempt = live.retry();
    assert_eq!((attempt.url(), attempt.method()), (&*format!("{SSE}?n=2&poll=0"), "GET"));
    let failures: Vec<Failure> = live.retries().into_iter().map(|retry| retry.failure).collect();
    assert_eq!(failures, [Failure::Provider, Failure::Provider]);
    assert_eq!(live.page.warnings().len(), 2, "{:?}", live.page.warnings());
    // Its address is asked for once a connection.
    piece(attempt, &["a"]);
    assert_eq!(live.retry().query("n"), text("2"));
}

#[test]
fn what_cannot_be() {
    let page = Page::new();
    let sse = |polls: LongPoll| Client::builder(SSE).long_poll(polls);
    let each = |request: Request| Client::builder(request).long_poll(LongPoll::new()).fallback(only());
    for (builder, option) in [
        (sse(LongPoll::new().with_wait(millis(999))), "longPoll.wait"),
        (sse(LongPoll::new().with_wait(millis((1 << 31) - 10_000))), "longPoll.wait"),
        (
            sse(LongPoll::new().with_wait(seconds(9))).heartbeat(Heartbeat::new().with_interval(seconds(10))),
            "longPoll.wait",
        ),
        (sse(LongPoll::new().with_name("")), "longPoll.name"),
        (each(Request::post(SSE, "hi")), "longPoll"),
        (each(Request::get(SSE).with_resume()), "longPoll"),
        (sse(LongPoll::new()).fallback(only()).resume(Resume::new().via_url()), "longPoll"),
        (Client::builder(WS).long_poll(LongPoll::new()), "longPoll"),
        (sse(LongPoll::new()).transport(Transport::EventSource), "longPoll"),
        (sse(LongPoll::new()).failover([SSE]), "longPoll"),
        (sse(LongPoll::new()).fallback(Fallback::never()), "longPoll"),
        (Client::builder_with(|_| async { Ok(SSE) }).long_poll(LongPoll::new()), "longPoll"),
        (Client::builder(SSE).fallback(only()), "fallback.order"),
    ] {
        match builder.connect() {
            Err(ConnectError::InvalidOption(OptionError { option: given, .. })) => assert_eq!(given, option),
            other => panic!("{option}: {other:?}"),
        }
    }
    let order = Fallback::new().with_order([Way::Fetch, Way::Poll]);
    let function = Client::builder_with(|_| async { Ok(SSE) }).long_poll(LongPoll::new()).fallback(order);
    assert!(function.connect().is_ok(), "a function with an order");
    drop(page);
    assert_eq!(sse(LongPoll::new()).connect().err(), Some(ConnectError::Unsupported));
}

#[test]
fn ids_without_data_are_no_news() {
    let mut live = Live::new(polls());
    for _ in 0..4 {
        let server = live.retry().accept();
        server.send_text("id: 5\n\n");
        server.end();
        live.page.run_until_stalled();
    }
    assert_eq!(live.texts(), [""; 0]);
    assert_eq!(live.handle().last_event_id(), "5");
}

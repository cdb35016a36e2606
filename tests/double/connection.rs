//! Opening, losing, retrying and closing.

use everwire::{
    Builder, Client, Failure, State, Transport,
    error::{ConnectError, OptionError},
    event::CloseReason,
    options::{Heartbeat, Reconnect},
    test_util::Frame,
};

use crate::support::{EVEN, Live, millis, seconds, web_socket};

#[test]
fn events_come_in_their_order() {
    let mut live = Live::new(web_socket());
    assert_eq!(live.handle().state(), State::Connecting);
    let server = live.accept();
    server.send_text("hello");
    server.send_bytes(&[1, 2]);
    assert_eq!(live.labels(), ["state Open", "open", "message hello", "message "]);
    assert_eq!(live.handle().state(), State::Open);
    server.close(1001, "going away");
    live.page.advance(millis(200));
    assert_eq!(live.labels(), ["state Waiting", "retry 1 in 1s: Closed { code: 1001 }"]);
    live.handle().close();
    assert_eq!(live.labels(), ["state Closed", "closed App"]);
    assert!(live.page.next_attempt().is_none());
}

#[test]
fn a_message_has_what_came() {
    let mut live = Live::new(web_socket());
    live.accept().send_text(r#"{"type":"price","price":41.5}"#);
    let events = live.events();
    let message = events.iter().find_map(crate::support::message).unwrap();
    assert_eq!((message.kind(), message.transport()), ("price", Transport::WebSocket));
    assert_eq!(message.origin(), "wss://example.com");
}

#[test]
fn the_delays_grow_up_to_the_longest_and_start_anew_after_a_stable_connection() {
    let reconnect = EVEN.with_max_delay(seconds(4));
    let mut live = Live::new(web_socket().reconnect(reconnect));
    live.attempt().fail();
    let mut delays = Vec::new();
    for _ in 0..5 {
        live.retry().fail();
        delays.extend(live.retries().into_iter().map(|retry| retry.delay));
    }
    assert_eq!(delays, [1, 2, 4, 4, 4].map(seconds));
    let server = live.retry().accept();
    live.page.advance(seconds(6));
    server.break_off();
    live.page.advance(millis(200));
    let last = live.retries().pop().unwrap();
    assert_eq!((last.attempt, last.delay), (1, seconds(1)));
    assert_eq!(live.handle().last_failure(), Some(Failure::Network));
}

#[test]
fn the_delays_are_spread_and_the_same_seed_spreads_them_alike() {
    let delays = |seed| {
        let page = everwire::test_util::Page::new().with_seed(seed);
        let mut live = Live::on(page, Client::builder("wss://example.com/live"));
        live.attempt().fail();
        for _ in 0..8 {
            live.retry().fail();
        }
        live.page.advance(millis(200));
        live.retries().into_iter().map(|retry| retry.delay).collect::<Vec<_>>()
    };
    let first = delays(1);
    assert_eq!(first.len(), 9);
    assert_eq!(delays(1), first);
    assert_ne!(delays(2), first);
    assert!(first.iter().all(|delay| (millis(100)..=seconds(30)).contains(delay)), "{first:?}");
}

#[test]
fn a_server_that_never_answers_is_given_up() {
    let mut live = Live::new(web_socket().open_timeout(seconds(3)));
    let hangs = live.attempt();
    live.page.advance(millis(2_999));
    assert!(hangs.is_waiting());
    live.page.advance(millis(1));
    assert!(!hangs.is_waiting());
    assert_eq!(live.retries().pop().unwrap().failure, Failure::OpenTimeout);
    // Its answer comes too late.
    let late = hangs.accept();
    late.send_text("late");
    assert!(!late.is_open());
    assert_eq!(live.texts(), [""; 0]);
}

#[test]
fn the_attempts_are_used_up() {
    let mut live = Live::new(web_socket().reconnect(EVEN.with_max_attempts(2)));
    live.attempt().fail();
    live.retry().fail();
    live.page.advance(seconds(3_600));
    assert!(live.page.next_attempt().is_none());
    assert_eq!(live.closed().reason, CloseReason::Exhausted);
}

#[test]
fn without_reconnect_the_first_connection_is_the_only_one() {
    let mut live = Live::new(web_socket().reconnect(Reconnect::never()));
    live.accept().close(1001, "bye");
    live.page.advance(seconds(1));
    let closed = live.closed();
    assert_eq!((closed.reason, closed.code), (CloseReason::Exhausted, 1001));
}

#[test]
fn what_a_retry_cannot_mend_is_fatal_and_has_the_servers_words() {
    let mut live = Live::new(web_socket());
    live.accept().close(4403, "not yours");
    let closed = live.closed();
    assert_eq!((closed.reason, closed.code), (CloseReason::Fatal, 4403));
    assert_eq!(closed.peer_close_reason, "not yours");
    assert_eq!(closed.failure, Some(Failure::Closed { code: 4403 }));
}

#[test]
fn close_tells_the_code_and_the_reason() {
    let live = Live::new(web_socket());
    let server = live.accept();
    assert_eq!(server.closed(), None);
    live.handle().close_with(4000, "enough").unwrap();
    assert_eq!(server.closed(), Some((4000, "enough".to_owned())));
    assert!(!server.is_open());
}

#[test]
fn a_client_that_is_dropped_closes_and_never_comes_back() {
    let page = everwire::test_util::Page::new();
    let client = web_socket().connect().unwrap();
    let server = page.next_attempt().unwrap().accept();
    drop(client);
    assert_eq!(server.closed(), Some((1005, String::new())));
    let client = web_socket().connect().unwrap();
    // At once: nothing was asked yet.
    drop(client);
    page.advance(seconds(3_600));
    assert!(page.next_attempt().is_none());
}

#[test]
fn reconnect_tries_at_once() {
    let live = Live::new(web_socket());
    let server = live.accept();
    live.handle().reconnect();
    live.page.run_until_stalled();
    assert!(!server.is_open());
    // No sooner than the floor after the attempt before.
    live.page.advance(millis(100));
    live.accept();
    assert_eq!(live.handle().state(), State::Open);
}

#[test]
fn the_heartbeat_keeps_a_healthy_connection_and_finds_one_that_is_half_open() {
    let mut live = Live::new(web_socket().heartbeat(Heartbeat::new()));
    let server = live.accept();
    server.answer_pings();
    live.page.advance(seconds(600));
    assert!(server.is_open());
    assert!(live.handle().stats().round_trip.is_some());
    assert_eq!(live.texts(), [""; 0], "pings and pongs are hidden");
    server.go_silent();
    live.page.advance(seconds(35));
    assert!(!server.is_open());
    assert!(live.labels().iter().any(|label| label.contains("HalfOpen")), "{:?}", live.seen);
}

#[test]
fn a_ping_of_the_servers_answers_none() {
    let live = Live::new(web_socket().heartbeat(Heartbeat::new()));
    let server = live.accept();
    live.page.advance(seconds(30));
    server.send_text(r#"{"type":"ping"}"#);
    live.page.advance(millis(10));
    assert_eq!(live.handle().round_trip(), None);
    server.send_text(r#"{"type":"pong"}"#);
    live.page.run_until_stalled();
    assert_eq!(live.handle().round_trip(), Some(millis(10)));
}

#[test]
fn without_a_heartbeat_a_half_open_connection_is_not_found_and_nothing_is_sent() {
    let live = Live::new(web_socket());
    let server = live.accept();
    server.go_silent();
    live.page.advance(seconds(3_600));
    assert!(server.is_open());
    assert_eq!(server.received(), None);
}

#[test]
fn a_ping_of_the_apps_own_and_what_answers_it() {
    let builder = || web_socket().heartbeat(Heartbeat::new());
    let own = builder().ping(|| "are you there".to_owned()).is_pong(|message| message.text() == Some("yes"));
    let mut live = Live::new(own);
    let server = live.accept();
    for _ in 0..20 {
        live.page.advance(seconds(30));
        assert_eq!(server.received(), Some(Frame::Text("are you there".to_owned())));
        server.send_text("yes");
    }
    // Everwire's own is none here.
    server.send_text(r#"{"type":"pong"}"#);
    live.page.run_until_stalled();
    assert_eq!(live.texts(), [r#"{"type":"pong"}"#]);
    assert!(server.is_open());
    server.go_silent();
    live.page.advance(seconds(35));
    assert!(!server.is_open());

    // A ping that comes back as it was is an answer, too.
    let mut live = Live::new(builder().ping(|| "echo me".to_owned()));
    let server = live.accept();
    live.page.advance(seconds(30));
    assert_eq!(server.received(), Some(Frame::Text("echo me".to_owned())));
    server.send_text("echo me");
    live.page.advance(seconds(10));
    assert!(server.is_open() && live.handle().round_trip().is_some());
    assert_eq!(live.texts(), [""; 0]);
}

#[test]
fn without_pings_the_server_speaks_by_itself() {
    let mut live = Live::new(web_socket().heartbeat(Heartbeat::new()).no_ping());
    let server = live.accept();
    for _ in 0..5 {
        live.page.advance(seconds(29));
        server.send_text(r#"{"type":"ping"}"#);
    }
    assert_eq!(server.received(), None);
    // Nothing is hidden where nothing is asked.
    assert_eq!(live.texts().len(), 5);
    live.page.advance(seconds(36));
    assert!(!server.is_open());
    let needs = |builder: Builder| {
        let problem = "needs Builder::heartbeat";
        let error = ConnectError::InvalidOption(OptionError { option: "heartbeat.ping", problem });
        assert_eq!(builder.connect().err(), Some(error));
    };
    needs(web_socket().no_ping());
    needs(web_socket().ping(String::new));
    needs(web_socket().is_pong(|_| true));
}

#[test]
fn it_tells_what_it_is_connected_by() {
    let live = Live::new(web_socket());
    assert_eq!(live.handle().transport(), None);
    let _server = live.accept();
    let handle = live.handle();
    assert_eq!(
        (handle.transport(), handle.protocol(), handle.buffered_amount()),
        (Some(Transport::WebSocket), String::new(), 0)
    );
    handle.close();
    assert_eq!(handle.transport(), None);
}

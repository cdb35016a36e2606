//! Across a reconnect: nothing twice, and nothing missing without a word.

use everwire::{
    Builder, Client, Transport,
    event::Outcome,
    options::Resume,
    test_util::{Connection, SseEvent},
};

use crate::support::{EVEN, Live, fetch, millis, seconds, web_socket};

fn numbered() -> Builder {
    web_socket().resume(Resume::new().with_id("eventId"))
}

fn send(server: &Connection, ids: std::ops::RangeInclusive<u32>) {
    for id in ids {
        server.send_text(&format!(r#"{{"eventId":"e-{id}","n":{id}}}"#));
    }
}

fn numbers(live: &mut Live) -> Vec<u32> {
    #[derive(serde::Deserialize)]
    struct Message {
        n: u32,
    }
    let events = live.events();
    let messages = events.iter().filter_map(crate::support::message);
    messages.map(|message| message.json::<Message>().unwrap().n).collect()
}

#[test]
fn the_cursor_goes_up_in_the_query_and_what_is_replayed_comes_once() {
    let mut live = Live::new(numbered());
    let attempt = live.attempt();
    assert_eq!(attempt.query("lastEventId"), None);
    let server = attempt.accept();
    send(&server, 1..=5);
    server.break_off();
    let again = live.retry();
    assert_eq!(again.query("lastEventId").as_deref(), Some("e-5"));
    let server = again.accept();
    // It begins a little earlier than it has to.
    send(&server, 4..=9);
    assert_eq!(numbers(&mut live), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert!(live.seen.iter().all(|event| !matches!(event, everwire::Event::Gap(_))));
    assert_eq!(live.handle().last_event_id(), "e-9");
}

#[test]
fn an_id_of_json_is_a_text_or_a_number_as_it_is_written_and_never_empty() {
    let live = Live::new(numbered());
    let server = live.accept();
    for (id, cursor) in [
        (r#""a2""#, "a2"),
        (r#""""#, "a2"),
        ("null", "a2"),
        ("true", "a2"),
        (r#"{"x":1}"#, "a2"),
        ("[1]", "a2"),
        ("9007199254740993", "9007199254740993"),
        ("7", "7"),
    ] {
        server.send_text(&format!(r#"{{"eventId":{id}}}"#));
        live.page.run_until_stalled();
        assert_eq!(live.handle().last_event_id(), cursor, "{id}");
    }
    server.break_off();
    assert_eq!(live.retry().query("lastEventId").as_deref(), Some("7"));
}

#[test]
fn a_full_replay_of_10_000_messages_is_held_back() {
    let mut live = Live::new(numbered());
    let server = live.accept();
    let mut seen = Vec::new();
    for from in (1..=10_000).step_by(500) {
        send(&server, from..=from + 499);
        seen.extend(numbers(&mut live));
    }
    server.break_off();
    let server = live.retry().accept();
    send(&server, 1..=10_001);
    seen.extend(numbers(&mut live));
    assert!(seen.into_iter().eq(1..=10_001));
    assert!(live.gaps().is_empty());
    assert_eq!(live.handle().stats().suppressed, 10_000);
}

#[test]
fn what_nothing_proves_is_a_gap_of_unknown_extent() {
    let mut live = Live::new(numbered());
    let server = live.accept();
    send(&server, 1..=2);
    server.break_off();
    send(&live.retry().accept(), 9..=9);
    let labels = live.labels();
    let gap = labels.iter().position(|label| label.starts_with("gap")).unwrap();
    assert_eq!(labels[gap], r#"gap Unknown after "e-2" before "e-9""#);
    assert!(labels[gap + 1].starts_with("message"), "{labels:?}");
}

#[test]
fn a_gap_that_the_server_tells_comes_before_the_next_message() {
    let mut live = Live::new(fetch().resume(Resume::new().with_gap("gap")));
    let server = live.accept();
    server.send_event(SseEvent::new("one").with_id("a-1"));
    server.break_off();
    let server = live.retry().accept();
    server.send_event(SseEvent::new("").with_name("gap"));
    server.send_event(SseEvent::new("nine").with_id("a-9"));
    let gaps = live.gaps();
    assert_eq!(gaps.len(), 1);
    assert_eq!((gaps[0].outcome, &*gaps[0].after, &*gaps[0].before), (Outcome::Gap, "a-1", "a-9"));
}

#[test]
fn sequence_numbers_hold_back_what_came_and_name_what_is_missing() {
    let mut live = Live::new(web_socket().resume(Resume::new().with_seq("n")));
    let server = live.accept();
    send(&server, 1..=3);
    server.break_off();
    let server = live.retry().accept();
    send(&server, 2..=4);
    send(&server, 7..=7);
    assert_eq!(live.gaps().pop().unwrap().missing, Some((5, 6)));
    assert_eq!(live.seen.iter().filter_map(crate::support::message).count(), 5);
}

#[test]
fn to_the_pages_own_origin_a_fetch_sends_the_header() {
    let live = Live::new(Client::builder("/live").reconnect(EVEN));
    let attempt = live.attempt();
    assert_eq!((attempt.url(), attempt.header("Last-Event-ID")), ("https://app.example/live", None));
    let server = attempt.accept();
    server.send_event(SseEvent::new("x").with_id("é1"));
    server.send_event(SseEvent::new("x").with_id("7"));
    server.end();
    let again = live.retry();
    assert_eq!((again.query("lastEventId"), again.header("last-event-id").as_deref()), (None, Some("7")));
}

#[test]
fn the_cursor_has_the_name_and_the_beginning_that_it_was_given() {
    let resume = Resume::new().with_from("77").with_name("since");
    let live = Live::new(Client::builder("wss://example.com/live?a=b#c").resume(resume));
    assert_eq!(live.attempt().url(), "wss://example.com/live?a=b&since=77");
}

#[test]
fn by_header_an_event_source_is_opened_again_by_the_browser() {
    let builder = Client::builder("https://example.com/live").transport(Transport::EventSource);
    let mut live = Live::new(builder.resume(Resume::new().via_header()));
    let server = live.accept();
    server.send_event(SseEvent::new("one").with_id("1").with_retry(seconds(2)));
    server.break_off();
    live.page.advance(millis(1_999));
    assert!(live.page.next_attempt().is_none());
    live.page.advance(millis(1));
    let again = live.attempt();
    assert_eq!(again.header("last-event-id").as_deref(), Some("1"));
    again.accept().send_event(SseEvent::new("two").with_id("2"));
    assert_eq!(live.texts(), ["one", "two"]);
    // What the one before says reaches nobody.
    server.send_event("late");
    assert_eq!(live.texts(), [""; 0]);
}

#[test]
fn at_a_failure_the_next_endpoint_goes_on_from_the_cursor() {
    let mut live = Live::new(numbered().failover(["wss://other.example/live"]));
    let server = live.accept();
    send(&server, 1..=1);
    server.break_off();
    let other = live.retry();
    assert_eq!(other.url(), "wss://other.example/live?lastEventId=e-1");
    send(&other.accept(), 1..=2);
    assert_eq!(numbers(&mut live), [1, 2]);
}

#[test]
fn the_servers_notice_opens_another_connection_before_this_one_ends() {
    let mut live = Live::new(numbered().reconnect(EVEN.with_notice("leaving")));
    let server = live.accept();
    live.page.advance(seconds(10));
    send(&server, 1..=1);
    server.send_text(r#"{"type":"leaving"}"#);
    let other = live.retry();
    send(&server, 2..=2);
    let other = other.accept();
    send(&other, 2..=3);
    live.page.run_until_stalled();
    assert!(!server.is_open());
    assert_eq!(numbers(&mut live), [1, 2, 3]);
    assert!(!live.seen.iter().any(|event| crate::support::label(event) == "state Waiting"));
}

#[test]
fn the_first_frame_of_each_connection_has_the_place() {
    let builder = numbered().resume_frame(|place| Some(format!("from {:?}", place.id)));
    let live = Live::new(builder);
    let server = live.accept();
    assert_eq!(server.received(), Some(r#"from """#.into()));
    send(&server, 1..=2);
    server.break_off();
    let again = live.retry();
    assert_eq!(again.query("lastEventId"), None);
    assert_eq!(again.accept().received(), Some(r#"from "e-2""#.into()));
}

//! An app that does not keep up.

use everwire::{Event, State, options::Heartbeat, test_util::SseEvent};

use crate::support::{Live, fetch, seconds, web_socket};

#[test]
fn an_app_that_does_not_poll_is_told_what_it_missed() {
    let mut live = Live::new(web_socket());
    let server = live.accept();
    for n in 0..1_500 {
        server.send_text(&n.to_string());
    }
    let events = live.events();
    // With the events of the opening.
    assert_eq!(events.len(), 1_025);
    assert_eq!(events.last(), Some(&Event::Overflow { missed: 1_500 - 1_022 }));
    server.send_text("next");
    assert_eq!(live.texts(), ["next"]);
}

#[test]
fn a_fetched_stream_waits_for_an_app_that_does_not_poll_and_loses_nothing() {
    let mut live = Live::new(fetch().heartbeat(Heartbeat::new()));
    let server = live.accept();
    let burst: String = (0..5_000).map(|n| format!("data: {n}\n\n")).collect();
    server.send_text(&burst);
    let waiting = live.handle().stats().waiting;
    assert!((900..1_024).contains(&waiting), "{waiting}");
    // Its heartbeat does not take this for silence.
    live.page.advance(seconds(3_600));
    assert_eq!(live.handle().state(), State::Open);
    server.send_event(SseEvent::new("last"));
    let texts = live.texts();
    assert_eq!(texts.len(), 5_001);
    assert!(texts.iter().take(5_000).enumerate().all(|(n, text)| *text == n.to_string()));
    assert!(!live.seen.iter().any(|event| matches!(event, Event::Overflow { .. })));
}

#[test]
fn a_client_dropped_while_its_stream_waits_lets_go() {
    let live = Live::new(fetch());
    let server = live.accept();
    server.send_text(&"data: x\n\n".repeat(5_000));
    let Live { client, page, .. } = live;
    drop(client);
    assert!(!server.is_open());
    page.advance(seconds(3_600));
    assert!(page.next_attempt().is_none());
}

//! The page's life, and the app's pause.

use everwire::{State, options::Heartbeat};

use crate::support::{Live, millis, seconds, web_socket};

#[test]
fn a_paused_client_opens_nothing_until_it_is_resumed() {
    let mut live = Live::new(web_socket().paused(true));
    live.page.advance(seconds(3_600));
    assert!(live.page.next_attempt().is_none());
    assert_eq!(live.handle().state(), State::Suspended);
    live.handle().resume();
    let server = live.accept();
    live.handle().pause();
    assert!(!server.is_open());
    let kept = live.handle().send("kept");
    live.page.advance(seconds(3_600));
    assert!(live.page.next_attempt().is_none());
    live.handle().resume();
    let server = live.retry().accept();
    live.page.block_on(kept).unwrap();
    assert_eq!(server.received(), Some("kept".into()));
    assert_eq!(live.labels().last().map(String::as_str), Some("open"));
}

#[test]
fn online_and_visible_try_at_once() {
    for turn in [|live: &Live| live.page.go_online(), |live: &Live| live.page.show()] {
        let live = Live::new(web_socket());
        live.page.go_offline();
        live.page.hide();
        live.attempt().fail();
        for _ in 0..4 {
            live.retry().fail();
        }
        live.page.advance(millis(300));
        assert!(live.handle().retry_in().unwrap() > seconds(10));
        turn(&live);
        live.page.advance(millis(100));
        assert!(live.page.next_attempt().is_some());
    }
}

#[test]
fn an_open_connection_survives_offline_and_is_probed_when_it_is_over() {
    let live = Live::new(web_socket().heartbeat(Heartbeat::new()));
    let server = live.accept();
    live.page.go_offline();
    live.page.advance(seconds(20));
    assert!(server.is_open());
    assert_eq!(server.received(), None);
    live.page.go_online();
    assert!(server.received().is_some());
    // Nobody answers.
    server.go_silent();
    live.page.advance(seconds(5));
    assert!(!server.is_open());
}

#[test]
fn in_a_frozen_page_nothing_runs() {
    let mut live = Live::new(web_socket());
    let server = live.accept();
    live.events();
    live.page.freeze();
    assert!(!server.is_open());
    assert_eq!(live.handle().state(), State::Suspended);
    live.page.advance(seconds(3_600));
    assert!(live.page.next_attempt().is_none());
    live.page.resume();
    live.retry().accept();
    assert_eq!(live.handle().state(), State::Open);
}

#[test]
fn without_page_lifecycle_it_hears_of_nothing() {
    let live = Live::new(web_socket().page_lifecycle(false));
    let server = live.accept();
    live.page.freeze();
    live.page.resume();
    assert!(server.is_open());
}

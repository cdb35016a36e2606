//! What the page tells: online, offline, visible, frozen, resumed, and a clock that jumped.

use super::{
    super::{
        config::{Config, FLOOR},
        failure::{Failure, RetryAfter},
        io::{Action, ClientEvent, Decision, Fate, Input, Page, Reason, Route, Why},
        outbox::Sent,
        resume::{Id, Outcome},
        state::State,
    },
    sim::{SOCKET, STREAM, Sim, beating, closed},
};

/// Waiting for its fifth retry or so, the longest delay drawn.
fn waiting(route: Route) -> Sim {
    let mut sim = Sim::open_on(route, Config::default());
    sim.draw = Some(u32::MAX);
    for _ in 0..4 {
        sim.lost(Failure::Network);
        sim.establish();
    }
    sim.lost(Failure::Network);
    assert_eq!((sim.wait(), sim.core.retries()), (16_000, 5));
    sim.pass(FLOOR);
    sim.take();
    sim
}

#[test]
fn online_and_visible_try_at_once_and_keep_the_count() {
    for page in [Page::Online, Page::Visible] {
        let mut sim = waiting(SOCKET);
        sim.page(page);
        assert_eq!(sim.attempts().len(), 1, "{page:?}");
        assert_eq!(sim.core.retries(), 5);
        sim.resolved();
        sim.lost(Failure::Network);
        assert_eq!((sim.core.retries(), sim.wait()), (6, 30_000));
    }
}

#[test]
fn a_page_that_flaps_does_not_try_within_the_floor() {
    let mut sim = waiting(SOCKET);
    for _ in 0..10 {
        sim.page(Page::Online);
        sim.resolved();
        sim.lost(Failure::Network);
    }
    assert_eq!(sim.attempts().len(), 1);
    assert_eq!(sim.wait(), FLOOR);
    sim.pass(FLOOR);
    assert_eq!(sim.attempts().len(), 1);
}

#[test]
fn nothing_is_tried_before_a_told_time() {
    let mut sim = Sim::open_on(SOCKET, Config::default());
    sim.draw = Some(0);
    sim.lost(closed(1013));
    assert_eq!(sim.wait(), 5_000);
    sim.page(Page::Online);
    sim.page(Page::Visible);
    sim.pass(4_999);
    assert_eq!(sim.attempts(), []);
    sim.pass(1);
    assert_eq!(sim.attempts().len(), 1);
}

#[test]
fn a_told_time_that_is_over_does_not_hold_back_online() {
    let mut sim = waiting(SOCKET);
    sim.establish();
    sim.lost(closed(1013));
    assert_eq!(sim.wait(), 30_000, "the backoff, which is longer than the told 5 to 6.25 s");
    sim.pass(7_000);
    sim.take();
    sim.page(Page::Online);
    assert_eq!(sim.attempts().len(), 1);
}

#[test]
fn offline_stretches_the_wait_to_the_cap_and_online_ends_it() {
    let mut sim = waiting(SOCKET);
    sim.page(Page::Offline);
    assert_eq!(sim.wait(), 30_000);
    sim.page(Page::Online);
    assert_eq!(sim.attempts().len(), 1);
}

#[test]
fn offline_is_not_believed_for_ever() {
    let mut sim = waiting(SOCKET);
    sim.page(Page::Offline);
    sim.pass(30_000);
    assert_eq!(sim.attempts().len(), 1);
}

#[test]
fn a_loss_while_offline_waits_for_the_cap() {
    let mut sim = Sim::open_on(SOCKET, Config::default());
    sim.page(Page::Offline);
    assert_eq!(sim.core.state(), State::Open, "an open connection is left alone");
    sim.lost(Failure::Network);
    assert_eq!(sim.wait(), 30_000);
}

#[test]
fn offline_means_nothing_to_a_loopback_address() {
    let mut sim = waiting(Route { loopback: true, ..SOCKET });
    let wait = sim.wait();
    sim.page(Page::Offline);
    assert_eq!(sim.wait(), wait);
}

#[test]
fn an_open_connection_is_probed_when_the_page_returns() {
    for page in [Page::Online, Page::Visible] {
        let mut sim = Sim::open_on(SOCKET, beating());
        sim.pass(1_234);
        sim.page(page);
        assert_eq!(sim.pings(), 1, "{page:?}");
        let took = sim.pass_until(60_000, |sim| sim.core.state() == State::Waiting);
        assert!(took <= 5_000, "{took}");
    }
}

#[test]
fn a_page_that_flaps_does_not_put_off_the_verdict_for_ever() {
    let mut sim = Sim::open_on(SOCKET, beating());
    let mut took = 0;
    while sim.core.state() == State::Open {
        sim.page(Page::Visible);
        sim.page(Page::Online);
        sim.pass(3_000);
        took += 3_000;
        assert!(took <= 36_000, "still open");
    }
}

#[test]
fn a_frozen_page_lets_go_and_a_resumed_one_connects_at_once() {
    let mut sim = Sim::open_on(SOCKET, beating());
    sim.pass(1_000);
    sim.page(Page::Frozen);
    assert_eq!((sim.core.state(), sim.link), (State::Suspended, None));
    assert_eq!(sim.core.deadline(), None);
    sim.pass(3_600_000);
    sim.take();
    sim.page(Page::Resumed);
    assert_eq!(sim.attempts().len(), 1);
    sim.establish();
}

/// It was open, and the app's rule is asked what is to follow.
fn asked() -> Sim {
    let mut sim = Sim::open_on(SOCKET, Config { asks: true, ..Config::default() });
    sim.lost(Failure::Http { status: 503, retry_after: Some(RetryAfter(20_000)) });
    sim
}

#[test]
fn freezing_works_in_every_state() {
    let mut connecting = Sim::new(Config::default());
    connecting.input(Input::Start);
    for mut sim in [connecting, asked(), waiting(SOCKET)] {
        sim.page(Page::Frozen);
        sim.page(Page::Frozen);
        sim.input(Input::Answer(Decision::Table));
        assert_eq!(sim.core.state(), State::Suspended);
        sim.input(Input::Reconnect);
        assert_eq!(sim.core.state(), State::Suspended);
        sim.pass(500);
        sim.page(Page::Resumed);
        sim.establish();
    }
}

#[test]
fn a_page_that_is_frozen_for_a_blink_keeps_to_the_floor() {
    let mut sim = Sim::open_on(SOCKET, Config::default());
    for _ in 0..5 {
        sim.page(Page::Frozen);
        sim.page(Page::Resumed);
    }
    assert_eq!(sim.core.state(), State::Waiting);
    assert_eq!(sim.wait(), FLOOR);
    sim.pass(FLOOR);
    assert_eq!(sim.attempts().len(), 1);
}

#[test]
fn resumed_without_frozen_changes_nothing() {
    let mut sim = Sim::open_on(SOCKET, beating());
    sim.page(Page::Resumed);
    assert_eq!(sim.take(), []);
}

#[test]
fn a_clock_that_jumped_probes_an_open_connection() {
    let mut sim = Sim::open_on(SOCKET, beating());
    sim.pass(4_000);
    sim.ahead += 3_600_000;
    sim.pass(2_000);
    assert_eq!(sim.pings(), 1);
    sim.message();
    sim.pass(20_000);
    assert_eq!(sim.core.state(), State::Open);
    assert_eq!(sim.pings(), 0, "one jump, one ping");
}

#[test]
fn a_clock_that_jumped_ends_the_wait() {
    let mut sim = waiting(SOCKET);
    sim.pass(2_000);
    sim.ahead += 3_600_000;
    sim.pass(2_000);
    assert_eq!(sim.attempts().len(), 1);
}

#[test]
fn a_clock_that_is_only_adjusted_is_no_sleep() {
    let mut sim = waiting(SOCKET);
    sim.pass(2_000);
    sim.ahead += 5_000;
    sim.pass(2_000);
    sim.ahead -= 3_600_000;
    sim.pass(2_000);
    assert_eq!(sim.attempts(), []);
}

#[test]
fn a_hidden_page_sets_no_timer_to_look_at_the_clock() {
    let mut sim = Sim::open_on(SOCKET, beating());
    assert_eq!(sim.core.deadline(), Some(sim.now + 2_000));
    sim.page(Page::Hidden);
    assert_eq!(sim.core.deadline(), Some(sim.now + 30_000));
}

#[test]
fn without_a_heartbeat_nothing_is_sent() {
    let mut sim = Sim::open_on(SOCKET, Config::default());
    sim.page(Page::Offline);
    sim.page(Page::Online);
    sim.page(Page::Visible);
    sim.ahead += 3_600_000;
    sim.tick();
    sim.pass(86_400_000);
    assert!(!sim.take().contains(&Action::Ping));
    assert_eq!(sim.core.state(), State::Open);
}

#[test]
fn a_window_that_has_gone_closes_the_client_in_each_state() {
    let frozen = || {
        let mut sim = Sim::open_on(SOCKET, beating());
        sim.page(Page::Frozen);
        sim
    };
    let left = || {
        let mut sim = Sim::open_on(SOCKET, beating());
        sim.page(Page::Left);
        sim.lost(Failure::Network);
        sim
    };
    for mut sim in
        [Sim::new(Config::default()), Sim::open_on(SOCKET, beating()), waiting(SOCKET), frozen(), left()]
    {
        let before = sim.core.state();
        let sent = sim.send(7);
        sim.take();
        sim.page(Page::Gone);
        let told = sim.take();
        assert!(
            told.ends_with(&[
                Action::Emit(ClientEvent::State(State::Closed)),
                Action::Emit(ClientEvent::Closed { why: Why::Unloaded, code: 0, failure: None }),
            ]),
            "{before:?}: {told:?}"
        );
        assert!(sim.fate_of(sent).is_some(), "{before:?}");
        assert_eq!((sim.core.deadline(), sim.core.fate(Why::Unloaded)), (None, Fate::Kept));
        sim.page(Page::Gone);
        assert_eq!(sim.take(), [], "once");
    }
}

/// A client that was open, and is paused.
fn paused() -> Sim {
    let mut sim = Sim::open_on(SOCKET, Config::default());
    sim.page(Page::Paused);
    sim
}

#[test]
fn a_pause_lets_go_and_nothing_but_its_end_opens_again() {
    let mut sim = paused();
    assert_eq!((sim.core.state(), sim.link), (State::Suspended, None));
    for page in
        [Page::Paused, Page::Hidden, Page::Visible, Page::Offline, Page::Online, Page::Frozen, Page::Resumed]
    {
        sim.page(page);
    }
    sim.input(Input::Reconnect);
    sim.input(Input::Start);
    sim.pass(3_600_000);
    assert_eq!((sim.core.state(), sim.core.deadline()), (State::Suspended, None));
    sim.take();
    sim.page(Page::Unpaused);
    assert_eq!(sim.core.state(), State::Connecting);
    assert_eq!(sim.attempts(), [(0, Reason::Reconnect)]);
}

#[test]
fn a_page_that_is_frozen_meanwhile_waits_for_both() {
    let mut sim = paused();
    sim.page(Page::Frozen);
    sim.page(Page::Unpaused);
    assert_eq!(sim.core.state(), State::Suspended);
    sim.page(Page::Resumed);
    assert_ne!(sim.core.state(), State::Suspended);
}

#[test]
fn after_a_pause_it_is_seen_what_is_missing() {
    let mut sim = Sim::open_on(STREAM, Config::default());
    sim.core.learn(Id::Own(1));
    sim.page(Page::Paused);
    sim.pass(60_000);
    sim.page(Page::Unpaused);
    sim.establish();
    assert!(sim.core.checking());
    sim.take();
    sim.core.check(Id::Own(9), None);
    sim.settle();
    assert_eq!(sim.take(), [Action::Emit(ClientEvent::Outcome(Outcome::Unknown, None))]);
}

#[test]
fn what_waits_goes_out_after_a_pause_and_what_was_under_way_is_as_after_a_loss() {
    let mut sim = paused();
    let id = sim.send(9);
    assert_eq!(sim.fates.get(&id), None);
    sim.page(Page::Unpaused);
    let wait = sim.core.retry_at().map_or(0, |until| until - sim.now);
    sim.pass(wait);
    sim.establish();
    assert_eq!(sim.fates.get(&id), Some(&Sent::Sent));
}

#[test]
fn a_client_may_begin_paused_and_end_so() {
    let mut sim = Sim::new(Config::default());
    sim.page(Page::Paused);
    sim.input(Input::Start);
    sim.pass(60_000);
    assert_eq!((sim.core.state(), sim.attempts()), (State::Suspended, vec![]));
    sim.page(Page::Unpaused);
    assert_eq!(sim.attempts(), [(0, Reason::Initial)]);
    let mut sim = paused();
    sim.close();
    assert_eq!(sim.end(), Some(Why::App));
    sim.page(Page::Unpaused);
    assert_eq!(sim.core.state(), State::Closed);
}

#[test]
fn a_told_time_holds_over_a_pause_and_so_does_the_floor() {
    let mut sim = Sim::new(Config::default());
    sim.input(Input::Start);
    sim.resolved();
    sim.lost(Failure::Http { status: 503, retry_after: Some(RetryAfter(20_000)) });
    sim.page(Page::Paused);
    sim.page(Page::Unpaused);
    assert!(sim.wait() >= 20_000);
    for _ in 0..9 {
        sim.page(Page::Paused);
        sim.page(Page::Unpaused);
    }
    assert_eq!(sim.core.state(), State::Waiting);
}

#[test]
fn its_end_asks_again_for_what_is_not_repeated_by_itself() {
    let once = Route { once: true, ..STREAM };
    let mut sim = Sim::open_on(once, Config { reconnects: false, ..Config::default() });
    sim.page(Page::Paused);
    sim.pass(1_000);
    sim.take();
    sim.page(Page::Unpaused);
    assert_eq!(sim.attempts().len(), 1);
}

#[test]
fn a_pause_inside_the_rule_takes_nothing_from_its_answer() {
    for (decision, end) in [(Decision::GiveUp, Some(Why::Fatal)), (Decision::Table, None)] {
        let mut sim = asked();
        sim.page(Page::Paused);
        sim.input(Input::Answer(decision));
        assert_eq!(sim.end(), end, "{decision:?}");
        if end.is_none() {
            assert_eq!(sim.core.state(), State::Suspended);
            assert_eq!(sim.core.deadline(), None);
            // What the server asked for holds.
            sim.page(Page::Unpaused);
            assert!(sim.wait() >= 20_000);
        }
    }
    let mut sim = asked();
    sim.page(Page::Paused);
    sim.page(Page::Unpaused);
    sim.input(Input::Answer(Decision::Again));
    assert_eq!(sim.core.state(), State::Waiting);
}

#[test]
fn a_pause_that_is_over_before_the_start_opens_nothing_before_it() {
    let mut sim = Sim::new(Config::default());
    sim.page(Page::Paused);
    assert_eq!(sim.core.state(), State::Suspended);
    sim.page(Page::Unpaused);
    assert_eq!((sim.core.state(), sim.attempts()), (State::Connecting, vec![]));
    sim.input(Input::Start);
    assert_eq!(sim.attempts(), [(0, Reason::Initial)]);
}

#[test]
fn a_stream_that_is_over_when_the_client_comes_back_may_have_lost_something() {
    let gap = Action::Emit(ClientEvent::Outcome(Outcome::Unknown, None));
    for away in [vec![Input::Page(Page::Paused), Input::Page(Page::Unpaused)], vec![Input::Reconnect]] {
        let mut sim = Sim::open_on(STREAM, Config::default());
        away.iter().cloned().for_each(|input| sim.input(input));
        let wait = sim.core.retry_at().map_or(0, |until| until.saturating_sub(sim.now));
        sim.pass(wait);
        sim.resolved();
        sim.take();
        sim.lost(Failure::Http { status: 204, retry_after: None });
        let told = sim.take();
        assert!(told.contains(&gap), "{away:?}: {told:?}");
    }
}

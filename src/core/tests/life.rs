//! From the first attempt to the close.

use super::{
    super::{
        config::{Config, FLOOR},
        failure::Failure,
        io::{Action, ClientEvent, Decision, Input, Page, Reason, Why},
        outbox::{Dropped, Sent},
        resume::Id,
        state::State,
    },
    sim::{SOCKET, STREAM, Sim, beating},
};

#[test]
fn a_client_finds_the_address_then_opens() {
    let mut sim = Sim::new(Config::default());
    assert_eq!(sim.core.deadline(), None);
    sim.input(Input::Start);
    assert_eq!(sim.take(), [Action::Resolve { attempt: 1, retry: 0, reason: Reason::Initial, endpoint: 0 }]);
    sim.resolved();
    assert_eq!(sim.take(), [Action::Open { attempt: 1 }]);
    sim.opened();
    assert_eq!(sim.take(), [Action::Emit(ClientEvent::State(State::Open)), Action::Emit(ClientEvent::Open)]);
}

#[test]
fn starting_twice_starts_once() {
    let mut sim = Sim::new(Config::default());
    sim.input(Input::Start);
    sim.input(Input::Start);
    assert_eq!(sim.attempts().len(), 1);
}

#[test]
fn close_before_the_start_opens_nothing() {
    let mut sim = Sim::new(Config::default());
    sim.close();
    sim.input(Input::Start);
    assert_eq!(sim.end(), Some(Why::App));
    assert_eq!(sim.core.state(), State::Closed);
}

#[test]
fn close_drops_the_transport_then_tells_the_end_last() {
    let mut sim = Sim::open_on(SOCKET, beating());
    sim.close();
    assert_eq!(
        sim.take(),
        [
            Action::Drop { code: 1_000 },
            Action::Emit(ClientEvent::State(State::Closed)),
            Action::Emit(ClientEvent::Closed { why: Why::App, code: 1_000, failure: None }),
        ]
    );
    assert_eq!(sim.core.deadline(), None);
}

#[test]
fn nothing_happens_after_close_but_that_sends_settle() {
    let mut sim = Sim::open_on(SOCKET, beating());
    let attempt = sim.core.attempt();
    sim.close();
    sim.take();
    for input in [
        Input::Start,
        Input::Opened { attempt },
        Input::Lost { attempt, failure: Failure::Network },
        Input::Tick { wall: u64::MAX },
        Input::Reconnect,
        Input::Answer(Decision::Again),
        Input::Close { why: Why::Internal, code: 1 },
    ] {
        sim.input(input);
    }
    assert_eq!(sim.take(), []);
    let id = sim.send(3);
    assert_eq!(sim.take(), [Action::Settle { id, sent: Sent::Dropped(Dropped::Closed) }]);
}

#[test]
fn a_message_after_close_is_held_back_without_a_word() {
    let mut sim = Sim::open_on(SOCKET, Config::default());
    sim.core.learn(Id::Own(1));
    sim.lost(Failure::Network);
    sim.establish();
    sim.close();
    sim.take();
    assert_eq!(sim.core.check(Id::Own(2), None), (false, false, false));
    sim.settle();
    assert_eq!(sim.take(), []);
}

#[test]
fn the_past_is_ignored() {
    let mut sim = Sim::open_on(SOCKET, Config::default());
    let attempt = sim.core.attempt();
    sim.input(Input::Reconnect);
    sim.establish();
    sim.take();
    sim.input(Input::Lost { attempt, failure: Failure::Network });
    sim.input(Input::Opened { attempt });
    sim.input(Input::Resolved { attempt, route: STREAM });
    sim.input(Input::Lost { attempt, failure: Failure::Provider });
    sim.input(Input::Interrupted { attempt });
    assert_eq!(sim.take(), []);
    assert_eq!(sim.core.state(), State::Open);
}

#[test]
fn reconnect_keeps_to_the_floor() {
    let mut sim = Sim::open_on(SOCKET, Config::default());
    let began = sim.core.attempt();
    for _ in 0..1_000 {
        sim.input(Input::Reconnect);
    }
    assert_eq!(sim.core.state(), State::Waiting);
    sim.pass(FLOOR);
    assert_eq!(sim.core.state(), State::Connecting);
    assert!(sim.core.attempt() > began);
    assert_eq!(sim.attempts().len(), 1);
}

#[test]
fn without_reconnecting_a_freeze_is_the_end() {
    let mut sim = Sim::open_on(SOCKET, Config { reconnects: false, ..Config::default() });
    sim.page(Page::Frozen);
    sim.page(Page::Resumed);
    assert_eq!(sim.end(), Some(Why::Exhausted));
}

#[test]
fn reconnect_drops_the_old_transport_before_the_new_attempt() {
    let mut sim = Sim::open_on(SOCKET, Config::default());
    sim.pass(FLOOR);
    sim.input(Input::Reconnect);
    let actions = sim.take();
    assert!(matches!(
        actions[..],
        [
            Action::Drop { .. },
            Action::Emit(ClientEvent::State(State::Connecting)),
            Action::Resolve { reason: Reason::Reconnect, .. }
        ]
    ));
}

#[test]
fn an_address_that_is_not_found_in_time_is_one_failed_attempt() {
    let mut sim = Sim::new(Config::default());
    sim.input(Input::Start);
    sim.pass(9_999);
    assert_eq!(sim.core.state(), State::Connecting);
    sim.pass(1);
    assert_eq!((sim.core.state(), sim.core.retries()), (State::Waiting, 1));
}

#[test]
fn a_connection_that_does_not_open_in_time_is_one_failed_attempt() {
    let mut sim = Sim::new(Config::default());
    sim.input(Input::Start);
    sim.resolved();
    sim.pass(10_000);
    assert_eq!((sim.core.state(), sim.core.retries()), (State::Waiting, 1));
    assert_eq!(sim.link, None);
}

/// An EventSource that is left to reconnect by itself.
fn self_reconnecting() -> Sim {
    Sim::open_on(STREAM, Config { browser_reconnects: true, ..beating() })
}

fn interrupt(sim: &mut Sim) {
    sim.input(Input::Interrupted { attempt: sim.core.attempt() });
}

#[test]
fn an_event_source_may_come_back_by_itself() {
    let mut sim = self_reconnecting();
    interrupt(&mut sim);
    assert_eq!(sim.core.state(), State::Connecting);
    sim.pass(3_000);
    sim.opened();
    assert_eq!((sim.core.state(), sim.core.retries()), (State::Open, 0));
    assert_eq!(sim.attempts(), []);
}

#[test]
fn an_event_source_is_taken_over_at_the_third_error_in_ten_seconds() {
    let mut sim = self_reconnecting();
    for _ in 0..2 {
        interrupt(&mut sim);
        sim.pass(5_000);
        sim.opened();
    }
    interrupt(&mut sim);
    assert_eq!((sim.core.state(), sim.core.retries()), (State::Waiting, 1));
}

#[test]
fn an_event_source_that_errs_now_and_then_is_left_alone() {
    let mut sim = self_reconnecting();
    for _ in 0..100 {
        interrupt(&mut sim);
        sim.pass(5_001);
        sim.opened();
    }
    assert_eq!(sim.attempts(), []);
}

#[test]
fn an_event_source_that_does_not_come_back_in_time_is_taken_over() {
    let mut sim = self_reconnecting();
    interrupt(&mut sim);
    sim.pass(10_000);
    assert_eq!(sim.core.state(), State::Waiting);
}

#[test]
fn the_browser_reconnects_only_where_it_may() {
    let mut sim = Sim::open_on(STREAM, Config::default());
    interrupt(&mut sim);
    assert_eq!(sim.core.state(), State::Waiting);
    let config = Config { browser_reconnects: true, reconnects: false, ..Config::default() };
    let mut sim = Sim::open_on(STREAM, config);
    interrupt(&mut sim);
    assert_eq!(sim.end(), Some(Why::Exhausted));
}

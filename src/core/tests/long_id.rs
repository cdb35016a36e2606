//! Ids that are too long to go up.

use super::{
    super::{
        carrier::Carrier,
        config::{Config, LONGEST_ID},
        failure::Failure,
        io::{Action, ClientEvent, Input},
        resume::{Id, Outcome},
        state::State,
    },
    sim::{STREAM, Sim},
};

fn http(status: u16) -> Failure {
    Failure::Http { status, retry_after: None }
}

/// At the next attempt after a loss, before its request.
fn lost() -> Sim {
    let mut sim = Sim::open_on(STREAM, Config::default());
    sim.core.learn(Id::Own(7));
    sim.lost(Failure::Network);
    sim.pass_until(60_000, |sim| sim.core.state() == State::Connecting);
    sim.resolved();
    sim
}

/// What is told next, once it is open and a message comes.
fn goes_on(sim: &mut Sim) {
    assert_eq!(sim.core.state(), State::Waiting);
    sim.establish();
    assert_eq!(sim.goes_up(9), Carrier::Nothing, "not again");
    sim.take();
    assert_eq!(sim.core.check(Id::Own(8), None), (true, true, false));
    sim.settle();
    assert_eq!(sim.take(), [Action::Emit(ClientEvent::Outcome(Outcome::Unknown, None))]);
    assert_eq!(sim.goes_up(9), Carrier::Header, "the next one may");
}

#[test]
fn one_that_no_server_takes_is_not_sent() {
    let mut sim = lost();
    assert_eq!(sim.goes_up(LONGEST_ID), Carrier::Header);
    assert_eq!(sim.goes_up(LONGEST_ID + 1), Carrier::TooLong);
    sim.lost(Failure::Blocked);
    assert_eq!(sim.core.last_failure(), Some(Failure::LongId { length: LONGEST_ID + 1 }));
    goes_on(&mut sim);
}

#[test]
fn one_that_the_server_does_not_take_is_not_sent_again() {
    for status in [414, 431] {
        let mut sim = lost();
        assert_eq!(sim.goes_up(3_000), Carrier::Header);
        sim.lost(http(status));
        assert_eq!(sim.core.last_failure(), Some(Failure::LongId { length: 3_000 }));
        goes_on(&mut sim);
    }
}

#[test]
fn without_an_id_it_is_the_address_that_is_too_long() {
    let mut sim = lost();
    assert_eq!(sim.goes_up(0), Carrier::App);
    sim.lost(http(414));
    assert_eq!((sim.core.state(), sim.core.last_failure()), (State::Closed, Some(http(414))));
}

#[test]
fn other_failures_keep_it() {
    for failure in [Failure::Network, http(503), Failure::OpenTimeout] {
        let mut sim = lost();
        sim.goes_up(3_000);
        sim.lost(failure);
        assert_eq!((sim.core.last_failure(), sim.core.cursor()), (Some(failure), Some(7)));
    }
}

#[test]
fn one_that_an_earlier_page_left_is_told_as_well() {
    let mut sim = Sim::new(Config::default());
    sim.core.start_from(Id::Own(7), None);
    sim.input(Input::Start);
    sim.goes_up(1 << 20);
    sim.lost(Failure::Network);
    assert_eq!(sim.core.last_failure(), Some(Failure::LongId { length: 1 << 20 }));
    goes_on(&mut sim);
}

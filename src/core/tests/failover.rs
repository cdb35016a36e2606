//! Several endpoints: which one an attempt goes to.

use super::{
    super::{
        config::Config,
        failure::Failure,
        io::{Action, Input, Page},
    },
    sim::{STREAM, Sim, closed},
};

const STABLE: u64 = 5_000;

fn of(endpoints: u32) -> Config {
    Config { endpoints, ..Config::default() }
}

/// Passes the wait, and gives the endpoint of the attempt after it.
fn next(sim: &mut Sim) -> Option<u32> {
    if sim.core.retry_at().is_some() {
        let wait = sim.wait();
        sim.pass(wait);
    }
    let endpoint =
        |action: Action| if let Action::Resolve { endpoint, .. } = action { Some(endpoint) } else { None };
    sim.take().into_iter().find_map(endpoint)
}

#[test]
fn each_failure_goes_to_the_next_one_and_round() {
    let mut sim = Sim::new(of(3));
    sim.input(Input::Start);
    let mut seen = Vec::new();
    for _ in 0..7 {
        sim.take();
        sim.resolved();
        sim.lost(Failure::Network);
        seen.extend(next(&mut sim));
    }
    assert_eq!(seen, [1, 2, 0, 1, 2, 0, 1]);
}

#[test]
fn one_endpoint_stays_the_only_one() {
    let mut sim = Sim::open_on(STREAM, of(1));
    sim.lost(Failure::Network);
    assert_eq!(next(&mut sim), Some(0));
}

#[test]
fn a_good_connection_that_breaks_goes_to_the_next_one() {
    for failure in [Failure::Network, Failure::HalfOpen, closed(1001), closed(1012)] {
        let mut sim = Sim::open_on(STREAM, of(2));
        sim.pass(STABLE);
        sim.take();
        sim.lost(failure);
        assert_eq!(next(&mut sim), Some(1), "{failure:?}");
    }
}

#[test]
fn a_good_connection_that_ends_normally_goes_to_the_first_one() {
    for failure in [Failure::End, closed(1000)] {
        let mut sim = Sim::open_on(STREAM, of(2));
        sim.lost(Failure::Network);
        assert_eq!(next(&mut sim), Some(1));
        sim.resolved();
        sim.opened();
        sim.pass(STABLE);
        sim.take();
        sim.lost(failure);
        assert_eq!(next(&mut sim), Some(0), "{failure:?}");
    }
}

#[test]
fn one_that_ends_at_once_is_no_good_connection() {
    let mut sim = Sim::open_on(STREAM, of(2));
    sim.take();
    sim.lost(Failure::End);
    assert_eq!(next(&mut sim), Some(1));
}

#[test]
fn new_credentials_are_tried_where_the_old_ones_were_refused() {
    let mut sim = Sim::open_on(STREAM, Config { has_provider: true, ..of(2) });
    sim.take();
    sim.lost(closed(4401));
    assert_eq!(next(&mut sim), Some(0));
}

#[test]
fn the_apps_reconnect_and_a_page_that_comes_back_go_to_the_first_one() {
    for page in [false, true] {
        let mut sim = Sim::open_on(STREAM, of(2));
        sim.lost(Failure::Network);
        assert_eq!(next(&mut sim), Some(1));
        sim.resolved();
        sim.opened();
        sim.pass(1_000);
        sim.take();
        if page {
            sim.page(Page::Frozen);
            sim.page(Page::Resumed);
        } else {
            sim.input(Input::Reconnect);
        }
        assert_eq!(next(&mut sim), Some(0));
    }
}

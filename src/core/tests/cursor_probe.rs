//! What everwire adds to a request is not why a reconnect fails.

use super::{
    super::{
        carrier::Carrier,
        config::{Backoff, Config, FLOOR, Jitter},
        failure::Failure,
        io::{Action, ClientEvent, Decision, Input, Route, Why},
        resume::Id,
        state::State,
    },
    sim::{STREAM, Sim},
};

const STABLE: u64 = 5_000;

fn http(status: u16) -> Failure {
    Failure::Http { status, retry_after: None }
}

/// Lets the wait pass and dials. Whether the attempt has the cursor, which the port adds where it may.
fn dial(sim: &mut Sim) -> bool {
    sim.take();
    if sim.core.retry_at().is_some() {
        let wait = sim.wait();
        sim.pass(wait);
    }
    sim.resolved();
    // As the port asks when it dials.
    sim.goes_up(1) == Carrier::Header
}

fn open(sim: &mut Sim) {
    sim.opened();
    assert_eq!(sim.core.state(), State::Open);
}

/// A stream that was open, without a cursor, and is lost.
fn lost(config: Config) -> Sim {
    let backoff = Backoff { jitter: Jitter::None, ..Backoff::new() };
    let mut sim = Sim::new(Config { backoff, ..config });
    sim.route = STREAM;
    sim.input(Input::Start);
    sim.resolved();
    open(&mut sim);
    sim.core.learn(Id::Own(7));
    sim.lost(Failure::Network);
    sim
}

/// What was told of the last failure.
fn told(sim: &mut Sim) -> Option<Failure> {
    sim.take().into_iter().rev().find_map(|action| match action {
        Action::Emit(ClientEvent::Retry { failure, .. }) => Some(failure),
        _ => None,
    })
}

/// The server refuses whatever has the cursor: `failure`, for as many attempts as `times`.
fn refuses(failure: Failure, times: usize) {
    let mut sim = lost(Config::default());
    for _ in 0..times {
        assert!(dial(&mut sim), "{failure:?}: with the cursor");
        sim.lost(failure);
        assert_eq!(told(&mut sim), Some(failure));
    }
    assert!(!dial(&mut sim), "{failure:?}: without, to see");
    sim.opened();
    // It is dropped, and not told.
    assert!(!sim.take().contains(&Action::Emit(ClientEvent::Open)));
    assert!(dial(&mut sim), "{failure:?}: with it once more");
    sim.lost(failure);
    assert_eq!((told(&mut sim), sim.wait()), (Some(Failure::Cursor), FLOOR));
    assert!(!dial(&mut sim), "{failure:?}: without");
    open(&mut sim);
    sim.lost(Failure::Network);
    assert!(!dial(&mut sim), "{failure:?}: and so on");
}

#[test]
fn a_refusal_of_the_cursor_is_found_out_and_gone_around() {
    for status in [400, 403, 404, 405, 406, 409, 410, 413, 415, 422] {
        refuses(http(status), 1);
    }
    for failure in [Failure::Network, http(500), http(502), Failure::ContentType] {
        refuses(failure, 3);
    }
}

#[test]
fn a_server_that_was_down_costs_no_cursor() {
    let mut sim = lost(Config::default());
    let mut with = Vec::new();
    for _ in 0..30 {
        with.push(dial(&mut sim));
        sim.lost(Failure::Network);
    }
    let tries: Vec<usize> = (0..30).filter(|at| !with[*at]).collect();
    assert_eq!(tries, [3, 7, 14, 27]);
    // It comes up just when it is asked without.
    while dial(&mut sim) {
        sim.lost(Failure::Network);
    }
    sim.opened();
    assert!(dial(&mut sim));
    open(&mut sim);
    sim.lost(Failure::Network);
    assert!(dial(&mut sim));
}

#[test]
fn what_is_refused_without_the_cursor_as_well_goes_by_the_table() {
    let mut sim = lost(Config::default());
    assert!(dial(&mut sim));
    sim.lost(http(403));
    assert!(!dial(&mut sim));
    sim.lost(http(403));
    assert_eq!((sim.end(), sim.core.last_failure()), (Some(Why::Fatal), Some(http(403))));
    // One that is retriable is asked with the cursor again.
    let mut sim = lost(Config::default());
    assert!(dial(&mut sim));
    sim.lost(http(404));
    assert!(!dial(&mut sim));
    // From now on as rarely as of any failure: not two requests each time.
    let asked: Vec<bool> = (0..7)
        .map(|_| {
            sim.lost(http(404));
            dial(&mut sim)
        })
        .collect();
    assert_eq!(asked, [true, true, false, true, true, true, false]);
}

#[test]
fn what_says_to_wait_or_nothing_of_the_request_is_no_refusal() {
    for failure in [
        http(407),
        http(408),
        http(425),
        http(429),
        http(503),
        Failure::OpenTimeout,
        Failure::Provider,
        Failure::HalfOpen,
    ] {
        let mut sim = lost(Config::default());
        for _ in 0..8 {
            assert!(dial(&mut sim), "{failure:?}");
            sim.lost(failure);
        }
    }
}

#[test]
fn a_refused_token_says_nothing_of_the_cursor() {
    let mut sim = lost(Config { has_provider: true, ..Config::default() });
    assert!(dial(&mut sim));
    sim.lost(http(401));
    assert!(dial(&mut sim), "with another token");
    sim.lost(http(401));
    assert_eq!((sim.end(), sim.core.last_failure()), (Some(Why::Fatal), Some(http(401))));
}

#[test]
fn no_more_to_be_had_is_the_end_and_no_refusal_of_the_cursor() {
    let mut sim = lost(Config::default());
    assert!(dial(&mut sim));
    sim.lost(http(204));
    assert_eq!(sim.end(), Some(Why::Ended));
}

#[test]
fn without_a_cursor_nothing_is_to_be_left_out() {
    let mut sim = lost(Config::default());
    for _ in 0..8 {
        let wait = sim.wait();
        sim.pass(wait);
        sim.resolved();
        assert_eq!(sim.goes_up(0), Carrier::App);
        sim.lost(Failure::Network);
    }
    let wait = sim.wait();
    sim.pass(wait);
    sim.resolved();
    sim.lost(http(403));
    assert_eq!(sim.end(), Some(Why::Fatal));
}

#[test]
fn after_a_good_connection_without_it_the_cursor_is_tried_again_once() {
    let around = || {
        let mut sim = lost(Config::default());
        dial(&mut sim);
        sim.lost(http(400));
        dial(&mut sim);
        sim.opened();
        dial(&mut sim);
        sim.lost(http(400));
        assert!(!dial(&mut sim));
        open(&mut sim);
        sim.pass(STABLE);
        sim.lost(Failure::Network);
        assert!(dial(&mut sim));
        sim
    };
    let mut sim = around();
    sim.lost(http(400));
    assert_eq!((told(&mut sim), sim.wait()), (Some(Failure::Cursor), FLOOR));
    assert!(!dial(&mut sim));
    let mut sim = around();
    open(&mut sim);
    sim.lost(Failure::Network);
    assert!(dial(&mut sim));
}

#[test]
fn a_request_that_must_not_be_repeated_is_repeated_for_this_if_the_server_did_not_act() {
    for (status, end) in [(400, None), (500, Some(Why::Fatal))] {
        let mut sim = lost(Config::default());
        sim.route = Route { once: true, ..STREAM };
        assert!(dial(&mut sim));
        sim.lost(http(status));
        assert_eq!(sim.end(), end, "{status}");
    }
}

#[test]
fn the_callers_rule_ends_it_and_reconnect_begins_anew() {
    let mut sim = lost(Config { asks: true, ..Config::default() });
    sim.input(Input::Answer(Decision::Table));
    assert!(dial(&mut sim));
    sim.lost(http(400));
    sim.input(Input::Answer(Decision::GiveUp));
    assert_eq!(sim.end(), Some(Why::Fatal));

    let mut sim = lost(Config::default());
    dial(&mut sim);
    sim.lost(http(400));
    sim.input(Input::Reconnect);
    assert!(dial(&mut sim));
}

#[test]
fn another_endpoint_has_a_word_of_its_own() {
    let mut sim = lost(Config { endpoints: 2, ..Config::default() });
    assert!(dial(&mut sim));
    sim.lost(http(400));
    assert!(!dial(&mut sim), "the same endpoint, without");
    sim.lost(http(502));
    assert!(dial(&mut sim), "the next one, with");
}

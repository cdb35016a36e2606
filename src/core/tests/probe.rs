//! A WebSocket that does not open, and a server that can be asked why.

use super::{
    super::{
        config::Config,
        failure::{Failure, RetryAfter},
        io::{Action, Input, Page, Why},
        state::State,
    },
    sim::{POSTS, STREAM, Sim, closed},
};

fn probing() -> Config {
    Config { probes: true, ..Config::default() }
}

fn opening(config: Config) -> Sim {
    let mut sim = Sim::new(config);
    sim.input(Input::Start);
    sim.resolved();
    sim
}

fn asked(sim: &mut Sim) -> Vec<u32> {
    let probe = |action| if let Action::Probe { attempt } = action { Some(attempt) } else { None };
    sim.take().into_iter().filter_map(probe).collect()
}

/// What becomes of an attempt whose question is answered so.
fn action(answer: Option<(u16, Option<RetryAfter>)>) -> (Option<Failure>, State) {
    let mut sim = opening(probing());
    let attempt = sim.core.attempt();
    sim.lost(Failure::Network);
    assert_eq!(
        (asked(&mut sim), sim.core.last_failure(), sim.core.state()),
        (vec![attempt], None, State::Connecting)
    );
    sim.input(Input::Probed { attempt, answer });
    (sim.core.last_failure(), sim.core.state())
}

#[test]
fn a_refusal_is_the_failure_and_the_table_says_what_follows() {
    for (status, state) in
        [(403, State::Closed), (503, State::Waiting), (404, State::Closed), (429, State::Waiting)]
    {
        let failure = Failure::Http { status, retry_after: Some(RetryAfter(7_000)) };
        assert_eq!(action(Some((status, Some(RetryAfter(7_000))))), (Some(failure), state), "{status}");
    }
}

#[test]
fn what_is_no_refusal_says_nothing() {
    for status in [0, 1, 101, 200, 204, 302, 399, 426] {
        assert_eq!(action(Some((status, None))), (Some(Failure::Network), State::Waiting), "{status}");
    }
    assert_eq!(action(None), (Some(Failure::Network), State::Waiting));
}

#[test]
fn the_servers_word_on_waiting_holds() {
    let mut sim = opening(probing());
    let attempt = sim.core.attempt();
    sim.lost(Failure::Network);
    sim.input(Input::Probed { attempt, answer: Some((503, Some(RetryAfter(60_000)))) });
    assert!((60_000..=75_000).contains(&sim.wait()), "{}", sim.wait());
}

#[test]
fn only_a_websocket_that_has_not_opened_and_failed_without_a_word_is_asked_about() {
    let mut sim = opening(probing());
    sim.opened();
    sim.lost(Failure::Network);
    assert_eq!(asked(&mut sim), Vec::<u32>::new(), "it was open");
    for failure in [closed(4403), Failure::Blocked, Failure::OpenTimeout] {
        let mut sim = opening(probing());
        sim.lost(failure);
        assert_eq!((asked(&mut sim), sim.core.last_failure()), (vec![], Some(failure)));
    }
    for route in [STREAM, POSTS] {
        let mut sim = Sim::new(probing());
        sim.route = route;
        sim.input(Input::Start);
        sim.resolved();
        sim.lost(Failure::Network);
        assert_eq!((asked(&mut sim), sim.core.last_failure()), (vec![], Some(Failure::Network)), "a stream");
    }
    let mut sim = opening(Config::default());
    sim.lost(Failure::Network);
    assert_eq!((asked(&mut sim), sim.core.last_failure()), (vec![], Some(Failure::Network)), "nobody to ask");
}

#[test]
fn it_is_asked_once_for_an_attempt_and_for_the_next_one_again() {
    let mut sim = opening(probing());
    sim.lost(Failure::Network);
    sim.lost(Failure::Network);
    let first = sim.core.attempt();
    assert_eq!(asked(&mut sim), [first]);
    sim.input(Input::Probed { attempt: first, answer: None });
    sim.input(Input::Probed { attempt: first, answer: Some((403, None)) });
    assert_eq!(sim.core.state(), State::Waiting, "a second answer is nobody's");
    sim.pass_until(1 << 30, |sim| sim.core.state() != State::Waiting);
    sim.resolved();
    sim.lost(Failure::Network);
    assert_eq!(asked(&mut sim), [sim.core.attempt()]);
}

#[test]
fn the_open_timeout_does_not_wait_for_the_answer() {
    let mut sim = opening(probing());
    let attempt = sim.core.attempt();
    sim.lost(Failure::Network);
    sim.pass(10_000);
    assert_eq!(sim.core.last_failure(), Some(Failure::OpenTimeout));
    sim.input(Input::Probed { attempt, answer: Some((403, None)) });
    assert_eq!(sim.core.state(), State::Waiting, "late");
}

#[test]
fn after_the_end_nobody_is_asked_and_no_answer_counts() {
    let mut sim = opening(probing());
    let attempt = sim.core.attempt();
    sim.lost(Failure::Network);
    sim.take();
    sim.close();
    sim.input(Input::Probed { attempt, answer: Some((403, None)) });
    assert_eq!(sim.end(), Some(Why::App));
    let mut sim = opening(probing());
    sim.page(Page::Left);
    sim.lost(Failure::Network);
    assert_eq!((asked(&mut sim), sim.core.state()), (vec![], State::Connecting), "the page took it down");
}

#[test]
fn a_successor_is_asked_about_too_and_the_connection_stays() {
    let mut sim = opening(Config { max_age: 60_000, ..probing() });
    sim.opened();
    sim.take();
    sim.pass_until(60_000, |sim| sim.asked != sim.core.attempt());
    let successor = sim.asked;
    sim.input(Input::Resolved { attempt: successor, route: sim.route });
    sim.input(Input::Lost { attempt: successor, failure: Failure::Network });
    assert_eq!((asked(&mut sim), sim.successor), (vec![successor], Some(successor)));
    let start = sim.now;
    sim.input(Input::Probed { attempt: successor, answer: Some((503, Some(RetryAfter(90_000)))) });
    assert_eq!((sim.successor, sim.core.state()), (None, State::Open));
    sim.pass_until(1 << 30, |sim| sim.asked != successor);
    assert!(sim.now - start >= 90_000, "the server's word holds for it: {}", sim.now - start);
}

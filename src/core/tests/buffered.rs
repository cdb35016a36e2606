//! A stream that does not open, and a server that answers a HEAD.

use super::{
    super::{
        config::Config,
        failure::Failure,
        io::{Action, Input, Page},
        state::State,
    },
    sim::{STREAM, Sim},
};

/// Its request is out.
fn opening(config: Config) -> Sim {
    let mut sim = Sim::new(config);
    sim.route = STREAM;
    sim.input(Input::Start);
    sim.resolved();
    sim.core.streaming(sim.now, sim.core.attempt());
    sim.take();
    sim
}

fn asked(sim: &mut Sim) -> Vec<u32> {
    let head = |action| if let Action::Head { attempt } = action { Some(attempt) } else { None };
    sim.take().into_iter().filter_map(head).collect()
}

/// How long after its request the attempt is given up, the server answering the HEAD within `took`.
fn given_up(config: Config, took: Option<u64>) -> (u64, Option<Failure>) {
    let mut sim = opening(config);
    let (start, attempt) = (sim.now, sim.core.attempt());
    if let Some(took) = took {
        sim.pass_until(1 << 30, |sim| {
            sim.core.deadline().is_none_or(|due| due > sim.now + 3_000)
                || sim.core.state() != State::Connecting
        });
        assert_eq!(asked(&mut sim), [attempt]);
        sim.pass(took);
        sim.core.would_stream(sim.now, attempt);
    }
    sim.pass_until(1 << 30, |sim| sim.core.state() != State::Connecting);
    (sim.now - start, sim.core.last_failure())
}

#[test]
fn a_server_that_answers_while_its_stream_does_not_come_is_buffered() {
    let alone = Config::default();
    assert_eq!(given_up(alone, Some(500)), (9_000, Some(Failure::Buffered)), "just before the time is over");
    let polls = Config { polls: true, ..Config::default() };
    assert_eq!(
        given_up(polls, Some(500)),
        (4_000, Some(Failure::Buffered)),
        "at once, where there is another way"
    );
}

#[test]
fn one_that_does_not_answer_is_not() {
    for polls in [false, true] {
        let config = Config { polls, ..Config::default() };
        assert_eq!(given_up(config, None), (10_000, Some(Failure::OpenTimeout)));
    }
}

#[test]
fn it_is_asked_after_3_s_or_a_third_of_the_time() {
    for (open_timeout, slow) in [(10_000, 3_000), (60_000, 3_000), (3_000, 1_000)] {
        let mut sim = opening(Config { open_timeout, ..Config::default() });
        sim.pass(slow - 1);
        assert_eq!(asked(&mut sim), Vec::<u32>::new());
        sim.pass(1);
        assert_eq!(asked(&mut sim), [sim.core.attempt()]);
        sim.pass(open_timeout);
        assert_eq!(asked(&mut sim), Vec::<u32>::new(), "once");
    }
}

#[test]
fn what_opens_is_not_asked_for_any_more() {
    let mut sim = opening(Config::default());
    sim.opened();
    sim.pass(20_000);
    assert_eq!((asked(&mut sim), sim.core.state()), (vec![], State::Open));

    let mut sim = opening(Config { polls: true, ..Config::default() });
    sim.pass(3_000);
    let attempt = sim.core.attempt();
    assert_eq!(asked(&mut sim), [attempt]);
    sim.opened();
    assert_eq!(asked(&mut sim), [0], "it is called off");
    sim.core.would_stream(sim.now, attempt);
    sim.pass(20_000);
    assert_eq!(sim.core.state(), State::Open);
}

#[test]
fn an_answer_is_of_its_attempt() {
    let mut sim = opening(Config { polls: true, ..Config::default() });
    sim.pass(3_000);
    let old = sim.core.attempt();
    sim.input(Input::Reconnect);
    sim.pass_until(1 << 30, |sim| sim.asked != old);
    sim.resolved();
    sim.core.streaming(sim.now, sim.core.attempt());
    sim.core.would_stream(sim.now, old);
    sim.core.streaming(sim.now, old);
    sim.take();
    sim.pass(2_999);
    assert_eq!((asked(&mut sim), sim.core.state()), (vec![], State::Connecting));
    sim.pass(1);
    assert_eq!(asked(&mut sim), [sim.core.attempt()]);
}

#[test]
fn a_page_that_freezes_lets_go_of_the_question() {
    let mut sim = opening(Config { polls: true, ..Config::default() });
    sim.pass(3_000);
    let attempt = sim.core.attempt();
    sim.page(Page::Frozen);
    sim.core.would_stream(sim.now, attempt);
    assert_eq!((sim.core.deadline(), sim.core.state()), (None, State::Suspended));
}

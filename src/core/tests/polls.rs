//! Long polls: when the server is asked again, when an answer is overdue, and what it means.

use super::{
    super::{
        config::{Backoff, Config, FLOOR, Heartbeat, Jitter, MAX_DELAY},
        failure::{Failure, RetryAfter},
        io::{Action, Input, Page},
        polls::{ANSWER_TIMEOUT, SOON, default_wait},
        state::State,
    },
    file_of_the_repository,
    sim::{POLLS, STREAM, Sim},
};

const WAIT: u64 = 25_000;

fn polling(config: Config) -> Sim {
    Sim::open_on(POLLS, config)
}

/// The requests made since this was last asked: how long the server may wait.
fn asked(sim: &mut Sim) -> Vec<u64> {
    std::mem::take(&mut sim.polls)
}

/// The request that is out ends in good order.
fn ends(sim: &mut Sim, brought: bool) {
    if brought {
        sim.core.brought(sim.core.attempt());
    }
    sim.lost(Failure::End);
}

/// The first one has brought something, and the next one is out.
fn second(config: Config) -> Sim {
    let mut sim = polling(config);
    ends(&mut sim, true);
    sim.pass(FLOOR);
    assert_eq!(asked(&mut sim), [0, sim.core.config.poll_wait]);
    sim
}

/// How long after the end of the second request, which it had after `took`, the third one is made.
fn third(mut sim: Sim, took: u64, brought: bool) -> u64 {
    let start = sim.now;
    sim.pass(took);
    ends(&mut sim, brought);
    let pause = sim.pass_until(1 << 20, |sim| !sim.polls.is_empty());
    assert_eq!((asked(&mut sim), sim.core.state()), (vec![WAIT], State::Open), "after {took}");
    assert!(sim.now >= start + FLOOR);
    pause
}

#[test]
fn the_first_is_to_be_answered_at_once_and_the_next_may_wait() {
    let mut sim = Sim::new(Config::default());
    sim.route = POLLS;
    sim.input(Input::Start);
    assert_eq!(asked(&mut sim), Vec::<u64>::new());
    sim.resolved();
    assert_eq!(asked(&mut sim), [0]);
    sim.opened();
    assert_eq!(asked(&mut sim), Vec::<u64>::new());
    ends(&mut sim, true);
    sim.pass(FLOOR);
    assert_eq!(asked(&mut sim), [WAIT]);
}

#[test]
fn another_stream_is_not_polled() {
    let mut sim = Sim::open_on(STREAM, Config::default());
    assert_eq!((asked(&mut sim), sim.core.deadline()), (vec![], None));
    ends(&mut sim, true);
    assert_eq!(sim.core.last_failure(), Some(Failure::End));
}

#[test]
fn what_brought_something_is_asked_for_again_at_once_but_not_within_100_ms() {
    for (took, pause) in [(0, 100), (1, 99), (99, 1), (100, 0), (20_000, 0)] {
        assert_eq!(third(second(Config::default()), took, true), pause, "after {took}");
    }
}

#[test]
fn the_time_is_that_from_one_request_to_the_next() {
    let mut sim = Sim::new(Config::default());
    sim.route = POLLS;
    sim.input(Input::Start);
    // The address was long in coming, so the attempt's own floor is past.
    sim.pass(5_000);
    sim.resolved();
    sim.opened();
    ends(&mut sim, true);
    sim.pass(FLOOR - 1);
    assert_eq!(asked(&mut sim), [0]);
    sim.pass(1);
    assert_eq!(asked(&mut sim), [WAIT]);
}

#[test]
fn what_brings_nothing_sooner_than_a_second_ends_the_connection() {
    for took in [0, SOON - 1] {
        let mut sim = second(Config::default());
        sim.pass(took);
        ends(&mut sim, false);
        assert_eq!((sim.core.last_failure(), sim.core.state()), (Some(Failure::End), State::Waiting));
        assert_eq!(asked(&mut sim), Vec::<u64>::new());
    }
    // The first one is answered at once, and most often there is nothing yet.
    let mut sim = polling(Config::default());
    ends(&mut sim, false);
    sim.pass(FLOOR);
    assert_eq!((asked(&mut sim), sim.core.state()), (vec![0, WAIT], State::Open));
}

/// That an answer brought something says nothing of the next one.
#[test]
fn what_one_answer_brought_is_not_the_next_ones() {
    let mut sim = second(Config::default());
    ends(&mut sim, false);
    assert_eq!(sim.core.last_failure(), Some(Failure::End));
}

#[test]
fn a_server_that_ends_them_all_before_their_time_is_asked_less_often_and_spread() {
    let pause = |took, draw| {
        let mut sim = second(Config::default());
        sim.draw = Some(draw);
        third(sim, took, false)
    };
    assert_eq!([0, u32::MAX].map(|draw| pause(SOON, draw)), [FLOOR, FLOOR + 1_062]);
    assert_eq!([0, u32::MAX].map(|draw| pause(WAIT - 1, draw)), [FLOOR, FLOOR + 1_062]);
    assert_eq!([0, u32::MAX].map(|draw| pause(WAIT, draw)), [0, 0], "it had its time");
}

#[test]
fn a_pause_is_as_long_as_the_server_told() {
    let pause = |took, brought, draw| {
        let mut sim = second(Config::default());
        sim.core.retry_told(2_000);
        sim.draw = Some(draw);
        third(sim, took, brought)
    };
    assert_eq!([0, u32::MAX].map(|draw| pause(50, true, draw)), [2_000, 2_500]);
    assert_eq!([0, u32::MAX].map(|draw| pause(WAIT, false, draw)), [2_000, 2_500]);
    assert_eq!([0, u32::MAX].map(|draw| pause(SOON, false, draw)), [2_000, 3_062]);
}

#[test]
fn the_heartbeat_stands_still_while_nothing_is_asked() {
    let heartbeat = Some(Heartbeat::new());
    let mut sim = second(Config { heartbeat, poll_wait: 24_000, ..Config::default() });
    sim.core.retry_told(200_000);
    sim.message();
    ends(&mut sim, true);
    let pause = sim.pass_until(1 << 20, |sim| !sim.polls.is_empty() || sim.core.state() != State::Open);
    assert!((200_000..=250_000).contains(&pause), "{pause}");
    assert_eq!((asked(&mut sim), sim.core.state()), (vec![24_000], State::Open));
    // And from there on it is the server's.
    let start = sim.now;
    sim.pass_until(1 << 20, |sim| sim.core.state() != State::Open);
    assert_eq!((sim.core.last_failure(), sim.now - start), (Some(Failure::Network), 34_000));
}

#[test]
fn each_further_answer_is_a_seam() {
    let mut sim = second(Config::default());
    assert!(!sim.core.checking());
    sim.opened();
    assert!(sim.core.checking());
    sim.core.check(super::super::resume::Id::Own(1), None);
    sim.settle();
    assert!(!sim.core.checking(), "the message at the cursor");
    ends(&mut sim, true);
    sim.opened();
    assert!(!sim.core.checking(), "nothing is asked");
}

#[test]
fn an_answer_may_come_10_s_after_the_wait_and_no_later() {
    let mut sim = second(Config::default());
    sim.pass(WAIT + ANSWER_TIMEOUT - 1);
    assert_eq!(sim.core.state(), State::Open);
    let mut late = sim.core.clone();
    sim.take();
    sim.pass(1);
    assert_eq!((sim.core.last_failure(), sim.core.state()), (Some(Failure::Network), State::Waiting));
    let attempt = sim.link;
    assert_eq!(attempt, None, "let go of");
    let told = sim.take();
    let overdue = told.iter().position(|action| matches!(action, Action::Poll { wait: None, .. }));
    let lost = told.iter().position(|action| matches!(action, Action::Drop { .. }));
    assert!(overdue.is_some() && overdue < lost, "why, before that: {told:?}");
    // In the last moment it counts.
    late.brought(late.attempt());
    let moment = super::super::io::Timestamp { now: sim.now, draw: 0 };
    late.handle(moment, Input::Lost { attempt: late.attempt(), failure: Failure::End });
    assert_eq!((late.state(), late.last_failure()), (State::Open, None));
}

#[test]
fn the_first_one_has_the_time_of_the_others_once_it_is_open() {
    let mut sim = Sim::new(Config::default());
    sim.route = POLLS;
    sim.input(Input::Start);
    sim.resolved();
    sim.pass(9_999);
    assert_eq!(sim.core.state(), State::Connecting);
    sim.opened();
    sim.pass(WAIT + ANSWER_TIMEOUT - 1);
    assert_eq!(sim.core.state(), State::Open);
    sim.pass(1);
    assert_eq!(sim.core.last_failure(), Some(Failure::Network));
    // And before that what any attempt has.
    let mut sim = Sim::new(Config::default());
    sim.route = POLLS;
    sim.input(Input::Start);
    sim.resolved();
    sim.pass(10_000);
    assert_eq!(sim.core.last_failure(), Some(Failure::OpenTimeout));
}

/// The thread was blocked, or the machine asleep: what came meanwhile may be dispatched after the timer.
#[test]
fn a_late_timer_is_no_proof() {
    for (late, ahead) in [(60_000, 0), (0, 3_600_000)] {
        let mut sim = second(Config::default());
        sim.now += WAIT + ANSWER_TIMEOUT + late;
        sim.ahead += ahead;
        sim.tick();
        assert_eq!(sim.core.state(), State::Open, "{late}");
        let mut answered = sim.core.clone();
        answered.brought(answered.attempt());
        let moment = super::super::io::Timestamp { now: sim.now + 10, draw: 0 };
        answered.handle(moment, Input::Lost { attempt: answered.attempt(), failure: Failure::End });
        assert_eq!(answered.state(), State::Open);
        sim.pass(50);
        assert_eq!(sim.core.last_failure(), Some(Failure::Network), "nothing came");
    }
}

/// The page's loop is behind, and the port says at each timer that something was heard; or it is still coming.
#[test]
fn an_answer_that_nobody_has_read_yet_is_not_overdue() {
    let mut sim = second(Config::default());
    for _ in 0..20 {
        sim.pass(ANSWER_TIMEOUT - 1);
        sim.hear(sim.now);
    }
    assert_eq!(sim.core.state(), State::Open);
    sim.pass(ANSWER_TIMEOUT + 50);
    assert_eq!(sim.core.last_failure(), Some(Failure::Network));
}

#[test]
fn a_refusal_goes_by_the_table() {
    let told = Failure::Http { status: 503, retry_after: Some(RetryAfter(7_000)) };
    // In mid-life, where what a deploy may answer is no end.
    for failure in [
        told,
        Failure::Http { status: 403, retry_after: None },
        Failure::Redirect,
        Failure::ContentType,
        Failure::TooBig,
        Failure::Network,
    ] {
        let mut stream = Sim::open_on(STREAM, Config::default());
        stream.lost(failure);
        let mut sim = second(Config::default());
        sim.lost(failure);
        assert_eq!((sim.core.last_failure(), sim.core.state()), (Some(failure), stream.core.state()));
        assert_eq!(asked(&mut sim), Vec::<u64>::new());
    }
    let mut sim = second(Config::default());
    sim.lost(told);
    assert!((7_000..=8_750).contains(&sim.wait()), "{}", sim.wait());
    sim.establish();
    assert_eq!(asked(&mut sim), [0], "anew");
}

#[test]
fn no_storm_of_answers_that_bring_nothing() {
    let backoff = Backoff { jitter: Jitter::None, ..Backoff::new() };
    let mut sim = polling(Config { backoff, ..Config::default() });
    for delay in [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
        ends(&mut sim, false);
        sim.pass(FLOOR);
        ends(&mut sim, false);
        assert_eq!((sim.wait(), asked(&mut sim).len()), (delay, 2), "two requests for each");
        sim.establish();
    }
}

#[test]
fn nothing_is_asked_after_the_end_nor_while_the_page_is_frozen() {
    for paused in [false, true] {
        let mut sim = second(Config::default());
        if paused {
            sim.core.retry_told(5_000);
            ends(&mut sim, true);
        }
        let mut frozen = second(Config::default());
        frozen.page(Page::Frozen);
        frozen.now += 3_600_000;
        frozen.tick();
        assert_eq!((frozen.core.state(), asked(&mut frozen)), (State::Suspended, vec![]));
        frozen.page(Page::Resumed);
        frozen.establish();
        assert_eq!(asked(&mut frozen), [0]);
        ends(&mut frozen, true);
        frozen.pass(FLOOR);
        assert_eq!(asked(&mut frozen), [WAIT]);

        sim.close();
        sim.lost(Failure::End);
        sim.opened();
        sim.pass(100_000);
        assert_eq!((asked(&mut sim), sim.core.deadline()), (vec![], None));
    }
}

#[test]
fn the_app_s_reconnect_makes_a_new_connection_of_polls() {
    let mut sim = second(Config::default());
    sim.input(Input::Reconnect);
    let old = sim.core.attempt();
    sim.establish();
    assert_eq!(asked(&mut sim), [0]);
    sim.input(Input::Lost { attempt: old.wrapping_sub(1), failure: Failure::End });
    sim.pass(FLOOR);
    assert_eq!(asked(&mut sim), Vec::<u64>::new(), "what is over is nobody's");
}

#[test]
fn a_successor_polls_for_itself_and_the_old_one_goes_on_until_then() {
    let mut sim = second(Config { max_age: 60_000, ..Config::default() });
    while !sim.core.succeeds(sim.asked) {
        sim.pass(1_000);
        ends(&mut sim, true);
    }
    let successor = sim.asked;
    asked(&mut sim);
    sim.input(Input::Resolved { attempt: successor, route: POLLS });
    assert_eq!(asked(&mut sim), [0]);
    ends(&mut sim, true);
    sim.pass(FLOOR);
    assert_eq!(asked(&mut sim), [WAIT], "the old one's");
    sim.input(Input::Opened { attempt: successor });
    sim.pass(WAIT);
    assert_eq!((asked(&mut sim), sim.core.attempt(), sim.core.state()), (vec![], successor, State::Open));
    ends(&mut sim, false);
    sim.pass(FLOOR);
    assert_eq!(asked(&mut sim), [WAIT], "the first one of its own is answered at once");
    // One that is no poll leaves none behind.
    let mut sim = second(Config { max_age: 60_000, ..Config::default() });
    while !sim.core.succeeds(sim.asked) {
        sim.pass(1_000);
        ends(&mut sim, true);
    }
    let successor = sim.asked;
    sim.input(Input::Resolved { attempt: successor, route: STREAM });
    sim.input(Input::Opened { attempt: successor });
    sim.lost(Failure::End);
    assert_eq!(sim.core.last_failure(), Some(Failure::End));
}

#[test]
fn the_server_may_wait_four_fifths_of_the_heartbeats_interval_at_most() {
    let with = |interval| default_wait(Some(&Heartbeat { interval, ..Heartbeat::new() }));
    assert_eq!([10_000, 30_000, 31_250, 60_000].map(with), [8_000, 24_000, 25_000, 25_000]);
    assert_eq!(default_wait(None), WAIT);
}

/// What the facade refuses stands there; a timer must reach the end of the longest one.
#[test]
fn the_facades_range_is_the_cores() {
    let Some(facade) = file_of_the_repository("pkg-template/longpoll.js") else { return };
    let range = format!("wait=a number of ms from {SOON} to {}\n", MAX_DELAY - ANSWER_TIMEOUT);
    assert!(facade.contains(&range), "{range}");
    assert_eq!(Heartbeat::new().interval, 30_000);
    assert!(facade.contains("(heartbeat.interval ?? 30_000) * 0.8"));
}

//! A dead connection is noticed in time, by the open gate's knowledge: the core learns what came in only
//! when its timer fires.

use proptest::prelude::*;

use super::{
    super::{
        config::{Config, Heartbeat},
        failure::Failure,
        io::{Action, ClientEvent, Input, Page},
        state::State,
    },
    cases,
    sim::{SOCKET, STREAM, Sim, beating},
};

const INTERVAL: u64 = 30_000;
const TIMEOUT: u64 = 5_000;
const LIMIT: u64 = INTERVAL + TIMEOUT;

/// How long until the silence is noticed.
fn noticed(sim: &mut Sim) -> u64 {
    let took = sim.pass_until(10 * LIMIT, |sim| sim.core.state() != State::Open);
    let half_open = |action: &Action| {
        matches!(action, Action::Emit(ClientEvent::Retry { failure: Failure::HalfOpen, .. }))
    };
    assert!(sim.take().iter().any(half_open), "not for its silence");
    took
}

#[test]
fn a_silent_connection_is_pinged_after_the_interval_and_dead_after_the_timeout() {
    for hidden in [false, true] {
        let mut sim = Sim::open_on(SOCKET, beating());
        if hidden {
            sim.page(Page::Hidden);
        }
        sim.pass(INTERVAL - 1);
        assert_eq!(sim.pings(), 0);
        sim.pass(1);
        assert_eq!(sim.pings(), 1);
        assert_eq!(noticed(&mut sim), TIMEOUT);
    }
}

#[test]
fn a_silent_stream_is_never_pinged_and_replaced_in_time() {
    let mut sim = Sim::open_on(STREAM, beating());
    assert_eq!(noticed(&mut sim), LIMIT);
    assert_eq!(sim.pings(), 0);
}

#[test]
fn a_message_one_millisecond_after_a_tick_does_not_delay_the_verdict() {
    for route in [SOCKET, STREAM] {
        for tick in [2_000, 28_000, 30_000] {
            let mut sim = Sim::open_on(route, beating());
            sim.pass(tick);
            sim.now += 1;
            sim.message();
            assert!(noticed(&mut sim) <= LIMIT, "after {tick}");
        }
    }
}

#[test]
fn a_hidden_page_learns_of_the_last_message_at_the_timer() {
    let mut sim = Sim::open_on(SOCKET, beating());
    sim.page(Page::Hidden);
    sim.pass(29_999);
    sim.message();
    assert_eq!(noticed(&mut sim), LIMIT);
}

#[test]
fn a_pong_is_life() {
    let mut sim = Sim::open_on(SOCKET, beating());
    for _ in 0..20 {
        sim.pass_until(INTERVAL, Sim::pinged);
        assert_eq!(sim.pings(), 1);
        sim.pass(4_900);
        sim.message();
    }
    assert_eq!(sim.core.state(), State::Open);
}

#[test]
fn a_busy_connection_is_never_pinged() {
    let mut sim = Sim::open_on(SOCKET, beating());
    for _ in 0..1_000 {
        sim.message();
        sim.pass(900);
    }
    assert_eq!(sim.pings(), 0);
}

#[test]
fn a_send_that_is_answered_raises_no_doubt() {
    let mut sim = Sim::open_on(SOCKET, beating());
    for _ in 0..100 {
        sim.send(1);
        sim.pass(40);
        sim.message();
        sim.pass(10_000);
    }
    assert_eq!(sim.pings(), 0);
}

#[test]
fn a_send_that_nothing_answers_is_noticed() {
    let mut sim = Sim::open_on(SOCKET, beating());
    sim.pass(1_500);
    sim.send(1);
    assert!(noticed(&mut sim) <= 2 * TIMEOUT);
}

#[test]
fn an_answer_to_the_first_send_is_none_to_the_second() {
    let mut sim = Sim::open_on(SOCKET, beating());
    sim.send(1);
    sim.pass(100);
    sim.message();
    sim.pass(100);
    sim.send(1);
    assert!(noticed(&mut sim) <= 2 * TIMEOUT);
}

#[test]
fn a_reply_in_the_same_millisecond_as_its_cause_is_noticed_when_unanswered() {
    let mut sim = Sim::open_on(SOCKET, beating());
    sim.pass(100);
    sim.message();
    sim.send(1);
    assert!(noticed(&mut sim) <= 2 * TIMEOUT);
}

#[test]
fn what_waited_in_the_outbox_is_doubted_as_well() {
    let mut sim = Sim::new(beating());
    sim.input(Input::Start);
    sim.send(1);
    sim.establish();
    assert!(noticed(&mut sim) <= 2 * TIMEOUT);
}

#[test]
fn a_late_timer_gets_one_grace() {
    let mut sim = Sim::open_on(SOCKET, beating());
    sim.pass(INTERVAL);
    assert_eq!(sim.pings(), 1);
    sim.now += 60_000;
    sim.tick();
    assert_eq!((sim.pings(), sim.core.state()), (1, State::Open));
    // Late again: only what waits behind this very timer is let in.
    sim.now += 60_000;
    sim.tick();
    assert_eq!((sim.pings(), sim.core.state()), (0, State::Open));
    sim.pass(50);
    assert_eq!(sim.core.state(), State::Waiting);
}

/// How long until the silence is noticed, and how often was asked till then, when the timer after the first
/// ping is so late.
fn noticed_after_a_timer_late_by(lateness: u64) -> (u64, usize) {
    let mut sim = Sim::open_on(SOCKET, beating());
    // Only the heartbeat's timer is set.
    sim.page(Page::Hidden);
    sim.pass(INTERVAL);
    sim.now = sim.core.deadline().unwrap() + lateness;
    sim.take();
    sim.tick();
    let asked = sim.pings();
    (noticed(&mut sim), asked)
}

#[test]
fn a_late_timer_asks_again_for_a_whole_timeout_and_a_punctual_one_waits_for_its_last_call() {
    assert_eq!(noticed_after_a_timer_late_by(51), (TIMEOUT, 1));
    assert_eq!(noticed_after_a_timer_late_by(10_000), (TIMEOUT, 1));
    for punctual in [0, 1, 50] {
        assert_eq!(noticed_after_a_timer_late_by(punctual), (50, 0), "{punctual} ms late");
    }
}

#[test]
fn what_came_in_before_the_ping_is_no_answer_to_it() {
    let mut sim = Sim::open_on(SOCKET, beating());
    sim.pass(INTERVAL);
    // Dispatched after the timer.
    sim.heard = Some(sim.now - 1);
    assert_eq!(noticed(&mut sim), TIMEOUT);
}

#[test]
fn an_answer_that_waits_behind_the_second_late_timer_counts() {
    let mut sim = Sim::open_on(SOCKET, beating());
    sim.pass(INTERVAL);
    let asked = sim.now;
    for _ in 0..2 {
        sim.now += 10_000;
        sim.tick();
    }
    sim.heard = Some(asked + 100);
    sim.pass(TIMEOUT);
    assert_eq!(sim.core.state(), State::Open);
}

#[test]
fn a_probe_that_ran_out_in_a_sleep_starts_anew() {
    let mut sim = Sim::open_on(SOCKET, beating());
    sim.pass(INTERVAL + 1_000);
    sim.now += 3_600_000;
    sim.page(Page::Visible);
    assert_eq!(sim.core.state(), State::Open);
    sim.pass(TIMEOUT - 1);
    assert_eq!(sim.core.state(), State::Open);
    sim.pass(1);
    assert_eq!(sim.core.state(), State::Waiting);
}

#[test]
fn an_answer_that_waits_behind_a_late_timer_counts() {
    for lateness in [0, 20, 49, 51, 10_000] {
        let mut sim = Sim::open_on(SOCKET, beating());
        sim.pass(INTERVAL);
        let asked = sim.now;
        sim.now += TIMEOUT + lateness;
        sim.tick();
        // It came in while the thread was blocked, and is dispatched after the timer.
        sim.heard = Some(asked + 100);
        sim.pass(3 * TIMEOUT);
        assert_eq!(sim.core.state(), State::Open, "{lateness} ms late");
    }
}

#[test]
fn a_stream_that_spoke_lately_is_not_doubted_when_the_page_returns() {
    let mut sim = Sim::open_on(STREAM, beating());
    sim.page(Page::Hidden);
    sim.now += 50_000;
    sim.message();
    sim.now += 5_000;
    // Before the throttled timer could tell.
    sim.page(Page::Visible);
    sim.pass(24_000);
    assert_eq!(sim.core.state(), State::Open);
    sim.message();
    sim.pass(29_000);
    assert_eq!(sim.core.state(), State::Open);
}

#[test]
fn an_overdue_stream_gets_its_last_timeout_when_the_page_returns() {
    let mut sim = Sim::open_on(STREAM, beating());
    sim.page(Page::Hidden);
    sim.now += 300_000;
    sim.page(Page::Visible);
    assert_eq!(sim.core.state(), State::Open);
    assert!(noticed(&mut sim) <= TIMEOUT);
}

#[test]
fn a_stream_is_overdue_at_the_end_of_its_interval() {
    for early in [1, 0] {
        let mut sim = Sim::open_on(STREAM, beating());
        sim.page(Page::Hidden);
        sim.now += INTERVAL - early;
        sim.page(Page::Visible);
        assert_eq!(sim.core.deadline() == Some(sim.now + early), early > 0, "the timer of the interval");
        assert_eq!(noticed(&mut sim), TIMEOUT + early);
    }
}

#[test]
fn a_time_stamp_from_the_future_counts_as_now() {
    let mut sim = Sim::open_on(SOCKET, beating());
    sim.hear(u64::MAX);
    assert!(noticed(&mut sim) <= LIMIT);
}

#[test]
fn the_shortest_settings_work() {
    let heartbeat = Some(Heartbeat { interval: 100, timeout: Some(50) });
    let mut sim = Sim::open_on(SOCKET, Config { heartbeat, ..Config::default() });
    sim.pass(100);
    sim.pass(40);
    sim.message();
    sim.pass(99);
    assert_eq!(sim.core.state(), State::Open);
    assert!(noticed(&mut sim) <= 150);
}

/// The silence that the next connection is found dead after. `greeted`: after a greeting.
fn mute(sim: &mut Sim, greeted: bool) -> u64 {
    if greeted {
        sim.pass(20);
        sim.message();
    }
    let took = noticed(sim);
    sim.establish();
    sim.take();
    took
}

#[test]
fn connection_after_connection_that_falls_silent_is_given_twice_the_time_until_that_is_five_minutes() {
    for greeted in [false, true] {
        for (route, name) in [(SOCKET, "a socket"), (STREAM, "a stream")] {
            let mut sim = Sim::open_on(route, beating());
            let took: Vec<u64> = (0..9).map(|_| mute(&mut sim, greeted)).collect();
            let timeouts = [5, 10, 20, 40, 80, 160, 320, 320, 320].map(|seconds| seconds * 1_000);
            assert_eq!(took, timeouts.map(|timeout| INTERVAL + timeout), "{name}, greeted: {greeted}");
        }
    }
}

#[test]
fn what_was_learned_is_forgotten_when_something_comes_that_is_no_greeting() {
    // A pong; a message after the timeout as it was set.
    for at in [INTERVAL + 15_000, TIMEOUT + 1] {
        let mut sim = Sim::open_on(SOCKET, beating());
        assert_eq!([mute(&mut sim, false), mute(&mut sim, false)], [35_000, 40_000]);
        sim.pass(at);
        assert_eq!(sim.core.state(), State::Open);
        sim.message();
        assert_eq!(noticed(&mut sim), LIMIT, "the connection itself");
        sim.establish();
        sim.take();
        assert_eq!(noticed(&mut sim), LIMIT, "and the next one");
    }
    let mut sim = Sim::open_on(SOCKET, beating());
    assert_eq!([mute(&mut sim, false), mute(&mut sim, false)], [35_000, 40_000]);
    sim.pass(TIMEOUT);
    sim.message();
    assert_eq!(noticed(&mut sim), INTERVAL + 20_000, "a greeting");
}

#[test]
fn a_connection_that_spoke_and_fell_silent_teaches_nothing() {
    let mut sim = Sim::open_on(SOCKET, beating());
    for _ in 0..4 {
        sim.pass(20_000);
        sim.message();
        assert_eq!(noticed(&mut sim), LIMIT);
        sim.establish();
        sim.take();
    }
}

#[test]
fn other_failures_between_change_nothing() {
    let mut sim = Sim::open_on(SOCKET, beating());
    assert_eq!(mute(&mut sim, false), 35_000);
    sim.lost(Failure::Network);
    sim.establish();
    sim.page(Page::Frozen);
    sim.page(Page::Resumed);
    sim.establish();
    sim.take();
    assert_eq!(noticed(&mut sim), 40_000);
}

#[test]
fn a_timeout_longer_than_the_bound_stays_as_it_is() {
    let heartbeat = Some(Heartbeat { interval: 900_000, timeout: Some(400_000) });
    let mut sim = Sim::open_on(SOCKET, Config { heartbeat, ..Config::default() });
    for _ in 0..3 {
        assert_eq!(sim.pass_until(10_000_000, |sim| sim.core.state() != State::Open), 1_300_000);
        sim.establish();
    }
}

/// The pong waits behind it, too.
#[test]
fn a_first_message_that_takes_its_time_comes_in_the_end() {
    let heartbeat = Heartbeat { interval: 2_000, timeout: Some(2_000) };
    for (heartbeat, takes, most) in [(heartbeat.clone(), 8_000, 3), (Heartbeat::new(), 300_000, 7)] {
        let mut sim = Sim::open_on(SOCKET, Config { heartbeat: Some(heartbeat), ..Config::default() });
        let mut connections = 1;
        while sim.pass_until(takes, |sim| sim.core.state() != State::Open) < takes {
            connections += 1;
            assert!(connections <= most, "{takes}");
            sim.establish();
        }
        sim.message();
        assert_eq!(sim.core.state(), State::Open);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Pass(u64),
    Message,
    Send,
    Page(Page),
}

fn step() -> impl Strategy<Value = Step> {
    let time = prop_oneof![Just(0), Just(1), 0..100_u64, 0..6_000_u64, 0..35_000_u64];
    prop_oneof![
        4 => time.prop_map(Step::Pass),
        3 => Just(Step::Message),
        2 => Just(Step::Send),
        1 => Just(Step::Page(Page::Hidden)),
        1 => Just(Step::Page(Page::Visible)),
        1 => Just(Step::Page(Page::Online)),
    ]
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn death_is_noticed_whatever_came_before(
        steps in prop::collection::vec(step(), 0..40),
        socket in any::<bool>(),
        mutes in 0..10_u32,
    ) {
        let mut sim = Sim::open_on(if socket { SOCKET } else { STREAM }, beating());
        for _ in 0..mutes {
            mute(&mut sim, false);
        }
        // As it was learned; what comes later than a greeting makes it the one that was set.
        let learned = TIMEOUT << mutes.min(6);
        let opened = sim.now;
        let (mut heard, mut unanswered) = (sim.now, None);
        let dead = |sim: &Sim| sim.core.state() != State::Open;
        for step in steps {
            match step {
                Step::Pass(ms) => {
                    sim.pass_until(ms, dead);
                }
                Step::Message => {
                    sim.message();
                    (heard, unanswered) = (sim.now, None);
                }
                Step::Send => {
                    sim.send(1);
                    unanswered = unanswered.or(Some(sim.now));
                }
                Step::Page(page) => sim.page(page),
            }
            if dead(&sim) {
                break;
            }
        }
        // Nothing comes in any more.
        sim.pass_until(10 * LIMIT, dead);
        let timeout = if heard > opened + TIMEOUT { TIMEOUT } else { learned };
        prop_assert!(sim.now >= heard + timeout, "killed too soon");
        // A hidden page may learn of the answer to a probe no sooner than at the end of that one.
        let told = INTERVAL.max(learned);
        prop_assert!(sim.now <= heard + told + timeout, "{} ms of silence", sim.now - heard);
        if let Some(sent) = unanswered.filter(|_| socket) {
            prop_assert!(sim.now <= sent + 2 * learned, "{} ms since the send", sim.now - sent);
        }
    }
}

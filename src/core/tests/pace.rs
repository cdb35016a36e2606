//! How much goes up: never more than the limit in any window, whatever the server says between; and it always
//! widens again.

use proptest::prelude::*;

use super::{
    super::{
        config::{Config, Heartbeat},
        failure::Failure,
        io::{Action, Decision, Input, Why},
        outbox::{Awaits, Dropped, Outgoing, Sent},
        pace::{Limit, Pace},
        state::State,
    },
    cases,
    sim::{POSTS, SOCKET, Sim, closed},
};

/// Sends whenever it may, until then; gives the times.
fn run(pace: &mut Pace, now: &mut u64, until: u64) -> Vec<u64> {
    let mut sent = Vec::new();
    while *now <= until {
        pace.at(*now);
        if pace.free() {
            pace.sent();
            sent.push(*now);
        } else {
            let next = pace.soonest();
            assert!(next > *now, "it would spin");
            *now = next;
        }
    }
    sent
}

fn of(messages: u64, per: u64) -> Pace {
    let mut pace = Pace::new(Limit { messages, per });
    pace.at(NOW);
    pace
}

const NOW: u64 = 1_000_000;

#[test]
fn as_many_as_it_may_at_once_and_then_one_for_each_that_leaves_the_window() {
    let mut pace = of(3, 1_000);
    let mut now = NOW;
    assert_eq!(run(&mut pace, &mut now, NOW + 300), [NOW; 3]);
    assert_eq!(now, NOW + 1_050, "a margin, as messages draw closer together on the way");
    assert_eq!(run(&mut pace, &mut now, NOW + 2_999), [[NOW + 1_050; 3], [NOW + 2_100; 3]].concat());
}

#[test]
fn the_margin_of_a_short_window_is_an_eighth_of_it() {
    let mut now = NOW;
    assert_eq!(run(&mut of(1, 80), &mut now, NOW + 200), [0, 90, 180].map(|at| NOW + at));
}

#[test]
fn what_was_sent_apart_leaves_apart() {
    let mut pace = of(2, 1_000);
    for at in [0, 400] {
        pace.at(NOW + at);
        pace.sent();
    }
    assert!(!pace.free());
    let mut now = NOW + 500;
    assert_eq!(run(&mut pace, &mut now, NOW + 2_300), [1_050, 1_450, 2_100].map(|at| NOW + at));
}

#[test]
fn the_servers_word_halves_it_once_a_window_and_down_to_a_32nd() {
    let mut pace = of(320, 1_000);
    let mut now = NOW;
    let mut counts = Vec::new();
    for _ in 0..8 {
        pace.at(now);
        pace.slower();
        pace.slower();
        // Within the window of the word before.
        let mut end = now + 999;
        counts.push(run(&mut pace, &mut now, end).len());
        pace.at(end);
        pace.slower();
        end += 1;
        now = end;
    }
    assert_eq!(counts, [160, 80, 40, 20, 10, 10, 10, 10]);
}

#[test]
fn below_one_message_the_window_is_longer() {
    let mut pace = of(1, 1_000);
    let mut now = NOW;
    assert_eq!(run(&mut pace, &mut now, NOW), [NOW]);
    pace.at(NOW);
    pace.slower();
    // Half of one message a second is one in two; a tenth more of it is there after two seconds.
    now = NOW;
    let next = run(&mut pace, &mut now, NOW + 5_000);
    assert_eq!(next[0], NOW + 2_000);
}

#[test]
fn each_window_without_a_word_gives_a_tenth_back() {
    let mut pace = of(10, 1_000);
    pace.slower();
    let mut now = NOW;
    let windows: Vec<usize> = (0..9)
        .map(|window| {
            let end = NOW + window * 1_000 + 999;
            run(&mut pace, &mut now, end).len()
        })
        .collect();
    // The window of the word, and one more; then it grows.
    assert_eq!(windows, [5, 5, 6, 7, 8, 9, 10, 10, 10]);
}

#[test]
fn a_ping_waits_for_its_turn_and_everything_else_behind_it() {
    let mut pace = of(1, 1_000);
    assert!(pace.ping());
    assert!(!pace.ping());
    assert!(pace.owes());
    pace.at(NOW + 1_049);
    assert!(!pace.ping());
    pace.at(NOW + 1_050);
    assert!(!pace.free(), "it is the ping's turn");
    assert!(pace.ping());
    assert!(!pace.owes() && !pace.free());
    assert!(!pace.ping());
    pace.forgive();
    pace.at(NOW + 2_100);
    assert!(pace.free());
}

#[derive(Clone, Debug)]
enum Step {
    Pass(u64),
    Send,
    Ping,
    Slower,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let time = prop_oneof![Just(0), Just(1), 0..100_u64, 0..3_000_u64, 0..100_000_u64];
    prop::collection::vec(
        prop_oneof![
            4 => time.prop_map(Step::Pass),
            6 => Just(Step::Send),
            1 => Just(Step::Ping),
            1 => Just(Step::Slower),
        ],
        0..300,
    )
}

fn play(pace: &mut Pace, now: &mut u64, steps: Vec<Step>) -> Vec<u64> {
    let mut sent = Vec::new();
    for step in steps {
        pace.at(*now);
        match step {
            Step::Pass(ms) => *now += ms,
            Step::Send if pace.free() => {
                pace.sent();
                sent.push(*now);
            }
            Step::Send => assert!(pace.owes() || pace.soonest() > *now),
            Step::Ping => {
                if pace.ping() {
                    sent.push(*now);
                }
            }
            Step::Slower => pace.slower(),
        }
    }
    sent
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn never_more_than_the_limit_in_any_window(messages in 1..12_u64, per in 10..5_000_u64, steps in steps()) {
        let mut pace = of(messages, per);
        let sent = play(&mut pace, &mut NOW.clone(), steps);
        for many in sent.windows(messages as usize + 1) {
            prop_assert!(many[messages as usize] - many[0] >= per, "{many:?}");
        }
    }

    #[test]
    fn it_always_widens_again(messages in 1..12_u64, per in 10..5_000_u64, steps in steps()) {
        let mut pace = of(messages, per);
        let mut now = NOW;
        play(&mut pace, &mut now, steps);
        pace.forgive();
        // The window of the last word, and then a tenth for each; the last messages leave it.
        now += per * 33;
        let end = now + per - 1;
        let sent = run(&mut pace, &mut now, end);
        prop_assert_eq!(sent.len() as u64, messages);
    }

    #[test]
    fn something_may_go_up_after_a_time_that_is_bounded(
        messages in 1..12_u64, per in 10..5_000_u64, steps in steps(),
    ) {
        let mut pace = of(messages, per);
        let mut now = NOW;
        play(&mut pace, &mut now, steps);
        pace.forgive();
        let end = now + 33 * per;
        prop_assert!(!run(&mut pace, &mut now, end).is_empty());
    }
}

fn limited(messages: u64, per: u64) -> Config {
    Config { limit: Some(Limit { messages, per }), ..Config::default() }
}

/// In so many ms from its start each of these went up.
fn ups(sim: &Sim, start: u64) -> Vec<u64> {
    sim.ups.iter().map(|at| at - start).collect()
}

#[test]
fn what_is_above_the_limit_waits_in_the_outbox_for_its_turn() {
    for route in [SOCKET, POSTS] {
        let mut sim = Sim::open_on(route, limited(3, 1_000));
        let start = sim.now;
        for _ in 0..8 {
            sim.send(1);
        }
        for _ in 0..6 {
            sim.pass(500);
            if !sim.request.is_empty() {
                sim.request();
                sim.answered(None);
            }
        }
        assert_eq!(ups(&sim, start), [0, 0, 0, 1_050, 1_050, 1_050, 2_100, 2_100]);
        assert_eq!(sim.order, [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(sim.core.deadline(), None, "nothing waits");
    }
}

#[test]
fn priority_goes_first_and_counts_and_what_cannot_wait_is_dropped() {
    let mut sim = Sim::open_on(SOCKET, limited(1, 1_000));
    sim.send(1);
    let later = sim.send(1);
    let urgent = sim.post(Outgoing { priority: true, ..Outgoing::new(0, 1) });
    let volatile = sim.post(Outgoing { volatile: true, ..Outgoing::new(0, 1) });
    assert_eq!(sim.fate_of(volatile), Some(Sent::Dropped(Dropped::Volatile)));
    sim.transmitted();
    sim.pass(1_050);
    assert_eq!(sim.transmitted(), [urgent]);
    sim.pass(1_050);
    assert_eq!(sim.transmitted(), [later]);
}

#[test]
fn the_window_goes_on_over_a_reconnect() {
    let mut sim = Sim::open_on(SOCKET, limited(2, 60_000));
    let start = sim.now;
    sim.send(1);
    sim.send(1);
    sim.send(1);
    sim.lost(Failure::Network);
    sim.establish();
    sim.pass(70_000);
    assert_eq!(ups(&sim, start), [0, 0, 60_050]);
}

#[test]
fn a_ping_waits_for_its_turn_and_then_goes_first() {
    let heartbeat = Some(Heartbeat { interval: 1_000, timeout: Some(200) });
    let mut sim = Sim::open_on(SOCKET, Config { heartbeat, ..limited(2, 5_000) });
    // The limit is used up when the silence is to be asked about.
    sim.pass(100);
    for _ in 0..4 {
        sim.send(1);
    }
    sim.pass(4_000);
    assert_eq!(sim.pings(), 0);
    assert_eq!(sim.core.state(), State::Open, "silence proves nothing as long as nobody asked");
    sim.transmitted();
    sim.pass(1_050);
    assert_eq!((sim.core.state(), sim.ups.len()), (State::Open, 4));
    assert_eq!(sim.order.len(), 1, "the ping, and one of what waits");
    // From then on it has its time to be answered.
    sim.pass(90);
    assert_eq!(sim.core.state(), State::Open);
    sim.message();
    sim.pass(1_000);
    assert_eq!(sim.core.state(), State::Open);
}

#[test]
fn a_dead_connection_is_found_though_the_app_uses_the_limit_up() {
    let heartbeat = Some(Heartbeat { interval: 1_000, timeout: Some(200) });
    let mut sim = Sim::open_on(SOCKET, Config { heartbeat, ..limited(2, 3_000) });
    let mut waited = 0;
    while sim.core.state() == State::Open {
        sim.send(1);
        sim.pass(50);
        waited += 50;
        assert!(waited < 3_000 + 1_000 + 2 * 200, "never found");
    }
}

#[test]
fn a_healthy_connection_lives_however_tight_the_limit_is() {
    for (messages, per) in [(1, 300), (1, 2_000), (2, 10_000), (5, 1_000)] {
        let heartbeat = Some(Heartbeat { interval: 1_000, timeout: Some(200) });
        let mut sim = Sim::open_on(SOCKET, Config { heartbeat, ..limited(messages, per) });
        let mut pings = 0;
        for step in 0..2_000 {
            if step % 3 == 0 {
                sim.send(1);
            }
            sim.pass(50);
            // The server answers pings and nothing else.
            let asked = sim.pings();
            pings += asked;
            if asked > 0 {
                sim.message();
            }
            assert_eq!(sim.core.state(), State::Open, "{messages} in {per} ms, at {step}");
        }
        assert!(pings > 5, "{pings}");
    }
}

#[test]
fn pings_for_a_confirmation_count_too() {
    let heartbeat = Some(Heartbeat::new());
    let mut sim = Sim::open_on(SOCKET, Config { heartbeat, ..limited(2, 1_000) });
    let start = sim.now;
    for _ in 0..3 {
        sim.post(Outgoing { awaits: Awaits::Pong, ..Outgoing::new(0, 1) });
    }
    sim.pass(500);
    assert_eq!((ups(&sim, start), sim.pings()), (vec![0, 0], 1));
    sim.message();
    sim.input(Input::Ponged);
    sim.pass(1_600);
    assert_eq!(ups(&sim, start), [0, 0, 1_050, 1_050, 2_100]);
    let settled = sim.fates.values().filter(|sent| **sent == Sent::Sent).count();
    assert_eq!(settled, 1, "the first by its pong; the others wait for the one that is out");
}

#[test]
fn what_says_that_it_is_too_much_narrows_it() {
    let busy = Failure::Http { status: 429, retry_after: None };
    for failure in [closed(1008), closed(1013), busy, Failure::Network] {
        let mut sim = Sim::open_on(SOCKET, limited(8, 60_000));
        sim.lost(failure);
        assert_eq!(sim.core.state(), State::Waiting, "{failure:?}");
        sim.establish();
        for _ in 0..8 {
            sim.send(1);
        }
        let narrowed = !matches!(failure, Failure::Network);
        assert_eq!(sim.order.len(), if narrowed { 4 } else { 8 }, "{failure:?}");
    }
    // A message of its own.
    let mut sim = Sim::open_on(SOCKET, limited(8, 60_000));
    sim.input(Input::Slower);
    for _ in 0..8 {
        sim.send(1);
    }
    assert_eq!(sim.order.len(), 4);
}

#[test]
fn without_a_limit_1008_is_the_end_and_with_one_the_callers_rule_stands() {
    let mut sim = Sim::open_on(SOCKET, Config::default());
    sim.lost(closed(1008));
    assert_eq!(sim.end(), Some(Why::Fatal));
    let mut sim = Sim::open_on(SOCKET, Config { asks: true, ..limited(1, 1_000) });
    sim.lost(closed(1008));
    assert!(sim.take().contains(&Action::Ask(closed(1008))));
    sim.input(Input::Answer(Decision::GiveUp));
    assert_eq!(sim.end(), Some(Why::Fatal));
}

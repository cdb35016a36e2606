//! A planned change of connections: the successor opens first, then takes over, and the state stays open.

use super::{
    super::{
        config::{Backoff, Config, FLOOR, Heartbeat, Jitter},
        failure::{Failure, RetryAfter},
        io::{Action, ClientEvent, Input, Page},
        outbox::{Dropped, Sent},
        resume::{Id, Outcome, RECENT},
        state::State,
    },
    sim::{SOCKET, STREAM, Sim, closed},
};

const MAX_AGE: u64 = 60_000;

fn aging() -> Config {
    Config { max_age: MAX_AGE, ..Config::default() }
}

fn open() -> Sim {
    Sim::open_on(SOCKET, aging())
}

/// The attempt of the successor that was asked for since this was last asked, and its endpoint.
fn asked(sim: &mut Sim) -> Option<(u32, u32)> {
    sim.take().into_iter().find_map(|action| match action {
        Action::Resolve { attempt, endpoint, .. } => Some((attempt, endpoint)),
        _ => None,
    })
}

/// Time goes by until a successor is asked for.
fn due(sim: &mut Sim) -> (u32, u32) {
    for _ in 0..1_000 {
        if let Some(found) = asked(sim) {
            return found;
        }
        match sim.core.deadline().expect("something is due").saturating_sub(sim.now) {
            0 => sim.tick(),
            wait => sim.pass(wait),
        }
    }
    panic!("no successor");
}

fn resolved(sim: &mut Sim, attempt: u32) {
    let route = sim.route;
    sim.input(Input::Resolved { attempt, route });
}

fn succeed(sim: &mut Sim, attempt: u32) {
    resolved(sim, attempt);
    sim.input(Input::Opened { attempt });
}

#[test]
fn the_successor_opens_before_the_old_one_is_dropped() {
    let mut sim = open();
    let first = sim.link;
    let (attempt, _) = due(&mut sim);
    assert_eq!((sim.link, sim.successor), (first, None));
    resolved(&mut sim, attempt);
    assert_eq!((sim.link, sim.successor), (first, Some(attempt)));
    sim.input(Input::Opened { attempt });
    assert_eq!((sim.link, sim.successor), (Some(attempt), None));
    assert_eq!(sim.core.state(), State::Open);
    let told: Vec<_> = sim.take().into_iter().filter(|action| matches!(action, Action::Emit(_))).collect();
    assert_eq!(told, [Action::Emit(ClientEvent::Open)], "no statechange");
}

#[test]
fn it_is_due_in_the_last_quarter_of_the_age_and_evenly() {
    let mut ages = Vec::new();
    for draw in [0, 1 << 30, 1 << 31, u32::MAX] {
        let mut sim = Sim::new(aging());
        sim.draw = Some(draw);
        sim.input(Input::Start);
        sim.establish();
        sim.take();
        let opened = sim.now;
        due(&mut sim);
        ages.push(sim.now - opened);
    }
    assert_eq!(ages, [45_000, 48_750, 52_500, 60_000]);
}

#[test]
fn a_hundred_of_them_leave_the_state_open() {
    let mut sim = open();
    for _ in 0..100 {
        let (attempt, _) = due(&mut sim);
        succeed(&mut sim, attempt);
        assert_eq!(sim.core.state(), State::Open);
    }
}

#[test]
fn without_a_limit_there_is_none() {
    let mut sim = Sim::open_on(SOCKET, Config::default());
    assert_eq!(sim.core.deadline(), None);
    sim.pass(u64::MAX / 4);
    assert_eq!(asked(&mut sim), None);
}

#[test]
fn one_that_fails_leaves_the_old_one_alone_and_comes_again() {
    for failure in [Failure::Network, closed(4403), Failure::Http { status: 403, retry_after: None }] {
        let mut sim = open();
        let first = sim.link;
        let (attempt, _) = due(&mut sim);
        resolved(&mut sim, attempt);
        let failed = sim.now;
        sim.input(Input::Lost { attempt, failure });
        assert_eq!((sim.link, sim.successor), (first, None), "{failure:?}");
        assert_eq!(sim.core.state(), State::Open);
        assert_eq!(sim.core.last_failure(), None);
        let (again, _) = due(&mut sim);
        assert!((100..=30_000).contains(&(sim.now - failed)), "{}", sim.now - failed);
        assert_ne!(again, attempt);
        succeed(&mut sim, again);
        assert_eq!(sim.link, Some(again));
    }
}

#[test]
fn one_that_does_not_open_in_time_is_dropped() {
    let mut sim = open();
    let (attempt, _) = due(&mut sim);
    resolved(&mut sim, attempt);
    sim.pass(10_000);
    assert_eq!(sim.successor, None);
    sim.input(Input::Opened { attempt });
    assert_ne!(sim.link, Some(attempt), "too late");
    let (again, _) = due(&mut sim);
    assert_ne!(again, attempt);
}

#[test]
fn a_server_that_asks_to_wait_is_obeyed() {
    let mut sim = open();
    let (attempt, _) = due(&mut sim);
    resolved(&mut sim, attempt);
    let failed = sim.now;
    sim.input(Input::Lost {
        attempt,
        failure: Failure::Http { status: 503, retry_after: Some(RetryAfter(120_000)) },
    });
    due(&mut sim);
    assert!(sim.now - failed >= 120_000, "{}", sim.now - failed);
}

#[test]
fn the_address_of_one_that_is_over_is_of_no_interest() {
    let mut sim = open();
    let (attempt, _) = due(&mut sim);
    sim.input(Input::Lost { attempt, failure: Failure::Provider });
    resolved(&mut sim, attempt);
    assert_eq!(sim.successor, None);
}

#[test]
fn when_the_old_one_is_lost_both_are_and_it_goes_on_as_ever() {
    let mut sim = open();
    let (attempt, _) = due(&mut sim);
    resolved(&mut sim, attempt);
    sim.lost(Failure::Network);
    assert_eq!((sim.link, sim.successor), (None, None));
    assert_eq!(sim.core.state(), State::Waiting);
    sim.input(Input::Opened { attempt });
    assert_eq!(sim.core.state(), State::Waiting);
    sim.establish();
}

#[test]
fn close_freeze_and_reconnect_drop_both() {
    for end in [Input::Page(Page::Frozen), Input::Reconnect] {
        let mut sim = open();
        let (attempt, _) = due(&mut sim);
        resolved(&mut sim, attempt);
        sim.input(end);
        assert_eq!(sim.successor, None);
    }
    let mut sim = open();
    let (attempt, _) = due(&mut sim);
    resolved(&mut sim, attempt);
    sim.close();
    assert_eq!((sim.link, sim.successor), (None, None));
}

#[test]
fn a_server_that_says_its_notice_each_time_is_asked_less_and_less_often() {
    let backoff = Backoff { initial: 1_000, factor: 2_000, jitter: Jitter::None, ..Backoff::new() };
    let mut sim = Sim::open_on(SOCKET, Config { backoff, ..Config::default() });
    for wait in [1_000, 2_000, 4_000] {
        sim.input(Input::Retire);
        assert_eq!(sim.pass_until(60_000, |sim| sim.core.succeeds(sim.asked)), wait);
        sim.input(Input::Resolved { attempt: sim.asked, route: SOCKET });
        sim.input(Input::Opened { attempt: sim.asked });
    }
}

#[test]
fn a_notice_that_comes_again_puts_nothing_off() {
    let mut sim = Sim::open_on(SOCKET, Config::default());
    let start = sim.now;
    for _ in 0..20 {
        sim.input(Input::Retire);
        sim.pass(300);
    }
    assert!(sim.asked > sim.core.attempt(), "a successor was asked for");
    assert!(sim.now - start <= 6_000);
    let mut sim = Sim::open_on(SOCKET, Config { max_age: 1_000, ..Config::default() });
    sim.draw = Some(u32::MAX);
    sim.input(Input::Retire);
    assert!(sim.pass_until(10_000, |sim| sim.core.succeeds(sim.asked)) <= 1_000, "nor what was due before");
}

#[test]
fn the_servers_notice_makes_one_soon() {
    let mut sim = Sim::open_on(SOCKET, Config::default());
    sim.input(Input::Retire);
    let told = sim.now;
    let (attempt, _) = due(&mut sim);
    assert!((100..=1_000).contains(&(sim.now - told)), "{}", sim.now - told);
    succeed(&mut sim, attempt);
    assert_eq!(sim.core.deadline(), None, "one notice, one successor");
}

#[test]
fn a_request_that_must_not_be_repeated_is_not() {
    // The heartbeat's ticks come all the while.
    let mut sim = Sim::new(Config { heartbeat: Some(Heartbeat::new()), ..aging() });
    sim.route = super::super::io::Route { once: true, ..STREAM };
    sim.input(Input::Start);
    sim.establish();
    sim.take();
    for _ in 0..10 * MAX_AGE / 10_000 {
        sim.message();
        sim.pass(10_000);
    }
    assert_eq!(asked(&mut sim), None);
    // The caller's other request takes over.
    sim.core.resumable();
    sim.route = STREAM;
    sim.message();
    let (attempt, _) = due(&mut sim);
    succeed(&mut sim, attempt);
}

#[test]
fn an_address_that_comes_twice_is_opened_once() {
    let mut sim = open();
    let (attempt, _) = due(&mut sim);
    resolved(&mut sim, attempt);
    sim.take();
    resolved(&mut sim, attempt);
    assert!(!sim.take().contains(&Action::Open { attempt }));
}

#[test]
fn what_can_be_sent_goes_by_the_successors_transport() {
    let mut sim = open();
    let (attempt, _) = due(&mut sim);
    sim.input(Input::Resolved { attempt, route: STREAM });
    let before = sim.send(1);
    sim.input(Input::Opened { attempt });
    let after = sim.send(1);
    assert_eq!(sim.fates[&before], Sent::Sent);
    assert_eq!(sim.fates[&after], Sent::Dropped(Dropped::NoUplink));
}

#[test]
fn the_heartbeat_begins_anew() {
    let heartbeat = Heartbeat { interval: 10_000, timeout: Some(1_000) };
    let mut sim = Sim::open_on(SOCKET, Config { heartbeat: Some(heartbeat), ..aging() });
    sim.input(Input::Retire);
    let (attempt, _) = due(&mut sim);
    resolved(&mut sim, attempt);
    sim.pass(5_000);
    sim.input(Input::Opened { attempt });
    sim.take();
    sim.pass(9_999);
    assert!(!sim.pinged());
    sim.pass(1);
    assert!(sim.pinged());
}

/// Two endpoints, and the second in use.
fn at_the_second(failback: u64, max_age: u64) -> Sim {
    let mut sim = Sim::open_on(STREAM, Config { endpoints: 2, failback, max_age, ..Config::default() });
    sim.lost(Failure::Network);
    sim.establish();
    sim.take();
    sim
}

#[test]
fn the_first_endpoint_is_tried_again_beside_the_second() {
    let mut sim = at_the_second(20_000, u64::MAX);
    let since = sim.now;
    let (attempt, endpoint) = due(&mut sim);
    assert!(endpoint == 0 && (15_000..=20_000).contains(&(sim.now - since)), "{}", sim.now - since);
    resolved(&mut sim, attempt);
    sim.input(Input::Lost { attempt, failure: Failure::Network });
    assert_eq!(sim.core.state(), State::Open);
    let failed = sim.now;
    let (attempt, endpoint) = due(&mut sim);
    assert!(endpoint == 0 && (15_000..=20_000).contains(&(sim.now - failed)), "{}", sim.now - failed);
    succeed(&mut sim, attempt);
    assert_eq!(sim.core.deadline(), None, "it is where it belongs");
}

#[test]
fn when_one_reason_has_failed_the_other_waits_for_the_floor() {
    let mut sim = at_the_second(20_000, 20_050);
    let (attempt, endpoint) = due(&mut sim);
    assert_eq!(endpoint, 0);
    resolved(&mut sim, attempt);
    sim.input(Input::Lost { attempt, failure: Failure::Network });
    let failed = sim.now;
    let (_, endpoint) = due(&mut sim);
    assert_eq!((endpoint, sim.now - failed), (1, FLOOR));
}

#[test]
fn a_successor_stays_at_its_endpoint_and_the_first_one_keeps_its_time() {
    let mut sim = at_the_second(100_000, 40_000);
    let since = sim.now;
    let mut ends = Vec::new();
    while ends.last() != Some(&0) {
        let (attempt, endpoint) = due(&mut sim);
        ends.push(endpoint);
        succeed(&mut sim, attempt);
    }
    assert!((75_000..=100_000).contains(&(sim.now - since)), "{}", sim.now - since);
    ends.pop();
    assert!(ends.len() >= 2 && ends.iter().all(|endpoint| *endpoint == 1), "{ends:?}");
}

/// `ids` came through the open gate.
fn learn(sim: &mut Sim, ids: std::ops::RangeInclusive<u64>) {
    for id in ids {
        sim.core.learn(Id::Own(id));
    }
}

fn delivered(sim: &mut Sim, ids: std::ops::RangeInclusive<u64>) -> Vec<u64> {
    ids.filter(|id| sim.core.check(Id::Own(*id), None).0).collect()
}

#[test]
fn what_came_over_the_old_one_meanwhile_does_not_come_again() {
    // More than is remembered, too; and a server that begins with the cursor itself.
    for (meanwhile, from) in [(10, 1), (10, 0), (3 * RECENT as u64, 1), (3 * RECENT as u64, 0)] {
        let mut sim = open();
        learn(&mut sim, 1..=2_000);
        let (attempt, _) = due(&mut sim);
        resolved(&mut sim, attempt);
        let last = 2_000 + meanwhile;
        learn(&mut sim, 2_001..=last);
        sim.input(Input::Opened { attempt });
        assert!(sim.core.checking());
        let fresh = delivered(&mut sim, 2_000 + from..=last + 5);
        assert_eq!(fresh, (last + 1..=last + 5).collect::<Vec<_>>(), "{meanwhile} meanwhile");
        sim.settle();
        let told = sim.take();
        assert!(told.contains(&Action::Emit(ClientEvent::Outcome(Outcome::Recovered, None))), "{told:?}");
        assert!(!sim.core.checking());
    }
}

#[test]
fn the_servers_word_on_the_replay_is_the_outcome() {
    for (gap, outcome) in [(false, Outcome::Recovered), (true, Outcome::Gap)] {
        let mut sim = open();
        learn(&mut sim, 1..=10);
        let (attempt, _) = due(&mut sim);
        succeed(&mut sim, attempt);
        if gap {
            sim.core.gap_told(false)
        } else {
            sim.core.recovery_told()
        }
        assert_eq!(delivered(&mut sim, 11..=12), [11, 12]);
        sim.settle();
        assert!(sim.take().contains(&Action::Emit(ClientEvent::Outcome(outcome, None))), "{outcome:?}");
    }
}

/// Found by the model: the old connection gave it while the new one was asked from an id that the server had forgotten.
#[test]
fn a_gap_told_at_the_change_forgets_only_what_was_before_it() {
    for meanwhile in [1, 2 * RECENT as u64] {
        let mut sim = open();
        learn(&mut sim, 1..=5);
        let (attempt, _) = due(&mut sim);
        resolved(&mut sim, attempt);
        learn(&mut sim, 1_001..=1_000 + meanwhile);
        sim.input(Input::Opened { attempt });
        sim.core.gap_told(false);
        let last = 1_000 + meanwhile;
        assert_eq!(delivered(&mut sim, 1_001..=last + 2), [last + 1, last + 2], "{meanwhile} meanwhile");
        sim.settle();
        assert!(sim.take().contains(&Action::Emit(ClientEvent::Outcome(Outcome::Gap, None))));
        // A later one is about the ids of this connection.
        sim.core.gap_told(false);
        assert_eq!(delivered(&mut sim, last + 1..=last + 2), [last + 1, last + 2]);
    }
}

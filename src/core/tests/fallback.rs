//! From one way to the next: when the first one does not get through, and back.

use super::{
    super::{
        config::{Config, FLOOR, FailureLimits},
        endpoints::{default_failback, first},
        failure::Failure,
        io::{Action, Input, Page, Why},
        state::State,
    },
    sim::{SOCKET, STREAM, Sim, closed},
};

const STABLE: u64 = 5_000;

fn ways(endpoints: u32) -> Config {
    Config { endpoints, failover_after: FailureLimits::TRANSPORTS, ..Config::default() }
}

fn started(config: Config) -> Sim {
    let mut sim = Sim::new(config);
    sim.input(Input::Start);
    sim
}

/// Suspended and back: the endpoint of the attempt after it.
fn back(sim: &mut Sim, away: Page, back: Page) -> Option<u32> {
    sim.page(away);
    sim.pass(60_000);
    sim.take();
    sim.page(back);
    sim.take().into_iter().find_map(|action| match action {
        Action::Resolve { endpoint, .. } => Some(endpoint),
        _ => None,
    })
}

#[test]
fn after_a_pause_it_is_the_same_way_and_after_a_freeze_the_first_again() {
    let mut sim = started(ways(2));
    assert_eq!(endpoints(&mut sim, &[Unopened(Failure::Network); 2]), [0, 1]);
    sim.resolved();
    sim.opened();
    assert_eq!(back(&mut sim, Page::Paused, Page::Unpaused), Some(1));
    sim.resolved();
    sim.opened();
    assert_eq!(back(&mut sim, Page::Frozen, Page::Resumed), Some(0));
}

/// Each fails as it is said, and the endpoint of the attempt after it is given.
fn endpoints(sim: &mut Sim, fates: &[Fate]) -> Vec<u32> {
    fates.iter().map(|fate| after(sim, *fate)).collect()
}

#[derive(Clone, Copy, Debug)]
enum Fate {
    Unopened(Failure),
    Early(Failure),
    Stable(Failure),
}
use Fate::{Early, Stable, Unopened};

fn after(sim: &mut Sim, fate: Fate) -> u32 {
    sim.take();
    sim.resolved();
    let failure = match fate {
        Unopened(failure) => failure,
        Early(failure) => {
            sim.opened();
            failure
        }
        Stable(failure) => {
            sim.opened();
            sim.pass(STABLE);
            failure
        }
    };
    sim.lost(failure);
    sim.take();
    let wait = sim.wait();
    sim.pass(wait);
    let endpoint =
        |action: Action| if let Action::Resolve { endpoint, .. } = action { Some(endpoint) } else { None };
    sim.take().into_iter().find_map(endpoint).expect("an attempt")
}

const NETWORK: Failure = Failure::Network;

#[test]
fn one_that_never_opens_is_left_at_the_second_failure() {
    let mut sim = started(ways(2));
    assert_eq!(endpoints(&mut sim, &[Unopened(NETWORK); 2]), [0, 1]);
}

#[test]
fn one_that_opens_and_dies_early_is_left_at_the_third() {
    let mut sim = started(ways(2));
    assert_eq!(endpoints(&mut sim, &[Early(NETWORK); 3]), [0, 0, 1]);
}

#[test]
fn the_two_are_counted_apart() {
    let mut sim = started(ways(2));
    let mixed = [Early(NETWORK), Unopened(NETWORK), Early(NETWORK), Unopened(NETWORK)];
    assert_eq!(endpoints(&mut sim, &mixed), [0, 0, 0, 1]);
}

#[test]
fn one_that_held_is_not_left_for_its_end() {
    let mut sim = started(ways(2));
    assert_eq!(endpoints(&mut sim, &[Stable(NETWORK), Stable(closed(1001))]), [0, 0]);
    // And what came before it is forgotten.
    assert_eq!(
        endpoints(
            &mut sim,
            &[Early(NETWORK), Early(NETWORK), Stable(NETWORK), Early(NETWORK), Early(NETWORK)]
        ),
        [0, 0, 0, 0, 0]
    );
    assert_eq!(endpoints(&mut sim, &[Early(NETWORK)]), [1]);
}

/// It is rather the server that is down, and a stream would not reach it either.
#[test]
fn one_that_held_is_left_late_when_it_does_not_open_again() {
    let mut sim = started(ways(2));
    assert_eq!(after(&mut sim, Stable(NETWORK)), 0);
    assert_eq!(endpoints(&mut sim, &[Unopened(NETWORK); 8]), [0, 0, 0, 0, 0, 0, 0, 1]);
    // That it dies early is another matter: a proxy has come between.
    let mut sim = started(ways(2));
    assert_eq!(
        endpoints(&mut sim, &[Stable(NETWORK), Early(NETWORK), Early(NETWORK), Early(NETWORK)]),
        [0, 0, 0, 1]
    );
}

#[test]
fn failures_before_a_good_connection_are_forgotten() {
    let mut sim = started(ways(2));
    for _ in 0..3 {
        assert_eq!(endpoints(&mut sim, &[Unopened(NETWORK), Early(NETWORK), Stable(NETWORK)]), [0, 0, 0]);
    }
    assert_eq!(after(&mut sim, Stable(NETWORK)), 0);
    for _ in 0..3 {
        assert_eq!(endpoints(&mut sim, &[Unopened(NETWORK); 5]), [0; 5]);
        assert_eq!(after(&mut sim, Stable(NETWORK)), 0);
    }
}

#[test]
fn a_lesser_way_that_held_is_left_late_too() {
    let mut sim = started(ways(3));
    assert_eq!(endpoints(&mut sim, &[Unopened(NETWORK), Unopened(NETWORK), Stable(NETWORK)]), [0, 1, 1]);
    assert_eq!(endpoints(&mut sim, &[Unopened(NETWORK); 8]), [1, 1, 1, 1, 1, 1, 1, 2]);
    // The next one has to prove itself.
    assert_eq!(endpoints(&mut sim, &[Unopened(NETWORK); 2]), [2, 0]);
}

#[test]
fn what_says_nothing_of_the_way_is_no_strike() {
    let busy = |status| Failure::Http { status, retry_after: None };
    for failure in [Failure::Provider, busy(429), busy(503)] {
        let mut sim = started(ways(2));
        assert_eq!(endpoints(&mut sim, &[Unopened(failure); 4]), [0; 4], "{failure:?}");
        assert_eq!(endpoints(&mut sim, &[Unopened(NETWORK); 2]), [0, 1], "{failure:?}");
    }
    let mut sim = started(ways(2));
    sim.page(Page::Offline);
    assert_eq!(endpoints(&mut sim, &[Unopened(NETWORK); 4]), [0; 4]);
    sim.page(Page::Online);
    assert_eq!(endpoints(&mut sim, &[Unopened(NETWORK); 2]), [0, 1]);
    // Another server is another matter.
    let mut sim = started(Config { endpoints: 2, ..Config::default() });
    assert_eq!(endpoints(&mut sim, &[Unopened(busy(503))]), [1]);
}

#[test]
fn a_stream_that_is_held_back_is_left_at_once() {
    let mut sim = started(ways(3));
    assert_eq!(
        endpoints(&mut sim, &[Unopened(NETWORK), Unopened(NETWORK), Unopened(Failure::Buffered)]),
        [0, 1, 2]
    );
}

#[test]
fn what_the_browser_blocks_it_may_let_out_by_the_next_way_but_not_by_the_last() {
    let mut sim = started(ways(2));
    assert_eq!(endpoints(&mut sim, &[Unopened(Failure::Blocked)]), [1]);
    sim.resolved();
    sim.lost(Failure::Blocked);
    assert_eq!(sim.end(), Some(Why::Fatal));
    // One of several servers may be blocked, too.
    let mut sim = started(Config { endpoints: 2, ..Config::default() });
    assert_eq!(endpoints(&mut sim, &[Unopened(Failure::Blocked)]), [1]);
}

#[test]
fn the_way_beside_a_blocked_one_is_taken_at_once() {
    for config in [ways(2), Config { endpoints: 2, ..Config::default() }] {
        let mut sim = started(config);
        sim.resolved();
        sim.lost(Failure::Blocked);
        assert_eq!(sim.wait(), FLOOR);
    }
}

#[test]
fn what_is_fatal_stays_so() {
    for failure in [closed(1008), closed(4403), Failure::Http { status: 403, retry_after: None }] {
        let mut sim = started(ways(2));
        sim.resolved();
        sim.lost(failure);
        assert_eq!(sim.core.state(), State::Closed, "{failure:?}");
    }
}

#[test]
fn the_better_one_is_tried_again_when_a_good_connection_ends_and_left_at_its_first_failure() {
    let mut sim = started(ways(2));
    assert_eq!(endpoints(&mut sim, &[Unopened(NETWORK); 2]), [0, 1]);
    assert_eq!(endpoints(&mut sim, &[Stable(NETWORK)]), [1], "no natural end");
    for end in [Failure::End, closed(1000)] {
        assert_eq!(endpoints(&mut sim, &[Stable(end), Unopened(NETWORK)]), [0, 1], "{end:?}");
        assert_eq!(endpoints(&mut sim, &[Stable(end), Early(NETWORK)]), [0, 1], "{end:?}");
    }
    // Once it has held, it has its chances again.
    assert_eq!(endpoints(&mut sim, &[Stable(Failure::End), Stable(NETWORK), Unopened(NETWORK)]), [0, 0, 0]);
}

#[test]
fn the_last_one_has_its_chances_too_and_then_it_begins_anew() {
    let mut sim = started(ways(2));
    let fates = [Unopened(NETWORK); 6];
    assert_eq!(endpoints(&mut sim, &fates), [0, 1, 1, 0, 1, 1]);
}

#[test]
fn new_credentials_are_tried_the_same_way() {
    let mut sim = started(Config { has_provider: true, ..ways(2) });
    assert_eq!(endpoints(&mut sim, &[Early(closed(4401))]), [0]);
    assert_eq!(
        endpoints(&mut sim, &[Early(NETWORK), Early(NETWORK)]),
        [0, 0],
        "a refusal proves nothing of the way"
    );
}

#[test]
fn an_earlier_page_has_found_the_way() {
    let mut sim = started(Config { first: 1, ..ways(2) });
    let first =
        |action: Action| if let Action::Resolve { endpoint, .. } = action { Some(endpoint) } else { None };
    assert_eq!(sim.take().into_iter().find_map(first), Some(1));
    assert_eq!(endpoints(&mut sim, &[Stable(Failure::End), Unopened(NETWORK)]), [0, 1], "one try is enough");
}

#[test]
fn what_was_to_be_sent_goes_by_the_next_way() {
    let mut sim = Sim::open_on(SOCKET, ways(2));
    sim.lost(NETWORK);
    let id = sim.send(1);
    for _ in 0..2 {
        let wait = sim.wait();
        sim.pass(wait);
        sim.resolved();
        sim.lost(NETWORK);
    }
    sim.route = super::sim::POSTS;
    sim.establish();
    assert_eq!(sim.request(), [id]);
    // Where nothing can be sent, that is said.
    let mut sim = Sim::open_on(SOCKET, ways(2));
    sim.lost(NETWORK);
    let id = sim.send(1);
    sim.route = STREAM;
    sim.establish();
    assert!(sim.fate_of(id).is_some());
}

/// What the next page is to begin with, as it was told since this was last asked.
fn begins(sim: &mut Sim) -> Vec<u32> {
    let begin = |action| if let Action::Begin(way) = action { Some(way) } else { None };
    sim.take().into_iter().filter_map(begin).collect()
}

#[test]
fn another_way_than_the_first_is_remembered_when_it_opens_and_the_first_when_it_has_held() {
    let mut sim = Sim::new(Config { remembers: true, first: 1, ..ways(2) });
    sim.input(Input::Start);
    sim.establish();
    assert_eq!(begins(&mut sim), [1]);
    sim.input(Input::Reconnect);
    sim.establish();
    assert_eq!(begins(&mut sim), Vec::<u32>::new(), "not yet");
    sim.pass(4_999);
    assert_eq!(begins(&mut sim), Vec::<u32>::new());
    sim.pass(1);
    assert_eq!(begins(&mut sim), [0]);
    sim.pass(60_000);
    assert_eq!(begins(&mut sim), Vec::<u32>::new(), "once");
}

#[test]
fn a_first_way_that_was_lost_before_it_held_is_not_remembered() {
    let mut sim = Sim::new(Config { remembers: true, ..ways(2) });
    sim.input(Input::Start);
    sim.establish();
    sim.pass(4_000);
    sim.lost(Failure::Network);
    sim.pass(900);
    sim.establish();
    sim.pass(4_000);
    assert_eq!(begins(&mut sim), Vec::<u32>::new());
    sim.pass(1_000);
    assert_eq!(begins(&mut sim), [0]);
}

#[test]
fn who_remembers_nothing_is_told_nothing() {
    let mut sim = Sim::new(Config { first: 1, ..ways(2) });
    sim.input(Input::Start);
    sim.establish();
    sim.pass(10_000);
    assert_eq!(begins(&mut sim), Vec::<u32>::new());
}

#[test]
fn a_page_begins_with_the_way_that_the_one_before_left_if_there_is_one() {
    assert_eq!([0, 1, 2, 3, u64::MAX].map(|left| first(left, 3)), [0, 1, 2, 0, 0]);
    assert_eq!([0, 1].map(|left| first(left, 0)), [0, 0]);
}

#[test]
fn who_may_come_to_long_polls_goes_back_after_5_minutes_if_not_told_otherwise() {
    assert_eq!(default_failback(true, true), 300_000);
    for (polls, reconnects) in [(true, false), (false, true), (false, false)] {
        assert_eq!(default_failback(polls, reconnects), u64::MAX);
    }
}

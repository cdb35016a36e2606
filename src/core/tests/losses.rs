//! A new client for each connection, as libraries on the drop-in WebSocket make them.

use proptest::prelude::*;

use super::{
    super::{
        config::{Backoff, Config, FLOOR, Jitter},
        failure::Failure,
        io::{Input, Page, Why},
        losses::Loss,
        state::State,
    },
    cases,
    sim::{Sim, closed},
};

/// As the drop-in sets it: `reconnect: false`, and what its backoff says.
fn single(backoff: Backoff) -> Config {
    Config { backoff, reconnects: false, deduplicates: false, ..Config::default() }
}

fn exact() -> Backoff {
    Backoff { jitter: Jitter::None, ..Backoff::new() }
}

struct Objects {
    loss: Loss,
    now: u64,
    backoff: Backoff,
}

impl Objects {
    fn new(backoff: Backoff) -> Self {
        Self { loss: Loss::default(), now: 1_000, backoff }
    }

    /// A new object: it is connecting at once, or waits.
    fn object(&self) -> Sim {
        let mut sim = Sim::new(single(self.backoff.clone()));
        sim.now = self.now;
        sim.core.follow(sim.now, self.loss);
        sim.settle();
        sim.input(Input::Start);
        sim
    }

    fn over(&mut self, sim: &Sim) {
        self.now = sim.now;
        self.loss = sim.recorded.unwrap_or(self.loss);
    }

    /// One that opens, holds for so long and is lost: how long it waited before it tried.
    fn round(&mut self, held: Option<u64>, failure: Failure) -> u64 {
        let mut sim = self.object();
        let waited = sim.pass_until(1 << 40, |sim| sim.core.state() != State::Waiting);
        sim.resolved();
        if let Some(held) = held {
            sim.opened();
            sim.pass(held);
        }
        sim.lost(failure);
        assert_eq!(sim.core.state(), State::Closed);
        self.over(&sim);
        waited
    }
}

#[test]
fn each_waits_twice_as_long_as_the_one_before_up_to_the_cap() {
    let mut page = Objects::new(exact());
    let waits: Vec<u64> = (0..8).map(|_| page.round(None, Failure::Network)).collect();
    assert_eq!(waits, [0, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
}

#[test]
fn what_is_final_for_one_counts_for_the_next() {
    for failure in [closed(1002), closed(4401), closed(1006), Failure::Blocked, Failure::OpenTimeout] {
        let mut page = Objects::new(exact());
        assert_eq!((page.round(Some(0), failure), page.round(Some(0), failure)), (0, 1_000), "{failure:?}");
        assert_eq!(page.round(Some(0), failure), 2_000, "{failure:?}");
    }
}

#[test]
fn a_connection_that_held_sets_it_back() {
    let mut page = Objects::new(exact());
    for _ in 0..4 {
        page.round(None, Failure::Network);
    }
    assert_eq!(page.round(Some(5_000), Failure::Network), 8_000);
    assert_eq!(page.round(None, Failure::Network), 1_000);
    assert_eq!(page.round(None, Failure::Network), 2_000);
}

#[test]
fn a_normal_end_before_it_held_says_nothing() {
    let mut page = Objects::new(exact());
    assert_eq!([0, 0, 4_999].map(|held| page.round(Some(held), closed(1000))), [0, 0, 0]);
    // But a server that closes what held closes it for all.
    page.round(Some(5_000), closed(1000));
    assert_eq!(page.round(None, closed(1000)), 1_000);
    // Nor does it take anything back.
    let mut page = Objects::new(exact());
    page.round(None, Failure::Network);
    page.round(Some(0), closed(1000));
    page.round(None, Failure::Network);
    assert_eq!(page.round(None, Failure::Network), 2_000);
}

#[test]
fn an_end_of_the_apps_own_is_no_loss_and_forgets_them_where_it_held() {
    for (held, next) in [(0, 4_000), (5_000, 1_000)] {
        let mut page = Objects::new(exact());
        page.round(None, Failure::Network);
        page.round(None, Failure::Network);
        let mut sim = page.object();
        sim.establish();
        sim.pass(held);
        sim.close();
        page.over(&sim);
        assert_eq!(page.object().core.state(), State::Connecting, "at once after the app's own end");
        page.round(None, Failure::Network);
        assert_eq!(page.round(None, Failure::Network), next, "held for {held}");
    }
}

#[test]
fn one_that_is_closed_while_it_waits_opens_nothing_and_counts_nothing() {
    let mut page = Objects::new(exact());
    page.round(None, Failure::Network);
    let mut sim = page.object();
    assert_eq!(sim.core.state(), State::Waiting);
    sim.close();
    assert_eq!((sim.end(), sim.attempts().len(), sim.recorded), (Some(Why::App), 0, None));
}

#[test]
fn the_time_that_passed_counts() {
    let mut page = Objects::new(exact());
    page.round(None, Failure::Network);
    page.now += 400;
    assert_eq!(page.round(None, Failure::Network), 600);
    page.now += 2_000;
    assert_eq!(page.round(None, Failure::Network), 0, "it has waited by itself");
    // And is no storm, after the longest delay more.
    page.now += 4_000 + 30_000;
    page.round(None, Failure::Network);
    assert_eq!(page.round(None, Failure::Network), 8_000, "just not long enough");
    page.now += 16_000 + 30_001;
    page.round(None, Failure::Network);
    assert_eq!(page.round(None, Failure::Network), 1_000, "long enough");
}

#[test]
fn what_the_page_does_shortens_the_wait_but_not_a_servers_word() {
    for (failure, least) in [(Failure::Network, FLOOR), (closed(1013), 5_000)] {
        for woken in [Page::Online, Page::Visible] {
            let mut page = Objects::new(Backoff { initial: 20_000, ..exact() });
            page.round(None, failure);
            let start = page.now;
            let mut sim = page.object();
            sim.page(woken);
            sim.pass_until(1 << 40, |sim| sim.core.state() != State::Waiting);
            assert_eq!(sim.now - start, least, "{failure:?} {woken:?}");
        }
    }
}

#[test]
fn a_frozen_page_comes_back_to_its_wait() {
    let mut page = Objects::new(exact());
    page.round(None, closed(1013));
    let start = page.now;
    let mut sim = page.object();
    sim.page(Page::Frozen);
    sim.pass(60_000);
    assert_eq!(sim.attempts().len(), 0, "none while it is frozen");
    sim.page(Page::Resumed);
    assert_eq!((sim.core.state(), sim.now - start), (State::Connecting, 60_000), "due long since");
    sim.lost(Failure::Network);
    assert_eq!(sim.recorded.map(|loss| loss.retries), Some(2));
}

#[test]
fn one_that_reconnects_by_itself_leaves_its_own_waits() {
    let mut sim = Sim::new(Config { backoff: exact(), deduplicates: false, ..Config::default() });
    assert!(!sim.core.follow(sim.now, Loss::default()));
    sim.input(Input::Start);
    for (retries, delay) in [(1, 1_000), (2, 2_000), (3, 4_000)] {
        if sim.core.state() == State::Waiting {
            sim.pass_until(1 << 40, |sim| sim.core.state() != State::Waiting);
        }
        sim.resolved();
        sim.lost(Failure::Network);
        let (until, not_before) = (sim.now + delay, sim.now + FLOOR);
        assert_eq!(sim.recorded, Some(Loss { retries, until, not_before }));
        assert_eq!(sim.core.retry_at(), Some(until));
    }
}

#[test]
fn who_is_not_followed_leaves_nothing() {
    let mut sim = Sim::new(single(exact()));
    sim.input(Input::Start);
    sim.resolved();
    sim.lost(Failure::Network);
    assert_eq!(sim.recorded, None);
}

proptest! {
    #![proptest_config(cases(400))]

    /// Whatever becomes of them: no storm, and no wait without an end.
    #[test]
    fn objects_one_after_the_other_keep_the_floor_the_cap_and_the_servers_word(
        rounds in proptest::collection::vec((0..6_u8, 0..8_000_u64, 0..3_000_u64), 1..30),
        jitter in prop_oneof![Just(Jitter::Full), Just(Jitter::Equal), Just(Jitter::None)],
    ) {
        let mut page = Objects::new(Backoff { jitter, ..Backoff::new() });
        let mut told = 0;
        let mut counts = false;
        for (how, held, later) in rounds {
            let start = page.now;
            let mut sim = page.object();
            let waited = sim.pass_until(1 << 40, |sim| sim.core.state() != State::Waiting);
            prop_assert!(waited <= 30_000, "{waited}");
            prop_assert!(!counts || start + waited >= told, "{waited} after {start}, told {told}");
            sim.resolved();
            if how > 1 {
                sim.opened();
                sim.pass(held);
            }
            let failure = match how {
                0 => Failure::Blocked,
                1 | 2 => Failure::Network,
                3 => closed(1000),
                4 => closed(1012),
                _ => closed(4000),
            };
            sim.lost(failure);
            counts = how != 3 || held >= 5_000;
            if counts {
                told = sim.now + failure.retry_after_ms().max(FLOOR);
            }
            page.over(&sim);
            page.now += later;
        }
    }
}

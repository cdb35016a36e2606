//! The part of the outbox that outlives its page.

use super::{
    super::{
        config::{Config, MAX_DELAY},
        io::{Action, Input, Page, Timestamp, Why},
        persist::Step,
    },
    sim::Sim,
};

const WALL: u64 = 1_800_000_000_000;
const NEVER: u64 = u64::MAX;
const NOW: Timestamp = Timestamp { now: 0, draw: 0 };

fn steps(sim: &mut Sim) -> Vec<Step> {
    std::iter::from_fn(|| sim.core.poll())
        .filter_map(|action| if let Action::Persist(step) = action { Some(step) } else { None })
        .collect()
}

/// It has looked through the storage, and found nothing.
fn ready() -> Sim {
    let mut sim = Sim::new(Config::default());
    sim.core.unlocked(WALL, 0);
    sim
}

#[test]
fn what_is_sent_while_the_storage_is_looked_through_is_stored_at_once_and_waits() {
    let mut sim = Sim::new(Config::default());
    sim.core.found(1);
    sim.core.found(2);
    sim.core.unlocked(WALL, 0);
    let lock = |tab, waits| Step::Lock { tab, waits };
    assert_eq!(steps(&mut sim), [lock(1, false), lock(2, false)]);
    sim.core.keep(WALL, 7, 1_000);
    sim.core.keep(WALL, 8, NEVER);
    sim.core.keep(WALL, 9, 500);
    let store = |id, number, expires| Step::Store { id, number, expires };
    let own = 1_000_000_000;
    let stored = [store(7, own, WALL + 1_000), store(8, own + 1, NEVER), store(9, own + 2, WALL + 500)];
    assert_eq!(steps(&mut sim), stored);
    // One is there still, what the other one left comes first.
    sim.core.unlocked(WALL, 1);
    assert!(sim.core.locked(2), "it has gone");
    assert!(sim.core.restored(WALL, 10, NEVER));
    assert_eq!(steps(&mut sim), [store(10, 0, NEVER), Step::Hand { id: 10, ttl: NEVER }]);
    // The time to live goes on.
    sim.core.unlocked(WALL + 600, 2);
    let handed = [
        Step::Hand { id: 7, ttl: 400 },
        Step::Hand { id: 8, ttl: NEVER },
        Step::Forget { id: 9, expired: true },
        lock(1, true),
    ];
    assert_eq!(steps(&mut sim), handed);
    // It goes later: what it left comes after what this page has sent meanwhile.
    assert!(sim.core.locked(1));
    assert!(sim.core.restored(WALL, 11, NEVER));
    assert_eq!(steps(&mut sim), [store(11, own + 3, NEVER), Step::Hand { id: 11, ttl: NEVER }]);
    sim.core.unlocked(WALL, 1);
    assert_eq!(steps(&mut sim), []);
}

#[test]
fn a_page_is_asked_for_its_lock_once() {
    let mut sim = ready();
    for tab in [1, 1, 0, 7, 2, 1] {
        sim.core.found(tab);
    }
    let lock = |tab| Step::Lock { tab, waits: true };
    assert_eq!(steps(&mut sim), [lock(1), lock(2)]);
    assert!(!sim.core.locked(0) && !sim.core.locked(3), "nobody asked for these");
    assert!(sim.core.locked(1) && !sim.core.locked(1), "once");
    sim.core.unlocked(WALL, 1);
    // The request for it failed.
    sim.core.unlocked(WALL, 2);
    assert!(!sim.core.locked(1) && !sim.core.locked(2), "its request is over");
    sim.core.found(1);
    assert_eq!(steps(&mut sim), []);
}

#[test]
fn what_has_expired_is_not_sent_and_what_is_of_use_for_years_is() {
    for (expires, ttl) in [
        (0, None),
        (WALL, None),
        (WALL + 1, Some(1)),
        (WALL + 5_000, Some(5_000)),
        (WALL + (1 << 40), Some(MAX_DELAY)),
        (1 << 53, Some(NEVER)),
        (NEVER, Some(NEVER)),
    ] {
        let mut sim = ready();
        assert!(sim.core.restored(WALL, 3, expires));
        let told = steps(&mut sim).pop();
        let then = ttl.map_or(Step::Forget { id: 3, expired: true }, |ttl| Step::Hand { id: 3, ttl });
        assert_eq!(told, Some(then), "{expires}");
        sim.core.done(3);
        let forget = Step::Forget { id: 3, expired: false };
        assert_eq!(steps(&mut sim), ttl.map(|_| forget).into_iter().collect::<Vec<_>>(), "forgotten once");
    }
}

#[test]
fn a_message_is_forgotten_with_its_fate_and_all_with_the_client_but_not_with_its_window() {
    let close = Input::Close { why: Why::App, code: 0 };
    for (end, forgets) in [(close, true), (Input::Page(Page::Gone), false)] {
        let mut sim = ready();
        for id in 0..3 {
            sim.core.keep(WALL, id, NEVER);
        }
        sim.core.done(1);
        steps(&mut sim);
        sim.core.handle(NOW, end);
        let forget = |id| Step::Forget { id, expired: false };
        let left = if forgets { vec![forget(0), forget(2)] } else { Vec::new() };
        assert_eq!(steps(&mut sim), left);
        // What comes later changes nothing.
        sim.core.done(2);
        sim.core.found(1);
        assert!(!sim.core.locked(1) && !sim.core.restored(WALL, 4, NEVER), "it takes over nothing");
        assert_eq!(steps(&mut sim), []);
        // It goes to the outbox, which says that the client is closed.
        sim.core.keep(WALL, 5, NEVER);
        assert_eq!(steps(&mut sim), [Step::Hand { id: 5, ttl: NEVER }]);
    }
}

#[test]
fn what_was_about_to_be_removed_when_the_client_is_closed_is_removed() {
    let mut sim = ready();
    sim.core.keep(WALL, 0, NEVER);
    sim.core.done(0);
    sim.core.handle(NOW, Input::Close { why: Why::App, code: 0 });
    assert_eq!(steps(&mut sim), [Step::Forget { id: 0, expired: false }]);
}

//! What a gap told, a failed successor or a change makes the core forget, and what it must not; and two ways to a storm.

use super::{
    super::{
        config::Config,
        failure::Failure,
        io::{Action, Input},
        resume::{Id, Ids},
    },
    sim::{SOCKET, Sim},
};

fn own(n: u64) -> Id {
    Id::Own(n << 1 | 1)
}

fn pass_all(ids: &mut Ids, range: impl IntoIterator<Item = u64>) -> Vec<u64> {
    range
        .into_iter()
        .filter(|n| {
            if ids.checking() {
                ids.rule(own(*n)).deliver
            } else {
                ids.learn(own(*n));
                true
            }
        })
        .collect()
}

/// The word came in the middle of the first connection, and the ids began anew.
#[test]
fn a_gap_in_the_first_connection_forgets_all_its_ids() {
    let mut ids = Ids::new(false);
    ids.asking(); // driver.open of the first connection
    pass_all(&mut ids, 1..=10);
    ids.gap_told(); // mid-connection: the ids may start anew
    assert_eq!(pass_all(&mut ids, 1..=3), [1, 2, 3]);
    // A loss and a reconnect; the server replays after the cursor.
    ids.asking();
    ids.reconnected();
    assert_eq!(pass_all(&mut ids, 4..=12), (4..=12).collect::<Vec<_>>(), "4..=10 are new");
}

/// The browser reconnected, so nobody was asking in between.
#[test]
fn so_does_one_after_the_browser_itself_reconnected() {
    let mut ids = Ids::new(false);
    ids.asking();
    pass_all(&mut ids, 1..=10);
    ids.reconnected(); // Interrupted, then Opened
    ids.gap_told();
    assert_eq!(pass_all(&mut ids, 1..=12), (1..=12).collect::<Vec<_>>());
}

/// The successor was asked for, and then failed: what came meanwhile is nothing that another one may repeat.
#[test]
fn so_does_one_after_a_successor_failed() {
    let mut sim = Sim::open_on(SOCKET, Config { max_age: 60_000, ..Config::default() });
    let gate = |sim: &mut Sim, range: std::ops::RangeInclusive<u64>| -> Vec<u64> {
        range
            .filter(|n| {
                if sim.core.checking() {
                    sim.core.check(own(*n), None).0
                } else {
                    sim.core.learn(own(*n));
                    true
                }
            })
            .collect()
    };
    gate(&mut sim, 1..=10);
    sim.pass_until(100_000, |sim| sim.core.succeeds(sim.asked));
    let attempt = sim.core.attempt() + 1;
    let route = sim.route;
    sim.input(Input::Resolved { attempt, route });
    sim.core.asking();
    gate(&mut sim, 11..=20);
    sim.input(Input::Lost { attempt, failure: Failure::Network });
    sim.core.gap_told(false);
    assert_eq!(gate(&mut sim, 1..=3), [1, 2, 3]);
    sim.lost(Failure::Network);
    sim.establish();
    assert_eq!(gate(&mut sim, 4..=25), (4..=25).collect::<Vec<_>>());
}

/// Its first message was the cursor, which ends the seam.
#[test]
fn so_does_one_after_a_change_that_began_with_the_cursor() {
    let mut ids = Ids::new(false);
    ids.asking();
    ids.reconnected();
    pass_all(&mut ids, 1..=10);
    ids.asking();
    pass_all(&mut ids, 11..=12);
    ids.reconnected();
    assert_eq!(pass_all(&mut ids, 12..=15), [13, 14, 15]);
    ids.gap_told();
    assert_eq!(pass_all(&mut ids, 1..=3), [1, 2, 3]);
    ids.asking();
    ids.reconnected();
    assert_eq!(pass_all(&mut ids, 4..=16), (4..=16).collect::<Vec<_>>());
}

/// What the old connection gave after the new one was asked for is of the present.
#[test]
fn a_gap_told_at_a_change_brings_no_number_twice() {
    let mut ids = Ids::new(true);
    let run = |ids: &mut Ids, range: std::ops::RangeInclusive<u64>| -> Vec<u64> {
        range.filter(|n| ids.place(own(*n), Some(*n)).deliver).collect()
    };
    ids.asking();
    run(&mut ids, 1..=5);
    ids.asking();
    run(&mut ids, 6..=10);
    ids.reconnected();
    ids.gap_told(); // the successor was asked for 5, and has only from 8
    assert_eq!(run(&mut ids, 8..=12), [11, 12], "8 to 10 came already");
}

/// The same id after the word is another message.
#[test]
fn a_gap_forgets_the_last_ruling() {
    let mut ids = Ids::new(false);
    ids.asking();
    pass_all(&mut ids, 1..=2);
    ids.asking();
    ids.reconnected();
    assert_eq!(pass_all(&mut ids, 1..=3), [3]); // a whole replay
    ids.gap_told();
    assert_eq!(pass_all(&mut ids, 1..=3), [1, 2, 3], "ids anew after the word of a gap");
}

/// The server says it at once on each connection.
#[test]
fn a_notice_on_each_connection_is_no_storm() {
    let mut sim = Sim::open_on(SOCKET, Config::default());
    let end = sim.now + 600_000;
    let mut opens = 0;
    sim.input(Input::Retire);
    while sim.now < end {
        let Some(due) = sim.core.deadline() else { break };
        sim.now = sim.now.max(due);
        sim.tick();
        let found = sim.take().into_iter().find_map(|action| match action {
            Action::Resolve { attempt, .. } => Some(attempt),
            _ => None,
        });
        if let Some(attempt) = found {
            let route = sim.route;
            sim.input(Input::Resolved { attempt, route });
            sim.input(Input::Opened { attempt });
            sim.input(Input::Retire);
            opens += 1;
        }
    }
    // The same server, closing each connection at once:
    let mut other = Sim::open_on(SOCKET, Config::default());
    let end = other.now + 600_000;
    let mut reopened = 0;
    while other.now < end {
        other.lost(Failure::Closed { code: 1001 });
        other.establish();
        reopened += 1;
    }
    assert!(opens < 300, "{opens} connections in 10 minutes by notice, {reopened} when closed at once");
}

/// A node dies, and all its clients go to the second one within a second.
#[test]
fn the_way_back_to_the_first_endpoint_is_spread() {
    let mut times = Vec::new();
    for draw in [0, 1 << 30, 1 << 31, u32::MAX] {
        let mut sim = Sim::open_on(SOCKET, Config { endpoints: 2, failback: 60_000, ..Config::default() });
        sim.draw = Some(1 << 31); // all alike until they are at the second
        sim.lost(Failure::Network);
        sim.draw = Some(draw);
        sim.establish();
        let opened = sim.now;
        sim.take();
        sim.pass_until(600_000, |sim| sim.core.succeeds(sim.asked));
        times.push(sim.now - opened);
    }
    times.dedup();
    assert!(times.len() > 1, "each after exactly {times:?} ms");
}

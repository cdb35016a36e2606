//! Servers whose ids or numbers begin anew without a word, and what looks like them.

use super::super::resume::{CheckResult, Id, Ids, Outcome, RECENT};

/// As the port's fingerprints: the message `n` of a run, whose content differs from every other run's.
fn of_run(run: u64, n: u64) -> Id {
    Id::Own((n << 2 | 1) << 32 | run << 2 | 2)
}

/// What only an id is known of.
fn bare(n: u64) -> Id {
    Id::Own((n << 2 | 1) << 32)
}

/// As the port does it: what was held back just before comes again when ids are seen to begin anew.
#[derive(Default)]
struct Client {
    ids: Ids,
    withheld: Vec<(Id, Option<u64>)>,
    delivered: Vec<Id>,
    told: Vec<(Outcome, usize)>,
}

impl Client {
    fn after(run: u64, range: std::ops::RangeInclusive<u64>) -> Self {
        let mut client = Self::default();
        range.for_each(|n| client.ids.learn(of_run(run, n)));
        client.ids.reconnected();
        client
    }

    fn take(&mut self, id: Id, number: Option<u64>) {
        let CheckResult { deliver, moves, outcome, restarted, .. } = self.ids.place(id, number);
        if let Some(outcome) = outcome {
            self.told.push((outcome, self.delivered.len()));
        }
        if restarted {
            for (id, number) in std::mem::take(&mut self.withheld) {
                self.take(id, number);
            }
            return self.take(id, number);
        }
        if deliver {
            self.delivered.push(id);
        } else if !moves {
            return self.withheld.push((id, number));
        }
        self.withheld.clear();
    }

    fn takes(&mut self, ids: impl IntoIterator<Item = Id>) -> usize {
        let before = self.delivered.len();
        ids.into_iter().for_each(|id| self.take(id, None));
        self.delivered.len() - before
    }
}

#[test]
fn a_server_that_counts_anew_loses_nothing_and_a_gap_comes_first() {
    for last in [1, 2, 30, 64, 65, 500, 1_500, 5_000] {
        for begin in [1, 2, 17, 40] {
            let mut client = Client::after(1, 1..=last);
            assert_eq!(client.takes((begin..=6_000).map(|n| of_run(2, n))), 6_001 - begin as usize, "{last}");
            assert_eq!(client.told, [(Outcome::Unknown, 0)], "after {last}, from {begin}");
        }
    }
}

#[test]
fn the_message_at_the_cursor_is_compared_too() {
    let mut client = Client::after(1, 1..=30);
    assert_eq!(client.takes((30..=40).map(|n| of_run(2, n))), 11);
    assert_eq!(client.told, [(Outcome::Unknown, 0)]);
}

#[test]
fn what_begins_as_before_is_not_lost_when_it_goes_on_otherwise() {
    let mut client = Client::after(1, 1..=30);
    let hello = [of_run(1, 1), of_run(1, 2)];
    assert_eq!(client.takes(hello.into_iter().chain((3..=60).map(|n| of_run(2, n)))), 60);
    assert_eq!(client.told, [(Outcome::Unknown, 0)]);
    assert_eq!(client.delivered[..2], hello);
}

#[test]
fn after_it_the_new_ids_count() {
    let mut client = Client::after(1, 1..=30);
    client.takes((1..=20).map(|n| of_run(2, n)));
    client.ids.reconnected();
    assert_eq!(client.takes((1..=21).map(|n| of_run(2, n))), 1);
}

#[test]
fn a_replay_of_what_is_not_known_by_its_content_is_held_back() {
    // A cursor that an app has kept; another transport, which may give a message another look; an id alone.
    let mut ids = Ids::default();
    ids.start_from(bare(7), None);
    ids.reconnected();
    assert!(!ids.rule(of_run(2, 7)).deliver);
    let other = |n: u64| Id::Own((n << 2 | 1) << 32 | 9 << 2 | 3);
    let mut client = Client::after(1, 1..=30);
    assert_eq!(client.takes((1..=30).map(other)), 0);
    let mut client = Client::after(1, 1..=30);
    assert_eq!(client.takes((20..=31).map(bare)), 1);
}

#[test]
fn an_id_that_never_comes_again_is_taken_at_its_word() {
    let unique = |content: u64| Id::Own((3 << 2 | 2) << 32 | content);
    let mut ids = Ids::default();
    ids.learn(unique(1));
    ids.reconnected();
    assert!(ids.rule(unique(2)).deliver, "another id");
    ids.reconnected();
    assert!(!ids.rule(unique(2)).deliver);
}

#[test]
fn several_of_one_id_are_each_known() {
    let mut client = Client::after(1, 1..=8);
    client.takes([of_run(1, 8), of_run(1, 9), of_run(2, 9), of_run(3, 9)]);
    client.ids.reconnected();
    assert_eq!(client.takes([of_run(1, 9), of_run(2, 9), of_run(3, 9), of_run(1, 10)]), 1);
    assert!(client.told.iter().all(|(outcome, _)| *outcome == Outcome::Recovered));
}

#[test]
fn the_servers_word_of_a_gap_stays_one() {
    let mut client = Client::after(1, 1..=30);
    client.ids.gap_told();
    client.ids.reconnected();
    client.takes([of_run(2, 30)]);
    assert_eq!(client.told, [(Outcome::Gap, 0)]);
}

#[test]
fn numbers_that_begin_anew_lose_nothing() {
    for (last, begin) in [(30, 1), (30, 12), (3_000, 1), (3_000, 2_500), (3_000, 3_000)] {
        for lost in [true, false] {
            let mut client = Client { ids: Ids::new(true), ..Client::default() };
            (1..=last).for_each(|n| client.take(of_run(1, n), Some(n)));
            if lost {
                client.ids.reconnected();
            }
            client.delivered.clear();
            (begin..begin + 50).for_each(|n| client.take(of_run(2, n), Some(n)));
            assert_eq!(client.delivered.len(), 50, "{last}, {begin}");
            assert_eq!(client.told, [(Outcome::Unknown, 0)], "{last}, {begin}");
        }
    }
}

/// A client that took the numbers `had`, and `begin` and 49 more of another run after a loss, or without one.
#[test]
fn numbers_that_nothing_is_known_of_are_delivered_after_a_gap() {
    for (had, begin) in [(1_000..=1_100, 1), (1_000..=1_100, 950), (1..=5_000, 100), (5_000..=9_000, 5_070)] {
        for lost in [true, false] {
            let mut client = Client { ids: Ids::new(true), ..Client::default() };
            had.clone().for_each(|n| client.take(of_run(1, n), Some(n)));
            if lost {
                client.ids.reconnected();
            }
            client.delivered.clear();
            (begin..begin + 50).for_each(|n| client.take(of_run(2, n), Some(n)));
            assert_eq!(client.delivered.len(), 50, "{had:?}, {begin}");
            assert_eq!(client.told, [(Outcome::Unknown, 0)], "{had:?}, {begin}");
        }
    }
}

#[test]
fn forgotten_numbers_are_held_back_where_what_came_is_seen_to_be_repeated() {
    let last = 3 * RECENT as u64;
    for begin in [1, 40, last - RECENT as u64 + 1] {
        let mut client = Client { ids: Ids::new(true), ..Client::default() };
        (1..=last).for_each(|n| client.take(of_run(1, n), Some(n)));
        client.ids.reconnected();
        client.delivered.clear();
        (begin..=last + 1).for_each(|n| client.take(of_run(1, n), Some(n)));
        assert_eq!(client.delivered, [of_run(1, last + 1)], "from {begin}");
        // Once it goes on, it may begin anew again.
        client.told.clear();
        (100..150).for_each(|n| client.take(of_run(2, n), Some(n)));
        assert_eq!(client.told, [(Outcome::Unknown, 1)], "from {begin}");
    }
}

#[test]
fn a_replay_that_begins_before_what_is_known_gives_only_what_did_not_come() {
    for begin in [900, 999, 1_000, 1_050] {
        let mut client = Client { ids: Ids::new(true), ..Client::default() };
        (1_000..=1_100).for_each(|n| client.take(of_run(1, n), Some(n)));
        client.ids.reconnected();
        client.delivered.clear();
        (begin..=1_110).for_each(|n| client.take(of_run(1, n), Some(n)));
        let new = (begin..1_000).chain(1_101..=1_110).map(|n| of_run(1, n));
        assert_eq!(client.delivered, new.collect::<Vec<_>>(), "from {begin}");
        let outcome = if begin < 1_000 { Outcome::Unknown } else { Outcome::Recovered };
        assert_eq!(client.told, [(outcome, 0)], "from {begin}");
        client.delivered.clear();
        client.take(of_run(1, 1_113), Some(1_113));
        assert_eq!(client.told.last(), Some(&(Outcome::Gap, 0)), "from {begin}");
    }
}

#[test]
fn after_a_reload_numbers_a_little_below_the_place_are_of_the_page_before() {
    for (begin, delivered) in [(2_990, 5), (2_000, 5), (1, 3_005)] {
        let mut client = Client { ids: Ids::new(true), ..Client::default() };
        client.ids.start_from(of_run(1, 3_000), Some(3_000));
        client.ids.reconnected();
        (begin..=3_005).for_each(|n| client.take(of_run(1, n), Some(n)));
        assert_eq!(client.delivered.len(), delivered, "from {begin}");
    }
}

#[test]
fn the_first_numbered_message_may_be_remembered_by_its_id_alone() {
    let mut client = Client { ids: Ids::new(true), ..Client::default() };
    client.take(of_run(7, 9_999), Some(1));
    (2..=5_000).for_each(|n| client.take(of_run(1, n), Some(n)));
    client.ids.reconnected();
    client.delivered.clear();
    (1..=5_001).for_each(|n| client.take(of_run(1, n), Some(n)));
    assert_eq!((client.delivered, client.told), (vec![of_run(1, 5_001)], vec![(Outcome::Recovered, 0)]));
}

#[test]
fn an_epoch_tells_that_forgotten_numbers_are_old() {
    let mut client = Client { ids: Ids::new(true), ..Client::default() };
    client.ids.epoch(1);
    (1_000..=5_000).for_each(|n| client.take(of_run(1, n), Some(n)));
    client.ids.reconnected();
    client.delivered.clear();
    (1..=5_000).for_each(|n| client.take(of_run(1, n), Some(n)));
    assert_eq!(client.delivered, []);
}

#[test]
fn a_number_that_was_told_to_be_missing_is_late_and_not_new() {
    let mut client = Client { ids: Ids::new(true), ..Client::default() };
    [1, 2, 5, 6, 3, 4, 7].into_iter().for_each(|n| client.take(of_run(1, n), Some(n)));
    assert_eq!(client.delivered, [1, 2, 5, 6, 7].map(|n| of_run(1, n)));
    assert_eq!(client.told, [(Outcome::Gap, 2)]);
}

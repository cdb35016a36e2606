//! Sequence numbers: nothing twice, and each gap by its numbers.

use proptest::prelude::*;

use super::{
    super::{
        config::Config,
        failure::Failure,
        io::{Action, ClientEvent, Input},
        resume::{CheckResult, Id, Ids, Missing, Outcome},
    },
    cases,
    sim::{STREAM, Sim},
};

/// A number that is delivered, and what is told before it.
type Delivered = (u64, Option<Outcome>, Missing);

fn numbered() -> Ids {
    Ids::new(true)
}

fn take(ids: &mut Ids, number: u64) -> CheckResult {
    ids.place(Id::Own(number), Some(number))
}

/// Those that are delivered, and what is told before each.
fn rulings(ids: &mut Ids, numbers: impl IntoIterator<Item = u64>) -> Vec<Delivered> {
    let ruled = numbers.into_iter().map(|number| (number, take(ids, number)));
    ruled
        .filter(|(_, result)| result.deliver)
        .map(|(n, result)| (n, result.outcome, result.missing))
        .collect()
}

#[test]
fn every_message_is_checked() {
    let config = Config { numbered: true, ..Config::default() };
    assert!(Sim::open_on(STREAM, config).core.checking());
}

#[test]
fn the_first_number_may_be_any() {
    assert_eq!(rulings(&mut numbered(), [70, 71]), [(70, None, None), (71, None, None)]);
}

#[test]
fn what_came_already_in_an_epoch_is_held_back_however_old() {
    let mut ids = numbered();
    ids.epoch(1);
    rulings(&mut ids, 1..=5_000);
    ids.reconnected();
    assert_eq!(
        rulings(&mut ids, (2_000..=5_002).chain(1..=5_003)),
        [(5_001, Some(Outcome::Recovered), None), (5_002, None, None), (5_003, None, None)]
    );
}

#[test]
fn a_reconnect_that_goes_on_with_the_next_number_is_recovered() {
    let mut ids = numbered();
    rulings(&mut ids, 1..=3);
    ids.reconnected();
    assert_eq!(rulings(&mut ids, [4]), [(4, Some(Outcome::Recovered), None)]);
}

#[test]
fn the_first_number_after_a_reconnect_proves_nothing() {
    let mut ids = numbered();
    ids.reconnected();
    assert_eq!(rulings(&mut ids, [7, 8]), [(7, Some(Outcome::Unknown), None), (8, None, None)]);
    // An earlier page left a cursor, but no number.
    let mut ids = numbered();
    ids.start_from(Id::Own(7), None);
    ids.reconnected();
    assert_eq!(rulings(&mut ids, [8]), [(8, Some(Outcome::Unknown), None)]);
}

#[test]
fn a_gap_names_what_is_missing() {
    let mut ids = numbered();
    rulings(&mut ids, 1..=3);
    ids.reconnected();
    assert_eq!(rulings(&mut ids, [8, 9]), [(8, Some(Outcome::Gap), Some((4, 7))), (9, None, None)]);
}

#[test]
fn a_gap_in_mid_connection_is_told_too() {
    let mut ids = numbered();
    assert_eq!(rulings(&mut ids, [1, 2, 4]).last(), Some(&(4, Some(Outcome::Gap), Some((3, 3)))));
}

#[test]
fn the_cursor_moves_with_what_is_delivered_only() {
    let mut ids = numbered();
    rulings(&mut ids, 1..=3);
    assert!(!take(&mut ids, 2).moves);
    assert_eq!(ids.cursor(), Some(3));
    assert!(!ids.place(Id::None, Some(4)).moves);
    assert_eq!(ids.cursor(), Some(3));
}

#[test]
fn messages_without_a_number_are_ruled_on_by_their_ids() {
    let mut ids = numbered();
    rulings(&mut ids, 1..=3);
    ids.reconnected();
    assert!(ids.place(Id::None, None).deliver);
    assert!(!ids.place(Id::Own(2), None).deliver);
    // And leave it to the next number to say what is missing.
    assert_eq!(ids.place(Id::Own(77), None).outcome, None);
    assert_eq!(rulings(&mut ids, [4]), [(4, Some(Outcome::Recovered), None)]);
}

#[test]
fn another_epoch_is_a_gap_and_counts_anew() {
    let mut ids = numbered();
    ids.epoch(1);
    rulings(&mut ids, 1..=3);
    ids.reconnected();
    ids.epoch(2);
    assert_eq!(rulings(&mut ids, [1, 2]), [(1, Some(Outcome::Gap), None), (2, None, None)]);
    ids.epoch(2);
    assert_eq!(rulings(&mut ids, [2, 3]), [(3, None, None)]);
}

#[test]
fn after_the_servers_own_word_of_a_gap_it_may_count_anew() {
    let mut ids = numbered();
    rulings(&mut ids, 1..=30);
    ids.gap_told();
    assert_eq!(rulings(&mut ids, [5, 6]), [(5, Some(Outcome::Gap), None), (6, None, None)]);
    ids.gap_told();
    assert_eq!(rulings(&mut ids, [9]), [(9, Some(Outcome::Gap), Some((7, 8)))]);
}

#[test]
fn an_earlier_page_leaves_its_number() {
    let config = Config { numbered: true, ..Config::default() };
    let mut sim = Sim::new(config);
    sim.core.epoch(1);
    sim.core.start_from(Id::Own(7), Some(7));
    sim.input(Input::Start);
    sim.establish();
    sim.take();
    sim.core.epoch(1);
    assert_eq!(sim.core.check(Id::Own(7), Some(7)), (false, false, false));
    assert_eq!(sim.core.check(Id::Own(9), Some(9)), (true, true, false));
    sim.settle();
    assert_eq!(sim.take(), [Action::Emit(ClientEvent::Outcome(Outcome::Gap, Some((8, 8))))]);
}

#[test]
fn the_numbers_survive_a_loss() {
    let config = Config { numbered: true, ..Config::default() };
    let mut sim = Sim::open_on(STREAM, config);
    sim.core.check(Id::None, Some(1));
    sim.lost(Failure::Network);
    sim.establish();
    sim.take();
    assert_eq!(sim.core.check(Id::None, Some(1)), (false, false, false));
    assert_eq!(sim.core.check(Id::None, Some(2)), (true, false, false));
    sim.settle();
    assert_eq!(sim.take(), [Action::Emit(ClientEvent::Outcome(Outcome::Recovered, None))]);
}

#[test]
fn the_largest_numbers_do_not_overflow() {
    let mut ids = numbered();
    rulings(&mut ids, [u64::MAX - 1, u64::MAX]);
    assert_eq!(rulings(&mut ids, [u64::MAX]), []);
    ids.gap_told();
    assert_eq!(rulings(&mut ids, [0]).len(), 1);
}

proptest! {
    #![proptest_config(cases(500))]

    /// Whatever each connection replays and leaves out: nothing twice, in order, and the gaps told are exactly
    /// what did not come.
    #[test]
    fn what_is_delivered_and_what_is_told_missing_is_the_whole_sequence(
        connections in prop::collection::vec((0u64..200, 0u64..16, 0u64..50), 1..20),
    ) {
        let mut ids = numbered();
        let (mut published, mut seen, mut told) = (0, Vec::new(), Vec::new());
        let mut begin = 1;
        for (back, lost, more) in connections {
            // A jump of more than 16 numbers is a new count. Losses add up to one over connections that bring nothing.
            let lost = if more == 0 { 0 } else { lost };
            let first = (published + lost + 1).saturating_sub(back).max(begin);
            published += lost + more;
            if seen.is_empty() {
                // What is from before the first one may be another stream's.
                begin = first;
            }
            for number in first..=published {
                let result = take(&mut ids, number);
                told.extend(result.missing.map(|(from, to)| from..=to));
                prop_assert_eq!(result.missing.is_some(), result.outcome == Some(Outcome::Gap));
                if result.deliver {
                    seen.push(number);
                }
            }
            ids.reconnected();
        }
        prop_assert!(seen.is_sorted_by(|a, b| a < b));
        if let (Some(&first), Some(&last)) = (seen.first(), seen.last()) {
            let mut all: Vec<u64> = seen.into_iter().chain(told.into_iter().flatten()).collect();
            all.sort_unstable();
            prop_assert_eq!(all, (first..=last).collect::<Vec<_>>());
        }
    }
}

/// nchan's pings, say: by themselves they prove nothing, and need not.
#[test]
fn a_message_without_number_and_id_leaves_the_outcome_to_the_next_number() {
    for (next, outcome) in [(4, Outcome::Recovered), (6, Outcome::Gap)] {
        let mut ids = numbered();
        rulings(&mut ids, 1..=3);
        ids.reconnected();
        let ping = ids.place(Id::None, None);
        assert!(ping.deliver);
        assert_eq!(ping.outcome, None);
        let missing = (next > 4).then_some((4, 5));
        assert_eq!(rulings(&mut ids, [next]), [(next, Some(outcome), missing)]);
    }
}

/// Numbers with ids or without; in an epoch or in none.
fn counts() -> impl Iterator<Item = (Ids, bool)> {
    [(false, false), (false, true), (true, false), (true, true)].into_iter().map(|(epoch, named)| {
        let mut ids = numbered();
        if epoch {
            ids.epoch(1);
        }
        (ids, named)
    })
}

/// The numbers that are delivered, where one that begins anew is ruled on again; and the gaps told.
fn received(ids: &mut Ids, named: bool, numbers: &[u64]) -> (Vec<u64>, usize) {
    let (mut delivered, mut gaps) = (Vec::new(), 0);
    for (at, &number) in numbers.iter().enumerate() {
        let id = if named { Id::Own((at as u64 + 1) << 33 | 1 << 32) } else { Id::None };
        let mut result = ids.place(id, Some(number));
        if result.restarted {
            result = ids.place(id, Some(number));
        }
        gaps += usize::from(matches!(result.outcome, Some(Outcome::Gap | Outcome::Unknown)));
        if result.deliver {
            delivered.push(number);
        }
    }
    (delivered, gaps)
}

#[test]
fn an_absurd_number_holds_nothing_back() {
    const MOST: u64 = 9_999_999_999_999_999_999;
    for absurd in [40, 1_000, 60_000, 100_000, 1 << 31, 1 << 32, (1 << 53) - 1, MOST] {
        for (mut ids, named) in counts() {
            let numbers = [1, 2, absurd, 3, 4, 5];
            assert_eq!(received(&mut ids, named, &numbers), (numbers.to_vec(), 2), "{absurd} {named}");
        }
        for (mut ids, named) in counts() {
            // Several, and one that the next number follows.
            let numbers = [1, 2, absurd, absurd + 1, absurd + 90_000, 3, 4, absurd, 5, 6];
            assert_eq!(received(&mut ids, named, &numbers), (numbers.to_vec(), 5), "{absurd} {named}");
        }
    }
    for (mut ids, named) in counts() {
        let numbers = [MOST, 1, 2, 3];
        assert_eq!(received(&mut ids, named, &numbers), (numbers.to_vec(), 1), "the first one, {named}");
    }
    for (mut ids, named) in counts() {
        ids.start_from(Id::Own(7), Some(MOST));
        ids.reconnected();
        assert_eq!(received(&mut ids, named, &[1, 2, 3]).0, [1, 2, 3], "from an earlier page, {named}");
    }
}

/// What was told to be missing and comes after all: all of it, once, and what came before it is not delivered again.
#[test]
fn what_was_missing_and_is_sent_after_all_is_delivered_after_a_gap() {
    for epoch in [false, true] {
        let mut ids = numbered();
        if epoch {
            ids.epoch(1);
        }
        rulings(&mut ids, 1..=3);
        ids.reconnected();
        assert_eq!(rulings(&mut ids, 40..=42).first(), Some(&(40, Some(Outcome::Gap), Some((4, 39)))));
        let after = rulings(&mut ids, 2..=44);
        let expected = (4..=39).chain(43..=44).map(|n| (n, (n == 4).then_some(Outcome::Gap), None));
        assert_eq!(after, expected.collect::<Vec<_>>());
    }
}

/// Where it is forgotten what came beyond the jump, it could not be known again.
#[test]
fn what_was_missing_long_ago_is_held_back() {
    let mut ids = numbered();
    ids.epoch(1);
    rulings(&mut ids, (1..=100).chain(200..=3_000));
    assert_eq!(rulings(&mut ids, 101..=3_001), [(3_001, None, None)]);
}

#[test]
fn what_came_again_does_not_make_an_absurd_number_right() {
    for epoch in [false, true] {
        let mut ids = numbered();
        if epoch {
            ids.epoch(1);
        }
        let numbers = [1, 2, 1 << 53, 2, 3, 3, 4, 1 << 40, 4, 5, 1, 6];
        let delivered: Vec<_> = rulings(&mut ids, numbers).into_iter().map(|(number, ..)| number).collect();
        assert_eq!(delivered, [1, 2, 1 << 53, 3, 4, 1 << 40, 5, 6]);
    }
}

/// A message that has all numbers from `first` to `last`.
fn range(ids: &mut Ids, first: u64, last: u64) -> (bool, Missing) {
    let result = ids.place_range(Id::Own(last), Some(first), Some(last));
    (result.deliver, result.missing)
}

#[test]
fn a_range_is_held_back_when_all_of_it_came_and_its_first_number_ends_a_gap() {
    let mut ids = numbered();
    assert_eq!(range(&mut ids, 5, 9), (true, None), "the first may be any");
    assert_eq!(range(&mut ids, 10, 12), (true, None));
    assert_eq!(range(&mut ids, 6, 12), (false, None), "all of it");
    assert_eq!(range(&mut ids, 11, 11), (false, None), "within one");
    assert_eq!(range(&mut ids, 12, 14), (true, None), "a part of it");
    assert_eq!(range(&mut ids, 17, 20), (true, Some((15, 16))));
    assert_eq!(range(&mut ids, 15, 18), (false, None), "it was told to be missing");
    assert_eq!(rulings(&mut ids, [21, 23]), [(21, None, None), (23, Some(Outcome::Gap), Some((22, 22)))]);
}

#[test]
fn what_lies_in_a_long_range_came() {
    let mut ids = numbered();
    range(&mut ids, 1, 1);
    // Neither a jump, into which a number may come back, nor one with more than the message before it.
    assert_eq!(range(&mut ids, 2, 1_000), (true, None));
    assert_eq!(range(&mut ids, 400, 500), (false, None));
    assert_eq!(range(&mut ids, 1_100, 1_200), (true, Some((1_001, 1_099))));
    assert_eq!(range(&mut ids, 1_110, 1_120), (false, None));
    assert!(range(&mut ids, 1_050, 1_060).0, "what was missing, and is sent after all");
}

#[test]
fn a_first_number_above_the_last_one_is_the_last_one() {
    let mut ids = numbered();
    range(&mut ids, 1, 1);
    assert_eq!(range(&mut ids, 9, 3), (true, Some((2, 2))));
}

#[test]
fn the_next_check_alone_has_the_first_number() {
    let mut sim = Sim::open_on(STREAM, Config { numbered: true, ..Config::default() });
    sim.core.check(Id::Own(1), Some(1));
    sim.core.begins(2);
    sim.core.check(Id::Own(4), Some(4));
    assert_eq!(sim.take(), []);
    sim.core.check(Id::Own(6), Some(6));
    sim.settle();
    assert_eq!(sim.take(), [Action::Emit(ClientEvent::Outcome(Outcome::Gap, Some((5, 5))))]);
}

#[derive(Clone, Copy, Debug)]
enum Cut {
    /// The next so many numbers are one message.
    Send(u64),
    /// So many are lost.
    Skip(u64),
    /// A new connection begins so many numbers before the next one, in messages of so many.
    Replay(u64, u64),
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn ranges_are_known_however_a_replay_cuts_them(
        epoch in any::<bool>(),
        cuts in prop::collection::vec(
            prop_oneof![
                6 => (1..8_u64).prop_map(Cut::Send),
                1 => (1..16_u64).prop_map(Cut::Skip),
                2 => (0..12_u64, 1..8_u64).prop_map(|(back, width)| Cut::Replay(back, width)),
            ],
            1..80,
        ),
    ) {
        let mut ids = numbered();
        if epoch {
            ids.epoch(1);
        }
        let start = 100;
        range(&mut ids, start, start);
        let (mut last, mut next) = (start, start + 1);
        let mut send = |last: &mut u64, next: &mut u64, width: u64| {
            let (first, to) = (*next, *next + width - 1);
            *next = to + 1;
            // All that is above the last number is delivered, and what is between them is missing; nothing else is.
            let missing = (first > *last + 1).then(|| (*last + 1, first - 1));
            assert_eq!(range(&mut ids, first, to), (to > *last, missing), "{first} to {to}, after {last}");
            *last = to.max(*last);
        };
        for cut in cuts {
            match cut {
                Cut::Send(width) => send(&mut last, &mut next, width),
                // More is a jump.
                Cut::Skip(count) => next = (next + count).min(last + 16),
                Cut::Replay(back, width) => {
                    next = (last + 1 - back.min(last + 1 - start)).min(next);
                    let end = last;
                    while next <= end + 1 {
                        send(&mut last, &mut next, width);
                    }
                }
            }
        }
    }
}

//! The seam after a reconnect, case by case.

use super::{
    super::{
        config::Config,
        failure::Failure,
        io::{Action, ClientEvent, Input},
        resume::{FIRST, Id, Ids, Outcome, RECENT},
    },
    sim::{STREAM, Sim},
};

fn own(n: u64) -> Id {
    Id::Own(n)
}

/// A client that received `range` before its connection broke, and is open again.
fn after(range: std::ops::RangeInclusive<u64>) -> Ids {
    let mut ids = Ids::default();
    range.for_each(|n| ids.learn(own(n)));
    ids.reconnected();
    ids
}

/// Those of `range` that are delivered.
fn delivered(ids: &mut Ids, range: std::ops::RangeInclusive<u64>) -> Vec<u64> {
    range.filter(|n| ids.rule(own(*n)).deliver).collect()
}

#[test]
fn the_first_connection_is_not_checked() {
    let sim = Sim::open_on(STREAM, Config::default());
    assert!(!sim.core.checking());
}

#[test]
fn a_reconnect_is_checked_until_the_cursor_has_passed() {
    let mut sim = Sim::open_on(STREAM, Config::default());
    sim.core.learn(own(1));
    sim.lost(Failure::Network);
    sim.establish();
    assert!(sim.core.checking());
    assert_eq!(sim.core.check(own(1), None), (false, true, false));
    assert!(!sim.core.checking());
}

#[test]
fn three_messages_without_an_id_are_never_held_back() {
    let mut ids = after(1..=1);
    for _ in 0..3 {
        let result = ids.rule(Id::None);
        assert!(result.deliver && !result.moves);
    }
    assert_eq!(ids.cursor(), Some(1));
}

#[test]
fn messages_without_an_id_are_not_held_back_within_a_replay() {
    let mut ids = after(1..=5_000);
    assert!(!ids.rule(own(1)).deliver);
    assert!(ids.rule(Id::None).deliver);
    assert!(!ids.rule(own(2)).deliver);
}

#[test]
fn an_empty_id_takes_the_cursor_back() {
    let mut ids = after(1..=3);
    assert!(ids.rule(Id::Reset).moves);
    assert_eq!(ids.cursor(), None);
    ids.reconnected();
    assert!(ids.rule(own(4)).deliver);
}

#[test]
fn a_whole_replay_of_ten_thousand_is_held_back_wholly() {
    let mut ids = after(1..=10_000);
    assert!(delivered(&mut ids, 1..=10_000).is_empty());
    assert!(!ids.checking());
    assert_eq!(delivered(&mut ids, 10_001..=10_003), [10_001, 10_002, 10_003]);
}

#[test]
fn a_whole_replay_may_begin_with_any_of_the_first_ids() {
    for begin in 1..=FIRST as u64 {
        let mut ids = after(1..=5_000);
        assert_eq!(delivered(&mut ids, begin..=5_001), [5_001], "from {begin}");
    }
}

#[test]
fn a_replay_that_begins_behind_the_first_ids_is_not_taken_for_a_whole_one() {
    let mut ids = after(1..=5_000);
    assert!(ids.rule(own(FIRST as u64 + 1)).deliver);
}

#[test]
fn several_messages_of_one_id_are_delivered_or_held_back_together() {
    let mut ids = after(1..=10);
    let messages = [9, 9, 9, 11, 11, 11, 12, 8, 8, 10].map(own);
    let delivered = messages.map(|id| ids.rule(id).deliver);
    assert_eq!(delivered, [false, false, false, true, true, true, true, false, false, false]);
}

#[test]
fn a_whole_replay_that_breaks_off_is_held_back_the_next_time_too() {
    let mut ids = after(1..=5_000);
    assert!(delivered(&mut ids, 1..=4_000).is_empty());
    assert_eq!(ids.cursor(), Some(5_000));
    ids.reconnected();
    assert_eq!(delivered(&mut ids, 1..=5_001), [5_001]);
}

#[test]
fn an_overlap_of_all_that_is_remembered_is_held_back() {
    let mut ids = after(1..=10_000);
    assert_eq!(delivered(&mut ids, 10_001 - RECENT as u64..=10_002), [10_001, 10_002]);
}

#[test]
fn an_exact_resume_holds_back_nothing_and_its_seam_ends_by_count() {
    let mut ids = after(1..=100);
    let end = 100 + RECENT as u64;
    assert_eq!(delivered(&mut ids, 101..=end).len(), RECENT);
    assert!(!ids.checking());
    assert_eq!(ids.cursor(), Some(end));
}

#[test]
fn a_seam_does_not_turn_into_a_whole_replay_in_its_middle() {
    // Joined at 500; the server replays from 300; that breaks off before our first id came.
    let mut ids = after(500..=600);
    assert_eq!(delivered(&mut ids, 300..=400).len(), 101);
    ids.reconnected();
    // Now it resumes after 400. Its own 401 to 499 are new to us, 500 to 600 are not, 601 is.
    let mut expected: Vec<u64> = (401..=499).collect();
    expected.extend([601, 602]);
    assert_eq!(delivered(&mut ids, 401..=602), expected);
}

#[test]
fn a_short_stream_that_resumes_at_its_first_ids_loses_nothing() {
    // As above, broken off just before our first id.
    let mut ids = after(500..=600);
    assert_eq!(delivered(&mut ids, 499..=499), [499]);
    ids.reconnected();
    assert_eq!(delivered(&mut ids, 500..=602), [601, 602]);
}

/// The outcomes told, in order with the messages' own verdicts.
fn outcomes(ids: &mut Ids, messages: &[Id]) -> Vec<Option<Outcome>> {
    messages.iter().map(|id| ids.rule(*id).outcome).collect()
}

#[test]
fn recovered_is_told_when_the_cursor_is_replayed() {
    let mut ids = after(1..=10);
    assert_eq!(outcomes(&mut ids, &[own(9), own(10), own(11)]), [None, Some(Outcome::Recovered), None]);
}

#[test]
fn unknown_is_told_before_the_first_message_when_nothing_is_proven() {
    let mut ids = after(1..=10);
    assert_eq!(outcomes(&mut ids, &[own(11), own(12)]), [Some(Outcome::Unknown), None]);
    let mut ids = after(1..=10);
    assert_eq!(outcomes(&mut ids, &[Id::None, own(10)]), [Some(Outcome::Unknown), None]);
}

#[test]
fn a_stream_without_ids_is_told_of_each_reconnect_once() {
    let mut sim = Sim::open_on(STREAM, Config::default());
    for _ in 0..2 {
        sim.lost(Failure::Network);
        sim.establish();
        sim.take();
        assert!(sim.core.checking());
        assert_eq!(sim.core.check(Id::None, None), (true, false, false));
        assert!(!sim.core.checking());
        sim.settle();
        assert_eq!(sim.take(), [Action::Emit(ClientEvent::Outcome(Outcome::Unknown, None))]);
    }
}

#[test]
fn a_gap_the_server_tells_comes_before_the_next_message() {
    let mut sim = Sim::open_on(STREAM, Config::default());
    (1..=10).for_each(|n| sim.core.learn(own(n)));
    sim.lost(Failure::Network);
    sim.establish();
    sim.take();
    sim.core.gap_told(false);
    assert!(sim.core.checking());
    assert_eq!(sim.core.check(own(50), None), (true, true, false));
    sim.settle();
    assert_eq!(sim.take(), [Action::Emit(ClientEvent::Outcome(Outcome::Gap, None))]);
    assert_eq!(sim.core.cursor(), Some(50));
    assert!(!sim.core.checking());
}

#[test]
fn a_gap_is_told_in_the_middle_of_a_connection_too() {
    let mut sim = Sim::open_on(STREAM, Config::default());
    sim.core.learn(own(1));
    sim.core.gap_told(false);
    assert!(sim.core.checking());
    sim.core.check(Id::None, None);
    sim.settle();
    assert_eq!(sim.take(), [Action::Emit(ClientEvent::Outcome(Outcome::Gap, None))]);
}

#[test]
fn what_came_and_is_lost_is_a_gap_and_nothing_else_is_forgotten() {
    let mut sim = Sim::open_on(STREAM, Config::default());
    (1..=10).for_each(|n| sim.core.learn(own(n)));
    sim.core.gap_told(true);
    assert!(sim.core.checking());
    assert_eq!(sim.core.check(own(20), None), (true, true, false));
    sim.settle();
    assert_eq!(sim.take(), [Action::Emit(ClientEvent::Outcome(Outcome::Gap, None))]);
    assert!(!sim.core.checking());
    // A server that repeats the whole stream is still known.
    sim.lost(Failure::Network);
    sim.establish();
    for n in (1..=10).chain([20]) {
        assert!(!sim.core.check(own(n), None).0, "{n}");
    }
}

#[test]
fn of_what_came_and_is_lost_the_numbers_tell_which() {
    let mut ids = Ids::new(true);
    ids.place(own(1), Some(1));
    ids.missed();
    assert!(!ids.place(own(1), Some(1)).deliver, "it came");
    assert_eq!(ids.place(own(5), Some(5)).missing, Some((2, 4)));
    assert_eq!(ids.place(own(6), Some(6)).outcome, None);
    // And before there is a number nothing does.
    let mut ids = Ids::new(true);
    ids.missed();
    assert_eq!(ids.place(own(1), Some(1)).outcome, Some(Outcome::Gap));
}

#[test]
fn a_gap_that_no_message_followed_is_told_after_the_next_reconnect() {
    let mut ids = after(1..=10);
    ids.gap_told();
    ids.reconnected();
    assert_eq!(ids.rule(own(50)).outcome, Some(Outcome::Gap));
}

#[test]
fn ids_that_start_anew_after_a_gap_are_not_held_back() {
    let mut ids = after(1..=5_000);
    ids.gap_told();
    assert_eq!(delivered(&mut ids, 1..=100).len(), 100);
    assert_eq!(ids.cursor(), Some(100));
}

#[test]
fn a_gap_told_right_after_a_message_is_told_also_when_the_next_has_the_same_id() {
    // Ruled on at the seam before the server said so, then new under the same id.
    for (before, again) in [(5_000, 1), (10, 11)] {
        let mut ids = after(1..=before);
        ids.rule(own(again));
        ids.gap_told();
        let result = ids.rule(own(again));
        assert_eq!((result.deliver, result.outcome), (true, Some(Outcome::Gap)), "{again}");
    }
}

#[test]
fn a_cursor_from_an_earlier_page_makes_a_seam() {
    let mut sim = Sim::new(Config::default());
    sim.core.start_from(own(7), None);
    sim.input(Input::Start);
    sim.establish();
    sim.take();
    assert!(sim.core.checking());
    assert_eq!(sim.core.check(own(7), None), (false, true, false));
    sim.settle();
    assert_eq!(sim.take(), [Action::Emit(ClientEvent::Outcome(Outcome::Recovered, None))]);
}

#[test]
fn an_event_source_that_came_back_by_itself_makes_a_seam() {
    let mut sim = Sim::open_on(STREAM, Config { browser_reconnects: true, ..Config::default() });
    sim.core.learn(own(1));
    sim.input(Input::Interrupted { attempt: sim.core.attempt() });
    sim.opened();
    assert_eq!(sim.core.check(own(1), None), (false, true, false));
}

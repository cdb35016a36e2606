//! No word of a server mutes a stream for good: what is not known is held back only so often in a row.

#![allow(clippy::disallowed_types, reason = "no wasm pays for it, and nothing depends on its order")]

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::{
    super::resume::{CheckResult, FIRST, Id, Ids, Outcome, RECENT},
    cases,
};

/// A fingerprint has so many bits of the id.
const ID_BITS: u32 = 36;
/// Ids without a number begin here, so that none of them is that of a number, which are all below it.
const BARE: u64 = 1 << (ID_BITS - 1);

/// As the port's fingerprints: an id, or a number, and a content. In an epoch the content is not known.
fn named(id: u64, content: u64) -> Id {
    // Else two ids look the same, and what is known by one of them is counted as if it were not.
    assert!(id < 1 << ID_BITS, "{id} is no id of {ID_BITS} bits");
    let (upper, lower) = (id >> 6, id & 63);
    Id::Own(
        upper << 34 | 1 << 32 | lower << 26 | (content << 2 & 0x3ff_fffc) | if content == 0 { 0 } else { 2 },
    )
}

/// As the port: what was held back just before comes again when ids, or numbers, begin anew.
struct Client {
    ids: Ids,
    epoch: bool,
    withheld: Vec<(Id, Option<u64>)>,
    /// Those that came, with how many had come before.
    delivered: HashMap<Id, usize>,
    /// Those that never came, held back since the last that did, or that is remembered: it shows that it is a replay.
    held: HashSet<Id>,
    /// The first of them on this connection, once it came, and on the one before: if it is the same, a replay broke off.
    first_held: Option<Id>,
    first_held_before: Option<Id>,
    most: usize,
    came: usize,
    gaps: usize,
}

impl Client {
    fn new(epoch: bool) -> Self {
        let mut ids = Ids::new(true);
        if epoch {
            ids.epoch(1);
        }
        Self {
            ids,
            epoch,
            withheld: Vec::new(),
            delivered: HashMap::new(),
            held: HashSet::new(),
            first_held: None,
            first_held_before: None,
            most: 0,
            came: 0,
            gaps: 0,
        }
    }

    fn place(&mut self, id: Id, number: Option<u64>) {
        let CheckResult { deliver, moves, outcome, restarted, .. } = self.ids.place(id, number);
        self.gaps += usize::from(matches!(outcome, Some(Outcome::Gap | Outcome::Unknown)));
        if restarted {
            let withheld = std::mem::take(&mut self.withheld);
            if withheld.len() <= 16 {
                withheld.into_iter().for_each(|(id, number)| self.place(id, number));
            }
            return self.place(id, number);
        }
        if deliver {
            self.delivered.insert(id, self.came);
            self.came += 1;
            self.held.clear();
            self.withheld.clear();
        } else {
            match self.delivered.get(&id) {
                None => {
                    if self.first_held.is_none() {
                        self.first_held = Some(id);
                        if self.first_held == self.first_held_before {
                            self.held.clear();
                        }
                    }
                    self.held.insert(id);
                    self.most = self.most.max(self.held.len());
                }
                Some(&at) if at < FIRST || self.came - at <= RECENT => self.held.clear(),
                Some(_) => {}
            }
            if moves {
                self.withheld.clear();
            } else if self.withheld.len() <= 16 {
                self.withheld.push((id, number));
            }
        }
    }

    fn reconnect(&mut self) {
        self.ids.reconnected();
        self.first_held_before = self.first_held.take().or(self.first_held_before);
    }

    /// A numbered message: its fingerprint is of the number.
    fn number(&mut self, number: u64, content: u64) {
        self.place(named(number, if self.epoch { 0 } else { content }), Some(number));
    }

    fn numbers(&mut self, numbers: impl IntoIterator<Item = u64>, content: u64) -> usize {
        let before = self.came;
        numbers.into_iter().for_each(|number| self.number(number, content));
        self.came - before
    }
}

#[test]
fn a_wrong_number_holds_nothing_back_however_far_it_is() {
    for epoch in [false, true] {
        for before in [2, 500, 3_000] {
            for wrong in [10, 20, 257, 500, 1_000, 60_000, 65_537] {
                let mut client = Client::new(epoch);
                let numbers = (1..=before).chain([before + wrong]).chain(before + 1..=before + 400);
                let count = numbers.clone().count();
                // So few may come late, and it comes itself later on.
                let late = if wrong < 17 { wrong as usize } else { usize::from(wrong <= 400) };
                let came = client.numbers(numbers, 1);
                assert!(came >= count - late, "{epoch} {before} {wrong}: {came} of {count}");
                assert!(client.gaps > 0);
            }
        }
    }
}

#[test]
fn many_wrong_numbers_do_not_either() {
    for epoch in [false, true] {
        let mut client = Client::new(epoch);
        let numbers = [1, 2].into_iter().chain((1..=9).map(|n| 2 + n * 70_000)).chain(3..=500);
        assert_eq!(client.numbers(numbers, 1), 509, "{epoch}");
        assert!(client.gaps > 0);
    }
}

#[test]
fn a_count_that_begins_anew_in_its_epoch_is_found_out() {
    for (had, most) in [(101, 0), (900, 0), (20_000, RECENT)] {
        let mut client = Client::new(true);
        client.numbers(4_000_000..4_000_000 + had, 1);
        let came = client.numbers(1..=3_000, 1);
        assert!(came >= 3_000 - most, "{had}: {came}");
        assert!(client.gaps > 0);
    }
}

#[test]
fn a_message_that_came_twice_does_not_hide_that_the_count_begins_anew() {
    for from in [1, 4_000_000] {
        let mut client = Client::new(false);
        client.numbers(from..from + 2_000, 1);
        client.number(from + 1_999, 1);
        let (came, gaps) = (client.came, client.gaps);
        client.numbers(1..=3_000, 2);
        // A number that comes with another content forgets what was held back before it.
        let twice = usize::from(from == 1);
        assert_eq!((client.came - came, client.gaps - gaps), (3_000 + twice, 1 + twice), "from {from}");
        // And again, in the new count.
        client.number(3_000, 2);
        assert_eq!(client.came - came, 3_000 + twice, "it came already");
        client.numbers(3_001..=3_100, 2);
        assert_eq!(client.came - came, 3_100 + twice);
    }
}

#[test]
fn a_number_that_is_always_the_same_holds_nothing_back_and_tells_one_gap() {
    let mut client = Client::new(false);
    // The first one is known by its own id.
    client.place(named(900, 1), Some(7));
    (2..=100).for_each(|content| client.number(7, content));
    assert_eq!((client.came, client.gaps), (100, 1));
}

#[test]
fn a_server_that_greets_each_connection_is_heard() {
    let mut client = Client::new(false);
    client.place(named(0, 1), None);
    (1..=1_200).for_each(|n| client.place(named(n, 1), None));
    client.reconnect();
    client.place(named(0, 1), None);
    let before = client.came;
    (1_201..=4_200).for_each(|n| client.place(named(n, 1), None));
    assert_eq!(client.came - before, 3_000 - 1_201, "as many as came before are held back");
    assert_eq!(client.gaps, 1);
}

#[test]
fn so_is_one_that_goes_before_so_many_came() {
    let mut client = Client::new(false);
    client.place(named(0, 1), None);
    (1..=1_200).for_each(|n| client.place(named(n, 1), None));
    let before = client.came;
    for connection in 0..30 {
        client.reconnect();
        client.place(named(0, 1), None);
        (0..100).for_each(|n| client.place(named(2_000 + connection * 100 + n, 1), None));
    }
    assert!(client.came - before >= 1_700, "{}", client.came - before);
}

#[test]
fn an_id_that_is_always_the_same_is_heard_after_what_came_again() {
    let mut client = Client::new(false);
    (1..=5).for_each(|content| client.place(named(1, content), None));
    client.reconnect();
    client.place(named(1, 2), None);
    let before = client.came;
    (10..=100).for_each(|content| client.place(named(1, content), None));
    assert!(client.came - before >= 91, "{}", client.came - before);
}

#[test]
fn a_replay_that_breaks_off_again_and_again_is_held_back_each_time() {
    for numbered in [false, true] {
        let mut client = Client::new(numbered);
        (1..=5_000).for_each(|n| client.place(named(n, 0), numbered.then_some(n)));
        for _ in 0..5 {
            client.reconnect();
            (1..=3_500).for_each(|n| client.place(named(n, 0), numbered.then_some(n)));
        }
        client.reconnect();
        (1..=5_001).for_each(|n| client.place(named(n, 0), numbered.then_some(n)));
        assert_eq!(client.came, 5_001, "{numbered}");
    }
}

#[test]
fn in_an_epoch_a_number_that_is_stuck_mutes_nothing() {
    // Always the last one, one of before, a few in turn, and one that runs over.
    for numbers in [vec![300], vec![20], vec![7, 5], (1..=256).collect()] {
        let mut client = Client::new(true);
        (1..=300).for_each(|n| client.place(named(n, 1), Some(n)));
        let (before, gaps) = (client.came, client.gaps);
        let all = 20 * numbers.len().max(10);
        for (at, number) in numbers.iter().cycle().take(all).enumerate() {
            client.place(named(*number, 2 + at as u64), Some(*number));
        }
        let came = client.came - before;
        assert!(came >= all - 10 * numbers.len(), "{}: {came} of {all}", numbers.len());
        assert!(client.gaps > gaps);
    }
}

#[test]
fn in_an_epoch_what_comes_again_is_held_back_whatever_it_looks_like() {
    let mut client = Client::new(true);
    (1..=300).for_each(|n| client.place(named(n, 1), Some(n)));
    for connection in 0..20 {
        client.reconnect();
        (1..=300).for_each(|n| client.place(named(n, 2 + connection), Some(n)));
    }
    // The last one again and again, as some servers do that have nothing to say; and others twice.
    (0..100).for_each(|_| client.place(named(300, 21), Some(300)));
    (0..100).for_each(|_| client.place(named(300, 1), Some(300)));
    for n in 301..=400 {
        (1..=3).for_each(|content| client.place(named(n, content), Some(n)));
    }
    assert_eq!((client.came, client.gaps), (400, 0));
}

#[derive(Clone, Debug)]
enum Step {
    Reconnect,
    /// So many, from a number or from where it is, and maybe with ids alone.
    Run(Option<u64>, u64, bool),
    /// One wrong number, so far above.
    Jump(u64),
    /// The last so many once more.
    Again(u64),
    /// The same number or id, with so many contents.
    Same(u64),
    Epoch(u64),
    GapTold,
    Missed,
}

fn step() -> impl Strategy<Value = Step> {
    let from = prop_oneof![
        3 => Just(None),
        1 => (0..20_u64).prop_map(Some),
        1 => (0..8_000_u64).prop_map(Some),
        // Beyond FAR.
        1 => (0..1_u64 << (ID_BITS - 2)).prop_map(Some),
    ];
    prop_oneof![
        2 => Just(Step::Reconnect),
        5 => (from, 0..1_600_u64, prop::bool::weighted(0.2)).prop_map(|(from, n, bare)| Step::Run(from, n, bare)),
        1 => (0..100_000_u64).prop_map(Step::Jump),
        2 => (0..2_000_u64).prop_map(Step::Again),
        1 => (0..40_u64).prop_map(Step::Same),
        1 => (1..3_u64).prop_map(Step::Epoch),
        1 => Just(Step::GapTold),
        1 => Just(Step::Missed),
    ]
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn what_is_not_known_is_held_back_so_often_at_most(
        epoch in any::<bool>(),
        steps in prop::collection::vec(step(), 1..25),
    ) {
        let mut client = Client::new(epoch);
        let (mut at, mut content) = (1, 1);
        for step in steps {
            match step {
                Step::Reconnect => client.reconnect(),
                Step::Run(from, count, bare) => {
                    if let Some(from) = from {
                        (at, content) = (from, content + 1);
                    }
                    for _ in 0..count {
                        if bare {
                            client.place(named(BARE + at, content), None);
                        } else {
                            client.number(at, content);
                        }
                        at += 1;
                    }
                }
                Step::Jump(far) => client.number(at + far, content),
                Step::Again(back) => {
                    (at.saturating_sub(back)..at).for_each(|number| client.number(number, content));
                }
                Step::Same(count) => (0..count).for_each(|n| client.number(at, 100 + n)),
                Step::Epoch(epoch) if client.epoch => client.ids.epoch(epoch),
                Step::Epoch(_) => {}
                Step::GapTold => client.ids.gap_told(),
                Step::Missed => client.ids.missed(),
            }
            prop_assert!(client.most <= client.came.max(RECENT), "{} of {}", client.most, client.came);
        }
    }
}

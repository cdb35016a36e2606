//! Servers that resume in different ways, over connections that break at any point: nothing twice,
//! nothing missing, and the cursor's place never goes back.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{
    super::resume::{Id, Ids, RECENT},
    cases,
};

#[derive(Clone, Copy, Debug)]
enum Resume {
    /// What is after the cursor.
    Exact,
    /// So many before it again, the cursor itself included.
    Overlap(usize),
    /// From the first id of the stream.
    Whole,
}

#[derive(Clone, Copy, Debug)]
enum Turn {
    /// A connection that breaks after so many messages.
    Connect(Resume, usize),
    /// So many new ones are logged meanwhile.
    Log(usize),
    /// The stream restarts with new ids; the server tells the gap.
    Epoch,
    /// The server sends an empty id.
    Reset,
}

/// The id at a place of the log. Never reused, also not by another epoch.
fn id(place: usize) -> u64 {
    place as u64 * 7 + 3
}

struct Model {
    ids: Ids,
    /// The log is `begin..end`.
    begin: usize,
    end: usize,
    /// What the client would name when it resumes.
    cursor: Option<usize>,
    /// The first place that was ever delivered in this epoch: where the client joined.
    joined: Option<usize>,
    delivered: BTreeSet<usize>,
    connected: bool,
}

impl Model {
    fn new(joins_at: usize) -> Self {
        Self {
            ids: Ids::default(),
            begin: 0,
            end: joins_at,
            cursor: None,
            joined: None,
            delivered: BTreeSet::new(),
            connected: false,
        }
    }

    fn deliver(&mut self, place: usize) {
        assert!(self.delivered.insert(place), "{place} came twice");
    }

    /// One message, through the gate that is set.
    fn message(&mut self, place: usize) {
        let hash = Id::Own(id(place));
        let (deliver, moves) = if self.ids.checking() {
            let result = self.ids.rule(hash);
            (result.deliver, result.moves)
        } else {
            self.ids.learn(hash);
            (true, true)
        };
        if deliver {
            self.deliver(place);
        }
        let joined = *self.joined.get_or_insert(place);
        if moves {
            // What is older than all we had is new to us, and the cursor with it.
            let back = self.cursor.is_some_and(|cursor| place < cursor) && place >= joined;
            assert!(!back, "the cursor went back from {:?} to {place}", self.cursor);
            self.cursor = Some(place);
        }
        assert_eq!(self.ids.cursor(), self.cursor.map(id));
    }

    fn connect(&mut self, resume: Resume, messages: usize) {
        if self.connected {
            self.ids.reconnected();
        }
        self.connected = true;
        let (start, must_reach) = match (self.cursor, resume) {
            (None, _) => (self.end, 0),
            (Some(cursor), Resume::Exact) => (cursor + 1, 0),
            (Some(cursor), Resume::Overlap(overlap)) => {
                ((cursor + 1).saturating_sub(overlap).max(self.begin), cursor + 1)
            }
            (Some(cursor), Resume::Whole) => {
                let joined = self.joined.unwrap_or(cursor);
                let short = cursor + 1 - self.begin <= RECENT;
                // More than is remembered, from before our first id: no client could know it again.
                (if short { self.begin } else { joined }, cursor + 1)
            }
        };
        let stop = start + messages;
        // Not modelled: a replay that starts before our first id and breaks off before the cursor. Its ids
        // look like new ones, so the cursor goes back to them, and the next replay may come twice.
        let stop = if self.joined.is_some_and(|joined| start < joined) { stop.max(must_reach) } else { stop };
        self.end = self.end.max(stop);
        for place in start..stop {
            if place % 5 == 0 && self.ids.checking() {
                assert!(self.ids.rule(Id::None).deliver, "held back without an id");
            }
            self.message(place);
        }
    }

    fn turn(&mut self, turn: Turn) {
        match turn {
            Turn::Connect(resume, messages) => self.connect(resume, messages),
            Turn::Log(messages) => self.end += messages,
            Turn::Epoch => {
                self.connected = true;
                self.ids.gap_told();
                self.begin = self.end + 1_000;
                self.end = self.begin;
                (self.cursor, self.joined) = (None, None);
                // The server tells the gap, then sends all it has.
                self.end += 1;
                self.message(self.begin);
            }
            Turn::Reset => {
                if self.ids.checking() {
                    self.ids.rule(Id::Reset);
                } else {
                    self.ids.learn(Id::Reset);
                }
                self.cursor = None;
                assert_eq!(self.ids.cursor(), None);
            }
        }
    }

    /// Everything from where the client joined to its cursor arrived.
    fn complete(&self) {
        if let (Some(joined), Some(cursor)) = (self.joined, self.cursor) {
            let missing: Vec<_> = (joined..=cursor).filter(|place| !self.delivered.contains(place)).collect();
            assert!(missing.is_empty(), "missing: {missing:?}");
        }
    }
}

fn resume() -> impl Strategy<Value = Resume> {
    prop_oneof![
        Just(Resume::Exact),
        (0..=RECENT).prop_map(Resume::Overlap),
        Just(Resume::Overlap(RECENT)),
        Just(Resume::Whole),
    ]
}

fn messages() -> impl Strategy<Value = usize> {
    prop_oneof![0..3_usize, 0..80_usize, 0..3_000_usize]
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn nothing_comes_twice_and_nothing_is_missing(
        joins_at in prop_oneof![Just(0), 0..1_200_usize],
        turns in prop::collection::vec(
            prop_oneof![
                6 => (resume(), messages()).prop_map(|(resume, n)| Turn::Connect(resume, n)),
                2 => messages().prop_map(Turn::Log),
                1 => Just(Turn::Epoch),
            ],
            1..12,
        ),
    ) {
        let mut model = Model::new(joins_at);
        for turn in turns {
            model.turn(turn);
            model.complete();
        }
    }

    #[test]
    fn only_an_empty_id_takes_the_cursor_away(
        turns in prop::collection::vec(
            prop_oneof![
                6 => messages().prop_map(|n| Turn::Connect(Resume::Exact, n)),
                2 => Just(Turn::Reset),
            ],
            1..12,
        ),
    ) {
        let mut model = Model::new(0);
        for turn in turns {
            model.turn(turn);
        }
    }
}

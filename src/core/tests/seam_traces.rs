//! What the rules of a seam are compared by with their other writing, `pkg-template/seam.js`: random sequences, and what
//! becomes of each message here. `tests/seam/compare.mjs` reads them, in `make test-native`.

use std::fmt::Write;

use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

use super::super::seam::{Id, Ids, Outcome};

#[derive(Clone, Debug)]
enum Step {
    /// So many messages, each with the next id and maybe number.
    Live(u64, bool),
    /// A join; the server begins so far back, and sends at most so many up to where it was.
    Replay {
        back: u64,
        most: u64,
        numbered: bool,
    },
    /// The ids begin anew, with other content, at this one.
    Anew(u64),
    GapTold,
    /// Several of one id, so far back.
    Several {
        back: u64,
        contents: Vec<u64>,
    },
    Bare,
    /// A number so far above, of a message with an id or without; and one so far back.
    Jump(u64, bool),
    Back(u64, bool),
}

/// As `fingerprint` in port.js makes them: of an id that never comes again, of one whose content is not known, and others.
fn fingerprint(id: u64, content: u64) -> u64 {
    match content {
        0 => (id << 2 | 2) << 32 | id << 21,
        1 => (id << 2 | 1) << 32,
        // Over the other transport, every third one.
        _ => (id << 2 | 1) << 32 | content << 2 | 2 | u64::from(content.is_multiple_of(3)),
    }
}

fn step(small: bool) -> impl Strategy<Value = Step> {
    let most: u64 = if small { 12 } else { 1_400 };
    // What is remembered, to its edge.
    let back = prop_oneof![
        0..6_u64,
        0..most,
        Just(63),
        Just(64),
        Just(1_023),
        Just(1_024),
        Just(1_025),
        Just(u64::MAX)
    ];
    let far = prop_oneof![
        0..1_u64 << 53,
        (0..53_u32).prop_map(|bits| 1 << bits),
        Just((1 << 16) + 1),
        Just((1 << 32) - 1),
        Just(1 << 32),
    ];
    let numbered = || prop::bool::weighted(0.2);
    prop_oneof![
        6 => (0..most, numbered()).prop_map(|(count, numbered)| Step::Live(count, numbered)),
        6 => (back, prop_oneof![Just(u64::MAX), 0..most], numbered())
            .prop_map(|(back, most, numbered)| Step::Replay { back, most, numbered }),
        1 => (0..most).prop_map(Step::Anew),
        1 => Just(Step::GapTold),
        2 => (0..4_u64, prop::collection::vec(0..6_u64, 1..4))
            .prop_map(|(back, contents)| Step::Several { back, contents }),
        1 => Just(Step::Bare),
        1 => (far.clone(), any::<bool>()).prop_map(|(far, named)| Step::Jump(far, named)),
        1 => (far, any::<bool>()).prop_map(|(far, named)| Step::Back(far, named)),
    ]
}

struct Trace {
    ids: Ids,
    /// The server's next id, the first that it has, and what it makes its content of.
    head: u64,
    first: u64,
    content: u64,
    /// The last absurd number.
    jumped: u64,
    line: String,
}

impl Trace {
    fn rejoined(&mut self) {
        self.ids.reconnected();
        self.line.push_str(" j");
    }

    fn place(&mut self, fingerprint: Option<u64>, number: Option<u64>) {
        let ruling = self.ids.place(fingerprint.map_or(Id::None, Id::Own), number);
        let told = match ruling.outcome {
            Some(Outcome::Gap) => "g",
            Some(Outcome::Unknown) => "u",
            _ => "",
        };
        let text = |value: Option<u64>| value.map_or(String::new(), |value| value.to_string());
        let verdict = match (ruling.restarted, ruling.deliver) {
            (true, _) => "a",
            (_, true) => "d",
            _ => "h",
        };
        let missing = ruling.missing.map_or(String::new(), |(from, to)| format!("{from}-{to}"));
        write!(self.line, " {},{},{verdict}{told}{missing}", text(fingerprint), text(number)).unwrap();
        if ruling.restarted {
            self.place(fingerprint, number);
        }
    }

    fn messages(&mut self, from: u64, to: u64, numbered: bool) {
        for id in from..to {
            self.place(Some(fingerprint(id, self.content)), numbered.then_some(id));
        }
        self.head = self.head.max(to);
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Live(count, numbered) => self.messages(self.head, self.head + count, numbered),
            Step::Replay { back, most, numbered } => {
                self.rejoined();
                let from = self.head.saturating_sub(back).max(self.first);
                self.messages(from, self.head.min(from.saturating_add(most)), numbered);
            }
            Step::Anew(at) => {
                self.rejoined();
                (self.head, self.first) = (at, at);
                self.content = (self.content + 1) % 6;
            }
            Step::GapTold => {
                self.ids.gap_told();
                self.line.push_str(" g");
            }
            Step::Several { back, contents } => {
                for content in contents {
                    self.place(Some(fingerprint(self.head.saturating_sub(back), content)), None);
                }
            }
            Step::Bare => self.place(None, None),
            Step::Jump(far, named) => {
                self.jumped = (self.jumped.max(self.head) + far).min((1 << 53) - 1);
                let id = self.head;
                self.place(named.then(|| fingerprint(id, self.content)), Some(self.jumped));
                self.head += 1;
            }
            Step::Back(far, named) => {
                let id = self.head;
                self.place(
                    named.then(|| fingerprint(id, self.content)),
                    Some(self.jumped.saturating_sub(far)),
                );
                self.head += 1;
            }
        }
    }
}

#[test]
#[ignore = "prints what tests/seam/compare.mjs reads"]
#[expect(clippy::print_stdout, reason = "another program reads it")]
fn traces() {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    for case in 0..600 {
        let steps = prop::collection::vec(step(case % 6 > 0), 1..20).new_tree(&mut runner).unwrap().current();
        let (head, first) = if case % 2 == 0 { (0, 0) } else { (2_000, 1_700) };
        let mut trace =
            Trace { ids: Ids::default(), head, first, content: case % 6, jumped: 0, line: String::new() };
        if case % 5 == 0 {
            let from = fingerprint(head, case % 6);
            trace.ids.start_from(Id::Own(from), None);
            write!(trace.line, " s{from}").unwrap();
            trace.rejoined();
        }
        for step in steps {
            trace.take(step);
        }
        println!("seam{}", trace.line);
    }
}

//! Every order of loss, replay, hole, truncation and restart within small bounds, on the real core, through both
//! gates (stateright). What the app sees is a part of what was sent, in order and once, and wherever something is
//! missing it was told so before, with the very numbers where there are numbers.

use stateright::{Checker, Model, Property};

use super::{
    super::{
        Connection,
        config::Config,
        failure::Failure,
        io::{Action, Input, Moment, News},
        seam::{Id, Missing, Outcome},
    },
    sim::STREAM,
};

/// What may happen, and how often.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    messages: u64,
    losses: u8,
    truncations: u8,
    holes: u8,
    restarts: u8,
    /// Messages have numbers and epochs; else only ids.
    numbered: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Seen {
    Message { epoch: u8, number: u64 },
    Gap { missing: Missing },
    Unknown,
}

/// The page, the line and the server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    core: Connection,
    now: u64,
    /// The attempt that waits for the server's answer.
    opening: Option<u32>,
    /// The next message on the open connection.
    next: Option<u64>,
    /// What the port keeps: the cursor, and what went through the open gate.
    cursor: Option<(u8, u64)>,
    learned: Vec<Id>,
    app: Vec<Seen>,
    /// The server: it numbers from 1 in each epoch, and replays from `oldest` on.
    epoch: u8,
    published: u64,
    oldest: u64,
    losses: u8,
    truncations: u8,
    holes: u8,
    restarts: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    Publish,
    /// The connection opens, and its replay begins here.
    Open(Replay),
    Deliver,
    /// The server leaves one out.
    Hole,
    Lose,
    Truncate,
    /// The server counts anew, and its log is gone.
    Restart,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Replay {
    /// At the cursor, as the README asks.
    AtCursor,
    BehindCursor,
    BeforeCursor,
    Everything,
    /// The server knows no cursor, and replays nothing.
    Nothing,
}

impl World {
    fn new(bounds: &Bounds) -> Self {
        let mut world = Self {
            core: Connection::new(Config { numbered: bounds.numbered, ..Config::default() }),
            now: 0,
            opening: None,
            next: None,
            cursor: None,
            learned: Vec::new(),
            app: Vec::new(),
            epoch: 0,
            published: 0,
            oldest: 1,
            losses: 0,
            truncations: 0,
            holes: 0,
            restarts: 0,
        };
        world.input(Input::Start);
        world
    }

    fn input(&mut self, input: Input) {
        self.core.handle(Moment { now: self.now, draw: 1 << 31 }, input);
        self.settle();
    }

    fn settle(&mut self) {
        while let Some(action) = self.core.poll() {
            match action {
                Action::Resolve { attempt, .. } => self.input(Input::Resolved { attempt, route: STREAM }),
                Action::Open { attempt } => self.opening = Some(attempt),
                Action::Drop { .. } => {
                    self.next = None;
                    self.opening = None;
                    for id in std::mem::take(&mut self.learned) {
                        self.core.learn(id);
                    }
                }
                Action::Tell(News::Outcome(outcome, missing)) => match outcome {
                    Outcome::Recovered => {}
                    Outcome::Gap => self.app.push(Seen::Gap { missing }),
                    Outcome::Unknown => self.app.push(Seen::Unknown),
                },
                _ => {}
            }
        }
    }

    fn open(&mut self, replay: Replay, bounds: &Bounds) {
        let Some(attempt) = self.opening.take() else { return };
        self.input(Input::Opened { attempt });
        let known = self.cursor.filter(|(epoch, _)| *epoch == self.epoch).map(|(_, number)| number);
        // With ids alone, the server's word is the only way to know of a new epoch.
        if self.cursor.is_some() && known.is_none() && !bounds.numbered {
            self.core.gap_told();
        }
        let from = match (replay, known) {
            (Replay::AtCursor, Some(number)) => number,
            (Replay::BehindCursor, Some(number)) => number + 1,
            (Replay::BeforeCursor, Some(number)) => number.saturating_sub(1),
            (Replay::Nothing, _) => self.published + 1,
            _ => 1,
        };
        let mut from = from.max(self.oldest);
        // An older message that never came moves the cursor back, and what is behind it may come again: ids alone
        // cannot tell (README, Limits), and with a third loss it would. With numbers no server is excluded.
        while !bounds.numbered && known.is_some_and(|known| from <= known) && !self.has(from) {
            from += 1;
        }
        self.next = Some(from);
    }

    fn has(&self, number: u64) -> bool {
        self.app.contains(&Seen::Message { epoch: self.epoch, number })
    }

    fn deliver(&mut self, bounds: &Bounds) {
        let Some(number) = self.next else { return };
        self.next = Some(number + 1);
        let epoch = self.epoch;
        let id = Id::Own(u64::from(epoch) * 1_000 + number);
        if bounds.numbered {
            self.core.epoch(u64::from(epoch));
        }
        if self.core.checking() {
            let (deliver, moves) = self.core.check(id, bounds.numbered.then_some(number));
            self.settle();
            if moves {
                self.cursor = Some((epoch, number));
            }
            if !deliver {
                return;
            }
        } else {
            self.cursor = Some((epoch, number));
            self.learned.push(id);
        }
        self.app.push(Seen::Message { epoch, number });
    }

    /// The line breaks, and the time until the next attempt passes.
    fn lose(&mut self) {
        self.input(Input::Lost { attempt: self.core.attempt(), failure: Failure::Network });
        while self.opening.is_none()
            && let Some(deadline) = self.core.deadline()
        {
            self.now = deadline;
            self.input(Input::Tick { wall: self.now });
        }
    }

    /// Once, in order, and what is missing between two messages was told between them. By ids alone the order
    /// cannot be known: what was told to be missing may still come.
    fn sound(&self, numbered: bool) -> bool {
        let mut last: Option<(u8, u64)> = None;
        let mut told: Option<&Seen> = None;
        let mut unknown = Vec::new();
        for seen in &self.app {
            let Seen::Message { epoch, number } = seen else {
                told = Some(seen);
                continue;
            };
            if self.app.iter().filter(|other| *other == seen).count() > 1 {
                return false;
            }
            if !numbered && unknown.contains(&(*epoch, *number)) {
                told = None;
                continue;
            }
            if let Some((before, after)) = last {
                let (same, whole) = (before == *epoch, before == *epoch && *number == after + 1);
                let exact = Missing::Some((after + 1, number.wrapping_sub(1)));
                let fits = match told {
                    None => whole,
                    Some(Seen::Gap { missing: missing @ Some(_) }) => same && *missing == exact && !whole,
                    // Numbers leave nothing unknown but what another epoch hides.
                    Some(_) => !numbered || !same || whole,
                };
                if !fits || same && *number <= after {
                    return false;
                }
                let from = if same { after + 1 } else { 1 };
                unknown.extend((from..*number).map(|number| (*epoch, number)));
            }
            last = Some((*epoch, *number));
            told = None;
        }
        true
    }
}

impl Model for Bounds {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(self)]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        if world.published < self.messages {
            steps.push(Step::Publish);
        }
        if world.opening.is_some() {
            let all = [
                Replay::AtCursor,
                Replay::BehindCursor,
                Replay::BeforeCursor,
                Replay::Everything,
                Replay::Nothing,
            ];
            steps.extend(all.map(Step::Open));
        }
        if world.next.is_some_and(|next| next <= world.published) {
            steps.push(Step::Deliver);
            // Ids alone cannot show it.
            if self.numbered && world.holes < self.holes {
                steps.push(Step::Hole);
            }
        }
        if world.next.is_some() && world.losses < self.losses {
            steps.push(Step::Lose);
        }
        if world.oldest <= world.published && world.truncations < self.truncations {
            steps.push(Step::Truncate);
        }
        if world.next.is_some() && world.restarts < self.restarts {
            steps.push(Step::Restart);
        }
    }

    fn next_state(&self, before: &World, step: Step) -> Option<World> {
        let mut world = before.clone();
        match step {
            Step::Publish => world.published += 1,
            Step::Open(replay) => world.open(replay, self),
            Step::Deliver => world.deliver(self),
            Step::Hole => {
                world.holes += 1;
                world.next = world.next.map(|next| next + 1);
            }
            Step::Lose => {
                world.losses += 1;
                world.lose();
            }
            Step::Truncate => {
                world.truncations += 1;
                world.oldest += 1;
            }
            Step::Restart => {
                world.restarts += 1;
                world.epoch += 1;
                (world.published, world.oldest) = (0, 1);
                world.lose();
            }
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::<Self>::always("once, in order, gaps told", |bounds, world| {
                world.sound(bounds.numbered)
            }),
            Property::<Self>::sometimes(
                "all of it arrives, with losses and nothing told",
                |bounds, world| {
                    let all = (1..=bounds.messages).map(|number| Seen::Message { epoch: 0, number });
                    world.losses == bounds.losses && world.app.iter().cloned().eq(all)
                },
            ),
            Property::<Self>::sometimes("a gap is told", |_, world| {
                world.app.iter().any(|seen| matches!(seen, Seen::Gap { .. }))
            }),
        ]
    }
}

#[expect(clippy::print_stdout, reason = "the count of states is a result; `make test-native` shows it")]
fn check(bounds: Bounds) {
    let checker = bounds.checker().spawn_bfs().join();
    println!("model: {} states, {bounds:?}", checker.unique_state_count());
    checker.assert_properties();
}

const SMALL: Bounds =
    Bounds { messages: 4, losses: 2, truncations: 2, holes: 0, restarts: 1, numbered: false };

#[test]
fn with_ids_alone() {
    check(SMALL);
}

#[test]
fn with_numbers() {
    check(Bounds { numbered: true, losses: 3, holes: 1, ..SMALL });
}

//! Every order of loss, replay, hole, truncation, restart, rollover, failover and long poll within small bounds, on the real core, through both
//! gates (stateright). What the app sees is a part of what was sent, in order and once, and wherever something is
//! missing it was told so before, with the very numbers where there are numbers.

use stateright::{Model, Property};

use super::{
    super::{
        Connection,
        config::Config,
        failure::Failure,
        io::{Action, ClientEvent, Input, Route, Timestamp},
        resume::{Id, Missing, Outcome},
        state::State,
    },
    models::{self, NOW},
    sim::{POLLS, STREAM},
};

/// What may happen, and how often.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    messages: u64,
    losses: u8,
    truncations: u8,
    holes: u8,
    restarts: u8,
    /// Planned changes of connections, also in vain.
    rollovers: u8,
    /// Further requests, where each ends and is followed by the next.
    polls: u8,
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
    /// One that does beside the open connection, and the cursor that it asked for.
    successor: Option<(u32, Option<(u8, u64)>)>,
    /// The next message on the open connection.
    next: Option<u64>,
    /// Its next request is out: a long poll's, and the cursor that it asked for.
    polling: Option<Option<(u8, u64)>>,
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
    rollovers: u8,
    polls: u8,
    route: Route,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    Publish,
    /// The server ends a long poll, which has brought something, and is asked again; and its answer begins.
    End,
    Answer(Replay),
    /// The connection opens, and its replay begins here.
    Open(Replay),
    /// The server is going to close: another connection is asked for, while this one goes on.
    Retire,
    /// It opens, and takes over.
    Succeed(Replay),
    /// It does not.
    FailToSucceed,
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
    /// At the cursor, as the docs ask.
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
            core: Connection::new(Config { numbered: bounds.numbered, endpoints: 2, ..Config::default() }),
            now: NOW,
            opening: None,
            successor: None,
            next: None,
            polling: None,
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
            rollovers: 0,
            polls: 0,
            route: if bounds.polls > 0 { POLLS } else { STREAM },
        };
        world.input(Input::Start);
        world
    }

    fn input(&mut self, input: Input) {
        self.core.handle(Timestamp { now: self.now, draw: 1 << 31 }, input);
        self.settle();
    }

    fn settle(&mut self) {
        while let Some(action) = self.core.poll() {
            match action {
                Action::Resolve { attempt, .. } => {
                    self.input(Input::Resolved { attempt, route: self.route });
                }
                Action::Poll { wait: Some(1..), .. } => {
                    self.learn();
                    self.polling = Some(self.cursor);
                }
                Action::Open { attempt } => {
                    self.learn();
                    self.core.asking();
                    if self.next.is_some() || self.polling.is_some() || self.core.polls.paused() {
                        self.successor = Some((attempt, self.cursor));
                    } else {
                        self.opening = Some(attempt);
                    }
                }
                Action::Switch(taken) => {
                    self.successor = None;
                    self.next = self.next.filter(|_| !taken);
                    self.polling = self.polling.filter(|_| !taken);
                }
                Action::Drop { .. } => {
                    self.next = None;
                    self.polling = None;
                    self.opening = None;
                    self.successor = None;
                    self.learn();
                }
                Action::Emit(ClientEvent::Outcome(outcome, missing)) => match outcome {
                    Outcome::Recovered => {}
                    Outcome::Gap => self.app.push(Seen::Gap { missing }),
                    Outcome::Unknown => self.app.push(Seen::Unknown),
                },
                _ => {}
            }
        }
    }

    /// What went through the open gate.
    fn learn(&mut self) {
        for id in std::mem::take(&mut self.learned) {
            self.core.learn(id);
        }
    }

    fn open(&mut self, replay: Replay, bounds: &Bounds) {
        let opening = self.opening.take().map(|attempt| (attempt, self.cursor));
        let Some((attempt, asked)) = opening.or(self.successor) else { return };
        self.answer(attempt, asked, replay, bounds);
    }

    fn answer(&mut self, attempt: u32, asked: Option<(u8, u64)>, replay: Replay, bounds: &Bounds) {
        self.learn();
        self.input(Input::Opened { attempt });
        let here = |cursor: Option<(u8, u64)>| {
            cursor.filter(|(epoch, _)| *epoch == self.epoch).map(|(_, number)| number)
        };
        let (known, reached) = (here(asked), here(self.cursor));
        // With ids alone, the server's word is the only way to know of a new epoch.
        if asked.is_some() && known.is_none() && !bounds.numbered {
            self.core.gap_told(false);
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
        // cannot tell (docs, Resume and gaps, Limits), and with a third loss it would. With numbers no server is excluded.
        while !bounds.numbered && reached.is_some_and(|reached| from <= reached) && !self.has(from) {
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
            let (deliver, moves, _) = self.core.check(id, bounds.numbered.then_some(number));
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
        self.pass_until(|world| world.opening.is_some());
    }

    fn pass_until(&mut self, done: impl Fn(&Self) -> bool) {
        while !done(self)
            && let Some(deadline) = self.core.deadline()
        {
            self.now = deadline;
            self.input(Input::Tick { wall: self.now });
            assert!(self.core.deadline().is_none_or(|due| due > self.now), "the timer would spin");
        }
    }

    /// The server's notice, and the time until the successor is asked for.
    fn retire(&mut self) {
        self.input(Input::Retire);
        self.pass_until(|world| world.successor.is_some());
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
        let all = [
            Replay::AtCursor,
            Replay::BehindCursor,
            Replay::BeforeCursor,
            Replay::Everything,
            Replay::Nothing,
        ];
        if world.opening.is_some() {
            steps.extend(all.map(Step::Open));
        }
        if world.successor.is_some() {
            steps.extend(all.map(Step::Succeed));
            steps.push(Step::FailToSucceed);
        } else if world.next.is_some() && world.rollovers < self.rollovers {
            steps.push(Step::Retire);
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
        if world.next.is_some() && world.polls < self.polls {
            steps.push(Step::End);
        }
        if world.polling.is_some() {
            steps.extend(all.map(Step::Answer));
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
            Step::End => {
                world.polls += 1;
                let attempt = world.core.attempt();
                world.core.brought(attempt);
                world.next = None;
                world.input(Input::Lost { attempt, failure: Failure::End });
                world.pass_until(|world| world.polling.is_some());
            }
            Step::Answer(replay) => {
                let asked = world.polling.take()?;
                world.answer(world.core.attempt(), asked, replay, self);
            }
            Step::Open(replay) | Step::Succeed(replay) => world.open(replay, self),
            Step::Retire => {
                world.rollovers += 1;
                world.retire();
            }
            Step::FailToSucceed => {
                let (attempt, _) = world.successor?;
                world.input(Input::Lost { attempt, failure: Failure::Network });
            }
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
        world.core.rebase(world.now);
        world.now = NOW;
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
            Property::<Self>::sometimes("with rollovers alone the state stays open", |bounds, world| {
                world.rollovers == bounds.rollovers
                    && world.losses == 0
                    && world.core.state() == State::Open
                    && world.app.len() as u64 == bounds.messages
            }),
            Property::<Self>::sometimes("a gap is told", |_, world| {
                world.app.iter().any(|seen| matches!(seen, Seen::Gap { .. }))
            }),
        ]
    }
}

fn check(bounds: Bounds) {
    // A core that is changed may never end.
    let bounds = Bounds { messages: models::messages(bounds.messages), ..bounds };
    models::check(bounds, MOST);
}

/// Steps to states, new and known ones.
const MOST: usize = 4_000_000;

const SMALL: Bounds = Bounds {
    messages: 4,
    losses: 2,
    truncations: 2,
    holes: 0,
    restarts: 1,
    rollovers: 0,
    polls: 0,
    numbered: false,
};

#[test]
fn with_ids_alone() {
    check(SMALL);
}

/// A rollover is a seam, too: two of them are what ids alone can bear (see `World::open`).
#[test]
fn with_ids_alone_and_a_rollover() {
    check(Bounds { losses: 1, rollovers: 1, ..SMALL });
}

#[test]
fn with_numbers() {
    check(Bounds { numbered: true, losses: 2, holes: 1, rollovers: 1, ..SMALL });
}

/// A seam at each request, as at a loss.
#[test]
fn with_long_polls() {
    check(Bounds { losses: 1, polls: 1, ..SMALL });
    check(Bounds { losses: 0, rollovers: 1, polls: 1, ..SMALL });
    check(Bounds { numbered: true, losses: 1, truncations: 1, holes: 1, polls: 2, ..SMALL });
}

//! Every order of subscribing, leaving, answers, messages and losses within small bounds, on the real core (stateright). The
//! server takes joins and leaves in their order and answers the joins of a topic in theirs, late or not at all; it may lose
//! one. What it says of a topic comes after its answer.
//!
//! What was made for one who left never reaches who listens now, with one exception, and the laws name it: a join that had
//! no word in time counts as lost, so when its answer comes after all, nothing tells it from the next one's.

use std::collections::{BTreeMap, VecDeque};

use stateright::{Checker, Model, Property};

use super::{
    super::{
        Connection,
        config::Config,
        failure::Failure,
        io::{Action, ClientEvent, Input, Timestamp, Why},
        outbox::Sent,
        resume::{Id, Outcome},
        topics::{Joins, OWN, TopicEvent},
    },
    models::{self, NOW},
    sim::SOCKET,
};

const TIMEOUT: u64 = 100;

#[derive(Clone, Copy, Debug)]
struct Bounds {
    topics: u32,
    /// How often each is subscribed to, and how many messages each has.
    generations: u8,
    messages: u64,
    /// Joins and leaves that the server loses, and those that it takes without an answer.
    lost: u8,
    mute: u8,
    refusals: u8,
    /// It puts the client out.
    removals: u8,
    losses: u8,
    rollovers: u8,
    /// So often the answer is too late.
    times: u8,
    attempts: u64,
    /// The function that makes a join answers later.
    later: bool,
    /// The server knows what comes after a cursor.
    replays: bool,
    /// The app may close.
    closes: bool,
}

/// A join or a leave, or the word on a join; `old`: its join had no word in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Join {
    topic: u32,
    generation: u8,
    cursor: u64,
    old: bool,
    /// It was left before the answer.
    left: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Up {
    Join(Join),
    Leave(u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Down {
    Answer(Join, bool),
    Message { topic: u32, generation: u8, number: u64 },
    Removed { topic: u32, generation: u8 },
}

/// What the app and the server know of one topic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Topic {
    generation: u8,
    live: bool,
    joined: bool,
    /// Its join is to be made.
    asked: bool,
    /// Asked for so often on this connection.
    attempts: u64,
    /// A join of the present generation has gone out on this connection.
    out: bool,
    /// The last message that was delivered to it.
    last: Option<u64>,
    gap: bool,
    /// Something came on this connection.
    heard: bool,
    /// A message for it was not delivered.
    missed: bool,
    /// Its own time was over, on this connection.
    late: bool,
    /// A join without a word in time was answered after all, on this connection.
    after_all: bool,
    /// Who the server sends to, and its last message.
    member: Option<u8>,
    number: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    core: Connection,
    now: u64,
    opening: Option<u32>,
    successor: Option<u32>,
    connected: bool,
    closed: bool,
    later: bool,
    attempts: u64,
    topics: Vec<Topic>,
    /// What is in the outbox.
    sends: BTreeMap<u32, Up>,
    up: VecDeque<Up>,
    down: VecDeque<Down>,
    /// Joins that the server has read, and not answered.
    read: VecDeque<Join>,
    lost: u8,
    mute: u8,
    refusals: u8,
    removals: u8,
    losses: u8,
    rollovers: u8,
    times: u8,
    wrong: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    Subscribe(u32),
    Leave(u32),
    /// The function that makes its join answers.
    Make(u32),
    Open,
    /// The server reads the next join or leave, or loses it, or takes it and says nothing.
    Read,
    Lose,
    Mute,
    /// It answers the first join that it has read.
    Answer {
        refused: bool,
    },
    Say(u32),
    /// It puts the client out of this topic.
    Remove(u32),
    /// What it said comes.
    Hear,
    Break,
    Retire,
    Succeed,
    /// What is out has no word in time.
    Time,
    Close,
}

fn id(number: u64) -> Id {
    Id::Own((number << 2 | 1) << 32)
}

impl World {
    fn new(bounds: &Bounds) -> Self {
        let joins = Joins { confirm: true, timeout: TIMEOUT, max_attempts: bounds.attempts };
        let mut world = Self {
            core: Connection::new(Config { joins, ..Config::default() }),
            now: NOW,
            opening: None,
            successor: None,
            connected: false,
            closed: false,
            later: bounds.later,
            attempts: bounds.attempts,
            topics: vec![Topic::default(); bounds.topics as usize],
            sends: BTreeMap::new(),
            up: VecDeque::new(),
            down: VecDeque::new(),
            read: VecDeque::new(),
            lost: 0,
            mute: 0,
            refusals: 0,
            removals: 0,
            losses: 0,
            rollovers: 0,
            times: 0,
            wrong: None,
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
            self.law(!self.closed || matches!(action, Action::Settle { .. }), "after close");
            match action {
                Action::Resolve { attempt, .. } => self.core.handle(
                    Timestamp { now: self.now, draw: 1 << 31 },
                    Input::Resolved { attempt, route: SOCKET },
                ),
                Action::Open { attempt } if self.connected => self.successor = Some(attempt),
                Action::Open { attempt } => self.opening = Some(attempt),
                Action::Switch(true) => {
                    self.successor = None;
                    self.hang_up();
                }
                Action::Drop { .. } => {
                    self.connected = false;
                    (self.opening, self.successor) = (None, None);
                    self.hang_up();
                }
                Action::Transmit(id) => {
                    let send = self.sends[&id];
                    self.up.push_back(send);
                    if let Up::Join(join) = send {
                        let topic = &mut self.topics[join.topic as usize];
                        topic.out |= topic.live && topic.generation == join.generation;
                    }
                    self.core.sent(self.now, id);
                }
                Action::Settle { id, sent } => {
                    let send = self.sends.remove(&id);
                    self.law(send.is_some(), "settled twice");
                    self.law(matches!(sent, Sent::Sent | Sent::Dropped(_)), "in the dark");
                }
                Action::Emit(ClientEvent::Topic(told)) => self.told(told),
                Action::Emit(ClientEvent::Closed { .. }) => self.closed = true,
                _ => {}
            }
        }
    }

    fn told(&mut self, told: TopicEvent) {
        match told {
            TopicEvent::Join(number) => {
                self.ask(number);
                while let Some(number) = self.core.next_join() {
                    self.ask(number);
                }
            }
            TopicEvent::Lost(number) => self.topics[number as usize].joined = false,
            TopicEvent::Late(number) => {
                let topic = &mut self.topics[number as usize];
                let live = topic.live;
                if topic.out {
                    topic.late = true;
                    let of = |join: &mut Join| join.old |= join.topic == number;
                    self.read.iter_mut().for_each(of);
                    self.up.iter_mut().for_each(|up| {
                        if let Up::Join(join) = up {
                            of(join);
                        }
                    });
                    self.down.iter_mut().for_each(|down| {
                        if let Down::Answer(join, _) = down {
                            of(join);
                        }
                    });
                }
                self.law(live, "left, and late");
            }
            TopicEvent::Gap(number, outcome, _) => {
                self.law(outcome != Outcome::Recovered, "a gap that is none");
                self.topics[number as usize].gap = true;
            }
            TopicEvent::Forget(number) => {
                let live = self.topics[number as usize].live;
                self.law(!live, "forgotten, and somebody listens");
            }
            TopicEvent::Joined(_) | TopicEvent::Unsent(..) => self.law(false, "neither is possible here"),
        }
    }

    fn ask(&mut self, number: u32) {
        let topic = &mut self.topics[number as usize];
        topic.attempts += 1;
        let within = topic.attempts <= self.attempts;
        topic.asked = topic.live;
        self.law(within, "asked for too often");
        if !self.later {
            self.make(number);
        }
    }

    fn law(&mut self, holds: bool, law: &'static str) {
        if !holds {
            self.wrong.get_or_insert(law);
        }
    }

    fn hang_up(&mut self) {
        self.up.clear();
        self.down.clear();
        self.read.clear();
        for topic in &mut self.topics {
            topic.member = None;
            topic.joined = false;
            topic.asked = false;
            topic.attempts = 0;
            (topic.out, topic.late, topic.after_all, topic.heard) = (false, false, false, false);
            // The next connection tells it, or a number does.
            topic.missed = false;
        }
    }

    fn put(&mut self, send: Up) -> u32 {
        let id = (OWN..).find(|id| !self.sends.contains_key(id)).unwrap();
        self.sends.insert(id, send);
        id
    }

    fn make(&mut self, number: u32) {
        let topic = &mut self.topics[number as usize];
        if !std::mem::take(&mut topic.asked) {
            return;
        }
        let (generation, cursor) = (topic.generation, topic.last.unwrap_or(0));
        let join = Join { topic: number, generation, cursor, old: false, left: false };
        let outgoing = self.put(Up::Join(join));
        self.core.joining(number, outgoing, 1, false);
        self.settle();
    }

    fn leave(&mut self, number: u32) {
        let topic = &mut self.topics[number as usize];
        (topic.live, topic.joined, topic.asked, topic.out) = (false, false, false, false);
        (topic.late, topic.missed) = (false, false);
        let owed = self.core.leave(number);
        if owed {
            let outgoing = self.put(Up::Leave(number));
            self.core.leaving(outgoing, 1);
        }
        self.settle();
    }

    fn read(&mut self, mute: bool) {
        match self.up.pop_front() {
            Some(Up::Join(join)) if mute => self.member(join),
            Some(Up::Join(join)) => self.read.push_back(join),
            Some(Up::Leave(number)) => {
                self.topics[number as usize].member = None;
                let of = self.read.iter_mut().filter(|join| join.topic == number);
                of.for_each(|join| join.left = true);
            }
            None => {}
        }
    }

    fn member(&mut self, join: Join) {
        let topic = &mut self.topics[join.topic as usize];
        topic.member = Some(join.generation);
    }

    fn answer(&mut self, refused: bool, replays: bool) {
        let Some(join) = self.read.pop_front() else { return };
        self.down.push_back(Down::Answer(join, refused));
        if refused {
            // It has nothing of whom it refuses.
            self.topics[join.topic as usize].member = None;
        }
        if refused || join.left {
            return;
        }
        self.member(join);
        if replays && join.cursor > 0 {
            for number in join.cursor + 1..=self.topics[join.topic as usize].number {
                let Join { topic, generation, .. } = join;
                self.down.push_back(Down::Message { topic, generation, number });
            }
        }
    }

    fn hear(&mut self) {
        match self.down.pop_front() {
            Some(Down::Answer(join, refused)) => {
                let mine = self.core.topic_answered(join.topic, refused);
                let topic = &mut self.topics[join.topic as usize];
                topic.after_all |= join.old;
                let own = join.generation == topic.generation || topic.after_all;
                let live = topic.live;
                if mine {
                    topic.joined = !refused;
                    topic.live &= !refused;
                    topic.out &= !refused;
                }
                self.law(!mine || live, "an answer for nobody");
                self.law(!mine || own, "an answer to an older join");
                self.settle();
            }
            Some(Down::Removed { topic: at, generation }) => {
                let moment = Timestamp { now: self.now, draw: 1 << 31 };
                let mine = self.core.topic_removed(moment, at);
                let topic = &mut self.topics[at as usize];
                let own = generation == topic.generation || topic.late || topic.after_all;
                let (live, joined) = (topic.live, topic.joined);
                if mine {
                    // Asked for as often as if it were new.
                    (topic.joined, topic.heard, topic.attempts) = (false, false, 0);
                    // The next join tells it, or a number does.
                    topic.missed = false;
                }
                self.law(!mine || live && joined, "put out, and was not in");
                self.law(!mine || own, "put out, for an older join");
                self.settle();
            }
            Some(Down::Message { topic: at, generation, number }) => {
                let heard = self.core.topic_heard(at);
                let topic = &mut self.topics[at as usize];
                let live = topic.live;
                let own = live && generation == topic.generation;
                let excused = topic.late || topic.after_all;
                if !heard {
                    topic.missed |= own;
                    return;
                }
                topic.gap = false;
                topic.heard = true;
                self.law(live, "a message for nobody");
                self.law(own || excused, "a message of an older join");
                let (deliver, _, restarted) = self.core.check_topic(id(number), Some(number));
                self.settle();
                self.law(!restarted, "began anew");
                let topic = &mut self.topics[at as usize];
                if deliver {
                    let next = topic.last.is_none_or(|last| number == last + 1);
                    let told = topic.gap || next && !topic.missed;
                    // Then the dropped ones may have been its own: nothing tells.
                    let undecided = topic.after_all;
                    let fresh = topic.last.is_none_or(|last| number > last);
                    topic.missed = false;
                    topic.last = Some(number);
                    self.law(told || undecided, "missing, and nothing was told");
                    self.law(fresh, "twice, or out of order");
                } else {
                    let known = topic.last.is_some_and(|last| number <= last);
                    self.law(known, "held back, and never delivered");
                }
            }
            None => {}
        }
    }

    fn pass_until(&mut self, done: impl Fn(&Self) -> bool) {
        while !done(self)
            && let Some(deadline) = self.core.deadline()
        {
            self.now = deadline;
            self.input(Input::Tick { wall: self.now });
        }
    }

    fn break_off(&mut self) {
        self.connected = false;
        self.hang_up();
        self.input(Input::Lost { attempt: self.core.attempt(), failure: Failure::Network });
        self.pass_until(|world| world.opening.is_some());
    }

    fn open(&mut self) -> Option<()> {
        let attempt = self.opening.take()?;
        self.connected = true;
        self.input(Input::Opened { attempt });
        Some(())
    }

    /// From here on the server answers, and nothing is lost: whether all who listen are joined, or hear what they listen to.
    fn heals(&self) -> bool {
        let mut world = self.clone();
        world.later = false;
        if world.closed {
            return true;
        }
        let used_up = |world: &Self| {
            world.topics.iter().any(|topic| topic.live && !topic.joined && topic.attempts >= world.attempts)
        };
        for round in 0..3 {
            if world.connected && used_up(&world) && round > 0 {
                world.break_off();
            }
            world.open();
            (0..world.topics.len() as u32).for_each(|number| world.make(number));
            for _ in 0..=world.attempts {
                for _ in 0..50 {
                    world.read(false);
                    world.answer(false, true);
                    world.hear();
                }
                let waits = |world: &Self| {
                    world.topics.iter().any(|topic| topic.live && !topic.joined && !topic.heard)
                };
                if !waits(&world) {
                    return true;
                }
                if world.core.deadline().is_none() {
                    break;
                }
                let due = world.core.due();
                world.now = due;
                world.input(Input::Tick { wall: due });
            }
        }
        false
    }
}

impl Model for Bounds {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(self)]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        if world.closed || world.wrong.is_some() {
            return;
        }
        for (number, topic) in (0..).zip(&world.topics) {
            if topic.live {
                steps.push(Step::Leave(number));
            } else if topic.generation < self.generations {
                steps.push(Step::Subscribe(number));
            }
            if topic.asked {
                steps.push(Step::Make(number));
            }
            // It need not be sent to anybody.
            if topic.number < self.messages && (topic.member.is_some() || topic.last.is_some()) {
                steps.push(Step::Say(number));
            }
            if topic.member.is_some() && world.removals < self.removals {
                steps.push(Step::Remove(number));
            }
        }
        if world.opening.is_some() {
            steps.push(Step::Open);
        }
        if let Some(next) = world.up.front() {
            steps.push(Step::Read);
            if world.lost < self.lost {
                steps.push(Step::Lose);
            }
            if world.mute < self.mute && matches!(next, Up::Join(_)) {
                steps.push(Step::Mute);
            }
        }
        if !world.read.is_empty() {
            steps.push(Step::Answer { refused: false });
            if world.refusals < self.refusals {
                steps.push(Step::Answer { refused: true });
            }
        }
        if !world.down.is_empty() {
            steps.push(Step::Hear);
        }
        if world.connected {
            if world.losses < self.losses {
                steps.push(Step::Break);
            }
            if world.successor.is_some() {
                steps.push(Step::Succeed);
            } else if world.rollovers < self.rollovers {
                steps.push(Step::Retire);
            }
            if world.times < self.times && world.core.deadline().is_some() {
                steps.push(Step::Time);
            }
            if self.closes {
                steps.push(Step::Close);
            }
        }
    }

    fn next_state(&self, before: &World, step: Step) -> Option<World> {
        let mut world = before.clone();
        match step {
            Step::Subscribe(number) => {
                let topic = &mut world.topics[number as usize];
                (topic.live, topic.last, topic.gap, topic.missed) = (true, None, false, false);
                (topic.attempts, topic.out, topic.late, topic.heard) = (0, false, false, false);
                topic.generation += 1;
                world.core.subscribe(world.now, number, Id::None);
                world.settle();
            }
            Step::Leave(number) => world.leave(number),
            Step::Make(number) => world.make(number),
            Step::Open => world.open()?,
            Step::Read => world.read(false),
            Step::Lose => {
                world.lost += 1;
                world.up.pop_front();
            }
            Step::Mute => {
                world.mute += 1;
                world.read(true);
            }
            Step::Answer { refused } => {
                world.refusals += u8::from(refused);
                world.answer(refused, self.replays);
            }
            Step::Say(number) => {
                let topic = &mut world.topics[number as usize];
                topic.number += 1;
                if let Some(generation) = topic.member {
                    world.down.push_back(Down::Message { topic: number, generation, number: topic.number });
                }
            }
            Step::Remove(number) => {
                world.removals += 1;
                let generation = world.topics[number as usize].member.take()?;
                world.down.push_back(Down::Removed { topic: number, generation });
            }
            Step::Hear => world.hear(),
            Step::Break => {
                world.losses += 1;
                world.break_off();
            }
            Step::Retire => {
                world.rollovers += 1;
                world.input(Input::Retire);
                world.pass_until(|world| world.successor.is_some());
            }
            Step::Succeed => {
                let attempt = world.successor?;
                world.input(Input::Opened { attempt });
            }
            Step::Time => {
                world.times += 1;
                let due = world.core.due();
                world.now = due;
                world.input(Input::Tick { wall: due });
            }
            Step::Close => world.input(Input::Close { why: Why::App, code: 1_000 }),
        }
        world.core.rebase(world.now);
        world.now = NOW;
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::<Self>::always("each law at each step", |_, world| world.wrong.is_none()),
            Property::<Self>::always("nobody waits for ever", |_, world| world.heals()),
            Property::<Self>::sometimes(
                "the last one is joined, and hears the last message",
                |bounds, world| {
                    world.topics.iter().all(|topic| {
                        topic.joined
                            && topic.generation == bounds.generations
                            && topic.last == Some(bounds.messages)
                    })
                },
            ),
        ]
    }
}

#[expect(clippy::print_stdout, reason = "the count of states is a result; `make test-native` shows it")]
fn check(bounds: Bounds) {
    let bounds = Bounds { messages: models::messages(bounds.messages), ..bounds };
    let checker = bounds.checker().target_state_count(2_000_000).spawn_bfs().join();
    println!("model: {} states, {bounds:?}", checker.unique_state_count());
    for (name, path) in checker.discoveries() {
        if name != "the last one is joined, and hears the last message" {
            println!("{name}: {:?} {:#?}", path.last_state().wrong, path.clone().into_actions());
        }
    }
    assert!(checker.state_count() < 2_000_000, "the model has grown beyond all bounds");
    checker.assert_properties();
}

const SMALL: Bounds = Bounds {
    topics: 1,
    generations: 2,
    messages: 2,
    lost: 0,
    mute: 0,
    refusals: 1,
    removals: 0,
    losses: 0,
    rollovers: 0,
    times: 0,
    attempts: 2,
    later: false,
    replays: true,
    closes: false,
};

#[test]
fn an_answer_belongs_to_what_asked() {
    check(Bounds { generations: 3, closes: true, ..SMALL });
}

#[test]
fn also_when_joins_and_answers_get_lost_or_come_late() {
    check(Bounds { lost: 1, mute: 1, times: 2, ..SMALL });
}

#[test]
fn also_when_the_join_is_made_later() {
    check(Bounds { lost: 1, times: 2, later: true, messages: 1, ..SMALL });
}

#[test]
fn also_over_connections_and_what_was_missed_is_told() {
    check(Bounds { losses: 1, rollovers: 1, refusals: 0, ..SMALL });
    check(Bounds { losses: 2, refusals: 0, replays: false, ..SMALL });
}

#[test]
fn also_when_the_server_puts_the_client_out() {
    check(Bounds { removals: 2, refusals: 0, messages: 1, times: 1, ..SMALL });
    check(Bounds { removals: 1, refusals: 0, generations: 1, lost: 1, losses: 1, times: 2, ..SMALL });
    check(Bounds { removals: 1, refusals: 0, times: 1, replays: false, ..SMALL });
}

#[test]
fn also_with_two_topics() {
    check(Bounds { topics: 2, generations: 1, messages: 1, losses: 1, lost: 1, times: 1, ..SMALL });
}

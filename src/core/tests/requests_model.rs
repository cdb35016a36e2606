//! Requests over losses, with replies that are late, double or forged, time that runs out and requests that are given
//! up, in every order within small bounds (stateright): each is settled once, and a reply belongs to what asked.

use std::collections::BTreeMap;

use stateright::{Model, Property};

use super::{
    super::{
        Connection,
        config::{Config, Outbox},
        failure::Failure,
        io::{Action, Input, Timestamp},
        outbox::{Dropped, Outgoing, Sent},
        requests::{Question, Reply},
    },
    models::{self, NOW},
    sim::SOCKET,
};

#[derive(Clone, Copy, Debug)]
struct Bounds {
    requests: u32,
    losses: u8,
    /// `requests.onLoss: "retry"`.
    again: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    core: Connection,
    now: u64,
    opening: Option<u32>,
    connected: bool,
    asked: u32,
    fates: BTreeMap<u32, Sent>,
    up: Vec<u32>,
    down: Vec<u32>,
    /// How often each was handed over, read by the server, and had a message taken for its reply.
    sent: BTreeMap<u32, u32>,
    read: BTreeMap<u32, u32>,
    taken: BTreeMap<u32, u32>,
    losses: u8,
    amiss: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    Ask,
    Open,
    /// The server reads the next one, and replies so often.
    Read(u32),
    /// A reply comes; the server need not keep to the order.
    Reply(usize),
    /// Somebody says something with the id of one that was not sent.
    Forge(u32),
    GiveUp(u32),
    /// The time of one that is out, or waits, is over.
    Late,
    Lose,
}

impl World {
    fn new() -> Self {
        let outbox = Outbox { max_in_flight: 1, ..Outbox::new() };
        let mut world = Self {
            core: Connection::new(Config { outbox, ..Config::default() }),
            now: NOW,
            opening: None,
            connected: false,
            asked: 0,
            fates: BTreeMap::new(),
            up: Vec::new(),
            down: Vec::new(),
            sent: BTreeMap::new(),
            read: BTreeMap::new(),
            taken: BTreeMap::new(),
            losses: 0,
            amiss: false,
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
                    let at = Timestamp { now: self.now, draw: 1 << 31 };
                    self.core.handle(at, Input::Resolved { attempt, route: SOCKET });
                }
                Action::Open { attempt } => self.opening = Some(attempt),
                Action::Transmit(id) => {
                    self.amiss |= self.fates.contains_key(&id);
                    *self.sent.entry(id).or_default() += 1;
                    self.up.push(id);
                    self.core.sent(self.now, id);
                }
                Action::Settle { id, sent } => self.amiss |= self.fates.insert(id, sent).is_some(),
                _ => {}
            }
        }
    }

    fn hear(&mut self, id: u32) -> Reply {
        let pending = self.sent.contains_key(&id) && !self.fates.contains_key(&id);
        let reply = self.core.replied(id.into());
        self.settle();
        if reply != Reply::None {
            *self.taken.entry(id).or_default() += 1;
        }
        self.amiss |= pending != (reply == Reply::Awaited);
        self.amiss |= pending && self.fates.get(&id) != Some(&Sent::Sent);
        reply
    }

    fn pass_until(&mut self, done: impl Fn(&Self) -> bool) {
        while !done(self)
            && let Some(deadline) = self.core.deadline()
        {
            self.now = deadline;
            self.input(Input::Tick { wall: self.now });
        }
    }
}

impl Model for Bounds {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World::new()]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        if world.asked < self.requests {
            steps.push(Step::Ask);
        }
        if world.opening.is_some() {
            steps.push(Step::Open);
        }
        if !world.up.is_empty() {
            steps.extend([Step::Read(0), Step::Read(1), Step::Read(2)]);
        }
        steps.extend((0..world.down.len()).map(Step::Reply));
        for id in (1..=world.asked).filter(|id| !world.fates.contains_key(id)) {
            steps.push(Step::GiveUp(id));
            if !world.sent.contains_key(&id) {
                steps.push(Step::Forge(id));
            }
        }
        if world.core.queue().soonest() < u64::MAX {
            steps.push(Step::Late);
        }
        if world.connected && world.losses < self.losses {
            steps.push(Step::Lose);
        }
    }

    fn next_state(&self, before: &World, step: Step) -> Option<World> {
        let mut world = before.clone();
        match step {
            Step::Ask => {
                world.asked += 1;
                let id = world.asked;
                world.core.asks(Some(Question { key: id.into(), own: true, again: self.again }));
                world.input(Input::Send(Outgoing { expires: 10_000, ..Outgoing::new(id, 1) }));
            }
            Step::Open => {
                let attempt = world.opening.take()?;
                world.connected = true;
                world.input(Input::Opened { attempt });
            }
            Step::Read(times) => {
                let id = world.up.remove(0);
                *world.read.entry(id).or_default() += 1;
                world.down.extend((0..times).map(|_| id));
            }
            Step::Reply(at) => {
                let id = world.down.remove(at);
                world.hear(id);
            }
            Step::Forge(id) => {
                let reply = world.hear(id);
                world.amiss |= reply != Reply::None;
            }
            Step::GiveUp(id) => world.input(Input::Abort(id)),
            Step::Late => {
                let settled = world.fates.len();
                world.pass_until(|world| world.fates.len() > settled);
            }
            Step::Lose => {
                world.losses += 1;
                world.connected = false;
                world.up.clear();
                world.down.clear();
                world.input(Input::Lost { attempt: world.core.attempt(), failure: Failure::Network });
                world.pass_until(|world| world.opening.is_some());
            }
        }
        world.core.rebase(world.now);
        world.now = NOW;
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::<Self>::always(
                "settled once, by its own reply, and not sent after that",
                |_, world| !world.amiss,
            ),
            Property::<Self>::always("none is forgotten", |_, world| {
                let under_way = world.core.queue().len() + world.core.queue().in_flight();
                world.fates.len() + under_way == world.asked as usize
            }),
            Property::<Self>::always("a reply is the server's word", |_, world| {
                world.fates.iter().all(|(id, sent)| *sent != Sent::Sent || world.read.contains_key(id))
            }),
            Property::<Self>::always("no more is held back than it was sent", |_, world| {
                world.taken.iter().all(|(id, taken)| taken <= &world.sent[id])
            }),
            Property::<Self>::sometimes("all are answered, after each loss", |bounds, world| {
                world.losses == bounds.losses
                    && world.fates.len() == bounds.requests as usize
                    && world.fates.values().all(|sent| *sent == Sent::Sent)
            }),
            Property::<Self>::sometimes("late ones are known", |_, world| {
                world.fates.values().any(|sent| *sent == Sent::Dropped(Dropped::Expired))
                    && world.core.queue().late() == 0
                    && world.taken.values().any(|taken| *taken > 0)
            }),
        ]
    }
}

fn check(bounds: Bounds) {
    let bounds = Bounds { requests: models::messages(bounds.requests), ..bounds };
    models::check(bounds, 4_000_000);
}

#[test]
fn a_reply_belongs_to_what_asked() {
    check(Bounds { requests: 2, losses: 1, again: false });
}

#[test]
fn also_where_it_is_asked_again() {
    check(Bounds { requests: 2, losses: 2, again: true });
}

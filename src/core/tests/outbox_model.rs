//! Every order of sends, deliveries, acks and losses within small bounds, on the real core (stateright): what the
//! server has applied is what was sent, in its order and once; an ack is never forgotten, a message neither. The server
//! discards an id that it has seen, and that is all it has to do. Over a socket, and by requests beside an event stream.

use std::collections::BTreeMap;

use stateright::{Model, Property};

use super::{
    super::{
        Connection,
        config::{Config, Outbox},
        failure::Failure,
        io::{Action, Input, Timestamp},
        outbox::{Awaits, Outgoing, Sent},
    },
    models::{self, NOW},
    sim::{POSTS, SOCKET},
};

#[derive(Clone, Copy, Debug)]
struct Bounds {
    messages: u32,
    losses: u8,
    rollovers: u8,
    in_flight: u64,
    attempts: u64,
    /// What is sent goes by requests, so many of which the server answers with "not now".
    posts: bool,
    stalls: u8,
    /// So many, from the first on, the server finds invalid, and each time it reads them.
    invalid: u32,
    /// It says so; else it says nothing.
    refuses: bool,
    /// The time for an ack runs out.
    late: bool,
}

/// The app, the line and the server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    core: Connection,
    now: u64,
    opening: Option<u32>,
    successor: Option<u32>,
    connected: bool,
    sent: u32,
    fates: BTreeMap<u32, Sent>,
    posts: bool,
    /// The request that is out: its answer, once the server has read it; and the serial of the last one.
    request: Option<Answer>,
    serial: u32,
    stalls: u8,
    /// On its way up, and on their way down the acks (true) and the refusals.
    up: Vec<u32>,
    down: Vec<(u32, bool)>,
    /// What lost connections have left on the wire: the server may still read it, but its answers go nowhere.
    left: Vec<Vec<u32>>,
    /// What the server has done, each as often as it did.
    applied: Vec<u32>,
    invalid: u32,
    refuses: bool,
    losses: u8,
    rollovers: u8,
    /// Something was sent after it was settled, or settled twice.
    amiss: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Answer {
    None,
    Taken,
    NotNow,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    Send,
    Open,
    /// The server reads the next message, or the request.
    Read,
    /// Or acts on none of it, and says so.
    Refuse,
    /// The answer to the request comes.
    Answer,
    /// It reads what is left of a lost connection.
    ReadLate(usize),
    /// Some ack or refusal comes: the server need not keep to the order.
    Ack(usize),
    /// Nothing comes in the time there is for it.
    Overdue,
    /// The line breaks; what was on its way up is lost, or only late.
    Lose {
        late: bool,
    },
    Retire,
    Succeed,
}

impl World {
    fn new(bounds: &Bounds) -> Self {
        let outbox =
            Outbox { max_in_flight: bounds.in_flight, max_attempts: bounds.attempts, ..Outbox::new() };
        let mut world = Self {
            core: Connection::new(Config { outbox, ..Config::default() }),
            now: NOW,
            opening: None,
            successor: None,
            connected: false,
            posts: bounds.posts,
            request: None,
            serial: 0,
            stalls: 0,
            sent: 0,
            fates: BTreeMap::new(),
            up: Vec::new(),
            down: Vec::new(),
            left: Vec::new(),
            applied: Vec::new(),
            invalid: bounds.invalid,
            refuses: bounds.refuses,
            losses: 0,
            rollovers: 0,
            amiss: false,
        };
        world.input(Input::Start);
        world
    }

    fn input(&mut self, input: Input) {
        self.core.handle(Timestamp { now: self.now, draw: 1 << 31 }, input);
        self.settle();
        // What was gathered goes out.
        if self.posts && self.request.is_none() {
            let (messages, _) = self.core.post(self.now, self.serial + 1);
            if messages > 0 {
                self.serial += 1;
                self.request = Some(Answer::None);
            }
        }
    }

    fn settle(&mut self) {
        while let Some(action) = self.core.poll() {
            match action {
                Action::Resolve { attempt, .. } => {
                    self.core.handle(
                        Timestamp { now: self.now, draw: 1 << 31 },
                        Input::Resolved { attempt, route: if self.posts { POSTS } else { SOCKET } },
                    );
                }
                Action::Open { attempt } if self.connected => self.successor = Some(attempt),
                Action::Open { attempt } => self.opening = Some(attempt),
                Action::Switch(true) => {
                    self.successor = None;
                    self.hang_up(true);
                }
                Action::Drop { .. } => {
                    self.connected = false;
                    (self.opening, self.successor) = (None, None);
                    self.request = None;
                }
                Action::Transmit(id) => {
                    self.amiss |= self.fates.contains_key(&id);
                    self.up.push(id);
                    if self.posts {
                        self.core.carried(self.now, id, 1, false);
                    } else {
                        self.core.sent(self.now, id);
                    }
                }
                Action::Settle { id, sent } => self.amiss |= self.fates.insert(id, sent).is_some(),
                _ => {}
            }
        }
    }

    fn hang_up(&mut self, late: bool) {
        let up = std::mem::take(&mut self.up);
        if late && !up.is_empty() {
            self.left.push(up);
        }
        self.down.clear();
        self.request = None;
    }

    /// The request's answer: what it carried is with the server, or in the outbox again.
    fn answered(&mut self) {
        match self.request.take() {
            Some(Answer::Taken) => self.posted(204),
            Some(Answer::NotNow) => {
                self.posted(429);
                self.pass_until(|world| !world.up.is_empty());
            }
            Some(Answer::None) | None => {}
        }
    }

    fn posted(&mut self, status: u16) {
        let answer = Failure::Http { status, retry_after: None };
        self.input(Input::Posted { request: self.serial, answer });
    }

    fn apply(&mut self, id: u32) {
        if id > self.invalid && !self.applied.contains(&id) {
            self.applied.push(id);
        }
    }

    /// The server reads it, and says what it has to say.
    fn read(&mut self, id: u32) {
        self.apply(id);
        let valid = id > self.invalid;
        if valid || self.refuses {
            self.down.push((id, valid));
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
}

impl Model for Bounds {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(self)]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        if world.sent < self.messages {
            steps.push(Step::Send);
        }
        if world.opening.is_some() {
            steps.push(Step::Open);
        }
        match world.request {
            Some(Answer::Taken | Answer::NotNow) => steps.push(Step::Answer),
            Some(Answer::None) if world.stalls < self.stalls => steps.extend([Step::Read, Step::Refuse]),
            _ if !world.up.is_empty() => steps.push(Step::Read),
            _ => {}
        }
        steps.extend((0..world.left.len()).map(Step::ReadLate));
        steps.extend((0..world.down.len()).map(Step::Ack));
        if self.late && world.connected && world.core.queue().soonest() < u64::MAX {
            steps.push(Step::Overdue);
        }
        if world.connected && world.losses < self.losses {
            steps.extend([Step::Lose { late: false }, Step::Lose { late: true }]);
        }
        if world.successor.is_some() {
            steps.push(Step::Succeed);
        } else if world.connected && world.rollovers < self.rollovers {
            steps.push(Step::Retire);
        }
    }

    fn next_state(&self, before: &World, step: Step) -> Option<World> {
        let mut world = before.clone();
        match step {
            Step::Send => {
                world.sent += 1;
                let id = world.sent;
                world.input(Input::Send(Outgoing { awaits: Awaits::Ack, ..Outgoing::new(id, 1) }));
            }
            Step::Open => {
                let attempt = world.opening.take()?;
                world.connected = true;
                world.input(Input::Opened { attempt });
            }
            Step::Read if self.posts => {
                let ids = std::mem::take(&mut world.up);
                for id in &ids {
                    world.read(*id);
                }
                world.request = Some(Answer::Taken);
            }
            Step::Refuse => {
                world.stalls += 1;
                world.up.clear();
                world.request = Some(Answer::NotNow);
            }
            Step::Answer => world.answered(),
            Step::Read => {
                let id = world.up.remove(0);
                world.read(id);
            }
            Step::ReadLate(at) => {
                let id = world.left[at].remove(0);
                world.left.retain(|line| !line.is_empty());
                world.apply(id);
            }
            Step::Ack(at) => match world.down.remove(at) {
                (id, true) => world.input(Input::Acked(id)),
                (id, false) => {
                    world.core.refused(id, false);
                    world.settle();
                }
            },
            Step::Overdue => {
                // Until it is sent again, or given up: after its last call.
                let calls = world.now + 2 * Outbox::new().ack_timeout;
                let (out, told) = (world.up.len(), world.fates.len());
                world.pass_until(|world| {
                    world.up.len() > out
                        || world.fates.len() > told
                        || world.now > calls
                        || world.core.queue().soonest() == u64::MAX
                });
            }
            Step::Lose { late } => {
                world.losses += 1;
                world.hang_up(late);
                world.connected = false;
                world.input(Input::Lost { attempt: world.core.attempt(), failure: Failure::Network });
                world.pass_until(|world| world.opening.is_some());
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
        }
        world.core.rebase(world.now);
        world.now = NOW;
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::<Self>::always("settled once, and not sent after that", |_, world| !world.amiss),
            Property::<Self>::always("none is forgotten", |_, world| {
                let under_way = world.core.queue().len() + world.core.queue().in_flight();
                world.fates.len() + under_way == world.sent as usize
            }),
            Property::<Self>::always("an ack is the server's word, and so is a refusal", |_, world| {
                world.fates.iter().all(|(id, sent)| match sent {
                    Sent::Acked => world.applied.contains(id),
                    Sent::Dropped(_) => *id <= world.invalid && world.refuses,
                    _ => true,
                })
            }),
            Property::<Self>::always(
                "applied once, in order, without a hole but what was given up",
                |_, world| {
                    let kept = |id: &u32| *id > world.invalid && world.fates.get(id) != Some(&Sent::Unknown);
                    let applied: Vec<u32> = world.applied.iter().copied().filter(kept).collect();
                    let sent: Vec<u32> = (1..=world.sent).filter(kept).collect();
                    sent.starts_with(&applied)
                },
            ),
            Property::<Self>::always("what is in flight on a connection has a time", |_, world| {
                // What a request carries has that request's.
                let timed = world.core.queue().soonest() < u64::MAX || world.request.is_some();
                world.core.queue().in_flight() == 0 || timed
            }),
            Property::<Self>::sometimes("all are settled, after each loss and rollover", |bounds, world| {
                let settled = |(id, sent): (&u32, &Sent)| match sent {
                    Sent::Acked => *id > bounds.invalid,
                    _ => *id <= bounds.invalid,
                };
                world.losses == bounds.losses
                    && world.rollovers == bounds.rollovers
                    && world.fates.len() == bounds.messages as usize
                    && world.fates.iter().all(settled)
            }),
        ]
    }
}

fn check(bounds: Bounds) {
    let bounds = Bounds { messages: models::messages(bounds.messages), ..bounds };
    models::check(bounds, 4_000_000);
}

const SMALL: Bounds = Bounds {
    messages: 4,
    losses: 3,
    rollovers: 0,
    in_flight: 3,
    attempts: 5,
    posts: false,
    stalls: 0,
    invalid: 0,
    refuses: false,
    late: false,
};
/// Acks that do not come in time, on connections that live.
const LATE: Bounds = Bounds { late: true, losses: 1, attempts: 2, ..SMALL };

#[test]
fn acked_messages_arrive_once_and_in_order() {
    check(SMALL);
}

#[test]
fn also_over_a_planned_change_of_connections() {
    check(Bounds { losses: 2, rollovers: 1, ..SMALL });
}

#[test]
fn also_by_requests_beside_an_event_stream() {
    check(Bounds { losses: 2, posts: true, stalls: 1, ..SMALL });
}

#[test]
fn and_over_a_planned_change_of_the_stream() {
    check(Bounds { messages: 3, losses: 1, rollovers: 1, posts: true, stalls: 1, ..SMALL });
}

/// The third loss comes after all attempts of what was in flight each time.
#[test]
fn also_where_messages_are_given_up() {
    check(Bounds { attempts: 1, ..SMALL });
}

#[test]
fn also_where_acks_are_late() {
    check(Bounds { messages: 3, ..LATE });
}

#[test]
fn invalid_messages_hold_up_nothing_for_ever() {
    check(Bounds { in_flight: 2, invalid: 2, ..LATE });
    check(Bounds { in_flight: 2, invalid: 2, refuses: true, losses: 2, ..LATE });
}

#[test]
fn also_by_requests_and_over_a_planned_change() {
    check(Bounds { messages: 3, in_flight: 2, invalid: 1, posts: true, ..LATE });
    check(Bounds { messages: 3, in_flight: 2, invalid: 1, losses: 0, rollovers: 1, ..LATE });
}

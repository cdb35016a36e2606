//! Every order of sends, requests, their answers and losses within small bounds, on the real core (stateright): answers
//! that are lost, late, double, or given up, of a server that acts on a request and says so, or on none of it. Here the
//! server discards nothing, so nothing may go up twice that it may have. The model of sends over requests with acks is
//! `outbox_model.rs`.

use std::collections::BTreeMap;

use stateright::{Model, Property};

use super::{
    super::{
        Connection,
        config::Config,
        failure::Failure,
        io::{Action, Input, Timestamp, Why},
        outbox::{Dropped, Outgoing, Sent},
        uplink::Limits,
    },
    models::{self, NOW},
    sim::POSTS,
};

#[derive(Clone, Copy, Debug)]
struct Bounds {
    messages: u32,
    /// A request carries no more.
    together: u64,
    losses: u8,
    /// Answers that are anything but 204.
    troubles: u8,
    /// So many answers come a second time.
    doubles: u8,
    closes: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Request {
    serial: u32,
    carries: Vec<u32>,
    /// What the server, or what stopped it, says; once it does.
    answer: Option<Failure>,
    /// Its connection is over.
    late: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    core: Connection,
    now: u64,
    opening: Option<u32>,
    connected: bool,
    closed: bool,
    sent: u32,
    fates: BTreeMap<u32, Sent>,
    gathered: Vec<u32>,
    serial: u32,
    out: Vec<Request>,
    /// The last answer that came, which may come again.
    answered: Option<(u32, Failure)>,
    applied: Vec<u32>,
    losses: u8,
    troubles: u8,
    doubles: u8,
    amiss: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    Send,
    Open,
    /// The server acts on the request and says so, or says something else.
    Taken(usize),
    /// It acts on it, but the answer is 500; or a proxy's is, and it does not.
    Broken(usize, bool),
    /// It acts on none of it: not now, a message is at fault, it does not know the stream.
    Refused(usize, u16),
    Answer(usize),
    /// Again.
    Double,
    /// No answer comes in time.
    Overdue,
    Lose,
    Close,
}

impl World {
    fn new(bounds: &Bounds) -> Self {
        let uplink = Limits { messages: bounds.together, ..Limits::new() };
        let mut world = Self {
            core: Connection::new(Config { uplink, ..Config::default() }),
            now: NOW,
            opening: None,
            connected: false,
            closed: false,
            sent: 0,
            fates: BTreeMap::new(),
            gathered: Vec::new(),
            serial: 0,
            out: Vec::new(),
            answered: None,
            applied: Vec::new(),
            losses: 0,
            troubles: 0,
            doubles: 0,
            amiss: None,
        };
        world.input(Input::Start);
        world
    }

    fn input(&mut self, input: Input) {
        self.core.handle(Timestamp { now: self.now, draw: 1 << 31 }, input);
        self.settle();
        let carries = std::mem::take(&mut self.gathered);
        let (messages, _) = self.core.post(self.now, self.serial + 1);
        if messages as usize != carries.len() {
            self.amiss = Some("what was gathered is not what goes out");
        }
        if messages > 0 {
            self.serial += 1;
            self.out.push(Request { serial: self.serial, carries, answer: None, late: false });
        }
        if self.out.iter().filter(|request| !request.late).count() > 1 {
            self.amiss = Some("two requests at a time");
        }
    }

    fn settle(&mut self) {
        while let Some(action) = self.core.poll() {
            if self.closed && !matches!(action, Action::Settle { .. }) {
                self.amiss = Some("something is done after the end");
            }
            match action {
                Action::Resolve { attempt, .. } => {
                    let resolved = Input::Resolved { attempt, route: POSTS };
                    self.core.handle(Timestamp { now: self.now, draw: 1 << 31 }, resolved);
                }
                Action::Open { attempt } => self.opening = Some(attempt),
                Action::Drop { .. } => {
                    self.connected = false;
                    self.opening = None;
                    self.gathered.clear();
                    for request in &mut self.out {
                        request.late = true;
                    }
                }
                Action::Transmit(id) => {
                    if self.fates.contains_key(&id) {
                        self.amiss = Some("sent after it was settled");
                    }
                    let before = self.core.uplink.gathered();
                    self.core.carried(self.now, id, 1, false);
                    if self.core.uplink.gathered() > before {
                        self.gathered.push(id);
                    }
                }
                Action::Settle { id, sent } if self.fates.insert(id, sent).is_some() => {
                    self.amiss = Some("settled twice");
                }
                Action::Stop(serial) => {
                    let stopped = self.out.iter_mut().find(|request| request.serial == serial);
                    match stopped {
                        Some(request) => request.answer = Some(Failure::Network),
                        None => self.amiss = Some("stopped after its answer"),
                    }
                }
                _ => {}
            }
        }
    }

    fn apply(&mut self, at: usize) {
        let carries = self.out[at].carries.clone();
        if carries.iter().any(|id| self.applied.contains(id)) {
            self.amiss = Some("twice at the server");
        }
        self.applied.extend(carries);
    }

    fn pass_until(&mut self, done: impl Fn(&Self) -> bool) {
        while !done(self)
            && let Some(deadline) = self.core.deadline()
        {
            self.now = deadline;
            self.input(Input::Tick { wall: self.now });
        }
    }

    fn posted(&mut self, serial: u32, answer: Failure) {
        self.input(Input::Posted { request: serial, answer });
    }
}

const fn http(status: u16) -> Failure {
    Failure::Http { status, retry_after: None }
}

impl Model for Bounds {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(self)]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        if world.sent < self.messages && !world.closed {
            steps.push(Step::Send);
        }
        if world.opening.is_some() {
            steps.push(Step::Open);
        }
        for (at, request) in world.out.iter().enumerate() {
            if request.answer.is_some() {
                steps.push(Step::Answer(at));
                continue;
            }
            steps.push(Step::Taken(at));
            if world.troubles < self.troubles {
                steps.extend([Step::Broken(at, true), Step::Broken(at, false)]);
                steps.extend([429, 400, 404].map(|status| Step::Refused(at, status)));
            }
        }
        if world.answered.is_some() && world.doubles < self.doubles {
            steps.push(Step::Double);
        }
        let waits = |request: &Request| request.answer.is_none() && !request.late;
        if world.troubles < self.troubles && world.out.iter().any(waits) {
            steps.push(Step::Overdue);
        }
        if world.connected && world.losses < self.losses {
            steps.push(Step::Lose);
        }
        if self.closes && !world.closed {
            steps.push(Step::Close);
        }
    }

    fn next_state(&self, before: &World, step: Step) -> Option<World> {
        let mut world = before.clone();
        match step {
            Step::Send => {
                world.sent += 1;
                world.input(Input::Send(Outgoing::new(world.sent, 1)));
            }
            Step::Open => {
                let attempt = world.opening.take()?;
                world.connected = true;
                world.input(Input::Opened { attempt });
            }
            Step::Taken(at) => {
                world.apply(at);
                world.out[at].answer = Some(http(204));
            }
            Step::Broken(at, acts) => {
                world.troubles += 1;
                if acts {
                    world.apply(at);
                }
                world.out[at].answer = Some(http(500));
            }
            Step::Refused(at, status) => {
                world.troubles += 1;
                world.out[at].answer = Some(http(status));
            }
            Step::Answer(at) => {
                let Request { serial, answer, late, .. } = world.out.remove(at);
                let answer = answer?;
                if world.core.awaits_answer(serial) == late {
                    world.amiss = Some("whether an answer is awaited");
                }
                let (fates, shown) = (world.fates.clone(), world.core.state());
                world.posted(serial, answer);
                if late && (world.fates != fates || world.core.state() != shown) {
                    world.amiss = Some("an answer of a connection that is over changed something");
                }
                world.answered = Some((serial, answer));
                world.pass_until(|world| {
                    world.opening.is_some() || world.connected && world.core.full_until == 0 || world.closed
                });
            }
            Step::Double => {
                world.doubles += 1;
                let (serial, answer) = world.answered.take()?;
                let same = world.core.clone();
                world.posted(serial, answer);
                if world.core != same {
                    world.amiss = Some("an answer that came twice changed something");
                }
            }
            Step::Overdue => {
                world.troubles += 1;
                let stopped = |world: &World| {
                    world.out.iter().any(|request| !request.late && request.answer == Some(Failure::Network))
                };
                world.pass_until(stopped);
                if !stopped(&world) {
                    world.amiss = Some("a request waits for ever");
                }
            }
            Step::Lose => {
                world.losses += 1;
                let attempt = world.core.attempt();
                world.input(Input::Lost { attempt, failure: Failure::Network });
                world.pass_until(|world| world.opening.is_some());
            }
            Step::Close => {
                world.input(Input::Close { why: Why::App, code: 0 });
                world.closed = true;
            }
        }
        world.core.rebase(world.now);
        world.now = NOW;
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::<Self>::always("nothing amiss", |_, world| world.amiss.is_none()),
            Property::<Self>::always("none is forgotten", |_, world| {
                let under_way = world.core.queue().len() + world.core.queue().in_flight();
                world.fates.len() + under_way == world.sent as usize
            }),
            Property::<Self>::always("sent is what the server has, dropped what it has not", |_, world| {
                world.fates.iter().all(|(id, sent)| match sent {
                    Sent::Sent => world.applied.contains(id),
                    Sent::Dropped(Dropped::Refused | Dropped::Closed) => !world.applied.contains(id),
                    Sent::Unknown => true,
                    _ => false,
                })
            }),
            Property::<Self>::always("what is known to be taken arrived in order", |_, world| {
                let taken = |id: &&u32| world.fates.get(id) == Some(&Sent::Sent);
                world.applied.iter().filter(taken).is_sorted()
            }),
            Property::<Self>::sometimes("all are sent, after each trouble and loss", |bounds, world| {
                world.losses == bounds.losses
                    && world.troubles == bounds.troubles
                    && world.fates.len() == bounds.messages as usize
                    && world.fates.values().all(|sent| *sent == Sent::Sent)
            }),
        ]
    }
}

fn check(bounds: Bounds) {
    let bounds = Bounds { messages: models::messages(bounds.messages), ..bounds };
    models::check(bounds, 4_000_000);
}

const SMALL: Bounds = Bounds { messages: 3, together: 2, losses: 1, troubles: 2, doubles: 1, closes: false };

#[test]
fn nothing_goes_twice_that_the_server_may_have() {
    check(SMALL);
}

#[test]
fn also_over_several_losses_and_at_the_end() {
    check(Bounds { losses: 2, troubles: 1, closes: true, ..SMALL });
}

#[test]
fn also_with_more_in_one_request() {
    check(Bounds { messages: 4, together: 3, losses: 0, troubles: 3, ..SMALL });
}

//! Every order of answers to long polls, of their ends early and late, with something and with nothing, of losses, refusals,
//! planned changes, a page that freezes and an end, on the real core (stateright). One request is out at a time for each
//! connection, none comes within 100 ms of another, and a connection that is open is always asking or about to.

use stateright::{Model, Property};

use super::{
    super::{
        Connection,
        config::{Config, FLOOR, Heartbeat},
        failure::Failure,
        io::{Action, ClientEvent, Input, Page, Timestamp, Why},
        polls::SOON,
        state::State,
    },
    models::{self, NOW},
    sim::POLLS,
};

#[derive(Clone, Copy, Debug)]
struct Bounds {
    answers: u8,
    losses: u8,
    freezes: u8,
    retires: u8,
    heartbeat: bool,
}

/// A request that is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Request {
    attempt: u32,
    at: u64,
    answered: bool,
    /// The one that its connection began with.
    first: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    core: Connection,
    now: u64,
    /// Of the connection, and of the one that is to take its place.
    out: Vec<Request>,
    /// The connection's last one, and when it was made.
    before: (u32, u64),
    frozen: bool,
    closed: bool,
    answers: u8,
    losses: u8,
    freezes: u8,
    retires: u8,
    /// The last answer that was due too early, and brought nothing.
    lost: bool,
    amiss: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    /// What is due first happens; or so much time passes.
    Tick,
    Pass(u64),
    /// The server's answer begins, and ends.
    Answer(usize),
    End(usize, bool),
    /// It refuses, or the line breaks.
    Lose(usize, u16),
    Retire,
    Freeze,
    Resume,
    Reconnect,
    Close,
}

impl World {
    fn new(bounds: &Bounds) -> Self {
        let heartbeat = bounds.heartbeat.then(Heartbeat::new);
        let mut world = Self {
            core: Connection::new(Config { heartbeat, poll_wait: 24_000, ..Config::default() }),
            now: NOW,
            out: Vec::new(),
            before: (0, 0),
            frozen: false,
            closed: false,
            answers: 0,
            losses: 0,
            freezes: 0,
            retires: 0,
            lost: false,
            amiss: None,
        };
        // It does not look at the clock in between.
        world.input(Input::Page(Page::Hidden));
        world.input(Input::Start);
        world
    }

    fn input(&mut self, input: Input) {
        self.core.handle(Timestamp { now: self.now, draw: 1 << 31 }, input);
        self.settle();
        let waits = self.core.state() == State::Open
            && self.out.iter().all(|request| request.attempt != self.core.attempt());
        if self.core.state() == State::Open && self.core.deadline().is_none() {
            self.amiss = Some("open, and nothing is awaited");
        }
        if waits && !self.core.polls.paused() {
            self.amiss = Some("open, and nothing is asked nor about to be");
        }
    }

    fn settle(&mut self) {
        while let Some(action) = self.core.poll() {
            match action {
                Action::Resolve { attempt, .. } => {
                    let resolved = Input::Resolved { attempt, route: POLLS };
                    self.core.handle(Timestamp { now: self.now, draw: 1 << 31 }, resolved);
                }
                Action::Poll { attempt, wait: Some(wait) } => {
                    if self.closed || self.frozen {
                        self.amiss = Some("asked after the end");
                    }
                    if self.out.iter().any(|request| request.attempt == attempt) {
                        self.amiss = Some("two requests of a connection");
                    }
                    if self.before.0 == attempt && self.now < self.before.1 + FLOOR {
                        self.amiss = Some("two requests within 100 ms");
                    }
                    self.before = (attempt, self.now);
                    self.out.push(Request { attempt, at: self.now, answered: false, first: wait == 0 });
                }
                Action::Poll { attempt, wait: None } => {
                    let overdue = self.out.iter().find(|request| request.attempt == attempt);
                    if overdue.is_none_or(|request| self.now < request.at + 34_000) {
                        self.amiss = Some("overdue before its time");
                    }
                }
                Action::Switch(taken) => {
                    let attempt = self.core.attempt();
                    self.out.retain(|request| {
                        (request.attempt == attempt) == taken || !taken && request.attempt == attempt
                    });
                }
                Action::Drop { .. } => self.out.clear(),
                Action::Emit(ClientEvent::Closed { .. }) => self.closed = true,
                _ => {}
            }
        }
    }

    fn end(&mut self, at: usize, brought: bool) {
        let request = self.out.remove(at);
        let open = request.attempt == self.core.attempt();
        if brought {
            self.core.brought(request.attempt);
        }
        let early = !brought && !request.first && self.now < request.at + SOON;
        self.input(Input::Lost { attempt: request.attempt, failure: Failure::End });
        self.lost |= early;
        if open && early == (self.core.state() == State::Open) {
            self.amiss = Some("an end that should have been a loss, or a loss that should not");
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
        if world.core.deadline().is_some() && !world.frozen {
            steps.push(Step::Tick);
        }
        if world.out.iter().any(|request| request.answered && world.now < request.at + SOON) {
            steps.push(Step::Pass(SOON));
        }
        for (at, request) in world.out.iter().enumerate() {
            if !request.answered {
                if world.answers < self.answers {
                    steps.push(Step::Answer(at));
                }
                if world.losses < self.losses {
                    steps.extend([Step::Lose(at, 503), Step::Lose(at, 403), Step::Lose(at, 0)]);
                }
            } else {
                steps.extend([Step::End(at, true), Step::End(at, false)]);
                if world.losses < self.losses {
                    steps.push(Step::Lose(at, 0));
                }
            }
        }
        if world.core.state() == State::Open && world.retires < self.retires {
            steps.push(Step::Retire);
        }
        if world.frozen {
            steps.push(Step::Resume);
        } else if world.freezes < self.freezes {
            steps.push(Step::Freeze);
        }
        if !world.closed && world.losses < self.losses {
            steps.extend([Step::Reconnect, Step::Close]);
        }
    }

    fn next_state(&self, before: &World, step: Step) -> Option<World> {
        let mut world = before.clone();
        match step {
            Step::Tick => {
                world.now = world.core.deadline()?.max(world.now);
                world.input(Input::Tick { wall: world.now });
                if world.core.deadline().is_some_and(|due| due <= world.now) {
                    world.amiss = Some("the timer would spin");
                }
                // One after the other would have no end.
                if world.core.retries() > before.core.retries() {
                    world.losses += 1;
                    if world.losses > self.losses {
                        return None;
                    }
                }
            }
            Step::Pass(ms) => {
                let now = world.now + ms;
                if world.core.deadline().is_some_and(|due| due < now) {
                    return None;
                }
                world.now = now;
            }
            Step::Answer(at) => {
                world.answers += 1;
                let request = world.out.get_mut(at)?;
                request.answered = true;
                let attempt = request.attempt;
                world.core.hear(world.now, world.now);
                world.input(Input::Opened { attempt });
            }
            Step::End(at, brought) => world.end(at, brought),
            Step::Lose(at, status) => {
                world.losses += 1;
                let request = world.out.remove(at);
                let failure = match status {
                    0 => Failure::Network,
                    status => Failure::Http { status, retry_after: None },
                };
                world.input(Input::Lost { attempt: request.attempt, failure });
            }
            Step::Retire => {
                world.retires += 1;
                world.input(Input::Retire);
            }
            Step::Freeze => {
                world.freezes += 1;
                world.frozen = true;
                world.input(Input::Page(Page::Frozen));
            }
            Step::Resume => {
                world.frozen = false;
                world.input(Input::Page(Page::Resumed));
            }
            Step::Reconnect => {
                world.losses += 1;
                world.input(Input::Reconnect);
            }
            Step::Close => {
                world.input(Input::Close { why: Why::App, code: 0 });
            }
        }
        world.core.rebase(world.now);
        let before = &mut world.before.1;
        *before = (*before + NOW).saturating_sub(world.now).max(NOW - 2 * FLOOR);
        for request in &mut world.out {
            request.at = (request.at + NOW).saturating_sub(world.now);
        }
        world.now = NOW;
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::<Self>::always("one at a time, spaced, and each end what it means", |_, world| {
                world.amiss.is_none()
            }),
            Property::<Self>::always("nothing after the end", |_, world| {
                !world.closed || world.out.is_empty() && world.core.deadline().is_none()
            }),
            Property::<Self>::sometimes("all are answered and nothing is lost", |bounds, world| {
                world.answers == bounds.answers
                    && world.losses == 0
                    && world.core.retries() == 0
                    && world.core.state() == State::Open
            }),
            Property::<Self>::sometimes("an empty answer ends it", |_, world| world.lost),
            Property::<Self>::sometimes("an answer is overdue", |_, world| {
                world.losses == 1
                    && !world.lost
                    && world.freezes == 0
                    && world.core.last_failure() == Some(Failure::Network)
            }),
        ]
    }
}

fn check(bounds: Bounds) {
    // A core that is changed may never end.
    let bounds = Bounds { answers: models::messages(bounds.answers), ..bounds };
    models::check(bounds, MOST);
}

/// Steps to states, new and known ones.
const MOST: usize = 2_000_000;

#[test]
fn answers_losses_and_a_page_that_freezes() {
    check(Bounds { answers: 3, losses: 2, freezes: 1, retires: 0, heartbeat: false });
}

#[test]
fn and_planned_changes() {
    check(Bounds { answers: 3, losses: 1, freezes: 0, retires: 1, heartbeat: false });
}

#[test]
fn and_a_heartbeat() {
    check(Bounds { answers: 3, losses: 1, freezes: 1, retires: 0, heartbeat: true });
}

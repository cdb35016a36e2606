//! The clients: everwire's, and those that it stands beside.

use crate::core::{
    Connection,
    config::{Backoff, Config, Heartbeat},
    failure::Failure,
    io::{Action, Input, Route, Timestamp},
};

/// Which clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The real core, with its defaults.
    Everwire,
    /// `random(0, min(30 s, 1 s * 2^failures))`, which starts anew with each connection. It reads no `Retry-After`.
    FullJitter,
    /// 1, 2, 4, 8, 16, 30, 30 … s.
    FixedSteps,
    /// A hand from outside has given each of them its own instant: at first evenly at random over the mean of everwire's longest
    /// delay, then again each time that has gone by. As many attempts, without any start in common.
    Even,
}

/// What happens to a client.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    Start,
    Timer,
    Opened,
    Lost(Failure),
    /// An answer to its ping.
    Pong,
}

/// What it does then.
pub(crate) struct Does {
    /// When its timer is due; the end of the clock: never.
    pub(crate) due: u64,
    pub(crate) attempts: bool,
    pub(crate) pings: bool,
    /// It has let its connection or attempt go, and what comes of it is of the past.
    pub(crate) drops: bool,
}

/// So many clients of one kind.
pub(crate) trait Fleet {
    fn on(&mut self, client: usize, event: Event, now: u64, draw: u32) -> Does;
}

/// How far the wall clock is ahead.
const AHEAD: u64 = 1_700_000_000_000;
const SOCKET: Route = Route { uplink: true, posts: false, loopback: false, once: false };
const STREAM: Route = Route { uplink: false, ..SOCKET };

pub(crate) struct Cores {
    /// Each with the serial of its attempt.
    cores: Vec<(Connection, u32)>,
    route: Route,
}

impl Cores {
    pub(crate) fn new(clients: u32, streams: bool, beats: bool) -> Self {
        let heartbeat = beats.then(Heartbeat::default);
        let config = Config { heartbeat, ..Config::default() };
        let cores = (0..clients).map(|_| (Connection::new(config.clone()), 0)).collect();
        Self { cores, route: if streams { STREAM } else { SOCKET } }
    }
}

impl Fleet for Cores {
    fn on(&mut self, client: usize, event: Event, now: u64, draw: u32) -> Does {
        let mut does = Does { due: u64::MAX, attempts: false, pings: false, drops: false };
        let Some((core, serial)) = self.cores.get_mut(client) else { return does };
        let at = Timestamp { now, draw };
        let attempt = *serial;
        match event {
            Event::Start => core.handle(at, Input::Start),
            Event::Timer => core.handle(at, Input::Tick { wall: AHEAD + now }),
            Event::Opened => core.handle(at, Input::Opened { attempt }),
            Event::Lost(failure) => core.handle(at, Input::Lost { attempt, failure }),
            Event::Pong => {
                core.hear(now, now);
                core.handle(at, Input::Ponged);
            }
        }
        while let Some(action) = core.poll() {
            match action {
                Action::Resolve { attempt, .. } => {
                    *serial = attempt;
                    core.handle(at, Input::Resolved { attempt, route: self.route });
                }
                Action::Open { .. } => does.attempts = true,
                Action::Drop { .. } => does.drops = true,
                Action::Ping => does.pings = true,
                _ => {}
            }
        }
        does.due = core.due();
        does
    }
}

/// A client as most are, of one of the other kinds.
#[derive(Clone, Copy)]
struct Plain {
    doing: Doing,
    failures: u32,
    /// When it does something by itself.
    due: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Doing {
    Nothing,
    Waiting,
    Opening,
    Open,
    Pinged,
}

pub(crate) struct Plains {
    clients: Vec<Plain>,
    kind: Kind,
    beats: bool,
    backoff: Backoff,
    heartbeat: Heartbeat,
    open_timeout: u64,
}

impl Plains {
    pub(crate) fn new(clients: u32, kind: Kind, beats: bool) -> Self {
        let Config { backoff, open_timeout, .. } = Config::default();
        let plain = Plain { doing: Doing::Nothing, failures: 0, due: u64::MAX };
        let clients = vec![plain; clients as usize];
        Self { clients, kind, beats, backoff, heartbeat: Heartbeat::default(), open_timeout }
    }

    fn delay(&self, failures: u32, draw: u32) -> u64 {
        let Backoff { initial, max, .. } = self.backoff;
        let top = max.min(initial << failures.min(20));
        // Of what everwire draws at its longest.
        let mean = u64::midpoint(crate::core::config::FLOOR, max);
        match self.kind {
            Kind::FixedSteps => top,
            Kind::Even if failures > 0 => mean,
            Kind::Even => share(mean, draw),
            Kind::Everwire | Kind::FullJitter => share(top, draw),
        }
    }
}

/// Evenly from 0 to this.
pub(crate) fn share(of: u64, draw: u32) -> u64 {
    (u64::from(draw) * of) >> 32
}

impl Fleet for Plains {
    fn on(&mut self, client: usize, event: Event, now: u64, draw: u32) -> Does {
        let mut does = Does { due: u64::MAX, attempts: false, pings: false, drops: false };
        let Some(&before) = self.clients.get(client) else { return does };
        let mut plain = before;
        let lost = matches!(event, Event::Lost(_))
            || matches!((event, plain.doing), (Event::Timer, Doing::Opening | Doing::Pinged));
        let tries =
            matches!(event, Event::Start) || matches!((event, plain.doing), (Event::Timer, Doing::Waiting));
        if lost {
            does.drops = true;
            plain.doing = Doing::Waiting;
            plain.due = now + self.delay(plain.failures, draw).max(1);
            plain.failures += 1;
        } else if tries {
            does.attempts = true;
            plain.doing = Doing::Opening;
            plain.due = now + self.open_timeout;
        } else if matches!((event, plain.doing), (Event::Timer, Doing::Open)) {
            does.pings = true;
            plain.doing = Doing::Pinged;
            plain.due = now + self.heartbeat.silence();
        } else if matches!(event, Event::Opened | Event::Pong) {
            plain.doing = Doing::Open;
            plain.failures = 0;
            plain.due = if self.beats { now + self.heartbeat.interval } else { u64::MAX };
        }
        does.due = plain.due;
        if let Some(place) = self.clients.get_mut(client) {
            *place = plain;
        }
        does
    }
}

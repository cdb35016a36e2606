//! A driver for the core, as the client is one, on a virtual clock. It carries out every action in order
//! and checks the laws that hold at all times.

use std::collections::BTreeMap;

use super::super::{
    Connection,
    carrier::{Asking, By, Carrier},
    config::{Config, FLOOR, Heartbeat, MAX_DELAY},
    failure::{Failure, RetryAfter},
    io::{Action, ClientEvent, Decision, Input, Page, Reason, Route, Timestamp, Why},
    losses::Loss,
    outbox::{Outgoing, Sent},
    pace::Limit,
    state::{Phase, State},
    topics::TopicEvent,
    uplink::Limits,
};

pub(super) const SOCKET: Route =
    Route { uplink: true, posts: false, loopback: false, once: false, polls: false };
/// An event stream with requests for what is sent.
pub(super) const POSTS: Route = Route { posts: true, ..SOCKET };
pub(super) const STREAM: Route = Route { uplink: false, ..SOCKET };
/// The same in pieces.
pub(super) const POLLS: Route = Route { polls: true, ..STREAM };

pub(super) struct Sim {
    pub(super) core: Connection,
    pub(super) now: u64,
    /// How far the wall clock is ahead of the monotonic one.
    pub(super) ahead: u64,
    /// What the next address leads to.
    pub(super) route: Route,
    /// The attempt that the one transport belongs to.
    pub(super) link: Option<u32>,
    /// And the one beside it, if another is to take its place.
    pub(super) successor: Option<u32>,
    /// The attempt asked for last.
    pub(super) asked: u32,
    /// False: the socket is closing already, as a browser's does before it says so.
    pub(super) writable: bool,
    /// The socket's buffer is full.
    pub(super) full: bool,
    /// When the open gate last saw something. The core learns it at the next timer.
    pub(super) heard: Option<u64>,
    /// The draw of the next moments; `None` takes a new one each time.
    pub(super) draw: Option<u32>,
    pub(super) fates: BTreeMap<u32, Sent>,
    pub(super) sent: u32,
    expiries: BTreeMap<u32, u64>,
    /// Some had priority, which goes past the window.
    urgent: bool,
    /// The sends that an open socket took, in that order.
    pub(super) order: Vec<u32>,
    /// When something went up: sends and pings.
    pub(super) ups: Vec<u64>,
    /// What the next request carries.
    pub(super) request: Vec<u32>,
    /// The serial of the last one.
    pub(super) posted: u32,
    pub(super) stopped: Vec<u32>,
    /// The long polls: how long the server may wait; and the last one's attempt, and when it was made.
    pub(super) polls: Vec<u64>,
    polled: (u32, u64),
    /// Of sends that are longer in a request than one byte, or are bytes.
    pub(super) lengths: BTreeMap<u32, (u64, bool)>,
    actions: Vec<Action>,
    /// What was told of topics.
    pub(super) topics: Vec<TopicEvent>,
    /// The last word to the next client.
    pub(super) recorded: Option<Loss>,
    told: State,
    closed: bool,
    seed: u32,
    attempted: Option<u64>,
    /// The server's word on the next attempt.
    not_before: u64,
    /// The app itself asks for the attempt that follows.
    asked_for: bool,
    /// The delay that the app's rule gave for the failure at hand.
    own_delay: Option<u64>,
}

impl Sim {
    pub(super) fn new(config: Config) -> Self {
        let uplink = Limits { messages: 3, ..config.uplink.clone() };
        Self {
            core: Connection::new(Config { uplink, ..config }),
            now: 1_000,
            ahead: 1_700_000_000_000,
            route: SOCKET,
            link: None,
            successor: None,
            asked: 0,
            writable: true,
            full: false,
            heard: None,
            draw: None,
            fates: BTreeMap::new(),
            sent: 0,
            expiries: BTreeMap::new(),
            urgent: false,
            order: Vec::new(),
            ups: Vec::new(),
            request: Vec::new(),
            posted: 0,
            stopped: Vec::new(),
            polls: Vec::new(),
            polled: (0, 0),
            lengths: BTreeMap::new(),
            actions: Vec::new(),
            topics: Vec::new(),
            recorded: None,
            told: State::Connecting,
            closed: false,
            seed: 1,
            attempted: None,
            not_before: 0,
            asked_for: false,
            own_delay: None,
        }
    }

    /// A client that is open on this route.
    pub(super) fn open_on(route: Route, config: Config) -> Self {
        let mut sim = Self::new(config);
        sim.route = route;
        sim.input(Input::Start);
        sim.establish();
        sim.take();
        sim
    }

    /// Something came in, last at this time.
    pub(super) fn hear(&mut self, at: u64) {
        self.core.hear(self.now, at);
        self.settle();
    }

    pub(super) fn input(&mut self, input: Input) {
        self.asked_for |= input == Input::Reconnect;
        self.own_delay = if let Input::Answer(Decision::After(ms)) = input { Some(ms) } else { None };
        // The app's own word, whatever was told.
        if input == Input::Reconnect && !matches!(self.core.phase, Phase::Suspended | Phase::Asking { .. }) {
            self.not_before = 0;
        }
        let at = self.moment();
        self.core.handle(at, input);
        self.settle();
        self.laws();
    }

    pub(super) fn tick(&mut self) {
        if let Some(at) = self.heard {
            self.hear(at);
        }
        self.input(Input::Tick { wall: self.now.saturating_add(self.ahead) });
        if let Some(due) = self.core.deadline() {
            assert!(due > self.now || self.now > u64::MAX / 2, "the timer would spin at {}", self.now);
        }
    }

    /// Time goes by; the timer fires when due.
    pub(super) fn pass(&mut self, ms: u64) {
        let end = self.now.saturating_add(ms);
        while let Some(due) = self.core.deadline().filter(|due| *due <= end && self.now < end) {
            self.now = self.now.max(due);
            self.tick();
        }
        self.now = end;
    }

    /// Time goes by until `done`; gives how long it took, at most `limit`.
    pub(super) fn pass_until(&mut self, limit: u64, done: impl Fn(&Self) -> bool) -> u64 {
        let start = self.now;
        while !done(self) && self.now - start < limit {
            let due = self.core.deadline().unwrap_or(u64::MAX).min(start + limit);
            self.now = self.now.max(due);
            self.tick();
        }
        self.now - start
    }

    /// The wait is over, the address found, the transport open.
    pub(super) fn establish(&mut self) {
        if matches!(self.core.phase, Phase::Waiting { .. }) {
            self.pass_until(u64::MAX / 4, |sim| !matches!(sim.core.phase, Phase::Waiting { .. }));
        }
        self.resolved();
        self.opened();
        assert_eq!(self.core.state(), State::Open);
    }

    pub(super) fn resolved(&mut self) {
        self.input(Input::Resolved { attempt: self.core.attempt(), route: self.route });
    }

    /// A fetch asks how its cursor, of so many bytes, goes up.
    pub(super) fn goes_up(&mut self, length: u32) -> Carrier {
        let asking = Asking { via: None, by: By::Fetch, plain: true, fits: true, placed: false };
        self.core.goes_up(asking, length, length)
    }

    pub(super) fn opened(&mut self) {
        self.input(Input::Opened { attempt: self.core.attempt() });
    }

    pub(super) fn lost(&mut self, failure: Failure) {
        self.input(Input::Lost { attempt: self.core.attempt(), failure });
    }

    pub(super) fn page(&mut self, page: Page) {
        self.input(Input::Page(page));
    }

    pub(super) fn close(&mut self) {
        self.input(Input::Close { why: Why::App, code: 1_000 });
    }

    pub(super) fn send(&mut self, bytes: u64) -> u32 {
        self.post(Outgoing::new(0, bytes))
    }

    /// With an id of its own.
    pub(super) fn post(&mut self, outgoing: Outgoing) -> u32 {
        self.sent += 1;
        let id = self.sent;
        self.urgent |= outgoing.priority;
        self.expiries.insert(id, self.now.saturating_add(outgoing.expires));
        self.input(Input::Send(Outgoing { id, ..outgoing }));
        id
    }

    pub(super) fn fate_of(&self, id: u32) -> Option<Sent> {
        self.fates.get(&id).copied()
    }

    /// A message came through the open gate.
    pub(super) fn message(&mut self) {
        self.heard = Some(self.now);
    }

    /// What was done since this was last asked.
    pub(super) fn take(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    pub(super) fn pinged(&self) -> bool {
        self.actions.contains(&Action::Ping)
    }

    pub(super) fn pings(&mut self) -> usize {
        self.take().iter().filter(|action| **action == Action::Ping).count()
    }

    /// The attempts begun since this was last asked.
    pub(super) fn attempts(&mut self) -> Vec<(u64, Reason)> {
        let attempt = |action| {
            if let Action::Resolve { retry, reason, .. } = action { Some((retry, reason)) } else { None }
        };
        self.take().into_iter().filter_map(attempt).collect()
    }

    /// The ids handed to the socket since this was last asked.
    pub(super) fn transmitted(&mut self) -> Vec<u32> {
        self.actions.clear();
        std::mem::take(&mut self.order)
    }

    /// Why it closed, if it did since this was last asked.
    pub(super) fn end(&mut self) -> Option<Why> {
        self.take().into_iter().find_map(|action| match action {
            Action::Emit(ClientEvent::Closed { why, .. }) => Some(why),
            _ => None,
        })
    }

    /// How long the core waits before its next attempt.
    pub(super) fn wait(&self) -> u64 {
        self.core.retry_at().expect("it waits") - self.now
    }

    fn moment(&mut self) -> Timestamp {
        self.seed = self.seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Timestamp { now: self.now, draw: self.draw.unwrap_or(self.seed) }
    }

    /// Carries out every action in order. A socket that is closing gives the message back.
    pub(super) fn settle(&mut self) {
        while let Some(action) = self.core.poll() {
            self.actions.push(action.clone());
            if self.closed {
                assert!(matches!(action, Action::Settle { .. } | Action::Place), "after close: {action:?}");
            }
            match action {
                Action::Resolve { attempt, .. } => {
                    self.asked = attempt;
                    self.attempt();
                }
                Action::Open { attempt } if self.link.is_some() => {
                    self.core.asking();
                    assert_eq!(self.successor, None, "three connections");
                    self.successor = Some(attempt);
                }
                Action::Open { attempt } => {
                    self.core.asking();
                    self.link = Some(attempt);
                    self.writable = true;
                }
                Action::Switch(true) => {
                    assert!(self.successor.is_some(), "nothing to switch to");
                    self.hang_up();
                    self.link = self.successor.take();
                    self.writable = true;
                }
                Action::Switch(false) => self.successor = None,
                Action::Drop { .. } => {
                    self.hang_up();
                    self.link = None;
                    self.successor = None;
                }
                Action::Ping => {
                    assert!(self.link.is_some() && self.core.uplink());
                    self.up();
                }
                Action::Transmit(id)
                    if self.core.posts() && (self.link.is_some() || self.core.uplink.leaves()) =>
                {
                    self.carry(id);
                }
                Action::Transmit(id) if self.link.is_some() && self.writable && !self.full => {
                    assert!(!self.fates.contains_key(&id), "sent when its fate was told");
                    let expiry = self.expiries.get(&id).copied().unwrap_or(u64::MAX);
                    assert!(expiry >= self.now, "sent when it was of no use");
                    self.order.push(id);
                    self.up();
                    self.core.sent(self.now, id);
                }
                Action::Transmit(id) => self.core.unsent(self.now, id, self.writable && self.full),
                Action::Settle { id, sent } => self.fate(id, sent),
                Action::Stop(request) => self.stopped.push(request),
                Action::Ask(_) => {}
                Action::Head { .. }
                | Action::Probe { .. }
                | Action::Begin(_)
                | Action::Persist(_)
                | Action::Place => {}
                Action::Poll { attempt, wait } => {
                    let known = [self.link, self.successor].contains(&Some(attempt));
                    assert!(known, "a poll of no connection");
                    if let Some(wait) = wait {
                        let (last, at) = std::mem::replace(&mut self.polled, (attempt, self.now));
                        assert!(
                            last != attempt || self.now >= at.saturating_add(FLOOR),
                            "{} ms after",
                            self.now - at
                        );
                        self.polls.push(wait);
                    }
                }
                Action::Record(loss) => self.recorded = Some(loss),
                Action::Emit(ClientEvent::Retry { delay, failure, .. }) => self.retry(delay, &failure),
                Action::Emit(ClientEvent::State(state)) => self.told = state,
                Action::Emit(ClientEvent::Closed { .. }) => self.closed = true,
                Action::Emit(ClientEvent::Topic(told)) => {
                    self.topics.push(told);
                    if matches!(told, TopicEvent::Join(_)) {
                        while let Some(topic) = self.core.next_join() {
                            self.topics.push(TopicEvent::Join(topic));
                        }
                    }
                }
                Action::Emit(ClientEvent::Open | ClientEvent::Outcome(..)) => {}
            }
        }
    }

    /// Of three at most.
    fn carry(&mut self, id: u32) {
        assert!(!self.fates.contains_key(&id), "sent when its fate was told");
        let before = self.gathered();
        let (bytes, raw) = self.lengths.get(&id).copied().unwrap_or((1, false));
        self.core.carried(self.now, id, bytes, raw);
        if self.core.uplink.gathered() > before {
            self.request.push(id);
            self.order.push(id);
            self.up();
        }
    }

    /// What was gathered for a connection that is over goes nowhere.
    fn gathered(&mut self) -> usize {
        let gathered = self.core.uplink.gathered();
        self.request.truncate(gathered);
        gathered
    }

    fn up(&mut self) {
        self.ups.push(self.now);
        let Some(Limit { messages, per }) = self.core.config.limit else { return };
        let before = self.ups.len().checked_sub(messages as usize + 1);
        let since = before.map_or(u64::MAX, |before| self.now - self.ups[before]);
        assert!(since >= per, "more than the limit: {since} ms for {messages} and one");
    }

    fn hang_up(&mut self) {
        self.request.clear();
    }

    /// The request goes out. It carries what was gathered, in this order.
    pub(super) fn request(&mut self) -> Vec<u32> {
        self.gathered();
        let request = std::mem::take(&mut self.request);
        self.posted += 1;
        let (messages, _) = self.core.post(self.now, self.posted);
        assert_eq!(messages as usize, request.len());
        // In leaving there may be more.
        self.settle();
        request
    }

    /// The last one is answered: the server has it, or (with what it asks to wait) has acted on none of it.
    pub(super) fn answered(&mut self, told: Option<u64>) {
        let retry_after = told.map(|told| RetryAfter(told as u32));
        let status = if told.is_none() { 204 } else { 429 };
        self.reply(Failure::Http { status, retry_after });
    }

    pub(super) fn reply(&mut self, answer: Failure) {
        self.input(Input::Posted { request: self.posted, answer });
    }

    fn fate(&mut self, id: u32, sent: Sent) {
        let before = self.fates.insert(id, sent);
        assert_eq!(before, None, "send {id} settled twice");
    }

    fn attempt(&mut self) {
        if !std::mem::take(&mut self.asked_for) {
            let floor = self.attempted.map_or(0, |at| at.saturating_add(FLOOR));
            assert!(self.now >= floor, "an attempt within the floor of the last one");
            assert!(self.now >= self.not_before, "an attempt before the told time");
        }
        self.attempted = Some(self.now);
    }

    fn retry(&mut self, delay: u64, failure: &Failure) {
        self.asked_for = false;
        if let Some(own) = self.own_delay {
            self.not_before = self.now;
            return assert!(
                delay >= own.clamp(FLOOR, MAX_DELAY),
                "{delay} ms is sooner than the app's own {own} ms"
            );
        }
        let backoff = &self.core.config.backoff;
        let cap = backoff.max_server_delay;
        let told = self.core.retries.longest_server_delay(failure.retry_after_ms());
        let told = if told < cap { told } else { cap - cap / 5 };
        self.not_before = self.now.saturating_add(told);
        let end_of_time = self.now > u64::MAX / 2;
        assert!(delay >= told.max(FLOOR) || end_of_time, "{delay} ms is too soon");
        assert!(told > 0 || delay <= backoff.max, "{delay} ms is over the cap");
    }

    fn laws(&self) {
        let core = &self.core;
        let quiet = match core.phase {
            Phase::Idle | Phase::Asking { .. } | Phase::Suspended | Phase::Closed => true,
            // Kept while the page is frozen.
            Phase::Opening { due: u64::MAX } => true,
            Phase::Open { .. } => {
                core.liveness.is_none() && (core.one_shot_used || core.rollover.deadline(0) == u64::MAX)
            }
            Phase::Resolving { .. } | Phase::Opening { .. } | Phase::Waiting { .. } => false,
        };
        let held =
            matches!(core.phase, Phase::Open { .. }) && core.full_until > 0 && core.full_until < u64::MAX;
        let paced = matches!(core.phase, Phase::Open { .. }) && core.paced_until() < u64::MAX;
        let polls = matches!(core.phase, Phase::Open { .. }) && core.polls.due(core.heard) < u64::MAX;
        let quiet = quiet && !held && !paced && !polls;
        let quiet = quiet
            && core.queue().soonest() == u64::MAX
            && core.topics.soonest() == u64::MAX
            && (!matches!(core.phase, Phase::Open { .. }) || core.endpoints.proven_at() == u64::MAX);
        let quiet = quiet && core.uplink.soonest() == u64::MAX && core.place == u64::MAX;
        // What is due at the end of the clock is never.
        let never = quiet || core.deadline().is_none() && self.now > u64::MAX / 2;
        assert_eq!(core.deadline().is_none(), never, "the timer in {:?}", core.phase);
        let linked = matches!(core.phase, Phase::Opening { .. } | Phase::Open { .. });
        assert_eq!(self.link, linked.then_some(core.attempt()), "the transport in {:?}", core.phase);
        let limits = &core.config.outbox;
        // What a request carries is in flight, whatever it waits for.
        let over = core.queue().in_window() as u64 > limits.max_in_flight && !core.posts();
        assert!(!over || self.urgent, "more in flight than may be");
        let shown = match core.phase {
            Phase::Idle | Phase::Resolving { .. } | Phase::Opening { .. } => State::Connecting,
            Phase::Open { .. } => State::Open,
            Phase::Waiting { .. } => State::Waiting,
            Phase::Suspended => State::Suspended,
            Phase::Closed => State::Closed,
            Phase::Asking { .. } => core.state(),
        };
        assert_eq!(core.state(), shown);
        assert_eq!(self.told, shown, "the app was told otherwise");
        assert_eq!(self.closed, shown == State::Closed);
    }
}

/// The defaults, with the heartbeat on.
pub(super) fn beating() -> Config {
    Config { heartbeat: Some(Heartbeat::new()), ..Config::default() }
}

/// A WebSocket close with this code.
pub(super) fn closed(code: u16) -> Failure {
    Failure::Closed { code }
}

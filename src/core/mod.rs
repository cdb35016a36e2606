//! The policy: a state machine with no browser, no clock and no randomness of its own.
//!
//! **The one invariant: whoever calls [`Connection::handle`] or [`Connection::check`] then takes every
//! action from [`Connection::poll`] and carries it out in order, holding no borrow of the connection
//! while doing so, and last arms one timer for [`Connection::due`].** An action may run the app's
//! code, which may call back in: the inner call drains the queue, the outer one finds it empty.

pub(crate) mod backoff;
pub(crate) mod config;
pub(crate) mod failure;
pub(crate) mod heartbeat;
pub(crate) mod io;
pub(crate) mod losses;
pub(crate) mod outbox;
pub(crate) mod resume;
pub(crate) mod state;
pub(crate) mod tokens;

#[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
mod buffered;
pub(crate) mod carrier;
mod cursor_probe;
mod decide;
pub(crate) mod endpoints;
#[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
pub(crate) mod pace;
mod page;
#[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
pub(crate) mod persist;
pub(crate) mod place;
#[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
pub(crate) mod polls;
#[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
mod probe;
#[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
pub(crate) mod requests;
mod retries;
mod rollover;
mod sending;
#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;
#[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
pub(crate) mod topics;
#[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
pub(crate) mod uplink;

use config::{Config, FLOOR};
use cursor_probe::CursorProbe;
use endpoints::Endpoints;
use failure::Failure;
use heartbeat::{HeartbeatAction, Liveness};
use io::{Action, ClientEvent, Input, Reason, Route, Timestamp, Why};
use outbox::{Dropped, Queue, Sent};
#[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
use pace::Pace;
use page::Life;
#[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
use persist::Persist;
#[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
use polls::Polls;
use resume::{Id, Ids, Outcome};
use retries::Retries;
use rollover::Rollover;
use state::{Phase, State};
#[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
use topics::{OWN, Topics};
#[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
use uplink::Uplink;

/// In ms. A native EventSource reconnects by itself; at its third error within this time everwire takes over.
const SELF_RECONNECTS: u64 = 10_000;

/// One client's connection, through all its attempts.
///
/// - Getters: `state`, `due`, `checking`, `retry_at`, `retries`, `last_failure`, `queue`.
/// - Inputs: `hear`, `handle`, `follow`, `check`, `start_from`, `epoch`, `learn`, `received`, `gap_told`, `recovery_told`,
///   `asking`, `retry_told`, `resumable`; of a transmission `sent`, `refused` or `unsent`.
/// - Outputs: `poll`, until it gives `None`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Connection {
    config: Config,
    phase: Phase,
    shown: State,
    actions: Vec<Action>,
    /// The serial number of the current or last attempt. A successor has a number of its own.
    attempt: u32,
    /// The last serial number that was given to an attempt.
    serial: u32,
    /// No attempt starts before this time, whoever asks for one: attempts keep a least distance ([`FLOOR`]).
    floor: u64,
    retries: Retries,
    has_opened: bool,
    last_failure: Option<Failure>,
    /// A connection broke off and none has opened since, so messages may be missing.
    torn: bool,
    reason: Reason,
    endpoints: Endpoints,
    route: Option<Route>,
    /// A request that must not be repeated (POST, PATCH) was sent, and may have been answered.
    one_shot_used: bool,
    /// That request was answered and its answer broke off. Only the caller's other request (`resume.request`) may follow.
    onward: bool,
    cursor_probe: CursorProbe,
    /// The stream that just ended in good order had delivered at least one message.
    brought: bool,
    /// Another client continues this one's backoff ([`Action::Record`]).
    followed: bool,
    /// The server asked for no attempt before this time. It also holds after the page was frozen.
    not_before: u64,
    liveness: Option<Liveness>,
    rollover: Rollover,
    heard: u64,
    ids: Ids,
    first: Option<u64>,
    stopping: bool,
    queue: Queue,
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    question: Option<requests::Question>,
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    topics: Topics,
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    pace: Option<Pace>,
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    uplink: Uplink,
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    persist: Persist,
    /// How many uplink requests in a row the server answered with "not now".
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    stalls: u64,
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    doubt: buffered::Doubt,
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    polls: Polls,
    /// The last attempt for which [`Action::Probe`] was made.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    probed: u32,
    /// The socket takes nothing before this time. 0: it takes messages; the end of the clock: it is closing.
    full_until: u64,
    /// When the timer fired, the socket still buffered some of what was sent.
    behind: bool,
    life: Life,
    /// When the stored place must be written, or when waiting for its lock ends; the end of the clock: neither is due.
    place: u64,
    /// This page waits for another page to release the lock on the stored place.
    claims: bool,
    /// Until when the last two errors of a self-reconnecting EventSource count: the last one, then the one before.
    interruptions: (u64, u64),
}

impl Connection {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            phase: Phase::Idle,
            shown: State::Connecting,
            actions: Vec::new(),
            attempt: 0,
            serial: 0,
            floor: 0,
            retries: Retries::new(&config.backoff),
            has_opened: false,
            last_failure: None,
            torn: false,
            reason: Reason::Initial,
            endpoints: Endpoints::new(&config),
            route: None,
            one_shot_used: false,
            onward: false,
            cursor_probe: CursorProbe::new(),
            brought: false,
            followed: false,
            not_before: 0,
            liveness: config.heartbeat.as_ref().map(Liveness::new),
            rollover: Rollover::none(),
            heard: 0,
            ids: Ids::new(config.numbered),
            first: None,
            stopping: false,
            queue: Queue::new(config.outbox.clone()),
            #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
            question: None,
            #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
            topics: Topics::new(config.joins.clone()),
            #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
            pace: config.limit.map(Pace::new),
            #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
            uplink: Uplink::new(config.uplink.clone()),
            #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
            persist: Persist::new(),
            #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
            stalls: 0,
            #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
            doubt: buffered::Doubt::default(),
            #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
            polls: Polls::default(),
            #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
            probed: 0,
            full_until: 0,
            behind: false,
            life: Life::new(),
            place: u64::MAX,
            claims: false,
            interruptions: (0, 0),
            config,
        }
    }

    pub(crate) fn state(&self) -> State {
        self.shown
    }

    #[cfg(all(test, not(target_arch = "wasm32")))]
    pub(crate) fn attempt(&self) -> u32 {
        self.attempt
    }

    #[cfg(any(feature = "rust", test))]
    pub(crate) fn retries(&self) -> u64 {
        self.retries.count()
    }

    /// The reason why the last attempt or connection ended.
    pub(crate) fn last_failure(&self) -> Option<Failure> {
        self.last_failure
    }

    #[cfg(any(feature = "rust", test))]
    pub(crate) fn queue(&self) -> &Queue {
        &self.queue
    }

    pub(crate) fn retry_at(&self) -> Option<u64> {
        if let Phase::Waiting { until, .. } = self.phase { Some(until) } else { None }
    }

    /// Whether delivery is *checked*: the port passes each message through [`Self::check`] before it delivers it. Otherwise
    /// delivery is *open*: the port delivers by itself, and the core learns the ids afterwards.
    pub(crate) fn checking(&self) -> bool {
        self.ids.checking()
    }

    #[cfg(all(test, not(target_arch = "wasm32")))]
    pub(crate) fn cursor(&self) -> Option<u64> {
        self.ids.cursor()
    }

    #[cfg(all(test, not(target_arch = "wasm32")))]
    pub(crate) fn deadline(&self) -> Option<u64> {
        Some(self.due()).filter(|due| *due < u64::MAX)
    }

    /// When the next [`Input::Tick`] is due; the end of the clock when nothing is due.
    pub(crate) fn due(&self) -> u64 {
        let due = match &self.phase {
            Phase::Idle | Phase::Asking { .. } | Phase::Suspended | Phase::Closed => u64::MAX,
            Phase::Resolving { due } => *due,
            Phase::Opening { due } => {
                #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
                let due = &self.doubted_until().min(*due);
                *due
            }
            Phase::Waiting { until, .. } => self.life.waking(*until),
            Phase::Open { .. } => {
                // A request that must not be repeated has no successor.
                let next = if self.one_shot_used { u64::MAX } else { self.rollover.deadline(self.floor) };
                let liveness = self.liveness.as_ref();
                #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
                let liveness = liveness.filter(|_| !self.owes_ping() && !self.polls.paused());
                let next = liveness.map_or(next, |liveness| liveness.deadline().min(next));
                #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
                let next = next.min(self.paced_until()).min(self.endpoints.proven_at());
                let due = if next == u64::MAX { next } else { self.life.waking(next) };
                #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
                let due = due.min(self.polls.due(self.heard));
                if self.full_until == 0 { due } else { due.min(self.full_until) }
            }
        };
        #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
        let due = due.min(self.topics.soonest()).min(self.uplink.soonest());
        due.min(self.queue.soonest()).min(self.place)
    }

    pub(crate) fn poll(&mut self) -> Option<Action> {
        if !self.actions.is_empty() {
            let action = self.actions.remove(0);
            #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
            if let Action::Settle { id, sent } = action
                && id >= OWN
                && sent != Sent::Sent
            {
                self.topics.settled(0, id, sent, &mut self.actions);
            }
            return Some(action);
        }
        self.transmission()
    }

    pub(crate) fn handle(&mut self, at: Timestamp, input: Input) {
        if matches!(input, Input::Tick { .. }) {
            self.place_tick(at.now);
        }
        if matches!(self.phase, Phase::Closed) {
            if let Input::Send(outgoing) = input {
                self.settle(outgoing.id, Sent::Dropped(Dropped::Closed));
            }
            return;
        }
        #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
        let Some(input) = self.classify(input) else { return };
        if let Input::Resolved { attempt, .. }
        | Input::Opened { attempt }
        | Input::Lost { attempt, .. }
        | Input::Interrupted { attempt } = input
        {
            // The browser closes connections with the page that is left; that is no failure.
            if self.life.left && matches!(input, Input::Lost { .. } | Input::Interrupted { .. }) {
                return;
            }
            if self.succeeds(attempt) {
                return self.succession(at, &input);
            }
            // The input belongs to an attempt that is over.
            if !self.current(attempt) {
                return;
            }
        }
        #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
        if let Some(pace) = &mut self.pace {
            pace.at(at.now);
        }
        match input {
            Input::Start => self.start(at.now),
            Input::Resolved { route, .. } => self.resolved(at, route),
            Input::Opened { .. } => self.open(at),
            #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
            Input::Lost { failure, .. } if self.polled(at, failure) => {}
            Input::Lost { failure, .. } => self.lost(at, failure),
            Input::Interrupted { .. } => self.interrupted(at),
            Input::Tick { wall } => self.tick(at, wall),
            Input::Page(page) => self.page(at, page),
            Input::Answer(decision) => self.answered(at, decision),
            Input::Send(outgoing) => self.send(at.now, outgoing),
            Input::Acked(id) => self.queue.answered(id, Sent::Acked, &mut self.actions),
            Input::Ponged => {
                self.queue.ponged(&mut self.actions);
                self.confirm();
            }
            #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
            Input::Posted { request, answer } => self.posted(at, request, answer),
            #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
            Input::Leave { persisted, alive } => self.page_leaves(persisted, alive),
            Input::Abort(id) => self.queue.abort(id, &mut self.actions),
            Input::Retire => self.retire(at),
            #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
            Input::Slower => self.slower(),
            // The app's rule decided on a loss.
            #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
            Input::Probed { .. } => {}
            Input::Reconnect => self.reconnect(at.now),
            Input::Close { why, code } => {
                // The connection ended as it should, so this is no loss.
                self.reset_backoff(self.stable(at.now));
                // The last message came, so earlier failures no longer matter.
                if why == Why::Ended {
                    self.last_failure = None;
                }
                self.close(why, code, None);
            }
        }
    }

    /// Decides on a message before it is delivered: whether to deliver it, whether its id becomes the cursor, and whether the
    /// server's ids began anew. In that case the port checks the messages that were just held back again, and then this one.
    pub(crate) fn check(&mut self, id: Id, number: Option<u64>) -> (bool, bool, bool) {
        if matches!(self.phase, Phase::Closed) {
            return (false, false, false);
        }
        let result = self.ids.place_range(id, self.first.take(), number);
        if let Some(outcome) = result.outcome {
            self.emit(ClientEvent::Outcome(outcome, result.missing));
        }
        (result.deliver, result.moves, result.restarted)
    }

    /// Starts from the cursor and the sequence number that an earlier page stored.
    pub(crate) fn start_from(&mut self, id: Id, last: Option<u64>) {
        self.ids.start_from(id, last);
    }

    /// The next message to be checked covers all sequence numbers from this one to its own.
    pub(crate) fn begins(&mut self, first: u64) {
        self.first = Some(first);
    }

    /// The epoch of the sequence numbers that follow.
    pub(crate) fn epoch(&mut self, epoch: u64) {
        self.ids.epoch(epoch);
    }

    /// Learns an id that was delivered without a check.
    pub(crate) fn learn(&mut self, id: Id) {
        self.ids.learn(id);
    }

    /// So many more messages were delivered, whose ids the port did not keep.
    pub(crate) fn received(&mut self, more: u64) {
        self.ids.received(more);
    }

    /// The server said that messages are missing. `here`: they reached the client and were lost in it.
    pub(crate) fn gap_told(&mut self, here: bool) {
        if here {
            self.ids.missed();
            #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
            self.topics.missed();
        } else {
            self.ids.gap_told();
        }
    }

    /// The server said that nothing is missing.
    pub(crate) fn recovery_told(&mut self) {
        self.ids.recovery_told();
    }

    /// A request for the messages after the cursor is about to go out.
    pub(crate) fn asking(&mut self) {
        self.ids.asking();
    }

    /// The server sent a `retry:` field, which replaces the initial delay until it sends another.
    pub(crate) fn retry_told(&mut self, ms: u64) {
        self.retries.tell(&mut self.config.backoff, ms);
    }

    /// The stream whose end is told next delivered messages and ended in good order.
    pub(crate) fn brought(&mut self, attempt: u32) {
        self.brought = self.current(attempt);
    }

    /// Makes the next send this request; `None`: the next send is no request.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    pub(crate) fn asks(&mut self, question: Option<requests::Question>) {
        self.question = question;
    }

    /// A message came whose id has this key: says whether a request waits for it.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    pub(crate) fn replied(&mut self, key: u64) -> requests::Reply {
        self.queue.replied(key, &mut self.actions)
    }

    /// Before a tick: the socket still buffers some of what it was given.
    pub(crate) fn behind(&mut self) {
        self.behind = true;
    }

    /// The app asked the server to stop and still listens, so an end in good order closes the client and is no loss.
    pub(crate) fn stopping(&mut self, on: bool) {
        self.stopping = on;
    }

    /// A message was delivered, and the caller has a request that continues the stream (`resume.request`).
    pub(crate) fn resumable(&mut self) {
        self.one_shot_used = false;
    }

    pub(crate) fn current(&self, attempt: u32) -> bool {
        attempt == self.attempt
            && matches!(self.phase, Phase::Resolving { .. } | Phase::Opening { .. } | Phase::Open { .. })
    }

    #[inline(never)]
    fn begin(&mut self, now: u64) {
        self.renew();
        self.floor = now.later(FLOOR);
        self.one_shot_used = false;
        self.brought = false;
        self.life.thaw();
        self.cursor_probe.goes_up(0);
        self.phase = Phase::Resolving { due: now.later(self.config.open_timeout) };
        self.show(State::Connecting);
        let Self { attempt, reason, .. } = *self;
        let (retry, endpoint) = (self.retries.count(), self.endpoints.at());
        self.act(Action::Resolve { attempt, retry, reason, endpoint });
    }

    /// Gives the next attempt its serial number; inputs of the one before are ignored from here on.
    fn renew(&mut self) {
        self.serial = self.serial.wrapping_add(1);
        self.attempt = self.serial;
        #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
        self.stay();
    }

    fn resolved(&mut self, at: Timestamp, route: Route) {
        if !matches!(self.phase, Phase::Resolving { .. }) {
            return;
        }
        self.route = Some(route);
        self.one_shot_used = route.once;
        if self.one_shot_used && self.onward {
            return self.lost(at, Failure::NotResumable);
        }
        let now = at.now;
        self.phase = Phase::Opening { due: now.later(self.config.open_timeout) };
        self.act(Action::Open { attempt: self.attempt });
        #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
        self.first_poll(now, self.attempt, route.polls);
    }

    fn open(&mut self, at: Timestamp) {
        #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
        self.answered_again();
        if matches!(self.phase, Phase::Opening { .. }) {
            if self.cursor_probe.opened() {
                self.let_go();
                self.soon(at.now);
            } else {
                self.opened(at);
            }
        }
    }

    // Not inlined, for the size: it has two callers.
    #[inline(never)]
    fn opened(&mut self, at: Timestamp) {
        let now = at.now;
        self.phase = Phase::Open { since: now };
        self.plan(at);
        #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
        self.trust();
        #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
        self.polls_opened(now);
        #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
        if let Some(endpoint) = self.endpoints.opened(&self.config, now) {
            self.act(Action::Begin(endpoint));
        }
        // This connection takes over from the previous one, if there is one.
        self.unload();
        self.queue.expire(now, false, &mut self.actions);
        self.heard = now;
        self.life.look(now);
        let pings = self.uplink() && !self.posts() && !self.config.passive;
        if let Some(liveness) = &mut self.liveness {
            liveness.open(pings, now);
        }
        #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
        if let Some(pace) = &mut self.pace {
            pace.forgive();
        }
        // An EventSource that comes back by itself may replay messages as well.
        if self.config.deduplicates && (self.has_opened || self.ids.begun()) {
            self.ids.reconnected();
        }
        self.has_opened = true;
        self.onward = false;
        self.torn = false;
        self.reason = Reason::Reconnect;
        // Topics are joined before the app hears of the opening, as it may send at once.
        #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
        self.topics.opened(now, &mut self.actions);
        self.show(State::Open);
        self.emit(ClientEvent::Open);
        if !self.uplink() {
            self.queue.give_up(Dropped::NoUplink, &mut self.actions);
        }
    }

    fn uplink(&self) -> bool {
        self.route.is_none_or(|route| route.uplink)
    }

    /// The current request must not be repeated without the app's word.
    fn once(&self) -> bool {
        self.route.is_some_and(|route| route.once)
    }

    /// Messages go up as POST requests. Only `everwire/duplex` has that.
    pub(in crate::core) fn posts(&self) -> bool {
        cfg!(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))
            && self.route.is_some_and(|route| route.posts)
    }

    /// Something last came in at this time. A browser's time stamp from the future must not delay the heartbeat.
    pub(crate) fn hear(&mut self, now: u64, at: u64) {
        let at = at.min(now);
        if matches!(self.phase, Phase::Open { .. }) {
            self.heard = self.heard.max(at);
            if let Some(liveness) = &mut self.liveness {
                liveness.heard(at);
            }
        }
    }

    fn tick(&mut self, at: Timestamp, wall: u64) {
        let now = at.now;
        let slept = self.life.slept(now, wall);
        let behind = core::mem::take(&mut self.behind);
        self.queue.expire(now, behind, &mut self.actions);
        #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
        {
            self.topics.tick(now, &mut self.actions);
            self.stop_overdue(now);
        }
        if now >= self.full_until {
            self.full_until = 0;
        }
        #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
        if self.doubts(at) {
            return;
        }
        match self.phase {
            Phase::Resolving { due } if now >= due => self.lost(at, Failure::Provider),
            Phase::Opening { due } if now >= due => self.lost(at, Failure::OpenTimeout),
            Phase::Waiting { until, .. } if now >= until => self.begin(now),
            Phase::Waiting { .. } if slept => self.retry_early(now),
            Phase::Open { .. } => {
                #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
                if let Some(endpoint) = self.endpoints.tick(now) {
                    self.act(Action::Begin(endpoint));
                }
                #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
                let owes = self.ping_in_turn(now);
                let liveness = self.liveness.as_mut();
                #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
                let liveness = liveness.filter(|_| !owes && !self.polls.paused());
                let action = match liveness {
                    Some(liveness) if slept => liveness.doubt(now),
                    Some(liveness) => liveness.tick(now),
                    None => HeartbeatAction::Fine,
                };
                self.heartbeat_says(at, action);
                self.roll(at);
                #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
                self.next_poll(at);
            }
            Phase::Idle
            | Phase::Resolving { .. }
            | Phase::Opening { .. }
            | Phase::Waiting { .. }
            | Phase::Asking { .. }
            | Phase::Suspended
            | Phase::Closed => {}
        }
    }

    fn heartbeat_says(&mut self, at: Timestamp, action: HeartbeatAction) {
        match action {
            HeartbeatAction::Fine => {}
            HeartbeatAction::Ping => self.ping(),
            HeartbeatAction::Dead => self.lost(at, Failure::HalfOpen),
        }
    }

    fn interrupted(&mut self, at: Timestamp) {
        let (last, before) = self.interruptions;
        self.interruptions = (at.now.later(SELF_RECONNECTS), last);
        let often = before > 0 && at.now <= before;
        if !self.config.browser_reconnects || !self.config.reconnects || often {
            return self.lost(at, Failure::Network);
        }
        self.reset_backoff(self.stable(at.now));
        self.rollover = Rollover::none();
        self.ids.successor_failed();
        #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
        self.topics_connection_lost();
        self.act(Action::Switch(false));
        self.phase = Phase::Opening { due: at.now.later(self.config.open_timeout) };
        self.show(State::Connecting);
    }

    fn wait_until(&mut self, now: u64, until: u64, not_before: u64) {
        self.life.look(now);
        self.not_before = not_before;
        self.phase = Phase::Waiting { until, not_before };
        self.defer_while_offline(now);
        self.show(State::Waiting);
    }

    /// The app asks for a new connection. It comes at once, even where the server asked to wait; but attempts keep their least
    /// distance, so that a handler that calls this at each failure makes no storm.
    fn reconnect(&mut self, now: u64) {
        match self.phase {
            Phase::Resolving { .. } | Phase::Opening { .. } | Phase::Open { .. } | Phase::Waiting { .. } => {
                self.abandon(now);
                // The app's word counts more than the server's.
                self.repeat();
                self.not_before = 0;
                self.endpoints.go(0);
                self.cursor_probe.reset();
                self.soon(now);
            }
            Phase::Idle | Phase::Asking { .. } | Phase::Suspended | Phase::Closed => {}
        }
    }

    /// The app allows a request that must not be repeated by itself to be repeated.
    #[inline(never)]
    fn repeat(&mut self) {
        self.one_shot_used = false;
        self.onward = false;
    }

    /// Starts the next attempt at once, at the least distance from the last one.
    #[inline(never)]
    fn soon(&mut self, now: u64) {
        let until = self.floor;
        if until <= now {
            self.begin(now);
        } else {
            self.life.look(now);
            self.phase = Phase::Waiting { until, not_before: until };
            self.show(State::Waiting);
        }
    }

    fn close(&mut self, why: Why, code: u16, failure: Option<Failure>) {
        // Actions that wait no longer matter; the outcome of each send does.
        self.actions.retain(|action| match action {
            Action::Settle { .. } | Action::Record(_) => true,
            #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
            Action::Persist(persist::Step::Forget { .. }) => true,
            _ => false,
        });
        // A code that the server sent cannot be sent back: browsers throw on most of them.
        self.act(Action::Drop { code: if failure.is_none() { code } else { 0 } });
        // The server has ended the stream, so nobody can send the missing messages any more.
        if self.torn && self.config.deduplicates && why == Why::Ended {
            self.emit(ClientEvent::Outcome(Outcome::Unknown, None));
        }
        self.phase = Phase::Closed;
        #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
        {
            self.topics.end();
            self.uplink.end();
            self.persist.end(why == Why::Unloaded, &mut self.actions);
        }
        self.queue.give_up(Dropped::Closed, &mut self.actions);
        self.place = u64::MAX;
        self.claims = false;
        self.show(State::Closed);
        self.emit(ClientEvent::Closed { why, code, failure });
    }

    /// Drops a connection that has not failed. Messages in between are missed, as after a loss.
    #[inline(never)]
    fn abandon(&mut self, now: u64) {
        self.reset_backoff(self.stable(now));
        self.torn |= matches!(self.phase, Phase::Open { .. });
        self.let_go();
    }

    /// Gives up the current attempt, if there is one, and ignores its inputs from here on.
    #[inline(never)]
    fn let_go(&mut self) {
        self.renew();
        self.rollover = Rollover::none();
        self.unload();
        self.act(Action::Drop { code: 0 });
    }

    // Not inlined, for the size: it has many callers.
    #[inline(never)]
    fn act(&mut self, action: Action) {
        self.actions.push(action);
    }

    fn settle(&mut self, id: u32, sent: Sent) {
        self.act(Action::Settle { id, sent });
    }

    fn emit(&mut self, event: ClientEvent) {
        self.act(Action::Emit(event));
    }

    #[inline(never)]
    fn show(&mut self, state: State) {
        if self.shown != state {
            self.shown = state;
            self.emit(ClientEvent::State(state));
        }
    }
}

/// Adds ms to a time, and stops at the end of the clock.
pub(crate) trait Later {
    fn later(self, ms: u64) -> u64;
}

impl Later for u64 {
    #[inline(never)]
    fn later(self, ms: u64) -> u64 {
        self.saturating_add(ms)
    }
}

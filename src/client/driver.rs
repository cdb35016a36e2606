//! Owns one connection of the core and carries its actions out. Knows no policy and no app: the app's
//! side is a [`Host`], the page's side a [`Port`].
//!
//! No borrow is held across a call into JavaScript: any such call may come back in.

use std::cell::{Cell, RefCell, RefMut};

use crate::{
    calls::Call,
    codes::{begins, lost, ruling, taken},
    core::{
        Connection,
        config::{Config, MAX_DELAY},
        failure::Failure,
        io::{Action, Decision, Input, Moment, News, Page, Reason},
        losses::Loss,
        outbox::{Parcel, Sent},
        state::State,
    },
    sse::Parser,
    transport::{
        Transport,
        address::Address,
        sys::{self, Port},
    },
};
#[cfg(feature = "rust")]
use crate::{sse::Piece, web::Core};

#[cfg(feature = "duplex")]
use crate::core::{persist::Step, requests::Question};

/// The app's side.
pub(crate) trait Host: Sized {
    /// Find the address and let the port prepare it, then give what [`Driver::prepared`] makes of it, now or later.
    fn resolve(&self, driver: &Driver<Self>, attempt: u32, retry: u64, reason: Reason, endpoint: u32);
    fn ask(&self, failure: Failure) -> Decision;
    fn settle(&self, id: u32, sent: Sent);
    fn tell(&self, driver: &Driver<Self>, news: News);
    /// Of a client that was told to follow another ([`Call::Follow`]).
    fn record(&self, _: Loss) {}
    /// Of a client that was told of something to be written ([`Call::PlaceDue`]).
    fn place(&self) {}
    #[cfg(feature = "duplex")]
    fn head(&self, _: u32) {}
    #[cfg(feature = "duplex")]
    fn probe(&self, _: u32) {}
    #[cfg(feature = "duplex")]
    fn begin(&self, _: u32) {}
    #[cfg(feature = "duplex")]
    fn persist(&self, _: Step) {}
    #[cfg(feature = "duplex")]
    fn poll(&self, _: u32, _: Option<u64>) {}
}

pub(crate) struct Driver<H: Host> {
    inner: RefCell<Inner>,
    port: Port,
    host: H,
    /// The transport of what the port has prepared.
    transport: Cell<Option<Transport>>,
    /// The end of the clock: the timer is not.
    armed: Cell<u64>,
    checked: Cell<bool>,
}

struct Inner {
    core: Connection,
    /// Of the event stream that fetch reads.
    parser: Parser,
}

impl<H: Host> Driver<H> {
    pub(crate) fn new(
        config: Config,
        port: Port,
        host: H,
        watch_page: bool,
        max_event_bytes: usize,
        comments: bool,
    ) -> Self {
        let mut core = Connection::new(config);
        let page = port.watch(watch_page);
        let at = Moment { now: 0, draw: 0 };
        // Nothing is under way yet, so nothing follows from them.
        if page & begins::HIDDEN != 0 {
            core.handle(at, Input::Page(Page::Hidden));
        }
        if page & begins::OFFLINE != 0 {
            core.handle(at, Input::Page(Page::Offline));
        }
        Self {
            inner: RefCell::new(Inner { core, parser: Parser::new(max_event_bytes, comments) }),
            port,
            host,
            transport: Cell::new(None),
            armed: Cell::new(u64::MAX),
            checked: Cell::new(false),
        }
    }

    pub(crate) fn state(&self) -> State {
        self.inner.borrow().core.state()
    }

    pub(crate) fn last_failure(&self) -> Option<Failure> {
        self.inner.borrow().core.last_failure()
    }

    pub(crate) fn fate(&self, why: crate::core::io::Why) -> crate::core::io::Fate {
        self.inner.borrow().core.fate(why)
    }

    #[cfg(feature = "rust")]
    pub(crate) fn retries(&self) -> u64 {
        self.inner.borrow().core.retries()
    }

    /// How long until the next attempt, in ms, while waiting.
    #[cfg(feature = "rust")]
    pub(crate) fn retry_in(&self) -> Option<u64> {
        let at = self.inner.borrow().core.retry_at()?;
        Some(at.saturating_sub(now()))
    }

    #[cfg(feature = "rust")]
    pub(crate) fn queued(&self) -> (usize, u64) {
        let core = &self.inner.borrow().core;
        (core.queue().len(), core.queue().bytes())
    }

    /// Whether the outbox takes another message.
    #[cfg(feature = "rust")]
    pub(crate) fn has_room(&self) -> bool {
        self.inner.borrow().core.queue().has_room(1)
    }

    /// Whether nothing waits, and the connection takes what is sent.
    #[cfg(feature = "rust")]
    pub(crate) fn takes_at_once(&self) -> bool {
        let core = &self.inner.borrow().core;
        core.queue().len() == 0 && core.state() == State::Open
    }

    #[cfg(feature = "rust")]
    pub(crate) fn start(&self) {
        self.input(Input::Start);
    }

    /// An address that does not parse is a failed attempt: the function may do better next time.
    pub(crate) fn prepared(&self, attempt: u32, address: Option<Address>) -> Input {
        match address {
            Some(address) => {
                self.transport.set(Some(address.transport));
                Input::Resolved { attempt, route: address.route() }
            }
            None => Input::Lost { attempt, failure: Failure::Provider },
        }
    }

    /// An attempt came to nothing, for this reason ([`lost`]).
    #[cfg(feature = "rust")]
    pub(crate) fn lost(&self, attempt: u32, code: u32) {
        self.input(Input::Lost { attempt, failure: failure(code, self.state()) });
    }

    /// What JavaScript calls. The answer is for who called: see [`Call`].
    #[cfg(feature = "npm")]
    pub(crate) fn called(&self, kind: u32, attempt: u32, code: u32, high: u32, low: u32) -> u32 {
        // What the core is to rule by. A handler that reconnects in the middle of a message leaves an id behind, and
        // whether there is something to go on from matters to a page that freezes.
        if Call::rules(kind) {
            self.learn();
        }
        self.call(|| Call::read(kind, attempt, code, high, low))
    }

    /// What the port has to say. The answer is for who called: see [`Call`].
    // Inlined, for the size: it becomes one with what reads the call.
    #[inline(always)]
    pub(crate) fn call(&self, call: impl FnOnce() -> Option<Call>) -> u32 {
        let mut inner = self.inner.borrow_mut();
        let Inner { core, parser } = &mut *inner;
        // Nothing stands between these two: the compiler makes one match of them.
        let Some(call) = call() else { return 0 };
        let input = match call {
            Call::Tick { behind } => {
                self.armed.set(u64::MAX);
                if behind {
                    core.behind();
                }
                Input::Tick { wall: sys::wall() as u64 }
            }
            Call::Opened { attempt } => Input::Opened { attempt },
            Call::Lost { attempt, code, brought } => {
                if core.current(attempt)
                    && let Some(ms) = parser.finish()
                {
                    core.retry_told(ms.into());
                }
                if brought {
                    core.brought(attempt);
                }
                Input::Lost { attempt, failure: failure(code, core.state()) }
            }
            Call::Interrupted { attempt } => Input::Interrupted { attempt },
            Call::Refused { attempt, status, retry_after } => {
                Input::Lost { attempt, failure: Failure::Http { status, retry_after } }
            }
            Call::Page(page) => Input::Page(page),
            Call::Retire => Input::Retire,
            Call::Acked { id } => Input::Acked(id),
            Call::Abort { id } => Input::Abort(id),
            Call::Ponged => Input::Ponged,
            Call::Start => Input::Start,
            Call::Resolved { attempt, route, once } => self.prepared(attempt, Address::new(route, once)),
            Call::Send { id, bytes, ttl: expires, priority, volatile, awaits } => {
                Input::Send(Parcel { expires, priority, volatile, awaits, ..Parcel::new(id, bytes) })
            }
            Call::Reconnect => Input::Reconnect,
            #[cfg(feature = "duplex")]
            Call::Slower => Input::Slower,
            #[cfg(feature = "duplex")]
            Call::Probed { attempt, answer } => Input::Probed { attempt, answer },
            #[cfg(feature = "duplex")]
            Call::Streaming { attempt } => {
                core.streaming(now(), attempt);
                return self.after(inner, 0);
            }
            #[cfg(feature = "duplex")]
            Call::WouldStream { attempt } => {
                core.would_stream(now(), attempt);
                return self.after(inner, 0);
            }
            Call::Close { why, code } => Input::Close { why, code },

            Call::Follow(before) => {
                let waits = core.follow(now(), before).into();
                return self.after(inner, waits);
            }
            Call::Check { id, number } => {
                let answer = ruling(core.check(id, number));
                return self.after(inner, answer);
            }
            Call::GapTold { here } => {
                core.gap_told(here);
                return self.after(inner, 0);
            }
            Call::RecoveryTold => {
                core.recovery_told();
                return self.after(inner, 0);
            }
            Call::Resumable => {
                core.resumable();
                return self.after(inner, 0);
            }
            Call::Stopping { on } => {
                core.stopping(on);
                return self.after(inner, 0);
            }
            Call::Nacked { id } => {
                core.refused(id, false);
                return self.after(inner, 0);
            }
            #[cfg(feature = "duplex")]
            Call::Subscribe { topic, from } => {
                core.subscribe(now(), topic, from);
                return self.after(inner, 0);
            }
            #[cfg(feature = "duplex")]
            Call::SubscribeAgain { topic } => {
                core.subscribe_again(now(), topic);
                return self.after(inner, 0);
            }
            #[cfg(feature = "duplex")]
            Call::Joining { topic, id, bytes, more } => {
                core.joining(topic, id, bytes, more);
                return self.after(inner, 0);
            }
            #[cfg(feature = "duplex")]
            Call::Unjoinable { topic } => {
                core.unjoinable(topic);
                return self.after(inner, 0);
            }
            #[cfg(feature = "duplex")]
            Call::NextJoin => {
                let answer = core.next_join().map_or(0, |topic| topic + 1);
                return self.after(inner, answer);
            }
            #[cfg(feature = "duplex")]
            Call::TopicAnswered { topic, refused } => {
                let answer = core.topic_answered(topic, refused).into();
                return self.after(inner, answer);
            }
            #[cfg(feature = "duplex")]
            Call::TopicHeard { topic } => {
                let answer = core.topic_heard(topic).into();
                return self.after(inner, answer);
            }
            #[cfg(feature = "duplex")]
            Call::TopicCheck { id, number } => {
                let answer = ruling(core.check_topic(id, number));
                return self.after(inner, answer);
            }
            #[cfg(feature = "duplex")]
            Call::TopicRemoved { topic } => {
                let answer = core.topic_removed(Moment { now: now(), draw: draw() }, topic).into();
                return self.after(inner, answer);
            }
            #[cfg(feature = "duplex")]
            Call::TopicGap { topic } => {
                core.topic_gap_told(topic);
                return self.after(inner, 0);
            }
            #[cfg(feature = "duplex")]
            Call::Leave { topic } => {
                let answer = core.leave(topic).into();
                return self.after(inner, answer);
            }
            #[cfg(feature = "duplex")]
            Call::Leaving { id, bytes } => {
                core.leaving(id, bytes);
                return self.after(inner, 0);
            }
            #[cfg(feature = "duplex")]
            Call::Replied { key } => {
                let answer = core.replied(key) as u32;
                return self.after(inner, answer);
            }
            #[cfg(feature = "duplex")]
            Call::Found { tab } => {
                core.found(tab);
                return self.after(inner, 0);
            }
            #[cfg(feature = "duplex")]
            Call::Unlocked { tab } => {
                core.unlocked(sys::wall() as u64, tab);
                return self.after(inner, 0);
            }
            #[cfg(feature = "duplex")]
            Call::Keep { id, ttl } => {
                core.keep(sys::wall() as u64, id, ttl);
                return self.after(inner, 0);
            }
            #[cfg(feature = "duplex")]
            Call::Restored { id, expires } => {
                let answer = core.restored(sys::wall() as u64, id, expires).into();
                return self.after(inner, answer);
            }
            #[cfg(feature = "duplex")]
            Call::Done { id } => {
                core.done(id);
                return self.after(inner, 0);
            }

            #[cfg(feature = "duplex")]
            Call::Post { request } => {
                let (messages, outlives) = core.post(now(), request);
                let answer = messages << 1 | u32::from(outlives);
                return self.after(inner, answer);
            }
            #[cfg(feature = "duplex")]
            Call::Posted { request, answer } => {
                let awaited = core.awaits_answer(request);
                drop(inner);
                self.input(Input::Posted { request, answer });
                return awaited.into();
            }
            #[cfg(feature = "duplex")]
            Call::PageLeaves { persisted, alive } => Input::Leave { persisted, alive },

            // Nothing is to be done upon these.
            #[cfg(feature = "duplex")]
            Call::Sendable => return core.sendable().into(),
            #[cfg(feature = "duplex")]
            Call::Locked { tab } => return core.locked(tab).into(),
            Call::Stage => {
                parser.reset();
                return parser.stage() as u32;
            }
            Call::Fed { length, early } => {
                let table = parser.fed(length, early).as_ptr() as u32;
                told(core, parser);
                return table;
            }
            Call::Parse { units } => {
                let table = parser.parse(units).as_ptr() as u32;
                told(core, parser);
                return table;
            }
            Call::GoesUp { asking, header, query } => return core.goes_up(asking, header, query) as u32,
            Call::Learn { id, more } => {
                core.learn(id);
                core.received(more);
                return 0;
            }
            Call::StartFrom { id, number } => {
                core.start_from(id, number);
                return 0;
            }
            Call::Epoch { epoch, first } => {
                match first {
                    Some(first) => core.begins(first),
                    None => core.epoch(epoch),
                }
                return 0;
            }
            Call::Unpinged => {
                core.unpinged();
                return 0;
            }
            Call::Asking => {
                core.asking();
                return 0;
            }
            Call::PlaceDue { claim } => {
                core.place_due(now(), claim);
                return self.after(inner, 0);
            }
            Call::RetryIn => return core.retry_at().map_or(0, |at| at.saturating_sub(now())) as u32,
            #[cfg(feature = "duplex")]
            Call::Asks { key, own, again } => {
                core.asks(key.map(|key| Question { key, own, again }));
                return 0;
            }
            // Of the instance, before there is a client or after it (`bindings`).
            Call::New { .. } | Call::Free | Call::Write(_) => return 0,
        };
        drop(inner);
        self.input(input);
        0
    }

    // Not inlined, for the size: it has many callers.
    #[inline(never)]
    fn after(&self, inner: RefMut<'_, Inner>, answer: u32) -> u32 {
        drop(inner);
        self.run();
        answer
    }

    pub(crate) fn input(&self, input: Input) {
        let heard = self.port.heard() as u64;
        {
            let core = &mut self.inner.borrow_mut().core;
            let at = Moment { now: now(), draw: draw() };
            core.hear(at.now, heard);
            core.handle(at, input);
        }
        self.run();
    }

    fn run(&self) {
        self.gate();
        loop {
            // Taken in a statement of its own: the borrow ends before the action runs.
            let action = self.inner.borrow_mut().core.poll();
            match action {
                Some(action) => self.perform(action),
                None => break,
            }
        }
        self.arm();
    }

    fn gate(&self) {
        let checked = self.inner.borrow().core.checking();
        if self.checked.replace(checked) != checked {
            self.port.set_checked(checked);
        }
    }

    fn arm(&self) {
        let due = self.inner.borrow().core.due();
        if self.armed.replace(due) == due {
            return;
        }
        if due == u64::MAX {
            self.port.disarm();
        } else {
            // Browsers wrap a longer delay to none at all; an early tick does no harm.
            self.port.arm(due.saturating_sub(now()).min(MAX_DELAY) as i32);
        }
    }

    fn perform(&self, action: Action) {
        match action {
            Action::Resolve { attempt, retry, reason, endpoint } => {
                self.host.resolve(self, attempt, retry, reason, endpoint);
            }
            Action::Open { attempt } => self.open(attempt),
            Action::Switch(taken) => self.port.switch(taken),
            Action::Drop { code } => {
                self.learn();
                if self.state() == State::Closed {
                    self.port.dispose(code);
                    // With its timer.
                    self.armed.set(u64::MAX);
                } else {
                    self.port.drop(code);
                }
            }
            Action::Ping => self.port.send_ping(),
            Action::Transmit(id) => self.transmit(id),
            #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
            Action::Stop(_request) => {
                #[cfg(feature = "duplex")]
                self.port.stop(_request);
            }
            Action::Settle { id, sent } => self.settle(id, sent),
            Action::Ask(failure) => {
                let decision = self.host.ask(failure);
                self.input(Input::Answer(decision));
            }
            #[cfg(feature = "duplex")]
            Action::Head { attempt } => self.host.head(attempt),
            #[cfg(feature = "duplex")]
            Action::Probe { attempt } => self.host.probe(attempt),
            #[cfg(feature = "duplex")]
            Action::Begin(endpoint) => self.host.begin(endpoint),
            #[cfg(feature = "duplex")]
            Action::Persist(step) => self.host.persist(step),
            #[cfg(feature = "duplex")]
            Action::Poll { attempt, wait } => {
                // The cursor is read.
                self.learn();
                self.host.poll(attempt, wait);
            }
            // The core's own tests have them all.
            #[cfg(all(test, not(target_arch = "wasm32"), not(feature = "duplex")))]
            Action::Head { .. }
            | Action::Probe { .. }
            | Action::Begin(_)
            | Action::Persist(_)
            | Action::Poll { .. } => {}
            Action::Place => self.host.place(),
            Action::Record(loss) => self.host.record(loss),
            Action::Tell(news) => self.host.tell(self, news),
        }
    }

    fn open(&self, attempt: u32) {
        let Some(transport) = self.transport.take() else { return };
        if !self.port.open(attempt, transport.number()) {
            self.input(Input::Lost { attempt, failure: Failure::Blocked });
        }
    }

    fn transmit(&self, id: u32) {
        let taken = self.port.send(id);
        let core = &mut self.inner.borrow_mut().core;
        match taken {
            taken::SENT => core.sent(now(), id),
            // It would be refused again: a view of shared memory, a detached buffer.
            taken::UNSENDABLE => core.refused(id, false),
            // Its length there, and whether it is bytes.
            #[cfg(feature = "duplex")]
            taken::CARRIED.. => core.carried(now(), id, u64::from(taken >> 1) - 2, taken & 1 > 0),
            full => core.unsent(now(), id, full != taken::NOT_OPEN),
        }
    }

    fn settle(&self, id: u32, sent: Sent) {
        #[cfg(feature = "rust")]
        self.port.settled(id);
        self.host.settle(id, sent);
    }

    /// The cursor is being read, for a connection that is to go on from it.
    #[cfg(feature = "rust")]
    pub(crate) fn asking(&self) {
        self.learn();
        self.inner.borrow_mut().core.asking();
    }

    /// The ids that went through the open gate.
    fn learn(&self) {
        self.port.drain();
    }
}

#[cfg(feature = "rust")]
impl<H: Host> Core for Driver<H> {
    fn port(&self) -> &Port {
        &self.port
    }

    fn call(&self, call: Call) -> u32 {
        self.call(|| Some(call))
    }

    fn retries(&self) -> u64 {
        self.retries()
    }

    fn stream(&self) {
        self.inner.borrow_mut().parser.reset();
    }

    fn read(&self, chunk: &[u8]) -> Vec<Piece> {
        let Inner { core, parser } = &mut *self.inner.borrow_mut();
        let pieces = parser.read(chunk);
        told(core, parser);
        pieces
    }
}

impl<H: Host> Drop for Driver<H> {
    /// The app let go of it without closing: nothing may be left behind.
    fn drop(&mut self) {
        if self.state() != State::Closed {
            self.port.dispose(0);
        }
    }
}

/// Why a connection was lost that is in this state.
fn failure(code: u32, state: State) -> Failure {
    match code {
        lost::END => Failure::End,
        lost::CONTENT_TYPE => Failure::ContentType,
        lost::TOO_BIG => Failure::TooBig,
        lost::PROVIDER => Failure::Provider,
        lost::BUFFERED => Failure::Buffered,
        lost::NOT_RESUMABLE => Failure::NotResumable,
        lost::REDIRECT => Failure::Redirect,
        // What has been let out breaks for other reasons.
        lost::BLOCKED if state != State::Open => Failure::Blocked,
        lost::BLOCKED | lost::NETWORK => Failure::Network,
        code => Failure::Closed { code: code as u16 },
    }
}

/// As [`ruling`](crate::codes::ruling) has it.
fn ruling((deliver, moves, restarted): (bool, bool, bool)) -> u32 {
    let bit = |set: bool, bit| if set { bit } else { 0 };
    bit(deliver, ruling::DELIVER) | bit(moves, ruling::MOVES) | bit(restarted, ruling::RESTARTED)
}

/// The server's `retry:` field, if one came.
fn told(core: &mut Connection, parser: &mut Parser) {
    if let Some(ms) = parser.take_retry() {
        core.retry_told(ms.into());
    }
}

fn now() -> u64 {
    sys::monotonic() as u64
}

fn draw() -> u32 {
    (sys::random() * 4_294_967_296.0) as u32
}

//! Owns one connection of the core and carries its actions out. Knows no policy and no app: the app's
//! side is a [`Host`], the page's side a [`Port`].
//!
//! No borrow is held across a call into JavaScript: any such call may come back in.

use std::cell::{Cell, RefCell};

use crate::{
    core::{
        Connection,
        config::{Config, MAX_DELAY},
        failure::Failure,
        io::{Action, Input, Moment, News, Page, Reason},
        losses::Loss,
        outbox::Sent,
        seam::Id,
        state::State,
    },
    sse::Parser,
    transport::{
        Transport,
        address::Address,
        sys::{self, Port},
    },
};

#[cfg(feature = "duplex")]
use crate::core::requests::Question;

/// The app's side.
pub(crate) trait Host: Sized {
    /// Find the address and let the port prepare it, then give what [`Driver::prepared`] makes of it, now or later.
    fn resolve(&self, driver: &Driver<Self>, attempt: u32, retry: u64, reason: Reason, endpoint: u32);
    fn ask(&self, failure: Failure) -> Option<bool>;
    fn settle(&self, id: u32, sent: Sent);
    fn tell(&self, driver: &Driver<Self>, news: News);
    /// Of a client that was told to [`Driver::follow`].
    fn record(&self, _: Loss) {}
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
        if page & 1 != 0 {
            core.handle(at, Input::Page(Page::Hidden));
        }
        if page & 2 != 0 {
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

    #[cfg(feature = "rust")]
    pub(crate) fn port(&self) -> &Port {
        &self.port
    }

    pub(crate) fn state(&self) -> State {
        self.inner.borrow().core.state()
    }

    pub(crate) fn last_failure(&self) -> Option<Failure> {
        self.inner.borrow().core.last_failure()
    }

    #[cfg(feature = "npm")]
    pub(crate) fn fate(&self, why: crate::Why) -> crate::core::io::Fate {
        self.inner.borrow().core.fate(why)
    }

    #[cfg(feature = "rust")]
    pub(crate) fn retries(&self) -> u64 {
        self.inner.borrow().core.retries()
    }

    /// How long until the next attempt, in ms, while waiting.
    pub(crate) fn retry_in(&self) -> Option<u64> {
        let at = self.inner.borrow().core.retry_at()?;
        Some(at.saturating_sub(now()))
    }

    #[cfg(feature = "rust")]
    pub(crate) fn queued(&self) -> (usize, u64) {
        let core = &self.inner.borrow().core;
        (core.queue().len(), core.queue().bytes())
    }

    pub(crate) fn start(&self) {
        self.input(Input::Start);
    }

    /// Starts after what was lost in this place before. Whether it has to wait for that.
    #[cfg(feature = "npm")]
    pub(crate) fn follow(&self, before: Loss) -> bool {
        let waits = self.inner.borrow_mut().core.follow(now(), before);
        self.run();
        waits
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

    /// There is nothing to go on with.
    #[cfg(feature = "rust")]
    pub(crate) fn not_resumable(&self, attempt: u32) {
        self.input(Input::Lost { attempt, failure: Failure::NotResumable });
    }

    /// What the port calls; the numbers stand in `port.js`, and `high` and `low` are an id's fingerprint. The answer
    /// matters to a check: bit 0 deliver, bit 1 the id is the cursor now, bit 2 the ids began anew.
    pub(crate) fn called(&self, kind: u32, attempt: u32, code: u32, high: u32, low: u32) -> u32 {
        // What the core is to rule by. A handler that reconnects in the middle of a message leaves an id behind, and
        // whether there is something to go on from matters to a page that freezes.
        if matches!(kind, 1 | 3 | 4 | 6 | 19 | 22) {
            self.learn();
        }
        #[cfg(feature = "duplex")]
        if let Some(call) = TopicCall::read(kind, attempt, code, high, low) {
            return self.topic(call);
        }
        self.input(match kind {
            0 => {
                self.armed.set(u64::MAX);
                if code > 0 {
                    self.inner.borrow_mut().core.behind();
                }
                Input::Tick { wall: sys::wall() as u64 }
            }
            1 => Input::Opened { attempt },
            2 => Input::Lost { attempt, failure: self.lost(attempt, code, high > 0) },
            3 => Input::Interrupted { attempt },
            4 => match page(code) {
                Some(page) => Input::Page(page),
                None => return 0,
            },
            6 if code > 1 => Input::Retire,
            7 => {
                let seconds = (code >> 10).checked_sub(1);
                let retry_after = seconds.map(|seconds| seconds.saturating_mul(1_000));
                Input::Lost { attempt, failure: Failure::Http { status: (code & 1023) as u16, retry_after } }
            }
            16 => Input::Acked(code),
            17 if code == 0 => Input::Ponged,
            18 => Input::Abort(code),
            20 if attempt == 0 => Input::Posted(code),
            21 => Input::Room(code.checked_sub(1).map(u64::from)),
            _ => return self.told(kind, attempt, code, [high, low]),
        });
        0
    }

    /// Why a connection was lost. `brought`: it delivered something, and ended in good order.
    fn lost(&self, attempt: u32, code: u32, brought: bool) -> Failure {
        let Inner { core, parser } = &mut *self.inner.borrow_mut();
        if core.current(attempt)
            && let Some(ms) = parser.finish()
        {
            core.retry_told(ms.into());
        }
        if brought {
            core.brought(attempt);
        }
        match code {
            0 => Failure::End,
            1 => Failure::ContentType,
            2 => Failure::TooBig,
            3 => Failure::Provider,
            4 => Failure::Buffered,
            5 => Failure::NotResumable,
            7 => Failure::Redirect,
            // What has been let out breaks for other reasons.
            6 if core.state() != State::Open => Failure::Blocked,
            // 1006 never comes over the wire: there was no close frame (RFC 6455, 7.4.1).
            6 | 1006 => Failure::Network,
            _ => Failure::Closed { code: code as u16 },
        }
    }

    /// What is no input.
    fn told(&self, kind: u32, attempt: u32, code: u32, [high, low]: [u32; 2]) -> u32 {
        let id = hashed(high, low);
        #[cfg(feature = "duplex")]
        let key = u64::from(high) << 32 | u64::from(low);
        let mut inner = self.inner.borrow_mut();
        let Inner { core, parser } = &mut *inner;
        let mut answer = 0;
        match kind {
            5 => {
                let (deliver, moves, restarted) = core.check(id, sequence(attempt, code));
                answer = u32::from(deliver) | u32::from(moves) << 1 | u32::from(restarted) << 2;
            }
            6 if code == 0 => core.gap_told(),
            6 => core.recovery_told(),
            12 => core.resumable(),
            #[cfg(feature = "duplex")]
            51 => answer = core.replied(key) as u32,
            20 if attempt > 1 => core.refused(code, attempt > 2),
            22 => core.asked_again(attempt),
            // Nothing is to be done upon these.
            _ => {
                match kind {
                    8 => {
                        parser.reset();
                        return parser.stage() as u32;
                    }
                    9 | 10 => {
                        let table = if kind == 9 {
                            // How to count, if that is known: 1 bytes, 2 units.
                            parser.fed(code as usize, attempt.checked_sub(1).map(|units| units > 0))
                        } else {
                            parser.parse(code != 0)
                        };
                        answer = table.as_ptr() as u32;
                        if let Some(ms) = parser.take_retry() {
                            core.retry_told(ms.into());
                        }
                    }
                    11 => answer = core.goes_up(code),
                    13 => {
                        core.learn(id);
                        core.received(sequence(attempt, code).unwrap_or_default());
                    }
                    14 => core.start_from(id, sequence(attempt, code)),
                    17 => core.unpinged(),
                    19 => core.asking(),
                    #[cfg(feature = "duplex")]
                    50 => core.asks((key > 0).then_some(Question {
                        key,
                        own: code & 1 > 0,
                        again: code & 2 > 0,
                    })),
                    // It keeps its place.
                    20 => core.unsent(now(), code, false),
                    23 => answer = core.pause(code != 0, draw()) as u32,
                    _ => {
                        if let Id::Own(epoch) = id {
                            core.epoch(epoch);
                        }
                    }
                }
                return answer;
            }
        }
        drop(inner);
        self.run();
        answer
    }

    /// What is said of a topic. The answer: whether it is for who listens now, whether a leave is owed, or as of a check.
    #[cfg(feature = "duplex")]
    fn topic(&self, call: TopicCall) -> u32 {
        let mut answer = 0;
        let mut inner = self.inner.borrow_mut();
        let core = &mut inner.core;
        match call {
            TopicCall::Subscribe { topic, from } => core.subscribe(now(), topic, from),
            TopicCall::Again { topic } => core.subscribe_again(now(), topic),
            TopicCall::Joining { topic, id, bytes, more } => core.joining(topic, id, bytes, more),
            TopicCall::Next => answer = core.next_join().map_or(0, |topic| topic + 1),
            TopicCall::Unjoinable { topic } => core.unjoinable(topic),
            TopicCall::Answered { topic, refused } => answer = core.topic_answered(topic, refused).into(),
            TopicCall::Heard { topic } => answer = core.topic_heard(topic).into(),
            TopicCall::Check { id, number } => {
                let (deliver, moves, restarted) = core.check_topic(id, number);
                answer = u32::from(deliver) | u32::from(moves) << 1 | u32::from(restarted) << 2;
            }
            TopicCall::Gap { topic } => core.topic_gap_told(topic),
            TopicCall::Leave { topic } => answer = core.leave(topic).into(),
            TopicCall::Leaving { id, bytes } => core.leaving(id, bytes),
        }
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
                } else {
                    self.port.drop(code);
                }
            }
            Action::Ping => self.port.send_ping(),
            Action::Transmit(id) => self.transmit(id),
            Action::Settle { id, sent } => self.settle(id, sent),
            Action::Ask(failure) => {
                let verdict = self.host.ask(failure);
                self.input(Input::Answer(verdict));
            }
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
            1 => core.sent(now(), id),
            // It would be refused again: a view of shared memory, a detached buffer.
            2 => core.refused(id, false),
            // A request carries it, whose answer says what became of it.
            4 => {
                #[cfg(feature = "duplex")]
                core.carried(now());
            }
            full => core.unsent(now(), id, full != 0),
        }
    }

    fn settle(&self, id: u32, sent: Sent) {
        #[cfg(feature = "rust")]
        {
            let payloads = self.port.payloads();
            if let Some(key) = js_sys::Array::from(&payloads.get(&id.into())).get(1).as_string() {
                self.port.awaiting().delete(&key.into());
            }
            payloads.delete(&id.into());
        }
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

impl<H: Host> Drop for Driver<H> {
    /// The app let go of it without closing: nothing may be left behind.
    fn drop(&mut self) {
        if self.state() != State::Closed {
            self.port.dispose(0);
        }
    }
}

/// What `subscriptions.js` calls, by its kind.
#[cfg(feature = "duplex")]
enum TopicCall {
    /// Somebody listens to a topic of this number, from this place on.
    Subscribe {
        topic: u32,
        from: Id,
    },
    /// Somebody else, too.
    Again {
        topic: u32,
    },
    /// Its join is this send, of so many bytes; `more`: with the one before it.
    Joining {
        topic: u32,
        id: u32,
        bytes: u64,
        more: bool,
    },
    /// The number of the next topic whose join is to be made, counted from 1; 0: that is all.
    Next,
    /// There is no join that could be sent.
    Unjoinable {
        topic: u32,
    },
    /// The server's word on a join.
    Answered {
        topic: u32,
        refused: bool,
    },
    /// A message of it came: the next check is about it.
    Heard {
        topic: u32,
    },
    Check {
        id: Id,
        number: Option<u64>,
    },
    /// The server said that something of it is missing.
    Gap {
        topic: u32,
    },
    /// Nobody listens any more.
    Leave {
        topic: u32,
    },
    /// Its leave is this send.
    Leaving {
        id: u32,
        bytes: u64,
    },
}

#[cfg(feature = "duplex")]
impl TopicCall {
    fn read(kind: u32, attempt: u32, code: u32, high: u32, low: u32) -> Option<Self> {
        let topic = attempt;
        Some(match kind {
            32 => Self::Subscribe { topic, from: hashed(high, low) },
            33 => Self::Again { topic },
            34 => Self::Joining { topic, id: code, bytes: high.into(), more: low != 0 },
            35 => Self::Unjoinable { topic },
            36 => Self::Answered { topic, refused: code != 0 },
            37 => Self::Heard { topic },
            38 => Self::Check { id: hashed(high, low), number: sequence(attempt, code) },
            39 => Self::Gap { topic },
            40 => Self::Leave { topic },
            41 => Self::Leaving { id: code, bytes: high.into() },
            42 => Self::Next,
            _ => return None,
        })
    }
}

/// The fingerprint of an id in two halves, as port.js makes it: 0 and 0 is none, 0 and 1 the empty one.
fn hashed(high: u32, low: u32) -> Id {
    match (high, low) {
        (0, 0) => Id::None,
        (0, _) => Id::Reset,
        _ => Id::Own(u64::from(high) << 32 | u64::from(low)),
    }
}

/// Two halves of a number below 2^53, the upper one counted from 1; 0: there is none.
fn sequence(high: u32, low: u32) -> Option<u64> {
    Some(u64::from(high.checked_sub(1)?) << 32 | u64::from(low))
}

fn now() -> u64 {
    sys::monotonic() as u64
}

fn draw() -> u32 {
    (sys::random() * 4_294_967_296.0) as u32
}

fn page(code: u32) -> Option<Page> {
    Some(match code {
        0 => Page::Online,
        1 => Page::Offline,
        2 => Page::Hidden,
        3 => Page::Visible,
        4 => Page::Frozen,
        5 => Page::Resumed,
        6 => Page::Left,
        8 => Page::Gone,
        _ => return None,
    })
}

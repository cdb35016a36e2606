//! Owns one connection of the core and carries its actions out. Knows no policy and no app: the app's
//! side is a [`Host`], the page's side a [`Port`].
//!
//! No borrow is held across a call into JavaScript: any such call may come back in.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use crate::{
    core::{
        Connection,
        config::{Config, MAX_DELAY},
        failure::Failure,
        io::{Action, Input, Moment, News, Page, Reason, Why},
        outbox::{Parcel, Sent},
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

/// The app's side.
pub(crate) trait Host {
    /// Find the address and let the port prepare it, then [`Driver::resolved`], now or later.
    fn resolve(&self, driver: &Rc<Driver>, attempt: u32, retry: u64, reason: Reason, endpoint: u32);
    fn ask(&self, failure: Failure) -> Option<bool>;
    fn settle(&self, id: u32, sent: Sent);
    fn tell(&self, driver: &Rc<Driver>, news: News);
}

pub(crate) struct Driver {
    core: RefCell<Connection>,
    port: Port,
    host: Box<dyn Host>,
    /// Of the event stream that fetch reads.
    parser: RefCell<Parser>,
    /// The transport of what the port has prepared.
    transport: Cell<Option<Transport>>,
    armed: Cell<Option<u64>>,
    checked: Cell<bool>,
}

impl Driver {
    pub(crate) fn new(
        config: Config,
        port: Port,
        host: Box<dyn Host>,
        watch_page: bool,
        max_event_bytes: usize,
        comments: bool,
    ) -> Rc<Self> {
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
        Rc::new(Self {
            core: RefCell::new(core),
            port,
            host,
            parser: RefCell::new(Parser::new(max_event_bytes, comments)),
            transport: Cell::new(None),
            armed: Cell::new(None),
            checked: Cell::new(false),
        })
    }

    #[cfg(feature = "rust")]
    pub(crate) fn port(&self) -> &Port {
        &self.port
    }

    pub(crate) fn state(&self) -> State {
        self.core.borrow().state()
    }

    pub(crate) fn last_failure(&self) -> Option<Failure> {
        self.core.borrow().last_failure()
    }

    #[cfg(feature = "npm")]
    pub(crate) fn fate(&self, why: Why) -> crate::core::io::Fate {
        self.core.borrow().fate(why)
    }

    #[cfg(feature = "rust")]
    pub(crate) fn retries(&self) -> u64 {
        self.core.borrow().retries()
    }

    /// How long until the next attempt, in ms, while waiting.
    pub(crate) fn retry_in(&self) -> Option<u64> {
        let at = self.core.borrow().retry_at()?;
        Some(at.saturating_sub(now()))
    }

    #[cfg(feature = "rust")]
    pub(crate) fn queued(&self) -> (usize, u64) {
        let core = self.core.borrow();
        (core.queue().len(), core.queue().bytes())
    }

    pub(crate) fn start(self: &Rc<Self>) {
        self.input(Input::Start);
    }

    /// An address that does not parse is a failed attempt: the function may do better next time.
    pub(crate) fn resolved(self: &Rc<Self>, attempt: u32, address: Option<Address>) {
        self.input(match address {
            Some(address) => {
                self.transport.set(Some(address.transport));
                Input::Resolved { attempt, route: address.route() }
            }
            None => Input::ProviderFailed { attempt },
        });
    }

    /// There is nothing to go on with.
    #[cfg(feature = "rust")]
    pub(crate) fn not_resumable(self: &Rc<Self>, attempt: u32) {
        self.input(Input::Lost { attempt, failure: Failure::NotResumable });
    }

    /// The port has the payload. [`Host::settle`] will name this id, which may be before this returns. Ids ascend.
    pub(crate) fn send(self: &Rc<Self>, parcel: Parcel) {
        self.input(Input::Send(parcel));
    }

    pub(crate) fn reconnect(self: &Rc<Self>) {
        self.input(Input::Reconnect);
    }

    pub(crate) fn close(self: &Rc<Self>, why: Why, code: u16) {
        self.input(Input::Close { why, code });
    }

    /// What the port calls; the numbers stand in `port.js`, and `high` and `low` are an id's mark. The answer
    /// matters to a check: bit 0 deliver, bit 1 the id is the cursor now, bit 2 the ids began anew.
    pub(crate) fn called(self: &Rc<Self>, kind: u32, attempt: u32, code: u32, high: u32, low: u32) -> u32 {
        let id = hashed(high, low);
        match kind {
            0 => {
                self.armed.set(None);
                self.input(Input::Tick { wall: sys::wall() as u64 });
            }
            1 => {
                // A handler that reconnects in the middle of a message leaves an id behind.
                self.learn();
                self.input(Input::Opened { attempt });
            }
            2 => {
                if self.core.borrow().current(attempt) {
                    self.retry_told(self.parser.borrow_mut().finish());
                }
                if high > 0 {
                    self.core.borrow_mut().brought(attempt);
                }
                let failure = match code {
                    0 => Failure::End,
                    1 => Failure::ContentType,
                    2 => Failure::TooBig,
                    3 => Failure::Provider,
                    4 => Failure::Buffered,
                    5 => Failure::NotResumable,
                    // What has been let out breaks for other reasons.
                    6 if self.state() != State::Open => Failure::Blocked,
                    6 => Failure::Network,
                    // Never comes over the wire: there was no close frame (RFC 6455, 7.4.1).
                    1006 => Failure::Network,
                    _ => Failure::Closed { code: code as u16 },
                };
                self.input(Input::Lost { attempt, failure });
            }
            3 => {
                self.learn();
                self.input(Input::Interrupted { attempt });
            }
            4 => {
                // Whether there is something to go on from matters to a page that freezes.
                self.learn();
                if let Some(page) = page(code) {
                    self.input(Input::Page(page));
                }
            }
            5 => {
                let (deliver, moves, anew) = self.core.borrow_mut().check(id, sequence(attempt, code));
                self.run();
                return u32::from(deliver) | u32::from(moves) << 1 | u32::from(anew) << 2;
            }
            6 => {
                self.learn();
                match code {
                    0 => self.core.borrow_mut().gap_told(),
                    1 => self.core.borrow_mut().recovery_told(),
                    _ => self.input(Input::Retire),
                }
                self.run();
            }
            7 => {
                let seconds = (code >> 10).checked_sub(1);
                let retry_after = seconds.map(|seconds| seconds.saturating_mul(1_000));
                let failure = Failure::Http { status: (code & 1023) as u16, retry_after };
                self.input(Input::Lost { attempt, failure });
            }
            8 => {
                let mut parser = self.parser.borrow_mut();
                parser.reset();
                return parser.stage() as u32;
            }
            9 | 10 => {
                let mut parser = self.parser.borrow_mut();
                let table = if kind == 9 {
                    // How to count, if that is known: 1 bytes, 2 units.
                    parser.fed(code as usize, attempt.checked_sub(1).map(|units| units > 0))
                } else {
                    parser.parse(code != 0)
                };
                let table = table.as_ptr() as u32;
                self.retry_told(parser.take_retry());
                return table;
            }
            11 => return self.core.borrow_mut().goes_up(code),
            12 => {
                self.core.borrow_mut().resumable();
                self.arm();
            }
            13 => self.core.borrow_mut().learn(id),
            14 => self.core.borrow_mut().start_from(id, sequence(attempt, code)),
            16 => self.input(Input::Acked(code)),
            17 => self.input(Input::Ponged),
            18 => self.input(Input::Abort(code)),
            19 => self.asking(),
            20 => match attempt {
                0 => self.input(Input::Posted(code)),
                // It keeps its place.
                1 => self.core.borrow_mut().unsent(now(), code, false),
                _ => {
                    self.core.borrow_mut().refused(code, attempt > 2);
                    self.run();
                }
            },
            22 => {
                self.learn();
                self.core.borrow_mut().asked_again(attempt);
                self.run();
            }
            23 => return self.core.borrow().pause(code != 0, draw()) as u32,
            21 => self.input(Input::Room(code.checked_sub(1).map(u64::from))),
            _ => {
                if let Id::Own(epoch) = id {
                    self.core.borrow_mut().epoch(epoch);
                }
            }
        }
        0
    }

    fn retry_told(&self, told: Option<u32>) {
        if let Some(ms) = told {
            self.core.borrow_mut().retry_told(u64::from(ms));
        }
    }

    fn input(self: &Rc<Self>, input: Input) {
        let heard = self.port.heard() as u64;
        {
            let mut core = self.core.borrow_mut();
            let at = Moment { now: now(), draw: draw() };
            core.handle(at, Input::Heard { at: heard });
            core.handle(at, input);
        }
        self.run();
    }

    fn run(self: &Rc<Self>) {
        self.gate();
        loop {
            // Taken in a statement of its own: the borrow ends before the action runs.
            let action = self.core.borrow_mut().poll();
            match action {
                Some(action) => self.perform(action),
                None => break,
            }
        }
        self.arm();
    }

    fn gate(&self) {
        let checked = self.core.borrow().checking();
        if self.checked.replace(checked) != checked {
            self.port.set_checked(checked);
        }
    }

    fn arm(&self) {
        let deadline = self.core.borrow().deadline();
        if self.armed.replace(deadline) == deadline {
            return;
        }
        match deadline {
            // Browsers wrap a longer delay to none at all; an early tick does no harm.
            Some(at) => self.port.arm(at.saturating_sub(now()).min(MAX_DELAY) as i32),
            None => self.port.disarm(),
        }
    }

    fn perform(self: &Rc<Self>, action: Action) {
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
            Action::Tell(news) => self.host.tell(self, news),
        }
    }

    fn open(self: &Rc<Self>, attempt: u32) {
        let Some(transport) = self.transport.take() else { return };
        if !self.port.open(attempt, transport.number()) {
            self.input(Input::Lost { attempt, failure: Failure::Blocked });
        }
    }

    fn transmit(&self, id: u32) {
        let taken = self.port.send(id);
        let mut core = self.core.borrow_mut();
        match taken {
            1 => core.sent(now(), id),
            // It would be refused again: a view of shared memory, a detached buffer.
            2 => core.refused(id, false),
            // A request carries it, whose answer says what became of it.
            4 => {}
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
    pub(crate) fn asking(&self) {
        self.learn();
        self.core.borrow_mut().asking();
    }

    /// The ids that went through the open gate.
    fn learn(&self) {
        self.port.drain();
    }
}

impl Drop for Driver {
    /// The app let go of it without closing: nothing may be left behind.
    fn drop(&mut self) {
        if self.state() != State::Closed {
            self.port.dispose(0);
        }
    }
}

/// The mark of an id in two halves, as port.js makes it: 0 and 0 is none, 0 and 1 the empty one.
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

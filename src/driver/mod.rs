//! Owns one connection of the core and carries its actions out. Knows no policy and no app: the app's
//! side is a [`Host`], the page's side a [`Port`].

mod call;
mod host;
mod port;

use std::cell::{Cell, RefCell};

pub(crate) use self::{host::Host, port::Port};
use crate::{
    codes::{begins, taken},
    core::{
        Connection,
        config::{Config, MAX_DELAY},
        failure::Failure,
        io::{Action, Input, Page, Timestamp},
        state::State,
    },
    sse::Parser,
    transport::{Transport, address::Address},
};

pub(crate) struct Driver<H: Host> {
    inner: RefCell<Inner>,
    port: H::Port,
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
        port: H::Port,
        host: H,
        watch_page: bool,
        max_event_bytes: usize,
        comments: bool,
    ) -> Self {
        let mut core = Connection::new(config);
        let page = port.watch(watch_page);
        let at = Timestamp { now: 0, draw: 0 };
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

    #[cfg(feature = "rust")]
    pub(crate) fn port(&self) -> &H::Port {
        &self.port
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
        Some(at.saturating_sub(Self::now()))
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

    pub(crate) fn input(&self, input: Input) {
        let heard = self.port.heard() as u64;
        {
            let core = &mut self.inner.borrow_mut().core;
            let at = Timestamp { now: Self::now(), draw: Self::draw() };
            core.hear(at.now, heard);
            core.handle(at, input);
        }
        self.run();
    }

    fn run(&self) {
        self.set_checked();
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

    fn set_checked(&self) {
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
            self.port.arm(due.saturating_sub(Self::now()).min(MAX_DELAY) as i32);
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
            Action::Ping => self.port.ping(),
            Action::Transmit(id) => self.transmit(id),
            #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
            Action::Stop(_request) => {
                #[cfg(feature = "duplex")]
                self.port.stop(_request);
            }
            Action::Settle { id, sent } => self.host.settle(id, sent),
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
            Action::Emit(event) => self.host.emit(self, event),
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
            taken::SENT => core.sent(Self::now(), id),
            // It would be refused again: a view of shared memory, a detached buffer.
            taken::UNSENDABLE => core.refused(id, false),
            // Its length there, and whether it is bytes.
            #[cfg(feature = "duplex")]
            taken::CARRIED.. => core.carried(Self::now(), id, u64::from(taken >> 1) - 2, taken & 1 > 0),
            full => core.unsent(Self::now(), id, full != taken::NOT_OPEN),
        }
    }

    /// The cursor is being read, for a connection that is to go on from it.
    #[cfg(feature = "rust")]
    pub(crate) fn asking(&self) {
        self.learn();
        self.inner.borrow_mut().core.asking();
    }

    /// The ids of what was delivered without a check.
    pub(crate) fn learn(&self) {
        self.port.drain();
    }

    fn now() -> u64 {
        H::Port::monotonic() as u64
    }

    fn draw() -> u32 {
        (H::Port::random() * 4_294_967_296.0) as u32
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

//! The JavaScript exports. The facade (`pkg-template`) reads the options, encodes, decodes and
//! dispatches; what it gives is read here, what it is told goes through its list of functions.

pub(crate) mod imports;
mod options;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use crate::{
    calls::{Ask, Call},
    codes::{decision, sent},
    core::{
        failure::Failure,
        io::{ClientEvent, Decision, Reason},
        losses::Loss,
        outbox::Sent,
        place,
        state::State,
    },
    driver,
};
use imports::{Port, host};

#[cfg(feature = "duplex")]
use crate::{
    codes::topic,
    core::{persist::Step, resume::Outcome, topics::TopicEvent},
};

// The default allocator and its like for threads cost 2 kB more than this one.
#[allow(unsafe_code, reason = "the allocator's contract: this build has one thread")]
#[global_allocator]
static ALLOCATOR: lol_alloc::AssumeSingleThreaded<lol_alloc::FreeListAllocator> =
    unsafe { lol_alloc::AssumeSingleThreaded::new(lol_alloc::FreeListAllocator::new()) };

thread_local! {
    /// By the numbers that `pkg-template/wasm.js` gives them.
    static CLIENTS: RefCell<Vec<Option<Rc<Driver>>>> = const { RefCell::new(Vec::new()) };
}

type Driver = driver::Driver<Facade>;

struct Facade {
    client: u32,
    opened: Cell<bool>,
}

impl Facade {
    fn tell(&self, ask: Ask, a: u32, b: f64, c: f64) -> f64 {
        host(self.client, ask as u32, a, b, c)
    }

    fn fail(&self, failure: Failure) {
        let class = failure.class(self.opened.get()) as u32;
        self.tell(Ask::Fail, failure.place(), class.into(), failure.number().into());
    }
}

#[cfg(feature = "duplex")]
impl Facade {
    fn topic(&self, told: TopicEvent) {
        let (topic, word) = match told {
            TopicEvent::Join(topic) => {
                self.tell(Ask::Join, topic, 0.0, 0.0);
                return;
            }
            TopicEvent::Gap(topic, outcome, missing) => {
                let (from, to) = missing.map_or((-1.0, -1.0), |(from, to)| (from as f64, to as f64));
                self.tell(Ask::TopicGap, topic << 1 | u32::from(outcome == Outcome::Gap), from, to);
                return;
            }
            TopicEvent::Lost(topic) => (topic, topic::LOST),
            TopicEvent::Joined(topic) => (topic, topic::JOINED),
            TopicEvent::Late(topic) => (topic, topic::LATE),
            TopicEvent::Forget(topic) => (topic, topic::OVER),
            TopicEvent::Unsent(topic, why) => (topic, topic::UNSENT + why as u32),
        };
        self.tell(Ask::Topic, topic, word.into(), 0.0);
    }
}

impl driver::Host for Facade {
    type Port = Port;

    fn resolve(&self, _: &Driver, attempt: u32, retry: u64, reason: Reason, endpoint: u32) {
        self.tell(Ask::Resolve, attempt, retry as f64, f64::from(endpoint << 2 | reason as u32));
    }

    fn ask(&self, failure: Failure) -> Decision {
        self.fail(failure);
        let answer = self.tell(Ask::Retries, 0, 0.0, 0.0);
        match answer as u32 {
            decision::TABLE => Decision::Table,
            decision::GIVE_UP => Decision::GiveUp,
            decision::AGAIN => Decision::Again,
            decision::UNAUTHORIZED => Decision::Unauthorized,
            after => Decision::After(u64::from(after - decision::AFTER)),
        }
    }

    fn record(&self, loss: Loss) {
        self.tell(
            Ask::Loss,
            loss.retries as u32,
            loss.until as f64,
            loss.until.saturating_sub(loss.not_before) as f64,
        );
    }

    fn place(&self) {
        self.tell(Ask::Place, 0, 0.0, 0.0);
    }

    #[cfg(feature = "duplex")]
    fn head(&self, attempt: u32) {
        self.tell(Ask::Head, attempt, 0.0, 0.0);
    }

    #[cfg(feature = "duplex")]
    fn probe(&self, attempt: u32) {
        self.tell(Ask::Probe, attempt, 0.0, 0.0);
    }

    #[cfg(feature = "duplex")]
    fn begin(&self, endpoint: u32) {
        self.tell(Ask::Begin, endpoint, 0.0, 0.0);
    }

    #[cfg(feature = "duplex")]
    fn persist(&self, step: Step) {
        let signed = |time: u64| if time == u64::MAX { -1.0 } else { time as f64 };
        let (ask, a, b, c) = match step {
            Step::Lock { tab, waits } => (Ask::Lock, tab, waits.into(), 0.0),
            Step::Store { id, number, expires } => (Ask::Store, id, number as f64, signed(expires)),
            Step::Forget { id, expired } => (Ask::Forget, id, expired.into(), 0.0),
            Step::Hand { id, ttl } => (Ask::Hand, id, signed(ttl), 0.0),
        };
        self.tell(ask, a, b, c);
    }

    #[cfg(feature = "duplex")]
    fn poll(&self, attempt: u32, wait: Option<u64>) {
        self.tell(Ask::Poll, attempt, wait.map_or(-1.0, |wait| wait as f64), 0.0);
    }

    fn settle(&self, id: u32, outcome: Sent) {
        let code = match outcome {
            Sent::Sent => sent::SENT,
            Sent::Acked => sent::ACKED,
            Sent::Unknown => sent::UNKNOWN,
            Sent::Dropped(why) => sent::DROPPED + why as u32,
        };
        self.tell(Ask::Settle, id, code.into(), 0.0);
    }

    fn emit(&self, driver: &Driver, event: ClientEvent) {
        match event {
            ClientEvent::State(state) => {
                // The failure goes along, so that a statechange handler finds it.
                if state == State::Waiting
                    && let Some(failure) = driver.last_failure()
                {
                    self.fail(failure);
                }
                self.tell(Ask::State, state as u32, 0.0, 0.0);
            }
            ClientEvent::Open => {
                self.opened.set(true);
                self.tell(Ask::Opened, 0, 0.0, 0.0);
            }
            ClientEvent::Retry { retry, delay, .. } => {
                self.tell(Ask::Retry, retry as u32, delay as f64, 0.0);
            }
            ClientEvent::Outcome(outcome, missing) => {
                let (from, to) = missing.map_or((-1.0, -1.0), |(from, to)| (from as f64, to as f64));
                self.tell(Ask::Outcome, outcome as u32, from, to);
            }
            #[cfg(feature = "duplex")]
            ClientEvent::Topic(told) => self.topic(told),
            ClientEvent::Closed { why, code, failure } => {
                let fate = driver.fate(why) as u8;
                if let Some(failure) = failure {
                    self.fail(failure);
                }
                self.tell(
                    Ask::Closed,
                    why as u32,
                    code.into(),
                    f64::from(fate | u8::from(failure.is_some())),
                );
            }
        }
    }
}

/// The one export, as each costs bytes. What it is called with stands in `calls.rs`.
#[allow(unsafe_code, reason = "an export's name: there is no other of this name")]
#[unsafe(no_mangle)]
extern "C" fn call(client: u32, kind: u32, attempt: u32, code: u32, high: u32, low: u32) -> u32 {
    let place = client as usize;
    let new = match Call::read(kind, attempt, code, high, low) {
        Some(Call::New { flags }) => Some(Rc::new(new(client, flags))),
        Some(Call::Free) => None,
        Some(Call::Write(facts)) => return place::write(facts) as u32,
        _ => {
            let driver = CLIENTS.with_borrow(|clients| clients.get(place).cloned().flatten());
            return driver.map_or(0, |driver| called(&driver, kind, attempt, code, high, low));
        }
    };
    let before = CLIENTS.with_borrow_mut(|clients| {
        if place == clients.len() {
            clients.push(None);
        }
        clients.get_mut(place).and_then(|place| std::mem::replace(place, new))
    });
    // Not within the borrow: a client that is still open calls its port.
    drop(before);
    0
}

fn called(driver: &Driver, kind: u32, attempt: u32, code: u32, high: u32, low: u32) -> u32 {
    // What the core is to rule by. A handler that reconnects in the middle of a message leaves an id behind, and
    // whether there is something to go on from matters to a page that freezes.
    if Call::rules(kind) {
        driver.learn();
    }
    driver.call(|| Call::read(kind, attempt, code, high, low))
}

/// The facade has checked the options.
fn new(client: u32, flags: u32) -> Driver {
    let port = Port(client);
    let options::Given { config, watch_page, max_event_bytes, comments } = options::read(port, flags);
    let host = Facade { client, opened: false.into() };
    Driver::new(config, port, host, watch_page, max_event_bytes, comments)
}

//! The JavaScript exports. The facade (`pkg-template`) reads the options, encodes, decodes and
//! dispatches; what it gives is read here, what it is told goes through its list of functions.

pub(crate) mod imports;
mod options;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use crate::{
    client::driver,
    core::{
        failure::Failure,
        io::{Input, News, Reason, Why},
        losses::Loss,
        outbox::{Awaits, Parcel, Sent},
        state::State,
    },
    transport::address::Address,
};
use imports::{Port, host};

#[cfg(feature = "duplex")]
use crate::core::{seam::Outcome, topics::Told};

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

/// The option at place `a` of the list; negative: not given.
const NUMBER: u32 = 0;
/// Find the address: attempt `a`, retry `b`, reason and endpoint in `c`.
const RESOLVE: u32 = 1;
/// The caller's rule: 0 no, 1 yes, 2 as the table says.
const ASK: u32 = 2;
/// Makes the error object, which is the last failure: its place, class and number.
const FAIL: u32 = 3;
/// Send `a` is settled, with code `b`.
const SETTLE: u32 = 4;
const STATE: u32 = 5;
const OPENED: u32 = 6;
/// Retry `a` comes in `b` ms.
const RETRY: u32 = 7;
/// The outcome, and the numbers that are missing, from and to, or negative ones.
const OUTCOME: u32 = 8;
/// Why, the code, and what becomes of the stored place: 0 kept, 2 over, 4 gone; 1 more if the last failure is its error.
const CLOSED: u32 = 9;

/// Make the join of topic `a`.
#[cfg(feature = "duplex")]
const JOIN: u32 = 22;
/// What becomes of topic `a`: 0 lost with its connection, 1 joined, 2 no word in time, 3 over, else 5 and why its join was dropped.
#[cfg(feature = "duplex")]
const TOPIC: u32 = 23;
/// Of topic `a`, and the numbers that are missing, or negative ones. `a` is twice its number; 1 more: it is told to be so.
#[cfg(feature = "duplex")]
const TOPIC_GAP: u32 = 24;
/// For the next client in this place: retry `a` is due at `b`, or `c` ms before that if the page wakes.
const LOSS: u32 = 25;

struct Facade {
    client: u32,
    opened: Cell<bool>,
}

impl Facade {
    fn tell(&self, kind: u32, a: u32, b: f64, c: f64) -> f64 {
        host(self.client, kind, a, b, c)
    }

    fn fail(&self, failure: Failure) {
        let class = failure.class(self.opened.get()) as u32;
        self.tell(FAIL, failure.place(), class.into(), failure.number().into());
    }
}

#[cfg(feature = "duplex")]
impl Facade {
    fn topic(&self, told: Told) {
        let (topic, word) = match told {
            Told::Join(topic) => {
                self.tell(JOIN, topic, 0.0, 0.0);
                return;
            }
            Told::Gap(topic, outcome, missing) => {
                let (from, to) = missing.map_or((-1.0, -1.0), |(from, to)| (from as f64, to as f64));
                self.tell(TOPIC_GAP, topic << 1 | u32::from(outcome == Outcome::Gap), from, to);
                return;
            }
            Told::Lost(topic) => (topic, 0),
            Told::Joined(topic) => (topic, 1),
            Told::Late(topic) => (topic, 2),
            Told::Forget(topic) => (topic, 3),
            Told::Unsent(topic, why) => (topic, 5 + why as u32),
        };
        self.tell(TOPIC, topic, word.into(), 0.0);
    }
}

impl driver::Host for Facade {
    fn resolve(&self, _: &Driver, attempt: u32, retry: u64, reason: Reason, endpoint: u32) {
        self.tell(RESOLVE, attempt, retry as f64, f64::from(endpoint << 2 | reason as u32));
    }

    fn ask(&self, failure: Failure) -> Option<bool> {
        self.fail(failure);
        match self.tell(ASK, 0, 0.0, 0.0) as u32 {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn record(&self, loss: Loss) {
        self.tell(
            LOSS,
            loss.retries as u32,
            loss.until as f64,
            loss.until.saturating_sub(loss.not_before) as f64,
        );
    }

    fn settle(&self, id: u32, sent: Sent) {
        let code = match sent {
            Sent::Sent => 0,
            Sent::Acked => 1,
            Sent::Unknown => 2,
            Sent::Dropped(why) => 3 + why as u32,
        };
        self.tell(SETTLE, id, code.into(), 0.0);
    }

    fn tell(&self, driver: &Driver, news: News) {
        match news {
            News::State(state) => {
                // The failure goes along, so that a statechange handler finds it.
                if state == State::Waiting
                    && let Some(failure) = driver.last_failure()
                {
                    self.fail(failure);
                }
                self.tell(STATE, state as u32, 0.0, 0.0);
            }
            News::Open => {
                self.opened.set(true);
                self.tell(OPENED, 0, 0.0, 0.0);
            }
            News::Retry { retry, delay, .. } => {
                self.tell(RETRY, retry as u32, delay as f64, 0.0);
            }
            News::Outcome(outcome, missing) => {
                let (from, to) = missing.map_or((-1.0, -1.0), |(from, to)| (from as f64, to as f64));
                self.tell(OUTCOME, outcome as u32, from, to);
            }
            #[cfg(feature = "duplex")]
            News::Topic(told) => self.topic(told),
            News::Closed { why, code, failure } => {
                let fate = driver.fate(why) as u8;
                if let Some(failure) = failure {
                    self.fail(failure);
                }
                self.tell(CLOSED, why as u32, code.into(), f64::from(fate | u8::from(failure.is_some())));
            }
        }
    }
}

/// Kinds of `call` that are the facade's; the port's are below.
const START: u32 = 24;
const RESOLVED: u32 = 25;
const SEND: u32 = 26;
const RECONNECT: u32 = 27;
const CLOSE: u32 = 28;
const RETRY_IN: u32 = 29;
/// The server says that too much goes up.
#[cfg(feature = "duplex")]
const SLOWER: u32 = 64;

/// The first attempt, after the loss that another client told of: as in [`LOSS`], the second number in two halves, the
/// third in `code`. The answer: whether it has to wait.
const FOLLOW: u32 = 70;

/// The client of this number is to be made, with the flags `attempt`; from here on: it is to be dropped.
const NEW: u32 = 30;

/// What the port calls, by its kind; see [`Driver::called`]. From [`START`] on, what the facade asks for. One
/// export, as each costs bytes.
#[allow(unsafe_code, reason = "an export's name: there is no other of this name")]
#[unsafe(no_mangle)]
extern "C" fn call(client: u32, kind: u32, attempt: u32, code: u32, high: u32, low: u32) -> u32 {
    let place = client as usize;
    if kind & !1 == NEW {
        let new = (kind == NEW).then(|| Rc::new(new(client, attempt)));
        let before = CLIENTS.with_borrow_mut(|clients| {
            if place == clients.len() {
                clients.push(None);
            }
            clients.get_mut(place).and_then(|place| std::mem::replace(place, new))
        });
        // Not within the borrow: a client that is still open calls its port.
        drop(before);
        return 0;
    }
    let Some(driver) = CLIENTS.with_borrow(|clients| clients.get(place).cloned().flatten()) else { return 0 };
    driver.input(match kind {
        // The first attempt.
        START => {
            driver.start();
            return 0;
        }
        FOLLOW => {
            let until = u64::from(high) << 32 | u64::from(low);
            let not_before = until.saturating_sub(code.into());
            return driver.follow(Loss { retries: attempt.into(), until, not_before }).into();
        }
        // What `resolve` asked for is prepared; nothing that can be connected to is a failed attempt. `high`: the
        // request must not be repeated by itself.
        RESOLVED => driver.prepared(attempt, Address::new(code, high != 0)),
        // `settle` will name this id, maybe before this returns. Ids ascend. `low`: the time to live in ms;
        // flags: 1 priority, 2 volatile, 4 waits for an ack, 8 for a pong.
        SEND => Input::Send(Parcel {
            expires: if low == u32::MAX { u64::MAX } else { u64::from(low) },
            priority: attempt & 1 != 0,
            volatile: attempt & 2 != 0,
            awaits: match attempt >> 2 {
                0 => Awaits::Nothing,
                1 => Awaits::Ack,
                _ => Awaits::Pong,
            },
            ..Parcel::new(code, u64::from(high))
        }),
        // Drops what there is and tries at once.
        RECONNECT => Input::Reconnect,
        // For good. `attempt` is 0 the app, 1 its signal, 3 the message that the app waited for.
        CLOSE => Input::Close {
            why: match attempt {
                0 => Why::App,
                1 => Why::Aborted,
                _ => Why::Ended,
            },
            code: code as u16,
        },
        #[cfg(feature = "duplex")]
        SLOWER => Input::Slower,
        // ms to the next attempt.
        RETRY_IN => return driver.retry_in().unwrap_or(0) as u32,
        _ => return driver.called(kind, attempt, code, high, low),
    });
    0
}

/// The facade has checked the options.
fn new(client: u32, flags: u32) -> Driver {
    let port = Port(client);
    let options::Given { config, watch_page, max_event_bytes, comments } = options::read(port, flags);
    let host = Facade { client, opened: false.into() };
    Driver::new(config, port, host, watch_page, max_event_bytes, comments)
}

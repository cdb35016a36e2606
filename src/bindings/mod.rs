//! The JavaScript exports. The facade (`pkg-template`) reads the options, encodes, decodes and
//! dispatches; what it gives is read here, what it is told goes through its host object.

mod options;

use std::rc::Rc;

use wasm_bindgen::prelude::*;

use crate::{
    client::driver::{Driver, Host},
    core::{
        failure::{Class, Failure},
        io::{News, Reason, Why},
        outbox::{Awaits, Dropped, Parcel, Sent},
        seam::Outcome,
        state::State,
    },
    transport::{address::Address, sys::Port},
};

// The default allocator and its like for threads cost 2 kB more than this one.
#[allow(unsafe_code, reason = "the allocator's contract: this build has one thread")]
#[global_allocator]
static ALLOCATOR: lol_alloc::AssumeSingleThreaded<lol_alloc::FreeListAllocator> =
    unsafe { lol_alloc::AssumeSingleThreaded::new(lol_alloc::FreeListAllocator::new()) };

#[wasm_bindgen]
extern "C" {
    /// The facade's side of a client.
    pub type JsHost;

    /// One import for all that the facade is asked and told, as each takes eighty bytes: the kinds below.
    #[wasm_bindgen(method)]
    fn host(this: &JsHost, kind: u32, a: u32, b: f64, c: f64) -> f64;
}

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

struct FacadeHost {
    js: JsHost,
    opened: std::cell::Cell<bool>,
}

impl FacadeHost {
    fn fail(&self, failure: Failure) {
        let class = match failure.class(self.opened.get()) {
            Class::Retriable => 0.0,
            Class::Fatal => 1.0,
            Class::Reauth => 2.0,
            Class::Ended => 3.0,
        };
        self.js.host(FAIL, failure.place(), class, failure.number().into());
    }
}

impl Host for FacadeHost {
    fn resolve(&self, _: &Rc<Driver>, attempt: u32, retry: u64, reason: Reason, endpoint: u32) {
        let reason = match reason {
            Reason::Initial => 0,
            Reason::Reconnect => 1,
            Reason::Unauthorized => 2,
        };
        self.js.host(RESOLVE, attempt, retry as f64, f64::from(endpoint << 2 | reason));
    }

    fn ask(&self, failure: Failure) -> Option<bool> {
        self.fail(failure);
        match self.js.host(ASK, 0, 0.0, 0.0) as u32 {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn settle(&self, id: u32, sent: Sent) {
        let code = match sent {
            Sent::Sent => 0,
            Sent::Acked => 1,
            Sent::Unknown => 2,
            Sent::Dropped(Dropped::Overflow) => 3,
            Sent::Dropped(Dropped::TooBig) => 4,
            Sent::Dropped(Dropped::Closed) => 5,
            Sent::Dropped(Dropped::NoUplink) => 6,
            Sent::Dropped(Dropped::Refused) => 7,
            Sent::Dropped(Dropped::Expired) => 8,
            Sent::Dropped(Dropped::Aborted) => 9,
            Sent::Dropped(Dropped::Volatile) => 10,
        };
        self.js.host(SETTLE, id, code.into(), 0.0);
    }

    fn tell(&self, driver: &Rc<Driver>, news: News) {
        match news {
            News::State(state) => {
                // The failure goes along, so that a statechange handler finds it.
                if state == State::Waiting
                    && let Some(failure) = driver.last_failure()
                {
                    self.fail(failure);
                }
                self.js.host(STATE, number(state), 0.0, 0.0);
            }
            News::Open => {
                self.opened.set(true);
                self.js.host(OPENED, 0, 0.0, 0.0);
            }
            News::Retry { retry, delay, .. } => {
                self.js.host(RETRY, retry as u32, delay as f64, 0.0);
            }
            News::Outcome(outcome, missing) => {
                let outcome = match outcome {
                    Outcome::Recovered => 0,
                    Outcome::Gap => 1,
                    Outcome::Unknown => 2,
                };
                let (from, to) = missing.map_or((-1.0, -1.0), |(from, to)| (from as f64, to as f64));
                self.js.host(OUTCOME, outcome, from, to);
            }
            News::Closed { why, code, failure } => {
                let fate = driver.fate(why) as u8;
                if let Some(failure) = failure {
                    self.fail(failure);
                }
                let why = match why {
                    Why::App => 0,
                    Why::Aborted => 1,
                    Why::Unloaded => 2,
                    Why::Ended => 3,
                    Why::Fatal => 4,
                    Why::Exhausted => 5,
                    Why::Internal => 6,
                };
                self.js.host(CLOSED, why, code.into(), f64::from(fate | u8::from(failure.is_some())));
            }
        }
    }
}

fn number(state: State) -> u32 {
    match state {
        State::Connecting => 0,
        State::Open => 1,
        State::Waiting => 2,
        State::Suspended => 3,
        State::Closed => 4,
    }
}

/// Kinds of `call` that are the facade's; the port's are below.
const START: u32 = 24;
const RESOLVED: u32 = 25;
const SEND: u32 = 26;
const RECONNECT: u32 = 27;
const CLOSE: u32 = 28;
const RETRY_IN: u32 = 29;

/// One client.
#[wasm_bindgen]
pub struct Wire(Rc<Driver>);

#[wasm_bindgen]
impl Wire {
    /// The facade has checked the options.
    #[wasm_bindgen(constructor)]
    pub fn new(flags: u32, port: Port, host: JsHost) -> Self {
        let options::Given { config, watch_page, max_event_bytes, comments } = options::read(&host, flags);
        let host = Box::new(FacadeHost { js: host, opened: false.into() });
        Self(Driver::new(config, port, host, watch_page, max_event_bytes, comments))
    }

    /// What the port calls, by its kind; see [`Driver::called`]. From [`START`] on, what the facade asks for. One
    /// export, as each takes two hundred bytes.
    pub fn call(&self, kind: u32, attempt: u32, code: u32, high: u32, low: u32) -> u32 {
        let driver = &self.0;
        match kind {
            // The first attempt.
            START => driver.start(),
            // What `resolve` asked for is prepared; nothing that can be connected to is a failed attempt. `high`: the
            // request must not be repeated by itself.
            RESOLVED => driver.resolved(attempt, Address::new(code, high != 0)),
            // `settle` will name this id, maybe before this returns. Ids ascend. `low`: the time to live in ms;
            // flags: 1 priority, 2 volatile, 4 waits for an ack, 8 for a pong.
            SEND => driver.send(Parcel {
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
            RECONNECT => driver.reconnect(),
            // For good. `attempt` is 0 the app, 1 its signal, 3 the message that the app waited for.
            CLOSE => driver.close(
                match attempt {
                    0 => Why::App,
                    1 => Why::Aborted,
                    _ => Why::Ended,
                },
                code as u16,
            ),
            // ms to the next attempt.
            RETRY_IN => return driver.retry_in().unwrap_or(0) as u32,
            _ => return driver.called(kind, attempt, code, high, low),
        }
        0
    }
}

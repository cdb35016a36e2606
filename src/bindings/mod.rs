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

    /// The option at that place of the list; negative: not given.
    #[wasm_bindgen(method)]
    fn number(this: &JsHost, place: u32) -> f64;
    #[wasm_bindgen(method)]
    fn resolve(this: &JsHost, attempt: u32, retry: u32, reason: u32, endpoint: u32);
    #[wasm_bindgen(method)]
    fn ask(this: &JsHost) -> u32;
    #[wasm_bindgen(method)]
    fn settle(this: &JsHost, id: u32, code: u32);
    /// Makes the error object: it is the last failure.
    #[wasm_bindgen(method)]
    fn fail(this: &JsHost, place: u32, class: u32, number: u16);
    #[wasm_bindgen(method)]
    fn state(this: &JsHost, state: u32);
    #[wasm_bindgen(method)]
    fn opened(this: &JsHost);
    #[wasm_bindgen(method)]
    fn retry(this: &JsHost, retry: u32, delay: f64);
    #[wasm_bindgen(method)]
    fn outcome(this: &JsHost, outcome: u32, from: f64, to: f64);
    #[wasm_bindgen(method)]
    fn closed(this: &JsHost, why: u32, code: u16, failed: bool);
}

struct FacadeHost {
    js: JsHost,
    opened: std::cell::Cell<bool>,
}

impl FacadeHost {
    fn fail(&self, failure: Failure) {
        let class = match failure.class(self.opened.get()) {
            Class::Retriable => 0,
            Class::Fatal => 1,
            Class::Reauth => 2,
            Class::Ended => 3,
        };
        self.js.fail(failure.place(), class, failure.number());
    }
}

impl Host for FacadeHost {
    fn resolve(&self, _: &Rc<Driver>, attempt: u32, retry: u64, reason: Reason, endpoint: u32) {
        let reason = match reason {
            Reason::Initial => 0,
            Reason::Reconnect => 1,
            Reason::Unauthorized => 2,
        };
        self.js.resolve(attempt, retry as u32, reason, endpoint);
    }

    fn ask(&self, failure: Failure) -> Option<bool> {
        self.fail(failure);
        match self.js.ask() {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn settle(&self, id: u32, sent: Sent) {
        self.js.settle(
            id,
            match sent {
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
            },
        );
    }

    fn tell(&self, driver: &Rc<Driver>, news: News) {
        match news {
            News::State(state) => {
                // The failure goes along, so that a statechange handler finds it.
                if matches!(state, State::Waiting | State::Closed)
                    && let Some(failure) = driver.last_failure()
                {
                    self.fail(failure);
                }
                self.js.state(number(state));
            }
            News::Open => {
                self.opened.set(true);
                self.js.opened();
            }
            News::Retry { retry, delay, .. } => self.js.retry(retry as u32, delay as f64),
            News::Outcome(outcome, missing) => {
                let outcome = match outcome {
                    Outcome::Recovered => 0,
                    Outcome::Gap => 1,
                    Outcome::Unknown => 2,
                };
                let (from, to) = missing.map_or((-1.0, -1.0), |(from, to)| (from as f64, to as f64));
                self.js.outcome(outcome, from, to);
            }
            News::Closed { why, code, failure } => {
                let why = match why {
                    Why::App => 0,
                    Why::Aborted => 1,
                    Why::Ended => 2,
                    Why::Fatal => 3,
                    Why::Exhausted => 4,
                    Why::Internal => 5,
                };
                self.js.closed(why, code, failure.is_some());
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

    /// The first attempt.
    pub fn start(&self) {
        self.0.start();
    }

    /// What the port calls; see `Driver::called`.
    pub fn call(&self, kind: u32, attempt: u32, code: u32, high: u32, low: u32) -> u32 {
        self.0.called(kind, attempt, code, high, low)
    }

    /// What `resolve` asked for is prepared; nothing that can be connected to is a failed attempt. `once`:
    /// the request must not be repeated by itself.
    pub fn resolved(&self, attempt: u32, route: u32, once: bool) {
        self.0.resolved(attempt, Address::new(route, once));
    }

    /// `settle` will name this id, maybe before this returns. Ids ascend. `ttl` in ms, or infinite; flags: 1
    /// priority, 2 volatile, 4 waits for an ack, 8 for a pong.
    pub fn send(&self, id: u32, bytes: f64, ttl: f64, flags: u32) {
        self.0.send(Parcel {
            expires: ttl as u64,
            priority: flags & 1 != 0,
            volatile: flags & 2 != 0,
            awaits: match flags >> 2 {
                0 => Awaits::Nothing,
                1 => Awaits::Ack,
                _ => Awaits::Pong,
            },
            ..Parcel::new(id, bytes as u64)
        });
    }

    /// Drops what there is and tries at once.
    pub fn reconnect(&self) {
        self.0.reconnect();
    }

    /// For good. `why` is 0 the app, 1 its signal, 2 the message that the app waited for.
    pub fn close(&self, why: u32, code: u16) {
        let why = match why {
            0 => Why::App,
            1 => Why::Aborted,
            _ => Why::Ended,
        };
        self.0.close(why, code);
    }

    /// ms to the next attempt.
    pub fn read(&self) -> f64 {
        self.0.retry_in().unwrap_or(0) as f64
    }
}

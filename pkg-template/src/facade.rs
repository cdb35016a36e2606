//! The JavaScript facade of a client, as the driver sees it. What it is told goes through its list of functions.

use std::cell::Cell;

use crate::{
    calls::Ask,
    codes::{decision, sent},
    core::{
        failure::Failure,
        io::{ClientEvent, Decision, Reason},
        losses::Loss,
        outbox::Sent,
        state::State,
    },
    driver::{Driver, Host},
    port::{Port, host},
};

#[cfg(feature = "duplex")]
use crate::{
    codes::topic,
    core::{persist::Step, resume::Outcome, topics::TopicEvent},
};

pub(super) struct Facade {
    client: u32,
    opened: Cell<bool>,
}

impl Facade {
    pub(super) fn new(client: u32) -> Self {
        Self { client, opened: Cell::new(false) }
    }

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

impl Host for Facade {
    type Port = Port;

    fn resolve(&self, _: &Driver<Self>, attempt: u32, retry: u64, reason: Reason, endpoint: u32) {
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

    fn emit(&self, driver: &Driver<Self>, event: ClientEvent) {
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

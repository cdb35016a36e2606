//! Long polls: an event stream in pieces, for a proxy that holds a whole one back. Each request is answered with what there
//! is, ends, and is followed by the next. To the rest of the core they are one connection, with a possible replay at each request.

use super::{
    Connection,
    config::{FLOOR, Heartbeat},
    failure::Failure,
    io::{Action, Timestamp},
    state::Phase,
};
use crate::core::Later as _;

/// More than the server may wait, and nothing came: the answer is lost.
pub(crate) const ANSWER_TIMEOUT: u64 = 10_000;
/// The end of that, kept for an answer that came while the thread was blocked: it may be dispatched after the timer.
const LAST_CALL: u64 = 50;
/// An answer that brings nothing is due after the wait. One that comes sooner than this ends the connection, so that the
/// backoff holds.
pub(super) const SOON: u64 = 1_000;
/// The shortest time that a caller may let the server wait.
#[cfg(feature = "rust")]
pub(crate) const LEAST_WAIT: u64 = SOON;
/// Without a heartbeat.
const WAIT: u64 = 25_000;

/// How long the server may wait with a heartbeat: four fifths of its interval, as the end of a request is the sign of life.
pub(crate) fn longest_wait(heartbeat: &Heartbeat) -> u64 {
    heartbeat.interval / 5 * 4
}

/// How long the server may wait, if the caller does not say.
pub(crate) fn default_wait(heartbeat: Option<&Heartbeat>) -> u64 {
    heartbeat.map_or(WAIT, |heartbeat| WAIT.min(longest_wait(heartbeat)))
}

/// Of the connection that is open, if it is one of polls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Polls(Option<Stage>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stage {
    /// A request is out, or its answer is being read.
    Asked {
        at: u64,
        due: u64,
        last_call: bool,
        /// The one that the connection began with: it is answered at once.
        first: bool,
    },
    /// The next one is made then.
    Paused { until: u64 },
}

impl Polls {
    fn asked(&mut self, at: u64, wait: u64, first: bool) {
        let due = at.later(wait + ANSWER_TIMEOUT - LAST_CALL);
        self.0 = Some(Stage::Asked { at, due, last_call: false, first });
    }

    /// When [`Connection::next_poll`] has something to do, if something was heard last at `heard`: an answer that is still
    /// coming, or that nobody has read yet, is not lost.
    pub(super) fn due(&self, heard: u64) -> u64 {
        match self.0 {
            Some(Stage::Asked { due, .. }) => due.max(heard.later(ANSWER_TIMEOUT)),
            Some(Stage::Paused { until }) => until,
            None => u64::MAX,
        }
    }

    /// Nothing is asked, so nothing can be heard.
    pub(super) fn paused(&self) -> bool {
        matches!(self.0, Some(Stage::Paused { .. }))
    }

    #[cfg(all(test, not(target_arch = "wasm32")))]
    pub(super) fn times(&mut self) -> Vec<&mut u64> {
        match &mut self.0 {
            Some(Stage::Asked { at, due, .. }) => vec![at, due],
            Some(Stage::Paused { until }) => vec![until],
            None => Vec::new(),
        }
    }
}

impl Connection {
    /// The transport of this attempt has been asked for: if it polls, so is its first request, which the server answers at once.
    /// A proxy shows no answer before its end, and it has to open in time.
    pub(super) fn first_poll(&mut self, now: u64, attempt: u32, polls: bool) {
        if polls {
            self.floor = now.later(FLOOR);
            self.act(Action::Poll { attempt, wait: Some(0) });
        }
    }

    /// The connection has opened.
    pub(super) fn polls_opened(&mut self, now: u64) {
        self.polls = Polls::default();
        if self.route.is_some_and(|route| route.polls) {
            self.polls.asked(now, self.config.poll_wait, true);
        }
    }

    /// The next request of an open connection was answered with a stream.
    pub(super) fn answered_again(&mut self) {
        if let (Phase::Open { .. }, Some(Stage::Asked { first: false, .. })) = (self.phase, self.polls.0) {
            self.ids.asked_again(self.rollover.next_route().is_some());
        }
    }

    /// The connection was lost, or one of its requests is over and all is well. Whether it goes on.
    pub(super) fn polled(&mut self, at: Timestamp, failure: Failure) -> bool {
        let (Phase::Open { .. }, Failure::End, Some(Stage::Asked { at: asked, first, .. })) =
            (self.phase, failure, self.polls.0)
        else {
            return false;
        };
        let brought = core::mem::take(&mut self.brought);
        let quiet = !first && !brought;
        let took = at.now.saturating_sub(asked);
        if quiet && took < SOON {
            return false;
        }
        // One that brings nothing before its time is of a server that ends them all.
        let quiet = quiet && took < self.config.poll_wait;
        let pause = self.retries.pause(&self.config.backoff, quiet, at.draw);
        self.polls = Polls(Some(Stage::Paused { until: at.now.later(pause).max(self.floor) }));
        self.next_poll(at);
        true
    }

    /// The clock has moved on: the next request is due, or the one that is out is overdue.
    pub(super) fn next_poll(&mut self, at: Timestamp) {
        let now = at.now;
        if now < self.polls.due(self.heard) || !matches!(self.phase, Phase::Open { .. }) {
            return;
        }
        match &mut self.polls.0 {
            Some(Stage::Asked { last_call: last_call @ false, due, .. }) => {
                *last_call = true;
                *due = now.later(LAST_CALL);
            }
            Some(Stage::Asked { .. }) => {
                self.act(Action::Poll { attempt: self.attempt, wait: None });
                self.lost(at, Failure::Network);
            }
            Some(Stage::Paused { .. }) => {
                let wait = self.config.poll_wait;
                self.polls.asked(now, wait, false);
                self.floor = now.later(FLOOR);
                // The silence before was no silence of the server's.
                if let Some(liveness) = &mut self.liveness {
                    liveness.heard(now);
                }
                self.act(Action::Poll { attempt: self.attempt, wait: Some(wait) });
            }
            None => {}
        }
    }
}

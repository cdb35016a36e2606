//! Long polls: an event stream in pieces, for a proxy that would hold a whole one back. The server answers each request with the
//! messages that there are and ends it; the next request follows. To the rest of the core this is one connection, where each request
//! may begin with a replay.

use super::{
    Connection,
    config::{FLOOR, Heartbeat},
    failure::Failure,
    io::{Action, Timestamp},
    state::Phase,
};
use crate::core::Later as _;

/// In ms, beyond the time that the server may wait. Without an answer until then, the connection is lost.
pub(crate) const ANSWER_TIMEOUT: u64 = 10_000;
/// In ms, the last part of that, by a timer of its own: an answer that arrived while the thread was blocked may be dispatched after
/// the timer.
const LAST_CALL: u64 = 50;
/// In ms. An answer without messages should come after the wait. One that comes sooner than this ends the connection, so that the
/// backoff applies.
pub(super) const SOON: u64 = 1_000;
/// In ms, the shortest `longPoll.wait`.
#[cfg(feature = "rust")]
pub(crate) const LEAST_WAIT: u64 = SOON;
/// In ms, the default of `longPoll.wait` without a heartbeat.
const WAIT: u64 = 25_000;

/// The longest `longPoll.wait` with a heartbeat, in ms: four fifths of its interval, as the end of a request is the sign of life.
pub(crate) fn longest_wait(heartbeat: &Heartbeat) -> u64 {
    heartbeat.interval / 5 * 4
}

/// The default of `longPoll.wait`, in ms.
pub(crate) fn default_wait(heartbeat: Option<&Heartbeat>) -> u64 {
    heartbeat.map_or(WAIT, |heartbeat| WAIT.min(longest_wait(heartbeat)))
}

/// The state of the open connection, if it is a long poll.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Polls(Option<Stage>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stage {
    /// A request was made, or its answer is being read.
    Asked {
        at: u64,
        due: u64,
        last_call: bool,
        /// It is the first request of the connection, which the server answers at once.
        first: bool,
    },
    /// The next request is made at this time.
    Paused { until: u64 },
}

impl Polls {
    fn asked(&mut self, at: u64, wait: u64, first: bool) {
        let due = at.later(wait + ANSWER_TIMEOUT - LAST_CALL);
        self.0 = Some(Stage::Asked { at, due, last_call: false, first });
    }

    /// When [`Connection::next_poll`] has something to do, if something last came in at `heard`: an answer that is still arriving, or
    /// that the page has not read yet, is not lost.
    pub(super) fn due(&self, heard: u64) -> u64 {
        match self.0 {
            Some(Stage::Asked { due, .. }) => due.max(heard.later(ANSWER_TIMEOUT)),
            Some(Stage::Paused { until }) => until,
            None => u64::MAX,
        }
    }

    /// Whether no request is out, so that silence says nothing.
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
    /// The transport of this attempt is opened. If it is a long poll, its first request asks the server to answer at once: a proxy shows
    /// no answer before its end, and the attempt has to open in time.
    pub(super) fn first_poll(&mut self, now: u64, attempt: u32, polls: bool) {
        if polls {
            self.floor = now.later(FLOOR);
            self.act(Action::Poll { attempt, wait: Some(0) });
        }
    }

    /// The connection opened.
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

    /// The connection was lost, or one of its requests ended as it should. Gives whether the connection goes on.
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
        // An answer without messages before its time comes from a server that ends all requests early.
        let quiet = quiet && took < self.config.poll_wait;
        let pause = self.retries.pause(&self.config.backoff, quiet, at.draw);
        self.polls = Polls(Some(Stage::Paused { until: at.now.later(pause).max(self.floor) }));
        self.next_poll(at);
        true
    }

    /// The timer fired: the next request is due, or the answer to the last one is overdue.
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
                // The pause before this request was the client's, not the server's.
                if let Some(liveness) = &mut self.liveness {
                    liveness.heard(now);
                }
                self.act(Action::Poll { attempt: self.attempt, wait: Some(wait) });
            }
            None => {}
        }
    }
}

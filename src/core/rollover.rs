//! A planned change of connections: a successor is opened while the current connection still delivers, and takes over as soon as
//! it is open. What it delivers first may be a replay, as after any reconnect; the state stays `open`.
//!
//! There are two reasons for a successor: the connection is old enough (`max_age`, or the server's notice), or the client is not
//! at the first endpoint, which may work again (`failback`). If a successor fails, the current connection goes on.

use super::{
    Connection,
    backoff::uniform,
    config::FLOOR,
    io::{Action, Input, Reason, Route, Timestamp},
    state::Phase,
};
use crate::core::Later as _;

/// When a successor is due for which reason, and the one that is opening. The end of the clock: never.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Rollover {
    /// When the connection is replaced because of its age.
    aged: u64,
    /// When the first endpoint is tried again.
    failback: u64,
    next: Option<Successor>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Successor {
    attempt: u32,
    endpoint: u32,
    /// When its time to open is over.
    due: u64,
    route: Option<Route>,
}

impl Rollover {
    pub(super) fn none() -> Self {
        Self { aged: u64::MAX, failback: u64::MAX, next: None }
    }

    #[cfg(all(test, not(target_arch = "wasm32")))]
    pub(super) fn times(&mut self) -> Vec<&mut u64> {
        let Self { aged, failback, next } = self;
        [aged, failback].into_iter().chain(next.iter_mut().map(|next| &mut next.due)).collect()
    }

    /// What its address tells of the next attempt.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    pub(super) fn next_route(&self) -> Option<Route> {
        self.next.and_then(|next| next.route)
    }

    /// No sooner than `floor`: when one successor has failed, the other reason may be due right after it.
    pub(super) fn deadline(&self, floor: u64) -> u64 {
        self.next.map_or(self.aged.min(self.failback).max(floor), |next| next.due)
    }
}

/// Shortens a time by up to a quarter: a fleet that connected together must not reconnect together.
fn spread(ms: u64, draw: u32) -> u64 {
    if ms == u64::MAX { ms } else { uniform(ms - ms / 4, ms, draw) }
}

impl Connection {
    pub(super) fn succeeds(&self, attempt: u32) -> bool {
        self.rollover.next.is_some_and(|next| next.attempt == attempt)
    }

    /// The connection has just opened: plans its end. The time until failback goes on if it already runs.
    // Not inlined, for the size.
    #[inline(never)]
    pub(super) fn plan(&mut self, at: Timestamp) {
        self.rollover.next = None;
        self.rollover.aged = at.now.later(spread(self.config.max_age, at.draw));
        let failback = &mut self.rollover.failback;
        if self.endpoints.at() == 0 {
            *failback = u64::MAX;
        } else if *failback == u64::MAX {
            *failback = at.now.later(spread(self.config.failback, at.draw));
        }
    }

    /// The server said that it is about to close: plans a successor soon, but not for all clients at once.
    pub(super) fn retire(&mut self, at: Timestamp) {
        // A server that says so soon after each opening is asked less and less often.
        let stable = self.stable(at.now);
        self.reset_backoff(stable);
        let soon = at.now.later(self.config.backoff.delay(self.retries.count() + 1, 0, 0, at.draw));
        // A second notice delays nothing.
        if soon < self.rollover.aged {
            self.retries.more();
            self.rollover.aged = soon;
        }
    }

    /// The timer fired: opens a successor if one is due.
    pub(super) fn roll(&mut self, at: Timestamp) {
        let now = at.now;
        if now < self.rollover.deadline(self.floor)
            || self.one_shot_used
            || !matches!(self.phase, Phase::Open { .. })
        {
            return;
        }
        if self.rollover.next.is_some() {
            return self.succession_failed(at, 0);
        }
        let endpoint = if now >= self.rollover.failback { 0 } else { self.endpoints.at() };
        self.serial = self.serial.wrapping_add(1);
        self.floor = now.later(FLOOR);
        let attempt = self.serial;
        let due = now.later(self.config.open_timeout);
        self.rollover.next = Some(Successor { attempt, endpoint, due, route: None });
        let retry = self.retries.count();
        self.act(Action::Resolve { attempt, retry, reason: Reason::Reconnect, endpoint });
    }

    /// Handles an input that belongs to the successor.
    pub(super) fn succession(&mut self, at: Timestamp, input: &Input) {
        let Some(next) = self.rollover.next else { return };
        match *input {
            Input::Resolved { attempt, route } if next.route.is_none() => {
                self.rollover.next = Some(Successor { route: Some(route), ..next });
                self.act(Action::Open { attempt });
                #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
                self.first_poll(at.now, attempt, route.polls);
            }
            Input::Opened { attempt } => {
                self.reset_backoff(self.stable(at.now));
                self.attempt = attempt;
                self.endpoints.go(next.endpoint);
                self.route = next.route;
                self.one_shot_used = self.route.is_some_and(|route| route.once);
                self.act(Action::Switch(true));
                self.opened(at);
            }
            Input::Lost { failure, .. } => {
                #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
                if failure.too_much() {
                    self.slower();
                }
                self.succession_failed(at, failure.retry_after_ms());
            }
            _ => self.succession_failed(at, 0),
        }
    }

    #[inline(never)]
    fn succession_failed(&mut self, at: Timestamp, server_delay: u64) {
        self.act(Action::Switch(false));
        self.ids.successor_failed();
        self.cursor_probe.goes_up(0);
        let now = at.now;
        let backoff = &self.config.backoff;
        let asked = self.retries.longest_server_delay(server_delay);
        let server_delay = backoff.server_delay(asked, 2, at.draw);
        let later = now.later(backoff.delay(u64::MAX, asked, 2, at.draw));
        let Rollover { aged, failback, next } = &mut self.rollover;
        *next = None;
        if *failback <= now {
            *failback = now.later(spread(self.config.failback, at.draw).max(server_delay));
        }
        if *aged <= now {
            *aged = later;
        }
    }
}

//! Decides which endpoint the next attempt goes to: another server, or another transport to the same one.
//!
//! The app lists endpoints in order of preference. Without [`FailureLimits`] each failure leads to the next endpoint, round and
//! round, as for several servers; a fatal refusal does so too, until all have refused one after the other. With limits the
//! endpoints are transports to one server, and the client leaves one after several failures in a row: it does not open, or it
//! opens and dies early, as a WebSocket does behind a proxy that does not know it. A refusal then counts for the server, whatever
//! transport brought it.

use super::{config::Config, failure::Failure};
#[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
use crate::core::Later as _;

/// How often an endpoint may fail in a row before the client tries the next one; 0: it tries the next one at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct FailureLimits {
    /// Failures of attempts that did not open.
    pub(crate) unopened: u64,
    /// Failures of connections that opened and did not hold.
    pub(crate) early: u64,
}

impl FailureLimits {
    /// The defaults for several transports to one server.
    pub(crate) const TRANSPORTS: Self = Self { unopened: 2, early: 3 };
}

/// In ms, the default of `reconnect.failback` where one transport is a long poll: such a connection never ends by itself, so the
/// client has to leave it to try the first transport again.
#[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
const FAILBACK: u64 = 300_000;

/// The default of `reconnect.failback`. `polls`: one of the transports is a long poll.
#[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
pub(crate) fn default_failback(polls: bool, reconnects: bool) -> u64 {
    if polls && reconnects { FAILBACK } else { u64::MAX }
}

/// The index of the transport that a page begins with: the one that an earlier page stored, if it still exists.
#[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
pub(crate) fn first(left: u64, endpoints: u32) -> u32 {
    u32::try_from(left).ok().filter(|way| *way < endpoints).unwrap_or(0)
}

/// An endpoint that has held may fail so many times more often: when it does not open, the server is probably down.
const ENDURANCE: u64 = 4;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Endpoints {
    /// The index of the current endpoint. The first one is preferred.
    at: u32,
    /// How often the current endpoint has failed in a row.
    failures: FailureLimits,
    /// The current endpoint has had a stable connection since it was chosen.
    held: bool,
    /// The client left the first endpoint because it failed, so at its next failure it leaves it at once.
    first_failed: bool,
    /// When the first endpoint has held for long enough that the next page begins with it; the end of the clock: nothing to tell.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    proven_at: u64,
    /// How many endpoints have refused in a row.
    refusals: u32,
}

impl Endpoints {
    pub(super) fn new(config: &Config) -> Self {
        let at = config.first;
        Self {
            at,
            failures: FailureLimits::default(),
            held: false,
            first_failed: at > 0,
            #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
            proven_at: u64::MAX,
            refusals: 0,
        }
    }

    pub(super) fn at(&self) -> u32 {
        self.at
    }

    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    pub(super) fn proven_at(&self) -> u64 {
        self.proven_at
    }

    /// The current endpoint opened. Gives the endpoint that the next page begins with: another than the first one at once, the first
    /// one only when it has held.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    pub(super) fn opened(&mut self, config: &Config, now: u64) -> Option<u32> {
        let first = config.remembers && self.at == 0;
        self.proven_at = if first { now.later(config.backoff.stable_after) } else { u64::MAX };
        Some(self.at).filter(|at| config.remembers && *at > 0)
    }

    /// The timer fired while the connection is open.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    pub(super) fn tick(&mut self, now: u64) -> Option<u32> {
        let proven = now >= self.proven_at && self.proven_at < u64::MAX;
        if proven {
            self.proven_at = u64::MAX;
        }
        proven.then_some(0)
    }

    #[cfg(all(test, not(target_arch = "wasm32")))]
    pub(super) fn times(&mut self) -> Vec<&mut u64> {
        vec![&mut self.proven_at]
    }

    /// Whether the client leaves this endpoint for a failure that would be fatal if it were the only one.
    pub(super) fn refuses(config: &Config, failure: Failure) -> bool {
        matches!(failure, Failure::Blocked)
            || config.failover_after.unopened == 0 && failure.of_the_endpoint()
    }

    /// Whether an endpoint remains that has not refused, now that the current one has.
    pub(super) fn others(&self, config: &Config) -> bool {
        self.refusals + 1 < config.endpoints
    }

    /// The connection was stable: forgets the failures.
    pub(super) fn reset_failures(&mut self) {
        self.refusals = 0;
    }

    /// Goes to this endpoint, without a look at failures.
    pub(super) fn go(&mut self, endpoint: u32) {
        self.at = endpoint;
        self.refusals = 0;
    }

    /// Chooses after a loss or a failed attempt; gives whether the endpoint is another one now. `refused`: the failure table says fatal;
    /// `excused`: the failure says nothing against the endpoint.
    pub(super) fn choose(
        &mut self,
        config: &Config,
        failure: Failure,
        stable: bool,
        opened: bool,
        refused: bool,
        excused: bool,
    ) -> bool {
        if stable {
            self.failures = FailureLimits::default();
            self.held = true;
            self.first_failed &= self.at > 0;
        }
        self.refusals = (self.refusals + 1) * u32::from(refused);
        // A function that failed, or a server that is busy, does not count.
        let busy = matches!(failure, Failure::Provider | Failure::Http { status: 429 | 503, .. });
        let strike = u64::from(!stable && !excused && !busy);
        let FailureLimits { unopened, early } = config.failover_after;
        let (failures, mut limit) = if opened {
            self.failures.early += strike;
            (self.failures.early, early)
        } else {
            self.failures.unopened += strike;
            (self.failures.unopened, if self.held { unopened * ENDURANCE } else { unopened })
        };
        if self.first_failed && self.at == 0 {
            limit = limit.min(1);
        }
        let exhausted = failures >= limit;
        let before = self.at;
        if stable && matches!(failure, Failure::End | Failure::Closed { code: 1000 }) {
            // A stable connection came to its end: the first endpoint is tried again.
            self.at = 0;
        } else if exhausted || matches!(failure, Failure::Blocked | Failure::Buffered) {
            self.first_failed = true;
            self.at += 1;
            if self.at == config.endpoints {
                self.at = 0;
            }
        } else {
            return false;
        }
        self.failures = FailureLimits::default();
        self.held = false;
        self.at != before
    }
}

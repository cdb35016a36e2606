//! Which endpoint the next attempt goes to: another server, or another way to the same one.
//!
//! They are in the order of their worth. Without patience each failure leads to the next one, round and round, as
//! when servers fail; what one refuses for good, too, until all have refused in a row. With patience they are ways to one
//! server, and one is left when it proves unfit: it does not open, or opens and dies early, several times in a row. That is
//! what a proxy does to a WebSocket that it does not know. A refusal is that server's, whichever way it came.

use super::{config::Config, failure::Failure};
#[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
use crate::core::Later as _;

/// How often an endpoint may fail in a row before the next one is tried; 0: the next one is tried at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct FailureLimits {
    /// Without having opened.
    pub(crate) unopened: u64,
    /// Having opened, but not for long.
    pub(crate) early: u64,
}

impl FailureLimits {
    /// With ways to one server, if the caller does not say.
    pub(crate) const TRANSPORTS: Self = Self { unopened: 2, early: 3 };
}

/// How long a client that may come to long polls stays away from the first way, in ms, if the caller does not say: a poll has
/// no end of its own after which that one could be tried.
#[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
const FAILBACK: u64 = 300_000;

/// `reconnect.failback`, if it is not given. `polls`: one of the ways is a long poll.
#[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
pub(crate) fn default_failback(polls: bool, reconnects: bool) -> u64 {
    if polls && reconnects { FAILBACK } else { u64::MAX }
}

/// The way that a page begins with: what an earlier one left, if there is such a way.
#[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
pub(crate) fn first(left: u64, endpoints: u32) -> u32 {
    u32::try_from(left).ok().filter(|way| *way < endpoints).unwrap_or(0)
}

/// So many times as patient with one that has held: when it does not open, it is rather the server that is down.
const ENDURANCE: u64 = 4;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Endpoints {
    /// The one of this attempt. The first one is the one to be at.
    at: u32,
    /// Failures of this one in a row.
    failures: FailureLimits,
    /// It has held since it was chosen.
    held: bool,
    /// The first one was left for its failures: at the next one it is left at once.
    first_failed: bool,
    /// When the first one has held for long enough to be begun with; at the end of the clock: it need not be told.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    proven_at: u64,
    /// So many have refused, one after the other, with nothing else between.
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

    /// This one has opened. What the next page is to begin with: another than the first at once, the first when it has held.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    pub(super) fn opened(&mut self, config: &Config, now: u64) -> Option<u32> {
        let first = config.remembers && self.at == 0;
        self.proven_at = if first { now.later(config.backoff.stable_after) } else { u64::MAX };
        Some(self.at).filter(|at| config.remembers && *at > 0)
    }

    /// While it is open.
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

    /// Whether this failure is one to leave this endpoint for, where it would be the end of the only one.
    pub(super) fn refuses(config: &Config, failure: Failure) -> bool {
        matches!(failure, Failure::Blocked)
            || config.failover_after.unopened == 0 && failure.of_the_endpoint()
    }

    /// When this one has refused: whether there is one that has not.
    pub(super) fn others(&self, config: &Config) -> bool {
        self.refusals + 1 < config.endpoints
    }

    /// It was good.
    pub(super) fn reset_failures(&mut self) {
        self.refusals = 0;
    }

    /// To this one, whatever came before.
    pub(super) fn go(&mut self, endpoint: u32) {
        self.at = endpoint;
        self.refusals = 0;
    }

    /// After the loss of a connection, or a failed attempt: `refused`, which is the end by the table; `excused`, which says
    /// nothing against it. Whether it is another one now.
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
        // No strike either: a function that failed, a server that is busy.
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
            // A good connection just came to its end: back to the first one.
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

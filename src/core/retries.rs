//! Counts what failed in a row, and says how long the next attempt waits.

use super::{
    config::{Backoff, Jitter},
    failure::Failure,
};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Retries {
    /// Retries since the last stable connection.
    count: u64,
    /// Failed attempts in a row.
    failures: u64,
    /// The app's functions were asked once more after a 401.
    pub(super) reauthed: bool,
    /// The delay before the first retry that the app set.
    initial: u64,
    /// The last `retry:` field, in ms.
    server_delay: u64,
}

impl Retries {
    pub(super) fn new(backoff: &Backoff) -> Self {
        Self { count: 0, failures: 0, reauthed: false, initial: backoff.initial, server_delay: 0 }
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Another retry is made.
    pub(super) fn more(&mut self) {
        self.count += 1;
    }

    /// Continues the count of another client.
    #[allow(dead_code, reason = "of the npm package")]
    pub(super) fn follow(&mut self, count: u64) {
        self.count = count;
    }

    /// A connection was stable: the backoff starts anew.
    pub(super) fn forget(&mut self) {
        self.count = 0;
        self.failures = 0;
        self.reauthed = false;
    }

    /// An attempt failed, or a connection was lost before it was stable.
    pub(super) fn failed(&mut self) {
        self.failures += 1;
    }

    pub(super) fn exhausted(&self, most: u64) -> bool {
        most > 0 && self.failures >= most
    }

    /// The server sent a `retry:` field, which replaces the initial delay until it sends another.
    pub(super) fn tell(&mut self, backoff: &mut Backoff, ms: u64) {
        self.server_delay = ms;
        backoff.initial = ms.min(backoff.max_server_delay);
    }

    /// What the server asked to wait, in ms: by this failure or by its last `retry:` field, whichever is more.
    pub(super) fn longest_server_delay(&self, server_delay: u64) -> u64 {
        server_delay.max(self.server_delay)
    }

    /// The delay before the next retry, and the part of it that the server asked for. `stable`: the connection had held.
    pub(super) fn wait(
        &self,
        backoff: &Backoff,
        failure: Failure,
        stable: bool,
        eighths: u64,
        draw: u32,
    ) -> (u64, u64) {
        let asked = self.longest_server_delay(failure.retry_after_ms());
        let server_delay = backoff.server_delay(asked, eighths, draw);
        // A server that closes a stable connection closes those of all clients, and all of them come back.
        let delay = if stable && failure.orderly() && backoff.jitter != Jitter::None {
            backoff.routine(self.initial, asked, draw)
        } else {
            backoff.delay(self.count + 1, asked, eighths, draw)
        };
        (delay, server_delay)
    }

    /// How long a long poll waits before its next request. `quiet`: the last request brought nothing and ended early.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    pub(super) fn pause(&self, backoff: &Backoff, quiet: bool, draw: u32) -> u64 {
        if quiet {
            backoff.routine(self.initial, self.server_delay, draw)
        } else {
            backoff.server_delay(self.server_delay, 2, draw)
        }
    }
}

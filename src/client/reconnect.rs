//! When a client connects anew.

use std::time::Duration;

use super::Kind;
use crate::{
    core::config::{Backoff, Config, millis, within},
    error::OptionError,
    options::Jitter,
};

/// When and how often a client connects again, and when a connection is replaced by plan.
///
/// The delays between attempts are `min(max_delay, initial_delay * factor^attempt)`, then jitter. What a server asks to wait
/// (`retry:`, `Retry-After`, the close codes 1012 and 1013) is their lower bound.
///
/// | | default | range |
/// |---|---|---|
/// | initial delay | 1 s | 0 to 2^31-1 ms (never waits less than 100) |
/// | max delay | 30 s | 100 to 2^31-1 ms |
/// | factor | 2 | 1 to 100 |
/// | jitter | full | |
/// | max attempts | no limit | from 1 |
/// | stable after | 5 s | 0 to 2^31-1 ms |
/// | max server delay | 300 s | 0 to 2^31-1 ms |
/// | max age | no limit | 1 000 to 2^31-1 ms |
/// | notice | none | |
/// | failback | when a connection has ended in the normal way | 1 000 to 2^31-1 ms |
///
/// What is out of its range is an [`OptionError`](crate::error::OptionError) of `connect`.
///
/// ```
/// use everwire::{Client, options::{Jitter, Reconnect}};
/// use std::time::Duration;
/// let patient = Reconnect::new()
///     .with_initial_delay(Duration::from_secs(5))
///     .with_max_delay(Duration::from_secs(120))
///     .with_jitter(Jitter::Equal);
/// let builder = Client::builder("wss://example.com/live").reconnect(patient);
/// # drop(builder);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub struct Reconnect {
    on: bool,
    backoff: Backoff,
    max_attempts: Option<u64>,
    max_age: Option<u64>,
    failback: Option<u64>,
    pub(crate) notice: Option<Kind>,
}

impl Reconnect {
    /// The defaults of the table above.
    pub const fn new() -> Self {
        Self {
            on: true,
            backoff: Backoff::new(),
            max_attempts: None,
            max_age: None,
            failback: None,
            notice: None,
        }
    }

    /// The first connection is the only one: when it ends, or does not open, the client closes.
    pub const fn never() -> Self {
        let mut never = Self::new();
        never.on = false;
        never
    }

    /// The delay before the first retry.
    pub const fn with_initial_delay(mut self, delay: Duration) -> Self {
        self.backoff.initial = millis(delay);
        self
    }

    /// The longest delay.
    pub const fn with_max_delay(mut self, delay: Duration) -> Self {
        self.backoff.max = millis(delay);
        self
    }

    /// How much longer each delay is than the one before it. Three decimals count.
    pub const fn with_factor(mut self, factor: f64) -> Self {
        // Not a number becomes 0, and what is too large stays so.
        self.backoff.factor = if factor < 1.0 { 0 } else { (factor * 1_000.0 + 0.5) as u64 };
        self
    }

    /// How the delays are spread.
    pub const fn with_jitter(mut self, jitter: Jitter) -> Self {
        self.backoff.jitter = jitter;
        self
    }

    /// Failures in a row, without a stable connection between, after which the client closes as
    /// [`Exhausted`](crate::event::CloseReason::Exhausted).
    pub const fn with_max_attempts(mut self, attempts: u64) -> Self {
        self.max_attempts = Some(attempts);
        self
    }

    /// How long a connection must hold before the delays start anew.
    pub const fn with_stable_after(mut self, time: Duration) -> Self {
        self.backoff.stable_after = millis(time);
        self
    }

    /// The cap on what a server may ask to wait.
    pub const fn with_max_server_delay(mut self, delay: Duration) -> Self {
        self.backoff.max_server_delay = millis(delay);
        self
    }

    /// How long a connection may live. Before that, by up to a quarter, another one takes its place while it still
    /// delivers; the state stays open. For servers and proxies that cut after a while.
    pub const fn with_max_age(mut self, time: Duration) -> Self {
        self.max_age = Some(millis(time));
        self
    }

    /// The type of the message by which the server says that it is going to close this connection: another one is
    /// opened within the initial delay, and takes its place.
    pub fn with_notice(mut self, kind: impl Into<String>) -> Self {
        self.notice = Some(Kind::new(kind));
        self
    }

    /// With several endpoints: how long to stay away from the first one; then it is tried while another one delivers.
    pub const fn with_failback(mut self, time: Duration) -> Self {
        self.failback = Some(millis(time));
        self
    }

    /// Writes them down; the rest of them is checked with all others.
    pub(crate) fn tell(&self, config: &mut Config) -> Result<(), OptionError> {
        within("reconnect.maxAttempts", self.max_attempts.unwrap_or(1), 1, u64::MAX, "must be 1 or more")?;
        config.reconnects = self.on;
        config.backoff = Backoff { max_attempts: self.max_attempts.unwrap_or(0), ..self.backoff.clone() };
        config.max_age = self.max_age.unwrap_or(u64::MAX);
        config.failback = self.failback.unwrap_or(u64::MAX);
        Ok(())
    }
}

impl Default for Reconnect {
    fn default() -> Self {
        Self::new()
    }
}

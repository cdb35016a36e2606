//! What the caller may set, the defaults, and the limits. The one place where both stand.

#[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
use super::topics::Joins;
use core::{fmt, time::Duration};

pub(crate) use super::endpoints::FailureLimits;
use super::failure::see;
#[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
use super::{pace::Limit, polls::default_wait, uplink::Limits};

/// The longest delay a browser's timer takes; it wraps past it (HTML, timer initialization steps).
pub(crate) const MAX_DELAY: u64 = (1 << 31) - 1;
/// The longest event that a fetched stream may have.
pub(crate) const MAX_EVENT_BYTES: u64 = 16 << 20;
/// The longest id that goes up in an address or a header, in bytes as it goes: some servers take a request line of no more
/// than 4 094 (gunicorn), most one of 8 000 (nginx, Apache), and it is not alone in it.
pub(crate) const LONGEST_ID: u32 = 4_000;
/// No retry comes sooner than this after the attempt before it, whatever the options say.
pub(crate) const FLOOR: u64 = 100;
/// A time that an app gives, in whole ms. What is longer than any option takes stays too long.
pub(crate) const fn millis(time: Duration) -> u64 {
    let ms = time.as_millis();
    if ms > MAX_DELAY as u128 { MAX_DELAY + 1 } else { ms as u64 }
}

/// The shortest time after which a connection may be replaced by plan.
#[cfg(any(feature = "rust", test))]
const SHORTEST_LIFE: u64 = 1_000;

/// An option that cannot work: which, and what it must be.
///
/// ```
/// use everwire::{Client, options::Heartbeat};
/// use std::time::Duration;
/// let hasty = Heartbeat::new().with_timeout(Duration::from_millis(1));
/// let error = Client::builder("wss://example.com").heartbeat(hasty).connect().err();
/// let sentence = error.unwrap().to_string();
/// assert!(sentence.starts_with("heartbeat.timeout must be 50 ms to heartbeat.interval; see "));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionError {
    /// The option, as the JavaScript API names it: `heartbeat.timeout` is `Heartbeat::with_timeout`, `openTimeout` is
    /// `Builder::open_timeout`. docs/reference/rust.md has each name of both.
    pub option: &'static str,
    /// What it must be.
    pub problem: &'static str,
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.option)?;
        f.write_str(" ")?;
        f.write_str(self.problem)?;
        see(f, "invalid-option")
    }
}

impl core::error::Error for OptionError {}

/// How the delays of a fleet are spread, so that it does not come back all at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Jitter {
    /// Evenly between the floor (100 ms) and the delay. The default.
    #[default]
    Full,
    /// Evenly between half the delay and the delay.
    Equal,
    /// The delay itself. For one client, not for a fleet.
    None,
}

/// The delays between attempts: `min(max, initial * factor^attempt)`, then jitter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Backoff {
    pub(crate) initial: u64,
    pub(crate) max: u64,
    /// In thousandths, as the core counts in integers.
    pub(crate) factor: u64,
    pub(crate) jitter: Jitter,
    /// 0: no limit.
    pub(crate) max_attempts: u64,
    pub(crate) stable_after: u64,
    pub(crate) max_server_delay: u64,
}

impl Backoff {
    pub(crate) const fn new() -> Self {
        Self {
            initial: 1_000,
            max: 30_000,
            factor: 2_000,
            jitter: Jitter::Full,
            max_attempts: 0,
            stable_after: 5_000,
            max_server_delay: 300_000,
        }
    }

    #[cfg(any(feature = "rust", test))]
    fn check(&self) -> Result<(), OptionError> {
        within("reconnect.initialDelay", self.initial, 0, MAX_DELAY, MS)?;
        within("reconnect.maxDelay", self.max, FLOOR, MAX_DELAY, MS_100)?;
        within("reconnect.factor", self.factor, 1_000, 100_000, "must be 1 to 100")?;
        within("reconnect.stableAfter", self.stable_after, 0, MAX_DELAY, MS)?;
        within("reconnect.maxServerDelay", self.max_server_delay, 0, MAX_DELAY, MS)
    }
}

/// How long a connection may be silent before it is pinged, and before it counts as dead (half-open).
///
/// WebSocket: a ping after `interval` of silence, and after a send that nothing followed; dead after
/// `timeout` of silence. SSE cannot ping: the server must send something at least every `interval`.
///
/// ```
/// use everwire::options::Heartbeat;
/// use std::time::Duration;
/// let eager = Heartbeat::new().with_interval(Duration::from_secs(10)).with_timeout(Duration::from_secs(2));
/// # let _ = eager;
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Heartbeat {
    pub(crate) interval: u64,
    /// Not set: 5 000, or the interval if that is shorter.
    pub(crate) timeout: Option<u64>,
}

impl Heartbeat {
    /// 30 s of silence, 5 s for an answer (or the interval, if that is shorter).
    #[must_use]
    pub const fn new() -> Self {
        Self { interval: 30_000, timeout: None }
    }

    /// After so much silence a WebSocket is pinged; an event stream gets `timeout` more. Default 30 s; 100 to 2^31-1 ms.
    #[must_use]
    pub const fn with_interval(mut self, time: Duration) -> Self {
        self.interval = millis(time);
        self
    }

    /// The silence after a ping that proves the connection dead. Default 5 s, or the interval if that is shorter; 50 ms to the interval.
    /// While connection after connection falls silent at once, it doubles, until it is 5 minutes or more.
    #[must_use]
    pub const fn with_timeout(mut self, time: Duration) -> Self {
        self.timeout = Some(millis(time));
        self
    }

    #[cfg(any(feature = "rust", test))]
    fn check(&self) -> Result<(), OptionError> {
        within("heartbeat.interval", self.interval, 100, MAX_DELAY, MS_100)?;
        within("heartbeat.timeout", self.silence(), 50, self.interval, "must be 50 ms to heartbeat.interval")
    }

    pub(crate) fn silence(&self) -> u64 {
        self.timeout.unwrap_or(self.interval.min(5_000))
    }
}

impl Default for Heartbeat {
    fn default() -> Self {
        Self::new()
    }
}

/// What gives way when the outbox is full. A dropped message's send settles with `dropped`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Overflow {
    /// The message being sent. The default.
    #[default]
    Reject,
    /// The oldest in the queue.
    DropOldest,
    /// The newest in the queue.
    DropNewest,
}

/// The bounds of what waits to be sent: 1 000 messages and 1 MiB by default. What is out of its range is an [`OptionError`] of `connect`.
///
/// ```
/// use everwire::{Client, options::{Outbox, Overflow}};
/// use std::time::Duration;
/// let outbox = Outbox::new()
///     .with_max_messages(100)
///     .with_overflow(Overflow::DropOldest)
///     .with_ack_timeout(Duration::from_secs(5));
/// let builder = Client::builder("wss://example.com/orders").outbox(outbox);
/// # drop(builder);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Outbox {
    pub(crate) max_messages: u64,
    pub(crate) max_bytes: u64,
    pub(crate) overflow: Overflow,
    /// Of those that an ack or a pong is awaited for.
    pub(crate) max_in_flight: u64,
    /// How often a message without an ack is sent.
    pub(crate) max_attempts: u64,
    /// How long an ack or a pong may take, in ms.
    pub(crate) ack_timeout: u64,
}

impl Outbox {
    /// 1 000 messages, 1 048 576 bytes, [`Overflow::Reject`]; 16 in flight, 5 attempts, 10 s for an ack.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            max_messages: 1_000,
            max_bytes: 1 << 20,
            overflow: Overflow::Reject,
            max_in_flight: 16,
            max_attempts: 5,
            ack_timeout: 10_000,
        }
    }

    /// How many messages may wait. Default 1 000; 0 queues nothing.
    #[must_use]
    pub const fn with_max_messages(mut self, messages: u64) -> Self {
        self.max_messages = messages;
        self
    }

    /// How many bytes may wait. Default 1 048 576; 0 queues nothing.
    #[must_use]
    pub const fn with_max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// What gives way when it is full. Default [`Overflow::Reject`].
    #[must_use]
    pub const fn with_overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// How many messages that wait for an ack or a pong may be in flight. Default 16; from 1.
    #[must_use]
    pub const fn with_in_flight(mut self, messages: u64) -> Self {
        self.max_in_flight = messages;
        self
    }

    /// How often a message that gets no ack is sent; then it is [`Unknown`](crate::Sent::Unknown). Default 5; from 1.
    #[must_use]
    pub const fn with_max_attempts(mut self, attempts: u64) -> Self {
        self.max_attempts = attempts;
        self
    }

    /// How long an ack may take. Default 10 s; 1 to 2^31-1 ms. Then the message is sent again on the same connection, or is
    /// [`Unknown`](crate::Sent::Unknown) after its attempts. What is to be confirmed by a pong is `Unknown` at once. The
    /// time runs while nothing is in the socket's buffer.
    #[must_use]
    pub const fn with_ack_timeout(mut self, time: Duration) -> Self {
        self.ack_timeout = millis(time);
        self
    }
}

impl Default for Outbox {
    fn default() -> Self {
        Self::new()
    }
}

/// All that the core is told once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Config {
    pub(crate) backoff: Backoff,
    /// `reconnect: false` ends the client with its first connection.
    pub(crate) reconnects: bool,
    pub(crate) heartbeat: Option<Heartbeat>,
    pub(crate) outbox: Outbox,
    pub(crate) open_timeout: u64,
    /// The endpoint or the protocols are a function, so asking again can help after a 401.
    pub(crate) has_provider: bool,
    /// What has begun goes on with another request (`resume.request`), which the caller is asked for.
    pub(crate) resumes: bool,
    /// The caller knows the last message (`until`): what ends before it is truncated.
    pub(crate) until: bool,
    /// The caller has a rule of its own (`shouldReconnect`).
    pub(crate) asks: bool,
    /// `resume.via: "header"`: the EventSource may reconnect by itself.
    pub(crate) browser_reconnects: bool,
    /// What a server replays twice is held back. Not for a drop-in: the standard knows no such thing.
    pub(crate) deduplicates: bool,
    /// How many endpoints there are to choose from.
    pub(crate) endpoints: u32,
    /// How often one may fail before the next one is tried.
    pub(crate) failover_after: FailureLimits,
    /// The one to begin with; 0 is the best.
    pub(crate) first: u32,
    /// Messages may have sequence numbers (`resume.seq`).
    pub(crate) numbered: bool,
    /// The heartbeat never sends: a WebSocket, too, must speak within its interval.
    pub(crate) passive: bool,
    /// How long a connection may live, in ms; then another one takes its place.
    pub(crate) max_age: u64,
    /// How long to stay away from the first endpoint, in ms.
    pub(crate) failback: u64,
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    pub(crate) joins: Joins,
    /// How much may go up.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    pub(crate) limit: Option<Limit>,
    /// What goes up beside an event stream.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    pub(crate) uplink: Limits,
    /// There is a way that no proxy holds back.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    pub(crate) polls: bool,
    /// How long the server may let one of its requests wait, in ms.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    pub(crate) poll_wait: u64,
    /// The server can be asked why a WebSocket does not open.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    pub(crate) probes: bool,
    /// The next page of this tab begins with the endpoint that got through.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    pub(crate) remembers: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            backoff: Backoff::new(),
            reconnects: true,
            heartbeat: None,
            outbox: Outbox::new(),
            open_timeout: 10_000,
            has_provider: false,
            resumes: false,
            until: false,
            asks: false,
            browser_reconnects: false,
            deduplicates: true,
            endpoints: 1,
            failover_after: FailureLimits::default(),
            first: 0,
            numbered: false,
            passive: false,
            max_age: u64::MAX,
            failback: u64::MAX,
            #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
            joins: Joins::new(Outbox::new().max_attempts),
            #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
            limit: None,
            #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
            uplink: Limits::new(),
            #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
            polls: false,
            #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
            poll_wait: default_wait(None),
            #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
            probes: false,
            #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
            remembers: false,
        }
    }
}

impl Config {
    #[cfg(any(feature = "rust", test))]
    pub(crate) fn check(&self) -> Result<(), OptionError> {
        self.backoff.check()?;
        if let Some(heartbeat) = &self.heartbeat {
            heartbeat.check()?;
        }
        for (option, given) in
            [("outbox.inFlight", self.outbox.max_in_flight), ("outbox.maxAttempts", self.outbox.max_attempts)]
        {
            within(option, given, 1, u64::MAX, "must be 1 or more")?;
        }
        within("outbox.ack.timeout", self.outbox.ack_timeout, 1, MAX_DELAY, MS_1)?;
        for (option, given) in [("reconnect.maxAge", self.max_age), ("reconnect.failback", self.failback)] {
            if given != u64::MAX {
                within(option, given, SHORTEST_LIFE, MAX_DELAY, "must be 1000 to 2147483647 ms")?;
            }
        }
        within("openTimeout", self.open_timeout, 1, MAX_DELAY, MS_1)
    }
}

#[cfg(any(feature = "rust", test))]
pub(crate) const MS: &str = "must be 0 to 2147483647 ms";
#[cfg(any(feature = "rust", test))]
const MS_1: &str = "must be 1 to 2147483647 ms";
#[cfg(any(feature = "rust", test))]
const MS_100: &str = "must be 100 to 2147483647 ms";

#[cfg(any(feature = "rust", test))]
pub(crate) fn within(
    option: &'static str,
    value: u64,
    min: u64,
    max: u64,
    problem: &'static str,
) -> Result<(), OptionError> {
    if value < min || value > max { Err(OptionError { option, problem }) } else { Ok(()) }
}

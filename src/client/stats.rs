//! What a client has counted.

use std::time::Duration;

use crate::event::Outcome;

/// What a client has counted since it was made: see [`Handle::stats`](crate::Handle::stats). A new client has all at 0.
///
/// ```
/// use everwire::{Handle, event::Outcome};
/// fn healthy(handle: &Handle) -> bool {
///     let stats = handle.stats();
///     stats.gaps == 0 && stats.outcome != Some(Outcome::Gap)
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Connections that were tried.
    pub attempts: u64,
    /// Those that opened.
    pub opens: u64,
    /// Messages that came, also those that were held back.
    pub received: u64,
    /// Those that the app has taken from the client's stream of events; those of topics are not among them.
    pub delivered: u64,
    /// Replayed messages that were held back, as they had come before.
    pub suppressed: u64,
    /// Messages in the stream that the app has not taken yet.
    pub waiting: u64,
    /// Sends that ended as [`Sent::Sent`](crate::Sent::Sent).
    pub sent: u64,
    /// As [`Sent::Acked`](crate::Sent::Acked).
    pub acked: u64,
    /// As [`Sent::Unknown`](crate::Sent::Unknown).
    pub unknown: u64,
    /// As [`Sent::Dropped`](crate::Sent::Dropped).
    pub dropped: u64,
    /// Gaps that were told.
    pub gaps: u64,
    /// What became of the stream at the last reconnect; `None` before the first.
    pub outcome: Option<Outcome>,
    /// From the last ping to its answer; `None` before the first.
    pub round_trip: Option<Duration>,
    /// Messages in the outbox.
    pub queued: usize,
    /// Their bytes.
    pub queued_bytes: u64,
}

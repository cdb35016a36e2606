//! How much one server takes on. The demo is small, as its page needs little; tests ask for much, and only they ask.

use std::time::Duration;

/// So long may a fault, a delay or a restart last.
pub(crate) const LONGEST_FAULT: u64 = 60_000;
/// So many resumes can be promised a replay.
pub(crate) const MOST_REPLAYS: u64 = 1_000;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Open at once, on each port. The next ones are closed.
    pub(crate) connections: usize,
    /// So long may a request's head take, and then its body. None: as long as it likes.
    pub(crate) request: Option<Duration>,
    /// So long one side of a connection stays open when the other has ended, or is never answered.
    pub(crate) half_open: Option<Duration>,
    /// Streams that are spoken to by POST, with those kept from poll to poll.
    pub(crate) streams: usize,
    /// Tickers that run at once.
    pub(crate) tickers: usize,
    /// Logs of rooms and tickers, in the life of the server.
    pub(crate) logs: usize,
    /// What one log holds in memory, in bytes.
    pub(crate) log_bytes: usize,
}

impl Bounds {
    pub(crate) fn of(tests: bool) -> Self {
        if tests {
            Self {
                connections: 20_000,
                request: None,
                half_open: None,
                streams: 10_000,
                tickers: 1_000,
                logs: usize::MAX,
                log_bytes: usize::MAX,
            }
        } else {
            Self {
                connections: 512,
                request: Some(Duration::from_secs(10)),
                half_open: Some(Duration::from_secs(60)),
                streams: 512,
                tickers: 16,
                logs: 64,
                log_bytes: 1024 * 1024,
            }
        }
    }
}

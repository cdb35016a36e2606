//! The states, as the app sees them and as the core keeps them.

use super::failure::Failure;

/// What a client is doing.
///
/// ```
/// use everwire::State;
/// // As in JavaScript.
/// assert_eq!(State::Waiting.to_string(), "waiting");
/// ```
///
/// ```text
///                    connect()
///                        |
///                        v      opened
///        +--------> connecting --------> open
///        |   wait over   |  ^              |
///        |               |  | reconnect()  | lost
///        |        failed |  +--------------|
///        |               v                 v
///        +----------- waiting <------------+
///
///   connecting, open, waiting --- page frozen, pause() ---> suspended --- page back, resume() ---> connecting
///   any --- close(), abort, fatal, ended, exhausted, internal ---> closed       (for good)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// An attempt is under way.
    Connecting,
    /// Messages flow.
    Open,
    /// Backing off until the next attempt.
    Waiting,
    /// The app has paused the client; or the page is frozen, or in the back/forward cache.
    Suspended,
    /// For good.
    Closed,
}

/// The states with the data that each needs. Times are on the monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    /// The client was made and not started.
    Idle,
    /// The app's function is asked for the address.
    Resolving { due: u64 },
    /// The transport is opening.
    Opening { due: u64 },
    /// The transport is open.
    Open { since: u64 },
    /// The app's rule is asked about a failure.
    Asking { failure: Failure, stable: bool, opened: bool },
    /// The next attempt starts at `until`; nothing starts it before `not_before`.
    Waiting { until: u64, not_before: u64 },
    /// The client is paused, or its page is frozen.
    Suspended,
    /// For good.
    Closed,
}

//! What the stream of a client gives.

use std::{fmt, time::Duration};

use super::{Message, Opened, StorageError};
use crate::{
    Failure, State,
    core::{io::CloseReason, resume::Outcome},
};

/// What happened, in the order in which it did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Connected; [`State::Open`] came just before.
    Open(Opened),
    /// The server said something.
    Message(Message),
    /// Messages may be missing before the next one.
    Gap(Gap),
    /// The state changed.
    State(State),
    /// The connection ended or an attempt failed, and another will be made.
    Retry(Retry),
    /// The app fell 1 024 events behind; so many were lost between the one before and the one after.
    Overflow {
        /// How many.
        missed: u64,
    },
    /// Of the stream's place, or of the outbox, nothing more is stored, for this reason; everything else goes on.
    NotStored(StorageError),
    /// For good. Nothing comes after it.
    Closed(Closed),
}

/// Where messages may be missing.
///
/// ```
/// use everwire::event::Gap;
/// // What a request to the server's own API would ask for.
/// fn missed(gap: &Gap) -> String {
///     format!("/messages?after={}&before={}", gap.after, gap.before)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gap {
    /// [`Outcome::Gap`]: the server or the sequence numbers say so. [`Outcome::Unknown`]: nothing proves the contrary.
    pub outcome: Outcome,
    /// The cursor before the gap; empty when there was none.
    pub after: String,
    /// The id of the first message after it; empty when it has none.
    pub before: String,
    /// The first and the last sequence number that are missing, where messages have them.
    pub missing: Option<(u64, u64)>,
}

/// What the server said of a failure. Each is empty where it said nothing.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Details {
    /// The WebSocket close reason.
    pub close_reason: String,
    /// The content type of an answer that is no event stream.
    pub content_type: String,
    /// The beginning of its body, as far as it came within 300 ms: 1 024 characters, or as many as
    /// [`Builder::max_failure_body`](crate::Builder::max_failure_body) says. It may hold secrets that the server sent: do not log it.
    pub body: String,
}

impl fmt::Debug for Details {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Details").field("content_type", &self.content_type).finish_non_exhaustive()
    }
}

/// A wait before the next attempt.
///
/// ```
/// use everwire::event::Retry;
/// fn tell(retry: &Retry) -> String {
///     format!("again in {} s, as {}", retry.delay.as_secs(), retry.failure)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retry {
    /// Retries since the last stable connection: 0 in the first attempt, 1 in the first retry.
    pub attempt: u64,
    /// How long it is.
    pub delay: Duration,
    /// Why it is needed.
    pub failure: Failure,
    /// What the server said of it.
    pub details: Details,
}

/// How a client ended.
///
/// ```
/// use everwire::event::{CloseReason, Closed};
/// fn tell(closed: &Closed) -> Option<String> {
///     match closed.reason {
///         CloseReason::App | CloseReason::Ended => None,
///         reason => Some(format!("{reason}: {}", closed.peer_close_reason)),
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Closed {
    /// Who or what closed it.
    pub reason: CloseReason,
    /// The WebSocket close code; 0 where there was none.
    pub code: u16,
    /// The close reason that the server gave with the code; empty where there was none.
    pub peer_close_reason: String,
    /// The failure that ended it, unless the app did.
    pub failure: Option<Failure>,
    /// Whether the end was agreed on: the app closed an open connection, the stream had ended, or the server closed the WebSocket.
    pub was_clean: bool,
    /// What the server said of the failure.
    pub details: Details,
}

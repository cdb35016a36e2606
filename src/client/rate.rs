//! How much is sent.

use std::{fmt, time::Duration};

use super::{Is, Message};
use crate::{
    core::{config, pace::Limit},
    error::OptionError,
};

/// A limit on what is sent: joins, leaves and pings count, a resume frame does not. The server's word halves it, at most once in a
/// window, down to a 32nd; after a window without one, each further one gives a tenth back.
///
/// Its words are a close with 1008 (which is tried again then) or 1013, the status 429, and the message that
/// [`with_slow`](Self::with_slow) names.
#[must_use]
pub struct Rate {
    pub(crate) limit: Limit,
    pub(crate) slow: Option<Is>,
}

impl Rate {
    /// So many messages, 1 to 100 000, in any so long, 10 to 2^31-1 ms.
    pub fn new(messages: u32, per: Duration) -> Self {
        Self { limit: Limit { messages: messages.into(), per: config::millis(per) }, slow: None }
    }

    /// The type of the message by which the server says that it is too much. It is delivered as any other.
    pub fn with_slow(self, kind: impl Into<String>) -> Self {
        let kind = kind.into();
        self.with_slow_when(move |message| message.kind() == kind)
    }

    /// Which message says so, in the place of a type.
    pub fn with_slow_when(mut self, slow: impl Fn(&Message) -> bool + 'static) -> Self {
        self.slow = Some(Box::new(slow));
        self
    }

    pub(crate) fn check(limit: Limit) -> Result<(), OptionError> {
        let invalid = |option, problem| Err(OptionError { option, problem });
        if !(1..=100_000).contains(&limit.messages) {
            return invalid("rate.messages", "must be 1 to 100000");
        }
        if !(10..=config::MAX_DELAY).contains(&limit.per) {
            return invalid("rate.per", "must be 10 to 2147483647 ms");
        }
        Ok(())
    }
}

impl fmt::Debug for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rate").field("limit", &self.limit).finish_non_exhaustive()
    }
}

//! How one message is sent.

use std::time::Duration;

use crate::{core::config, error::OptionError};

/// What [`Handle::send_with`](crate::Handle::send_with) may be told of a message.
///
/// ```
/// use everwire::options::SendOptions;
/// use std::time::Duration;
/// let order = SendOptions::new().with_ack("order-7").with_ttl(Duration::from_secs(60));
/// let cursor = SendOptions::new().with_volatile();
/// # let _ = (order, cursor);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct SendOptions {
    pub(crate) ttl: Option<u64>,
    pub(crate) priority: bool,
    pub(crate) volatile: bool,
    pub(crate) confirm: bool,
    pub(crate) ack: Option<String>,
}

impl SendOptions {
    /// As [`Handle::send`](crate::Handle::send) sends.
    pub const fn new() -> Self {
        Self { ttl: None, priority: false, volatile: false, confirm: false, ack: None }
    }

    /// How long it is of use, 0 to 2^31-1 ms: after that it is [`Expired`](crate::send::Dropped::Expired) in the outbox, and
    /// [`Unknown`](crate::Sent::Unknown) in flight. Default: no limit.
    pub const fn with_ttl(mut self, time: Duration) -> Self {
        self.ttl = Some(config::millis(time));
        self
    }

    /// Before all that waits, and past the window of those in flight: for control frames.
    pub const fn with_priority(mut self) -> Self {
        self.priority = true;
        self
    }

    /// Now or not at all: for cursor positions and the like.
    pub const fn with_volatile(mut self) -> Self {
        self.volatile = true;
        self
    }

    /// [`Sent`](crate::Sent::Sent) only when the server has answered a ping that went out after it, else
    /// [`Unknown`](crate::Sent::Unknown). Needs the heartbeat, on a server that answers each ping once. Not with an ack.
    pub const fn with_confirm(mut self) -> Self {
        self.confirm = true;
        self
    }

    /// Kept until the server acks this id, which stands in the message; sent again after each reconnect until then.
    /// Needs [`Builder::acks`](crate::Builder::acks).
    pub fn with_ack<S: Into<String>>(mut self, id: S) -> Self {
        self.ack = Some(id.into());
        self
    }

    pub(crate) fn check(&self) -> Result<(), OptionError> {
        config::within("send.ttl", self.ttl.unwrap_or(0), 0, config::MAX_DELAY, config::MS)
    }
}

//! How one message is sent.

/// What [`Handle::send_with`](crate::Handle::send_with) may be told of a message.
///
/// ```
/// use everwire::SendOptions;
/// let order = SendOptions::new().with_ack("order-7").with_ttl(60_000);
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

    /// How long it is of use, in ms: after that it is [`Expired`](crate::Dropped::Expired) in the outbox, and
    /// [`Unknown`](crate::Sent::Unknown) in flight. Default: no limit.
    pub const fn with_ttl(mut self, ms: u64) -> Self {
        self.ttl = Some(ms);
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
    pub const fn with_pong(mut self) -> Self {
        self.confirm = true;
        self
    }

    /// Kept until the server acks this id, which stands in the message; sent again after each reconnect until then.
    /// Needs [`Builder::acks`](crate::Builder::acks).
    pub fn with_ack<S: Into<String>>(mut self, id: S) -> Self {
        self.ack = Some(id.into());
        self
    }
}

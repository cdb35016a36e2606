//! A send under way, and what waits for several.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use futures_sink::Sink;

use super::{Client, imp};
use crate::{Sent, message::Payload, send::Dropped};

/// A send under way; it goes on whether this is awaited or not.
pub struct Sending(pub(super) imp::Sending);

impl Sending {
    /// Takes the message back, as far as that is possible: in the outbox it is
    /// [`Dropped::Aborted`](crate::send::Dropped::Aborted), in flight [`Sent::Unknown`]. On one that is settled it does nothing.
    ///
    /// ```no_run
    /// # async fn run(handle: everwire::Handle) {
    /// let sending = handle.send("typing…");
    /// sending.abort();
    /// println!("{:?}", sending.await);
    /// # }
    /// ```
    pub fn abort(&self) {
        self.0.abort();
    }
}

impl Future for Sending {
    type Output = Sent;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Sent> {
        self.0.poll(cx)
    }
}

impl fmt::Debug for Sending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending").finish_non_exhaustive()
    }
}

/// For `futures`' `SinkExt` and what forwards a stream. It is ready while the outbox has room, by
/// [`Outbox::with_max_messages`](crate::options::Outbox::with_max_messages) and
/// [`with_max_bytes`](crate::options::Outbox::with_max_bytes). Its flush waits until each message that it was given has been sent, or
/// acked, and fails with why one was dropped; what is [`Sent::Unknown`] is no failure. Closing it flushes, and closes the client.
///
/// ```no_run
/// # async fn run(mut client: everwire::Client) -> Result<(), everwire::send::Dropped> {
/// use futures_util::SinkExt;
/// client.send("hello".into()).await?;
/// # Ok(()) }
/// ```
impl Sink<Payload> for Client {
    type Error = Dropped;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Dropped>> {
        self.0.poll_room(cx)
    }

    fn start_send(self: Pin<&mut Self>, item: Payload) -> Result<(), Dropped> {
        self.0.start_send(item);
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Dropped>> {
        self.0.poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Dropped>> {
        let flushed = self.0.poll_flush(cx);
        if flushed.is_ready() {
            self.0.handle().close(0, "");
        }
        flushed
    }
}

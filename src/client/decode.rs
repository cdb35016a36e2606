//! What a frame is made into before anything is read of it.

use std::{future::Future, pin::Pin, rc::Rc};

use super::{Builder, EndpointError, Message, Payload};
use crate::web::decode::Line;

pub(crate) type Decoded = Result<Vec<Payload>, EndpointError>;

/// What a decoder gave, or will give.
pub(crate) enum Decoding {
    Now(Decoded),
    Later(Pin<Box<dyn Future<Output = Decoded>>>),
}

pub(crate) type Decode = Rc<dyn Fn(Message) -> Decoding>;

impl Builder {
    /// What a frame, or an event, is made into: to decompress it, say, or for a server that puts several messages into one. Each payload
    /// that it gives is a message of its own, with its type, id, sequence number and topic; it may be an ack or a reply. With none, the frame is
    /// no more than a sign of life. The id of an SSE event is that of its last message. Pings and pongs are known before.
    ///
    /// An error is told in the console; its frame is left out, and the stream goes on.
    ///
    /// ```
    /// // A message on each line.
    /// let builder = everwire::Client::builder("wss://example.com/live").decode(|frame| {
    ///     let lines = frame.text().ok_or("only texts are expected")?;
    ///     Ok(lines.lines().map(str::to_owned).collect::<Vec<_>>())
    /// });
    /// # drop(builder);
    /// ```
    pub fn decode<I, P>(self, decode: impl Fn(&Message) -> Result<I, EndpointError> + 'static) -> Self
    where
        I: IntoIterator<Item = P>,
        P: Into<Payload>,
    {
        self.decoder(move |frame| Decoding::Now(decode(&frame).map(payloads)))
    }

    /// As [`decode`](Self::decode), for what takes time. Frames are decoded as they come, and delivered in their order; the cursor follows
    /// what was delivered. A fetched stream is not read meanwhile. Over the other transports 1 024 frames may wait, up to 16 MiB and one
    /// frame: what is more is lost, and an [`Event::Gap`](crate::Event::Gap) comes before the next message. A future that never ends holds
    /// the stream up for ever.
    ///
    /// ```
    /// # async fn decrypt(bytes: Vec<u8>) -> Result<Vec<u8>, std::fmt::Error> { Ok(bytes) }
    /// let builder = everwire::Client::builder("wss://example.com/live")
    ///     .decode_async(|frame| async move { Ok([decrypt(frame.bytes().to_vec()).await?]) });
    /// # drop(builder);
    /// ```
    pub fn decode_async<F, R, I, P>(self, decode: F) -> Self
    where
        F: Fn(Message) -> R + 'static,
        R: Future<Output = Result<I, EndpointError>> + 'static,
        I: IntoIterator<Item = P>,
        P: Into<Payload>,
    {
        self.decoder(move |frame| {
            let decoding = decode(frame);
            Decoding::Later(Box::pin(async { decoding.await.map(payloads) }))
        })
    }

    fn decoder(mut self, decode: impl Fn(Message) -> Decoding + 'static) -> Self {
        self.decode = Some(Rc::new(Line::new(Rc::new(decode))));
        self
    }
}

fn payloads<P: Into<Payload>>(given: impl IntoIterator<Item = P>) -> Vec<Payload> {
    given.into_iter().map(Into::into).collect()
}

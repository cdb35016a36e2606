//! The client, its handle, and a send under way.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    rc::Rc,
    task::{Context as TaskContext, Poll},
    time::Duration,
};

use futures_core::Stream;

use super::{
    Builder, CancelError, Context, EndpointError, Event, Request, SendOptions, Sending, Stats,
    builder::{Asked, Endpoint},
    imp,
};
#[cfg(feature = "duplex")]
use super::{RequestOptions, Requesting, SubscribeOptions, Subscription, SubscriptionError};
use crate::{Failure, State, Transport, core::failure::see, error::OptionError};

/// One client: a stream of [`Event`]s. Dropping it closes the connection.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use everwire::{Client, Event, options::Heartbeat};
///
/// let mut wire = Client::builder("wss://example.com/live").heartbeat(Heartbeat::new()).connect()?;
/// let handle = wire.handle();
/// while let Some(event) = wire.next().await {
///     match event {
///         Event::Open(_) => drop(handle.send("hello")),
///         Event::Message(message) => println!("{:?}", message.text()),
///         Event::Gap(gap) => println!("something may be missing after {}", gap.after),
///         _ => {}
///     }
/// }
/// # Ok(()) }
/// ```
#[must_use = "dropping a client closes its connection"]
pub struct Client(pub(super) imp::Wire);

impl Client {
    /// A client for a fixed address, or [`Request`]; relative ones are relative to the page.
    pub fn builder(endpoint: impl Into<Request>) -> Builder {
        Builder::new(Endpoint::Fixed(endpoint.into()))
    }

    /// A client that asks for its address or [`Request`] before each attempt: a fresh token, say.
    ///
    /// An id of the server's may stand in it, and must lead nowhere else: an address with a segment `.` or `..` in its path, encoded or
    /// not, with two slashes in front, or with a scheme that two slashes do not follow is a failed attempt, [`Failure::Provider`], which
    /// the console explains once. [`path_segment`](crate::endpoint::path_segment) makes such an id harmless; a URL type's text has none of these.
    ///
    /// ```
    /// use everwire::{Client, endpoint::Reason};
    /// # async fn token(fresh: bool) -> Result<String, std::fmt::Error> { Ok(String::new()) }
    /// let builder = Client::builder_with(|context| async move {
    ///     let token = token(context.reason == Reason::Unauthorized).await?;
    ///     Ok(format!("wss://example.com/live?token={token}"))
    /// });
    /// # drop(builder);
    /// ```
    pub fn builder_with<F, R, T>(endpoint: F) -> Builder
    where
        F: Fn(Context) -> R + 'static,
        R: Future<Output = Result<T, EndpointError>> + 'static,
        T: Into<Request>,
    {
        let endpoint = Endpoint::Function(Rc::new(move |context| {
            let asked = endpoint(context);
            Box::pin(async { asked.await.map(Into::into) }) as Asked
        }));
        let mut builder = Builder::new(endpoint);
        builder.ask = Some(imp::ask);
        builder
    }

    /// The next event; `None` after [`Event::Closed`].
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|cx| self.0.poll_next(cx)).await
    }

    /// What other parts of the app use: cheap to clone, and it keeps nothing open.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle(self.0.handle())
    }
}

impl Stream for Client {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Event>> {
        self.0.poll_next(cx)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.0.handle().close(0, "");
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("state", &self.handle().state()).finish_non_exhaustive()
    }
}

/// Sends, closes and looks, from anywhere. After the client is dropped it finds it closed. Two are equal when they are of the same
/// client.
///
/// ```no_run
/// # async fn run() -> Result<(), everwire::error::ConnectError> {
/// use everwire::{Client, Sent, State};
/// let client = Client::builder("wss://example.com/live").connect()?;
/// let handle = client.handle();
/// // In another task, or in what a button calls:
/// if let Sent::Dropped(why) = handle.send("hello").await {
///     println!("not sent: {why}");
/// }
/// if handle.state() == State::Waiting {
///     handle.reconnect();
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Handle(pub(super) imp::Handle);

impl Handle {
    /// The number of who is told, unless the client is closed.
    pub(super) fn keep_fresh(
        &self,
        keeper: &Rc<crate::web::tokens::Keeper>,
        on_refresh: impl Fn(&str) + 'static,
    ) -> Option<u64> {
        self.0.keep_fresh(keeper, on_refresh)
    }

    /// What the client is doing.
    #[must_use]
    pub fn state(&self) -> State {
        self.0.state()
    }

    /// The cursor: the id of the last message delivered; empty when there was none.
    #[must_use]
    pub fn last_event_id(&self) -> String {
        self.0.last_event_id()
    }

    /// Why the last connection or attempt ended.
    #[must_use]
    pub fn last_failure(&self) -> Option<Failure> {
        self.0.last_failure()
    }

    /// How long until the next attempt, in whole ms; `None` while nothing is waited for.
    #[must_use]
    pub fn retry_in(&self) -> Option<Duration> {
        self.0.retry_in().map(Duration::from_millis)
    }

    /// Retries since the last stable connection: 0 in the first attempt, 1 in the first retry.
    #[must_use]
    pub fn attempt(&self) -> u64 {
        self.0.attempt()
    }

    /// Messages and bytes that wait in the outbox.
    #[must_use]
    pub fn queued(&self) -> (usize, u64) {
        self.0.queued()
    }

    /// What the client has counted.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats { round_trip: self.round_trip(), ..self.0.stats() }
    }

    /// From the last ping to its answer; `None` before the first.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        Duration::try_from_secs_f64(self.0.round_trip()? / 1_000.0).ok()
    }

    /// What it is connected by, or connecting; `None` while there is no connection.
    #[must_use]
    pub fn transport(&self) -> Option<Transport> {
        self.0.transport()
    }

    /// Of the connection, or the last one, with parameters; empty before the first attempt. It holds what the endpoint holds: do not log
    /// tokens.
    #[must_use]
    pub fn url(&self) -> String {
        self.0.url()
    }

    /// The subprotocol that the server chose; empty when it chose none, or over SSE.
    #[must_use]
    pub fn protocol(&self) -> String {
        self.0.protocol()
    }

    /// Bytes that the socket was given, and that the network has not taken yet.
    #[must_use]
    pub fn buffered_amount(&self) -> u32 {
        self.0.buffered()
    }

    /// Sends a text, at once or from the outbox. What became of it is the future's answer; nobody has to
    /// await it.
    pub fn send(&self, text: &str) -> Sending {
        Sending(self.0.send_text(text))
    }

    /// Sends bytes.
    pub fn send_bytes(&self, bytes: &[u8]) -> Sending {
        Sending(self.0.send_bytes(bytes))
    }

    /// Sends a text as the options say.
    ///
    /// # Errors
    ///
    /// [`OptionError`], for options that this client cannot keep to; nothing is sent then.
    pub fn send_with(&self, text: &str, options: &SendOptions) -> Result<Sending, OptionError> {
        options.check()?;
        self.0.send_text_with(text, options).map(Sending)
    }

    /// Sends bytes as the options say.
    ///
    /// # Errors
    ///
    /// As [`send_with`](Self::send_with).
    pub fn send_bytes_with(&self, bytes: &[u8], options: &SendOptions) -> Result<Sending, OptionError> {
        options.check()?;
        self.0.send_bytes_with(bytes, options).map(Sending)
    }

    /// Sends a value as JSON, as the options say.
    ///
    /// ```
    /// # fn run(handle: everwire::Handle) -> Result<(), everwire::error::SendError> {
    /// use everwire::options::SendOptions;
    /// #[derive(serde::Serialize)]
    /// struct Order<'a> {
    ///     id: &'a str,
    ///     item: &'a str,
    /// }
    /// let order = Order { id: "order-7", item: "tea" };
    /// let _sending = handle.send_json_with(&order, &SendOptions::new().with_ack(order.id))?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`SendError`]: nothing is sent then.
    pub fn send_json_with<T: serde::Serialize + ?Sized>(
        &self,
        value: &T,
        options: &SendOptions,
    ) -> Result<Sending, SendError> {
        let text = serde_json::to_string(value).map_err(|_| EncodeError)?;
        Ok(self.send_with(&text, options)?)
    }

    /// Sends a value as JSON.
    ///
    /// # Errors
    ///
    /// [`EncodeError`], when JSON cannot hold it.
    pub fn send_json<T: serde::Serialize + ?Sized>(&self, value: &T) -> Result<Sending, EncodeError> {
        self.0.send_json(value).map(Sending)
    }

    /// Sends a value as a JSON object and gives the message that carries its id, which the stream does not get. An object without an id
    /// gets one. Nobody else's reply is taken for it, and one that comes too late reaches nobody.
    ///
    /// ```no_run
    /// # async fn run(handle: everwire::Handle) -> Result<(), everwire::requests::RequestError> {
    /// #[derive(serde::Serialize)]
    /// struct Get<'a> {
    ///     method: &'a str,
    /// }
    /// let reply = handle.request(&Get { method: "list" }).await?;
    /// println!("{:?}", reply.text());
    /// # Ok(()) }
    /// ```
    #[cfg(feature = "duplex")]
    pub fn request<T: serde::Serialize + ?Sized>(&self, value: &T) -> Requesting {
        self.request_with(value, &RequestOptions::new())
    }

    /// As [`request`](Self::request), with a time or a priority of its own.
    #[cfg(feature = "duplex")]
    pub fn request_with<T: serde::Serialize + ?Sized>(
        &self,
        value: &T,
        options: &RequestOptions,
    ) -> Requesting {
        Requesting(self.0.request(serde_json::to_string(value).ok(), options))
    }

    /// Joins a topic, on this connection and each one after it.
    ///
    /// # Errors
    ///
    /// An empty name, more than 10 000 topics, a closed client.
    #[cfg(feature = "duplex")]
    pub fn subscribe(&self, topic: &str) -> Result<Subscription, SubscriptionError> {
        self.subscribe_with(topic, SubscribeOptions::new())
    }

    /// As [`subscribe`](Self::subscribe). Of several subscriptions of a topic the first one's options hold.
    ///
    /// # Errors
    ///
    /// As there.
    #[cfg(feature = "duplex")]
    pub fn subscribe_with(
        &self,
        topic: &str,
        options: SubscribeOptions,
    ) -> Result<Subscription, SubscriptionError> {
        self.0.subscribe(topic, options).map(Subscription)
    }

    /// Waits until every send has settled: nothing waits, and nothing is without its ack or reply.
    pub fn drained(&self) -> impl Future<Output = ()> + use<> {
        let handle = self.0.clone();
        poll_fn(move |cx| handle.poll_drained(cx))
    }

    /// Closes the connection and opens no other until [`Self::resume`]: for a hidden tab, say. The state is
    /// [`State::Suspended`](crate::State). The cursor and the outbox stay as they are; what was on its way up is as after a loss. On a
    /// paused or closed client it does nothing.
    pub fn pause(&self) {
        self.0.pause();
    }

    /// Goes on as after a loss, at once: from the last id, with a gap where something may be missing. Like [`Self::reconnect`] it
    /// repeats a request that everwire would not repeat by itself. On a client that is not paused, or closed, it does nothing.
    pub fn resume(&self) {
        self.0.resume();
    }

    /// Drops the connection, or the wait, and tries at once. Does nothing on a paused client.
    pub fn reconnect(&self) {
        self.0.reconnect();
    }

    /// Closes, and tells the server by [`Builder::cancel`] to stop the job. It goes on whether this is awaited or not, for no longer than the
    /// open timeout twice. A second call gives the same answer.
    ///
    /// # Errors
    ///
    /// Why the server was not told.
    pub fn cancel(&self) -> impl Future<Output = Result<(), CancelError>> + use<> {
        let cancelled = self.0.cancel(false);
        poll_fn(move |cx| cancelled.poll(cx))
    }

    /// As [`cancel`](Self::cancel), but the client stays, for what the server still says of the job: an end in good order (of a WebSocket a
    /// close with 1000) closes it as [`CloseReason::Ended`](crate::event::CloseReason::Ended), and after a loss it goes on listening, as it
    /// would have without. Where the server was not told, nothing has changed.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn cancel_and_listen(&self) -> impl Future<Output = Result<(), CancelError>> + use<> {
        let cancelled = self.0.cancel(true);
        poll_fn(move |cx| cancelled.poll(cx))
    }

    /// For good.
    pub fn close(&self) {
        self.0.close(0, "");
    }

    /// For good, with words for the server: `code` is 1000 or 3000 to 4999 (RFC 6455, 7.4.2), `reason` at
    /// most 123 bytes.
    ///
    /// # Errors
    ///
    /// [`OptionError`], for another code or a longer reason; the client stays as it was.
    pub fn close_with(&self, code: u16, reason: &str) -> Result<(), OptionError> {
        if code != 1000 && !(3000..5000).contains(&code) {
            return Err(OptionError { option: "code", problem: "must be 1000 or 3000 to 4999" });
        }
        if reason.len() > 123 {
            return Err(OptionError { option: "reason", problem: "must be at most 123 bytes" });
        }
        self.0.close(code, reason);
        Ok(())
    }
}

impl fmt::Debug for Handle {
    /// Without the address: tokens stand in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("state", &self.state())
            .field("transport", &self.transport())
            .field("attempt", &self.attempt())
            .finish_non_exhaustive()
    }
}

/// The value cannot be encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EncodeError;

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the value: it does not belong in logs.
        f.write_str("the value cannot be sent as JSON: keys must be strings")?;
        see(f, "encode")
    }
}

impl std::error::Error for EncodeError {}

/// Why a value was not sent as the options say.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The value cannot be JSON.
    Encode(EncodeError),
    /// The client cannot keep to an option.
    Option(OptionError),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encode(error) => error.fmt(f),
            Self::Option(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SendError {}

impl From<EncodeError> for SendError {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}

impl From<OptionError> for SendError {
    fn from(error: OptionError) -> Self {
        Self::Option(error)
    }
}

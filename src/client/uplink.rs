//! What is sent beside an event stream.

use std::{fmt, rc::Rc, time::Duration};

use super::{
    Builder, Context, EndpointError, Request,
    builder::{Asked, Endpoint},
};
use crate::{
    core::{
        config::{MAX_DELAY, millis, within},
        uplink::Limits,
    },
    error::OptionError,
    web::uplink::Uplinks,
};

/// Where what is sent over an event stream goes: as POSTs, one at a time and in order, each with all that waits. Its body is a JSON array of
/// the messages (a text that is no JSON is a string in it), or one message of bytes by itself.
///
/// The answer settles what a POST carried:
///
/// - 2xx: the server has it. The answer may be JSON, one message or an array: acks and replies, nothing else.
/// - 400, 413, 415, 422: the messages are sent again one by one, and the one that it is about is dropped.
/// - 425, 429, 503 with `Retry-After`: they are sent again after that time, and the stream stays.
/// - Anything else, or none in time: the connection has failed, by the table of failures. What the server certainly did not act on is sent
///   again on the next one.
///
/// ```
/// use everwire::{Client, endpoint::Request, options::Uplink};
/// use std::time::Duration;
///
/// let uplink = Uplink::new(Request::get("/live").with_header("authorization", "Bearer …"))
///     .with_max_messages(100)
///     .with_timeout(Duration::from_secs(5));
/// let builder = Client::builder("/live").uplink(uplink);
/// # drop(builder);
/// ```
#[derive(Clone)]
#[must_use]
pub struct Uplink {
    /// None: each endpoint has its own.
    pub(crate) to: Option<Endpoint>,
    pub(crate) name: Option<String>,
    pub(crate) limits: Limits,
}

impl Uplink {
    /// POSTs go to this address, or with the headers of this [`Request`]. Of that its method, body and redirect are not set: `connect` fails
    /// with them. Across origins `application/json` costs a preflight, unless a header `content-type` says `text/plain`.
    pub fn new(request: impl Into<Request>) -> Self {
        Self::to(Some(Endpoint::Fixed(request.into())))
    }

    /// The function is asked before each POST: for a fresh token, say. After a 401 it is asked once with
    /// [`Reason::Unauthorized`](crate::endpoint::Reason::Unauthorized).
    ///
    /// ```
    /// use everwire::{Client, endpoint::{Reason, Request}, options::Uplink};
    /// # async fn token(fresh: bool) -> Result<String, std::fmt::Error> { Ok(String::new()) }
    /// let uplink = Uplink::new_with(|context| async move {
    ///     let token = token(context.reason == Reason::Unauthorized).await?;
    ///     Ok(Request::get("/live").with_header("authorization", format!("Bearer {token}")))
    /// });
    /// let builder = Client::builder("/live").uplink(uplink);
    /// # drop(builder);
    /// ```
    pub fn new_with<F, R, T>(uplink: F) -> Self
    where
        F: Fn(Context) -> R + 'static,
        R: Future<Output = Result<T, EndpointError>> + 'static,
        T: Into<Request>,
    {
        Self::to(Some(Endpoint::Function(Rc::new(move |context| {
            let asked = uplink(context);
            Box::pin(async { asked.await.map(Into::into) }) as Asked
        }))))
    }

    /// Each endpoint says where its POSTs go, by [`Request::with_uplink`].
    ///
    /// ```
    /// use everwire::{Client, endpoint::Request, options::Uplink};
    /// let builder = Client::builder(Request::get("https://a.example/live").with_uplink("https://a.example/up"))
    ///     .failover([Request::get("https://b.example/live").with_uplink("https://b.example/up")])
    ///     .uplink(Uplink::per_endpoint());
    /// # drop(builder);
    /// ```
    pub fn per_endpoint() -> Self {
        Self::to(None)
    }

    fn to(to: Option<Endpoint>) -> Self {
        Self { to, name: Some("connection".to_owned()), limits: Limits::new() }
    }

    /// The query parameter of a random id, new for each connection, which the stream's address has and its POSTs: a server knows by it
    /// which stream a POST belongs to. Default `connection`.
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// There is no such parameter.
    pub fn without_name(mut self) -> Self {
        self.name = None;
        self
    }

    /// How many messages go in one POST at most. Default 1 000; 1 to 1 000 000.
    pub fn with_max_messages(mut self, messages: u64) -> Self {
        self.limits.messages = messages;
        self
    }

    /// How many bytes of messages go in one POST at most; a larger message goes alone. Default 60 000; 1 to 2^31-1.
    pub fn with_max_bytes(mut self, bytes: u64) -> Self {
        self.limits.bytes = bytes;
        self
    }

    /// How long to wait for an answer, and for the function; then the connection counts as lost. Default 10 s; 1 to 2^31-1 ms.
    pub fn with_timeout(mut self, time: Duration) -> Self {
        self.limits.timeout = millis(time);
        self
    }

    pub(crate) fn check(&self) -> Result<(), OptionError> {
        let Limits { messages, bytes, timeout } = self.limits;
        if self.name.as_deref() == Some("") {
            return Err(OptionError {
                option: "uplink.name",
                problem: "must not be empty: Uplink::without_name",
            });
        }
        within("uplink.maxMessages", messages, 1, 1_000_000, "must be 1 to 1000000")?;
        within("uplink.maxBytes", bytes, 1, MAX_DELAY, "must be 1 to 2147483647")?;
        within("uplink.timeout", timeout, 1, MAX_DELAY, "must be 1 to 2147483647 ms")
    }
}

impl fmt::Debug for Uplink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not where to: tokens stand in addresses.
        f.debug_struct("Uplink")
            .field("name", &self.name)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl Builder {
    /// What is sent over an event stream goes up as POSTs. Default: none, and a send over an event stream is
    /// [`NoUplink`](crate::send::Dropped::NoUplink). A WebSocket sends by itself, and a stream that is asked for by POST or PATCH has no
    /// uplink: a fixed one of these is an error of `connect`.
    ///
    /// ```
    /// use everwire::{Client, Sent, options::{SendOptions, Uplink}};
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = Client::builder("/live")
    ///     .uplink(Uplink::new("/live"))
    ///     .acks(|message| message.text()?.strip_prefix("ack ").map(str::to_owned))
    ///     .connect()?;
    /// let order = r#"{"id":"order-7","item":"tea"}"#;
    /// let sent = client.handle().send_with(order, &SendOptions::new().with_ack("order-7"))?.await;
    /// assert_eq!(sent, Sent::Acked);
    /// # Ok(()) }
    /// ```
    pub fn uplink(mut self, uplink: Uplink) -> Self {
        self.config.uplink = uplink.limits.clone();
        self.config.has_provider |= matches!(uplink.to, Some(Endpoint::Function(_)));
        self.uplink = Some(Rc::new(Uplinks::new(uplink)));
        self
    }
}

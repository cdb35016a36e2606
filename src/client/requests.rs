//! Questions to the server, and its replies.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use super::{EncodeError, Message, Reads, imp};
use crate::{
    core::{config, failure::see, outbox::Dropped},
    error::OptionError,
    web::json,
};

pub(crate) type IsError = Rc<dyn Fn(&Message) -> bool>;

pub(crate) type IdOf = Rc<dyn Fn(&str) -> Option<String>>;

/// Where a request has its id.
#[derive(Clone)]
pub(crate) enum RequestId {
    At(String),
    /// In its JSON.
    By(IdOf),
}

/// How a reply is told by its id: see [`Handle::request`](crate::Handle::request).
///
/// ```
/// use everwire::requests::Requests;
/// use std::time::Duration;
/// // JSON-RPC 2.0 has these names by itself.
/// let requests = Requests::new().with_id("ref").with_timeout(Duration::from_secs(5)).with_retry();
/// # drop(requests);
/// ```
#[derive(Clone)]
#[must_use]
pub struct Requests {
    pub(crate) id: RequestId,
    pub(crate) reply_id: Option<Reads<Option<String>>>,
    pub(crate) error: String,
    pub(crate) is_error: Option<IsError>,
    pub(crate) timeout: u64,
    pub(crate) again: bool,
}

impl Default for Requests {
    fn default() -> Self {
        Self::new()
    }
}

impl Requests {
    /// The defaults, which suit JSON-RPC 2.0.
    pub fn new() -> Self {
        Self {
            id: RequestId::At("id".to_owned()),
            reply_id: None,
            error: "error".to_owned(),
            is_error: None,
            timeout: 10_000,
            again: false,
        }
    }

    /// Key of the JSON that a request's id goes under; filled in where there is none. Under a path with dots nothing is filled in. Default
    /// `id`.
    pub fn with_id(mut self, key: impl Into<String>) -> Self {
        self.id = RequestId::At(key.into());
        self
    }

    /// Which id a request has, in the place of a key: the function is given the request's JSON, in which the app has put one. `connect` fails
    /// without a [`with_reply_id`](Self::with_reply_id) or [`with_reply_id_of`](Self::with_reply_id_of).
    ///
    /// ```
    /// use everwire::requests::Requests;
    /// // [id, method, …]
    /// let requests = Requests::new()
    ///     .with_id_of(|json| serde_json::from_str::<(String, String)>(json).ok().map(|(id, _)| id))
    ///     .with_reply_id_of(|reply| reply.json::<(String, String)>().ok().map(|(id, _)| id));
    /// # drop(requests);
    /// ```
    pub fn with_id_of(mut self, id: impl Fn(&str) -> Option<String> + 'static) -> Self {
        self.id = RequestId::By(Rc::new(id));
        self
    }

    /// Key or path of the JSON that the reply has it under. Default as [`with_id`](Self::with_id).
    pub fn with_reply_id(mut self, path: impl Into<String>) -> Self {
        self.reply_id = Some(Reads::At(path.into(), json::id_at));
        self
    }

    /// Of which request a message is the reply, in the place of a path.
    pub fn with_reply_id_of(mut self, id: impl Fn(&Message) -> Option<String> + 'static) -> Self {
        self.reply_id = Some(Reads::by(id));
        self
    }

    /// A reply that has something under this key, other than null, is an error. Default `error`.
    pub fn with_error(mut self, key: impl Into<String>) -> Self {
        self.error = key.into();
        self.is_error = None;
        self
    }

    /// Which reply is an error, in the place of a key.
    pub fn with_error_when(mut self, is_error: impl Fn(&Message) -> bool + 'static) -> Self {
        self.is_error = Some(Rc::new(is_error));
        self
    }

    /// How long to wait for a reply, 1 to 2^31-1 ms. Default 10 s.
    pub const fn with_timeout(mut self, time: Duration) -> Self {
        self.timeout = config::millis(time);
        self
    }

    /// A request whose connection is lost before its reply is sent again, with the same id, on the next one, until its timeout.
    /// Default: it fails with [`RequestError::Unknown`], as the server may have done it.
    pub const fn with_retry(mut self) -> Self {
        self.again = true;
        self
    }

    pub(crate) fn check(&self) -> Result<(), OptionError> {
        check_timeout(self.timeout)?;
        let error = |option, problem| Err(OptionError { option, problem });
        match (&self.id, &self.reply_id) {
            (RequestId::At(key), _) if key.is_empty() => error("requests.id", "must be a non-empty string"),
            (_, Some(Reads::At(path, _))) if path.is_empty() => {
                error("requests.replyId", "must be a non-empty string")
            }
            (RequestId::By(_), None) => {
                error("requests.replyId", "is needed where requests.id is a function")
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requests").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

fn check_timeout(ms: u64) -> Result<(), OptionError> {
    if (1..=config::MAX_DELAY).contains(&ms) {
        return Ok(());
    }
    Err(OptionError { option: "requests.timeout", problem: "must be 1 to 2147483647 ms" })
}

/// What [`Handle::request_with`](crate::Handle::request_with) may be told of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct RequestOptions {
    pub(crate) timeout: Option<u64>,
    pub(crate) priority: bool,
}

impl RequestOptions {
    /// As [`Handle::request`](crate::Handle::request) asks.
    pub const fn new() -> Self {
        Self { timeout: None, priority: false }
    }

    /// How long to wait for the reply, 1 to 2^31-1 ms. Default: [`Requests::with_timeout`].
    pub const fn with_timeout(mut self, time: Duration) -> Self {
        self.timeout = Some(config::millis(time));
        self
    }

    /// Before all that waits in the outbox.
    pub const fn with_priority(mut self) -> Self {
        self.priority = true;
        self
    }

    pub(crate) fn check(&self) -> Result<(), OptionError> {
        self.timeout.map_or(Ok(()), check_timeout)
    }
}

/// Why a request got no reply, or that the reply is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// The server's reply is an error: this one.
    Refused(Message),
    /// No reply came in time.
    Timeout,
    /// The connection was lost before the reply came: the server may have done it.
    Unknown,
    /// The client is closed.
    Closed,
    /// It was not sent, and why.
    Dropped(Dropped),
    /// The message cannot be a request: it is no JSON object, or its id is no string and no whole number.
    Encode(EncodeError),
    /// One with this id is still without its reply.
    Duplicate,
    /// An option cannot work.
    Option(OptionError),
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(_) => f.write_str("the server's reply is an error")?,
            Self::Timeout => f.write_str("no reply came in time")?,
            Self::Unknown => f.write_str(
                "the connection was lost before the reply came: the server may have done it. Requests::with_retry asks again",
            )?,
            Self::Closed => f.write_str("the client is closed")?,
            Self::Dropped(why) => write!(f, "the request was dropped ({why:?})")?,
            Self::Encode(_) => {
                f.write_str("a request is a JSON object whose id is a string or a whole number")?;
            }
            Self::Duplicate => f.write_str("a request with this id is still without its reply")?,
            Self::Option(error) => return error.fmt(f),
        }
        see(f, "request")
    }
}

impl std::error::Error for RequestError {}

/// A request under way. Dropped, it is given up, as if nobody had asked; it may have been sent.
#[must_use = "a request that is dropped is given up"]
pub struct Requesting(pub(crate) imp::Requesting);

impl Future for Requesting {
    type Output = Result<Message, RequestError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll(cx)
    }
}

impl fmt::Debug for Requesting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requesting").finish_non_exhaustive()
    }
}

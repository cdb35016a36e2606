//! Why a connection ended, and what follows from it: the failure table.

use core::time::Duration;

/// Why a connection or an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Failure {
    /// The connection failed, and the browser does not say why: refused, reset, CORS, a dead host; for a WebSocket 401 and 503, too.
    Network,
    /// The server closed the WebSocket, with this code (RFC 6455 section 7.4).
    Closed {
        /// 1005 when it gave none.
        code: u16,
    },
    /// Not open within the open timeout.
    OpenTimeout,
    /// It looked open, but nothing came within heartbeat.timeout.
    HalfOpen,
    /// The endpoint function failed, took longer than the open timeout, or gave an address that cannot be used.
    Provider,
    /// The browser refused to connect: a blocked port, mixed content, a Content-Security-Policy, a bad subprotocol, a password in the
    /// address.
    Blocked,
    /// The server answered with this HTTP status.
    Http {
        /// Never 200.
        status: u16,
        /// What its `Retry-After` asks to wait (RFC 9110, 10.2.3).
        retry_after: Option<RetryAfter>,
    },
    /// The answer is no event stream: its content type is not `text/event-stream`.
    ContentType,
    /// The event stream came to its end.
    End,
    /// A line or an event is longer than the limit.
    TooBig,
    /// The server answers, but its event stream is held back on the way, by a proxy that waits for its end.
    Buffered,
    /// The stream ended before the message that was to be its last.
    Truncated,
    /// There is no request to go on with.
    NotResumable,
    /// The browser cut it while the page was frozen, and nothing can resume it.
    Frozen,
    /// The last id was too long for an address or a header. The next attempt goes without it.
    LongId {
        /// In bytes, as it would have gone up.
        length: u32,
    },
    /// The server refuses the cursor that everwire adds, and takes the request without it.
    Cursor,
    /// The server redirects the request, and what goes with it was not given for another origin.
    Redirect,
}

/// A time that a server asks to wait, in whole ms.
///
/// ```
/// use everwire::{Failure, failure::RetryAfter};
/// use std::time::Duration;
/// let busy = Failure::Http { status: 503, retry_after: Some(Duration::from_secs(60).into()) };
/// if let Failure::Http { retry_after: Some(wait), .. } = busy {
///     assert_eq!(wait.get(), Duration::from_secs(60));
/// }
/// assert_eq!(RetryAfter::new(Duration::MAX).get(), Duration::from_millis(u32::MAX.into()));
/// ```
// Not a Duration itself: the core counts in ms, and the package would carry the divisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RetryAfter(pub(crate) u32);

impl RetryAfter {
    /// At most 2^32-1 ms; what is longer is that.
    #[must_use]
    pub const fn new(time: Duration) -> Self {
        let ms = time.as_millis();
        Self(if ms > u32::MAX as u128 { u32::MAX } else { ms as u32 })
    }

    /// The time.
    #[must_use]
    pub const fn get(self) -> Duration {
        Duration::from_millis(self.0 as u64)
    }
}

impl From<Duration> for RetryAfter {
    fn from(time: Duration) -> Self {
        Self::new(time)
    }
}

impl From<RetryAfter> for Duration {
    fn from(time: RetryAfter) -> Self {
        time.get()
    }
}

/// What follows from a failure, when the caller's rule does not say otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Class {
    /// Tried again after the backoff.
    Retriable,
    /// Not tried again.
    Fatal,
    /// The endpoint function is asked again, once; then fatal.
    Reauth,
    /// The server has said all it had to say.
    Ended,
}

/// What an answer says of what the request carried.
#[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// The server has it.
    Taken,
    /// A message is at fault: one of them, or the only one.
    Unfit,
    /// None of it was acted on, and it may be sent again.
    NotNow,
    /// The connection has failed.
    Failed,
}

/// What a server that closes with 1012 or 1013 asks to wait: 5 to 30 s by the IANA registry's note
/// on 1012 (WebSocket Close Code Number Registry). The backoff and the jitter do the spreading.
const RESTARTING: u64 = 5_000;
/// Too much, where a limit is known: then it slows down. Else whatever the server does not like (RFC 6455, 7.4.1), for good.
#[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
pub(crate) const POLICY: u16 = 1008;

impl Failure {
    /// The failure table. `opened` says whether this client has been open before: a 404 in
    /// mid-life is a deploy, at the start it is a wrong address.
    ///
    /// ```
    /// use everwire::{Failure, failure::Class};
    /// assert_eq!(Failure::Closed { code: 1001 }.class(true), Class::Retriable);
    /// assert_eq!(Failure::Closed { code: 4401 }.class(true), Class::Reauth);
    /// assert_eq!(Failure::Http { status: 404, retry_after: None }.class(false), Class::Fatal);
    /// ```
    // Not inlined, for the size: it has several callers.
    #[must_use]
    #[inline(never)]
    pub const fn class(self, opened: bool) -> Class {
        match self {
            Self::Closed { code } => match code {
                4001 | 4401 => Class::Reauth,
                1002 | 1003 | 1007 | 1008 | 1010 | 4400 | 4403 | 4404 => Class::Fatal,
                _ => Class::Retriable,
            },
            Self::Http { status, .. } => match status {
                204 => Class::Ended,
                401 => Class::Reauth,
                400 | 403 | 405 | 406 | 410 | 413 | 414 | 415 | 422 => Class::Fatal,
                408 | 425 | 429 | 500..=599 => Class::Retriable,
                // 404, and whatever says neither to stop nor to wait.
                _ => Self::ContentType.class(opened),
            },
            Self::ContentType | Self::Redirect if opened => Class::Retriable,
            Self::ContentType
            | Self::Redirect
            | Self::Blocked
            | Self::TooBig
            | Self::NotResumable
            | Self::Frozen => Class::Fatal,
            Self::Network
            | Self::OpenTimeout
            | Self::HalfOpen
            | Self::Provider
            | Self::End
            | Self::Truncated
            | Self::LongId { .. }
            | Self::Cursor
            | Self::Buffered => Class::Retriable,
        }
    }

    /// Whether it is about the endpoint: where there are several, another one may answer otherwise, and a fatal failure is the
    /// end only when each of them has failed so, one after the other.
    ///
    /// About the request are the statuses that speak of its content, its length, its fields or its protocol (RFC 9110, 15.5:
    /// 411 to 417, 422, 426; RFC 4918: 423, 424; RFC 6585: 428, 431), the close codes for what was sent (RFC 6455, 7.4.1: 1003, 1007), an event that is too large,
    /// and what cannot be resumed. 400 is not among them: a stream is asked for in the browser's own words, so of what it
    /// stands for there remains a request that was led to the wrong server. Nor is 401: a key that has not come there yet,
    /// a clock. It is asked elsewhere after the functions have been asked anew, once.
    ///
    /// ```
    /// use everwire::Failure;
    /// assert!(Failure::Closed { code: 4404 }.of_the_endpoint());
    /// assert!(!Failure::Http { status: 413, retry_after: None }.of_the_endpoint());
    /// ```
    #[must_use]
    pub const fn of_the_endpoint(self) -> bool {
        match self {
            Self::Http { status, .. } => !matches!(status, 411..=417 | 422..=431),
            Self::Closed { code } => !matches!(code, 1003 | 1007),
            _ => matches!(self, Self::ContentType | Self::Redirect | Self::Blocked),
        }
    }

    /// The stable name, the same as in JavaScript.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Closed { .. } => "closed",
            Self::OpenTimeout => "open-timeout",
            Self::HalfOpen => "half-open",
            Self::Provider => "provider",
            Self::Blocked => "blocked",
            Self::Http { .. } => "http",
            Self::ContentType => "content-type",
            Self::End => "end",
            Self::TooBig => "too-big",
            Self::Buffered => "buffered",
            Self::Truncated => "truncated",
            Self::NotResumable => "not-resumable",
            Self::Frozen => "frozen",
            Self::LongId { .. } => "long-id",
            Self::Cursor => "cursor",
            Self::Redirect => "redirect",
        }
    }

    /// Its place in `pkg-template/failures.js`.
    #[allow(dead_code, reason = "of the npm package")]
    pub(crate) const fn place(self) -> u32 {
        match self {
            Self::Network => 0,
            Self::Closed { .. } => 1,
            Self::OpenTimeout => 2,
            Self::HalfOpen => 3,
            Self::Provider => 4,
            Self::Blocked => 5,
            Self::Http { .. } => 6,
            Self::ContentType => 7,
            Self::End => 8,
            Self::TooBig => 9,
            Self::Buffered => 10,
            Self::Truncated => 11,
            Self::NotResumable => 12,
            Self::Frozen => 13,
            Self::LongId { .. } => 14,
            Self::Cursor => 15,
            Self::Redirect => 16,
        }
    }

    /// What happened and what to do, without the numbers.
    pub(crate) const fn sentence(self) -> &'static str {
        match self {
            Self::Network => "the connection failed: the browser's network panel may say why",
            Self::Closed { .. } => "the server closed the connection",
            Self::OpenTimeout => "the connection did not open within openTimeout",
            Self::HalfOpen => "nothing came within heartbeat.timeout",
            Self::Provider => "your function failed, took too long, or returned a wrong value",
            Self::Blocked => {
                "the browser blocked the address (port, password, mixed content, security policy) or a subprotocol"
            }
            Self::Http { .. } => "the server refused the request",
            Self::ContentType => "the answer's content type must be text/event-stream",
            Self::End => "the server ended the stream",
            Self::TooBig => "an event is larger than maxEventBytes",
            Self::Buffered => "a proxy buffers the stream: send X-Accel-Buffering: no, or set longPoll",
            Self::Truncated => "the stream ended before until was true",
            Self::NotResumable => "nothing was given to resume with",
            Self::Frozen => "the browser cut the connection while the page was frozen",
            Self::LongId { .. } => "send shorter ids: reconnecting without the last one, which is too long",
            Self::Cursor => "the server refuses the cursor (resume.via): going on without it, with a gap",
            Self::Redirect => {
                "the server redirects the request: give its final address, or allow it with http.redirect"
            }
        }
    }

    /// What the server asked to wait, in ms.
    pub(crate) const fn retry_after_ms(self) -> u64 {
        match self {
            Self::Closed { code: 1012 | 1013 } => RESTARTING,
            Self::Http { retry_after: Some(RetryAfter(ms)), .. } => ms as u64,
            _ => 0,
        }
    }

    /// Whether it is certain that the server did not act on the request: even a POST may be repeated, and what a request
    /// carried is in the outbox again. A status from 400 to 499 is a refusal (RFC 9110, 15.5), but for 408: what came of the
    /// request until then may have been passed on.
    pub(crate) const fn untouched(self) -> bool {
        match self {
            Self::Provider | Self::LongId { .. } | Self::Blocked => true,
            Self::Http { status, retry_after } => {
                matches!(status, 400..=407 | 409..=499) || status == 503 && retry_after.is_some()
            }
            _ => false,
        }
    }

    /// What an answer to a request of the uplink's says of the messages in it; here the status may also be one of success.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    pub(crate) const fn word(self) -> Word {
        match self {
            Self::Http { status: 200..=299, .. } => Word::Taken,
            Self::Http { status: 400 | 413 | 415 | 422, .. } => Word::Unfit,
            Self::Http { .. } if self.untouched() && matches!(self.class(false), Class::Retriable) => {
                Word::NotNow
            }
            _ => Word::Failed,
        }
    }

    /// It is about a message's size.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    pub(crate) const fn too_large(self) -> bool {
        matches!(self, Self::Http { status: 413, .. })
    }

    /// The server ended it, and said so.
    pub(crate) const fn orderly(self) -> bool {
        matches!(self, Self::End | Self::Truncated | Self::Closed { .. })
    }

    /// The server says that it is too much.
    #[cfg(any(all(test, not(target_arch = "wasm32")), feature = "duplex"))]
    pub(crate) const fn too_much(self) -> bool {
        matches!(self, Self::Closed { code: POLICY | 1013 } | Self::Http { status: 429, .. })
    }

    /// The request itself may be why: not a server that says to wait, asks who this is, or has no more.
    pub(crate) const fn may_be_the_request(self) -> bool {
        match self {
            Self::Http { status, .. } => !matches!(status, 204 | 401 | 407 | 408 | 425 | 429 | 503),
            _ => matches!(self, Self::Network | Self::ContentType),
        }
    }

    /// It says that the place in the stream leads nowhere: not who asks, but what is asked for is refused.
    #[allow(dead_code, reason = "of the npm package")]
    pub(crate) const fn misplaced(self) -> bool {
        match self {
            Self::Http { status, .. } => {
                status >= 400 && status < 500 && !matches!(status, 401 | 403 | 408 | 425 | 429)
            }
            Self::Closed { code } => matches!(code, 4400 | 4404),
            _ => matches!(self, Self::Truncated | Self::NotResumable | Self::ContentType | Self::TooBig),
        }
    }

    pub(crate) const fn close_code(self) -> u16 {
        if let Self::Closed { code } = self { code } else { 0 }
    }

    /// The close code, the HTTP status, or the length of the id.
    #[allow(dead_code, reason = "of the npm package")]
    pub(crate) const fn number(self) -> u32 {
        match self {
            Self::Http { status, .. } => status as u32,
            Self::LongId { length } => length,
            _ => self.close_code() as u32,
        }
    }
}

/// The page of all codes. The crate as it is published has its address in the manifest; without one it is the file's name.
const ERRORS: &str = if env!("CARGO_PKG_REPOSITORY").is_empty() {
    "docs/guide/errors.md"
} else {
    concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/HEAD/docs/guide/errors.md")
};

/// Ends an error's sentence with the address of what to do about it.
pub(crate) fn see(f: &mut core::fmt::Formatter<'_>, code: &str) -> core::fmt::Result {
    write!(f, "; see {ERRORS}#{code}")
}

impl core::fmt::Display for Failure {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.sentence())?;
        match self {
            Self::Closed { code } => write!(f, " with code {code}")?,
            Self::Http { status, .. } => write!(f, " with status {status}")?,
            Self::LongId { length } => write!(f, ": {length} bytes")?,
            _ => {}
        }
        see(f, self.code())
    }
}

impl core::error::Error for Failure {}

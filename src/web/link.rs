//! One connection, as the port sees it.

use std::{future::Future, pin::Pin, rc::Rc};

use super::answer;
use crate::client::{ContentType, Credentials, Head, Redirect};

/// What came, or what is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    Text(Rc<str>),
    Bytes(Rc<[u8]>),
}

impl Data {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Bytes(_) => None,
        }
    }
}

/// What a link has to tell.
#[derive(Debug)]
pub(crate) enum Told {
    Opened {
        /// Where the answer came from, after its redirects; of a fetch.
        from: Option<String>,
        /// Of the same.
        head: Option<Head>,
    },
    Message {
        data: Data,
        /// The event's name.
        kind: Option<String>,
        last_event_id: Option<String>,
        origin: Option<String>,
        /// When it came, in ms on the monotonic clock.
        at: f64,
    },
    /// Of an event stream, at most 64 KiB.
    Chunk(Vec<u8>),
    /// An event that only keeps the stream alive.
    Alive,
    /// Why: see [`lost`](crate::codes::lost). `reason`: the server's words. `orderly`: it may have been the end of what the server had.
    Lost { code: u32, reason: String, orderly: bool },
    /// The browser is going to open it again by itself.
    Interrupted,
    /// What an answer is that is no event stream. One of the next two comes then.
    Answered { content_type: String, body: String },
    /// An answer that is no event stream.
    Refused { status: u16, retry_after: Option<u32> },
}

/// What the one who is told says to it.
pub(crate) enum Flow {
    Go,
    /// Nothing more is to be read before this.
    Wait(Pin<Box<dyn Future<Output = ()>>>),
}

pub(crate) type Tell = Rc<dyn Fn(Told) -> Flow>;

pub(crate) type Astray = Box<dyn Fn(&str) -> String>;

/// Where a link leads, and what goes along.
pub(crate) struct Outgoing {
    pub(crate) url: String,
    pub(crate) protocols: Vec<String>,
    /// The event names of an EventSource.
    pub(crate) names: Vec<String>,
    /// Those of the events that only keep it alive.
    pub(crate) keep_alive: &'static [&'static str],
    /// A broken EventSource may be opened again by the browser.
    pub(crate) comes_back: bool,
    pub(crate) method: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) redirect: Option<Redirect>,
    pub(crate) credentials: Credentials,
    /// Another origin is refused.
    pub(crate) same_origin: bool,
    pub(crate) content_type: ContentType,
    /// An event that the stream's end cuts off counts.
    pub(crate) flush: bool,
    /// How many characters of a refusal's body are told.
    pub(crate) failure_body: usize,
    /// The address on another origin, where a redirect leads, with the cursor in its query. None: what carries a cursor goes to no other.
    pub(crate) astray: Option<Astray>,
}

impl Outgoing {
    /// A request beside the connection, whose answer is no stream.
    pub(crate) fn beside(
        method: &str,
        url: String,
        headers: Vec<(String, String)>,
        credentials: bool,
    ) -> Self {
        Self {
            url,
            protocols: Vec::new(),
            names: Vec::new(),
            keep_alive: &[],
            comes_back: false,
            method: Some(method.to_owned()),
            headers,
            body: None,
            redirect: None,
            credentials: if credentials { Credentials::Include } else { Credentials::SameOrigin },
            same_origin: false,
            content_type: ContentType::Required,
            flush: false,
            failure_body: 0,
            astray: None,
        }
    }
}

/// The answer to such a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// "" where there is none.
    pub(crate) content_type: String,
    /// In ms.
    pub(crate) retry_after: Option<u32>,
    /// The body; only of a POST, and of JSON.
    pub(crate) text: String,
}

impl Reply {
    /// Of the headers. `wall_ms`: the time of day.
    pub(crate) fn new(status: u16, header: impl Fn(&str) -> Option<String>, wall_ms: u64) -> Self {
        let (after, date) = (header("retry-after"), header("date"));
        Self {
            status,
            content_type: header("content-type").unwrap_or_default(),
            retry_after: answer::retry_after(after.as_deref(), date.as_deref(), wall_ms),
            text: String::new(),
        }
    }

    /// Whether the body may be messages.
    pub(crate) fn is_json(&self) -> bool {
        const JSON: &str = "application/json";
        let behind = self.content_type.split_at_checked(JSON.len());
        behind.is_some_and(|(kind, rest)| {
            kind.eq_ignore_ascii_case(JSON)
                && !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        })
    }
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// The browser does not take what is asked: nothing was sent.
    Invalid,
    Network,
    /// A POST was redirected.
    Redirected,
}

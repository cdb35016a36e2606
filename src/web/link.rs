//! One connection, as the port sees it.

use std::{future::Future, pin::Pin, rc::Rc};

use crate::client::{ContentType, Redirect};

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
    pub(crate) credentials: bool,
    pub(crate) content_type: ContentType,
    /// An event that the stream's end cuts off counts.
    pub(crate) flush: bool,
    /// The address on another origin, where a redirect leads, with the cursor in its query.
    pub(crate) astray: Box<dyn Fn(&str) -> String>,
}

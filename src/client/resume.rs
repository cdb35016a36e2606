//! How a client picks up where a connection left off.

use std::fmt;

use super::{Builder, Kind, Message, Reads, Sequence, Stored};
use crate::{
    core::carrier::Via,
    web::{inbound::Rules, json},
};

pub(crate) type Frame = Box<dyn Fn(Place) -> Option<String>>;

/// Where a client stands in its stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// The last id; empty before there is one.
    pub id: String,
    /// The last sequence number, where messages have them ([`Resume::with_seq`]).
    pub seq: Option<u64>,
    /// What that one counts in, where the server says so; empty else.
    pub epoch: String,
}

/// How to pick up where a connection left off.
///
/// ```
/// use everwire::options::Resume;
/// let resume = Resume::new().with_id("meta.eventId").with_name("since").with_gap("gap");
/// # let _ = resume;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resume {
    pub(crate) id: Option<Reads<Option<String>>>,
    pub(crate) seq: Option<Reads<Option<json::Sequence>>>,
    pub(crate) names: Vec<String>,
    pub(crate) via: Option<Via>,
    pub(crate) from: String,
    pub(crate) gap: Option<Kind>,
    pub(crate) stored: Option<Stored>,
    /// What is stored waits for commits.
    pub(crate) manual: bool,
    pub(crate) ruled: Ruled,
}

/// Set by what gives ids to messages, or a cursor: it says no more than these.
#[derive(Clone, Copy, Default)]
pub(crate) struct Ruled(pub(crate) Option<Rules>);

impl Ruled {
    pub(crate) const fn new() -> Self {
        Self(Some(Rules::new()))
    }
}

impl PartialEq for Ruled {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Ruled {}

impl fmt::Debug for Ruled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("_")
    }
}

impl Resume {
    /// SSE's own ids. They go up in the query parameter `lastEventId`; to the page's own origin, a fetched
    /// stream sends the header `Last-Event-ID`.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Where a message carries its id (an event stream has ids of its own): a key of its JSON, or a path with dots.
    #[must_use]
    pub fn with_id(mut self, path: impl Into<String>) -> Self {
        self.ruled = Ruled::new();
        self.id = Some(Reads::At(path.into(), json::id_at));
        self
    }

    /// Which id a message has, in the place of a path: also of binary ones. An empty one is none.
    #[must_use]
    pub fn with_id_of(mut self, id: impl Fn(&Message) -> Option<String> + 'static) -> Self {
        self.ruled = Ruled::new();
        self.id = Some(Reads::by(id));
        self
    }

    /// Where a message carries its sequence number, which grows by one from message to message: a key of its
    /// JSON, or a path with dots. With it nothing comes twice, and a gap names what is missing.
    #[must_use]
    pub fn with_seq(mut self, path: impl Into<String>) -> Self {
        self.ruled = Ruled::new();
        self.seq = Some(Reads::At(path.into(), json::sequence_at));
        self
    }

    /// Which number a message has, in the place of a path, or which numbers: see [`Sequence`]. Here
    /// [`Message::last_event_id`](crate::Message::last_event_id) is already the message's own.
    #[must_use]
    pub fn with_seq_of<S: Into<Sequence>>(
        mut self,
        sequence: impl Fn(&Message) -> Option<S> + 'static,
    ) -> Self {
        self.ruled = Ruled::new();
        self.seq = Some(Reads::by(move |message| sequence(message).map(Into::into).map(json::sequence_from)));
        self
    }

    /// The query parameter in which the cursor goes up. Default `lastEventId`.
    #[must_use]
    pub fn with_name(self, name: impl Into<String>) -> Self {
        self.with_names([name])
    }

    /// Several of them, for a server that does not say which one it reads.
    #[must_use]
    pub fn with_names<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.names = names.into_iter().map(Into::into).collect();
        self
    }

    /// The cursor goes up in the header `Last-Event-ID`. Across origins that costs fetch a preflight. An
    /// EventSource can send it only when it reconnects by itself: no growing delays and no jitter, until
    /// three errors within 10 s.
    #[must_use]
    pub fn via_header(mut self) -> Self {
        self.via = Some(Via::Header);
        self
    }

    /// The cursor goes up in the query, also to the page's own origin.
    #[must_use]
    pub fn via_query(mut self) -> Self {
        self.via = Some(Via::Query);
        self
    }

    /// The cursor goes up by the endpoint function alone, which is given it ([`Context::last_event_id`](crate::endpoint::Context::last_event_id)).
    #[must_use]
    pub fn via_url(mut self) -> Self {
        self.via = Some(Via::Url);
        self
    }

    /// The cursor to start from.
    #[must_use]
    pub fn with_from(mut self, cursor: impl Into<String>) -> Self {
        self.ruled = Ruled::new();
        self.from = cursor.into();
        self
    }

    /// The type of the message by which the server says that something is missing.
    #[must_use]
    pub fn with_gap(mut self, kind: impl Into<String>) -> Self {
        self.gap = Some(Kind::new(kind));
        self
    }
}

impl Builder {
    /// How to pick up where a connection left off. Default: [`Resume::new`].
    pub fn resume(mut self, resume: Resume) -> Self {
        self.resume = resume;
        self
    }

    /// WebSocket: the first frame of each connection, the first one too, instead of a query parameter; `None` sends
    /// none. On an SSE address `connect` fails.
    ///
    /// ```
    /// let builder = everwire::Client::builder("wss://example.com/live")
    ///     .resume(everwire::options::Resume::new().with_id("eventId"))
    ///     .resume_frame(|place| Some(serde_json::json!({ "type": "resume", "after": place.id }).to_string()));
    /// # let _ = builder;
    /// ```
    pub fn resume_frame(mut self, frame: impl Fn(Place) -> Option<String> + 'static) -> Self {
        self.frame = Some(Box::new(frame));
        self
    }
}

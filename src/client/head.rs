//! The head of a fetched stream's answer.

use std::fmt;

use super::Builder;
use crate::{Transport, core::resume::Outcome, web::page};

/// The status and the headers of a fetched stream's answer. Two are equal when they are of the same answer.
///
/// ```
/// use everwire::event::Head;
/// // A server may name there what it streams.
/// fn run(head: &Head) -> Option<String> {
///     head.header("x-run-id")
/// }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Head {
    status: u16,
    headers: page::Headers,
}

impl Head {
    pub(crate) const fn new(status: u16, headers: page::Headers) -> Self {
        Self { status, headers }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// A header, whatever its case; of several of that name, all with commas. Of another origin's answer the page sees those alone that
    /// the server exposes (`Access-Control-Expose-Headers`).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name)
    }
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A token may stand in a header.
        f.debug_struct("Head").field("status", &self.status).finish_non_exhaustive()
    }
}

/// What a connection opened with: see [`Event::Open`](crate::Event::Open).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Opened {
    /// How it is connected.
    pub transport: Transport,
    /// The head of the answer; of a fetched stream.
    pub head: Option<Head>,
}

pub(crate) type Says = Box<dyn Fn(&Head, &str) -> Option<Outcome>>;

impl Builder {
    /// A fetched stream: what the answer says of the replay, by its headers, for a request that named the cursor, which comes second.
    /// [`Outcome::Recovered`]: it goes on from there. [`Outcome::Gap`]: something is missing. Anything else says nothing.
    ///
    /// ```
    /// use everwire::{Client, event::Outcome};
    /// let builder = Client::builder("/news").resume_outcome(|head, id| {
    ///     let from = head.header("x-replayed-from")?;
    ///     Some(if from == id { Outcome::Recovered } else { Outcome::Gap })
    /// });
    /// # drop(builder);
    /// ```
    pub fn resume_outcome(mut self, outcome: impl Fn(&Head, &str) -> Option<Outcome> + 'static) -> Self {
        self.outcome = Some(Box::new(outcome));
        self
    }
}

//! Topics on one connection, each a stream of its own.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use futures_core::Stream;

use super::{EndpointError, Event, Message, Sequence, imp};
use crate::{
    core::{config, failure::see, outbox::Dropped},
    error::OptionError,
    web::link::Data,
};

/// Where a topic goes on from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopicPlace {
    /// Its name.
    pub topic: String,
    /// The id of its last message; empty before there is one.
    pub last_event_id: String,
}

pub(crate) type ReadsTopics = Rc<dyn Fn(&Message) -> Vec<String>>;
/// Of a message of that topic.
pub(crate) type OfTopic<T> = Rc<dyn Fn(&Message, &str) -> Option<T>>;
pub(crate) type JoinAll = Rc<dyn Fn(&[TopicPlace]) -> String>;
pub(crate) type JoinFrame = Pin<Box<dyn Future<Output = Result<Data, EndpointError>>>>;

/// What joins.
#[derive(Clone)]
pub(crate) enum Join {
    /// `{"type":"join","topic":…,"lastEventId":…}`
    Standard,
    Now(Rc<dyn Fn(TopicPlace) -> String>),
    Later(Rc<dyn Fn(TopicPlace) -> JoinFrame>),
}

/// Which messages are of a topic, and which are the server's word on one.
#[derive(Clone)]
pub(crate) enum Word {
    /// A message of this type, of the topic that stands in it.
    Kind(String),
    Reads(ReadsTopics),
}

/// Where a message of a topic has something.
#[derive(Clone)]
pub(crate) enum InTopic<T> {
    At(String),
    By(OfTopic<T>),
}

/// How topics are told apart and joined: see [`Handle::subscribe`](crate::Handle::subscribe).
///
/// ```
/// use everwire::topics::Subscriptions;
/// let subscriptions = Subscriptions::new().with_topic("channel").with_id("meta.id").with_joined("subscribed");
/// # drop(subscriptions);
/// ```
#[derive(Clone)]
#[must_use]
pub struct Subscriptions {
    pub(crate) topic: Word,
    pub(crate) id: Option<InTopic<String>>,
    pub(crate) seq: Option<InTopic<Sequence>>,
    pub(crate) joined: Word,
    pub(crate) refused: Word,
    pub(crate) gap: Word,
    pub(crate) removed: Option<Word>,
    pub(crate) timeout: u64,
    pub(crate) confirm: bool,
    pub(crate) join_all: Option<JoinAll>,
}

impl Default for Subscriptions {
    fn default() -> Self {
        Self::new()
    }
}

impl Subscriptions {
    /// The defaults.
    pub fn new() -> Self {
        Self {
            topic: Word::Kind("topic".to_owned()),
            id: None,
            seq: None,
            joined: Word::Kind("joined".to_owned()),
            refused: Word::Kind("refused".to_owned()),
            gap: Word::Kind("gap".to_owned()),
            removed: None,
            timeout: 10_000,
            confirm: true,
            join_all: None,
        }
    }

    /// Where a message says which topic it belongs to: a key of its JSON, or a path with dots. Default `topic`. Where an array stands
    /// there, it belongs to each of these topics, which all have a cursor of their own.
    pub fn with_topic(mut self, path: impl Into<String>) -> Self {
        self.topic = Word::Kind(path.into());
        self
    }

    /// Which topic a message belongs to, in the place of a path: an `Option`, or a `Vec` of several.
    pub fn with_topic_of<I: IntoIterator<Item = String>>(
        mut self,
        reads: impl Fn(&Message) -> I + 'static,
    ) -> Self {
        self.topic = word(reads);
        self
    }

    /// Where a message has its id, from which its topic goes on. Default: none.
    pub fn with_id(mut self, path: impl Into<String>) -> Self {
        self.id = Some(InTopic::At(path.into()));
        self
    }

    /// Which id a message has in this topic, in the place of a path.
    pub fn with_id_of(mut self, id: impl Fn(&Message, &str) -> Option<String> + 'static) -> Self {
        self.id = Some(InTopic::By(Rc::new(id)));
        self
    }

    /// Where a message has its sequence number in its topic, a whole number from 0. Default: none.
    pub fn with_seq(mut self, path: impl Into<String>) -> Self {
        self.seq = Some(InTopic::At(path.into()));
        self
    }

    /// Which number a message has in this topic, in the place of a path, or which numbers: see [`Sequence`]. An epoch is not looked at.
    pub fn with_seq_of<S: Into<Sequence>>(
        mut self,
        sequence: impl Fn(&Message, &str) -> Option<S> + 'static,
    ) -> Self {
        self.seq = Some(InTopic::By(Rc::new(move |message, topic| sequence(message, topic).map(Into::into))));
        self
    }

    /// The type of the message by which the server confirms a join. Default `joined`. Like the next two it reaches nobody.
    pub fn with_joined(mut self, kind: impl Into<String>) -> Self {
        self.joined = Word::Kind(kind.into());
        self
    }

    /// Which topic a message confirms, in the place of a type.
    pub fn with_joined_when<I: IntoIterator<Item = String>>(
        mut self,
        reads: impl Fn(&Message) -> I + 'static,
    ) -> Self {
        self.joined = word(reads);
        self
    }

    /// The type of the message by which the server refuses a join. Default `refused`.
    pub fn with_refused(mut self, kind: impl Into<String>) -> Self {
        self.refused = Word::Kind(kind.into());
        self
    }

    /// Which topic a message refuses, in the place of a type.
    pub fn with_refused_when<I: IntoIterator<Item = String>>(
        mut self,
        reads: impl Fn(&Message) -> I + 'static,
    ) -> Self {
        self.refused = word(reads);
        self
    }

    /// The type of the message by which the server says that something of a topic is missing. Default `gap`.
    pub fn with_gap(mut self, kind: impl Into<String>) -> Self {
        self.gap = Word::Kind(kind.into());
        self
    }

    /// Of which topic a message says so, in the place of a type.
    pub fn with_gap_when<I: IntoIterator<Item = String>>(
        mut self,
        reads: impl Fn(&Message) -> I + 'static,
    ) -> Self {
        self.gap = word(reads);
        self
    }

    /// The type of the message by which the server says that it has put this client out of a topic: its subscriptions get this message,
    /// and the topic is joined again, after a delay that grows as it does between attempts to connect. Default: none.
    pub fn with_removed(mut self, kind: impl Into<String>) -> Self {
        self.removed = Some(Word::Kind(kind.into()));
        self
    }

    /// Which topic a message puts this client out of, in the place of a type.
    pub fn with_removed_when<I: IntoIterator<Item = String>>(
        mut self,
        reads: impl Fn(&Message) -> I + 'static,
    ) -> Self {
        self.removed = Some(word(reads));
        self
    }

    /// How long to wait for the confirmation of a join that was sent, 1 to 2^31-1 ms. Then it is sent again, at most
    /// [`Outbox::with_max_attempts`](crate::options::Outbox::with_max_attempts) times on one connection. Default 10 s.
    pub const fn with_timeout(mut self, time: Duration) -> Self {
        self.timeout = config::millis(time);
        self
    }

    /// The server does not confirm joins: a topic is joined as soon as its join is sent. Default: it does.
    pub const fn without_confirmation(mut self) -> Self {
        self.confirm = false;
        self
    }

    /// For a server that takes several joins in one message: gives the message for all topics that have no join of their own.
    /// Default: one message for each.
    pub fn with_join_all(mut self, join: impl Fn(&[TopicPlace]) -> String + 'static) -> Self {
        self.join_all = Some(Rc::new(join));
        self
    }

    pub(crate) fn check(&self) -> Result<(), OptionError> {
        if (1..=config::MAX_DELAY).contains(&self.timeout) {
            return Ok(());
        }
        Err(OptionError { option: "subscriptions.timeout", problem: "must be 1 to 2147483647 ms" })
    }

    /// The event names that an EventSource has to hear.
    pub(crate) fn names(&self) -> impl Iterator<Item = String> {
        [&self.joined, &self.refused, &self.gap].into_iter().chain(&self.removed).filter_map(
            |word| match word {
                Word::Kind(kind) => Some(kind.clone()),
                Word::Reads(_) => None,
            },
        )
    }
}

fn word<I: IntoIterator<Item = String>>(reads: impl Fn(&Message) -> I + 'static) -> Word {
    Word::Reads(Rc::new(move |message| reads(message).into_iter().collect()))
}

impl fmt::Debug for Subscriptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriptions").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

/// What [`Handle::subscribe_with`](crate::Handle::subscribe_with) may be told of a topic.
///
/// ```
/// use everwire::topics::SubscribeOptions;
/// use serde_json::json;
///
/// // Made by serde_json, as a topic or an id may have quotes in it.
/// let options = SubscribeOptions::new()
///     .with_join(|place| json!({ "sub": place.topic, "since": place.last_event_id }).to_string())
///     .without_leave();
/// # drop(options);
/// ```
#[derive(Clone)]
#[must_use]
pub struct SubscribeOptions {
    pub(crate) join: Join,
    pub(crate) leave: Option<Join>,
    pub(crate) from: String,
}

impl Default for SubscribeOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl SubscribeOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self { join: Join::Standard, leave: Some(Join::Standard), from: String::new() }
    }

    /// Gives the text that joins. Default `{"type":"join","topic":…,"lastEventId":…}`, without an id while there is none.
    pub fn with_join(mut self, join: impl Fn(TopicPlace) -> String + 'static) -> Self {
        self.join = Join::Now(Rc::new(join));
        self
    }

    /// As [`with_join`](Self::with_join), for what takes time: a token for the topic, say.
    pub fn with_join_async<F, R>(mut self, join: F) -> Self
    where
        F: Fn(TopicPlace) -> R + 'static,
        R: Future<Output = Result<String, EndpointError>> + 'static,
    {
        self.join = Join::Later(Rc::new(move |place| {
            let made = join(place);
            Box::pin(async { made.await.map(|text| Data::Text(text.into())) })
        }));
        self
    }

    /// Gives the text that leaves. Default `{"type":"leave","topic":…}`.
    pub fn with_leave(mut self, leave: impl Fn(TopicPlace) -> String + 'static) -> Self {
        self.leave = Some(Join::Now(Rc::new(leave)));
        self
    }

    /// The server is not told when the topic is left.
    pub fn without_leave(mut self) -> Self {
        self.leave = None;
        self
    }

    /// The id to start from. Default: none.
    pub fn with_from(mut self, last_event_id: impl Into<String>) -> Self {
        self.from = last_event_id.into();
        self
    }
}

impl fmt::Debug for SubscribeOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubscribeOptions").field("from", &self.from).finish_non_exhaustive()
    }
}

/// Why a topic is not joined.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubscriptionError {
    /// The server refused the join, by this message.
    Refused(Message),
    /// No confirmation of the join came in time.
    Timeout,
    /// The client is closed.
    Closed,
    /// It was unsubscribed.
    Left,
    /// What makes the join gave an error.
    Join,
    /// There are 10 000 topics already.
    TooMany,
    /// The topic's name is empty.
    NoName,
    /// The join was not sent, and why.
    Dropped(Dropped),
}

impl fmt::Display for SubscriptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(_) => f.write_str("the server refused the join")?,
            Self::Timeout => f.write_str("no confirmation of the join came in time")?,
            Self::Closed => f.write_str("the client is closed")?,
            Self::Left => f.write_str("it was unsubscribed")?,
            Self::Join => f.write_str("the function that makes the join gave an error")?,
            Self::TooMany => f.write_str("there are 10000 topics already: unsubscribe from some")?,
            Self::NoName => f.write_str("the topic must be a non-empty string")?,
            Self::Dropped(why) => write!(f, "the join was dropped ({why:?})")?,
        }
        see(f, "subscription")
    }
}

impl std::error::Error for SubscriptionError {}

/// What a topic is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TopicState {
    /// Its join is on its way, or there is no connection.
    Joining,
    /// The server has it.
    Joined,
    /// For good: unsubscribed, refused, or the client is closed.
    Left,
}

/// What comes of a topic, as a stream: its messages, and its gaps. It ends when the topic is left for good. Dropping the last one
/// of a topic leaves it. What the server says of a topic goes to its subscriptions, and to nobody else.
///
/// ```no_run
/// # async fn run(client: everwire::Client) -> Result<(), everwire::topics::SubscriptionError> {
/// let mut prices = client.handle().subscribe("prices")?;
/// prices.ready().await?;
/// while let Some(event) = prices.next().await {
///     if let everwire::Event::Message(message) = event {
///         println!("{:?}", message.text());
///     }
/// }
/// # Ok(()) }
/// ```
#[must_use = "dropping a subscription leaves its topic"]
pub struct Subscription(pub(crate) imp::Subscription);

impl Subscription {
    /// The next one of [`Event::Message`], [`Event::Gap`] and [`Event::Overflow`]; `None` once the topic is left.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|cx| self.0.poll_next(cx)).await
    }

    /// Waits until the topic is joined; at once if it is. After a loss it is about the next join. It borrows nothing: it may be awaited
    /// beside the stream. While there is no connection, or the client is paused, it goes on waiting: the timeout of
    /// [`Subscriptions::with_timeout`] begins when the join is sent.
    ///
    /// # Errors
    ///
    /// Why it is not joined.
    pub fn ready(&self) -> impl Future<Output = Result<(), SubscriptionError>> + use<> {
        self.0.ready()
    }

    /// The topic's name.
    #[must_use]
    pub fn topic(&self) -> &str {
        self.0.topic()
    }

    /// What it is doing.
    #[must_use]
    pub fn state(&self) -> TopicState {
        self.0.state()
    }

    /// How many messages wait to be taken.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.0.waiting()
    }

    /// The topic's cursor: the id of its last message; empty before there is one.
    #[must_use]
    pub fn last_event_id(&self) -> String {
        self.0.last_event_id()
    }

    /// As dropping it.
    pub fn unsubscribe(self) {}
}

impl Stream for Subscription {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.0.poll_next(cx)
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("topic", &self.topic()).field("state", &self.state()).finish()
    }
}

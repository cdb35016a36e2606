//! The outbox that outlives its page.

use std::{fmt, rc::Rc};

use super::{Builder, Sending, Storage};
use crate::{
    error::OptionError,
    web::{
        installed::Keeps,
        persist::{self, Outside},
    },
};

pub(crate) type Restored = Rc<dyn Fn(&str, Sending)>;
pub(crate) type Begin = fn(Persist, Outside) -> Result<Rc<dyn Keeps>, OptionError>;

/// Keeps what has no ack yet: it is sent by the next page with the same key, or by another tab when this one is gone.
///
/// What is kept are texts that were sent with an ack ([`SendOptions::with_ack`](crate::options::SendOptions::with_ack)), unless they are
/// volatile. Each is forgotten when its fate is known, and all of them when the client is closed: at a logout, say. They are stored in
/// the form of the JavaScript client, which sends what this one left, and the other way round.
///
/// `connect` fails without [`Builder::acks`], and where there are no Web Locks, which a page has over https: and on localhost.
///
/// ```
/// use everwire::{Client, options::Persist};
///
/// let persist = Persist::new("ann orders").with_restored(|text, sending| {
///     println!("an earlier page had sent {text}");
///     drop(sending); // what becomes of it
/// });
/// let builder = Client::builder("wss://example.com/orders")
///     .acks(|message| message.json::<serde_json::Value>().ok()?["ack"].as_str().map(str::to_owned))
///     .persist(persist);
/// # drop(builder);
/// ```
#[derive(Clone)]
#[must_use]
pub struct Persist {
    pub(crate) key: String,
    pub(crate) storage: Storage,
    pub(crate) id: String,
    pub(crate) restored: Option<Restored>,
}

impl Persist {
    /// In [`Storage::local`]. The key is whose messages they are, and to which server.
    pub fn new(key: impl Into<String>) -> Self {
        Self { key: key.into(), storage: Storage::local(), id: "id".to_owned(), restored: None }
    }

    /// Another storage, which the tabs share.
    pub fn with_storage(mut self, storage: Storage) -> Self {
        self.storage = storage;
        self
    }

    /// Where a message that the JavaScript client left carries the id of its ack: a key of its JSON, or a path with dots. Default `id`.
    pub fn with_id(mut self, path: impl Into<String>) -> Self {
        self.id = path.into();
        self
    }

    /// Called for each message that another page left, with what becomes of it now.
    pub fn with_restored(mut self, restored: impl Fn(&str, Sending) + 'static) -> Self {
        self.restored = Some(Rc::new(restored));
        self
    }
}

impl fmt::Debug for Persist {
    /// Without the key, which may name a user.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Persist").field("storage", &self.storage).finish_non_exhaustive()
    }
}

impl Builder {
    /// What has no ack yet outlives the page. Default: nothing does.
    pub fn persist(mut self, persist: Persist) -> Self {
        self.persist = Some((persist, persist::begin));
        self
    }
}

//! The place in the stream that outlives the page.

use std::{fmt, rc::Rc};

use super::{Handle, Message, Resume, Ruled, Storage};
use crate::{
    error::OptionError,
    web::place::{self, Around, Fixed, Places},
};

type Begin = fn(&Stored, bool, &Fixed, Around, &str) -> Result<Rc<dyn Places>, OptionError>;

/// Where the place is stored, and under which key. What does it hangs on this: an app that stores nothing has none of it.
#[derive(Clone)]
pub(crate) struct Stored {
    pub(crate) storage: Storage,
    pub(crate) key: String,
    pub(crate) begin: Begin,
}

impl PartialEq for Stored {
    fn eq(&self, other: &Self) -> bool {
        self.storage == other.storage && self.key == other.key
    }
}

impl Eq for Stored {}

impl fmt::Debug for Stored {
    /// Without the key, which may name a user.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.storage.fmt(f)
    }
}

impl Resume {
    /// Goes on after a reload where the page left off, after the last message that [`Client::next`](crate::Client::next) gave. That is
    /// written at most every 250 ms, and when the page is left: a page that crashes gets its last moments again. Default: not stored.
    ///
    /// `key` is whose stream it is and which one, such as `"{user} prices"`: with another key it begins from its start. The address counts,
    /// too, up to its query, but an endpoint function does not. Two clients at one place are an error: on one page `connect` fails; a
    /// client in another tab, frame or worker goes on, and stores nothing, which [`Event::NotStored`](crate::Event::NotStored) tells.
    ///
    /// The JavaScript client stores it in the same form, under the same name: a page that moves from one to the other goes on.
    ///
    /// ```
    /// use everwire::{Client, options::Resume, storage::Storage};
    ///
    /// let user = "ann";
    /// let resume = Resume::new().with_storage(Storage::session(), format!("{user} prices"));
    /// let builder = Client::builder("/events?topic=prices").resume(resume);
    /// # drop(builder);
    /// ```
    #[must_use]
    pub fn with_storage(mut self, storage: Storage, key: impl Into<String>) -> Self {
        self.ruled = Ruled::new();
        self.stored = Some(Stored { storage, key: key.into(), begin: place::begin });
        self
    }

    /// Only what [`Handle::commit`] was called with counts as done, and all before it: for an app that stores what it gets. `connect`
    /// fails without [`with_storage`](Self::with_storage).
    #[must_use]
    pub fn with_manual_commit(mut self) -> Self {
        self.manual = true;
        self
    }
}

impl Handle {
    /// The app is done with the message and all before it.
    ///
    /// ```no_run
    /// # async fn store(message: &everwire::Message) {}
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// use everwire::{Client, Event, options::Resume, storage::Storage};
    ///
    /// let resume = Resume::new().with_storage(Storage::local(), "ann orders").with_manual_commit();
    /// let mut client = Client::builder("/orders").resume(resume).connect()?;
    /// let handle = client.handle();
    /// while let Some(event) = client.next().await {
    ///     if let Event::Message(message) = event {
    ///         store(&message).await;
    ///         handle.commit(&message)?;
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`OptionError`], without [`Resume::with_manual_commit`], or for a message of another client.
    pub fn commit(&self, message: &Message) -> Result<(), OptionError> {
        if self.0.commit(message) {
            Ok(())
        } else {
            let problem = "needs Resume::with_manual_commit, and a message of this client";
            Err(OptionError { option: "commit", problem })
        }
    }
}

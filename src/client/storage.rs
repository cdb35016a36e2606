//! Where what outlives a page is kept.

use std::{fmt, rc::Rc};

use crate::{core::failure::see, web::page};

/// Why nothing more is kept: [`Event::NotStored`](crate::Event::NotStored) tells it, once.
///
/// ```
/// use everwire::error::StorageError;
/// fn tell(error: &StorageError) -> &'static str {
///     match error {
///         StorageError::Taken => "open in another tab",
///         _ => "after a reload, this begins anew",
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StorageError {
    /// The page has no such storage, or the browser forbids it.
    Unavailable,
    /// It failed, by an error of this name: `QuotaExceededError`, for example.
    Failed(String),
    /// Another client, of another page, uses this key of [`Resume::with_storage`](crate::options::Resume::with_storage).
    Taken,
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable => {
                f.write_str("there is no such storage here: give another one")?;
                see(f, "unsupported")
            }
            Self::Failed(name) => {
                write!(f, "the storage failed: {name}")?;
                see(f, "unsupported")
            }
            Self::Taken => {
                f.write_str("another client uses this resume.key: give each stream its own")?;
                see(f, "invalid-option")
            }
        }
    }
}

impl std::error::Error for StorageError {}

/// A storage of the app's own, for [`Storage::new`]: what it is given under a name it gives back under that name, also to a later page.
///
/// It is called at once, so it cannot be an asynchronous one, such as IndexedDB. After an error it is not asked again.
///
/// ```
/// use std::{cell::RefCell, collections::BTreeMap};
/// use everwire::{error::StorageError, storage::{Backend, Storage}};
///
/// /// Lives as long as the app does, and not the page.
/// #[derive(Default)]
/// struct Memory(RefCell<BTreeMap<String, String>>);
///
/// impl Backend for Memory {
///     fn get_item(&self, name: &str) -> Result<Option<String>, StorageError> {
///         Ok(self.0.borrow().get(name).cloned())
///     }
///     fn set_item(&self, name: &str, value: &str) -> Result<(), StorageError> {
///         self.0.borrow_mut().insert(name.to_owned(), value.to_owned());
///         Ok(())
///     }
///     fn remove_item(&self, name: &str) -> Result<(), StorageError> {
///         self.0.borrow_mut().remove(name);
///         Ok(())
///     }
///     fn names(&self) -> Result<Vec<String>, StorageError> {
///         Ok(self.0.borrow().keys().cloned().collect())
///     }
/// }
///
/// let storage = Storage::new(Memory::default());
/// storage.set_item("a", "1")?;
/// assert_eq!(storage.get_item("a")?.as_deref(), Some("1"));
/// # Ok::<(), StorageError>(())
/// ```
pub trait Backend {
    /// What is stored under this name.
    ///
    /// # Errors
    ///
    /// [`StorageError::Failed`], with a name that is no secret.
    fn get_item(&self, name: &str) -> Result<Option<String>, StorageError>;

    /// Stores it, in the place of what was there.
    ///
    /// # Errors
    ///
    /// As [`get_item`](Self::get_item).
    fn set_item(&self, name: &str, value: &str) -> Result<(), StorageError>;

    /// Forgets it.
    ///
    /// # Errors
    ///
    /// As [`get_item`](Self::get_item).
    fn remove_item(&self, name: &str) -> Result<(), StorageError>;

    /// The names under which something is stored. Only [`Persist`](crate::options::Persist) asks for them.
    ///
    /// # Errors
    ///
    /// As [`get_item`](Self::get_item).
    fn names(&self) -> Result<Vec<String>, StorageError>;
}

/// Which of a page's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Area {
    Session,
    Local,
}

#[derive(Clone)]
enum Kind {
    Page(Area),
    Own(Rc<dyn Backend>),
}

/// Where a client keeps what is to outlive the page. Two are equal when they are of the same place.
///
/// ```
/// use everwire::storage::Storage;
/// assert_eq!(Storage::session(), Storage::session());
/// assert_ne!(Storage::session(), Storage::local());
/// // Off the web there is none.
/// assert!(Storage::local().get_item("a").is_err());
/// ```
#[derive(Clone)]
pub struct Storage(Kind);

impl Storage {
    /// The page's `sessionStorage`: the tab's own, gone when it is closed.
    #[must_use]
    pub const fn session() -> Self {
        Self(Kind::Page(Area::Session))
    }

    /// The page's `localStorage`: shared by the tabs, and kept.
    #[must_use]
    pub const fn local() -> Self {
        Self(Kind::Page(Area::Local))
    }

    /// One of the app's own.
    #[must_use]
    pub fn new(backend: impl Backend + 'static) -> Self {
        Self(Kind::Own(Rc::new(backend)))
    }

    /// What is stored under this name.
    ///
    /// # Errors
    ///
    /// [`StorageError`], of a storage that is not there or fails.
    pub fn get_item(&self, name: &str) -> Result<Option<String>, StorageError> {
        match &self.0 {
            Kind::Page(area) => page::Store::of(*area)?.get_item(name),
            Kind::Own(backend) => backend.get_item(name),
        }
    }

    /// Stores it, in the place of what was there.
    ///
    /// # Errors
    ///
    /// As [`get_item`](Self::get_item).
    pub fn set_item(&self, name: &str, value: &str) -> Result<(), StorageError> {
        match &self.0 {
            Kind::Page(area) => page::Store::of(*area)?.set_item(name, value),
            Kind::Own(backend) => backend.set_item(name, value),
        }
    }

    /// Forgets it.
    ///
    /// # Errors
    ///
    /// As [`get_item`](Self::get_item).
    pub fn remove_item(&self, name: &str) -> Result<(), StorageError> {
        match &self.0 {
            Kind::Page(area) => page::Store::of(*area)?.remove_item(name),
            Kind::Own(backend) => backend.remove_item(name),
        }
    }

    /// The names under which something is stored, also by others.
    ///
    /// # Errors
    ///
    /// As [`get_item`](Self::get_item).
    pub fn names(&self) -> Result<Vec<String>, StorageError> {
        match &self.0 {
            Kind::Page(area) => page::Store::of(*area)?.names(),
            Kind::Own(backend) => backend.names(),
        }
    }

    /// At logout, when the clients are closed: removes what [`Resume::with_storage`](crate::options::Resume::with_storage) and
    /// [`Builder::persist`](crate::Builder::persist) keep under this key, for every endpoint and of every tab. Another tab that has a client
    /// with this key open writes again: close those, too. `forget` of this module does so in both of the page's storages.
    ///
    /// # Errors
    ///
    /// As [`get_item`](Self::get_item).
    pub fn forget(&self, key: &str) -> Result<(), StorageError> {
        let begins = [places_of(key), outbox_of(key)];
        for name in self.names()?.iter().filter(|name| begins.iter().any(|begin| name.starts_with(begin))) {
            self.remove_item(name)?;
        }
        Ok(())
    }

    /// The page's own as this page has it, which is not another one's that comes after it.
    pub(crate) fn open(&self) -> Result<Rc<dyn Backend>, StorageError> {
        match &self.0 {
            Kind::Page(area) => Ok(Rc::new(page::Store::of(*area)?)),
            Kind::Own(backend) => Ok(Rc::clone(backend)),
        }
    }
}

impl PartialEq for Storage {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Kind::Page(one), Kind::Page(other)) => one == other,
            (Kind::Own(one), Kind::Own(other)) => Rc::ptr_eq(one, other),
            _ => false,
        }
    }
}

impl Eq for Storage {}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Page(Area::Session) => "Storage::session()",
            Kind::Page(Area::Local) => "Storage::local()",
            Kind::Own(_) => "Storage::new(_)",
        })
    }
}

/// What a client has of it: after its first failure it is not asked any more.
pub(crate) struct Kept {
    backend: std::cell::RefCell<Option<Rc<dyn Backend>>>,
    tell: Box<dyn Fn(StorageError)>,
}

impl Kept {
    pub(crate) fn new(storage: &Storage, tell: Box<dyn Fn(StorageError)>) -> Self {
        match storage.open() {
            Ok(backend) => Self { backend: Some(backend).into(), tell },
            Err(error) => {
                tell(error);
                Self { backend: None.into(), tell }
            }
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<Option<String>> {
        self.ask(|backend| backend.get_item(name))
    }

    pub(crate) fn set(&self, name: &str, value: &str) {
        self.ask(|backend| backend.set_item(name, value));
    }

    pub(crate) fn remove(&self, name: &str) {
        self.ask(|backend| backend.remove_item(name));
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.ask(|backend| backend.names()).unwrap_or_default()
    }

    /// Nothing more is stored, for this reason.
    pub(crate) fn give_up(&self, error: StorageError) {
        let backend = self.backend.take();
        if backend.is_some() {
            (self.tell)(error);
        }
    }

    fn ask<T>(&self, ask: impl FnOnce(&dyn Backend) -> Result<T, StorageError>) -> Option<T> {
        // Outside of the borrow: it may be the app's.
        let backend = self.backend.borrow().clone();
        match ask(&*backend?) {
            Ok(answer) => Some(answer),
            Err(error) => {
                self.give_up(error);
                None
            }
        }
    }
}

/// What names in a storage begin with, by the app's key: nothing in a key can stand for the blank or the newline behind it.
fn part(key: &str) -> String {
    let mut text = String::with_capacity(key.len());
    for c in key.chars() {
        // As the blanks of a JavaScript expression.
        let blank = c.is_whitespace() && c != '\u{85}' || c == '\u{feff}';
        if blank || c == '%' {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                let digit = |half: u8| char::from_digit(half.into(), 16).map(|c| c.to_ascii_uppercase());
                text.push('%');
                text.extend([digit(byte >> 4), digit(byte & 15)].into_iter().flatten());
            }
        } else {
            text.push(c);
        }
    }
    text
}

/// At logout: [`Storage::forget`] in the page's session storage and in its local one. What the browser forbids holds nothing.
///
/// ```
/// # fn logout(client: everwire::Client, auth: &everwire::auth::Tokens, user: &str) {
/// client.handle().close();
/// auth.forget();
/// everwire::storage::forget(user);
/// # }
/// ```
pub fn forget(key: &str) {
    for storage in [Storage::session(), Storage::local()] {
        let _ = storage.forget(key);
    }
}

pub(crate) fn places_of(key: &str) -> String {
    format!("everwire {} ", part(key))
}

pub(crate) fn outbox_of(key: &str) -> String {
    format!("everwire-outbox {}\n", part(key))
}

/// An address without its query and its user name.
pub(crate) fn plain(address: &str) -> String {
    let address = address.split(['?', '#']).next().unwrap_or_default();
    let mut from = 0;
    while let Some(found) = address.get(from..).and_then(|rest| rest.find("//")) {
        let at = from + found;
        let (Some(before), Some(rest)) = (address.get(..at + 2), address.get(at + 2..)) else { break };
        let host = rest.split('/').next().unwrap_or_default();
        if let Some((user, _)) = host.rsplit_once('@') {
            return format!("{before}{}", rest.get(user.len() + 1..).unwrap_or_default());
        }
        from = at + 1;
    }
    address.to_owned()
}

#[cfg(test)]
mod tests {
    use super::{outbox_of, places_of, plain};

    #[test]
    fn a_key_is_written_as_in_javascript() {
        for (key, name) in [
            ("ann prices", "everwire ann%20prices "),
            ("50%\n\u{feff}\u{85}\u{3000}é", "everwire 50%25%0A%EF%BB%BF\u{85}%E3%80%80é "),
        ] {
            assert_eq!(places_of(key), name);
        }
        assert_eq!(outbox_of("a\tb"), "everwire-outbox a%09b\n");
    }

    /// Each as `plain` of pkg-template/progress.js has it: pages that have both clients share what is stored.
    #[test]
    fn a_plain_address_has_no_secrets() {
        for (address, expected) in [
            ("wss://example.com/live?token=x#y", "wss://example.com/live"),
            ("/live#a?b", "/live"),
            ("https://me:word@example.com/a@b", "https://example.com/a@b"),
            ("https://me@home@example.com", "https://example.com"),
            ("///me@example.com/x", "///example.com/x"),
            ("/a//b@c/d", "/a//c/d"),
            ("https://example.com/a?//b@c", "https://example.com/a"),
            ("", ""),
        ] {
            assert_eq!(plain(address), expected, "{address}");
        }
    }
}

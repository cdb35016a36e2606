//! Where something stands in a message.

use std::{
    fmt,
    hash::{Hash, Hasher},
    rc::Rc,
};

use super::Message;

/// Whether a message is what is asked for.
pub(crate) type Is = Box<dyn Fn(&Message) -> bool>;

/// Where something stands in a message: under a key or a path, or where a function of the app's finds it.
pub(crate) enum Reads<T> {
    /// With what reads it there: an app that names no path has none of the code.
    At(String, fn(&Message, &str) -> T),
    By(Rc<dyn Fn(&Message) -> T>),
}

impl<T> Reads<T> {
    pub(crate) fn by(reads: impl Fn(&Message) -> T + 'static) -> Self {
        Self::By(Rc::new(reads))
    }

    pub(crate) fn read(&self, message: &Message) -> T {
        match self {
            Self::At(path, read) => read(message, path),
            Self::By(read) => read(message),
        }
    }
}

impl<T> Clone for Reads<T> {
    fn clone(&self) -> Self {
        match self {
            Self::At(path, read) => Self::At(path.clone(), *read),
            Self::By(reads) => Self::By(Rc::clone(reads)),
        }
    }
}

/// Two functions are the same if one is a clone of the other.
impl<T> PartialEq for Reads<T> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::At(one, _), Self::At(other, _)) => one == other,
            (Self::By(one), Self::By(other)) => Rc::ptr_eq(one, other),
            (Self::At(..), Self::By(_)) | (Self::By(_), Self::At(..)) => false,
        }
    }
}

impl<T> Eq for Reads<T> {}

impl<T> fmt::Debug for Reads<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(path, _) => path.fmt(f),
            Self::By(_) => f.write_str("a function"),
        }
    }
}

/// A type of messages that means something. With what tells it: an app that names none does not read types.
#[derive(Clone)]
pub(crate) struct Kind {
    pub(crate) name: String,
    is: fn(&Message, &str) -> bool,
}

impl Kind {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), is: |message, name| message.kind() == name }
    }

    pub(crate) fn is(&self, message: &Message) -> bool {
        (self.is)(message, &self.name)
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Kind {}

impl Hash for Kind {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)
    }
}

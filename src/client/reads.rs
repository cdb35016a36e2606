//! Where something stands in a message.

use std::{fmt, rc::Rc};

use super::Message;

/// Whether a message is what is asked for.
pub(crate) type Is = Box<dyn Fn(&Message) -> bool>;

/// Where something stands in a message: under a key or a path, or where a function of the app's finds it.
pub(crate) enum Reads<T> {
    At(String),
    By(Rc<dyn Fn(&Message) -> T>),
}

impl<T> Reads<T> {
    pub(crate) fn by(reads: impl Fn(&Message) -> T + 'static) -> Self {
        Self::By(Rc::new(reads))
    }
}

impl<T> Clone for Reads<T> {
    fn clone(&self) -> Self {
        match self {
            Self::At(path) => Self::At(path.clone()),
            Self::By(reads) => Self::By(Rc::clone(reads)),
        }
    }
}

/// Two functions are the same if one is a clone of the other.
impl<T> PartialEq for Reads<T> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::At(one), Self::At(other)) => one == other,
            (Self::By(one), Self::By(other)) => Rc::ptr_eq(one, other),
            (Self::At(_), Self::By(_)) | (Self::By(_), Self::At(_)) => false,
        }
    }
}

impl<T> Eq for Reads<T> {}

impl<T> fmt::Debug for Reads<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(path) => path.fmt(f),
            Self::By(_) => f.write_str("a function"),
        }
    }
}

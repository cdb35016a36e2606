//! What the clients of one page share.

use std::cell::{OnceCell, RefCell};

use super::page;

/// What may be the last that runs on a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parting {
    /// It is left: for good, or for the back/forward cache.
    Left,
    /// It came back from there.
    Back,
    /// It is hidden or shown. Hidden is the last that a phone says of a page.
    Seen,
}

#[derive(Default)]
pub(crate) struct PerPage {
    owner: OnceCell<String>,
    taken: RefCell<Vec<String>>,
}

impl PerPage {
    /// Of this page's clients, for other pages: a lock of this name is held while one of them lives.
    pub(crate) fn owner(&self) -> &str {
        self.owner.get_or_init(fresh_id)
    }

    /// Two clients at one place would go on from each other's. False: another one has it.
    pub(crate) fn take(&self, place: &str) -> bool {
        let mut taken = self.taken.borrow_mut();
        let free = !taken.iter().any(|other| other == place);
        if free {
            taken.push(place.to_owned());
        }
        free
    }

    pub(crate) fn is_taken(&self, place: &str) -> bool {
        self.taken.borrow().iter().any(|other| other == place)
    }

    pub(crate) fn leave(&self, place: &str) {
        self.taken.borrow_mut().retain(|other| other != place);
    }
}

/// An id that nobody can guess, also not from earlier ones.
pub(crate) fn fresh_id() -> String {
    format!("{:016x}{:016x}", page::secret(), page::secret())
}

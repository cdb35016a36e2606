//! A message's sequence number.

/// What [`Resume::with_seq_of`](crate::options::Resume::with_seq_of) finds in a message: its number, or the first and the last of the
/// several that it stands for, and what they count in.
///
/// ```
/// use everwire::options::{Resume, Sequence};
/// #[derive(serde::Deserialize)]
/// struct Update { first: u64, last: u64 }
/// let resume = Resume::new().with_seq_of(|message| {
///     let update: Update = message.json().ok()?;
///     Some(Sequence::range(update.first, update.last))
/// });
/// # let _ = resume;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Sequence {
    pub(crate) first: Option<u64>,
    pub(crate) last: Option<u64>,
    pub(crate) epoch: Option<String>,
}

/// One above the largest number that there may be: 10^19, as in JavaScript.
const END: u64 = 10_000_000_000_000_000_000;

impl Sequence {
    /// One number, below 10^19.
    pub const fn new(number: u64) -> Self {
        Self { first: None, last: Some(number), epoch: None }
    }

    /// A message that stands for all numbers from `first` to `last`: it is held back when all of them came, and delivered whole when a
    /// part did.
    pub const fn range(first: u64, last: u64) -> Self {
        Self { first: Some(first), last: Some(last), epoch: None }
    }

    /// What the number counts in, where the server begins anew: at most 4 000 characters. Numbers of another epoch say nothing about
    /// those of this one.
    pub fn with_epoch(mut self, epoch: impl Into<String>) -> Self {
        self.epoch = Some(epoch.into());
        self
    }

    /// No number can be so.
    pub(crate) fn is_odd(&self) -> bool {
        let beyond = |number: Option<u64>| number.is_some_and(|number| number >= END);
        beyond(self.last) || self.first.is_some_and(|first| Some(first) > self.last)
    }
}

impl From<u64> for Sequence {
    fn from(number: u64) -> Self {
        Self::new(number)
    }
}

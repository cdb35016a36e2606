//! Who a reply belongs to: to the request that has its id and was sent, or to one that is over, whose reply is late. What
//! others say with the same id is neither.
//!
//! A request is a message of the outbox whose settling is the reply: its time, its losses, its abort are a send's. What is
//! here is what the outbox does not keep: how many replies may still come for those that are over.

/// Of so many requests that are over a late reply is recognized.
const REMEMBERED: usize = 1_024;

/// A message that is a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Question {
    /// Stands for its id.
    pub(crate) key: u64,
    /// Nobody else has had this id before, so nobody's message is held back for its sake.
    pub(crate) own: bool,
    /// When its connection is lost it is asked again on the next one; else nobody knows what became of it.
    pub(crate) again: bool,
}

/// Of requests that are over: their keys, and how many replies may come. It was sent so often.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Late(Vec<(u64, u32)>);

impl Late {
    /// It is over, and so many replies have not come.
    pub(crate) fn add(&mut self, question: Question, replies: u32) {
        if !question.own || replies == 0 {
            return;
        }
        if self.0.len() == REMEMBERED {
            self.0.remove(0);
        }
        self.0.push((question.key, replies));
    }

    /// Whether this is one of them.
    pub(crate) fn takes(&mut self, key: u64) -> bool {
        let Some(at) = self.0.iter().position(|(other, _)| *other == key) else { return false };
        if let Some((_, replies)) = self.0.get_mut(at) {
            *replies -= 1;
            if *replies == 0 {
                self.0.remove(at);
            }
        }
        true
    }

    #[cfg(all(test, not(target_arch = "wasm32")))]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// What a message is that carries the id of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// Of no request: it is a message as any other.
    None = 0,
    /// Of one that is over.
    Late = 1,
    /// Its request is settled by it.
    Awaited = 2,
}

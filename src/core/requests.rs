//! Decides to which request a reply belongs: to one that was sent and has its id, or to one that is over, whose reply is late.
//! A message of somebody else with the same id is no reply.
//!
//! A request is a message of the outbox that a reply settles; it times out, is lost and is aborted like any send. This file keeps
//! what the outbox does not: how many replies may still come for requests that are over.

/// Late replies are recognised for so many requests that are over.
const REMEMBERED: usize = 1_024;

/// A message that is a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Question {
    /// A number that stands for the request's id.
    pub(crate) key: u64,
    /// everwire made the id, so no other message has it, and a late reply can be held back.
    pub(crate) own: bool,
    /// If its connection is lost, it is sent again on the next one; otherwise its outcome is unknown.
    pub(crate) again: bool,
}

/// The keys of requests that are over, and how many replies may still come for each: as many as it was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Late(Vec<(u64, u32)>);

impl Late {
    /// A request is over, and so many of its replies have not come.
    pub(crate) fn add(&mut self, question: Question, replies: u32) {
        if !question.own || replies == 0 {
            return;
        }
        if self.0.len() == REMEMBERED {
            self.0.remove(0);
        }
        self.0.push((question.key, replies));
    }

    /// Whether a message with this key is such a late reply.
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

/// What a message with the id of a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// It belongs to no request, and is a message like any other.
    None = 0,
    /// It is the late reply of a request that is over.
    Late = 1,
    /// It settles its request.
    Awaited = 2,
}
